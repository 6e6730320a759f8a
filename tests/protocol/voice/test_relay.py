"""Relay sessions over real sockets: what a session can do wrong, breaking in, and how a session ends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from lab.twilio.call import Call as PlacedCall
from lab.twilio.records import Interrupted, Problem, RelayMessage
from services.voice.transport.media_stream import Rejected
from shared.contracts.calls import Handoff, MediaState, NextStep
from shared.contracts.conversations import Outcome
from shared.contracts.relay import RelayOptions
from shared.conversation.state import ConversationState
from tests.gateway_house import new_call_sid
from tests.protocol.voice.test_bad_input import ANSWER, QUESTION, rejected
from tests.protocol.voice.test_barge_in import _heard_of
from tests.voice_house import ACCOUNT, GREETING, Driven, VoiceHouse, all_at_once, an_agent, voice_house

RELAY = "/twilio/relay"
ADDRESS = f"wss://voice.example.com{RELAY}"


async def test_bad_sessions_are_refused_and_good_calls_beside_them_go_on(database_url: str, redis_url: str) -> None:
    before = {reason: rejected(reason) for reason in Rejected}
    nonsense = tuple("{" for _ in range(10))
    other_call = '{"type": "setup", "callSid": "CA1"}'
    odd = ("{", "null", '{"type":"weather"}', '{"type":"dtmf","digit":"10"}', '{"type":"error","description":"x"}')
    async with voice_house(database_url, redis_url, relay=RelayOptions()) as house:
        await all_at_once(
            good=is_answered(house),
            early_words=is_answered(house, prompt_before_setup=True),
            twice=is_answered(house, sets_up_twice=True),
            binary=is_answered(house, binary_message=True),
            odd_messages=is_answered(house, raw_messages=odd),
            too_much_nonsense=is_refused(house, 1008, raw_messages=nonsense),
            oversized=is_refused(house, 1009, oversized_message=40_000),
            another_call=is_refused(house, 1008, raw_messages=(other_call,)),
            never_sets_up=never_begins(house, never_sets_up=True),
            wrong_signature=never_begins(house, wrong_signature=True),
            claims_another_call=never_begins(house, claims_call="CA" + "f" * 32),
            claims_another_account=never_begins(house, claims_account="AC" + "f" * 32),
            no_token=never_begins(house, parameters={}),
            cut=is_lost(house, "39001", cut_after_s=2.0),
            provider_fails=is_lost(house, "64114", provider_fails_after_s=2.0),
            words=breaks_in(house, "Unplug"),
            later_words=breaks_in(house, "It is ready"),
            greeting=talks_over_the_greeting(house),
            listens=shows_that_they_listen(house),
            ends=is_handed_back(house),
        )
        assert house.wiring.calls.active == 0
    seen = {Rejected.MALFORMED, Rejected.UNKNOWN_EVENT, Rejected.TOO_LARGE, Rejected.BINARY, Rejected.BEFORE_START}
    assert {reason for reason in Rejected if rejected(reason) > before[reason]} == {*seen, Rejected.SECOND_START}


async def is_answered(house: VoiceHouse, **faults: Any) -> None:
    caller = Driven()
    call = house.ring(caller, **faults)
    await caller.asked("How can I help?", QUESTION)
    await caller.hears(ANSWER)
    caller.hang_up()
    await call.over.wait()
    row = await house.left(call.record.sid, MediaState.LOST)
    assert row.next_step is None
    assert [turn.text for turn in await house.turns(call.record.sid) if turn.speaker == "caller"] == [QUESTION]


async def is_refused(house: VoiceHouse, code: int, **faults: Any) -> None:
    call = house.ring(Driven(), **faults)
    await call.over.wait()
    assert any(isinstance(event, Problem) and f"closed with {code}" in event.message for event in call.record.events)
    await house.left(call.record.sid, MediaState.LOST)


async def never_begins(house: VoiceHouse, **faults: Any) -> None:
    caller = Driven()
    call = house.ring(caller, **faults)
    await call.over.wait()
    assert call.record.sid in house.exchange.after
    assert caller.heard == ""
    assert (await house.call(call.record.sid)).media_state == MediaState.EXPECTED


async def is_lost(house: VoiceHouse, code: str, **faults: Any) -> None:
    """The gateway is asked what to do, and finds a conversation to go on with, or its outcome."""
    call = house.ring(Driven(), **faults)
    await call.over.wait()
    assert house.exchange.ended[call.record.sid]["ErrorCode"] == code
    assert (await house.left(call.record.sid, MediaState.LOST)).next_step is None
    conversation = await house.conversation(call.record.sid)
    assert conversation.outcome == Outcome.SILENT
    assert ConversationState.from_json(conversation.checkpoint).history


async def breaks_in(house: VoiceHouse, words: str) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help?", QUESTION)
    await caller.hears(words)
    caller.say("Wait a moment.")
    await caller.until(lambda: _interruptions(call))
    heard = caller.heard
    await caller.until(lambda: not caller.speaks)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.LOST)
    cut = next(turn for turn in await house.turns(call.record.sid) if turn.interrupted)
    really = _heard_of(heard, cut.text)
    assert words.split(maxsplit=1)[0] in really
    assert really.startswith(cut.heard)
    assert len(really) - len(cut.heard) <= len(" seconds,") + 2
    state = ConversationState.from_json((await house.conversation(call.record.sid)).checkpoint)
    assert cut.heard in [utterance.text for utterance in state.history]
    platform = _sent(call)
    assert {"type": "text", "token": "", "last": True} in platform  # the cut cycle was closed
    assert call.record.problems == []


def _interruptions(call: PlacedCall) -> list[Interrupted]:
    return [event for event in call.record.events if isinstance(event, Interrupted)]


def _sent(call: PlacedCall) -> list[dict[str, Any]]:
    """What we sent."""
    events = call.record.events
    return [json.loads(event.text) for event in events if isinstance(event, RelayMessage) and event.by == "platform"]


async def talks_over_the_greeting(house: VoiceHouse) -> None:
    """That an AI answers was cut off, so it is said again."""
    caller = Driven()
    call = house.ring(caller)
    await caller.hears("Hello, this")
    caller.say(QUESTION)
    await caller.hears("I am an AI assistant")
    await caller.hears(ANSWER)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.LOST)
    greeting = (await house.turns(call.record.sid))[0]
    assert greeting.interrupted
    assert greeting.text.startswith(greeting.heard)
    assert "How can I help" not in greeting.heard
    assert (await house.conversation(call.record.sid)).notice_heard


async def shows_that_they_listen(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.hears("Hello, this")
    caller.say("Okay.")
    await caller.hears("How can I help?")
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.LOST)
    assert _interruptions(call) == []
    greeting, *others = await house.turns(call.record.sid)
    assert not greeting.interrupted
    assert [turn for turn in others if turn.speaker == "caller"] == []


async def is_handed_back(house: VoiceHouse) -> None:
    """Our own end comes last, after the record, and says what becomes of the call."""
    agent_id = await an_agent(house.sessions, transfer_number="+18005550199")
    caller = Driven()
    call = house.ring(caller, rows={"agent_id": agent_id})
    await caller.hears(GREETING)
    caller.say("I want to talk to a person.")
    await call.over.wait()
    told = house.exchange.ended[call.record.sid]
    assert (told["SessionStatus"], told["CallStatus"]) == ("ended", "in-progress")
    handoff = Handoff(generation=1, next_step=NextStep.TRANSFER, outcome=Outcome.TRANSFERRED)
    assert Handoff.model_validate_json(told["HandoffData"]) == handoff
    row = await house.call(call.record.sid)
    assert (row.media_state, row.next_step) == (MediaState.FINISHED, NextStep.TRANSFER)
    assert _sent(call)[-1]["type"] == "end"


async def test_only_twilio_may_open_a_session_and_only_once(database_url: str, redis_url: str) -> None:
    async with voice_house(database_url, redis_url) as house:
        for key, address in (("another key", ADDRESS), ("test_auth_token", "wss://voice.example.com/twilio/media")):
            with pytest.raises(InvalidStatus) as refusal:
                await house.socket(key, address, RELAY)
            assert refusal.value.response.status_code == 403
        call_sid = new_call_sid()
        await house.exchange.open(call_sid)
        setup = {
            "type": "setup",
            "accountSid": ACCOUNT,
            "callSid": call_sid,
            "customParameters": {"token": house.exchange.issue(call_sid)},
        }
        async with house.socket(address=ADDRESS, path=RELAY) as first:
            await first.send(json.dumps(setup))
            assert json.loads(await first.recv())["token"].strip() == GREETING
            assert await _closes_with(house, setup) == 1008
        await house.left(call_sid, MediaState.LOST)


async def _closes_with(house: VoiceHouse, *sent: dict[str, Any]) -> int:
    """The room's close code when these messages are sent over a new socket."""
    async with house.socket(address=ADDRESS, path=RELAY) as socket:
        try:
            for message in sent:
                await socket.send(json.dumps(message))
            async with asyncio.timeout(5):
                while True:
                    await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


