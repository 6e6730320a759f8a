"""What the README tells a newcomer to type first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from lab.stack.place import ROOT
from shared.settings import known_names

ENDS_WITHIN_S = 170.0


@pytest.mark.timeout(180)
def test_the_demo_ends_with_one_good_ticket_and_leaves_nothing_running() -> None:
    marker = f"CALLWRIGHT_STARTED_BY={uuid4()}"
    name, _, value = marker.partition("=")
    nobodys = {key: text for key, text in os.environ.items() if key not in known_names()}
    done = subprocess.run(
        [sys.executable, "-m", "lab", "demo", "--once"],
        cwd=ROOT,
        env={**nobodys, name: value},
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    ticket = done.stdout.partition("\nThe ticket\n")[2]
    told = " ".join(ticket.split())
    assert re.search(r"Case \d+: How do I restart my router", told)
    assert "E-mail: jane@example.com (confirmed)" in told
    assert "Answers given from · Restart your router · What an orange light means" in told
    assert "Assistant: Hello, this is Fern at Fernway Internet. I am an AI assistant." in told
    assert "[interrupted here]" in told
    assert re.search(r"by the rate card this call comes to 0\.0\d{3} USD\. Nobody was paid for what the lab did", told)
    assert _left_running(marker.encode()) == []


def _left_running(marker: bytes) -> list[str]:
    """Processes that were started with this in their environment."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (process / "environ").read_bytes().split(b"\0"):
                left.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it ended while we looked, or is somebody else's
            continue
    return left
