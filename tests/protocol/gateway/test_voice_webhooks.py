"""What a caller's line does, webhook by webhook."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select, text

from shared.contracts.calls import CallStatus, MediaState, NextStep
from shared.contracts.conversations import Outcome
from shared.contracts.tasks import TaskName
from shared.database.models import Call, Conversation, OutboxRow, Ticket
from shared.observability.context import new_trace_id
from shared.security.purpose_tokens import Purpose, TokenSigner
from tests.gateway_house import (
    CALLER,
    OUR_NUMBER,
    PERSON,
    SIGNING_KEY,
    House,
    call_form,
    document,
    gateway,
    new_call_sid,
    settings_for,
    spoken,
    verbs,
)
from tests.waiting import wait_for_async

VOICE, AFTER, DIALLED = "/twilio/voice", "/twilio/voice/after?generation=", "/twilio/voice/after/dial"
FALLBACK, STATUS = "/twilio/voice/fallback", "/twilio/status"
TALKING = {"CallStatus": "in-progress"}


async def begin(house: House, **agent: Any) -> str:
    """A call whose first webhook was answered."""
    await house.agent(OUR_NUMBER, **agent)
    call_sid = new_call_sid()
    assert verbs(await house.hook(VOICE, call_form(call_sid))) == ["Connect", "Redirect"]
    return call_sid


async def row(house: House, call_sid: str) -> Call:
    call = await house.call(call_sid)
    assert call is not None
    return call


async def count(house: House, table: type[Any]) -> int:
    async with house.wiring.sessions() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_the_stream_token_names_call_and_generation(house: House) -> None:
    await house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    root = document(await house.hook(VOICE, call_form(call_sid)))
    stream = root.find("Connect/Stream")
    assert stream is not None
    assert stream.get("url") == "wss://support.example.com/twilio/media"
    parameter = stream.find("Parameter")
    assert parameter is not None
    name, token = parameter.get("name", ""), parameter.get("value", "")
    assert len(name + token) < 500
    claims = TokenSigner(SIGNING_KEY).read(Purpose.STREAM, token)
    assert (claims["sub"], claims["jti"]) == (call_sid, f"{call_sid}:1")


async def test_the_rows_of_a_new_call(house: House) -> None:
    agent_id = await house.agent(OUR_NUMBER, language="de")
    call_sid = new_call_sid()
    await house.hook(VOICE, call_form(call_sid))
    call, conversation = await row(house, call_sid), await house.conversation(call_sid)
    assert (call.from_number, call.to_number, call.direction) == (CALLER, OUR_NUMBER, "inbound")
    assert (call.status, call.media_state, call.next_step) == (CallStatus.RINGING, MediaState.EXPECTED, None)
    assert (conversation.agent_id, conversation.language) == (agent_id, "de")
    assert conversation.caller_address == CALLER
    assert len(conversation.trace_id) == len(new_trace_id())


async def test_twenty_webhooks_at_once_make_one_call_and_say_the_same(house: House) -> None:
    await house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    answers = await asyncio.gather(*(house.hook(VOICE, call_form(call_sid)) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert (await count(house, Call), await count(house, Conversation)) == (1, 1)


async def test_a_repeat_later_says_the_same_and_changes_nothing(house: House) -> None:
    await house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    first = await house.hook(VOICE, call_form(call_sid))
    before = (await row(house, call_sid)).updated_at
    await house.set_call(call_sid, media_state=MediaState.CONNECTED)
    connected = (await row(house, call_sid)).updated_at
    assert connected > before
    repeat = await house.hook(VOICE, call_form(call_sid))
    assert repeat.content == first.content
    assert (await row(house, call_sid)).updated_at == connected


async def test_a_repeat_after_the_end_hangs_up(house: House) -> None:
    call_sid = await begin(house)
    await house.hook(STATUS, call_form(call_sid, CallStatus="completed", CallDuration="3"))
    for path in (VOICE, f"{AFTER}1", FALLBACK):
        assert verbs(await house.hook(path, call_form(call_sid))) == ["Hangup"]
    assert (await row(house, call_sid)).stream_generation == 1


@pytest.mark.parametrize(
    ("agents", "dialled", "expected"),
    [
        ([("+18005550111", True), (OUR_NUMBER, True)], OUR_NUMBER, 1),
        ([("+18005550111", True)], OUR_NUMBER, 0),
        ([("+18005550111", True), ("+18005550112", False)], OUR_NUMBER, 0),
        ([("+18005550111", True), ("+18005550112", True)], OUR_NUMBER, None),
        ([(OUR_NUMBER, False), ("+18005550112", True)], OUR_NUMBER, None),
        ([], OUR_NUMBER, None),
    ],
    ids=["by number", "the only one", "the only active one", "two others", "switched off", "none at all"],
)
async def test_which_agent_answers(
    house: House, agents: list[tuple[str, bool]], dialled: str, expected: int | None
) -> None:
    ids = [await house.agent(number, is_active=is_active) for number, is_active in agents]
    call_sid = new_call_sid()
    answered = await house.hook(VOICE, call_form(call_sid, To=dialled))
    if expected is None:
        assert verbs(answered) == ["Say", "Hangup"]
        assert "not in service" in spoken(answered)
        assert await house.call(call_sid) is None
    else:
        assert verbs(answered) == ["Connect", "Redirect"]
        assert (await house.conversation(call_sid)).agent_id == ids[expected]


async def test_hostile_fields_are_stored_and_answered(house: House) -> None:
    await house.agent()
    call_sid = new_call_sid()
    hostile = call_form(call_sid, From="\x00<Say>&\x0b" + "a" * 300, To="sip:\x1f" + "b" * 400, Direction="x" * 99)
    assert verbs(await house.hook(VOICE, hostile)) == ["Connect", "Redirect"]
    call = await row(house, call_sid)
    assert call.from_number.startswith("<Say>&a")
    assert (len(call.from_number), len(call.to_number), call.direction) == (254, 254, "inbound")
    assert (await house.conversation(call_sid)).caller_address is None


async def test_after_a_goodbye_we_hang_up(house: House) -> None:
    call_sid = await begin(house)
    await house.set_call(
        call_sid, media_state=MediaState.FINISHED, next_step=NextStep.HANG_UP, outcome=Outcome.ANSWERED
    )
    for _ in range(2):
        assert verbs(await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))) == ["Hangup"]
    assert (await house.conversation(call_sid)).outcome == Outcome.ANSWERED
    await house.hook(STATUS, call_form(call_sid, CallStatus="completed"))
    assert (await house.conversation(call_sid)).closed_at is not None


async def test_a_lost_stream_is_connected_again_with_a_fresh_token(house: House) -> None:
    call_sid = await begin(house)
    first = await house.hook(VOICE, call_form(call_sid))
    await house.set_call(call_sid, media_state=MediaState.CONNECTED)
    second = await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))
    assert verbs(second) == ["Connect", "Redirect"]
    assert second.content != first.content
    call = await row(house, call_sid)
    assert (call.stream_generation, call.media_state) == (2, MediaState.EXPECTED)
    assert call.answered_at is not None
    claims = TokenSigner(SIGNING_KEY).read(Purpose.STREAM, token_of(second))
    assert claims["jti"] == f"{call_sid}:2"
    repeat = await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))
    assert repeat.content == second.content
    assert (await row(house, call_sid)).stream_generation == 2


def token_of(answer: Any) -> str:
    parameter = document(answer).find("Connect/Stream/Parameter")
    assert parameter is not None
    return parameter.get("value", "")


async def test_twenty_reports_of_one_lost_stream_connect_it_once(house: House) -> None:
    call_sid = await begin(house)
    answers = await asyncio.gather(*(house.hook(f"{AFTER}1", call_form(call_sid, **TALKING)) for _ in range(20)))
    assert len({answer.content for answer in answers}) == 1
    assert (await row(house, call_sid)).stream_generation == 2


async def four_streams_are_lost(house: House, call_sid: str) -> httpx.Response:
    """What the fourth loss is answered with."""
    for ended in (1, 2, 3):
        await house.set_call(call_sid, media_state=MediaState.CONNECTED)
        assert verbs(await house.hook(f"{AFTER}{ended}", call_form(call_sid, **TALKING))) == ["Connect", "Redirect"]
    await house.set_call(call_sid, media_state=MediaState.CONNECTED)
    return await house.hook(f"{AFTER}4", call_form(call_sid, **TALKING))


async def test_a_stream_that_nobody_takes_is_tried_again_at_once_and_then_a_moment_later(house: House) -> None:
    call_sid = await begin(house)
    form = call_form(call_sid, **TALKING)
    assert verbs(await house.hook(f"{AFTER}1", form)) == ["Connect", "Redirect"]
    waiting = await house.hook(f"{AFTER}2", form)
    assert verbs(waiting) == ["Say", "Pause", "Redirect"]
    assert (await house.hook(f"{AFTER}2", form)).content == waiting.content
    assert verbs(await house.hook("/twilio/voice/wait?over=1", form)) == ["Connect", "Redirect"]
    assert (await row(house, call_sid)).stream_generation == 3


async def test_after_four_streams_we_talk_without_a_voice_process(house: House) -> None:
    call_sid = await begin(house)
    last = await four_streams_are_lost(house, call_sid)
    assert verbs(last) == ["Redirect"]
    assert (await house.hook(f"{AFTER}4", call_form(call_sid, **TALKING))).content == last.content
    first = await house.hook("/twilio/voice/plain?turn=1", call_form(call_sid, **TALKING))
    assert verbs(first)[-2:] == ["Gather", "Redirect"]
    given_up = await house.hook(FALLBACK, call_form(call_sid, **TALKING))
    assert verbs(given_up) == ["Say", "Hangup"]
    assert "call you back" in spoken(given_up)
    assert (await house.hook("/twilio/voice/plain?turn=2", call_form(call_sid, **TALKING))).content == given_up.content
    await house.hook(STATUS, call_form(call_sid, CallStatus="completed", CallDuration="12"))
    assert (await house.conversation(call_sid)).outcome == Outcome.REFUSED
    assert await count(house, Ticket) == 1


async def test_when_even_that_fails_a_person_is_rung_if_there_is_one(house: House) -> None:
    call_sid = await begin(house, transfer_number=PERSON)
    await four_streams_are_lost(house, call_sid)
    given_up = await house.hook(FALLBACK, call_form(call_sid, **TALKING))
    assert verbs(given_up) == ["Say", "Dial"]
    assert "technical problem" in spoken(given_up)


async def test_a_withheld_caller_is_not_promised_a_call_back(house: House) -> None:
    await house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    answered = await house.hook(FALLBACK, call_form(call_sid, From="anonymous"))
    assert "call us again" in spoken(answered)
    assert "call you back" not in spoken(answered)
    assert (await house.conversation(call_sid)).caller_address is None


async def test_a_transfer_rings_the_person_and_shows_who_calls(house: House) -> None:
    call_sid = await begin(house, transfer_number=PERSON)
    await house.set_call(call_sid, media_state=MediaState.FINISHED, next_step=NextStep.TRANSFER)
    ringing = await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))
    dial = document(ringing).find("Dial")
    assert dial is not None
    assert dial.text == PERSON
    assert dial.get("action") == "https://support.example.com/twilio/voice/after/dial"
    assert dial.get("answerOnBridge") == "true"
    assert dial.get("callerId") is None
    assert "technical problem" not in spoken(ringing)
    assert (await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))).content == ringing.content


async def test_an_extension_is_dialled_and_who_is_put_through_hears_that_the_call_is_recorded(house: House) -> None:
    await house.agent(OUR_NUMBER, transfer_number=PERSON, transfer_digits="ww204", records_calls=True)
    call_sid = new_call_sid()
    await house.hook(VOICE, call_form(call_sid))
    await house.set_call(call_sid, media_state=MediaState.FINISHED, next_step=NextStep.TRANSFER)
    number = document(await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))).find("Dial/Number")
    assert number is not None
    assert (number.text, number.get("sendDigits")) == (PERSON, "ww204")
    asked = f"/twilio/voice/transfer/notice?call={call_sid}"
    assert number.get("url") == f"https://support.example.com{asked}"
    told = await house.hook(asked, call_form(new_call_sid()))
    assert (verbs(told), spoken(told)) == (["Say"], "This call is recorded.")
    brief = await house.hook(f"/twilio/voice/transfer?call={call_sid}", call_form(new_call_sid()))
    assert "This call is recorded." in spoken(brief)
    await house.hook(STATUS, call_form(call_sid, CallStatus="completed"))
    await house.hook("/twilio/voice/after/dial", call_form(call_sid, CallStatus="completed", DialBridged="false"))
    assert verbs(await house.hook(asked, call_form(new_call_sid()))) == ["Hangup"], "the caller has left"


@pytest.mark.parametrize("number", [CALLER, OUR_NUMBER])
async def test_a_transfer_never_rings_the_caller_or_ourselves(house: House, number: str) -> None:
    call_sid = await begin(house, transfer_number=number)
    await house.set_call(call_sid, media_state=MediaState.FINISHED, next_step=NextStep.TRANSFER)
    answered = await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))
    assert verbs(answered) == ["Say", "Hangup"]
    assert (await house.conversation(call_sid)).outcome == Outcome.REFUSED


async def test_a_withheld_number_is_replaced_by_ours_towards_the_person(house: House) -> None:
    await house.agent(OUR_NUMBER, transfer_number=PERSON)
    call_sid = new_call_sid()
    dial = document(await house.hook(FALLBACK, call_form(call_sid, From="Restricted"))).find("Dial")
    assert dial is not None
    assert dial.get("callerId") == OUR_NUMBER


@pytest.mark.parametrize(
    ("result", "said", "outcome"),
    [
        ({"DialBridged": "true", "DialCallStatus": "completed"}, "", Outcome.TRANSFERRED),
        ({"DialCallStatus": "completed"}, "", Outcome.TRANSFERRED),
        ({"DialBridged": "false", "DialCallStatus": "completed"}, "nobody is free", Outcome.FOLLOW_UP),
        ({"DialCallStatus": "busy"}, "nobody is free", Outcome.FOLLOW_UP),
        ({"DialCallStatus": "no-answer", "DialBridged": "false"}, "nobody is free", Outcome.FOLLOW_UP),
        ({"DialCallStatus": "failed"}, "nobody is free", Outcome.FOLLOW_UP),
        ({}, "nobody is free", Outcome.FOLLOW_UP),
    ],
)
async def test_what_became_of_a_transfer(house: House, result: dict[str, str], said: str, outcome: Outcome) -> None:
    call_sid = await begin(house, transfer_number=PERSON)
    await house.set_call(call_sid, media_state=MediaState.FINISHED, next_step=NextStep.TRANSFER)
    await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))
    assert (await house.conversation(call_sid)).outcome == Outcome.FOLLOW_UP
    first = await house.hook(DIALLED, call_form(call_sid, **TALKING, **result))
    assert verbs(first)[-1] == "Hangup"
    assert said in spoken(first)
    assert bool(spoken(first)) == bool(said)
    assert (await house.hook(DIALLED, call_form(call_sid, **TALKING, **result))).content == first.content
    assert (await house.conversation(call_sid)).outcome == outcome
    await house.hook(STATUS, call_form(call_sid, CallStatus="completed"))
    closed = await house.conversation(call_sid)
    assert closed.closed_at is not None
    assert closed.outcome == outcome


@pytest.mark.parametrize("status_first", [True, False])
async def test_a_caller_who_leaves_during_a_transfer_closes_with_its_result(
    house: House, *, status_first: bool
) -> None:
    call_sid = await begin(house, transfer_number=PERSON, ticket_policy="follow_up_only")
    await house.set_call(call_sid, media_state=MediaState.FINISHED, next_step=NextStep.TRANSFER)
    await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))
    gone = call_form(call_sid, CallStatus="completed", DialBridged="true", DialCallStatus="completed")
    reports = [(STATUS, gone), (DIALLED, gone)]
    for path, form in reports if status_first else reversed(reports):
        assert (await house.hook(path, form)).status_code in (200, 204)
    closed = await house.conversation(call_sid)
    assert closed.closed_at is not None
    assert closed.outcome == Outcome.TRANSFERRED
    assert await count(house, Ticket) == 0


async def test_our_voice_failed_so_twilio_speaks(house: House) -> None:
    call_sid = await begin(house)
    await house.set_call(call_sid, media_state=MediaState.FINISHED, next_step=NextStep.APOLOGISE)
    answered = await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))
    assert "technical problem" in spoken(answered)
    assert (await house.conversation(call_sid)).outcome == Outcome.REFUSED


async def test_the_fallback_puts_through(house: House) -> None:
    await house.agent(OUR_NUMBER, transfer_number=PERSON, language="de")
    form = call_form(new_call_sid(), ErrorCode="11200", ErrorUrl="https://support.example.com/twilio/voice")
    first = await house.hook(FALLBACK, form)
    assert verbs(first) == ["Say", "Dial"]
    assert "technisches Problem" in spoken(first)
    assert (await house.hook(FALLBACK, form)).content == first.content


async def test_what_no_gateway_took_is_answered_by_the_one_that_is_asked_next(house: House) -> None:
    await house.agent(OUR_NUMBER, transfer_number=PERSON)
    form = call_form(new_call_sid())
    base = "https://support.example.com/twilio/voice"
    never_came = {"ErrorCode": "11206", "ErrorUrl": base}
    assert verbs(await house.hook(FALLBACK, form | never_came))[0] == "Connect"
    await house.set_call(form["CallSid"], media_state=MediaState.CONNECTED)
    talking = form | TALKING | {"ErrorCode": "11205"}
    again = await house.hook(FALLBACK, talking | {"ErrorUrl": f"{base}/after?generation=1"})
    assert verbs(again)[0] == "Connect"
    row = await house.call(form["CallSid"])
    assert row is not None
    assert row.stream_generation == 2
    await house.set_call(form["CallSid"], media_state=MediaState.WAITING, rounds_waited=1)
    waited = await house.hook(FALLBACK, talking | {"ErrorUrl": f"{base}/wait?over=1"})
    assert verbs(waited)[0] == "Connect"
    for lost in (f"{base}/plain?turn=2", f"{base}/after?generation=x", "https://elsewhere.example.com/x"):
        given_up = await house.hook(FALLBACK, talking | {"ErrorUrl": lost})
        assert verbs(given_up) == ["Say", "Dial"]


async def test_the_fallback_after_a_dial_does_not_ring_again(house: House) -> None:
    call_sid = await begin(house, transfer_number=PERSON)
    await house.set_call(call_sid, media_state=MediaState.FINISHED, next_step=NextStep.TRANSFER)
    await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))
    failed = call_form(call_sid, **TALKING, ErrorUrl="https://support.example.com/twilio/voice/after/dial")
    answered = await house.hook(FALLBACK, failed)
    assert verbs(answered) == ["Say", "Hangup"]
    assert "call you back" in spoken(answered)
    assert (await house.conversation(call_sid)).outcome == Outcome.FOLLOW_UP


@pytest.mark.parametrize("path", [VOICE, f"{AFTER}1", DIALLED, FALLBACK])
async def test_without_a_database_the_caller_hears_a_sentence_and_no_promise(redis_url: str, path: str) -> None:
    nowhere = settings_for("postgresql://nobody:x@127.0.0.1:9/none", redis_url)
    async with gateway(nowhere) as house:
        answered = await house.hook(path, call_form(new_call_sid()))
        assert verbs(answered) == ["Say", "Hangup"]
        assert "call us again" in spoken(answered)
        assert "call you back" not in spoken(answered)
        status = await house.hook(STATUS, call_form(new_call_sid(), CallStatus="completed"))
        assert status.status_code == 503
        assert int(status.headers["retry-after"]) > 0


async def test_a_database_that_hangs_is_not_waited_for(database_url: str, redis_url: str) -> None:
    async with gateway(settings_for(database_url, redis_url, database_statement_ms=300)) as house:
        call_sid = await begin(house)
        async with house.wiring.engine.begin() as connection:
            await connection.execute(text("LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE"))
            answered = await house.hook(f"{AFTER}1", call_form(call_sid, **TALKING))
        assert verbs(answered) == ["Say", "Hangup"]
        assert "call us again" in spoken(answered)
        assert (await row(house, call_sid)).stream_generation == 1


async def test_a_status_never_goes_backwards(house: House) -> None:
    call_sid = await begin(house)
    for status in ("in-progress", "ringing", "initiated"):
        assert (await house.hook(STATUS, call_form(call_sid, CallStatus=status))).status_code == 204
    assert (await row(house, call_sid)).status == CallStatus.IN_PROGRESS
    await house.hook(STATUS, call_form(call_sid, CallStatus="completed", CallDuration="61", Duration="2"))
    ended = await row(house, call_sid)
    for status in ("busy", "in-progress", "completed"):
        await house.hook(STATUS, call_form(call_sid, CallStatus=status, CallDuration="99"))
    later = await row(house, call_sid)
    assert (later.status, later.duration_seconds, later.ended_at) == (CallStatus.COMPLETED, 61, ended.ended_at)
    assert later.updated_at == ended.updated_at


async def test_the_end_waits_for_the_voice_process(house: House) -> None:
    call_sid = await begin(house)
    await house.set_call(call_sid, media_state=MediaState.CONNECTED)
    await house.hook(STATUS, call_form(call_sid, CallStatus="completed", CallDuration="30"))
    assert (await house.conversation(call_sid)).closed_at is None


async def test_twenty_ends_close_the_conversation_once(house: House) -> None:
    call_sid = await begin(house)
    await house.set_call(
        call_sid, media_state=MediaState.FINISHED, next_step=NextStep.HANG_UP, outcome=Outcome.FOLLOW_UP
    )
    ends = (house.hook(STATUS, call_form(call_sid, CallStatus="completed")) for _ in range(20))
    assert {answer.status_code for answer in await asyncio.gather(*ends)} == {204}
    assert await count(house, Ticket) == 1
    conversation = await house.conversation(call_sid)
    async with house.wiring.sessions() as session:
        tasks = (await session.scalars(select(OutboxRow).order_by(OutboxRow.task))).all()
    assert [task.task for task in tasks] == [
        TaskName.RECORD_CONVERSATION,
        TaskName.SUMMARISE_CONVERSATION,
        TaskName.OPEN_TICKET,
    ]
    assert {task.trace_id for task in tasks} == {conversation.trace_id}


async def test_a_call_nobody_answered_leaves_no_ticket(house: House) -> None:
    call_sid = await begin(house)
    await house.hook(STATUS, call_form(call_sid, CallStatus="canceled"))
    closed = await house.conversation(call_sid)
    assert (closed.outcome, closed.closed_at is not None) == (Outcome.SILENT, True)
    assert await count(house, Ticket) == 0


async def test_a_call_that_was_answered_but_never_connected_was_refused_and_is_counted_once(house: House) -> None:
    def counted() -> float:
        labels = {"direction": "inbound", "outcome": "refused"}
        return REGISTRY.get_sample_value("callwright_calls_total", labels) or 0.0

    before = counted()
    call_sid = await begin(house)
    for _ in range(3):
        await house.hook(STATUS, call_form(call_sid, CallStatus="completed", CallDuration="7"))
    assert (await house.conversation(call_sid)).outcome == Outcome.REFUSED
    assert counted() == before + 1


@pytest.mark.parametrize("duration", ["", "-3", "1e9", "٣", "9" * 30, "abc"])
async def test_a_strange_duration_is_no_duration(house: House, duration: str) -> None:
    call_sid = await begin(house)
    answered = await house.hook(STATUS, call_form(call_sid, CallStatus="completed", CallDuration=duration))
    assert answered.status_code == 204
    ended = await row(house, call_sid)
    assert (ended.status, ended.duration_seconds) == (CallStatus.COMPLETED, None)


async def test_the_status_of_an_unknown_call_is_taken_and_forgotten(house: House) -> None:
    await house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    assert (await house.hook(STATUS, call_form(call_sid, CallStatus="completed"))).status_code == 204
    assert await house.call(call_sid) is None


async def test_a_report_that_meets_a_storing_voice_process_waits_for_it(house: House) -> None:
    """The recorder writes the conversation, then the call; whoever locked them the other way round would deadlock."""
    call_sid = await begin(house)
    await house.set_call(call_sid, media_state=MediaState.CONNECTED)
    async with house.wiring.sessions.begin() as session:
        found = await session.execute(select(Call, Conversation).join(Conversation).where(Call.call_sid == call_sid))
        call, conversation = found.one()
        conversation.outcome = Outcome.ANSWERED
        await session.flush()
        report = asyncio.create_task(house.hook(STATUS, call_form(call_sid, CallStatus="completed")))
        await wait_for_async(lambda: somebody_waits_for_a_lock(house), 5, "the report waits for the conversation")
        call.media_state, call.next_step = MediaState.FINISHED, NextStep.HANG_UP
        await session.flush()
    assert (await report).status_code == 204
    assert (await house.conversation(call_sid)).closed_at is not None


async def somebody_waits_for_a_lock(house: House) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with house.wiring.engine.connect() as connection:
        return bool((await connection.execute(text(waiting))).scalar())
