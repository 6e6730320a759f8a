"""One call's straight road: its caller's line, and the conversation over it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum, auto
from typing import Final, NoReturn, TypeVar

from services.voice.conversations import Carried
from services.voice.hearing.end_of_turn import Expects, TurnSoFar
from services.voice.hearing.ports import Heard
from services.voice.record.call_rows import ClaimedCall
from services.voice.record.notes import CallKey, Ending, SessionNote, Standing, TurnNote
from services.voice.record.recorder import Recorder
from services.voice.session import stages
from services.voice.session.ahead import Ahead
from services.voice.session.barge_in import BargeIn, has_words
from services.voice.session.line import Line
from services.voice.session.listening import CannotHear, Listening, Said
from services.voice.session.meanwhile import Meanwhile, Waiting
from services.voice.session.silence import CallLimits, patience, silent_until
from services.voice.session.speaking import Road, Speaking
from services.voice.session.turns import Turns
from services.voice.speech.apologies import Apologies, apologies_in
from services.voice.transport.media_socket import SocketClosed
from services.voice.transport.media_stream import StreamEnd
from shared.clock import Clock
from shared.contracts import calls
from shared.conversation.ports import NextStep, Provenance, Reply, Sentence
from shared.conversation.reply import SpokenReply
from shared.conversation.state import ConversationState
from shared.conversation.understanding import backchannels
from shared.conversation.understanding.languages import words_of
from shared.degradation.levels import Level
from shared.observability.logs import get_logger
from shared.rates.usage import Meter, Unit

log = get_logger(__name__)
Result = TypeVar("Result")

MOST_FAREWELLS: Final = 3
"""How often a caller may talk over the end of the longest call before the line is let go all the same."""
MOST_KEYS: Final = 8
"""Keys that wait to be answered; who presses more is playing."""
STORED_WITHIN_S: Final = 3.0
"""How long a finished call waits for the record before its line is let go."""


class _Moment(StrEnum):
    """What happened instead of words."""

    SILENCE = auto()
    TIME_IS_SHORT = auto()
    TIME_IS_UP = auto()


class _Apology:
    """A sentence of the telephone itself, as a reply; the conversation knows nothing of it."""

    def __init__(self, text: str, phase: str) -> None:
        self.provenance = Provenance(phase=phase)
        self._text = text

    async def __aiter__(self) -> AsyncGenerator[Sentence]:
        yield Sentence(self._text, is_fixed=True)


@dataclass(frozen=True, slots=True)
class CallParts:
    """What one call is made of."""

    claimed: ClaimedCall
    line: Line
    conversation: Carried
    recorder: Recorder
    limits: CallLimits
    protects_notice: bool
    answers_ahead: bool
    """Whether a model may be asked before the caller's turn is decided."""
    acknowledges_after_s: float
    """How long a caller waits in silence before they are told that we are looking; 0 for ever."""
    clock: Clock
    meter: Meter
    """What everything of this call uses; given to all of its parts."""


