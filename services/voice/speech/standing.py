"""How a provider of speech is doing: who is asked first, and who only when nobody else is left."""

from __future__ import annotations

from typing import Final

from services.voice.provider_results import Capability, Result, count
from shared.clock import Clock
from shared.observability import metrics
from shared.resilience.breaker import Breaker
from shared.resilience.circuit import Rules

RULES: Final = Rules(failures=2, leftovers_s=0)
"""One failure may be an accident; after the second in a row a provider is no longer asked first. It is still asked
last, so that what it speaks then is news."""
WEIGHT: Final = 0.2
"""Of a new figure in the running mean of the first sound: the last ten sentences or so."""


class Standing:
    """Of one provider. Success is sound that was heard to its end; an open socket is nothing yet."""

    def __init__(self, provider: str, first_sound_s: float, clock: Clock, breaker: Breaker | None = None) -> None:
        """`first_sound_s` is what is expected before anything was measured; without `breaker` it has its own."""
        self.provider = provider
        self.first_sound_s = first_sound_s
        """Running mean, in seconds."""
        self.heard_at = clock.monotonic()
        """When it was last heard, or first needed."""
        self._clock = clock
        self._breaker = breaker or Breaker(provider, clock, RULES)

    @property
    def is_well(self) -> bool:
        """Whether it may be asked first."""
        return self._breaker.is_closed

    def asked(self, text: str) -> None:
        """A sentence leaves for it, and will be paid for."""
        metrics.speech_characters_total.labels(provider=self.provider).inc(len(text))

    def sounded(self, after_s: float) -> None:
        """The first audible sample of a sentence came this long after its text had left."""
        self.heard_at = self._clock.monotonic()
        self.first_sound_s += WEIGHT * (after_s - self.first_sound_s)
        metrics.speech_first_sound_seconds.labels(provider=self.provider).observe(after_s)

    def succeeded(self) -> None:
        """A sentence was spoken to its end."""
        count(self.provider, Capability.SPEECH, Result.OK)
        self._breaker.succeeded()

    def failed(self, result: Result) -> None:
        """A sentence was not spoken, or not to its end."""
        count(self.provider, Capability.SPEECH, result)
        self._breaker.failed(result.value, sure=result is Result.REFUSED)

    def shunned(self, *, for_good: bool) -> None:
        """It let us down in a way that is counted already; `for_good` when it will say no again."""
        self._breaker.failed((Result.REFUSED if for_good else Result.ERROR).value, sure=for_good)
