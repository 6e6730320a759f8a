"""The embedded stack starts from whatever a crash left, stands beside another, and leaves nothing running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from lab.stack import place as places
from lab.stack import servers
from lab.stack.place import Place, running_places, take
from lab.stack.ports import claimed, free_ports
from lab.stack.program import Program, StartFailed, start, stop, wait_until_ready
from lab.stack.supervisor import Supervisor
from tests.waiting import wait_for

PYTHON = sys.executable


@pytest.fixture(autouse=True)
def local_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    for step in (tmp_path.parent, tmp_path.parent.parent):
        step.chmod(0o755)
    monkeypatch.setattr(places, "LOCAL", tmp_path / "local")
    return tmp_path / "local"


def script(name: str, code: str, ready: Path, **rest: object) -> Program:
    return Program(
        name=name,
        command=[PYTHON, "-c", code],
        environment=dict(os.environ),
        ready=ready.exists,
        **rest,  # type: ignore[arg-type]
    )


def is_running(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_two_stacks_of_one_kind_get_folders_of_their_own() -> None:
    with take("demo", fresh=True) as first, take("demo", fresh=True) as second:
        assert first.folder != second.folder
        first.publish({"gateway": "one"})
        second.publish({"gateway": "two"})
        assert {str((place.read_addresses() or {})["gateway"]) for place in running_places()} == {"one", "two"}
        assert first.addresses.stat().st_mode & 0o077 == 0
    assert running_places() == []
    with take("demo", fresh=True) as again:
        assert again.folder == first.folder


def test_what_a_killed_run_published_is_not_believed() -> None:
    with take("demo", fresh=True) as place:
        folder = place.folder
    Place(folder).publish({"gateway": "gone"})
    assert running_places() == []


def test_secrets_are_kept_and_closed_to_others() -> None:
    with take("up", fresh=False) as place:
        secret = place.secret("redis")
        assert (place.folder / "secrets" / "redis").stat().st_mode & 0o077 == 0
    with take("up", fresh=False) as place:
        assert place.secret("redis") == secret


def test_postgres_survives_a_kill_and_an_interrupted_first_start() -> None:
    with take("up", fresh=False) as place:
        (port,) = free_ports(1)
        data = place.folder_for_nobody("postgres") / "data"
        data.mkdir()
        (data / "half-made").touch()
        program, address = servers.postgres(place, port)
        running = start(program, place.logs)
        wait_until_ready(running)
        with psycopg.connect(address) as connection:
            connection.execute("CREATE TABLE kept (n int)")
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
        assert (data / "postmaster.pid").exists()
        (other,) = free_ports(1)
        program, address = servers.postgres(place, other)
        running = start(program, place.logs)
        try:
            wait_until_ready(running)
            with psycopg.connect(address) as connection:
                assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        finally:
            stop([running])
        assert running.ended == 0


def test_a_program_that_ends_is_started_again(tmp_path: Path) -> None:
    mark = tmp_path / "starts"
    code = f"import time; open({str(mark)!r}, 'a').write('x'); time.sleep(60)"
    said: list[str] = []
    with Supervisor(tmp_path / "logs", said.append) as supervisor:
        supervisor.start([script("short", code, mark)])
        first = supervisor.process_ids()["short"]
        os.kill(first, signal.SIGKILL)

        def again() -> bool:
            supervisor.look()
            return mark.read_text(encoding="ascii") == "xx"

        wait_for(again, 10, "a second start")
        second = supervisor.process_ids()["short"]
    assert "short ended with status -9; starting it again" in said
    assert not is_running(second)


def test_a_program_that_cannot_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    code = "print('setting DATABASE_URL: not set'); raise SystemExit(78)"
    with (
        pytest.raises(StartFailed, match=r"(?s)status 78.*DATABASE_URL: not set"),
        Supervisor(tmp_path / "logs") as supervisor,
    ):
        supervisor.start([script("wrong", code, tmp_path / "never")])


def test_a_program_that_will_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(child)!r}, 'w').write(str(other.pid))\n"
        "time.sleep(60)\n"
    )

    def written() -> bool:
        return child.exists() and bool(child.read_text(encoding="ascii"))

    program = Program("stubborn", [PYTHON, "-c", code], dict(os.environ), ready=written, stop_within_s=0.5)
    running = start(program, tmp_path / "logs")
    wait_until_ready(running)
    stop([running])
    wait_for(lambda: not is_running(int(child.read_text(encoding="ascii"))), 5, "the end of the child")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_a_killed_supervisor_leaves_nothing_running(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    inner = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from lab.stack.program import Program, start\n"
        f"program = Program('inner', [sys.executable, '-c', {inner!r}], dict(os.environ), ready=bool)\n"
        f"start(program, Path({str(tmp_path)!r}))\n"
        "time.sleep(60)\n"
    )
    supervisor = subprocess.Popen([PYTHON, "-c", code], cwd=Path(__file__).resolve().parents[2])
    wait_for(lambda: mark.exists() and mark.read_text(encoding="ascii"), 10, "the inner program")
    inner_id = int(mark.read_text(encoding="ascii"))
    assert is_running(inner_id)
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: not is_running(inner_id), 5, "the end of the inner program")


def test_ports_are_free_and_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_a_wanted_port_yields_to_who_listens_on_it() -> None:
    (taken, free) = free_ports(2)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", taken))
        holder.listen()
        with claimed(["a", "b"], {"a": taken, "b": free}) as ports:
            assert ports["a"] != taken
            assert ports["b"] == free


def test_two_stacks_that_start_together_choose_different_ports() -> None:
    (wanted,) = free_ports(1)
    with claimed(["gateway", "voice"], {"gateway": wanted}) as first:
        with claimed(["gateway", "voice"], {"gateway": wanted}) as second:
            assert first["gateway"] == wanted
            assert not set(first.values()) & set(second.values())
        with claimed(["gateway"], {"gateway": second["gateway"]}) as third:
            assert third == {"gateway": second["gateway"]}