async def test_the_open_messages_of_other_servers_are_taken_within_a_call(
    shared_data: Path, database_url: str, redis_url: str
) -> None:
    lines = (shared_data / "peer_fixtures" / "conversation_relay.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    said = [row["message"]["voicePrompt"] for row in rows if row["valid"] and "voicePrompt" in row["message"]]
    bad = sum(not row["valid"] for row in rows)
    before = rejected(Rejected.MALFORMED)
    async with voice_house(database_url, redis_url) as house:
        call_sid = new_call_sid()
        await house.exchange.open(call_sid)
        token = {"token": house.exchange.issue(call_sid)}
        ours = {"accountSid": ACCOUNT, "callSid": call_sid, "customParameters": token}
        async with house.socket(address=ADDRESS, path=RELAY) as socket:
            await socket.send(json.dumps({"type": "setup", **ours}))
            await socket.recv()
            for row in rows:
                known = ours if row["message"]["type"] == "setup" and row["valid"] else {}
                await socket.send(json.dumps({**row["message"], **known}))
        await house.left(call_sid, MediaState.LOST)
        told = " ".join(turn.text for turn in await house.turns(call_sid) if turn.speaker == "caller")
        assert [words for words in said if words not in told] == []
    assert rejected(Rejected.MALFORMED) - before == bad


async def test_a_process_that_is_drained_leaves_its_sessions_to_be_connected_again(
    database_url: str, redis_url: str
) -> None:
    async with voice_house(database_url, redis_url, relay=RelayOptions()) as house:
        caller = Driven()
        call = house.ring(caller)
        await caller.hears(GREETING)
        house.wiring.calls.drain()
        await house.wiring.calls.cut()
        await call.over.wait()
        assert house.exchange.ended[call.record.sid]["ErrorCode"] == "64105"
        assert [message["type"] for message in _sent(call) if message["type"] != "text"] == []
        assert (await house.left(call.record.sid, MediaState.LOST)).next_step is None
        assert (await house.conversation(call.record.sid)).outcome is None
