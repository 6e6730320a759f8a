"""A full disk: reported where people look, survived where it can be, and an error with a name where it cannot."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from prometheus_client import REGISTRY

from services.knowledge.adapters.minilm import graph_in
from services.workers.durable import heals
from services.workers.heartbeat import Heartbeat
from shared.errors import NoRoom
from shared.observability.disk import MEGABYTE, Disk, TooLittleRoom
from shared.observability.log_output import STANDARD_OUTPUT, LogNotWritten, LogOutput
from shared.security.api_keys import Scope
from tests.gateway_house import OUR_NUMBER, call_form, gateway, new_call_sid, settings_for, verbs

ROOT = Path(__file__).resolve().parents[2]
LOGS_AND_GOES_ON = """
import logging
from shared.observability.logs import configure, get_logger
configure("probe")
for _ in range(3000):
    get_logger("test").info("turn_finished", call_sid="CA1", reason="a line of some length, so that buffers fill")
    logging.getLogger("urllib3").warning("a line of somebody else's")
import asyncio, sys
from shared.observability.log_output import STANDARD_OUTPUT
try:
    asyncio.run(STANDARD_OUTPUT.check())
except Exception as error:
    sys.stderr.write(f"{type(error).__name__}: {error}\\n")
sys.stderr.write("still here\\n")
sys.stderr.flush()
import os
os._exit(0)
"""


@pytest.fixture
def full() -> Iterator[BinaryIO]:
    """A device that is always full."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb", buffering=0) as device:
        yield device


@contextmanager
def files_no_longer_than(limit: int) -> Iterator[None]:
    """The kernel lets no file of this process grow beyond this, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_log_that_is_full_stops_nobody_and_is_said_once(full: BinaryIO) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOGS_AND_GOES_ON],
        cwd=ROOT,
        stdout=full,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=30,
    )
    assert ran.returncode == 0
    assert ran.stderr.splitlines() == [
        "the log cannot be written: ENOSPC",
        "LogNotWritten: the log cannot be written: ENOSPC",
        "still here",
    ]


async def test_a_log_that_is_full_shows_in_the_report_and_calls_go_on(
    database_url: str, redis_url: str, full: BinaryIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = LogOutput()
    output.attach(full)
    monkeypatch.setattr(STANDARD_OUTPUT, "check", output.check)
    lost = REGISTRY.get_sample_value("callwright_log_lines_lost_total") or 0
    output.write(b"a line\n")
    assert REGISTRY.get_sample_value("callwright_log_lines_lost_total") == lost + 1
    async with gateway(settings_for(database_url, redis_url)) as house:
        await house.agent(OUR_NUMBER)
        report = (await house.http.get("/health/dependencies")).json()
        assert report["log"] == {"ok": False, "error": "LogNotWritten"}
        assert (await house.http.get("/health/ready")).status_code == 200
        assert verbs(await house.hook("/twilio/voice", call_form(new_call_sid()))) == ["Connect", "Redirect"]


async def test_a_log_that_takes_lines_again_is_well(tmp_path: Path, full: BinaryIO) -> None:
    output = LogOutput()
    output.attach(full)
    output.write(b"lost\n")
    with pytest.raises(LogNotWritten, match="ENOSPC"):
        await output.check()
    os.dup2(os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY), full.fileno())  # somebody made room
    output.write(b"written\n")
    await output.check()
    assert (tmp_path / "log").read_bytes() == b"written\n"


async def test_a_directory_with_too_little_room_is_shown_and_logged_once(capsys: pytest.CaptureFixture[str]) -> None:
    left = {Path("/a"): 500 * MEGABYTE, Path("/b"): 500 * MEGABYTE}
    disk = Disk({"a": Path("/a"), "b": Path("/b")}, 200, left.__getitem__)
    await disk.check()
    assert REGISTRY.get_sample_value("callwright_disk_free_bytes", {"directory": "a"}) == 500 * MEGABYTE
    left[Path("/b")] = 199 * MEGABYTE
    for _ in range(3):
        with pytest.raises(TooLittleRoom, match="b"):
            await disk.check()
    left[Path("/b")] = 300 * MEGABYTE
    await disk.check()
    said = capsys.readouterr().out
    assert (said.count("disk_almost_full"), said.count("disk_has_room")) == (1, 1)


async def test_a_service_reports_the_directories_it_is_told_to_watch(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_for(
        database_url, redis_url, disk_directories=f"{tmp_path}, {tmp_path / 'not yet'}", disk_least_free_mb=10_000_000
    )
    async with gateway(settings) as house:
        assert (await house.http.get("/health/dependencies")).json()["disk"] == {"ok": False, "error": "TooLittleRoom"}
        shown = (await house.http.get("/metrics")).text
        assert f'callwright_disk_free_bytes{{directory="{tmp_path}"}}' in shown


async def test_an_upload_that_finds_no_room_is_told_to_come_again(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    async with gateway(settings_for(database_url, redis_url)) as house:
        client = await house.client(Scope.KNOWLEDGE_WRITE)
        with files_no_longer_than(2 * MEGABYTE):
            answer = await client.post(
                "/api/v1/knowledge/articles", files={"file": ("long.md", b"x" * 4 * MEGABYTE)}, data={"locale": "en"}
            )
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["detail"] == "there is no room on this machine for what was sent"


def test_a_heartbeat_without_room_stops_no_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heartbeat = Heartbeat(tmp_path / "missing" / "beat")
    for _ in range(3):
        heartbeat.beat()
    assert capsys.readouterr().out.count("heartbeat_not_written") == 1
    (tmp_path / "missing").mkdir()
    heartbeat.beat()
    assert (tmp_path / "missing" / "beat").exists()


def test_a_model_that_finds_no_room_is_named_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with files_no_longer_than(MEGABYTE), pytest.raises(NoRoom, match="no room for the model") as failed:
        graph_in(tmp_path)
    assert heals(failed.value), "a task tries again later"
    assert heals(OSError(errno.ENOSPC, "No space left on device"))
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_the_limit_of_these_tests_is_felt(tmp_path: Path) -> None:
    with files_no_longer_than(1024), pytest.raises(OSError, match="too large") as failed:
        (tmp_path / "long").write_bytes(b"x" * 2048)
    assert failed.value.errno == errno.EFBIG
