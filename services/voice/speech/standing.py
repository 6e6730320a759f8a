"""How a provider of speech is doing, as this process has seen it: who is asked first, and who is left alone."""

from __future__ import annotations

from typing import Final

from services.voice.provider_results import Capability, Result, count
from shared.clock import Clock
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

FAILURES: Final = 2
"""Failures in a row after which a provider is no longer asked first: one may be an accident."""
WEIGHT: Final = 0.2
"""Of a new figure in the running mean of the first sound: the last ten sentences or so."""


class Standing:
    """Of one provider. Success is sound that was heard to its end; an open socket is nothing yet."""

    def __init__(self, provider: str, first_sound_s: float, clock: Clock) -> None:
        """`first_sound_s` is what is expected before anything was measured."""
        self.provider = provider
        self.first_sound_s = first_sound_s
        """Running mean, in seconds."""
        self.heard_at = clock.monotonic()
        """When it was last heard, or first needed."""
        self._clock = clock
        self._failures = 0
        metrics.speech_well.labels(provider=provider).set(1)

    @property
    def is_well(self) -> bool:
        """Whether it may be asked first."""
        return self._failures < FAILURES

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
        if not self.is_well:
            log.info("speech_is_back", provider=self.provider)
            metrics.speech_well.labels(provider=self.provider).set(1)
        self._failures = 0

    def failed(self, result: Result) -> None:
        """A sentence was not spoken, or not to its end."""
        count(self.provider, Capability.SPEECH, result)
        self.shunned(for_good=result is Result.REFUSED)

    def shunned(self, *, for_good: bool) -> None:
        """It let us down in a way that is counted already; `for_good` when it will say no again."""
        was_well = self.is_well
        self._failures += FAILURES if for_good else 1
        if was_well and not self.is_well:
            log.warning("speech_is_unwell", provider=self.provider)
            metrics.speech_well.labels(provider=self.provider).set(0)
