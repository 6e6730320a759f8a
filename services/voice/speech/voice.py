"""The voice of one call: kept audio for fixed sentences, a provider for all others, and the next when it fails.

A sentence that breaks off is taken up at the last whole word that was delivered, so that nothing is heard twice. A
provider that failed in this call goes to the end of the line for a while, and so does one that other calls have found
unwell; with nobody else in the line it is simply tried once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.pace import Pace, words_within
from services.voice.speech.ports import Speaker, SpeechUnavailable, Voiced
from services.voice.speech.standing import Standing
from shared.clock import Clock
from shared.contracts.agents import VoicePreference
from shared.conversation.ports import Sentence
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.rates.usage import Meter, Product, Unit

log = get_logger(__name__)

MOST_TRIES: Final = 3
"""For one sentence, however many voices an agent has."""
SILENT_S: Final = 1.6
"""Without a sound for this long no further try is begun: with its own first second it would be a silence of 2.5 s."""
REST_S: Final = 30.0
"""How long a provider that failed in a call is asked last in it: a voice that changes to and fro is worse than one that
has changed."""


@dataclass(slots=True)
class Candidate:
    """One voice that may speak."""

    speaker: Speaker
    pace: Pace
    standing: Standing
    product: Product
    """What speaking with it is billed as, by characters."""
    rests_until: float = field(default=0.0)
    """On the call's monotonic clock."""


def in_order(line: Sequence[Candidate], preference: VoicePreference, now: float) -> list[Candidate]:
    """Whom to ask, first to last. Pure.

    Those who are well come before those who are not; within that it is the profile's order for quality, and the
    measured first sound for latency.
    """

    def key(place: int) -> tuple[bool, bool, float]:
        candidate = line[place]
        wish = candidate.standing.first_sound_s if preference is VoicePreference.LATENCY else place
        return now < candidate.rests_until, not candidate.standing.is_well, wish

    return [line[place] for place in sorted(range(len(line)), key=key)]


class KeptSentence:
    """A sentence whose audio was there already."""

    def __init__(self, audio: bytes, now: float) -> None:
        self.sent_at = now
        self.sounded_at: float | None = now
        self.total: int | None = len(audio)
        self._audio = memoryview(audio)

    async def read(self, most: int) -> bytes:
        piece = bytes(self._audio[:most])
        self._audio = self._audio[most:]
        return piece

    def characters_within(self, count: int) -> int | None:  # noqa: ARG002
        return None


class _Try:
    """What one provider speaks of a sentence."""

    def __init__(self, candidate: Candidate, voiced: Voiced | SpeechUnavailable, text: str) -> None:
        self.candidate = candidate
        self.voiced = voiced
        self.text = text
        self.delivered = 0

    @property
    def total(self) -> int | None:
        return None if isinstance(self.voiced, SpeechUnavailable) else self.voiced.total

    async def read(self, most: int) -> bytes:
        """Raises SpeechUnavailable."""
        if isinstance(self.voiced, SpeechUnavailable):
            raise self.voiced
        piece = await self.voiced.read(most)
        self.delivered += len(piece)
        return piece

    def spoken(self, count: int) -> int:
        """Characters of its text that its first `count` bytes speak, as far as that can be known."""
        timed = None if isinstance(self.voiced, SpeechUnavailable) else self.voiced.characters_within(count)
        return timed if timed is not None else int(count / self.candidate.pace.bytes_per_character)

    def rest(self) -> str:
        """What has not been delivered yet, from the word that was cut."""
        return self.text[len(words_within(self.text, self.spoken(self.delivered))) :].strip()


