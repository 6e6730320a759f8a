"""What happens by the clock: once per period, whoever asks, and the same after a restart."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from lab.kayako.folder import load_folder
from services.workers.periods import claim_period, period_of
from services.workers.pruning import prune
from services.workers.schedule import PERIODIC
from services.workers.stale_calls import close_stale
from shared.contracts.tasks import Queue, TaskName
from shared.database.engine import Sessions
from shared.database.models import (
    Agent,
    Article,
    Call,
    Conversation,
    DeadLetter,
    InboxRow,
    OutboxRow,
    PeriodClaim,
    Ticket,
)
from tests.background import Background, ends
from tests.conversations import a_conversation, an_agent
from tests.lab_kayako import LabKayako
from tests.waiting import wait_for

NOW = datetime(2026, 11, 20, 12, 0, 7, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def count(sessions: Sessions, table: type[Any]) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize(
    ("length", "begins"),
    [
        (timedelta(seconds=15), NOW.replace(second=0)),
        (timedelta(minutes=10), NOW.replace(second=0)),
        (timedelta(days=1), NOW.replace(hour=0, second=0)),
    ],
)
def test_a_period_begins_where_all_clocks_agree(length: timedelta, begins: datetime) -> None:
    assert period_of(NOW, length) == begins
    assert period_of(begins, length) == begins
    assert period_of(begins + length - timedelta(microseconds=1), length) == begins
    assert period_of(begins + length, length) == begins + length


def test_a_period_is_claimed_once(sessions: Sessions) -> None:
    quarter = timedelta(seconds=15)
    assert claim_period(sessions, "a", NOW, quarter)
    assert not claim_period(sessions, "a", NOW + timedelta(seconds=5), quarter)
    assert claim_period(sessions, "b", NOW, quarter)
    assert claim_period(sessions, "a", NOW + quarter, quarter)


def forget_the_end(sessions: Sessions, call: Call) -> None:
    """As if one side had reported a minute ago and the other one never."""
    with sessions.begin() as session:
        session.execute(update(Call).where(Call.id == call.id).values(status="in-progress", updated_at=LONG_AGO))


def test_a_call_whose_end_was_never_reported_is_closed_with_everything_that_follows(sessions: Sessions) -> None:
    with sessions.begin() as session:
        stale, fresh = a_conversation(session), a_conversation(session)
    forget_the_end(sessions, stale)
    assert close_stale(sessions, datetime.now(UTC)) == 1
    assert close_stale(sessions, datetime.now(UTC)) == 0
    with sessions() as session:
        closed = session.get_one(Conversation, stale.conversation_id)
        assert closed.closed_at is not None
        assert session.get_one(Conversation, fresh.conversation_id).closed_at is None
        assert session.scalars(select(Ticket.conversation_id)).one() == stale.conversation_id
        traces = set(session.scalars(select(OutboxRow.trace_id)))
    assert traces == {closed.trace_id}


def test_pruning_deletes_only_what_was_kept_to_recognise_repeats(sessions: Sessions) -> None:
    letter = {"task": "tickets.open_ticket", "queue": "tickets", "payload": {}, "error": "x", "reason": "x"}
    with sessions.begin() as session:
        for moment in (LONG_AGO, datetime.now(UTC)):
            session.add_all(
                [
                    OutboxRow(task="x", order_key="x", payload={}, sent_at=moment),
                    OutboxRow(task="x", order_key="waits", payload={}, created_at=moment, due_at=moment),
                    InboxRow(message_id=uuid4(), consumer="x", taken_at=moment),
                    PeriodClaim(job="x", period=moment, claimed_at=moment),
                    DeadLetter(task_id=uuid4(), failed_at=moment, replayed_at=moment, **letter),
                    DeadLetter(task_id=uuid4(), failed_at=moment, **letter),
                ]
            )
    assert prune(sessions) == 4
    left = {table: count(sessions, table) for table in (OutboxRow, InboxRow, PeriodClaim, DeadLetter)}
    assert left == {OutboxRow: 3, InboxRow: 1, PeriodClaim: 1, DeadLetter: 3}
    assert prune(sessions) == 0


def test_two_schedulers_run_every_job_once_per_period(
    programs: Background, sessions: Sessions, kayako: LabKayako, chroma_url: str, tmp_path: Path
) -> None:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "restart.md").write_text("---\ntitle: Restart your router\n---\nHold the button.\n")
    load_folder(kayako.desk.help_centre, tmp_path / "articles")
    with sessions.begin() as session:
        stale = a_conversation(session, an_agent(session, knowledge_collection="help"))
    forget_the_end(sessions, stale)
    programs.relay()
    programs.worker(Queue.MAINTENANCE, CHROMA_URL=chroma_url)
    programs.worker(Queue.EMBEDDING, CHROMA_URL=chroma_url, WORKER_LONGEST_TASK_S="60")
    beats = [programs.start("beat"), programs.start("beat")]
    programs.wait()
    wait_for(lambda: count(sessions, Ticket) == 1, 30, "the stale call to be closed")
    wait_for(lambda: count(sessions, Article) > 0, 30, "the help centre to be imported")

    def claims() -> dict[str, int]:
        with sessions() as session:
            found = session.execute(select(PeriodClaim.job, func.count()).group_by(PeriodClaim.job))
            return dict(found.all())

    wait_for(lambda: len(claims()) == len(PERIODIC), 30, "every job to have run")
    once = {
        TaskName.SWEEP_TICKETS.value,
        TaskName.SYNC_KNOWLEDGE.value,
        TaskName.RECONCILE_RECORD.value,
        TaskName.PRUNE_RECORDS.value,
    }
    assert {job: claims()[job] for job in once} == dict.fromkeys(once, 1)
    with sessions() as session:
        assert set(session.scalars(select(Article.collection))) == {"help"}
        assert session.scalar(select(func.count()).select_from(Agent)) == 1
    # somebody asks for another collection: that is no period of the clock
    with sessions.begin() as session:
        session.add(OutboxRow(task=TaskName.SYNC_KNOWLEDGE.value, order_key="x", payload={"collection": "other"}))

    def collections() -> set[str]:
        with sessions() as session:
            return set(session.scalars(select(Article.collection)))

    wait_for(lambda: collections() == {"help", "other"}, 30, "the other collection to be filled")

    def embedded() -> bool:
        with sessions() as session:
            return set(session.scalars(select(Article.indexed_version))) == {1}

    wait_for(embedded, 30, "both articles to have their vectors")
    assert claims()[TaskName.SYNC_KNOWLEDGE.value] == 1
    assert not kayako.desk.cases
    for beat in beats:
        beat.process.send_signal(signal.SIGTERM)
    assert [ends(beat, 8) for beat in beats] == [0, 0]
