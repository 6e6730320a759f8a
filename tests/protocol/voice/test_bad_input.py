"""Everything a stream can do wrong, all at once, beside a call that notices nothing of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from websockets.exceptions import ConnectionClosed

from lab.twilio.records import Problem, StreamClosed
from services.voice.conversations import Carried, Conversations
from services.voice.transport.media_stream import Rejected
from shared.contracts.agents import AgentProfile
from shared.contracts.calls import MediaState
from shared.contracts.conversations import Outcome
from shared.conversation.assistant import Assistant
from shared.conversation.reply import SpokenReply
from shared.conversation.state import ConversationState
from shared.observability import metrics
from shared.rates.usage import Meter
from tests.gateway_house import new_call_sid
from tests.voice_house import ACCOUNT, GREETING, Driven, VoiceHouse, all_at_once, an_agent, voice_house
from tests.waiting import wait_for_async

QUESTION = "How do I restart my router?"
ANSWER = "wait ten seconds"
TASKS_OF_A_CALL = ("call", "reading", "talking", "listening", "hearing-feed", "speech-open", "speech-receive")


def rejected(reason: Rejected) -> float:
    return float(metrics.frames_rejected_total.labels(reason=reason.value)._value.get())


class _Unfortunate(Conversations):
    """Conversations of which those of one company break."""

    def begin(
        self, profile: AgentProfile, state: ConversationState, meter: Meter, initial_message: str = ""
    ) -> Carried:
        carried = super().begin(profile, state, meter, initial_message)
        return replace(carried, assistant=_Breaks(carried.assistant)) if profile.company == "Unfortunate" else carried


class _Breaks(Assistant):
    def __init__(self, whole: Assistant) -> None:
        self.__dict__.update(whole.__dict__)

    def reply_to(self, said: str, spoken: str = "") -> SpokenReply:  # noqa: ARG002
        raise ZeroDivisionError(said)


@pytest.mark.alone
async def test_bad_streams_are_refused_and_a_good_call_beside_them_goes_on(database_url: str, redis_url: str) -> None:
    before = {reason: rejected(reason) for reason in Rejected}
    nonsense = tuple("{" for _ in range(10))
    other_call = json.dumps({"event": "start", "start": {"streamSid": "MZ1", "callSid": "CA1"}, "streamSid": "MZ1"})
    async with voice_house(database_url, redis_url, conversations=_Unfortunate) as house:
        unfortunate = await an_agent(house.sessions, company="Unfortunate")
        await all_at_once(
            good=is_answered(house),
            early_audio=is_answered(house, audio_before_start=True),
            twice=is_answered(house, starts_twice=True),
            swapped=is_answered(house, out_of_order=True),
            bunched=is_answered(house, bunch=25),
            binary=is_answered(house, binary_message=True),
            some_nonsense=is_answered(house, raw_messages=("{", "null", '{"event":"weather"}', '{"event":"media"}')),
            too_much_nonsense=is_refused(house, 1008, raw_messages=nonsense),
            oversized=is_refused(house, 1009, oversized_message=5000),
            enormous=is_cut_off(house, oversized_message=20 * 1024 * 1024),
            another_call=is_refused(house, 1008, raw_messages=(other_call,)),
            never_starts=never_begins(house, never_starts=True),
            claims_another_call=never_begins(house, claims_call="CA" + "f" * 32),
            claims_another_account=never_begins(house, claims_account="AC" + "f" * 32),
            no_token=never_begins(house, parameters={}),
            cut=is_lost(house, cut_after_s=2.0),
            other_stream=hears_nobody(house),
            crashes=crashes(house, unfortunate),
        )
        assert house.wiring.calls.active == 0
        assert not [task for task in asyncio.all_tasks() if task.get_name() in TASKS_OF_A_CALL]
    missing = {reason for reason in Rejected if rejected(reason) == before[reason]}
    assert missing == {Rejected.TOO_FAST, Rejected.OTHER_TRACK}


async def is_answered(house: VoiceHouse, **faults: Any) -> None:
    caller = Driven()
    call = house.ring(caller, **faults)
    await caller.hears(GREETING)
    caller.say(QUESTION)
    await caller.hears(ANSWER)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    assert [turn.text for turn in await house.turns(call.record.sid) if turn.speaker == "caller"] == [QUESTION]


async def is_refused(house: VoiceHouse, code: int, **faults: Any) -> None:
    call = house.ring(Driven(), **faults)
    await call.over.wait()
    assert _closed(call.record.events).closed_by == "platform"
    assert any(isinstance(event, Problem) and f"closed with {code}" in event.message for event in call.record.events)
    await house.left(call.record.sid, MediaState.LOST)


def _closed(events: list[Any]) -> StreamClosed:
    return next(event for event in events if isinstance(event, StreamClosed))


async def never_begins(house: VoiceHouse, **faults: Any) -> None:
    caller = Driven()
    call = house.ring(caller, **faults)
    await call.over.wait()
    assert call.record.sid in house.exchange.after
    assert caller.heard == ""
    assert (await house.call(call.record.sid)).media_state == MediaState.EXPECTED


async def is_cut_off(house: VoiceHouse, **faults: Any) -> None:
    """The socket ends while the call is being admitted: whether it was claimed before is a matter of moments."""
    caller = Driven()
    call = house.ring(caller, **faults)
    await call.over.wait()
    assert call.record.sid in house.exchange.after

    async def left_alone() -> bool:
        return (await house.call(call.record.sid)).media_state in (MediaState.EXPECTED, MediaState.LOST)

    await wait_for_async(left_alone, 5, "nobody to carry the call")


async def is_lost(house: VoiceHouse, **faults: Any) -> None:
    """The gateway is asked what to do, and finds a conversation to go on with."""
    caller = Driven()
    call = house.ring(caller, **faults)
    await call.over.wait()
    assert call.record.sid in house.exchange.after
    row = await house.left(call.record.sid, MediaState.LOST)
    assert row.next_step is None
    conversation = await house.conversation(call.record.sid)
    assert conversation.outcome is None
    assert ConversationState.from_json(conversation.checkpoint).heard_already[0] == GREETING
    assert (await house.turns(call.record.sid))[0].heard.startswith(GREETING)


async def hears_nobody(house: VoiceHouse) -> None:
    """Audio under another stream's name is nobody's voice; the call ends as one without a caller."""
    caller = Driven()
    call = house.ring(caller, wrong_stream_sid=True)
    await caller.asked("How can I help", QUESTION)
    await caller.hears("Are you still there?")
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    assert (await house.conversation(call.record.sid)).outcome == Outcome.SILENT


async def crashes(house: VoiceHouse, agent_id: UUID) -> None:
    """A fault of our own ends this call alone, and leaves it to be resumed."""
    caller = Driven()
    call = house.ring(caller, rows={"agent_id": agent_id})
    await caller.hears(GREETING)
    caller.say("Anything at all.")
    await call.over.wait()
    assert call.record.sid in house.exchange.after
    assert (await house.left(call.record.sid, MediaState.LOST)).next_step is None
    assert [turn.text for turn in await house.turns(call.record.sid)][-1] == "Anything at all."


async def test_the_open_clips_of_other_servers_are_taken_as_calls(
    shared_data: Path, database_url: str, redis_url: str
) -> None:
    folder = shared_data / "peer_fixtures" / "media_streams"
    clips = {clip.stem: clip.read_text(encoding="utf-8").splitlines() for clip in folder.glob("*.jsonl")}
    assert clips
    async with voice_house(database_url, redis_url) as house:
        await all_at_once(**{name: _is_taken(house, lines) for name, lines in clips.items()})


async def _is_taken(house: VoiceHouse, lines: list[str]) -> None:
    call_sid = new_call_sid()
    await house.exchange.open(call_sid)
    start = json.loads(lines[1])
    assert await _played(house, lines) == 1008  # as it stands it has no token, and claims a call of another account
    start["start"] |= {
        "callSid": call_sid,
        "accountSid": ACCOUNT,
        "customParameters": {"token": house.exchange.issue(call_sid)},
    }
    lines[1] = json.dumps(start)
    assert await _played(house, lines) == 1000
    row = await house.left(call_sid, MediaState.FINISHED)
    assert row.next_step == "hang_up"


async def _played(house: VoiceHouse, lines: list[str]) -> int:
    """The room's close code when these messages are sent, 20 ms apart."""
    async with house.socket() as socket:
        try:
            for line in lines:
                await socket.send(line)
                await asyncio.sleep(0.02)
            async with asyncio.timeout(5):
                while True:
                    await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
