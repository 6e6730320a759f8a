"""`make doctor`: what is missing on this machine or in the settings, and how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from lab.desk.running import NotRunning, newest
from lab.stack import servers
from lab.stack.place import ROOT, Place
from lab.stack.platform import operator_settings, stood_in
from shared.settings import ALL_GROUPS, known_names, misspelt

LEAST_FREE_BYTES = 2 * 1024**3


def doctor() -> int:
    """Print a line for each thing looked at; 1 when something must be mended."""
    problems = 0
    for label, look in _looks():
        trouble = look()
        problems += trouble is not None
        print(f"{'mend' if trouble else 'ok  '}  {label}{': ' + trouble if trouble else ''}")
    return 1 if problems else 0


def _looks() -> Iterator[tuple[str, Callable[[], str | None]]]:
    yield f"Python {sys.version.split()[0]}", lambda: None
    yield "disk", _disk
    yield "PostgreSQL, Redis and Chroma programs", _programs
    yield "settings in this shell", _settings
    given = operator_settings(os.environ)
    vendors = stood_in(given)
    yield f"vendors: the lab stands in for {', '.join(vendors) or 'none'}", lambda: _public(given, vendors)
    yield "the running stack", _running


def _disk() -> str | None:
    free = shutil.disk_usage(ROOT).free
    return None if free > LEAST_FREE_BYTES else f"{free // 1024**2} MiB free below {ROOT}; 2 GiB are needed"


def _programs() -> str | None:
    given = operator_settings(os.environ)
    nowhere = Place(Path(ROOT) / ".local" / "doctor")
    nowhere.folder.mkdir(parents=True, exist_ok=True)
    try:
        for name, make in (
            ("DATABASE_URL", servers.postgres),
            ("REDIS_URL", servers.redis_server),
            ("CHROMA_URL", servers.chroma),
        ):
            if name not in given:
                make(nowhere, 1)
    except servers.NoServer as error:
        return str(error)
    finally:
        shutil.rmtree(nowhere.folder, ignore_errors=True)
    return None


def _settings() -> str | None:
    lines = misspelt(os.environ, known_names())
    for group in ALL_GROUPS:
        present = {name: os.environ[name.upper()] for name in group.model_fields if os.environ.get(name.upper())}
        for name, value in present.items():
            try:
                group.__pydantic_validator__.validate_assignment(group.model_construct(), name, value)
            except ValueError as error:
                lines.append(f"{name.upper()}: {str(error).splitlines()[-2].strip()}")
    return "\n        ".join(lines) or None


def _public(given: dict[str, str], vendors: list[str]) -> str | None:
    if "Twilio" in vendors or given.get("PUBLIC_URL", "").startswith("https://"):
        return None
    return "TWILIO_* is set: set PUBLIC_URL to the https:// address under which Twilio reaches the gateway"


def _running() -> str | None:
    try:
        stack = newest()
    except NotRunning:
        return None
    report = httpx.get(f"{stack.addresses['gateway']}/health/dependencies", timeout=10, trust_env=False).json()
    away = [f"{name} ({state['error']})" for name, state in report.items() if not state["ok"]]
    return f"the gateway does not reach {', '.join(away)}; logs: {stack.place.logs}" if away else None
