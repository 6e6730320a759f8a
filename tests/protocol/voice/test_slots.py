"""What a voice process tells the gateways of its free slots, and its own wall behind them."""

from __future__ import annotations

from websockets.exceptions import InvalidStatus

from shared.admission.slots import Slots, Standing, reservation
from tests.voice_house import Driven, VoiceHouse, voice_house
from tests.voice_process import a_process
from tests.waiting import wait_for_async


async def stands(house: VoiceHouse, **wanted: int) -> Standing:
    """Wait until the tier stands so."""
    slots = Slots(house.wiring._redis)

    async def look() -> Standing | None:
        standing = await slots.look()
        return standing if all(getattr(standing, name) == value for name, value in wanted.items()) else None

    return await wait_for_async(look, 3, f"the tier to stand at {wanted}")


async def handshake(house: VoiceHouse) -> int:
    """The status with which a signed handshake is answered."""
    try:
        async with house.socket():
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


async def test_slots_follow_the_calls_and_a_full_process_refuses_before_the_upgrade(
    database_url: str, redis_url: str
) -> None:
    async with voice_house(database_url, redis_url, voice_most_calls=1) as house:
        await stands(house, processes=1, free=1)
        caller, refused = Driven(), Driven()
        call = house.ring(caller)
        await caller.hears("Hello")
        await stands(house, free=0)
        assert await handshake(house) == 503
        second = house.ring(refused)
        await second.over.wait()
        assert 31920 in second.record.problems
        caller.hang_up()
        await call.over.wait()
        await stands(house, free=1)
    # the house is gone, and so is what it published


async def test_an_arrival_uses_its_reservation_up(database_url: str, redis_url: str) -> None:
    async with voice_house(database_url, redis_url, voice_most_calls=3) as house:
        slots = Slots(house.wiring._redis)
        await stands(house, free=3)
        caller = Driven()
        call = house.ring(caller)
        await caller.hears("Hello")
        await stands(house, free=2)
        await slots.reserve(call.record.sid, 1)
        await slots.reserve("somebody on the way", 1)
        assert (await slots.look()).free == 0
        house.wiring._slots.changed(reservation(call.record.sid, 1))
        await stands(house, free=1)
        caller.hang_up()
        await call.over.wait()


async def test_a_stop_signal_is_published_at_once(database_url: str, redis_url: str) -> None:
    async with (
        voice_house(database_url, redis_url, voice_most_calls=3) as house,
        a_process(house, VOICE_MOST_CALLS="4", VOICE_LAME_DUCK_S="0") as voice,
    ):
        caller = Driven()
        house.ring(caller)
        await caller.hears("Hello")
        await stands(house, processes=2, free=6)
        voice.stop()
        await stands(house, processes=2, free=3)
        caller.hang_up()
        await voice.status(6)
        await stands(house, processes=1, free=3)
