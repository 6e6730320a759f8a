"""A line over ConversationRelay: Twilio hears and speaks, text goes both ways.

Twilio also decides when the caller breaks in, and falls silent by itself; it cannot be told to. What was sent before
we fall silent for a reason of our own is therefore marked so that our next words replace it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from services.voice.record.call_rows import ClaimedCall
from services.voice.record.notes import Ending
from services.voice.relay import messages
from services.voice.relay.relay_hearing import RelayHearing
from services.voice.relay.relay_session import RelaySession
from services.voice.relay.spoken_text import SpokenText
from services.voice.session.line import Caller, Hold, Saying
from services.voice.transport.media_socket import SocketClosed
from services.voice.transport.media_stream import StreamEnd
from shared.clock import Clock
from shared.contracts.calls import Handoff
from shared.contracts.relay import Transport, with_region
from shared.conversation.ports import Sentence
from shared.rates.usage import CONVERSATION_RELAY
from shared.task_group import TaskSet


class RelaySentence:
    """A sentence for Twilio to speak."""

    def __init__(
        self, line: RelayLine, turn: int, sentence: Sentence, now: float, *, recording: str | None = None
    ) -> None:
        self.turn = turn
        self.text = sentence.text
        self.recording = recording
        """Where a person's recording of it is: Twilio plays that."""
        self.is_notice = sentence.is_notice
        self.sent_at = now
        self.sounded_at: float | None = None
        """When Twilio said that it began to speak, or when the text left for it."""
        self._line = line

    @property
    def began_at(self) -> float | None:
        return self.sounded_at

    async def play(self, hold: Hold) -> None:
        await hold()
        await self._line.send(self)


