"""Real workers: one whole ticket per conversation, whatever is killed, and public letters for what gave up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update

from lab.kayako.faults import KayakoFault
from lab.kayako.views import view_of
from lab.stack import servers as server_programs
from lab.stack.place import Place
from lab.stack.ports import free_ports
from lab.stack.program import start, stop, wait_until_ready
from services.workers.app import BackgroundSettings, make_app
from services.workers.dead_letters import replay
from services.workers.durable import TRACE
from shared.contracts.tasks import Queue, TaskName
from shared.contracts.tickets import TicketState
from shared.database.engine import Sessions
from shared.database.models import ConversationFacts, DeadLetter, OutboxRow, Ticket
from shared.observability.context import bound
from tests.background import Background, ends
from tests.conversations import a_conversation, close
from tests.lab_kayako import LabKayako
from tests.waiting import wait_for

ANSWER_S = 20.0
TRACE_ID = "c" * 32


def closed(sessions: Sessions) -> UUID:
    """The ticket of a conversation that has just been closed."""
    with bound(trace_id=TRACE_ID), sessions.begin() as session:
        return close(session, a_conversation(session))


def ticket(sessions: Sessions, ticket_id: UUID) -> Ticket:
    with sessions() as session:
        return session.get_one(Ticket, ticket_id)


def stands(sessions: Sessions, *ticket_ids: UUID) -> Callable[[], bool]:
    return lambda: all(ticket(sessions, ticket_id).state == TicketState.OPEN for ticket_id in ticket_ids)


def one_whole_case(kayako: LabKayako, sessions: Sessions, ticket_id: UUID) -> None:
    row = ticket(sessions, ticket_id)
    (case,) = kayako.active(row.marker)
    assert row.case_id == case.id
    assert [post.client_id for post in view_of(kayako.desk, case).posts] == [None, f"{row.marker}:transcript:1"]


def letters(sessions: Sessions) -> list[DeadLetter]:
    with sessions() as session:
        return list(session.scalars(select(DeadLetter).order_by(DeadLetter.failed_at)))


def command(programs: Background, *arguments: str) -> tuple[int, str]:
    """A command for people, with the environment of the programs."""
    environment = {"PATH": os.environ["PATH"], **programs.environment}
    done = subprocess.run(
        [sys.executable, "-m", "services.workers", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def send(redis_url: str) -> Callable[..., None]:
    """Publishes a task by hand, as a broker that delivers twice would."""

    def publish(task: str, task_id: UUID, queue: Queue | None = None, **arguments: str) -> None:
        app = make_app(BackgroundSettings(redis_url=SecretStr(redis_url)))
        where = queue or TaskName(task).queue
        app.send_task(str(task), kwargs=arguments, task_id=str(task_id), queue=where.value, headers={TRACE: TRACE_ID})
        app.close()

    return publish


def test_from_hang_up_to_ticket(
    programs: Background, sessions: Sessions, kayako: LabKayako, send: Callable[..., None]
) -> None:
    programs.relay()
    tickets = programs.worker(Queue.TICKETS)
    programs.worker(Queue.SUMMARIES)
    programs.worker(Queue.ANALYTICS)
    programs.wait()
    ticket_ids = [closed(sessions) for _ in range(5)]
    wait_for(stands(sessions, *ticket_ids), ANSWER_S, "five tickets")
    for ticket_id in ticket_ids:
        one_whole_case(kayako, sessions, ticket_id)
    # the same messages again, several times over
    for _ in range(4):
        for ticket_id in ticket_ids[:2]:
            send(TaskName.OPEN_TICKET, uuid4(), ticket_id=str(ticket_id))
    late = closed(sessions)
    for _ in range(6):
        send(TaskName.OPEN_TICKET, uuid4(), ticket_id=str(late))
    wait_for(stands(sessions, late), ANSWER_S, "the ticket that was delivered seven times")
    for ticket_id in (*ticket_ids, late):
        one_whole_case(kayako, sessions, ticket_id)
    _one_row_of_figures_each(sessions, send)
    _the_trace_leads_to_the_task(tickets.log.read_text(encoding="utf-8"))
    _a_stop_gives_back_nothing_and_loses_nothing(programs, sessions, kayako)


def _one_row_of_figures_each(sessions: Sessions, send: Callable[..., None]) -> None:
    def facts() -> int:
        with sessions() as session:
            return session.scalar(select(func.count()).select_from(ConversationFacts)) or 0

    wait_for(lambda: facts() == 6, ANSWER_S, "a row of figures per conversation")
    with sessions() as session:
        row = session.scalars(select(ConversationFacts)).first()
        assert row is not None
        send(TaskName.RECORD_CONVERSATION, uuid4(), conversation_id=str(row.conversation_id))
    assert (row.caller_turns, row.assistant_turns, row.interruptions) == (2, 3, 0)
    assert (row.answer_ms_median, row.answer_ms_worst) == (640, 640)
    assert (row.questions, row.questions_found, row.outcome) == (1, 1, "answered")
    assert row.stages == {"answer": {"count": 1, "median_ms": 640, "worst_ms": 640}}
    assert row.cost["known"] == {}
    assert len(row.cost["unknown"]) == 2, "neither Twilio nor a voice process has left a figure"


def _the_trace_leads_to_the_task(log: str) -> None:
    events = [orjson.loads(line) for line in log.splitlines() if line.startswith("{")]
    opened = [event for event in events if event["event"] == "ticket_opened"]
    assert len(opened) == 6
    assert {event["trace_id"] for event in opened} == {TRACE_ID}
    assert all(event["task"] == "tickets.open_ticket" and event["task_id"] for event in opened)
    assert "+13125550142" not in log
    assert "router" not in log.lower()


def _a_stop_gives_back_nothing_and_loses_nothing(programs: Background, sessions: Sessions, kayako: LabKayako) -> None:
    """SIGTERM in the middle of a create call: the worker finishes it and leaves."""
    slow = kayako.fail(KayakoFault.SLOW_ANSWER, "POST /cases", times=1, seconds=1.5)
    ticket_id = closed(sessions)
    wait_for(lambda: slow.fired, ANSWER_S, "the create call to begin")
    worker = programs.started[1]
    worker.process.send_signal(signal.SIGTERM)
    assert ends(worker, 12) == 0
    wait_for(stands(sessions, ticket_id), 1, "the ticket that was under way")
    one_whole_case(kayako, sessions, ticket_id)


def test_kills_in_the_middle_of_the_create_call(programs: Background, sessions: Sessions, kayako: LabKayako) -> None:
    """A child is killed, then the whole worker; what each left behind ends as one whole ticket."""
    programs.relay()
    programs.worker(Queue.SUMMARIES)
    first = programs.worker(Queue.TICKETS)
    programs.wait()
    slow = kayako.fail(KayakoFault.SLOW_ANSWER, "POST /cases", seconds=4)
    ticket_ids = [closed(sessions) for _ in range(3)]
    wait_for(lambda: slow.fired >= 2, ANSWER_S, "two create calls to be under way")
    victim = programs.children(first)[0]
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: slow.fired >= 3, ANSWER_S, "the next create call in a new child")
    programs.kill(first)
    kayako.heal()
    assert not any(stands(sessions, ticket_id)() for ticket_id in ticket_ids[:2])
    second = programs.worker(Queue.TICKETS)
    programs.wait(second)
    wait_for(stands(sessions, *ticket_ids), 60, "three tickets after the kills")
    for ticket_id in ticket_ids:
        one_whole_case(kayako, sessions, ticket_id)
    assert len(kayako.desk.cases) == 3
    assert letters(sessions) == []


def test_what_gives_up_is_a_letter_that_people_read_and_replay(
    programs: Background, sessions: Sessions, kayako: LabKayako, send: Callable[..., None]
) -> None:
    programs.relay()
    programs.worker(Queue.TICKETS, KAYAKO_TIMEOUT_S="60")
    programs.worker(Queue.SUMMARIES)
    programs.wait()
    assert command(programs, "dead-letters") == (0, "No task has given up.\n")
    kayako.fail(KayakoFault.FORBIDDEN, "POST /cases")
    refused = closed(sessions)
    wait_for(lambda: letters(sessions), ANSWER_S, "the letter of the refused ticket")
    (letter,) = letters(sessions)
    assert (letter.task, letter.queue, letter.error) == ("tickets.open_ticket", "tickets", "Parked")
    assert letter.payload == {"ticket_id": str(refused)}
    assert letter.reason.startswith("Kayako refuses POST cases: ")
    assert ticket(sessions, refused).state == TicketState.PARKED
    status, listed = command(programs, "dead-letters")
    assert status == 0
    assert str(letter.task_id) in listed
    assert letter.reason in listed
    kayako.heal()
    assert command(programs, "replay", str(uuid4()))[0] == 1
    assert command(programs, "replay", str(letter.task_id)) == (0, "1 queued again\n")
    wait_for(stands(sessions, refused), ANSWER_S, "the replayed ticket")
    one_whole_case(kayako, sessions, refused)
    _a_task_of_a_newer_version_is_kept(sessions, send)
    _a_task_that_cannot_be_done_is_parked_once(sessions)
    _a_task_that_runs_too_long_is_stopped_and_tried_again(sessions, kayako)


def _a_task_of_a_newer_version_is_kept(sessions: Sessions, send: Callable[..., None]) -> None:
    """What this worker does not know is a letter, and a newer worker gets it by a replay."""
    task_id = uuid4()
    send("tickets.merge_tickets", task_id, ticket_id=str(task_id), queue=Queue.TICKETS)
    wait_for(lambda: len(letters(sessions)) == 2, ANSWER_S, "the letter of the unknown task")
    with sessions.begin() as session:
        letter = session.get_one(DeadLetter, task_id)
        assert (letter.task, letter.error, letter.trace_id) == ("tickets.merge_tickets", "UnknownTask", TRACE_ID)
        assert letter.payload == {"ticket_id": str(task_id)}
        assert replay(session, None) == 1
        assert replay(session, None) == 0
    with sessions() as session:
        (row,) = session.scalars(select(OutboxRow).where(OutboxRow.task == "tickets.merge_tickets"))
        assert (row.payload, row.trace_id) == ({"ticket_id": str(task_id)}, TRACE_ID)


def _a_task_that_cannot_be_done_is_parked_once(sessions: Sessions) -> None:
    """An error nobody foresaw: parked at once, without the words of its message."""
    nobody = uuid4()
    with sessions.begin() as session:
        session.add(
            OutboxRow(task=TaskName.OPEN_TICKET.value, order_key=str(nobody), payload={"ticket": "secret words"})
        )
    wait_for(lambda: len(letters(sessions)) == 3, ANSWER_S, "the letter of the broken task")
    broken = letters(sessions)[2]
    assert broken.error == "TypeError"
    assert "secret" not in broken.reason


def _a_task_that_runs_too_long_is_stopped_and_tried_again(sessions: Sessions, kayako: LabKayako) -> None:
    """The soft limit ends the run; the hard one never strikes, and the case is found instead of made again."""
    kayako.fail(KayakoFault.SLOW_ANSWER, "POST /cases", times=1, seconds=30)
    ticket_id = closed(sessions)
    wait_for(stands(sessions, ticket_id), 30, "the ticket")
    one_whole_case(kayako, sessions, ticket_id)
    assert ticket(sessions, ticket_id).attempts == 1
    assert len(letters(sessions)) == 3


def test_a_failing_help_desk_ends_as_a_letter_and_the_sweep_replays_it(
    programs: Background, sessions: Sessions, kayako: LabKayako
) -> None:
    programs.relay()
    programs.worker(Queue.TICKETS)
    programs.worker(Queue.MAINTENANCE, CHROMA_URL="http://127.0.0.1:9")
    programs.wait()
    kayako.fail(KayakoFault.ERROR_BEFORE_COMMIT, "*/cases*")
    ticket_id = closed(sessions)
    with sessions.begin() as session:
        session.execute(update(Ticket).values(created_at=datetime(2026, 11, 1, tzinfo=UTC)))  # it has waited long
        session.execute(update(OutboxRow).values(due_at=func.now()))
    (letter,) = wait_for(lambda: letters(sessions), 60, "the letter of the exhausted ticket")
    assert letter.error in ("KayakoUnavailable", "BreakerOpen")
    assert ticket(sessions, ticket_id).state == TicketState.PLANNED
    kayako.heal()
    with sessions.begin() as session:
        long_ago = datetime(2026, 11, 1, tzinfo=UTC)
        session.execute(update(Ticket).values(updated_at=long_ago))
        session.add(OutboxRow(task=TaskName.SWEEP_TICKETS.value, order_key="sweep", payload={}))
    wait_for(stands(sessions, ticket_id), 2 * ANSWER_S, "the ticket that the sweep queued again")
    one_whole_case(kayako, sessions, ticket_id)
    assert letters(sessions)[0].replayed_at is not None


def test_a_worker_comes_back_when_redis_does(programs: Background, sessions: Sessions, tmp_path: Path) -> None:
    place = Place(tmp_path)
    program, address = server_programs.redis_server(place, *free_ports(1))
    server = start(program, place.logs)
    wait_until_ready(server)
    programs.relay(REDIS_URL=address)
    worker = programs.worker(Queue.ANALYTICS, REDIS_URL=address)
    programs.wait()

    def facts() -> int:
        with sessions() as session:
            return session.scalar(select(func.count()).select_from(ConversationFacts)) or 0

    closed(sessions)
    wait_for(lambda: facts() == 1, ANSWER_S, "the figures of the first conversation")
    stop([server])
    closed(sessions)
    wait_for(lambda: "Cannot connect" in worker.log.read_text(encoding="utf-8"), ANSWER_S, "the worker to notice")
    server = start(program, place.logs)
    try:
        wait_until_ready(server)
        wait_for(lambda: facts() == 2, 30, "the figures of the second conversation")
    finally:
        stop([server])
