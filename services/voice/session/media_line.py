"""A line over Media Streams: we hear and speak ourselves, and sound goes both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from services.voice.hearing.dialect import Recogniser
from services.voice.hearing.ports import Hearing
from services.voice.playout.heard_ledger import Segment
from services.voice.playout.playout import Playout
from services.voice.record.notes import Ending
from services.voice.session.line import Caller, Hold, Saying
from services.voice.speech.ports import Voiced
from services.voice.speech.voice import Voice
from services.voice.transport.media_stream import MediaStream, StreamEnd
from shared.clock import Clock
from shared.contracts.relay import Transport
from shared.conversation.ports import Sentence
from shared.rates.usage import MEDIA_STREAMS


@dataclass(frozen=True, slots=True)
class MediaSentence:
    """A sentence, its sound, and what was played of it."""

    segment: Segment
    voiced: Voiced
    playout: Playout

    @property
    def sent_at(self) -> float:
        return self.voiced.sent_at

    @property
    def sounded_at(self) -> float | None:
        return self.voiced.sounded_at

    @property
    def began_at(self) -> float | None:
        return self.segment.began_at

    async def play(self, hold: Hold) -> None:
        await self.playout.play(self.segment, _Held(self.voiced, hold))


@dataclass(frozen=True, slots=True)
class Tongue:
    """What one language is heard and spoken with."""

    recogniser: Recogniser
    voice: Voice


class MediaLine:
    """The ears, the voice and the playout of one media stream."""

    transport = Transport.MEDIA_STREAMS
    product = MEDIA_STREAMS

    def __init__(
        self, stream: MediaStream, hearing: Hearing, voice: Voice, clock: Clock, tongue_of: Callable[[str], Tongue]
    ) -> None:
        """`tongue_of` makes what a language of the agent's is heard and spoken with."""
        self._tongue_of = tongue_of
        self._left: list[Voice] = []
        """The voices of languages that were left; what they speak may still be on its way."""
        self._hearing = hearing
        self._stream = stream
        self._voice = voice
        self._playout = Playout(stream, voice.pace, clock)

    @property
    def hearing(self) -> Hearing:
        return self._hearing

    @property
    def kept_characters(self) -> int:
        return sum(voice.kept_characters for voice in (self._voice, *self._left))

    async def run(self, caller: Caller) -> StreamEnd:
        return await self._stream.run(_Frames(self._hearing, self._playout, caller))

    def prepare(self) -> None:
        self._voice.prepare()

    async def use_language(self, language: str) -> None:
        tongue = self._tongue_of(language)
        self._left.append(self._voice)
        self._voice = tongue.voice
        self._playout.ledger.spoken_at(tongue.voice.pace)
        self._hearing.hear_with(tongue.recogniser)
        self._voice.prepare()

    async def begin(self, turn: int, sentence: Sentence) -> MediaSentence:
        segment = self._playout.ledger.queue(turn, sentence.text, is_notice=sentence.is_notice)
        return MediaSentence(segment, await self._voice.begin(sentence), self._playout)

    async def until_played(self, turn: int) -> None:
        await self._playout.until_played(turn)

    def heard(self, turn: int, now: float) -> str:
        return self._playout.ledger.heard(turn, now)

    def heard_whole(self, turn: int, now: float) -> bool:
        return self._playout.ledger.heard_whole(turn, now)

    def saying(self, turn: int, now: float) -> Saying:
        ledger = self._playout.ledger
        sentence = ledger.speaking_at(now)
        return Saying(
            words=ledger.begun(turn, now),
            sentence=sentence.text if sentence is not None else "",
            is_notice=sentence is not None and sentence.is_notice,
            has_more=self._playout.has_more(now),
        )

    def is_sounding(self, now: float) -> bool:
        return self._playout.ledger.lead(now) > 0

    @property
    def is_paused(self) -> bool:
        return self._playout.is_paused

    async def pause(self) -> None:
        await self._playout.pause()

    def resume(self) -> None:
        self._playout.resume()

    async def clear(self) -> None:
        await self._playout.clear()

    def drop(self) -> None:
        self._playout.drop()

    async def forget(self) -> None:
        await self._voice.stop()

    def can_say(self, text: str) -> bool:
        return self._voice.kept(text)

    async def close(self) -> None:
        await asyncio.gather(self._hearing.close(), *(voice.close() for voice in (self._voice, *self._left)))

    async def hand_back(self, ending: Ending) -> None:
        """A media stream has no last word: what follows is read from the record."""


class _Frames:
    """What the stream brings: called for each frame, so nothing here may wait."""

    def __init__(self, hearing: Hearing, playout: Playout, caller: Caller) -> None:
        self._caller = caller
        self._playout = playout
        self.audio = hearing.hear

    def mark(self, name: str) -> None:
        if self._playout.echoed(name):
            self._caller.heard_more()

    def digit(self, digit: str) -> None:
        self._caller.pressed(digit)


class _Held:
    """A sentence's sound, whose first piece is held back while the caller speaks."""

    def __init__(self, voiced: Voiced, hold: Hold) -> None:
        self._voiced = voiced
        self._hold: Hold | None = hold

    @property
    def total(self) -> int | None:
        return self._voiced.total

    def characters_within(self, count: int) -> int | None:
        return self._voiced.characters_within(count)

    async def read(self, most: int) -> bytes:
        audio = await self._voiced.read(most)
        hold, self._hold = self._hold, None
        if hold is not None:
            await hold()
        return audio
