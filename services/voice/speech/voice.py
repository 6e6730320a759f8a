"""The voice of one call: kept audio for fixed sentences, the provider for all others, and one more try.

A sentence that breaks off is taken up again at the last whole word that was delivered, so that nothing is heard twice.
"""

from __future__ import annotations

from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.pace import Pace, words_within
from services.voice.speech.ports import Speaker, SpeechUnavailable, Voiced
from shared.clock import Clock
from shared.conversation.ports import Sentence
from shared.observability.logs import get_logger

log = get_logger(__name__)


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


class SpokenSentence:
    """A sentence the provider speaks; a second try takes up where the first broke off."""

    def __init__(self, voice: Voice, sentence: Sentence, voiced: Voiced | SpeechUnavailable) -> None:
        self._voice = voice
        self._sentence = sentence
        self._voiced = voiced
        self._audio = bytearray() if sentence.is_fixed else None
        self._delivered = 0
        self._delivered_before = 0
        """By the first try."""
        self._tried_again = False
        self.sent_at = voiced.sent_at if not isinstance(voiced, SpeechUnavailable) else voice.now()
        self.sounded_at: float | None = None

    @property
    def total(self) -> int | None:
        if isinstance(self._voiced, SpeechUnavailable) or self._voiced.total is None:
            return None
        return self._delivered_before + self._voiced.total

    async def read(self, most: int) -> bytes:
        while True:
            try:
                piece = await self._read_once(most)
            except SpeechUnavailable as problem:
                if self._tried_again:
                    raise
                self._tried_again = True
                log.warning("speech_tried_again", reason=problem.detail, position=self._delivered)
                rest = self._rest()
                if not rest:
                    return b""
                self._delivered_before = self._delivered
                self._audio = None  # two halves are not worth keeping
                self._voiced = await self._voice.begun(rest)
                continue
            if piece:
                self._delivered += len(piece)
                if self._audio is not None:
                    self._audio += piece
            elif self._audio is not None:
                self._voice.keep(self._sentence.text, bytes(self._audio))
            return piece

    async def _read_once(self, most: int) -> bytes:
        if isinstance(self._voiced, SpeechUnavailable):
            raise self._voiced
        piece = await self._voiced.read(most)
        if self.sounded_at is None:
            self.sounded_at = self._voiced.sounded_at
        return piece

    def _rest(self) -> str:
        """What has not been delivered yet, from the word that was cut."""
        text = self._sentence.text
        return text[len(words_within(text, int(self._delivered / self._voice.pace.bytes_per_character))) :].strip()


class Voice:
    """Gives each sentence of a call its sound."""

    def __init__(self, speaker: Speaker, name: str, cache: AudioCache, pace: Pace, clock: Clock) -> None:
        """`name` is the provider's name of the voice, under which audio is kept."""
        self.pace = pace
        self._speaker = speaker
        self._name = name
        self._cache = cache
        self._clock = clock

    def now(self) -> float:
        """The call's monotonic clock."""
        return self._clock.monotonic()

    def prepare(self) -> None:
        """Something will be said soon."""
        self._speaker.prepare()

    async def begin(self, sentence: Sentence) -> KeptSentence | SpokenSentence:
        """The sentence's sound; a provider that fails is noticed when it is read."""
        audio = self._cache.get(self._name, sentence.text) if sentence.is_fixed else None
        if audio is not None:
            return KeptSentence(audio, self.now())
        return SpokenSentence(self, sentence, await self.begun(sentence.text))

    async def begun(self, text: str) -> Voiced | SpeechUnavailable:
        """The provider's sound, or why there is none."""
        try:
            return await self._speaker.begin(text)
        except SpeechUnavailable as problem:
            return problem

    def kept(self, text: str) -> bool:
        """Whether this fixed sentence can be played without the provider."""
        return self._cache.get(self._name, text) is not None

    def keep(self, text: str, audio: bytes) -> None:
        """Keep the complete audio of a fixed sentence."""
        self._cache.keep(self._name, text, audio)

    async def stop(self) -> None:
        """Forget what was begun."""
        await self._speaker.stop()

    async def close(self) -> None:
        """The call is over."""
        await self._speaker.close()
