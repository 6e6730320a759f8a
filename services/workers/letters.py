"""The commands for people: which tasks gave up and why, and send them again."""

from __future__ import annotations

import sys
from collections.abc import Collection
from uuid import UUID

from services.workers.dead_letters import replay, waiting
from services.workers.stores import open_sessions
from shared.settings import DatabaseSettings, load_or_exit


def list_letters() -> None:
    """One line for each task that waits for a person."""
    with open_sessions(load_or_exit(DatabaseSettings)) as sessions, sessions() as session:
        letters = waiting(session)
    if not letters:
        sys.stdout.write("No task has given up.\n")
    for letter in letters:
        about = ", ".join(f"{name}={value}" for name, value in letter.payload.items())
        sys.stdout.write(
            f"{letter.task_id}  {letter.failed_at:%Y-%m-%d %H:%M:%S}  {letter.task}  {about}\n"
            f"    {letter.error}: {letter.reason or 'no more is known'}\n"
        )


def replay_letters(task_ids: Collection[UUID] | None) -> int:
    """Send these letters again, or all; the exit status: 1 when named letters do not wait."""
    with open_sessions(load_or_exit(DatabaseSettings)) as sessions, sessions.begin() as session:
        queued = replay(session, task_ids)
    sys.stdout.write(f"{queued} queued again\n")
    return 0 if task_ids is None or queued == len(set(task_ids)) else 1
