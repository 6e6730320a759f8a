"""The record of calls on a real database: complete, once, and patient with outages."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from services.voice.record import recorder as recording
from services.voice.record.call_rows import claim
from services.voice.record.notes import CallKey, Ending, SessionNote, Standing, TurnNote
from services.voice.record.recorder import Recorder
from shared.clock import SystemClock
from shared.contracts.calls import CallStatus, MediaState, NextStep
from shared.contracts.conversations import Outcome, Speaker
from shared.contracts.relay import Transport
from shared.database.engine import AsyncSessions, async_sessions, make_async_engine
from shared.database.models import Agent, Call, CallSession, Charge, Conversation, OutboxRow, Turn
from shared.rates.card import packaged_card
from shared.rates.usage import Product, Unit, Used
from shared.settings import DatabaseSettings
from tests.tcp_proxy import before
from tests.waiting import wait_for_async

FINISHED = Ending(MediaState.FINISHED, NextStep.HANG_UP, Outcome.ANSWERED)


@asynccontextmanager
async def a_recorder(database_url: str) -> AsyncIterator[tuple[Recorder, AsyncSessions]]:
    engine = make_async_engine(DatabaseSettings(database_url=SecretStr(database_url)), "test")
    sessions = async_sessions(engine)
    recorder = Recorder(sessions, SystemClock(), packaged_card())
    running = asyncio.ensure_future(recorder.run())
    try:
        yield recorder, sessions
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await engine.dispose()


async def a_call(sessions: AsyncSessions, generation: int = 1, status: CallStatus = CallStatus.IN_PROGRESS) -> CallKey:
    """A call that a voice process has taken."""
    now = datetime.now(UTC)
    agent = Agent(name=secrets.token_hex(4), company="Fernway", greeting="Hello.")
    async with sessions.begin() as session:
        session.add(agent)
        await session.flush()
        conversation = Conversation(
            agent_id=agent.id, channel="phone", language="en", trace_id="0" * 32, started_at=now
        )
        session.add(conversation)
        await session.flush()
        call = Call(
            call_sid="CA" + secrets.token_hex(16),
            conversation_id=conversation.id,
            direction="inbound",
            from_number="+12025550123",
            to_number="+18005550101",
            status=status,
            media_state=MediaState.CONNECTED,
            stream_generation=generation,
            stream_issued_at=now,
        )
        session.add(call)
    return CallKey(call.id, conversation.id, generation)


def a_turn(number: int, text: str = "Hello.") -> TurnNote:
    now = datetime.now(UTC)
    return TurnNote(
        number=number, speaker=Speaker.CALLER, text=text, heard=text, phase="issue", started_at=now, ended_at=now
    )


def a_standing(step: str, email: str | None = None) -> Standing:
    return Standing({"step": step}, email, email_confirmed=email is not None, notice_heard=True)


async def turns_of(sessions: AsyncSessions, key: CallKey) -> list[Turn]:
    async with sessions() as session:
        query = select(Turn).where(Turn.conversation_id == key.conversation_id).order_by(Turn.number)
        return list((await session.scalars(query)).all())


async def rows_of(sessions: AsyncSessions, key: CallKey) -> tuple[Call, Conversation]:
    async with sessions() as session:
        return await session.get_one(Call, key.call_id), await session.get_one(Conversation, key.conversation_id)


async def until_stored(sessions: AsyncSessions, key: CallKey, count: int, within_s: float = 5.0) -> list[Turn]:
    async def look() -> list[Turn] | None:
        turns = await turns_of(sessions, key)
        return turns if len(turns) >= count else None

    return await wait_for_async(look, within_s, f"{count} turns")


async def test_turns_and_standing_are_stored_within_moments(database_url: str) -> None:
    async with a_recorder(database_url) as (recorder, sessions):
        keys = [await a_call(sessions) for _ in range(20)]
        began = time.monotonic()
        for key in keys:
            recorder.note(key, [a_turn(1)], a_standing("first"))
            recorder.note(key, [a_turn(2)], a_standing("second", "jane@example.com"))
        for key in keys:
            await until_stored(sessions, key, 2)
        assert time.monotonic() - began < 2
        _, conversation = await rows_of(sessions, keys[7])
        assert conversation.checkpoint == {"step": "second"}
        assert (conversation.email, conversation.email_confirmed, conversation.notice_heard) == (
            "jane@example.com",
            True,
            True,
        )


async def test_the_end_is_one_transaction_that_closes_what_twilio_has_ended(database_url: str) -> None:
    async with a_recorder(database_url) as (recorder, sessions):
        over = await a_call(sessions, status=CallStatus.COMPLETED)
        recorder.note(over, [a_turn(1)], a_standing("end"))
        assert await recorder.finish(over, FINISHED, 3)
        call, conversation = await rows_of(sessions, over)
        assert (call.media_state, call.next_step) == (MediaState.FINISHED, NextStep.HANG_UP)
        assert conversation.outcome == Outcome.ANSWERED
        assert conversation.closed_at is not None
        assert len(await turns_of(sessions, over)) == 1

        going_on = await a_call(sessions)
        assert await recorder.finish(going_on, FINISHED, 3)
        call, conversation = await rows_of(sessions, going_on)
        assert call.media_state == MediaState.FINISHED
        assert conversation.closed_at is None
        async with sessions() as session:
            written = (await session.scalars(select(OutboxRow.order_key))).all()
        assert str(going_on.conversation_id) not in written


async def test_a_process_whose_call_was_taken_over_adds_its_turns_and_decides_nothing(database_url: str) -> None:
    async with a_recorder(database_url) as (recorder, sessions):
        key = await a_call(sessions)
        async with sessions.begin() as session:
            await session.execute(update(Call).where(Call.id == key.call_id).values(stream_generation=2))
        recorder.note(key, [a_turn(1, "late")], a_standing("old"))
        assert await recorder.finish(key, FINISHED, 3)
        call, conversation = await rows_of(sessions, key)
        assert call.media_state == MediaState.CONNECTED
        assert conversation.checkpoint == {}
        assert conversation.outcome is None
        assert [turn.text for turn in await turns_of(sessions, key)] == ["late"]


async def test_a_lost_stream_leaves_no_outcome(database_url: str) -> None:
    async with a_recorder(database_url) as (recorder, sessions):
        key = await a_call(sessions)
        assert await recorder.finish(key, Ending(MediaState.LOST), 3)
        call, conversation = await rows_of(sessions, key)
        assert (call.media_state, call.next_step, conversation.outcome) == (MediaState.LOST, None, None)


async def test_what_the_database_refuses_stops_nobody_else(database_url: str) -> None:
    async with a_recorder(database_url) as (recorder, sessions):
        good = await a_call(sessions)
        stranger = replace(good, conversation_id=uuid4())
        too_long = await a_call(sessions)
        recorder.note(stranger, [a_turn(1)])
        recorder.note(too_long, [replace(a_turn(1), phase="x" * 100)])
        recorder.note(good, [a_turn(1)], a_standing("first"))
        await until_stored(sessions, good, 1)
        assert await recorder.finish(too_long, FINISHED, 3)
        call, _ = await rows_of(sessions, too_long)
        assert call.media_state == MediaState.FINISHED


async def test_a_turn_that_is_noted_again_is_there_once_as_it_was_noted_last(database_url: str) -> None:
    async with a_recorder(database_url) as (recorder, sessions):
        key = await a_call(sessions)
        earlier = a_turn(1, "First")
        later = a_turn(1, "First, and more")
        for turn in (earlier, later, earlier):
            recorder.note(key, [turn])
            assert await recorder.drain(3) == 0
        recorder.note(key, [a_turn(2, "Second")])
        recorder.note(key, [a_turn(2, "Second, and more")])
        assert await recorder.finish(key, FINISHED, 3)
        texts = [turn.text for turn in await turns_of(sessions, key)]
        assert texts == ["First, and more", "Second, and more"]


async def test_card_numbers_and_characters_no_database_takes_are_not_stored(database_url: str) -> None:
    async with a_recorder(database_url) as (recorder, sessions):
        key = await a_call(sessions)
        recorder.note(key, [a_turn(1, "my card is 4111 1111 1111 1111 \x00\ud800 thanks")])
        turns = await until_stored(sessions, key, 1)
        assert turns[0].text == "my card is [card]  thanks"


async def test_a_database_that_is_away_gets_everything_when_it_comes_back(database_url: str) -> None:
    async with before(database_url) as (proxy, address), a_recorder(address) as (recorder, sessions):
        keys = [await a_call(sessions) for _ in range(3)]
        recorder.note(keys[0], [a_turn(1)])
        await until_stored(sessions, keys[0], 1)
        proxy.cut()
        for number in range(2, 30):
            for key in keys:
                recorder.note(key, [a_turn(number, f"turn {number}")], a_standing(f"step {number}"))
            await asyncio.sleep(0.02)
        assert not await recorder.finish(keys[0], FINISHED, 0.5)
        assert await recorder.drain(0.2) == 28 * 3
        proxy.mend()
        for key in keys:
            turns = await until_stored(sessions, key, 28, within_s=10)
            assert [turn.text for turn in turns][-28:] == [f"turn {number}" for number in range(2, 30)]
        assert await recorder.drain(3) == 0
        call, conversation = await rows_of(sessions, keys[0])
        assert call.media_state == MediaState.FINISHED
        assert conversation.checkpoint == {"step": "step 29"}


async def test_what_waits_is_bounded(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_TURNS_WAITING", 50)
    async with before(database_url) as (proxy, address), a_recorder(address) as (recorder, sessions):
        key = await a_call(sessions)
        proxy.cut()
        for number in range(1, 100):
            recorder.note(key, [a_turn(number)], a_standing(f"step {number}"))
        proxy.mend()
        assert await recorder.drain(10) == 0
        assert len(await turns_of(sessions, key)) == 50
        _, conversation = await rows_of(sessions, key)
        assert conversation.checkpoint == {"step": "step 99"}


async def test_of_many_that_claim_a_call_one_gets_it(database_url: str) -> None:
    async with a_recorder(database_url) as (_, sessions):
        key = await a_call(sessions, generation=3)
        async with sessions.begin() as session:
            await session.execute(
                update(Call).values(media_state=MediaState.EXPECTED, next_step="transfer", status="ringing")
            )
            call_sid = (await session.get_one(Call, key.call_id)).call_sid
        assert await claim(sessions, call_sid, 2) is None
        claims = await asyncio.gather(*(claim(sessions, call_sid, 3) for _ in range(6)))
        taken = [one for one in claims if one is not None]
        assert len(taken) == 1
        assert taken[0].first_turn == 2001
        call, _ = await rows_of(sessions, key)
        assert (call.media_state, call.next_step) == (MediaState.CONNECTED, None)
        assert call.status == CallStatus.IN_PROGRESS
        assert call.answered_at is not None


def a_session(**fields: Any) -> SessionNote:
    used = (
        Used(Product("deepgram", "nova-3"), Unit.SECONDS, Decimal(60)),
        Used(Product("deepgram", "flux voice"), Unit.CHARACTERS, Decimal(500)),
    )
    values: dict[str, Any] = {
        "transport": Transport.MEDIA_STREAMS, "seconds": 61.5, "interruptions": 1, "false_interruptions": 2,
        "silences": 3, "kept_characters": 40, "used": used,
    }  # fmt: skip
    return SessionNote(**{**values, **fields})


async def figures_of(sessions: AsyncSessions, key: CallKey) -> tuple[list[CallSession], list[Charge]]:
    async with sessions() as session:
        left = select(CallSession).where(CallSession.call_id == key.call_id).order_by(CallSession.generation)
        charged = select(Charge).where(Charge.conversation_id == key.conversation_id)
        ordered = charged.order_by(Charge.contributor, Charge.item)
        return list(await session.scalars(left)), list(await session.scalars(ordered))


async def test_figures_are_written_with_the_end_and_priced_where_a_price_is_known(database_url: str) -> None:
    async with a_recorder(database_url) as (recorder, sessions):
        key = await a_call(sessions)
        assert await recorder.finish(key, replace(FINISHED, session=a_session()), 3)
        ((session,), (unpriced, priced)) = await figures_of(sessions, key)
        assert (session.generation, session.seconds, session.silences, session.kept_characters) == (1, 61.5, 3, 40)
        assert (priced.item, priced.amount, priced.currency) == ("nova-3", Decimal("0.0048"), "USD")
        assert priced.rate_valid_from == date(2026, 5, 5)
        assert (unpriced.item, unpriced.quantity) == ("flux voice", Decimal(500))
        assert unpriced.amount is None


async def test_a_call_that_goes_on_elsewhere_adds_up_and_nothing_counts_twice(database_url: str) -> None:
    async with a_recorder(database_url) as (recorder, sessions):
        key = await a_call(sessions)
        left = replace(Ending(MediaState.LOST), session=a_session())
        assert await recorder.finish(key, left, 3)
        assert await recorder.finish(key, left, 3), "its end is reported again"
        async with sessions.begin() as session:
            taken_over = update(Call).where(Call.id == key.call_id)
            await session.execute(taken_over.values(stream_generation=2, media_state=MediaState.CONNECTED))
        late = replace(FINISHED, session=a_session(seconds=5.0))
        assert await recorder.finish(key, late, 3), "the old process says its end once more, after the new one came"
        following = CallKey(key.call_id, key.conversation_id, 2)
        assert await recorder.finish(following, replace(FINISHED, session=a_session(seconds=9.0)), 3)
        found, charges = await figures_of(sessions, key)
        assert [(one.generation, one.seconds) for one in found] == [(1, 61.5), (2, 9.0)]
        assert [one.contributor for one in charges] == ["voice:1", "voice:1", "voice:2", "voice:2"]
        assert (await rows_of(sessions, key))[0].media_state == MediaState.FINISHED
