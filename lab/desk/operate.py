"""`make up`, `make down`, `make dead-letters`, `make replay`: running a stack and looking after it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from lab.desk.api import PlatformApi, wait_until
from lab.desk.demo import addresses
from lab.desk.running import NotRunning, newest
from lab.sample import AGENT, ARTICLES
from lab.stack.place import Place, running_places
from lab.stack.platform import KAYAKO, operator_settings
from lab.stack.supervisor import stop_asked
from lab.stack.whole import Stack, whole_stack

STOPPED_WITHIN_S = 60.0


def up() -> int:
    """Run the platform until it is stopped, with real vendors where their keys are set."""
    given = operator_settings(os.environ)
    with stop_asked() as asked, whole_stack("up", fresh=False, given=given, articles=ARTICLES) as stack:
        _first_agent(stack)
        if stack.stood_in:
            print(f"\nThe lab stands in for {', '.join(stack.stood_in)}: set their keys to use the real ones.")
        print(addresses(stack))
        stack.supervisor.watch(asked)
    return 0


def _first_agent(stack: Stack) -> None:
    """A deployment without any assistant gets the sample company's, so that its first call is answered."""
    api = PlatformApi(stack.addresses["gateway"], stack.api_key)
    if api.ask("GET", "/agents")["total"] == 0:
        api.create_agent(json.loads(AGENT.read_text(encoding="utf-8")))
        api.ask("POST", "/knowledge/sync", params={"collection": "default"})


def down() -> int:
    """Stop every stack that runs from this folder."""
    stopped = 0
    for place in running_places():
        if (published := place.read_addresses()) is None:
            continue
        os.kill(published["process"], signal.SIGTERM)
        _wait_for_end(place)
        stopped += 1
    print(f"{stopped} stopped" if stopped else "nothing runs from this folder")
    return 0


def _wait_for_end(place: Place) -> None:
    """Raises TooSlow when the stack does not end."""

    def ended() -> bool | None:
        return True if place.read_addresses() is None else None

    wait_until(ended, STOPPED_WITHIN_S, f"the end of the stack with logs in {place.logs}")


def background(*command: str) -> int:
    """Run a command of the workers with the running stack's settings; its exit status."""
    environment = {**os.environ, **newest().environment}
    done = subprocess.run(  # noqa: S603  (our own module, argument lists)
        [sys.executable, "-m", "services.workers", *command], env=environment, check=False
    )
    return done.returncode


def kayako_probe(*, write: bool) -> int:
    """Look at the operator's Kayako when its settings are given, else at the running stack's; the exit status."""
    done = subprocess.run(  # noqa: S603  (our own module, argument lists)
        [sys.executable, "-m", "services.ticketing.probe", *(["--write"] if write else [])],
        env=_probe_environment(),
        check=False,
    )
    return done.returncode


def _probe_environment() -> dict[str, str]:
    """The two are never mixed: one tenant's password is not shown to the other. Raises NotRunning without any."""
    given = any(name in os.environ or f"{name}_FILE" in os.environ for name in KAYAKO)
    try:
        running = newest().environment
    except NotRunning:
        if not given:
            raise
        running = {}
    if given:
        running = {name: value for name, value in running.items() if not name.startswith("KAYAKO_")}
        return {**running, **os.environ}
    return {**os.environ, **running}
