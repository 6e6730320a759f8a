"""The gateway as it really runs: a process of its own, real sockets, and an output in which nobody's data appears."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import psycopg
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from lab.stack.ports import free_ports
from services.gateway.keys import create
from shared.database.engine import database_address
from shared.database.models import Agent
from shared.security.api_keys import Scope, new_key
from shared.settings import EX_CONFIG, DatabaseSettings
from tests.conftest import Servers
from tests.gateway_house import ACCOUNT, call_form, form_headers, new_call_sid, verbs
from tests.waiting import wait_for_async

PUBLIC = "https://support.example.com"
AUTH_TOKEN = secrets.token_hex(16)
PEPPER = secrets.token_hex(16)
SIGNING_KEY = base64.b64encode(secrets.token_bytes(32)).decode()
METRICS_TOKEN = secrets.token_hex(16)

PERSONAL = {
    "caller's number": "+447700900123",
    "caller's name": "Wilhelmina Featherstonehaugh",
    "city": "Llanfairpwll",
    "e-mail": "wilhelmina.f@example.org",
    "spoken words": "my cat chewed the orange cable",
    "card": "4929 1234 5678 9015",
    "password in the wrong field": "correct-horse-battery",
    "instructions": "the night porter is called Ignatius",
}


def environment(database_url: str, redis_url: str, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "LISTEN_PORT": str(port),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": PUBLIC,
        "SIGNING_KEY": SIGNING_KEY,
        "API_KEY_PEPPER": PEPPER,
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "KNOWLEDGE_URL": "http://127.0.0.1:9",
        "TICKETING_URL": "http://127.0.0.1:9",
        "METRICS_TOKEN": METRICS_TOKEN,
        "LOG_LEVEL": "debug",
    }


@dataclass
class Process:
    http: httpx.AsyncClient
    process: asyncio.subprocess.Process
    output: Path

    async def stop(self) -> str:
        """End it as an operator does; everything it wrote."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            await self.process.wait()
        return self.output.read_text()


@asynccontextmanager
async def started(variables: dict[str, str], folder: Path) -> AsyncIterator[Process]:
    output = folder / "gateway.log"
    with output.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.gateway", env=variables, stdout=log, stderr=log
        )
    try:
        base = f"http://127.0.0.1:{variables['LISTEN_PORT']}"
        async with httpx.AsyncClient(base_url=base, trust_env=False) as http:

            async def ready() -> bool:
                assert process.returncode is None, output.read_text()
                try:
                    return (await http.get("/health/ready")).status_code == 200
                except httpx.TransportError:
                    return False

            await wait_for_async(ready, 30, "the gateway is ready")
            yield Process(http, process, output)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def seeded(database_url: str) -> str:
    """An agent, and an API key for everything."""
    settings = DatabaseSettings.model_validate({"database_url": database_url})
    engine = create_engine(database_address(settings))
    with Session(engine) as session, session.begin():
        session.add(Agent(name="Support", company="Fernway", greeting="Hello."))
        key = create(session, PEPPER, "the test", list(Scope), datetime.now(UTC) + timedelta(days=1))
    engine.dispose()
    return key


async def uses_the_database(http: httpx.AsyncClient) -> bool:
    """Whether the gateway has noticed that its database is back."""
    report = (await http.get("/health/dependencies", headers={"authorization": f"Bearer {METRICS_TOKEN}"})).json()
    return bool(report["breakers"]["providers"]["database"]["state"] == "closed")


