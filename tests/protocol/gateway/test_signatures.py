"""What is not Twilio's, or not about our account, is refused before anything is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator

from shared.database.models import Call, Conversation
from tests.gateway_house import (
    AUTH_TOKEN,
    OUR_NUMBER,
    PUBLIC,
    House,
    call_form,
    form_headers,
    gateway,
    new_call_sid,
    settings_for,
    verbs,
)

PATHS = ["/twilio/voice", "/twilio/voice/after", "/twilio/voice/after/dial", "/twilio/voice/fallback", "/twilio/status"]


def refused_so_far(reason: str) -> float:
    return REGISTRY.get_sample_value("callwright_webhooks_rejected_total", {"reason": reason}) or 0.0


async def rows(house: House) -> int:
    async with house.wiring.sessions() as session:
        calls = await session.scalar(select(func.count()).select_from(Call))
        conversations = await session.scalar(select(func.count()).select_from(Conversation))
    return (calls or 0) + (conversations or 0)


@pytest.fixture(autouse=True)
async def agent(house: House) -> None:
    await house.agent(OUR_NUMBER)


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_signature_nothing_happens(house: House, path: str) -> None:
    before = refused_so_far("signature")
    answered = await house.http.post(path, data=call_form(new_call_sid()))
    assert answered.status_code == 403
    assert answered.headers["content-type"] == "application/problem+json"
    assert refused_so_far("signature") == before + 1
    assert await rows(house) == 0


async def test_one_changed_byte_anywhere_is_refused(house: House) -> None:
    form = call_form(new_call_sid())
    body = urlencode(form).encode()
    headers = form_headers(PUBLIC + "/twilio/voice", form)
    for position in range(len(body)):
        changed = bytearray(body)
        changed[position] ^= 0x01
        answered = await house.http.post("/twilio/voice", content=bytes(changed), headers=headers)
        assert answered.status_code == 403, position
    signature = headers["x-twilio-signature"]
    for position in range(len(signature) - 1):
        other = "A" if signature[position] != "A" else "B"
        forged = {**headers, "x-twilio-signature": signature[:position] + other + signature[position + 1 :]}
        answered = await house.http.post("/twilio/voice", content=body, headers=forged)
        assert answered.status_code == 403, position
    assert await rows(house) == 0


@pytest.mark.parametrize("signature", ["", " ", "é", "\x80" * 28, "A" * 10_000, "====", "hQq+dxJ2ixUt+tbLwv7sxwrJWNk="])
async def test_a_strange_signature_is_refused(house: House, signature: str) -> None:
    headers = [
        (b"content-type", b"application/x-www-form-urlencoded"),
        (b"x-twilio-signature", signature.encode("latin-1")),
    ]
    answered = await house.http.post("/twilio/voice", content=urlencode(call_form(new_call_sid())), headers=headers)
    assert answered.status_code == 403


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=%FF", b"&".join(b"f%d=" % n for n in range(500)), b""])
async def test_a_strange_body_is_refused(house: House, body: bytes) -> None:
    headers = form_headers(PUBLIC + "/twilio/voice", {})
    answered = await house.http.post("/twilio/voice", content=body, headers=headers)
    assert answered.status_code == 403


async def test_blank_and_padded_fields_belong_to_the_signature(house: House) -> None:
    form = call_form(new_call_sid(), CallerName=" Jane ", ToZip="", StirVerstat="")
    assert verbs(await house.hook("/twilio/voice", form)) == ["Connect", "Redirect"]
    without = {name: value for name, value in form.items() if value}
    headers = form_headers(PUBLIC + "/twilio/voice", form)
    refused = await house.http.post("/twilio/voice", content=urlencode(without), headers=headers)
    assert refused.status_code == 403


async def test_a_field_that_comes_twice_belongs_to_the_signature(house: House) -> None:
    form = call_form(new_call_sid())
    body = urlencode([*form.items(), ("SipHeader_X-Tag", "one"), ("SipHeader_X-Tag", "two")])
    signed = f"{PUBLIC}/twilio/voice" + "".join(
        name + value for name, value in sorted([*form.items(), ("SipHeader_X-Tag", "one"), ("SipHeader_X-Tag", "two")])
    )
    signature = RequestValidator(AUTH_TOKEN).compute_signature(signed, {})
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
    assert verbs(await house.http.post("/twilio/voice", content=body, headers=headers)) == ["Connect", "Redirect"]


async def test_what_a_proxy_says_about_hosts_is_not_believed(house: House) -> None:
    form = call_form(new_call_sid())
    elsewhere = {
        "host": "evil.example",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "http",
        "forwarded": "host=evil.example;proto=http",
        "x-original-url": "/health/live",
    }
    genuine = form_headers(PUBLIC + "/twilio/voice", form)
    answered = await house.http.post("/twilio/voice", content=urlencode(form), headers={**genuine, **elsewhere})
    assert verbs(answered) == ["Connect", "Redirect"]
    forged = form_headers("http://evil.example/twilio/voice", form)
    refused = await house.http.post("/twilio/voice", content=urlencode(form), headers={**forged, **elsewhere})
    assert refused.status_code == 403


async def test_the_query_is_signed_as_it_was_written(house: House) -> None:
    form = call_form(new_call_sid())
    path = "/twilio/voice?tenant=a%2Bb&empty=&z=%20"
    assert verbs(await house.hook(path, form)) == ["Connect", "Redirect"]
    for other in ("/twilio/voice?tenant=a%2bb&empty=&z=%20", "/twilio/voice?tenant=a%2Bb&z=%20", "/twilio/voice"):
        headers = form_headers(PUBLIC + path, form)
        assert (await house.http.post(other, content=urlencode(form), headers=headers)).status_code == 403


@pytest.fixture(
    params=[
        ("https://support.example.com:8443", "https://support.example.com:8443", True),
        ("https://support.example.com:8443", "https://support.example.com", True),
        ("https://support.example.com", "https://support.example.com:443", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", True),
        ("https://support.example.com/phone", "https://support.example.com/phone", True),
        ("https://support.example.com", "http://support.example.com", False),
        ("https://support.example.com", "https://support.example.com.evil.example", False),
    ],
    ids=lambda param: f"{param[0]} signed as {param[1]}",
)
async def place(
    request: pytest.FixtureRequest, database_url: str, redis_url: str
) -> AsyncIterator[tuple[House, str, bool]]:
    public, signed_as, accepted = request.param
    async with gateway(settings_for(database_url, redis_url, public_url=public)) as house:
        yield house, signed_as, accepted


async def test_ports_and_prefixes_of_the_public_address(place: tuple[House, str, bool]) -> None:
    house, signed_as, accepted = place
    answered = await house.hook("/twilio/voice", call_form(new_call_sid()), base=signed_as)
    assert answered.status_code == (200 if accepted else 403)


async def json_hook(house: House, body: bytes, claimed: str, signed_query: str | None = None) -> httpx.Response:
    path = f"/twilio/voice?bodySHA256={claimed}"
    signed = PUBLIC + (path if signed_query is None else f"/twilio/voice{signed_query}")
    signature = RequestValidator(AUTH_TOKEN).compute_signature(signed, {})
    headers = {"content-type": "application/json; charset=utf-8", "x-twilio-signature": signature}
    return await house.http.post(path, content=body, headers=headers)


async def test_a_json_body_is_checked_by_its_hash_and_the_signature(house: House) -> None:
    body = json.dumps(call_form(new_call_sid())).encode()
    digest = hashlib.sha256(body).hexdigest()
    assert verbs(await json_hook(house, body, digest)) == ["Connect", "Redirect"]
    stored = await rows(house)
    assert (await json_hook(house, body + b" ", digest)).status_code == 403
    assert (await json_hook(house, body, "0" * 64)).status_code == 403
    assert (await json_hook(house, body, "%C3%A9")).status_code == 403
    assert (await json_hook(house, body, digest, signed_query="")).status_code == 403
    for odd in (b"[]", b"{", b"null", b"[" * 50_000):
        assert (await json_hook(house, odd, hashlib.sha256(odd).hexdigest())).status_code == 403
    assert await rows(house) == stored


async def test_another_account_is_refused_although_the_signature_fits(house: House) -> None:
    before = refused_so_far("account")
    form = call_form(new_call_sid(), AccountSid="AC" + "1" * 32)
    assert (await house.hook("/twilio/voice", form)).status_code == 403
    assert refused_so_far("account") == before + 1
    assert await rows(house) == 0


async def test_a_call_needs_a_call_sid(house: House) -> None:
    before = refused_so_far("call_sid")
    assert (await house.hook("/twilio/voice", call_form("CA' OR 1=1"))).status_code == 422
    assert refused_so_far("call_sid") == before + 1
    assert await rows(house) == 0


async def test_a_body_over_64_kib_is_not_read(house: House) -> None:
    form = call_form(new_call_sid(), SpeechResult="a" * 65_536)
    announced = await house.hook("/twilio/voice", form)
    assert announced.status_code == 413
    assert announced.headers["content-type"] == "application/problem+json"

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, 70_000, 1000):
            yield urlencode(form).encode()[start : start + 1000]

    headers = form_headers(PUBLIC + "/twilio/voice", form)
    unannounced = await house.http.post("/twilio/voice", content=in_pieces(), headers=headers)
    assert unannounced.status_code == 413
    assert await rows(house) == 0


async def test_only_posts_are_taken(house: House) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        assert (await house.http.request(method, "/twilio/voice")).status_code == 405
