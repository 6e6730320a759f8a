"""What the record disagrees with itself about is found, counted, shown, and mended where that is safe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from prometheus_client import REGISTRY
from sqlalchemy import delete, func, select, text, update

from services.workers import watch_metrics
from services.workers.analytics_tasks import write_facts
from services.workers.findings import Found, note_findings
from services.workers.reconciliation import LATE, MOST_AT_ONCE, reconcile_record
from services.workers.record_figures import RecordFigures
from shared.contracts.calls import NextStep
from shared.contracts.reconciliation import Finding
from shared.contracts.tasks import TaskName
from shared.database.engine import Sessions
from shared.database.models import Call, Conversation, ConversationFacts, OutboxRow, Reconciliation
from tests.conversations import a_conversation, close

STILL_FOR = timedelta(minutes=1)
LONG_AGO = datetime.now(UTC) - LATE * 2


def found(sessions: Sessions) -> dict[Finding, int]:
    return {kind: one.found for kind, one in reconcile_record(sessions, STILL_FOR).items() if one.found}


def closed(sessions: Sessions, at: datetime) -> UUID:
    """A conversation that was closed then, whose messages were all sent then."""
    with sessions.begin() as session:
        call = a_conversation(session)
        close(session, call)
        session.flush()
        session.execute(update(Conversation).where(Conversation.id == call.conversation_id).values(closed_at=at))
        session.execute(update(OutboxRow).where(OutboxRow.sent_at.is_(None)).values(sent_at=at, due_at=at))
        return call.conversation_id


def ordered(sessions: Sessions) -> list[str]:
    with sessions() as session:
        waiting = select(OutboxRow.order_key).where(
            OutboxRow.task == TaskName.RECORD_CONVERSATION, OutboxRow.sent_at.is_(None)
        )
        return list(session.scalars(waiting))


def test_a_record_in_order(sessions: Sessions) -> None:
    conversation_id = closed(sessions, LONG_AGO)
    with sessions.begin() as session:
        write_facts(session, conversation_id)
        a_conversation(session)
    assert found(sessions) == {}
    assert ordered(sessions) == []


def test_figures_whose_message_redis_lost_are_ordered_again_once(sessions: Sessions) -> None:
    lost, lately = closed(sessions, LONG_AGO), closed(sessions, datetime.now(UTC))
    assert found(sessions) == {Finding.FIGURES_MISSING: 1}
    assert ordered(sessions) == [str(lost)]
    assert found(sessions) == {}, "it is on its way"
    with sessions.begin() as session:
        session.execute(update(OutboxRow).values(sent_at=func.now()))
    assert found(sessions) == {}, "it was sent a moment ago"
    with sessions.begin() as session:
        write_facts(session, lost)
        write_facts(session, lately)
        session.execute(update(OutboxRow).values(sent_at=LONG_AGO))
    assert found(sessions) == {}


def test_calls_without_an_end_words_without_a_call_and_rows_that_nobody_publishes(sessions: Sessions) -> None:
    with sessions.begin() as session:
        quiet, with_a_person, carried = (a_conversation(session) for _ in range(3))
        session.add(OutboxRow(task="tickets.open_ticket", order_key="x", payload={}, due_at=LONG_AGO))
    with sessions.begin() as session:
        for call, step in ((quiet, None), (with_a_person, NextStep.TRANSFER)):
            old = {"updated_at": LONG_AGO}
            session.execute(update(Call).where(Call.id == call.id).values(next_step=step, **old))
            session.execute(update(Conversation).where(Conversation.id == call.conversation_id).values(**old))
        session.execute(delete(Call).where(Call.id == carried.id))
        session.execute(
            update(Conversation).where(Conversation.id == carried.conversation_id).values(started_at=func.now())
        )
    assert found(sessions) == {
        Finding.CALL_WITHOUT_END: 1,
        Finding.TURN_WITHOUT_CALL: 1,
        Finding.OUTBOX_ROW_OLD: 1,
    }


def test_one_look_orders_no_more_than_a_queue_can_bear(sessions: Sessions) -> None:
    conversation_id = closed(sessions, LONG_AGO)
    copied = "agent_id, channel, language, trace_id, started_at, closed_at, outcome"
    with sessions.begin() as session:
        session.execute(
            text(
                f"INSERT INTO conversations (id, {copied}) SELECT gen_random_uuid(), {copied} FROM conversations, "
                f"generate_series(1, {MOST_AT_ONCE}) WHERE id = '{conversation_id}'"
            )
        )
    assert found(sessions)[Finding.FIGURES_MISSING] == MOST_AT_ONCE
    assert found(sessions)[Finding.FIGURES_MISSING] == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(ConversationFacts)) == 0


def test_what_was_found_is_replaced_what_was_mended_adds_up_and_both_are_shown(sessions: Sessions) -> None:
    watch_metrics.initialise()
    figures = RecordFigures(sessions)

    def shown(name: str) -> float | None:
        return REGISTRY.get_sample_value(f"callwright_reconciliation_{name}", {"kind": "ticket_forgotten"})

    before = shown("mended_total") or 0
    note_findings(sessions, {Finding.TICKET_FORGOTTEN: Found(3, 3), Finding.CASE_WITHOUT_TICKET: Found(1)})
    figures.measure()
    figures.measure()
    assert (shown("found"), shown("mended_total")) == (3, before + 3)
    note_findings(sessions, {Finding.TICKET_FORGOTTEN: Found(1, 1)})
    figures.measure()
    assert (shown("found"), shown("mended_total")) == (1, before + 4)
    note_findings(sessions, {Finding.TICKET_FORGOTTEN: Found(0)})
    figures.measure()
    assert (shown("found"), shown("mended_total")) == (0, before + 4)
    with sessions() as session:
        assert session.get_one(Reconciliation, Finding.CASE_WITHOUT_TICKET.value).found == 1
