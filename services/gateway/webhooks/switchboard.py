"""One webhook about a call, from the rows to the document: read, decide, store, write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from starlette.responses import Response

from services.gateway.admission.admission import Admission
from services.gateway.webhooks import twiml
from services.gateway.webhooks.billing import Billing
from services.gateway.webhooks.call_book import CallBook, CallRows
from services.gateway.webhooks.caller import is_e164
from services.gateway.webhooks.next_step import (
    Answer,
    CallState,
    Connect,
    Farewell,
    HangUp,
    LeaveMessage,
    PutThrough,
    TakeMessage,
    TalkPlainly,
    Wait,
    given_up,
)
from services.gateway.webhooks.next_step import answer as usual_answer
from services.gateway.webhooks.outages import Outages
from services.gateway.webhooks.phrases import Phrases, phrases_for
from services.gateway.webhooks.relay_noun import Relay
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.twiml import Addresses
from services.gateway.webhooks.waiting import seated, wants_slot
from shared.clock import Clock
from shared.contracts.agents import AgentProfile
from shared.contracts.calls import MediaState, NextStep, TransferMode, WhenFull
from shared.contracts.conversations import Opening, Outcome
from shared.contracts.relay import Transport, with_region
from shared.conversation.agent import rules_of
from shared.conversation.opening import greeting
from shared.database.engine import AsyncSessions
from shared.database.transactions import transaction
from shared.degradation.ladder import Ladder
from shared.degradation.levels import Level
from shared.errors import Transient
from shared.messaging.shared_values import AWAY
from shared.observability.context import bound
from shared.observability.logs import get_logger
from shared.observability.metrics import calls_total
from shared.record.language import language_of
from shared.security.purpose_tokens import Purpose, TokenSigner

log = get_logger(__name__)

RECORD_WITHIN_S = 2.5
"""The record answers in milliseconds; whoever calls while it is away must hear something soon."""
WITHOUT_RECORD_S = 1.5
"""The same of Redis, which is asked then."""
RINGING = (NextStep.TRANSFER, NextStep.APOLOGISE)
"""What a call's row says from the moment a person is to be rung until it is known how that went."""
NO_AGENTS_LANGUAGE = "en"
"""What we speak when no agent says otherwise."""

Decision = Callable[[CallState], CallState]
Reading = Callable[[CallState], Answer]