class Call:
    """Carries one call from its first word to the record of its end."""

    def __init__(self, parts: CallParts) -> None:
        self._claimed = parts.claimed
        self._line = parts.line
        self._conversation = parts.conversation
        self._assistant = parts.conversation.assistant
        self._recorder = parts.recorder
        self._limits = parts.limits
        self._clock = parts.clock
        self._key = CallKey(
            parts.claimed.call_id, parts.claimed.conversation_id, parts.claimed.generation, parts.claimed.call_sid
        )
        self._language = parts.conversation.assistant.language
        """What the line hears and speaks."""
        self._turns = Turns(parts.claimed.first_turn, parts.clock)
        self._barge_in = BargeIn(parts.line, parts.clock, self._only_listens, protects_notice=parts.protects_notice)
        self._meanwhile = Meanwhile(self._language, parts.acknowledges_after_s)
        self._ahead = Ahead(self._assistant, parts.conversation.searches, parts.clock, answers=parts.answers_ahead)
        self._listening = Listening(
            parts.line.hearing,
            parts.clock,
            self._expects,
            self._on_report,
            self._on_words,
            self._on_decided,
            self._barge_in.quiet,
        )
        self._keys: asyncio.Queue[Said] = asyncio.Queue(MOST_KEYS)
        self._speaking: Speaking | None = None
        self._answering: Said | None = None
        self._noted_whole = 0
        """How many sentences of the present reply the record knows to have been heard."""
        self._hands_over = False
        self._began_at = parts.clock.monotonic()
        self._quiet_since = self._began_at
        self._warned = parts.limits.warn_after is None
        self._farewells = 0
        self._meter = parts.meter
        self._interruptions = 0
        self._silences = 0
        self._may_be_over = False
        """The line ended and did not say whether the caller hung up: the gateway will know, the outcome is ours."""

    # What the line tells beside the words: called as it happens, so nothing here may wait.

    def pressed(self, key: str) -> None:
        """A key that says something at the moment is a turn of the caller; any other is nothing."""
        if (says := self._assistant.key_says(key)) is not None and not self._keys.full():
            now = self._clock.monotonic()
            self._keys.put_nowait(Said(says, now, now, now, key))

    def heard_more(self) -> None:
        """A sentence of a longer reply was heard: whoever has to go on without us goes on behind it."""
        speaking = self._speaking
        if speaking is None or not isinstance(speaking.reply, SpokenReply):
            return
        now = self._clock.monotonic()
        whole = speaking.whole_sentences(now)
        if self._noted_whole < whole < len(speaking.sentences):
            self._noted_whole = whole
            heard = " ".join((*speaking.meanwhile, *speaking.sentences[:whole]))
            turn = self._turns.of_assistant(speaking, heard, {}, speaking.began_at or now)
            self._note(turn, state=speaking.reply.in_flight(whole))

    def silenced_us(self) -> None:
        """The caller spoke, and the line has cut us off already."""
        if self._speaking is not None and self._speaking.began_at is not None:
            self._speaking.interrupt()

    # Leaving in good order.

    def hand_over(self) -> None:
        """Another process shall go on with the call: say no more than the sentence that is being said."""
        self._hands_over = True
        if self._speaking is not None:
            self._speaking.hold()

    @property
    def is_between_sentences(self) -> bool:
        """Whether nobody is in the middle of a sentence, so that the call may be cut here."""
        now = self._clock.monotonic()
        speaks = self._speaking is not None and (not self._speaking.is_held or self._line.is_sounding(now))
        return not speaks and not self._listening.is_hearing_words

    # The call from beginning to end.

    async def run(self) -> Ending:
        """Carry the call until it is over and stored. Cancelled, it leaves the call to be resumed elsewhere.

        Raises StreamRefused when the stream broke the rules.
        """
        step = None
        try:
            step = await self._converse()
        finally:
            ending = await self._leave(step)
        return ending

    async def _converse(self) -> calls.NextStep | None:
        """Talk until somebody ends it: what becomes of the line, or None when the stream was lost."""
        reading = asyncio.create_task(self._line.run(self), name="reading")
        talking = asyncio.create_task(self._talk(), name="talking")
        listening = asyncio.create_task(self._listening.run(), name="listening")
        pressing = asyncio.create_task(self._take_keys(), name="pressing")
        working = {reading, talking, listening, pressing}
        try:
            while True:
                done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                if talking in done and (step := await _unless_gone(talking)) is not None:
                    return step
                if listening in done:
                    await _unless_gone(listening)
                if pressing in done:
                    await _unless_gone(pressing)
                if reading in done:
                    # A caller who hung up has ended the conversation; a stream that broke off has not.
                    self._may_be_over = reading.result() is StreamEnd.UNTOLD
                    return calls.NextStep.HANG_UP if reading.result() is StreamEnd.STOPPED else None
                working -= done
        finally:
            for task in (reading, talking, listening, pressing):
                task.cancel()
            await asyncio.gather(reading, talking, listening, pressing, return_exceptions=True)

    async def _leave(self, step: calls.NextStep | None) -> Ending:
        """Store what is left to store and let go of everything. Whatever cancels us, this is finished first."""
        leaving = asyncio.ensure_future(self._store_the_end(step))
        while not leaving.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(leaving)
        return leaving.result()

    async def _store_the_end(self, step: calls.NextStep | None) -> Ending:
        ending = Ending(calls.MediaState.LOST)
        try:
            self._settle_the_rest(goes_on=step is None and not self._may_be_over)
            if step is not None:
                ending = Ending(calls.MediaState.FINISHED, step, self._assistant.outcome())
            elif self._may_be_over:
                ending = Ending(calls.MediaState.LOST, outcome=self._assistant.outcome())
        finally:
            ending = replace(ending, session=self._session())
            stored, *_ = await asyncio.gather(
                self._recorder.finish(self._key, ending, STORED_WITHIN_S), self._line.close(), self._ahead.close()
            )
            if not stored:
                log.warning("end_not_stored_yet", state=ending.media_state.value)
            await self._line.hand_back(ending)
        return ending

    def _session(self) -> SessionNote:
        """The figures of this process."""
        seconds = self._clock.monotonic() - self._began_at
        self._meter.add(self._line.product, Unit.SECONDS, seconds)
        return SessionNote(
            transport=self._line.transport,
            seconds=round(seconds, 1),
            interruptions=self._interruptions,
            false_interruptions=self._barge_in.false_interruptions,
            silences=self._silences,
            kept_characters=self._line.kept_characters,
            used=self._meter.used,
        )

    def _settle_the_rest(self, *, goes_on: bool) -> None:
        """What was going on when the call ended: our reply as far as it was heard, the caller's words as they stand.

        A call that goes on elsewhere goes on with the rest of a reply that nobody interrupted.
        """
        now = self._clock.monotonic()
        speaking, rest = self._speaking, self._listening.take_rest(now)
        unfinished = None
        if speaking is not None:
            if goes_on and isinstance(speaking.reply, SpokenReply) and not (speaking.interrupted or rest):
                unfinished = speaking.reply.in_flight(speaking.whole_sentences(now))
            self._settle(speaking)
        for said in rest:
            reply = self._assistant.reply_to(said.text)
            self._assistant.commit(reply, "", complete=False)
            self._note_caller(said)
        if unfinished is not None:
            self._note(state=unfinished)

    # Talking: a turn of the caller, a reply, and what was heard of it.

    async def _talk(self) -> calls.NextStep:
        """The dialogue, until it decides what becomes of the line. Raises SocketClosed when the caller is gone."""
        step = await self._say(self._assistant.open())
        while step is NextStep.LISTEN:
            step = await self._next_exchange()
        return calls.NextStep(step)

    async def _next_exchange(self) -> NextStep | calls.NextStep:
        """Wait for something to answer, and answer it."""
        match await self._next_event():
            case Said() as said:
                self._note_caller(said)
                reply = self._ahead.reply_to(said.text, said.language)
                self._note(state=reply.in_flight(0))
                if self._conversation.level is Level.PERSON:
                    return calls.NextStep.APOLOGISE  # the gateway says so, and finds a person
                return await self._say(reply, said)
            case CannotHear():
                return await self._give_up(self._apologies.cannot_hear)
            case _Moment.SILENCE:
                self._silences += 1
                return await self._say(self._assistant.caller_is_silent())
            case _Moment.TIME_IS_SHORT:
                self._warned = True
                return await self._say(self._assistant.time_is_nearly_up())
            case _Moment.TIME_IS_UP:
                self._farewells += 1
                step = await self._say(self._assistant.time_is_up())
                return NextStep.HANG_UP if self._farewells == MOST_FAREWELLS and step is NextStep.LISTEN else step

    async def _next_event(self) -> Said | CannotHear | _Moment:
        while True:
            now = self._clock.monotonic()
            moments = self._moments(now)
            at, moment = min(moments)
            if at <= now:
                return moment
            try:
                async with asyncio.timeout(at - now):
                    return await self._listening.turns.get()
            except TimeoutError:
                continue

    def _moments(self, now: float) -> list[tuple[float, _Moment]]:
        """What happens when, if the caller says nothing."""
        moments = [(self._began_at + self._limits.longest, _Moment.TIME_IS_UP)]
        if not self._warned and self._limits.warn_after is not None:
            moments.append((self._began_at + self._limits.warn_after, _Moment.TIME_IS_SHORT))
        since = now if self._listening.is_hearing_words else max(self._quiet_since, self._listening.worded_at)
        seconds = patience(self._limits, self._assistant.expects, on_hold=self._assistant.state.on_hold)
        return [*moments, (silent_until(seconds, since, self._listening.sound_at), _Moment.SILENCE)]

    async def _say(self, reply: Reply, answering: Said | None = None) -> NextStep | calls.NextStep:
        """Speak a reply; what it decides when it was heard, or how to go on when it could not be spoken."""
        if isinstance(reply, SpokenReply):
            await self._use_language(reply.language)
        speaking = await self._speak(reply, answering)
        step = self._settle(speaking)
        self._note()
        return await self._give_up(self._apologies.cannot_speak) if speaking.voiceless else step

    async def _use_language(self, language: str) -> None:
        """Hear and speak the language of the reply that is about to be spoken."""
        if language == self._language:
            return
        self._language = self._meanwhile.language = language
        self._conversation.knowledge.locale = language
        log.info("language_changed", language=language)
        await self._line.use_language(language)

    @property
    def _apologies(self) -> Apologies:
        return apologies_in(self._language)

    def _only_listens(self, text: str) -> bool:
        return backchannels.only_listens(text, words_of(self._language))

    async def _speak(self, reply: Reply, answering: Said | None = None) -> Speaking:
        number = self._turns.number()
        road = Road(self._line, self._listening.floor, lambda: self._conversation.model_waited_s)
        reply.provenance.level = self._conversation.level
        speaking = Speaking(reply, number, road, self._clock, self._waiting(reply, answering))
        self._speaking, self._answering, self._noted_whole = speaking, answering, 0
        if self._hands_over:
            speaking.hold()
        self._barge_in.watch(speaking)
        try:
            await speaking.run()
        finally:
            self._barge_in.watch(None)
        if speaking.interrupted:
            await self._line.forget()
        return speaking

    def _waiting(self, reply: Reply, answering: Said | None) -> Waiting | None:
        """Whether the caller waits for something that may take its time."""
        if answering is None or not isinstance(reply, SpokenReply) or (kind := reply.is_announced_as) is None:
            return None
        return Waiting(self._meanwhile, answering.decided_at, kind)

    def _settle(self, speaking: Speaking) -> NextStep:
        """A reply is over, however it ended: the conversation and the record learn what was heard of it."""
        now = self._clock.monotonic()
        answering, self._answering, self._speaking = self._answering, None, None
        self._quiet_since = now
        heard = speaking.heard(now)
        step = NextStep.LISTEN
        if isinstance(speaking.reply, SpokenReply):
            of_reply = speaking.heard_of_reply(now)
            step = self._assistant.commit(speaking.reply, of_reply, complete=speaking.heard_whole(now))
        if speaking.text:
            self._interruptions += speaking.interrupted
            stages_ms = self._stages(speaking, answering, now)
            began_at = speaking.began_at or now
            self._note(self._turns.of_assistant(speaking, heard, stages_ms, began_at))
            log.info(
                "turn_finished",
                turn=speaking.turn,
                phase=speaking.reply.provenance.phase,
                answer_ms=stages_ms.get("answer"),
                kind=speaking.reply.provenance.origin.value,
            )
        return step

    def _stages(self, speaking: Speaking, answering: Said | None, now: float) -> dict[str, float]:
        """Latencies of an answer to the caller; of other replies, those the conversation measured."""
        thinking = speaking.reply.provenance.stages_ms
        if answering is None or speaking.first is None:
            return dict(thinking)
        first = speaking.first
        if first.began_at is None or first.sounded_at is None:
            return dict(thinking)
        times = stages.AnswerTimes(
            spoken_until=answering.spoken_until,
            decided_at=answering.decided_at,
            model_wait_s=speaking.model_wait_s,
            text_sent_at=first.sent_at,
            sounded_at=first.sounded_at,
            began_at=first.began_at,
            played_at=now,
            held_s=speaking.held_s,
            acknowledged_at=speaking.acknowledged_at,
        )
        found = stages.stages_of(times, thinking)
        stages.observe(found, speaking.reply.provenance.origin.value)
        return found

    async def _give_up(self, apology: str) -> calls.NextStep:
        """We cannot go on: say so when that can be said, and let the gateway take the line."""
        if self._line.can_say(apology):
            self._settle(await self._speak(_Apology(apology, self._assistant.state.phase)))
        return calls.NextStep.APOLOGISE

    # The caller's words, as they come.

    async def _on_report(self, event: Heard, now: float) -> None:
        """Something was heard: fall silent if it may interrupt us, and be ready to answer words."""
        await self._barge_in.heard(event, now)
        if has_words(event):
            self._line.prepare()

    def _on_words(self, turn: TurnSoFar, event: Heard | None) -> None:
        """The turn is not decided yet. While we speak nothing is begun: what is heard of it changes every answer."""
        if self._speaking is None:
            self._ahead.report(turn, event)

    async def _take_keys(self) -> NoReturn:
        """Keys interrupt at once: whoever presses one has not waited for the end of the sentence."""
        while True:
            said = await self._keys.get()
            await self._barge_in.stop(said.decided_at)
            self._listening.turns.put_nowait(said)
            self._drop_what_is_not_heard_yet()

    def _on_decided(self, text: str) -> bool:
        """Whether this is a turn to be answered."""
        is_turn = self._barge_in.decided(text)
        if is_turn:
            self._drop_what_is_not_heard_yet()
        else:
            self._ahead.drop()
        return is_turn

    def _drop_what_is_not_heard_yet(self) -> None:
        """A new turn: an answer to the one before that is not being heard yet is no longer wanted."""
        if self._speaking is not None and self._speaking.began_at is None:
            self._speaking.interrupt()

    def _expects(self) -> Expects:
        return Expects(self._assistant.expects, self._assistant.sounds_complete)

    # The record.

    def _note_caller(self, said: Said) -> None:
        phase = self._assistant.state.phase
        self._note(self._turns.of_caller(said.noted, phase, said.began_at, said.spoken_until))

    def _note(self, *turns: TurnNote, state: ConversationState | None = None) -> None:
        """Have turns stored, and what another process would go on from: the present state when none is given."""
        state = state if state is not None else self._assistant.state
        standing = Standing(
            checkpoint=state.to_json(),
            email=state.email.confirmed or state.email.candidate,
            email_confirmed=state.email.confirmed is not None,
            notice_heard=state.notice_heard,
        )
        self._recorder.note(self._key, turns, standing)


async def _unless_gone(task: asyncio.Task[Result]) -> Result | None:
    """What the task came to, or None when the stream ended under it: whoever reads the stream will say how."""
    try:
        return await task
    except SocketClosed:
        return None
