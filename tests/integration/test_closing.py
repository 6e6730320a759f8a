"""When a conversation is over: both sides, the transfer between them, and what a sweep may take for over."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text, update

from shared.contracts.calls import CallStatus, MediaState, NextStep
from shared.contracts.conversations import Outcome
from shared.database.engine import Sessions, make_engine, sync_sessions
from shared.database.models import Call, CallPermission, Conversation, Ticket
from shared.record.closing import STALE, STALE_TRANSFER, close_if_over, one_sided
from shared.settings import DatabaseSettings
from tests.conversations import a_conversation
from tests.waiting import wait_for

NOW = datetime.now(UTC)


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    engine = make_engine(DatabaseSettings(database_url=SecretStr(database_url)), "test")
    yield sync_sessions(engine)
    engine.dispose()


def a_call(
    sessions: Sessions,
    status: CallStatus,
    media: MediaState,
    next_step: NextStep | None = None,
    age: timedelta = timedelta(),
) -> Call:
    """A call in this state, last changed so long ago."""
    with sessions.begin() as session:
        call = a_conversation(session)
        session.execute(
            update(Call)
            .where(Call.id == call.id)
            .values(status=status, media_state=media, next_step=next_step, updated_at=NOW - age)
        )
        return call


TALKING, OVER = CallStatus.IN_PROGRESS, CallStatus.COMPLETED


def test_a_conversation_closes_when_all_sides_are_done(sessions: Sessions) -> None:
    for status, media, next_step, over in (
        (OVER, MediaState.FINISHED, NextStep.HANG_UP, True),
        (OVER, MediaState.EXPECTED, None, True),
        (OVER, MediaState.LOST, None, True),
        (OVER, MediaState.CONNECTED, None, False),
        (TALKING, MediaState.FINISHED, NextStep.HANG_UP, False),
        (OVER, MediaState.FINISHED, NextStep.TRANSFER, False),
        (OVER, MediaState.FINISHED, NextStep.APOLOGISE, True),
    ):
        call = a_call(sessions, status, media, next_step)
        with sessions.begin() as session:
            assert close_if_over(session, call.id, NOW) is over, (status, media, next_step)
        with sessions() as session:
            assert (session.get_one(Conversation, call.conversation_id).closed_at is not None) is over


def test_who_spoke_was_not_silent_whatever_the_last_process_of_the_call_believed(sessions: Sessions) -> None:
    """A process that goes on without its predecessor's last words heard nobody; the record did: a ticket follows."""
    call = a_call(sessions, OVER, MediaState.FINISHED, NextStep.HANG_UP)
    with sessions.begin() as session:
        session.get_one(Conversation, call.conversation_id).outcome = Outcome.SILENT
    with sessions.begin() as session:
        assert close_if_over(session, call.id, NOW)
    with sessions() as session:
        assert session.get_one(Conversation, call.conversation_id).outcome == Outcome.ABANDONED
        assert session.scalars(select(Ticket.state).where(Ticket.conversation_id == call.conversation_id)).all()


JUST_NOW, A_WHILE, A_DAY = STALE / 2, STALE * 2, STALE_TRANSFER * 2


def test_what_a_sweep_takes_for_over(sessions: Sessions) -> None:
    """A person who talks with the caller is not hung up on by the record."""
    for status, media, next_step, age, stale in (
        (OVER, MediaState.CONNECTED, None, A_WHILE, True),
        (OVER, MediaState.CONNECTED, None, JUST_NOW, False),
        (TALKING, MediaState.FINISHED, NextStep.HANG_UP, A_WHILE, True),
        (TALKING, MediaState.FINISHED, None, A_WHILE, True),
        (TALKING, MediaState.LOST, None, A_WHILE, True),
        (TALKING, MediaState.LOST, None, JUST_NOW, False),
        (TALKING, MediaState.CONNECTED, None, A_DAY, False),
        (TALKING, MediaState.FINISHED, NextStep.TRANSFER, A_WHILE, False),
        (TALKING, MediaState.FINISHED, NextStep.APOLOGISE, A_WHILE, False),
        (TALKING, MediaState.FINISHED, NextStep.TAKE_MESSAGE, A_WHILE, False),
        (TALKING, MediaState.FINISHED, NextStep.TRANSFER, A_DAY, True),
        (OVER, MediaState.FINISHED, NextStep.TRANSFER, A_WHILE, True),
    ):
        call = a_call(sessions, status, media, next_step, age)
        with sessions() as session:
            found = session.scalars(select(Call.id).join(Conversation).where(one_sided(NOW))).all()
        assert (call.id in found) is stale, (status, media, next_step, age)


def test_closing_waits_for_whoever_is_storing_the_same_call(sessions: Sessions) -> None:
    """A recorder writes conversation, then call; a close that locked the call first would deadlock with it."""
    call = a_call(sessions, TALKING, MediaState.CONNECTED)
    closed: list[bool] = []

    def close() -> None:
        with sessions.begin() as session:
            closed.append(close_if_over(session, call.id, NOW))

    closing = threading.Thread(target=close)
    with sessions.begin() as session:
        session.get_one(Conversation, call.conversation_id).outcome = Outcome.FOLLOW_UP
        session.flush()
        closing.start()
        wait_for(lambda: _somebody_waits(sessions), 5, "the close waits for the conversation")
        row = session.get_one(Call, call.id)
        row.status, row.media_state = CallStatus.COMPLETED, MediaState.FINISHED
        session.flush()
    closing.join(10)
    assert closed == [True]


def _somebody_waits(sessions: Sessions) -> bool:
    with sessions() as session:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(session.execute(text(waiting)).scalar())


def test_whoever_said_no_more_calls_is_not_called_again(sessions: Sessions) -> None:
    """The checkpoint says it, whichever process wrote that last; a number that was withheld cannot be kept."""
    for number, checkpoint, kept in (
        ("+12025550161", {"opted_out": True}, 1),
        ("+12025550162", {"opted_out": False}, 0),
        ("+12025550163", {}, 0),
        (None, {"opted_out": True}, 0),
    ):
        with sessions.begin() as session:
            call = a_conversation(session, caller_address=number, checkpoint=checkpoint)
            assert close_if_over(session, call.id, NOW)
        with sessions() as session:
            found = session.scalars(
                select(CallPermission).where(CallPermission.conversation_id == call.conversation_id)
            ).all()
            assert [(one.number, one.kind, one.source) for one in found] == [(number, "opt_out", "call")] * kept
