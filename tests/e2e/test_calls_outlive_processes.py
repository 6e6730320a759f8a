"""Voice processes are killed under a caller, one after another: the call goes on, nothing is asked or said twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from lab.twilio.settings import PhoneNumber
from shared.contracts.conversations import Outcome
from tests.gateway_house import served_gateway
from tests.gateway_house import settings_for as gateway_settings
from tests.tcp_proxy import TcpProxy
from tests.voice_house import GREETING, OUR_NUMBER, PUBLIC, VOICE, Driven, VoiceHouse, voice_house
from tests.voice_process import VoiceProcess, a_process
from tests.waiting import wait_for_async

CUT_OFF = "Sorry, we were cut off for a moment."


@asynccontextmanager
async def whole_house(database_url: str, redis_url: str) -> AsyncIterator[House]:
    """A gateway before three voice processes and, as the fourth, the house's own; a proxy sends streams to one."""
    async with (
        voice_house(database_url, redis_url) as house,
        served_gateway(gateway_settings(database_url, redis_url, voice_public_url=VOICE)) as (_, address),
        AsyncExitStack() as stack,
    ):
        proxy = TcpProxy("", 0)
        await stack.enter_async_context(proxy.running())
        number = PhoneNumber(voice_url=f"{PUBLIC}/twilio/voice", status_callback=f"{PUBLIC}/twilio/status")
        house.network.settings = replace(
            house.network.settings,
            numbers={OUR_NUMBER: number},
            origins={PUBLIC: address, VOICE: f"http://127.0.0.1:{proxy.port}"},
        )
        own, settings = house.address, house.network.settings
        starting = (stack.enter_async_context(a_process(house)) for _ in range(3))
        processes = await asyncio.gather(*starting)
        house.network.settings = settings
        yield House(house, proxy, processes, own)


@dataclass(frozen=True)
class House:
    voice: VoiceHouse
    proxy: TcpProxy
    processes: list[VoiceProcess]
    own: str
    """Address of the house's own voice room."""

    async def kill(self, process: VoiceProcess, successor: str) -> None:
        """As an operating system does it; the next connection reaches another process."""
        self.proxy.aim(successor)
        process.process.kill()
        await process.process.wait()


async def times_heard(caller: Driven, words: str, times: int) -> None:
    try:
        await wait_for_async(lambda: _truth(caller.heard.count(words) >= times), 20, f"to hear {words!r} {times} times")
    except AssertionError as error:
        raise AssertionError(f"{error}; heard {caller.heard!r}") from None


async def _truth(value: object) -> bool:
    return bool(value)


async def test_a_call_outlives_three_voice_processes(database_url: str, redis_url: str) -> None:
    async with whole_house(database_url, redis_url) as all_of_it:
        house, (first, second, third) = all_of_it.voice, all_of_it.processes
        all_of_it.proxy.aim(first.address)
        caller = Driven()
        call = house.network.call_in("+12025550123", caller)
        await caller.asked("How can I help?", "How do I restart my router?")

        await caller.hears("Unplug the router")
        await all_of_it.kill(first, second.address)
        await times_heard(caller, CUT_OFF, 1)
        await caller.asked("Is there anything else", "No, thank you, that is all.")
        await caller.asked("e-mail address can we reach you", "jane dot doe at gmail dot com")
        await caller.asked("Is that right?", "Yes, that is right.")

        async def confirmed() -> bool:
            return any(turn.text == "Yes, that is right." for turn in await house.turns(call.record.sid))

        await wait_for_async(confirmed, 8, "the yes to be in the record")
        await all_of_it.kill(second, third.address)
        await times_heard(caller, CUT_OFF, 2)
        await all_of_it.kill(third, all_of_it.own)
        await times_heard(caller, CUT_OFF, 3)
        await call.over.wait()

        assert call.record.ended_by == "twiml"
        assert caller.heard.count(GREETING) == 1
        assert caller.heard.count("Here is what I found") == 1
        assert caller.heard.count("Is that right?") == 1
        assert caller.heard.rstrip().endswith("Goodbye!")
        row, conversation = await house.call(call.record.sid), await house.conversation(call.record.sid)
        assert row.stream_generation == 4
        assert (conversation.email, conversation.email_confirmed) == ("jane.doe@gmail.com", True)
        assert conversation.outcome == Outcome.ANSWERED
        heard = caller.heard.replace(" ", "")
        turns = await house.turns(call.record.sid)
        assert all(turn.heard.replace(" ", "") in heard for turn in turns if turn.speaker == "assistant")
        assert [turn.text for turn in turns if turn.speaker == "caller"] == [
            "How do I restart my router?",
            "No, thank you, that is all.",
            "jane dot doe at gmail dot com",
            "Yes, that is right.",
        ]
