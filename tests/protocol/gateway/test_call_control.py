"""Transfers with a briefing, messages, recordings, and an operator's hand on a call; on the lab's telephone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update

from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker
from lab.twilio.call import Call as PlacedCall
from lab.twilio.faults import Faults, RestFaults
from lab.twilio.people import Act, Person, Voice
from lab.twilio.records import CallRecord, Heard, WebhookSent
from lab.twilio.settings import Callee
from services.gateway.webhooks.briefing import briefing
from services.gateway.webhooks.phrases import phrases_for
from services.gateway.webhooks.report import read_report
from services.gateway.webhooks.transfer_outcome import talked_s, transfer_outcome
from shared.contracts.calls import MediaState, NextStep, TransferMode, TransferOutcome
from shared.contracts.conversations import Outcome
from shared.contracts.conversations import Speaker as Said
from shared.contracts.tasks import TaskName
from shared.conversation.state import ConversationState, Question, RecordingNotice, Utterance
from shared.database.models import Call, OutboxRow, Recording, Ticket, Transfer
from shared.security.api_keys import Scope
from tests.gateway_house import CALLER, OUR_NUMBER, PERSON, House, call_form, new_call_sid, spoken, verbs
from tests.gateway_telephone import Line, Listener, telephone
from tests.waiting import wait_for_async

QUESTION = "Why is my router blinking orange?"
BRIEFED = "A caller of Fernway would like to talk to you. It is about: Why is my router blinking orange?"
AFTER_THE_TONE = 30
"""Ticks of 20 ms: the tone takes a fifth of a second."""
TAKEN = {"presses": "1", "talks_for_s": 12, "says": "Hello. " * 35 + "A colleague here."}
REFUSED_BY_KEY = {"presses": "2"}


class Reacts:
    """Says something when certain words were heard, and hangs up a while later, or never."""

    def __init__(self, when: str, says: str, hangs_up_after_s: float = 1e6) -> None:
        self._voice, self._ears = Voice(Speaker.CALLER), Decoder()
        self._when = when
        self._says, self._ends = says, round(hangs_up_after_s * 50)
        self._heard = ""
        self._ticks = 0

    def tick(self, heard: bytes) -> Act:
        self._heard += "".join(letter.character for letter in self._ears.feed(heard))
        if self._when in self._heard:
            self._ticks += 1
        if self._ticks == AFTER_THE_TONE:
            self._voice.say(self._says)
        return Act(self._voice.frame(), hangs_up=self._ticks >= self._ends)


@asynccontextmanager
async def a_line(database_url: str, redis_url: str, person: dict[str, Any], **agent: Any) -> AsyncIterator[Line]:
    """A telephone whose agent has a person behind it; `person` says how they behave."""
    behaviour: dict[str, Any] = {"answers_after_s": 1, "talks_for_s": 1, "says": "A colleague here."} | person
    callee = Callee(**behaviour)
    async with telephone(database_url, redis_url, callees={PERSON: callee}, speed=25) as line:
        await line.house.agent(OUR_NUMBER, **({"company": "Fernway", "transfer_number": PERSON} | agent))
        yield line


def asks_for_a_person(line: Line) -> Any:
    """A voice process whose caller asked something and then for a person."""

    async def talk(socket: Any, call_sid: str) -> None:
        state = ConversationState(questions=(Question(QUESTION, found=False, answered=False),))
        async with line.house.wiring.sessions.begin() as session:
            conversation = await line.house.conversation(call_sid)
            conversation.checkpoint = state.to_json()
            await session.merge(conversation)
        await line.finishes(NextStep.TRANSFER, Outcome.TRANSFERRED)(socket, call_sid)

    return talk


async def transfer_of(house: House, call_sid: str) -> Transfer | None:
    call = await house.call(call_sid)
    assert call is not None
    async with house.wiring.sessions() as session:
        return await session.get(Transfer, call.id)


async def recordings(house: House) -> list[Recording]:
    async with house.wiring.sessions() as session:
        return list((await session.scalars(select(Recording))).all())


def persons_leg(line: Line) -> CallRecord:
    return next(record for record in line.network.records() if record.direction == "outbound-dial")


def heard_by(record: CallRecord) -> list[str]:
    return [event.text for event in record.events if isinstance(event, Heard)]


# Transfers


async def test_a_person_hears_what_it_is_about_before_they_take_the_call(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, TAKEN, transfer_mode="warm") as line:
        line.talks = [asks_for_a_person(line)]
        record = await line.call()
        assert heard_by(persons_leg(line))[0].startswith(BRIEFED)
        assert "A colleague here." in " ".join(record.heard)
        assert BRIEFED not in " ".join(record.heard)
        transfer = await transfer_of(line.house, record.sid)
        assert transfer is not None
        assert (transfer.outcome, transfer.mode, transfer.number) == ("accepted", "warm", PERSON)
        assert transfer.ended_at is not None
        assert await line.outcome(record) == Outcome.TRANSFERRED


@pytest.mark.parametrize(
    ("person", "outcome"),
    [
        (REFUSED_BY_KEY, TransferOutcome.DECLINED),
        ({"picks_up": "machine", "says": "Nobody is here."}, TransferOutcome.VOICEMAIL),
        ({"outcome": "busy"}, TransferOutcome.BUSY),
        ({"outcome": "failed"}, TransferOutcome.FAILED),
        ({"answers_after_s": 1000}, TransferOutcome.NO_ANSWER),
    ],
    ids=lambda value: value.value if isinstance(value, TransferOutcome) else "",
)
async def test_a_transfer_that_nobody_takes_says_why(
    database_url: str, redis_url: str, person: dict[str, Any], outcome: TransferOutcome
) -> None:
    async with a_line(database_url, redis_url, person, transfer_mode="warm") as line:
        line.talks = [asks_for_a_person(line)]
        record = await line.call()
        transfer = await transfer_of(line.house, record.sid)
        assert transfer is not None
        assert transfer.outcome == outcome
        assert "nobody is free" in record.heard[-1]
        assert await line.outcome(record) == Outcome.FOLLOW_UP


@pytest.mark.parametrize("mode", ["cold", "warm"])
async def test_a_caller_who_does_not_wait(database_url: str, redis_url: str, mode: str) -> None:
    async with a_line(database_url, redis_url, {"answers_after_s": 1000}, transfer_mode=mode) as line:
        line.talks = [asks_for_a_person(line)]
        call = line.network.call_in(CALLER, Reacts("to a colleague.", "Never mind.", 3))
        async with asyncio.timeout(15):
            await call.over.wait()
        transfer = await transfer_of(line.house, call.record.sid)
        assert transfer is not None
        assert transfer.outcome == TransferOutcome.CALLER_LEFT
        assert await line.outcome(call.record) == Outcome.FOLLOW_UP


async def test_the_api_shows_how_a_transfer_went(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, {}) as line:
        line.talks = [asks_for_a_person(line)]
        record = await line.call()
        async with await line.house.client(Scope.CALLS_READ) as client:
            found = (await client.get("/api/v1/calls", params={"call_sid": record.sid})).json()["calls"][0]
        assert found["transfer"]["outcome"] == "accepted"
        assert (found["transfer"]["mode"], found["transfer"]["seconds"]) == ("cold", 1)


def dial(**fields: str) -> Any:
    return read_report(call_form(new_call_sid(), **{"CallStatus": "in-progress", **fields}))


@pytest.mark.parametrize(
    ("fields", "mode", "answer", "outcome"),
    [
        ({"DialBridged": "true", "DialCallStatus": "completed"}, "cold", None, "accepted"),
        ({"DialBridged": "true", "DialCallStatus": "answered", "CallStatus": "completed"}, "warm", None, "accepted"),
        ({"DialBridged": "false", "DialCallStatus": "completed"}, "cold", None, "failed"),
        ({"DialBridged": "false", "DialCallStatus": "completed"}, "warm", None, "voicemail"),
        ({"DialBridged": "false", "DialCallStatus": "completed"}, "warm", "declined", "declined"),
        ({"DialCallStatus": "completed"}, "cold", None, "accepted"),
        ({"DialCallStatus": "completed"}, "warm", None, "voicemail"),
        ({"DialCallStatus": "no-answer", "CallStatus": "completed"}, "cold", None, "caller_left"),
        ({"DialCallStatus": "something new"}, "cold", None, "failed"),
        ({}, "warm", None, "failed"),
    ],
)
def test_one_word_for_what_became_of_a_dial(
    fields: dict[str, str], mode: str, answer: str | None, outcome: str
) -> None:
    answered = TransferOutcome(answer) if answer else None
    assert transfer_outcome(dial(**fields), TransferMode(mode), answered) == TransferOutcome(outcome)


@pytest.mark.parametrize(("reported", "seconds"), [("12", 12), ("", None), ("-1", None), ("9" * 9, None), ("١", None)])
def test_how_long_they_talked(reported: str, seconds: int | None) -> None:
    assert talked_s(dial(DialCallDuration=reported)) == seconds


async def test_who_is_not_waited_for_any_more_is_not_briefed(house: House) -> None:
    call_sid = new_call_sid()
    form = call_form(new_call_sid(), Direction="outbound-dial", CallStatus="in-progress")
    for path in ("transfer", "transfer/answer"):
        answered = await house.hook(f"/twilio/voice/{path}?call={call_sid}", {**form, "Digits": "1"})
        assert verbs(answered) == ["Hangup"]
    assert (await house.hook("/twilio/voice/transfer?call=CA1", form)).status_code == 422


def test_a_briefing_holds_no_contact_data_and_no_novel() -> None:
    phrases = phrases_for("en")
    assert briefing(phrases, "Fernway", ConversationState()) == phrases.caller_waits.replace("{company}", "Fernway")
    said = Utterance(Said.CALLER, "my card 4111 1111 1111 1111 and jane.doe@example.com were charged twice")
    private = Utterance(
        Said.CALLER, "it is j a n e at example dot com and that is a very long utterance indeed " * 3, private=True
    )
    told = briefing(phrases, "Fernway", ConversationState(history=(said, private)))
    assert "charged twice" in told
    assert "4111" not in told
    assert "example" not in told
    long = ConversationState(questions=(Question("word " * 500, found=True, answered=False),))
    assert len(briefing(phrases, "Fernway", long)) < 350


# Messages and recordings


async def test_a_caller_whom_nobody_can_talk_to_leaves_a_message(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, {"outcome": "busy"}, takes_messages=True) as line:
        line.talks = [asks_for_a_person(line)]
        call = line.network.call_in(CALLER, Reacts("when you are done.", "Please call me back."))
        async with asyncio.timeout(15):
            await call.over.wait()
        assert "Please leave a message" in " ".join(call.record.heard)
        assert "we have your message" in call.record.heard[-1]
        (kept,) = await recordings(line.house)
        (made,) = call.record.recordings
        assert (kept.recording_sid, kept.kind, kept.status) == (made.sid, "message", "completed")
        assert kept.seconds == made.seconds
        assert kept.url is not None
        assert kept.url.endswith(made.sid)
        assert await line.outcome(call.record) == Outcome.FOLLOW_UP


async def test_a_caller_who_hangs_up_while_speaking_has_left_a_message(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, {"outcome": "busy"}, takes_messages=True) as line:
        line.talks = [asks_for_a_person(line)]
        call = line.network.call_in(CALLER, Reacts("when you are done.", "Call me.", 2.5))
        async with asyncio.timeout(15):
            await call.over.wait()
        (kept,) = await recordings(line.house)
        assert (kept.kind, kept.status) == ("message", "completed")
        conversation = await line.house.conversation(call.record.sid)
        assert conversation.closed_at is not None


EARLIER = datetime(2026, 1, 1, tzinfo=UTC)


def talks_on(line: Line, notice: RecordingNotice, until: Callable[[], Awaitable[object]]) -> Any:
    """A voice process whose caller knows this of the recording, and which talks on until something is so."""

    async def talk(socket: Any, call_sid: str) -> None:
        async with line.house.wiring.sessions.begin() as session:
            conversation = await line.house.conversation(call_sid)
            conversation.checkpoint = ConversationState(recording=notice).to_json()
            await session.merge(conversation)
            call = await line.house.call(call_sid)
            assert call is not None
            call.media_state = MediaState.CONNECTED
            await session.merge(call)
        await until()
        await line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)(socket, call_sid)

    return talk


async def test_a_call_is_recorded_when_its_notice_was_heard_and_only_once(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, {}, records_calls=True) as line:
        due = line.house.wiring.recordings_due

        async def begun() -> None:
            await wait_for_async(lambda: recordings(line.house), 5, "the recording to begin")
            await asyncio.gather(due.look(), due.look())

        line.talks = [talks_on(line, RecordingNotice.TOLD, begun)]
        record = await line.call()
        assert record.heard == [], "nobody but the assistant itself tells of it"
        (made,) = record.recordings
        assert (made.source, made.channels) == ("StartCallRecordingAPI", 2)

        async def completed() -> Recording | None:
            (kept,) = await recordings(line.house)
            return kept if kept.status == "completed" else None

        kept = await wait_for_async(completed, 5, "the recording to be ready")
        assert (kept.recording_sid, kept.kind) == (made.sid, "call")
        call = await line.house.call(record.sid)
        assert call is not None
        for scopes, shown in (((Scope.CALLS_READ,), None), ((Scope.CALLS_READ, Scope.TRANSCRIPTS_READ), kept.url)):
            async with await line.house.client(*scopes) as client:
                detail = (await client.get(f"/api/v1/calls/{call.id}")).json()
            assert [one["url"] for one in detail["recordings"]] == [shown]


async def test_a_call_whose_caller_has_not_heard_the_notice_is_not_recorded(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, {}, records_calls=True) as line:
        line.talks = [talks_on(line, RecordingNotice.UNTOLD, line.house.wiring.recordings_due.look)]
        assert (await line.call()).recordings == []


@pytest.mark.parametrize("fault", [RestFaults(answers_lost=1), RestFaults(refusals=1, status=429)])
async def test_a_request_that_failed_is_looked_up_and_nothing_is_recorded_twice(
    database_url: str, redis_url: str, fault: RestFaults
) -> None:
    async with a_line(database_url, redis_url, {}, records_calls=True) as line:
        due = line.house.wiring.recordings_due

        async def asked_again() -> None:
            async def asked() -> bool:
                async with line.house.wiring.sessions.begin() as session:
                    passed = update(Call).where(Call.recording_due_at.is_not(None)).values(recording_due_at=EARLIER)
                    return (await session.execute(passed.returning(Call.id))).first() is not None

            await wait_for_async(asked, 5, "the first request")
            await due.look()
            await wait_for_async(lambda: recordings(line.house), 5, "the recording to be known")

        line.network.faults.set(Faults(rest=fault))
        line.talks = [talks_on(line, RecordingNotice.TOLD, asked_again)]
        assert len((await line.call()).recordings) == 1


async def test_a_relay_session_is_recorded_after_twilios_own_notice(house: House) -> None:
    await house.agent(OUR_NUMBER, records_calls=True, transport="conversation_relay")
    answered = await house.hook("/twilio/voice", call_form(new_call_sid()))
    assert verbs(answered) == ["Say", "Start", "Connect", "Redirect"]


async def test_calls_are_not_recorded_unless_the_agent_says_so(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, {}) as line:
        line.talks = [line.finishes(NextStep.HANG_UP, Outcome.ANSWERED)]
        record = await line.call()
        assert (record.recordings, record.heard) == ([], [])


def recording_form(call_sid: str, **fields: str) -> dict[str, str]:
    return {
        "AccountSid": call_form(call_sid)["AccountSid"],
        "CallSid": call_sid,
        "RecordingSid": "RE" + "1" * 32,
        "RecordingUrl": "https://api.twilio.com/Recordings/RE1",
        "RecordingStatus": "completed",
        "RecordingDuration": "78",
        "RecordingSource": "RecordVerb",
        **fields,
    }


async def told_tickets(house: House) -> int:
    async with house.wiring.sessions() as session:
        tasks = await session.scalars(select(OutboxRow.task).where(OutboxRow.task == TaskName.UPDATE_TICKET))
        return len(tasks.all())


async def test_a_recording_is_kept_once_in_any_order_and_the_ticket_is_told(house: House) -> None:
    await house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    await house.hook("/twilio/voice", call_form(call_sid))
    conversation = await house.conversation(call_sid)
    async with house.wiring.sessions.begin() as session:
        session.add(Ticket(conversation_id=conversation.id, marker=f"call-{call_sid.lower()}"))
    for status in ("completed", "in-progress", "completed"):
        answered = await house.hook("/twilio/recording", recording_form(call_sid, RecordingStatus=status))
        assert answered.status_code == 204
    left = {**call_form(call_sid, CallStatus="completed"), **recording_form(call_sid), "Digits": "hangup"}
    assert verbs(await house.hook("/twilio/voice/after/message", left)) == ["Hangup"]
    (kept,) = await recordings(house)
    assert (kept.status, kept.seconds, kept.kind) == ("completed", 78, "message")
    assert await told_tickets(house) == 1, "a repeat is no news"


@pytest.mark.parametrize(
    "fields",
    [
        {"RecordingStatus": "melted"},
        {"RecordingSid": "RE1"},
        {"CallSid": new_call_sid()},
    ],
)
async def test_a_recording_of_nothing_we_know_is_left_alone(house: House, fields: dict[str, str]) -> None:
    await house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    await house.hook("/twilio/voice", call_form(call_sid))
    assert (await house.hook("/twilio/recording", recording_form(call_sid) | fields)).status_code == 204
    assert await recordings(house) == []


async def test_a_recordings_address_is_a_web_address_or_none(house: House) -> None:
    await house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    await house.hook("/twilio/voice", call_form(call_sid))
    await house.hook("/twilio/recording", recording_form(call_sid, RecordingUrl="javascript:alert(1)"))
    assert [kept.url for kept in await recordings(house)] == [None]


# An operator


async def ringing(line: Line, person: Person | None = None) -> tuple[PlacedCall, UUID]:
    """A call whose voice process talks and never ends, and its id."""
    call = line.network.call_in(CALLER, person or Listener())
    await wait_for_async(lambda: _connected(line, call), 10, "the stream")
    row = await line.house.call(call.record.sid)
    assert row is not None
    return call, row.id


async def _connected(line: Line, call: PlacedCall) -> bool:
    row = await line.house.call(call.record.sid)
    return row is not None and row.media_state == "connected"


async def control(line: Line, call_id: UUID, verb: str, *scopes: Scope) -> httpx.Response:
    async with await line.house.client(*(scopes or (Scope.CALLS_CONTROL,))) as client:
        return await client.post(f"/api/v1/calls/{call_id}/{verb}")


async def test_an_operator_hangs_up_on_a_stuck_voice_process(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, {}) as line:
        line.talks = [line.stays]
        call, call_id = await ringing(line)
        answered = await control(line, call_id, "hang-up")
        assert (answered.status_code, answered.json()["accepted"]) == (200, True)
        async with asyncio.timeout(10):
            await call.over.wait()
        assert call.record.ended_by == "rest"
        again = await control(line, call_id, "hang-up")
        assert (again.status_code, again.json()["accepted"]) == (200, False)
        assert (await control(line, call_id, "put-through")).status_code == 409


async def test_an_operator_puts_a_caller_through(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, {}) as line:
        line.talks = [line.stays]
        call, call_id = await ringing(line)
        assert (await control(line, call_id, "put-through")).status_code == 200
        async with asyncio.timeout(10):
            await call.over.wait()
        assert "A colleague here." in " ".join(call.record.heard)
        asked = [event.url for event in call.record.events if isinstance(event, WebhookSent)]
        assert any(url.endswith("/twilio/voice/put-through") for url in asked)
        transfer = await transfer_of(line.house, call.record.sid)
        assert transfer is not None
        assert transfer.outcome == "accepted"
        assert await line.outcome(call.record) == Outcome.TRANSFERRED


async def test_what_an_operator_may_not(database_url: str, redis_url: str) -> None:
    async with a_line(database_url, redis_url, {}, transfer_number=None) as line:
        line.talks = [line.stays]
        call, call_id = await ringing(line)
        assert (await control(line, call_id, "put-through")).status_code == 409
        assert (await control(line, UUID(int=3), "hang-up")).status_code == 404
        assert (await control(line, call_id, "hang-up", Scope.CALLS_READ, Scope.CALLS_START)).status_code == 403
        call.hang_up("caller")
        async with asyncio.timeout(10):
            await call.over.wait()


async def test_without_twilio_an_operator_is_told_so(house: House) -> None:
    await house.agent(OUR_NUMBER, transfer_number=PERSON)
    call_sid = new_call_sid()
    await house.hook("/twilio/voice", call_form(call_sid))
    row = await house.call(call_sid)
    assert row is not None
    async with await house.client(Scope.CALLS_CONTROL) as client:
        for verb in ("hang-up", "put-through"):
            assert (await client.post(f"/api/v1/calls/{row.id}/{verb}")).status_code == 503
    assert spoken(await house.hook("/twilio/voice", call_form(call_sid))) == ""
