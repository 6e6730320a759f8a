"""Calls while PostgreSQL is away: answered, carried, ended; and all of it in the record when it is back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select, text

from services.gateway.webhooks.kept_recordings import KeptRecordings
from services.voice.record.keeping import Keeping
from services.voice.record.notes import CallKey, Ending, SessionNote, Standing, TurnNote
from services.voice.record.recorder import Recorder
from services.voice.session.admission import Admission
from services.voice.transport.stream_token import StreamTokens
from shared.clock import SystemClock
from shared.contracts.calls import CallStatus, MediaState, NextStep
from shared.contracts.conversations import Outcome, Speaker
from shared.contracts.relay import Transport
from shared.contracts.tasks import TaskName
from shared.database.engine import async_sessions, make_async_engine
from shared.database.models import CallSession, Charge, OutboxRow, Recording, Ticket, Transfer, Turn
from shared.database.transactions import transaction
from shared.rates.card import packaged_card
from shared.rates.usage import Product, Unit, Used
from shared.record.bring_back import Returning
from shared.record.kept_calls import Held, KeptCall, KeptCalls, conversation_id_of
from shared.security.purpose_tokens import TokenSigner
from shared.task_group import TaskSet
from tests.gateway_house import (
    ACCOUNT,
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
from tests.tcp_proxy import TcpProxy, before
from tests.waiting import wait_for_async


@dataclass(frozen=True)
class Introduced:
    """What a stream says of itself."""

    call_sid: str
    custom_parameters: Mapping[str, str]
    account_sid: str = ACCOUNT


@dataclass
class Outage:
    """A gateway, and the admission and record of a voice process, behind one connection to the database."""

    house: House
    straight: House
    """A gateway that reaches the database all the time; it looks, and answers nothing."""
    database: TcpProxy
    admission: Admission
    recorder: Recorder
    kept_calls: KeptCalls

    async def is_away(self, *, frozen: bool = False) -> None:
        if frozen:
            self.database.freeze()
        else:
            self.database.cut()

    async def until_brought_back(self) -> None:
        async def none_kept() -> bool:
            return await self.kept_calls.count() == 0

        await wait_for_async(none_kept, 15, "everything to be in the record again")

    async def connect(self, call_sid: str, answer: str) -> CallKey:
        """Take the stream that this TwiML asks for, as a voice process does."""
        token = answer.split('<Parameter name="token" value="')[1].split('"', maxsplit=1)[0]
        claimed = await self.admission(Introduced(call_sid, {"token": token}))
        return CallKey(claimed.call_id, claimed.conversation_id, claimed.generation, call_sid)


@asynccontextmanager
async def an_outage(database_url: str, redis_url: str, **agent: Any) -> AsyncIterator[Outage]:
    async with (
        before(database_url) as (proxy, through),
        gateway(settings_for(database_url, redis_url)) as straight,
    ):
        await straight.agent(OUR_NUMBER, **agent)
        straight.wiring.kept_calls._kept_calls = KeptCalls(Redis.from_url("redis://127.0.0.1:9"))  # it only looks
        async with gateway(settings_for(through, redis_url)) as house:

            async def knows_agents() -> bool:
                return house.wiring.agents.of(OUR_NUMBER) is not None

            await wait_for_async(knows_agents, 5, "the gateway to know its agents")
            engine, clock = make_async_engine(settings_for(through, redis_url), "test"), SystemClock()
            sessions, redis = async_sessions(engine), Redis.from_url(redis_url)
            keeping = Keeping(KeptCalls(redis), clock, packaged_card())
            recorder, running = Recorder(sessions, clock, packaged_card(), keeping), TaskSet("test")
            running.start(recorder.run(), "recorder")
            tokens = StreamTokens(TokenSigner(SIGNING_KEY), redis, ACCOUNT, clock)
            admission = Admission(tokens, sessions, clock, house.wiring.board.breaker("database"), keeping)
            try:
                yield Outage(house, straight, proxy, admission, recorder, KeptCalls(redis))
            finally:
                proxy.mend()
                await running.close()
                await engine.dispose()
                await redis.aclose()


def turn(number: int, text: str) -> TurnNote:
    now = datetime.now(UTC)
    return TurnNote(
        number=number, speaker=Speaker.CALLER, text=text, heard=text, phase="issue", started_at=now, ended_at=now
    )


STANDING = Standing({"version": 1, "step": "two"}, "jane@example.com", email_confirmed=True, notice_heard=True)
FOLLOW_UP = Ending(MediaState.FINISHED, NextStep.HANG_UP, Outcome.FOLLOW_UP)


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_call_that_comes_and_ends_while_the_database_is_away_is_all_there_afterwards(
    database_url: str, redis_url: str, *, frozen: bool
) -> None:
    async with an_outage(database_url, redis_url) as outage:
        house, call_sid = outage.house, new_call_sid()
        await outage.is_away(frozen=frozen)
        first = await house.hook("/twilio/voice", call_form(call_sid))
        assert verbs(first) == ["Connect", "Redirect"]
        assert (await house.hook("/twilio/voice", call_form(call_sid))).content == first.content
        key = await outage.connect(call_sid, first.text)
        outage.recorder.note(key, [turn(1, "Hello."), turn(2, "My line is")], STANDING)
        assert await outage.recorder.drain(4) == 0
        outage.recorder.note(key, [turn(2, "My line is dead.")])  # a turn is noted while it is spoken
        assert await outage.recorder.finish(key, FOLLOW_UP, 4)
        over = await house.hook("/twilio/voice/after?generation=1", call_form(call_sid, CallStatus="in-progress"))
        assert verbs(over) == ["Hangup"]
        ended = call_form(call_sid, CallStatus="completed", CallDuration="42")
        assert (await house.hook("/twilio/status", ended)).status_code == 204
        assert await outage.straight.call(call_sid) is None
        outage.database.mend()
        await outage.until_brought_back()
        call, conversation = await outage.straight.call(call_sid), await outage.straight.conversation(call_sid)
        assert call is not None
        assert (call.status, call.media_state, call.duration_seconds) == ("completed", "finished", 42)
        assert (conversation.outcome, conversation.email) == ("follow_up", "jane@example.com")
        assert conversation.closed_at is not None
        async with outage.straight.wiring.sessions() as session:
            said = (await session.scalars(select(Turn.text).order_by(Turn.number))).all()
            assert said == ["Hello.", "My line is dead."]
            assert await session.scalar(select(func.count()).select_from(Ticket)) == 1
            tasks = (await session.scalars(select(OutboxRow.task))).all()
            assert tasks.count(TaskName.OPEN_TICKET.value) == 1


async def test_a_call_that_was_going_on_loses_no_turn_and_its_process_may_die(
    database_url: str, redis_url: str
) -> None:
    async with an_outage(database_url, redis_url) as outage:
        house, call_sid = outage.house, new_call_sid()
        first = await house.hook("/twilio/voice", call_form(call_sid))
        key = await outage.connect(call_sid, first.text)
        outage.recorder.note(key, [turn(1, "Before.")], Standing({"step": "one"}, None, False, False))
        assert await outage.recorder.drain(3) == 0
        await outage.is_away()
        outage.recorder.note(key, [turn(2, "During.")], STANDING)
        assert await outage.recorder.drain(4) == 0  # kept: the process holds nothing any more
        again = await house.hook("/twilio/voice/after?generation=1", call_form(call_sid, CallStatus="in-progress"))
        assert verbs(again) == ["Connect", "Redirect"]
        action = document(again)[0].attrib["action"]
        assert dict(parse_qsl(urlsplit(action).query)) == {"generation": "2"}
        second = await outage.connect(call_sid, again.text)
        assert second.conversation_id == key.conversation_id
        outage.database.mend()
        await outage.until_brought_back()
        outage.recorder.note(second, [turn(1001, "After.")], STANDING)
        assert await outage.recorder.drain(4) == 0
        await outage.until_brought_back()
        call, conversation = await outage.straight.call(call_sid), await outage.straight.conversation(call_sid)
        assert call is not None
        assert (call.stream_generation, call.media_state) == (2, "connected")
        assert conversation.checkpoint == STANDING.checkpoint
        async with outage.straight.wiring.sessions() as session:
            said = (await session.scalars(select(Turn.text).order_by(Turn.number))).all()
        assert said == ["Before.", "During.", "After."]


async def test_what_is_kept_counts_before_what_the_record_says(database_url: str, redis_url: str) -> None:
    async with an_outage(database_url, redis_url) as outage:
        house, call_sid = outage.house, new_call_sid()
        first = await house.hook("/twilio/voice", call_form(call_sid))
        key = await outage.connect(call_sid, first.text)
        await outage.is_away()
        assert await outage.recorder.finish(key, FOLLOW_UP, 4)
        outage.database.mend()
        over = await house.hook("/twilio/voice/after?generation=1", call_form(call_sid, CallStatus="in-progress"))
        assert verbs(over) == ["Hangup"]  # and not connected again, although the row said that somebody was talking


async def test_without_both_stores_the_caller_is_told(database_url: str, redis_url: str) -> None:
    async with (
        before(database_url) as (database, through),
        before(redis_url) as (redis, redis_through),
        gateway(settings_for(through, redis_through)) as house,
    ):
        await house.agent(OUR_NUMBER)
        database.cut()
        redis.cut()
        answered = await house.hook("/twilio/voice", call_form(new_call_sid()))
        assert verbs(answered) == ["Say", "Hangup"]


async def test_bringing_back_twice_changes_nothing(database_url: str, redis_url: str) -> None:
    async with an_outage(database_url, redis_url) as outage:
        house, call_sid = outage.house, new_call_sid()
        await outage.is_away()
        await house.hook("/twilio/voice", call_form(call_sid))
        held = await outage.kept_calls.read(call_sid)
        assert held.kept is not None
        outage.database.mend()
        await outage.until_brought_back()
        await outage.straight.set_call(call_sid, media_state=MediaState.CONNECTED, status=CallStatus.IN_PROGRESS)
        assert await outage.kept_calls.write(call_sid, await outage.kept_calls.read(call_sid), held.kept)
        await outage.until_brought_back()
        call = await outage.straight.call(call_sid)
        assert call is not None
        assert (call.media_state, call.status) == ("connected", "in-progress")
        async with outage.straight.wiring.sessions() as session:
            assert await session.scalar(text("SELECT count(*) FROM conversations")) == 1


async def test_what_is_added_while_a_call_is_brought_back_is_not_forgotten(database_url: str, redis_url: str) -> None:
    async with an_outage(database_url, redis_url) as outage:
        house, call_sid = outage.house, new_call_sid()
        await outage.is_away()
        await house.hook("/twilio/voice", call_form(call_sid))
        held = await outage.kept_calls.read(call_sid)
        row = turn(1, "Late.").as_row(conversation_id_of(call_sid))
        await outage.kept_calls.add_turns(call_sid, [row])  # a voice process, before it changes the snapshot
        await outage.kept_calls.forget(call_sid, held, [])  # a gateway that had read before that
        assert held.kept is not None
        assert await outage.kept_calls.write(call_sid, await outage.kept_calls.read(call_sid), held.kept)
        outage.database.mend()
        await outage.until_brought_back()
        async with outage.straight.wiring.sessions() as session:
            assert (await session.scalars(select(Turn.text))).all() == ["Late."]


@pytest.mark.parametrize(
    ("kept", "known", "becomes"),
    [
        ((MediaState.WAITING, 1), (MediaState.EXPECTED, 1), MediaState.EXPECTED),
        ((MediaState.EXPECTED, 1), (MediaState.WAITING, 2), MediaState.WAITING),
        ((MediaState.EXPECTED, 1), (MediaState.WAITING, 1), MediaState.EXPECTED),
        ((MediaState.PLAIN, 0), (MediaState.EXPECTED, 0), MediaState.PLAIN),
        ((MediaState.CONNECTED, 0), (MediaState.PLAIN, 0), MediaState.PLAIN),
    ],
)
async def test_a_round_of_waiting_is_not_brought_back_over_the_next(
    database_url: str,
    redis_url: str,
    kept: tuple[MediaState, int],
    known: tuple[MediaState, int],
    becomes: MediaState,
) -> None:
    async with an_outage(database_url, redis_url) as outage:
        call_sid = new_call_sid()
        await outage.house.hook("/twilio/voice", call_form(call_sid))
        await outage.straight.set_call(call_sid, media_state=known[0], rounds_waited=known[1])
        held = await outage.kept_calls.read(call_sid)
        state = {"stream_generation": 1, "media_state": kept[0].value, "rounds_waited": kept[1]}
        assert await outage.kept_calls.write(call_sid, held, KeptCall(call=state))
        await outage.until_brought_back()
        call = await outage.straight.call(call_sid)
        assert call is not None
        assert call.media_state == becomes


async def test_what_is_added_between_reading_and_writing_is_written_too(database_url: str, redis_url: str) -> None:
    async with gateway(settings_for(database_url, redis_url)) as house:
        await house.agent(OUR_NUMBER)
        call_sid, kept_calls = new_call_sid(), house.wiring.kept_calls._kept_calls
        await house.hook("/twilio/voice", call_form(call_sid))
        told = KeptCall(call={"stream_generation": 1, "media_state": "connected"})
        early = Returning(kept_calls, call_sid, await kept_calls.read(call_sid), [])
        async with transaction(house.wiring.sessions) as session:
            await kept_calls.add_turns(call_sid, [turn(1, "Hello.").as_row(conversation_id_of(call_sid))])
            assert await kept_calls.write(call_sid, await kept_calls.read(call_sid), told)
            await early.write(session, datetime.now(UTC))
        await early.committed()
        async with house.wiring.sessions() as session:
            assert (await session.scalars(select(Turn.text))).all() == ["Hello."]
        assert await kept_calls.count() == 0


async def test_who_read_what_is_kept_before_somebody_else_wrote_it_writes_nothing(
    database_url: str, redis_url: str
) -> None:
    async with gateway(settings_for(database_url, redis_url)) as house:
        await house.agent(OUR_NUMBER)
        call_sid, kept_calls = new_call_sid(), house.wiring.kept_calls._kept_calls
        await house.hook("/twilio/voice", call_form(call_sid))
        await house.set_call(call_sid, media_state=MediaState.CONNECTED)
        told = KeptCall(
            call={"stream_generation": 1, "media_state": "connected"}, conversation={"checkpoint": STANDING.checkpoint}
        )
        held = await kept_calls.read(call_sid)
        late = Returning(kept_calls, call_sid, Held(told.model_dump_json().encode(), told), [])
        assert not held.value
        async with transaction(house.wiring.sessions) as session:
            await late.write(session, datetime.now(UTC))
        assert (await house.conversation(call_sid)).checkpoint != STANDING.checkpoint


SESSION = SessionNote(
    transport=Transport.MEDIA_STREAMS,
    seconds=12.5,
    interruptions=1,
    false_interruptions=0,
    silences=0,
    kept_characters=80,
    used=(Used(Product("deepgram", "nova-3"), Unit.SECONDS, Decimal("12.5")),),
)


@pytest.mark.parametrize("began_before", [False, True])
async def test_who_was_rung_and_what_a_process_used_is_brought_back(
    database_url: str, redis_url: str, *, began_before: bool
) -> None:
    agent = {"transfer_number": PERSON, "transfer_mode": "warm", "records_calls": True}
    async with an_outage(database_url, redis_url, **agent) as outage:
        house, call_sid = outage.house, new_call_sid()
        if not began_before:
            await outage.is_away()
        first = await house.hook("/twilio/voice", call_form(call_sid))
        key = await outage.connect(call_sid, first.text)
        if began_before:
            await outage.is_away()
        asked = Ending(MediaState.FINISHED, NextStep.TRANSFER, Outcome.FOLLOW_UP, SESSION)
        assert await outage.recorder.finish(key, asked, 4)
        going_on = call_form(call_sid, CallStatus="in-progress")
        rings = await house.hook("/twilio/voice/after?generation=1", going_on)
        (number,) = document(rings).iter("Number")
        assert (number.text, urlsplit(number.attrib["url"]).path) == (PERSON, "/twilio/voice/transfer/notice")
        told = await house.hook(f"/twilio/voice/transfer/notice?call={call_sid}", call_form(new_call_sid()))
        assert "recorded" in spoken(told), "whoever picks up is not recorded unawares"
        assert (await house.hook("/twilio/voice/after?generation=1", going_on)).content == rings.content
        talked = {"DialCallStatus": "completed", "DialBridged": "true", "DialCallDuration": "30"}
        over = await house.hook("/twilio/voice/after/dial", {**going_on, **talked})
        assert verbs(over) == ["Hangup"]
        ended = call_form(call_sid, CallStatus="completed", CallDuration="60")
        assert (await house.hook("/twilio/status", ended)).status_code == 204
        outage.database.mend()
        await outage.until_brought_back()
        call, conversation = await outage.straight.call(call_sid), await outage.straight.conversation(call_sid)
        assert call is not None
        assert (conversation.outcome, conversation.closed_at is not None) == ("transferred", True)
        async with outage.straight.wiring.sessions() as session:
            transfer = await session.get_one(Transfer, call.id)
            assert (transfer.number, transfer.outcome, transfer.seconds) == (PERSON, "accepted", 30)
            (did,) = (await session.scalars(select(CallSession))).all()
            assert (did.call_id, did.generation, did.seconds, did.transport) == (call.id, 1, 12.5, "media_streams")
            charges = {row.contributor.partition(":")[0]: row for row in await session.scalars(select(Charge))}
            assert charges.keys() == {"voice", "transfer", "telephone"}
            assert (charges["voice"].quantity, charges["voice"].item) == (Decimal("12.5"), "nova-3")
            assert [charges[who].quantity for who in ("transfer", "telephone")] == [Decimal(30), Decimal(60)]


async def test_how_it_went_with_somebody_who_was_rung_before_the_outage(database_url: str, redis_url: str) -> None:
    async with an_outage(database_url, redis_url, transfer_number=PERSON) as outage:
        house, call_sid = outage.house, new_call_sid()
        first = await house.hook("/twilio/voice", call_form(call_sid))
        key = await outage.connect(call_sid, first.text)
        assert await outage.recorder.finish(key, Ending(MediaState.FINISHED, NextStep.TRANSFER, Outcome.FOLLOW_UP), 4)
        going_on = call_form(call_sid, CallStatus="in-progress")
        assert verbs(await house.hook("/twilio/voice/after?generation=1", going_on)) == ["Say", "Dial"]
        async with outage.straight.wiring.sessions() as session:
            (before_it,) = (await session.scalars(select(Transfer))).all()
        await outage.is_away()
        talked = {"DialCallStatus": "completed", "DialBridged": "true", "DialCallDuration": "30"}
        for _ in range(2):
            assert verbs(await house.hook("/twilio/voice/after/dial", {**going_on, **talked})) == ["Hangup"]
        outage.database.mend()
        await outage.until_brought_back()
        again = await house.hook("/twilio/voice/after/dial", {**going_on, **talked})
        assert verbs(again) == ["Hangup"]
        async with outage.straight.wiring.sessions() as session:
            (transfer,) = (await session.scalars(select(Transfer))).all()
            assert (transfer.outcome, transfer.seconds) == ("accepted", 30)
            assert transfer.started_at == before_it.started_at
            charges = (await session.scalars(select(Charge.contributor))).all()
        assert [who.partition(":")[0] for who in charges] == ["transfer"]
        assert (await outage.straight.conversation(call_sid)).outcome == "transferred"


async def test_a_recording_that_is_ready_meanwhile_is_noted_afterwards(database_url: str, redis_url: str) -> None:
    async with an_outage(database_url, redis_url, takes_messages=True) as outage:
        house, call_sid, sid = outage.house, new_call_sid(), "RE" + "0" * 32
        await outage.is_away()
        await house.hook("/twilio/voice", call_form(call_sid))
        about = {"RecordingSid": sid, "RecordingUrl": f"https://api.example/{sid}", "RecordingDuration": "7"}
        left = await house.hook("/twilio/voice/after/message", {**call_form(call_sid), **about})
        assert left.status_code == 200
        ready = {**call_form(call_sid), **about, "RecordingStatus": "completed", "RecordingSource": "RecordVerb"}
        for _ in range(2):
            assert (await house.hook("/twilio/recording", ready)).status_code == 204
        outage.database.mend()

        async def noted() -> Recording | None:
            async with outage.straight.wiring.sessions() as session:
                row = await session.get(Recording, sid)
                return row if row is not None and row.status == "completed" else None

        row = await wait_for_async(noted, 15, "the recording to be in the record")
        assert (row.kind, row.seconds, row.url) == ("message", 7, f"https://api.example/{sid}")

        async def nothing_kept() -> bool:
            return not await KeptRecordings(house.wiring.redis).waiting()

        await wait_for_async(nothing_kept, 5, "nothing to be kept any more")


async def test_a_call_that_cannot_be_written_holds_up_no_other(database_url: str, redis_url: str) -> None:
    async with an_outage(database_url, redis_url) as outage:
        house, good, bad = outage.house, new_call_sid(), new_call_sid()
        await outage.is_away()
        for call_sid in (bad, good):
            await house.hook("/twilio/voice", call_form(call_sid))
        held = await outage.kept_calls.read(bad)
        assert held.kept is not None
        strange = held.kept.model_copy(update={"call": {**held.kept.call, "stream_issued_at": "some day"}})
        assert await outage.kept_calls.write(bad, held, strange)
        outage.database.mend()

        async def written() -> bool:
            return await outage.straight.call(good) is not None and await outage.kept_calls.count() == 1

        await wait_for_async(written, 15, "the other call to be in the record")
        assert (await outage.kept_calls.read(bad)).value, "it stays kept"
