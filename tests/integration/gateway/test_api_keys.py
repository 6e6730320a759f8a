"""API keys: who gets in, with which scopes, and how fast a revoked one dies."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, update

from services.gateway import keys
from services.gateway.auth.key_ring import REMEMBERED_S
from shared.database.models import ApiKey
from shared.security.api_keys import Scope, is_well_formed, new_key
from tests.gateway_house import PEPPER, SIGNING_KEY, House


async def status(house: House, credential: str | None, path: str = "/api/v1/calls") -> int:
    headers = {} if credential is None else {"authorization": credential}
    return (await house.http.get(path, headers=headers)).status_code


async def test_without_a_good_key_nothing_is_read(house: House) -> None:
    good = await house.key()
    assert await status(house, f"Bearer {good}") == 200
    assert await status(house, f"bearer  {good} ") == 200
    for bad in (None, "", "Bearer", "Bearer ", f"Basic {good}", good, f"Bearer {good}x", f"Bearer {good[:-1]}"):
        assert await status(house, bad) == 401, bad
    assert await status(house, f"Bearer {new_key()}") == 401
    refused = await house.http.get("/api/v1/calls")
    assert refused.headers["www-authenticate"] == "Bearer"


async def test_a_key_opens_only_what_its_scopes_say(house: House) -> None:
    key = f"Bearer {await house.key(Scope.CALLS_READ)}"
    assert await status(house, key) == 200
    refused = await house.http.get("/api/v1/agents", headers={"authorization": key})
    assert refused.status_code == 403
    assert refused.json()["detail"] == "this API key lacks the scope agents:read"


async def test_a_revoked_key_dies_within_ten_seconds(house: House) -> None:
    key = f"Bearer {await house.key()}"
    assert await status(house, key) == 200
    async with house.wiring.sessions.begin() as session:
        await session.execute(update(ApiKey).values(revoked_at=datetime.now(UTC)))
    house.clock.passed += REMEMBERED_S
    assert REMEMBERED_S < 10
    assert await status(house, key) == 401


async def test_a_key_expires_although_it_is_remembered(house: House) -> None:
    key = f"Bearer {await house.key(expires_at=datetime.now(UTC) + timedelta(seconds=2))}"
    assert await status(house, key) == 200
    house.clock.ahead += timedelta(seconds=2)
    assert await status(house, key) == 401


async def test_a_good_key_is_looked_up_once_in_a_while(house: House) -> None:
    key = f"Bearer {await house.key()}"
    looked_up: list[str] = []
    event.listen(
        house.wiring.engine.sync_engine,
        "before_cursor_execute",
        lambda *args: looked_up.append(args[2]) if "api_keys" in args[2] else None,
    )
    for _ in range(5):
        assert await status(house, key) == 200
    assert len(looked_up) == 1


async def test_strangers_cannot_fill_the_memory(house: House) -> None:
    for _ in range(20):
        assert await status(house, f"Bearer {new_key()}") == 401
    assert not house.wiring.keys._remembered


async def test_a_stranger_is_refused_before_the_body_is_read(house: House) -> None:
    answered = await house.http.post(
        "/api/v1/knowledge/search", content=b"{not json", headers={"content-type": "application/json"}
    )
    assert answered.status_code == 401
    answered = await house.http.post("/api/v1/agents", json={"password": "hunter2"})
    assert answered.status_code == 401


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """An operator's shell with the settings of this deployment."""
    for name, value in {"DATABASE_URL": database_url, "SIGNING_KEY": SIGNING_KEY, "API_KEY_PEPPER": PEPPER}.items():
        monkeypatch.setenv(name, value)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["keys", *arguments])
    keys.main()


@pytest.mark.usefixtures("operator")
async def test_keys_are_made_listed_and_revoked_on_the_command_line(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = ["create", "--name", "Reports", "--scopes", "calls:read,tickets:read", "--days", "7"]
    command = [sys.executable, "-m", "services.gateway.keys", *wanted]
    made = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False, timeout=30)
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    assert is_well_formed(key)
    assert await status(house, f"Bearer {key}") == 200
    async with house.wiring.sessions() as session:
        stored = (await session.scalars(select(ApiKey))).one()
    assert stored.scopes == ["calls:read", "tickets:read"]
    assert stored.expires_at is not None
    assert timedelta(days=6.9) < stored.expires_at - datetime.now(UTC) <= timedelta(days=7)
    assert key.encode() not in stored.key_hash

    run(monkeypatch, "list")
    listed = capsys.readouterr().out
    assert str(stored.id) in listed
    assert "Reports" in listed
    assert "valid to" in listed
    assert key not in listed

    run(monkeypatch, "revoke", str(stored.id))
    run(monkeypatch, "list")
    assert "revoked" in capsys.readouterr().out
    house.clock.passed += REMEMBERED_S
    assert await status(house, f"Bearer {key}") == 401


@pytest.mark.usefixtures("operator")
def test_a_wrong_command_says_what_to_change(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, says in (
        (["create", "--name", "x", "--scopes", "calls:write"], "calls:read"),
        (["create", "--name", " ", "--scopes", "calls:read"], "printable"),
        (["create", "--name", "x", "--scopes", "calls:read", "--days", "0"], "from 1 to"),
        (["revoke", "5c0c6d0e-8f1b-4a57-9f43-0a6d7d1a2f10"], "there is no key"),
        (["revoke", "x"], "invalid UUID"),
    ):
        with pytest.raises(SystemExit) as refused:
            run(monkeypatch, *arguments)
        assert says in f"{refused.value}{capsys.readouterr().err}"
        assert refused.value.code not in (0, None)
