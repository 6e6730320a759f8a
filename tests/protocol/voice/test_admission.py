"""Who may speak for a call: handshake, token, row."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from websockets.exceptions import ConnectionClosed, InvalidStatus

from shared.contracts.calls import MediaState
from shared.database.models import Agent
from shared.security.purpose_tokens import Purpose, TokenSigner
from tests.gateway_house import new_call_sid
from tests.voice_house import ACCOUNT, AUTH_TOKEN, MEDIA, SIGNING_KEY, VoiceHouse, voice_house


@pytest.fixture
async def house(database_url: str, redis_url: str) -> AsyncIterator[VoiceHouse]:
    async with voice_house(database_url, redis_url) as opened:
        yield opened


def a_start(call_sid: str, token: str | None, account: str = ACCOUNT) -> str:
    stream_sid = "MZ" + "5" * 32
    details = {
        "accountSid": account,
        "streamSid": stream_sid,
        "callSid": call_sid,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {} if token is None else {"token": token},
    }
    return json.dumps({"event": "start", "sequenceNumber": "1", "start": details, "streamSid": stream_sid})


async def verdict(house: VoiceHouse, start: str) -> int | str:
    """`taken` when the room begins to speak, otherwise the code it closes with."""
    async with house.socket() as socket:
        await socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        await socket.send(start)
        try:
            async with asyncio.timeout(5):
                message: dict[str, Any] = json.loads(await socket.recv())
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0
        assert message["event"] == "media"
        return "taken"


async def test_only_a_handshake_that_twilio_signed_for_this_address_is_accepted(house: VoiceHouse) -> None:
    refused = [
        ("another account's token", MEDIA),
        (AUTH_TOKEN, MEDIA.replace("wss", "https")),
        (AUTH_TOKEN, MEDIA.replace("voice.example", "evil.example")),
        (AUTH_TOKEN, "wss://voice.example.com/twilio/other"),
    ]
    for key, address in refused:
        with pytest.raises(InvalidStatus) as refusal:
            async with house.socket(key, address):
                pass
        assert refusal.value.response.status_code == 403
    async with house.socket(address=f"{MEDIA}/") as socket:
        await socket.send('{"event":"connected"}')


async def test_a_stream_needs_the_token_of_its_own_call_once(house: VoiceHouse) -> None:
    mine, other = new_call_sid(), new_call_sid()
    for call_sid in (mine, other):
        await house.exchange.open(call_sid)
    issue = house.exchange.issue
    stranger = TokenSigner(base64.b64encode(bytes(32)).decode())
    forged = stranger.issue(Purpose.STREAM, mine, f"{mine}:1", datetime.now(UTC))
    service = TokenSigner(SIGNING_KEY).issue(Purpose.SERVICE, mine, f"{mine}:1", datetime.now(UTC), room="voice")
    mixed = TokenSigner(SIGNING_KEY).issue(Purpose.STREAM, mine, f"{other}:1", datetime.now(UTC))
    refused = {
        "no token": a_start(mine, None),
        "nonsense": a_start(mine, "not.a.token"),
        "another key": a_start(mine, forged),
        "another purpose": a_start(mine, service),
        "another call": a_start(mine, issue(other)),
        "another call's id": a_start(mine, mixed),
        "another account": a_start(mine, issue(mine), account="AC" + "9" * 32),
        "too old": a_start(mine, issue(mine, now=datetime.now(UTC) - timedelta(minutes=3))),
        "not yet": a_start(mine, issue(mine, now=datetime.now(UTC) + timedelta(minutes=3))),
        "a generation to come": a_start(mine, issue(mine, generation=2)),
        "no such call": a_start(new_call_sid(), issue(new_call_sid())),
    }
    assert {name: await verdict(house, start) for name, start in refused.items()} == dict.fromkeys(refused, 1008)
    assert (await house.call(mine)).media_state == MediaState.EXPECTED
    assert await verdict(house, a_start(mine, issue(mine))) == "taken"
    await house.left(mine, MediaState.LOST)
    assert await verdict(house, a_start(mine, issue(mine))) == 1008
    assert await verdict(house, a_start(other, issue(other))) == "taken"


async def test_a_call_that_is_over_or_taken_is_not_taken_again(house: VoiceHouse) -> None:
    over, taken = new_call_sid(), new_call_sid()
    await house.exchange.open(over, status="completed")
    await house.exchange.open(taken, media_state="connected")
    assert await verdict(house, a_start(over, house.exchange.issue(over))) == 1008
    assert await verdict(house, a_start(taken, house.exchange.issue(taken))) == 1008


async def test_without_redis_the_row_still_lets_a_token_in_only_once(database_url: str) -> None:
    async with (
        voice_house(database_url, "redis://127.0.0.1:9/0") as one,
        voice_house(database_url, "redis://127.0.0.1:9/0") as another,
    ):
        call_sid = new_call_sid()
        await one.exchange.open(call_sid)
        start = a_start(call_sid, one.exchange.issue(call_sid))
        verdicts = await asyncio.gather(*(verdict(house, start) for house in (one, another, one, another)))
        assert sorted(map(str, verdicts)) == ["1008", "1008", "1008", "taken"]
        await one.left(call_sid, MediaState.LOST)
        assert [await verdict(house, start) for house in (one, another)] == [1008, 1008], "nor when its stream is gone"


async def test_a_row_that_cannot_be_read_harms_nobody_and_is_left_to_the_gateway(house: VoiceHouse) -> None:
    call_sid = new_call_sid()
    await house.exchange.open(call_sid)
    async with house.sessions.begin() as session:
        await session.execute(update(Agent).values(ticket_policy="whenever"))
    assert await verdict(house, a_start(call_sid, house.exchange.issue(call_sid))) == 1011
    assert (await house.call(call_sid)).media_state == MediaState.EXPECTED


async def test_health_metrics_and_dependencies_are_where_operators_look(house: VoiceHouse) -> None:
    async with httpx.AsyncClient(base_url=house.address, trust_env=False) as http:
        assert (await http.get("/health/live")).status_code == 200
        assert (await http.get("/health/ready")).json() == {"ready": True}
        report = (await http.get("/health/dependencies")).json()
        assert {name: answer["ok"] for name, answer in report.items()} == dict.fromkeys(
            ("database", "redis", "deepgram", "knowledge", "breakers", "log"), True
        )
        text = (await http.get("/metrics")).text
        assert "callwright_bargein_clear_seconds" in text
        assert 'callwright_calls_active{state="draining"} 0.0' in text
        assert (await http.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"})).status_code == 403
