"""`python -m services.workers <worker QUEUE | beat | relay | watch | flower | dead-letters | replay …>`.

Each runs in this very process, so that signals reach it. What a program does not use it does not import: a worker for
tickets needs no vector library.
"""

from __future__ import annotations

import argparse
import gc
import os
from importlib import import_module
from uuid import UUID

from shared.contracts.tasks import Queue
from shared.observability.logs import configure
from shared.settings import load_or_exit

TASKS = {
    queue: f"services.workers.{word}_tasks"
    for queue, word in (
        (Queue.TICKETS, "ticket"),
        (Queue.SUMMARIES, "summary"),
        (Queue.EMBEDDING, "embedding"),
        (Queue.ANALYTICS, "analytics"),
        (Queue.MAINTENANCE, "maintenance"),
    )
}
"""The module that registers a queue's tasks."""
LONG_TASKS = (Queue.EMBEDDING, Queue.MAINTENANCE)
"""A worker of these that is stopped gives its tasks back to the queue after a while. The others finish what they are
at: that takes seconds, and cuts no create call in two."""
PROGRAMS = {
    "beat": ("services.workers.schedule", "send periodic tasks"),
    "relay": ("services.workers.relay", "publish the outbox"),
    "watch": ("services.workers.watch", "serve metrics of queues and tasks"),
    "flower": ("services.workers.flower", "serve Flower"),
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m services.workers")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("worker", help="work on one queue").add_argument("queue", type=Queue, choices=list(Queue))
    for program, (_, meaning) in PROGRAMS.items():
        verbs.add_parser(program, help=meaning)
    verbs.add_parser("dead-letters", help="list tasks that gave up")
    again = verbs.add_parser("replay", help="send dead letters again")
    again.add_argument("ids", nargs="*", type=UUID, metavar="task-id")
    again.add_argument("--all", action="store_true", help="every letter that waits")
    chosen = parser.parse_args()
    match chosen.verb:
        case "worker":
            work(chosen.queue)
        case "dead-letters":
            import_module("services.workers.letters").list_letters()
        case "replay":
            if bool(chosen.ids) == chosen.all:
                parser.error("name task ids, or --all")
            parser.exit(import_module("services.workers.letters").replay_letters(None if chosen.all else chosen.ids))
        case program:
            import_module(PROGRAMS[program][0]).main()


def work(queue: Queue) -> None:
    """Be the worker of one queue."""
    if queue in LONG_TASKS:
        os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")  # read by billiard when it is imported
    from services.workers import app as background  # noqa: PLC0415
    from services.workers import signals  # noqa: PLC0415
    from services.workers.heartbeat import Heartbeat  # noqa: PLC0415

    settings = load_or_exit(background.BackgroundSettings)
    configure(f"worker-{queue.value}", settings.log_level)
    heartbeat = Heartbeat(settings.heartbeat_file)
    heartbeat.clear()
    app = background.make_worker_app(settings, queue)
    signals.connect(app, heartbeat)
    tasks = import_module(TASKS[queue])
    needs = load_or_exit(tasks.Settings)
    if queue is Queue.SUMMARIES:
        tasks.load_ahead(needs)
    # what is loaded by now stays loaded: left out of collections, the children share it with us (a third less memory)
    gc.collect()
    gc.freeze()
    node = f"{queue.value}-{os.getpid()}@%h"
    options = ["--without-mingle", "--without-gossip", f"--loglevel={settings.log_level}"]
    app.worker_main(["--quiet", "worker", f"--queues={queue.value}", f"--hostname={node}", *options])


if __name__ == "__main__":
    main()
