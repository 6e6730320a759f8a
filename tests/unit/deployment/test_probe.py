"""The health check inside containers."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from shared.observability.probe import BEAT_WITHIN_S, main


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_process_that_answers_is_well(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert main([f"{address}/well"]) == 0
    assert main([f"{address}/unwell"]) == 1


def test_a_process_that_is_not_there_is_not_well() -> None:
    assert main(["http://127.0.0.1:1/well"]) == 1


def test_a_heartbeat_must_be_young(tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    assert main([str(heartbeat)]) == 1
    heartbeat.touch()
    assert main([str(heartbeat)]) == 0
    late = time.time() - BEAT_WITHIN_S - 1
    os.utime(heartbeat, (late, late))
    assert main([str(heartbeat)]) == 1


def test_it_needs_nothing_that_is_installed(tmp_path: Path) -> None:
    (tmp_path / "heartbeat").touch()
    command = [sys.executable, "-S", "-m", "shared.observability.probe", str(tmp_path / "heartbeat")]
    assert subprocess.run(command, check=False).returncode == 0
