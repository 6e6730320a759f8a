"""Limits of the API: each key by itself, and who has none by the address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from shared.security.api_keys import new_key
from tests.gateway_house import House, gateway, settings_for

CALLS = "/api/v1/calls"


@asynccontextmanager
async def limited(database_url: str, redis_url: str, **limits: int) -> AsyncIterator[House]:
    named = {f"limit_{name}": value for name, value in limits.items()}
    async with gateway(settings_for(database_url, redis_url, **named)) as house:
        house.wiring.limiter.redis_within_s = 5.0
        yield house


def assert_limited(answer: httpx.Response, within_s: int) -> None:
    assert answer.status_code == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == "Too many requests"
    assert 1 <= int(answer.headers["retry-after"]) <= within_s


async def test_each_key_has_its_own_limit(database_url: str, redis_url: str) -> None:
    async with (
        limited(database_url, redis_url, requests_per_key_per_minute=3) as house,
        await house.client() as one,
        await house.client() as another,
    ):
        assert [(await one.get(CALLS)).status_code for _ in range(3)] == [200] * 3
        assert_limited(await one.get(CALLS), within_s=20)
        assert_limited(await one.post("/api/v1/calls/outbound", json={}), within_s=20)
        assert (await another.get(CALLS)).status_code == 200


async def test_an_address_that_guesses_is_limited_and_known_keys_are_not(database_url: str, redis_url: str) -> None:
    limits = {"failed_keys_per_address_per_minute": 2, "proxies": 1}
    async with limited(database_url, redis_url, **limits) as house:
        good = await house.key()

        async def ask(key: str, seen: str = "198.51.100.7") -> httpx.Response:
            headers = {"authorization": f"Bearer {key}", "x-forwarded-for": f"203.0.113.9, {seen}"}
            return await house.http.get(CALLS, headers=headers)

        assert (await ask(good)).status_code == 200
        assert [(await ask(key)).status_code for key in (new_key(), "nonsense")] == [401, 401]
        for _ in range(2):
            assert_limited(await ask(new_key()), within_s=30)
        assert (await ask(good)).status_code == 200, "a key that was good a moment ago"
        assert (await ask(new_key(), seen="198.51.100.8")).status_code == 401
        house.clock.passed += 60
        assert_limited(await ask(new_key()), within_s=30)


async def test_a_network_of_ipv6_is_one_address_and_the_header_is_read_only_behind_a_proxy(
    database_url: str, redis_url: str
) -> None:
    async with limited(database_url, redis_url, failed_keys_per_address_per_minute=1, proxies=1) as house:
        for last, expected in (("1", 401), ("2", 429)):
            answer = await house.http.get(CALLS, headers={"x-forwarded-for": f"2001:db8:1:2:3::{last}"})
            assert answer.status_code == expected
    async with limited(database_url, redis_url, failed_keys_per_address_per_minute=1) as house:
        for last, expected in (("1", 401), ("2", 429)):
            answer = await house.http.get(CALLS, headers={"x-forwarded-for": f"192.0.2.{last}"})
            assert answer.status_code == expected


async def test_the_limit_is_in_the_description(house: House) -> None:
    async with await house.client() as client:
        document = (await client.get("/api/v1/openapi.json")).json()
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["responses"]["429"]["headers"]["Retry-After"]["schema"] == {"type": "integer"}