class SpokenSentence:
    """A sentence that providers speak; each further try takes up where the one before broke off."""

    def __init__(self, voice: Voice, sentence: Sentence, first: _Try) -> None:
        self._voice = voice
        self._sentence = sentence
        self._try = first
        self._tries = 1
        self._audio = bytearray() if sentence.is_fixed else None
        self._delivered_before = 0
        """By the tries that failed."""
        self.sent_at = voice.now() if isinstance(first.voiced, SpeechUnavailable) else first.voiced.sent_at
        self.sounded_at: float | None = None
        self._quiet_since: float | None = None
        """Since when its reader has waited in vain."""

    @property
    def total(self) -> int | None:
        total = self._try.total
        return None if total is None else self._delivered_before + total

    async def read(self, most: int) -> bytes:
        if self._quiet_since is None:
            self._quiet_since = self._voice.now()
        while True:
            try:
                piece = await self._try.read(most)
            except SpeechUnavailable as problem:
                if not await self._take_up(problem, self._quiet_since):
                    return b""
                continue
            self._quiet_since = None
            if piece:
                self._note(piece)
            elif self._audio is not None:
                self._voice.keep(self._try.candidate, self._sentence.text, bytes(self._audio))
            return piece

    def _note(self, piece: bytes) -> None:
        if self.sounded_at is None and not isinstance(self._try.voiced, SpeechUnavailable):
            self.sounded_at = self._try.voiced.sounded_at
        if self._audio is not None:
            self._audio += piece

    async def _take_up(self, problem: SpeechUnavailable, quiet_since: float) -> bool:
        """Have the rest spoken by the next in line; false when there is no rest. Raises the problem when all failed."""
        failed = self._try
        self._voice.failed(failed.candidate)
        rest = failed.rest()
        if not rest:
            return False
        if self._tries == self._voice.most_tries or self._voice.now() - quiet_since > SILENT_S:
            raise problem
        self._tries += 1
        self._delivered_before += failed.delivered
        self._audio = None  # two halves are not worth keeping
        self._try = await self._voice.tried(rest, problem)
        log.warning(
            "speech_tried_again",
            reason=problem.detail,
            provider=self._try.candidate.standing.provider,
            position=self._delivered_before,
        )
        metrics.speech_failovers_total.labels(
            provider=failed.candidate.standing.provider, next_provider=self._try.candidate.standing.provider
        ).inc()
        return True

    def characters_within(self, count: int) -> int | None:
        """Of the words as they were begun; None once more than one voice has spoken them."""
        if self._delivered_before or isinstance(self._try.voiced, SpeechUnavailable):
            return None
        return self._try.voiced.characters_within(count)


class Voice:
    """Gives each sentence of a call its sound."""

    def __init__(
        self,
        line: Sequence[Candidate],
        preference: VoicePreference,
        cache: AudioCache,
        recorded: Mapping[str, bytes],
        last_resort: Mapping[str, bytes],
        pace: Pace,
        clock: Clock,
        meter: Meter,
    ) -> None:
        """`line` are the agent's voices in its order.

        `recorded` are sentences that a person has recorded for the agent: they come before every voice. `last_resort`
        is what is played when no provider speaks.
        """
        self.pace = pace
        self._line = line
        self._preference = preference
        self._cache = cache
        self._recorded = recorded
        self._last_resort = last_resort
        self._clock = clock
        self._meter = meter
        self.kept_characters = 0
        """Spoken from audio that was there already, and not paid for."""

    @property
    def most_tries(self) -> int:
        """For one sentence: everybody in the line, and one more."""
        return min(MOST_TRIES, len(self._line) + 1)

    def now(self) -> float:
        """The call's monotonic clock."""
        return self._clock.monotonic()

    def _order(self) -> list[Candidate]:
        return in_order(self._line, self._preference, self.now())

    def prepare(self) -> None:
        """Something will be said soon."""
        for candidate in self._order()[:1]:
            candidate.speaker.prepare()

    async def begin(self, sentence: Sentence) -> KeptSentence | SpokenSentence:
        """The sentence's sound; a provider that fails is noticed when it is read. Raises SpeechUnavailable for none."""
        audio = self._kept(sentence.text) if sentence.is_fixed else None
        if audio is not None:
            self.kept_characters += len(sentence.text)
            return KeptSentence(audio, self.now())
        return SpokenSentence(self, sentence, await self.tried(sentence.text, SpeechUnavailable("there is no voice")))

    async def tried(self, text: str, otherwise: SpeechUnavailable) -> _Try:
        """The first in line speaks, or says why not. Raises `otherwise` when there is nobody."""
        for candidate in self._order()[:1]:
            candidate.standing.asked(text)
            try:
                voiced = await candidate.speaker.begin(text)
            except SpeechUnavailable as problem:
                return _Try(candidate, problem, text)
            self._meter.add(candidate.product, Unit.CHARACTERS, len(text))
            return _Try(candidate, voiced, text)
        raise otherwise

    def failed(self, candidate: Candidate) -> None:
        """This voice broke off in this call."""
        candidate.rests_until = self.now() + REST_S

    def _kept(self, text: str) -> bytes | None:
        """Audio that needs no provider.

        As a person has recorded it; in the agent's own voice; in another of its voices when that one must speak now
        anyway; and what was recorded for the hour in which nobody speaks.
        """
        if text in self._recorded:
            return self._recorded[text]
        for candidate in (*self._line[:1], *self._order()[:1]):
            audio = self._cache.get(candidate.speaker.name, text)
            if audio is not None:
                return audio
        return self._last_resort.get(text)

    def kept(self, text: str) -> bool:
        """Whether this fixed sentence can be played without a provider."""
        return self._kept(text) is not None

    def keep(self, candidate: Candidate, text: str, audio: bytes) -> None:
        """Keep the complete audio of a fixed sentence."""
        self._cache.keep(candidate.speaker.name, text, audio)

    async def stop(self) -> None:
        """Forget what was begun."""
        for candidate in self._line:
            await candidate.speaker.stop()

    async def close(self) -> None:
        """The call is over."""
        for candidate in self._line:
            await candidate.speaker.close()