class Switchboard:
    """Answers the webhooks of a call."""

    def __init__(
        self,
        sessions: AsyncSessions,
        clock: Clock,
        signer: TokenSigner,
        addresses: Addresses,
        billing: Billing,
        admission: Admission,
        outages: Outages,
        ladder: Ladder,
    ) -> None:
        self._sessions = sessions
        self._outages = outages
        self._ladder = ladder
        self._clock = clock
        self._signer = signer
        self._addresses = addresses
        self._billing = billing
        self._admission = admission

    async def answer(self, report: CallReport, decide: Decision, read: Reading = usual_answer) -> Response:
        """The document for this report: the rows' state, changed by `decide`, read by `read`.

        When the record cannot be reached in time the call is kept in Redis and goes on. With that away too the caller
        is told so, rather than left to Twilio's error message; nothing was stored then, so nothing is promised.
        """
        try:
            document = await self._outages.ask(RECORD_WITHIN_S, self._document(report, decide, read))
        except Transient as error:
            log.warning("webhook_without_record", call_sid=report.call_sid, error=type(error).__name__)
            try:
                async with asyncio.timeout(WITHOUT_RECORD_S):
                    document = await self._document_without_record(report, decide, read)
            except (Transient, *AWAY) as worse:
                return self.apologise(report, worse)
        return twiml_response(document)

    async def _document_without_record(self, report: CallReport, decide: Decision, read: Reading) -> str:
        """The same road over rows that are kept in Redis. Nobody is briefed: what it is about lies in the record."""
        now = self._clock.now()

        async def decided(rows: CallRows) -> str:
            before = _as_reported(rows.state(report.status), report)
            state = self._allowed(decide(before))
            if wants_slot(state):
                state = seated(state, await self._admission.ask(report.call_sid, state.generation))
            if state.transfer is not None and rows.transfer is None and state.person is not None:
                rows.rings(state.person, state.transfer_mode, None)  # they were rung before the record went away
            rows.store(state, now, report)
            found = read(state)
            if isinstance(found, PutThrough):
                found = replace(found, warm=False)
                if rows.transfer is None or before.next_step not in RINGING:
                    rows.rings(found.number, TransferMode.COLD, now)
            log.info("webhook_answered", kind=type(found).__name__, generation=state.generation)
            return self._write(found, rows, "")

        return await self._outages.without_record.change(report, now, decided)

    def _allowed(self, state: CallState) -> CallState:
        """Nobody is connected to an assistant that could not talk with them: a person, or a message.

        A relay session hears by itself, so that only a person's word keeps its callers out.
        """
        hears = state.transport is Transport.CONVERSATION_RELAY and self._ladder.override is None
        if (
            self._ladder.level is not Level.PERSON
            or hears
            or state.media not in (MediaState.EXPECTED, MediaState.WAITING)
        ):
            return state
        return given_up(state)

    def apologise(self, report: CallReport, error: Exception) -> Response:
        """What a caller hears when nothing about the call can be read or stored."""
        unforeseen = None if isinstance(error, (Transient, *AWAY)) else error
        log.error("call_not_kept", call_sid=report.call_sid, error=type(error).__name__, exc_info=unforeseen)
        phrases = phrases_for(NO_AGENTS_LANGUAGE)
        return twiml_response(twiml.hang_up(phrases, [phrases.trouble, phrases.please_call_again]))

    async def _document(self, report: CallReport, decide: Decision, read: Reading) -> str:
        now = self._clock.now()
        closed = False
        kept = await self._outages.kept_of(report.call_sid)
        async with transaction(self._sessions) as session:
            if kept is not None:
                await kept.write(session, now)
            book = CallBook(session)
            rows = await book.find_or_open(report, now)
            if rows is None:
                log.warning("call_not_taken", call_sid=report.call_sid, reason="no agent for the dialled number")
                phrases = phrases_for(NO_AGENTS_LANGUAGE)
                return twiml.hang_up(phrases, [phrases.not_in_service])
            with bound(trace_id=rows.conversation.trace_id, call_sid=report.call_sid):
                before = rows.state(report.status)
                state = self._allowed(decide(before))
                if wants_slot(state):
                    state = seated(state, await self._admission.ask(report.call_sid, state.generation))
                rows.store(state, now, report)
                await self._billing.note_transfer(session, rows.conversation, rows.transfer)
                if state.status.is_final:
                    closed = await book.close_if_over(rows, now)
                found = read(state)
                if isinstance(found, PutThrough) and (rows.transfer is None or before.next_step not in RINGING):
                    await book.begin_transfer(rows, found.number, before.transfer_mode, now)
                log.info("webhook_answered", kind=type(found).__name__, generation=state.generation)
                document = self._write(found, rows, await _message(book, found, rows))
        if kept is not None:
            await self._outages.forget(kept)
        if closed:
            count_end(rows)
        return document

    def _write(  # noqa: PLR0911  (an answer a line)
        self, answer: Answer, rows: CallRows, message: str
    ) -> str:
        phrases = phrases_for(language_of(rows.conversation))
        match answer:
            case Connect(generation, transport):
                relay = _relay(rows, generation) if transport is Transport.CONVERSATION_RELAY else None
                # Twilio does not record a relay session on request: it says so itself, and begins, before the first.
                records = rows.agent.records_calls and relay is not None and generation == 1
                announced = phrases if records else None
                token = self._stream_token(rows, generation)
                return twiml.connect(self._addresses, generation, token, announced, relay)
            case Wait(number, _, True):
                return twiml.wait(self._addresses, phrases, number, [phrases.one_moment], twiml.MOMENT_S)
            case Wait(number, offers):
                sentences = _while_waiting(number, offers, phrases)
                return twiml.wait(self._addresses, phrases, number, sentences, takes_keys=bool(offers))
            case TalkPlainly():
                return twiml.talk_plainly(self._addresses)
            case PutThrough(number, apologising, warm):
                sentences = [phrases.trouble, phrases.connecting] if apologising else [phrases.connecting]
                shown = _shown_number(rows)
                told_at, digits = self._told_at(rows, warm=warm), rows.agent.transfer_digits
                return twiml.put_through(
                    self._addresses, phrases, sentences, number, shown, told_at=told_at, digits=digits
                )
            case TakeMessage(why):
                said = phrases.trouble if why is Farewell.TROUBLE else phrases.nobody_free
                return twiml.take_message(self._addresses, phrases, [said], [_later(phrases, rows)])
            case LeaveMessage():
                who = phrases.we_called.replace("{company}", rows.agent.company)
                return twiml.hang_up(phrases, [who, message, phrases.goodbye])
            case HangUp(farewell):
                return twiml.hang_up(phrases, _sentences(farewell, phrases, rows))

    def _told_at(self, rows: CallRows, *, warm: bool) -> str | None:
        """What the person hears first: what it is about, or at least that they are being recorded."""
        if warm:
            return self._addresses.transfer(rows.call.call_sid)
        return self._addresses.transfer_notice(rows.call.call_sid) if rows.agent.records_calls else None

    def _stream_token(self, rows: CallRows, generation: int) -> str:
        """The generation's token; written from the row, the same each time it is asked for."""
        call = rows.call
        return self._signer.issue(Purpose.STREAM, call.call_sid, f"{call.call_sid}:{generation}", call.stream_issued_at)