@asynccontextmanager
async def database_away(servers: Servers, database_url: str) -> AsyncIterator[None]:
    """The database under another name: every connection is refused."""
    name = database_url.rsplit("/", 1)[1]
    with psycopg.connect(servers.postgres, autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


@contextmanager
def schema_wrong(database_url: str) -> Iterator[None]:
    """A table under another name: an error that nobody foresaw, with a traceback."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE conversations RENAME TO elsewhere")
        yield
        connection.execute("ALTER TABLE elsewhere RENAME TO conversations")


async def hook(http: httpx.AsyncClient, path: str, form: dict[str, str]) -> httpx.Response:
    headers = form_headers(PUBLIC + path, form, AUTH_TOKEN)
    return await http.post(path, content=urlencode(form), headers=headers)


async def drive(http: httpx.AsyncClient, key: str) -> list[httpx.Response]:
    """Use every door rightly and wrongly, with people's data in every place that takes any."""
    call_sid = new_call_sid()
    form = call_form(
        call_sid,
        From=PERSONAL["caller's number"],
        Caller=PERSONAL["caller's number"],
        CallerName=PERSONAL["caller's name"],
        FromCity=PERSONAL["city"],
        SpeechResult=PERSONAL["spoken words"],
    )
    talking = {**form, "CallStatus": "in-progress"}
    bearer = {"authorization": f"Bearer {key}"}
    search = {"collection": "default", "query": f"{PERSONAL['e-mail']} {PERSONAL['card']}"}
    profile = {"name": "Night", "company": "Fernway", "greeting": "Hi", "instructions": PERSONAL["instructions"]}
    wrong_field = {**profile, "is_active": PERSONAL["password in the wrong field"]}
    return [
        await hook(http, "/twilio/voice", form),
        await http.post("/twilio/voice", data=form, headers={"x-twilio-signature": "forged"}),
        await hook(http, "/twilio/voice/after?generation=1", talking),
        await hook(http, "/twilio/voice/fallback", {**form, "ErrorCode": "11200", "ErrorUrl": PUBLIC}),
        await hook(http, "/twilio/status", {**form, "CallStatus": "completed", "CallDuration": "5"}),
        await hook(http, "/twilio/status", call_form(new_call_sid(), From=PERSONAL["e-mail"], CallStatus="completed")),
        await http.get("/api/v1/calls", headers=bearer),
        await http.get("/api/v1/calls", headers={"authorization": f"Bearer {new_key()}"}),
        await http.get("/api/v1/calls", params={"outcome": PERSONAL["caller's name"]}, headers=bearer),
        await http.post("/api/v1/agents", json=profile, headers=bearer),
        await http.post("/api/v1/agents", json=wrong_field, headers=bearer),
        await http.post("/api/v1/knowledge/search", json=search, headers=bearer),
        await http.get(f"/{quote(PERSONAL['e-mail'])}?token={key}", headers=bearer),
        await http.get("/health/dependencies", headers={"authorization": f"Bearer {METRICS_TOKEN}"}),
        await http.get("/metrics", headers={"authorization": f"Bearer {METRICS_TOKEN}"}),
    ]


def forms_of(secret: str) -> set[bytes]:
    """How a value may look in a log: as it is, encoded for an address, in JSON, in base64."""
    raw = secret.encode()
    encoded = base64.b64encode(raw).rstrip(b"=")[:-2]
    return {
        raw,
        quote(secret, safe="").encode(),
        urlencode({"": secret})[1:].encode(),
        json.dumps(secret)[1:-1].encode(),
        encoded,
    }


async def test_nobodys_data_and_no_secret_is_in_the_output(
    servers: Servers, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    key = seeded(database_url)
    variables = environment(database_url, redis_url, free_ports(1)[0])
    async with started(variables, tmp_path) as gateway:
        answers = await drive(gateway.http, key)
        async with database_away(servers, database_url):
            away = await drive(gateway.http, key)
        await wait_for_async(lambda: uses_the_database(gateway.http), 15, "the gateway to use its database again")
        with schema_wrong(database_url):
            broken = await drive(gateway.http, key)
        back = await gateway.http.get("/api/v1/calls", headers={"authorization": f"Bearer {key}"})
        output = await gateway.stop()
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 403, 200, 200, 204, 204, 200, 401, 422, 201, 422, 503, 404, 503, 200]
    assert verbs(away[0]) == ["Connect", "Redirect"]  # kept in Redis, which expires it
    assert away[6].status_code in (200, 503)
    assert (broken[0].status_code, broken[6].status_code) == (500, 500)
    assert verbs(broken[3]) == ["Say", "Hangup"]
    assert "Traceback" in output
    assert back.status_code == 200
    assert gateway.process.returncode in (0, -signal.SIGTERM)
    assert "Application shutdown complete" in output

    password = database_url.split(":")[2].partition("@")[0]
    tokens = [token for token in answers[0].text.split('"') if token.startswith("eyJ")]
    assert tokens
    secret = {
        **PERSONAL,
        "auth token": AUTH_TOKEN,
        "pepper": PEPPER,
        "signing key": SIGNING_KEY,
        "metrics token": METRICS_TOKEN,
        "API key": key,
        "database password": password,
        "stream token": tokens[0],
    }
    written = output.encode()
    leaks = [name for name, value in secret.items() if any(form in written for form in forms_of(value))]
    assert leaks == []
    check_lines(output)


def check_lines(output: str) -> None:
    """Each line is one JSON object, calls carry their ids, refusals and outages are there to be found."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    events = {line["event"] for line in lines}
    assert {"webhook_answered", "webhook_refused", "webhook_without_record", "call_status", "request_failed"} <= events
    assert not [line for line in lines if line.get("field", "").startswith("dropped unlisted")]
    of_calls = [line for line in lines if line["event"] in ("webhook_answered", "call_status")]
    traces = {(line["call_sid"], line["trace_id"]) for line in of_calls}
    assert len(traces) == len({line["call_sid"] for line in of_calls}), "all webhooks of one call carry its trace"
    assert {line["process"] for line in lines} == {"gateway"}


WRONG_SETTINGS: list[tuple[dict[str, str], str]] = [
    ({"PUBLIC_URL": ""}, "PUBLIC_URL: not set"),
    ({"PUBLIC_URL": "support.example.com"}, "PUBLIC_URL: must be an http:// or https:// address"),
    ({"TWILIO_ACCOUNT_SID": "AC1"}, "TWILIO_ACCOUNT_SID: "),
    ({"TWILIO_AUTH_TOCKEN": "x"}, "TWILIO_AUTH_TOCKEN: there is no such setting; did you mean TWILIO_AUTH_TOKEN?"),
    ({"SIGNING_KEY": "no base64 at all, but long enough for one, nearly"}, "SIGNING_KEY: is not that; `openssl"),
]


async def test_a_wrong_setting_stops_it_with_a_line_that_says_what_to_fix() -> None:
    async def refusal(changed: dict[str, str]) -> str:
        variables = environment("postgresql://a:b@127.0.0.1:9/x", "redis://127.0.0.1:9/0", 0) | changed
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.gateway", env=variables, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == EX_CONFIG
        return errors.decode()

    said = await asyncio.gather(*(refusal(changed) for changed, _ in WRONG_SETTINGS))
    for errors, (_, says) in zip(said, WRONG_SETTINGS, strict=True):
        assert f"setting {says}" in errors
        assert len(errors.splitlines()) == 1
