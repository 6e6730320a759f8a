"""The level by hand: who may set it, for how long, and what callers hear."""

from __future__ import annotations

from shared.degradation.levels import Level
from shared.resilience.breaker import Breaker
from shared.security.api_keys import Scope
from tests.gateway_house import OUR_NUMBER, PERSON, House, call_form, gateway, new_call_sid, settings_for, verbs
from tests.waiting import wait_for_async

ADDRESS = "/api/v1/degradation"
NOBODY_TALKS = {"level": 3, "reason": "the voices say nonsense", "expires_in_s": 60}


async def until(house: House, level: Level, within_s: float = 2.0) -> None:
    async def reached() -> bool:
        return house.wiring.ladder.level is level

    await wait_for_async(reached, within_s, f"level {level}")


async def test_a_level_is_set_known_everywhere_and_taken_back(house: House, database_url: str, redis_url: str) -> None:
    async with (
        gateway(settings_for(database_url, redis_url)) as other,
        await house.client(Scope.OPERATIONS_WRITE, Scope.OPERATIONS_READ) as client,
    ):
        assert (await client.get(ADDRESS)).json() == {"level": 0, "override": None}
        answered = await client.post(ADDRESS, json=NOBODY_TALKS)
        assert answered.status_code == 200
        assert answered.json()["override"]["reason"] == "the voices say nonsense"
        await until(other, Level.PERSON)
        assert (await client.get(ADDRESS)).json()["level"] == 3
        assert (await client.delete(ADDRESS)).status_code == 204
        await until(other, Level.FULL, 10)


async def test_who_may_and_what_may_not(house: House) -> None:
    async with await house.client(Scope.OPERATIONS_READ) as client:
        assert (await client.post(ADDRESS, json=NOBODY_TALKS)).status_code == 403
    async with await house.client(Scope.OPERATIONS_WRITE) as client:
        for wrong in ({"level": 4}, {"expires_in_s": 0}, {"expires_in_s": 10**9}, {"reason": " "}, {"more": 1}):
            assert (await client.post(ADDRESS, json={**NOBODY_TALKS, **wrong})).status_code == 422


async def test_nobody_is_connected_who_could_not_be_talked_to(house: House) -> None:
    await house.agent(OUR_NUMBER, transfer_number=PERSON)
    going_on, new = new_call_sid(), new_call_sid()
    assert verbs(await house.hook("/twilio/voice", call_form(going_on))) == ["Connect", "Redirect"]
    await house.set_call(going_on, media_state="connected")
    hearing: Breaker = house.wiring.board.breaker("hearing:deepgram")
    hearing.failed("refused", sure=True)
    await until(house, Level.PERSON)
    first = await house.hook("/twilio/voice", call_form(new))
    assert verbs(first) == ["Say", "Dial"]
    assert (await house.hook("/twilio/voice", call_form(new))).content == first.content
    again = await house.hook("/twilio/voice", call_form(going_on))
    assert verbs(again) == ["Connect", "Redirect"]  # a call that is being talked to is left alone
