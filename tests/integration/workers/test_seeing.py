"""Flower and the watch: every queue and task is seen, by those who sign in."""

from __future__ import annotations

import re
import signal
from uuid import uuid4

import httpx
from sqlalchemy import func, select

from lab.kayako.faults import KayakoFault
from lab.stack.ports import free_ports
from shared.contracts.tasks import Queue, TaskName
from shared.contracts.tickets import TicketState
from shared.database.engine import Sessions
from shared.database.models import DeadLetter, OutboxRow, Ticket
from tests.background import Background, ends
from tests.conversations import a_conversation, close
from tests.lab_kayako import LabKayako
from tests.waiting import wait_for

PASSWORD = "a long password of the tests"


def figure(metrics: str, name: str, **labels: str) -> float:
    """The value of one series; each exists from the start."""
    wanted = "{" + ",".join(f'{key}="{labels[key]}"' for key in sorted(labels)) + "}" if labels else ""
    found = re.search(rf"^callwright_{name}{re.escape(wanted)} (\S+)$", metrics, re.MULTILINE)
    assert found is not None, f"no series {name}{wanted}"
    return float(found.group(1))


def test_flower_and_the_watch_show_every_queue_and_task(
    programs: Background, sessions: Sessions, kayako: LabKayako
) -> None:
    flower_port, watch_port = free_ports(2)
    signed_in = {"FLOWER_USER": "desk", "FLOWER_PASSWORD": PASSWORD}
    flower = programs.start("flower", LISTEN_PORT=str(flower_port), **signed_in)
    watch = programs.start("watch", LISTEN_PORT=str(watch_port))
    programs.relay()
    programs.worker(Queue.TICKETS)
    programs.worker(Queue.SUMMARIES)
    programs.wait()
    metrics_url = f"http://127.0.0.1:{watch_port}/metrics"
    for task in TaskName:
        for outcome in ("succeeded", "retried", "failed"):
            assert figure(httpx.get(metrics_url).text, "tasks_total", outcome=outcome, task=task.value) == 0
    with sessions.begin() as session:
        close(session, a_conversation(session))

    def opened() -> bool:
        with sessions() as session:
            return session.scalars(select(Ticket.state)).one() == TicketState.OPEN

    wait_for(opened, 20, "the ticket")
    kayako.fail(KayakoFault.FORBIDDEN, "POST /cases")
    with sessions.begin() as session:
        close(session, a_conversation(session))
        nobody = uuid4()
        session.add(OutboxRow(task=TaskName.EMBED_ARTICLE.value, order_key="x", payload={"article_id": str(nobody)}))

    def letters() -> int:
        with sessions() as session:
            return session.scalar(select(func.count()).select_from(DeadLetter)) or 0

    wait_for(lambda: letters() == 1, 20, "the refused ticket's letter")
    _flower(f"http://127.0.0.1:{flower_port}")
    _figures(metrics_url)
    assert httpx.get(f"http://127.0.0.1:{watch_port}/health/dependencies").json()["redis"]["ok"]
    for program in (flower, watch):
        program.process.terminate()
    assert ends(flower, 8) == 0
    assert ends(watch, 8) in (0, -signal.SIGTERM), "uvicorn lets the signal end the process once all is closed"


def _flower(address: str) -> None:
    for path in ("/", "/api/tasks", "/api/workers", "/api/queues/length", "/tasks", "/broker"):
        assert httpx.get(address + path).status_code == 401, path
        assert httpx.get(address + path, auth=("desk", "wrong")).status_code == 401, path
    with httpx.Client(base_url=address, auth=("desk", PASSWORD), timeout=10) as client:
        tasks = client.get("/api/tasks").json().values()
        assert {"tickets.open_ticket", "summaries.summarise_conversation"} <= {task["name"] for task in tasks}
        assert {"SUCCESS", "FAILURE"} <= {task["state"] for task in tasks}
        lengths = {
            queue["name"]: queue["messages"] for queue in client.get("/api/queues/length").json()["active_queues"]
        }
        assert set(lengths) == {queue.value for queue in Queue}
        assert lengths["embedding"] == 1
        assert client.get("/tasks").status_code == 200
        refused = client.post("/api/worker/shutdown/tickets")
        assert refused.status_code == 403, "a window has no buttons"


def _figures(address: str) -> None:
    def seen() -> bool:
        text = httpx.get(address).text
        return (
            figure(text, "tickets", state="open") == 1
            and figure(text, "dead_letters", queue="tickets") == 1
            and figure(text, "tasks_total", outcome="failed", task="tickets.open_ticket") == 1
        )

    wait_for(seen, 20, "the figures to be measured")
    text = httpx.get(address).text
    assert figure(text, "tickets", state="parked") == 1
    assert figure(text, "tasks_total", outcome="succeeded", task="tickets.open_ticket") == 1
    assert figure(text, "tasks_total", outcome="succeeded", task="summaries.summarise_conversation") == 2
    assert figure(text, "task_seconds_count", task="tickets.open_ticket") == 1
    assert figure(text, "task_wait_seconds_count", queue="tickets") >= 1
    assert figure(text, "queue_waiting", queue="embedding") == 1
    assert figure(text, "queue_waiting", queue="analytics") == 2
    assert figure(text, "queue_running", queue="tickets") == 0
    assert figure(text, "outbox_pending") == 0
    assert figure(text, "ticket_delay_seconds_count") == 1
    assert figure(text, "tickets_duplicate_total") == 0
