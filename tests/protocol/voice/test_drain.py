"""A stop signal and live calls: a real process, its real exit."""

from __future__ import annotations

import signal
from collections.abc import Awaitable

from websockets.exceptions import InvalidStatus

from shared.contracts.calls import MediaState, NextStep
from shared.conversation.state import ConversationState
from tests.voice_house import GREETING, Driven, VoiceHouse, all_at_once, voice_house
from tests.voice_process import a_process
from tests.waiting import wait_for_async


async def test_every_way_to_stop(database_url: str, redis_url: str) -> None:
    async with (
        voice_house(database_url, redis_url) as one,
        voice_house(database_url, redis_url) as another,
        voice_house(database_url, redis_url) as third,
    ):
        await all_at_once(
            patient=live_calls_go_on_to_their_own_end_and_new_ones_are_refused(one),
            deadline=at_the_deadline_a_call_is_left_so_that_another_process_goes_on(another),
            twice=a_process_without_calls_ends_at_once_and_a_second_signal_means_now(third),
        )


async def live_calls_go_on_to_their_own_end_and_new_ones_are_refused(house: VoiceHouse) -> None:
    async with a_process(house, VOICE_LAME_DUCK_S="1", VOICE_DRAIN_S="60") as voice:
        staying, late, refused = Driven(), Driven(), Driven()
        call = house.ring(staying)
        await staying.hears(GREETING)
        voice.stop()
        await wait_for_async(lambda: _is(voice.ready(), 503), 1, "the process not to be ready")
        lame_duck = house.ring(late)
        await late.hears("Hello")
        await wait_for_async(lambda: _is(_handshake(house), 503), 3, "sockets to be refused")
        after = house.ring(refused)
        await after.over.wait()
        assert 31920 in after.record.problems

        staying.say("How do I restart my router?")
        await staying.hears("wait ten seconds")
        staying.hang_up()
        late.hang_up()
        assert await voice.status(5) in (0, -signal.SIGTERM)
        for placed in (call, lame_duck):
            row = await house.left(placed.record.sid, MediaState.FINISHED)
            assert row.next_step == NextStep.HANG_UP
        assert any("Unplug the router" in turn.heard for turn in await house.turns(call.record.sid))


async def at_the_deadline_a_call_is_left_so_that_another_process_goes_on(house: VoiceHouse) -> None:
    async with a_process(house, VOICE_LAME_DUCK_S="0", VOICE_DRAIN_S="1") as voice:
        caller = Driven()
        call = house.ring(caller)
        await caller.hears("AI assistant")
        voice.stop()
        assert await voice.status(6) in (0, -signal.SIGTERM)
        await call.over.wait()
        assert call.record.sid in house.exchange.after
        row = await house.left(call.record.sid, MediaState.LOST)
        assert row.next_step is None
        conversation = await house.conversation(call.record.sid)
        assert ConversationState.from_json(conversation.checkpoint).heard_already[0] == GREETING
        said = (await house.turns(call.record.sid))[0].heard
        assert said.startswith(GREETING)
        assert said[-1] in ".?!", "handed over between two sentences"
        assert caller.heard.strip() == said


async def a_process_without_calls_ends_at_once_and_a_second_signal_means_now(house: VoiceHouse) -> None:
    async with (
        a_process(house, VOICE_LAME_DUCK_S="0") as idle,
        a_process(house, VOICE_LAME_DUCK_S="30", VOICE_DRAIN_S="60") as busy,
    ):
        idle.stop()
        assert await idle.status(4) in (0, -signal.SIGTERM)
        caller = Driven()
        call = house.ring(caller)
        await caller.hears("Hello")
        busy.stop()
        await wait_for_async(lambda: _is(busy.ready(), 503), 1, "the process not to be ready")
        busy.stop()
        assert await busy.status(6) in (0, -signal.SIGTERM)
        await call.over.wait()
        await house.left(call.record.sid, MediaState.LOST)


async def _handshake(house: VoiceHouse) -> int:
    """The status with which a signed handshake is answered."""
    try:
        async with house.socket():
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


async def _is(found: Awaitable[int], wanted: int) -> bool:
    return await found == wanted