def _as_reported(state: CallState, report: CallReport) -> CallState:
    """Of a call that began before the outage nothing may be known here: that somebody was rung, the report says."""
    if state.next_step is None and "DialCallStatus" in report.fields:
        return replace(state, media=MediaState.FINISHED, next_step=NextStep.TRANSFER)
    return state


def twiml_response(document: str) -> Response:
    """A TwiML document as Twilio wants it."""
    return Response(document, media_type="text/xml")


def count_end(rows: CallRows) -> None:
    """Count a call that closed, after the commit, unless a voice process has counted it at the end of its stream."""
    refused = rows.conversation.outcome == Outcome.REFUSED
    if refused or rows.call.media_state in (MediaState.EXPECTED, MediaState.WAITING, MediaState.PLAIN):
        count_call(rows.call.direction, rows.conversation.outcome or "")


def count_call(direction: str, outcome: str) -> None:
    """Count the end of a call that no voice process has counted."""
    labels = {"direction": "outbound" if direction.startswith("outbound") else "inbound", "outcome": outcome}
    calls_total.labels(**labels).inc()


async def _message(book: CallBook, answer: Answer, rows: CallRows) -> str:
    """What a call of ours has to say, when it is to be said now."""
    order = await book.order_of(rows.call.call_sid) if isinstance(answer, LeaveMessage) else None
    return order.message if order is not None else ""


def _relay(rows: CallRows, generation: int) -> Relay:
    """What Twilio is told when it hears and speaks in this call; nobody is greeted a second time.

    Calls of ours begin with their own words and not with the greeting. What a person has recorded we have played.
    """
    profile = AgentProfile.model_validate(rows.agent)
    inbound = not rows.call.direction.startswith("outbound")
    begins = inbound and generation == 1 and profile.opening is Opening.GREET
    by_twilio = begins and profile.relay.welcome == "twilio" and not profile.recorded
    sentences = greeting(rules_of(profile, has_model=False)) if by_twilio else []
    language = with_region(profile.speaking(language_of(rows.conversation)).language)
    hears_all = profile.relay.hears_all(profile.codes)
    return Relay(profile.relay, language, " ".join(text for text, _ in sentences) or None, hears_all)


def _shown_number(rows: CallRows) -> str | None:
    """A withheld number cannot be passed on to the person who is rung: then it is ours that is shown."""
    if rows.call.direction.startswith("outbound"):
        return rows.call.from_number
    withheld = rows.conversation.caller_address is None
    return rows.call.to_number if withheld and is_e164(rows.call.to_number) else None


def _sentences(farewell: Farewell, phrases: Phrases, rows: CallRows) -> list[str]:
    later = _later(phrases, rows)
    match farewell:
        case Farewell.NONE:
            return []
        case Farewell.TROUBLE:
            return [phrases.trouble, later]
        case Farewell.NOBODY_FREE:
            return [phrases.nobody_free, later]
        case Farewell.NO_LINE_FREE:
            return [phrases.lines_busy, later]
        case Farewell.MESSAGE_TAKEN:
            return [phrases.message_taken, later]


def _while_waiting(number: int, offers: tuple[WhenFull, ...], phrases: Phrases) -> list[str]:
    """What a caller hears who waits. No place in the line and no time: nobody knows how long others will talk."""
    choices = {WhenFull.CALL_BACK: phrases.press_for_call_back, WhenFull.VOICEMAIL: phrases.press_for_message}
    begins = [phrases.lines_busy, phrases.please_hold] if number == 1 else [phrases.still_busy]
    return [*begins, *(choices[offer] for offer in offers)]


def _later(phrases: Phrases, rows: CallRows) -> str:
    """Nobody is promised a call back whose number we do not know."""
    reachable = rows.conversation.caller_address is not None
    return phrases.will_call_back if reachable else phrases.please_call_again