class RelayLine:
    """The words and the speech of one relay session."""

    transport = Transport.CONVERSATION_RELAY
    product = CONVERSATION_RELAY
    kept_characters = 0
    """Twilio speaks, and its speech is in the price of the session's time."""

    def __init__(self, session: RelaySession, claimed: ClaimedCall, clock: Clock, *, protects_notice: bool) -> None:
        """`protects_notice`: the sentence that an AI answers is said to its end."""
        self._words = RelayHearing(clock)
        self._session = session
        self._protects_notice = protects_notice
        self._generation = claimed.generation
        self._profile = claimed.profile
        self._words_interrupt = claimed.profile.relay.interruptible in ("speech", "any")
        self._hears_all = claimed.profile.relay.hears_all(claimed.profile.codes)
        self._clock = clock
        self._greeted = session.is_greeted
        """Twilio speaks the first turn by itself: its text stood in the TwiML."""
        self._greeting: int | None = None
        """The turn that Twilio speaks by itself."""
        self._spoken = SpokenText()
        self._open: int | None = None
        """The turn whose talk cycle waits for its end."""
        self._awaited: RelaySentence | None = None
        """The first sentence of the newest turn, until it sounds."""
        self._news = asyncio.Event()
        self._going = asyncio.Event()
        """Cleared while nothing more may be sent."""
        self._going.set()
        self._closing = TaskSet("relay")
        self._is_told = False
        """Whether Twilio has ever said how far its speech has come."""
        self._caller: Caller | None = None

    @property
    def hearing(self) -> RelayHearing:
        return self._words

    async def run(self, caller: Caller) -> StreamEnd:
        self._caller = caller
        end = await self._session.run(self)
        await self._words.taken()  # what was being said when the caller hung up comes last of all
        return end

    # What the session brings.

    def prompt(self, words: str, *, last: bool, language: str) -> None:
        """The caller's words.

        Twilio falls silent for words and says so: where it tells nothing else, words without that came into silence.
        """
        if self._words_interrupt and not self._is_told:
            self._spoken.finished()
        self._words.prompt(words, last=last, language=language if self._hears_all else "")

    async def interrupted(self, spoken: str | None) -> None:
        """Twilio fell silent for the caller."""
        self._spoken.cut(spoken, self._clock.monotonic())
        if self._greeting is None:
            self._greeted = False  # cut before we could count it: then it is ours to say
        if self._caller is not None:
            self._caller.silenced_us()
        await self._end_cycle()

    def key(self, digit: str) -> None:
        """A key of the telephone."""
        if self._caller is not None:
            self._caller.pressed(digit)

    def played(self, words: str) -> None:
        """Twilio has spoken these words of ours."""
        self._is_told = True
        self._spoken.played(words, self._clock.monotonic())
        self._news.set()
        if self._caller is not None:
            self._caller.heard_more()

    def we_speak(self, *, begins: bool) -> None:
        """Twilio's voice began or stopped; an end before this turn's beginning is that of the turn before."""
        now = self._clock.monotonic()
        self._is_told = True
        if begins:
            if self._awaited is not None:
                self._awaited.sounded_at, self._awaited = now, None
                self._spoken.began(now)
        elif self._open is None and self._awaited is None:
            self._spoken.stopped(now)
        self._news.set()

    def caller_makes_sounds(self) -> None:
        """Something that may become words."""
        self._words.sound()

    # What we say.

    def prepare(self) -> None:
        """Twilio keeps its voice ready."""

    async def use_language(self, language: str) -> None:
        code = with_region(language)
        await self._session.send(messages.language(code, None if self._hears_all else code))

    async def begin(self, turn: int, sentence: Sentence) -> RelaySentence:
        recording = self._profile.recording_of(sentence.text) if sentence.is_fixed else None
        return RelaySentence(self, turn, sentence, self._clock.monotonic(), recording=recording)

    async def send(self, sentence: RelaySentence) -> None:
        """Have Twilio speak it, unless it does so already. Raises SocketClosed."""
        await self._going.wait()
        if self._greeted:
            self._greeted, self._greeting = False, sentence.turn
        is_first = self._open != sentence.turn
        if sentence.turn != self._greeting:
            self._open = sentence.turn
            may_be_cut = False if self._protects_notice and sentence.is_notice else None
            if sentence.recording is not None:
                await self._session.send(messages.play(sentence.recording, interruptible=may_be_cut))
            else:
                await self._session.send(messages.text(f"{sentence.text} ", preemptible=True, interruptible=may_be_cut))
        now = self._clock.monotonic()
        sentence.sent_at = sentence.sounded_at = now
        self._spoken.sent(sentence.turn, sentence.text, now, is_notice=sentence.is_notice)
        if is_first:
            self._awaited = sentence

    async def _end_cycle(self) -> None:
        """The talk cycle is complete, or nothing more of it will come; a caller who is gone does not mind."""
        if self._open is not None:
            self._open = None
            with suppress(SocketClosed):
                await self._session.send(messages.text("", last=True))

    async def until_played(self, turn: int) -> None:
        await self._end_cycle()
        while not self._spoken.is_played(turn) and (left := self._spoken.over_at - self._clock.monotonic()) > 0:
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()

    def heard(self, turn: int, now: float) -> str:
        return self._spoken.heard(turn, now)

    def heard_whole(self, turn: int, now: float) -> bool:
        return self._spoken.heard_whole(turn, now)

    def saying(self, turn: int, now: float) -> Saying:
        return self._spoken.saying(turn, now)

    def is_sounding(self, now: float) -> bool:
        return self._spoken.is_sounding(now)

    @property
    def is_paused(self) -> bool:
        return not self._going.is_set()

    async def pause(self) -> None:
        """Twilio goes on with what it has, or falls silent by itself; it gets no more."""
        self._going.clear()

    def resume(self) -> None:
        self._going.set()

    async def clear(self) -> None:
        self._take_back()
        await self._end_cycle()

    def drop(self) -> None:
        self._take_back()
        self._closing.start(self._end_cycle(), "end of cycle")

    def _take_back(self) -> None:
        self._spoken.cut(None, self._clock.monotonic())
        self._going.set()

    async def forget(self) -> None:
        """What was not sent was never begun."""

    def can_say(self, text: str) -> bool:
        """Twilio's voice does not depend on whatever failed here."""
        return bool(text)

    async def close(self) -> None:
        await self._words.close()
        await self._closing.close()

    async def hand_back(self, ending: Ending) -> None:
        if ending.next_step is None or ending.outcome is None:
            return  # not finished: a session that we only close is one that failed, and is connected again
        handoff = Handoff(generation=self._generation, next_step=ending.next_step, outcome=ending.outcome)
        with suppress(SocketClosed):
            await self._session.send(messages.end(handoff.model_dump_json()))
