"""Calls from the first word to the record of their end, over real sockets: all kinds at once, in one process."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from lab.openai.app import make_app as make_openai
from lab.openai.stand_in import OpenAISettings, StandIn
from services.voice.session.silence import CallLimits
from shared.contracts.calls import MediaState, NextStep
from shared.contracts.conversations import Outcome
from shared.contracts.relay import RelayOptions
from shared.conversation.phrases import Phrase, variants
from shared.conversation.state import ConversationState, Phase, Question
from shared.database.models import Call, CallSession, Charge, OutboxRow
from tests.serving import serving
from tests.voice_house import GREETING, Driven, VoiceHouse, all_at_once, an_agent, voice_house


@pytest.mark.alone
async def test_calls_of_all_kinds(database_url: str, redis_url: str) -> None:
    async with (
        voice_house(database_url, redis_url) as house,
        serving(make_openai()) as openai,
        voice_house(database_url, redis_url, openai_api_key="lab", openai_base_url=f"{openai}/v1") as clever,
        serving(make_openai(StandIn(OpenAISettings(first_token_s=1.2)))) as slow,
        voice_house(database_url, redis_url, openai_api_key="lab", openai_base_url=f"{slow}/v1") as thoughtful,
        voice_house(
            database_url, redis_url, openai_api_key="lab", openai_base_url=f"{slow}/v1", relay=RelayOptions()
        ) as thoughtful_relay,
        voice_house(database_url, redis_url) as hurried,
        voice_house(database_url, redis_url, relay=RelayOptions()) as relayed,
        voice_house(database_url, redis_url, relay=RelayOptions(welcome="twilio", interruptible="any")) as welcoming,
    ):
        person = await an_agent(house.sessions, transfer_number="+18005550199")
        hurried.wiring._limits = CallLimits(silence=60, longest=3)
        await all_at_once(
            answered=is_answered(house),
            silent=never_speaks(house),
            hangs_up_speaking=hangs_up_in_the_middle_of_a_sentence(house),
            hangs_up_listening=hangs_up_in_the_middle_of_an_answer(house),
            reported_first=is_over_for_twilio_first(house),
            resumed=goes_on_where_it_stood(house),
            transferred=asks_for_a_person(house, person),
            model=is_answered_by_a_model(clever),
            slow_model=is_told_to_wait_a_moment(thoughtful),
            relay_slow_model=is_told_to_wait_a_moment(thoughtful_relay),
            longest=reaches_the_longest_time(hurried),
            relay_answered=is_answered(relayed),
            relay_without_news=is_answered(relayed, tells_nothing=True),
            relay_welcome=is_answered(welcoming),
            relay_silent=never_speaks(relayed),
            relay_hangs_up_speaking=hangs_up_in_the_middle_of_a_sentence(relayed),
            relay_hangs_up_listening=hangs_up_in_the_middle_of_an_answer(relayed),
            relay_resumed=goes_on_where_it_stood(relayed),
            relay_transferred=asks_for_a_person(relayed, person),
        )


async def test_keys_and_calls_of_ours(database_url: str, redis_url: str) -> None:
    async with voice_house(database_url, redis_url) as house:
        person = await an_agent(house.sessions, transfer_number="+18005550199")
        await all_at_once(key=presses_a_key_for_a_person(house, person), called=is_called_by_us(house))


async def is_answered(house: VoiceHouse, **faults: Any) -> None:
    caller = Driven()
    call = house.ring(caller, **faults)
    await caller.asked("How can I help?", "How do I restart my router?")
    await caller.asked("Is there anything else I can help you with?", "No, thank you.")
    await caller.asked("e-mail address", "I'd rather not give it.")
    await call.over.wait()

    assert call.record.ended_by == "twiml"
    assert call.record.problems == []
    assert caller.heard.endswith("Goodbye!")
    row = await house.left(call.record.sid, MediaState.FINISHED)
    assert row.next_step == NextStep.HANG_UP
    conversation = await house.conversation(call.record.sid)
    assert conversation.outcome == Outcome.ANSWERED
    assert conversation.notice_heard
    assert ConversationState.from_json(conversation.checkpoint).said_goodbye
    turns = await house.turns(call.record.sid)
    assert [turn.number for turn in turns] == list(range(1, len(turns) + 1))
    assert [turn.speaker for turn in turns] == ["assistant", "caller"] * (len(turns) // 2) + ["assistant"]
    assert all(turn.heard == turn.text for turn in turns)
    await is_accounted_for(house, row)
    assert faults or not any(turn.interrupted for turn in turns)
    assert turns[1].text == "How do I restart my router?"
    answer = turns[2]
    assert "wait ten seconds" in answer.text
    assert answer.sources[0]["title"] == "Restart your router"
    assert {"hearing", "retrieval", "first_audio", "answer", "overhead", "playout"} <= set(answer.stages_ms)
    assert house.relay or 300 <= answer.stages_ms["hearing"] < 700
    assert answer.stages_ms["overhead"] < 250
    spoken = [turn for turn in turns if turn.speaker == "assistant" or house.relay is None]  # Twilio tells no times
    assert all(turn.started_at < turn.ended_at for turn in spoken)


async def is_accounted_for(house: VoiceHouse, row: Call) -> None:
    """What the call used of whom is in the record, with its end."""
    async with house.sessions() as session:
        left = await session.get_one(CallSession, (row.id, 1))
        charges = await session.scalars(select(Charge).where(Charge.conversation_id == row.conversation_id))
        used = {(charge.item, charge.unit): charge for charge in charges}
    assert 5 < left.seconds < 60
    if house.relay is not None:
        assert used.keys() == {("conversation relay", "seconds")}
        assert used["conversation relay", "seconds"].amount == Decimal("0.07")
        return
    spoken, heard, streamed = (
        used["aura-2", "characters"], used["nova-3", "seconds"], used["media streams", "seconds"],
    )  # fmt: skip
    assert float(streamed.quantity) == pytest.approx(left.seconds, abs=0.1)
    assert 0.8 * left.seconds < float(heard.quantity) <= left.seconds + 0.5
    assert left.kept_characters > len(GREETING), "the greeting was kept"
    answers = [turn.text for turn in await house.turns(row.call_sid) if turn.origin in ("rules", "model")]
    assert sum(map(len, answers)) * 0.5 < spoken.quantity
    assert all(charge.amount is not None for charge in used.values())


async def never_speaks(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await call.over.wait()
    assert "Are you still there?" in caller.heard
    assert "please say something" in caller.heard
    assert caller.heard.endswith("Goodbye.")
    assert (await house.conversation(call.record.sid)).outcome == Outcome.SILENT
    assert (await house.call(call.record.sid)).next_step == NextStep.HANG_UP


async def hangs_up_in_the_middle_of_a_sentence(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.hears(GREETING)
    caller.say("My router has an orange light and I have tried everything that you")
    await asyncio.sleep(2.0)
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, house.hung_up)
    said = [turn for turn in await house.turns(call.record.sid) if turn.speaker == "caller"]
    assert said[-1].text.startswith("My router has an orange light")
    assert (await house.conversation(call.record.sid)).outcome == Outcome.ABANDONED


async def hangs_up_in_the_middle_of_an_answer(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", "How do I restart my router?")
    await caller.hears("Unplug the router, wait")
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, house.hung_up)
    cut = (await house.turns(call.record.sid))[-1]
    assert cut.speaker == "assistant"
    assert cut.text.startswith(cut.heard)
    assert cut.text != cut.heard
    assert "Unplug the" in cut.heard
    assert cut.heard.replace(" ", "") in caller.heard.replace(" ", "")


async def is_over_for_twilio_first(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.hears(GREETING)
    await house.set_status(call.record.sid, "completed")
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    conversation = await house.conversation(call.record.sid)
    assert conversation.closed_at is not None
    async with house.sessions() as session:
        tasks = select(OutboxRow.task).where(OutboxRow.order_key == str(conversation.id))
        assert "analytics.record_conversation" in (await session.scalars(tasks)).all()


async def goes_on_where_it_stood(house: VoiceHouse) -> None:
    state = ConversationState(
        phase=Phase.ANYTHING_ELSE,
        questions=(Question("How do I restart my router?", found=True, answered=True),),
        notice_heard=True,
        caller_spoke=True,
    )
    caller = Driven()
    call = house.ring(caller, rows={"stream_generation": 2, "checkpoint": state.to_json()})
    await caller.hears("we were cut off")
    assert GREETING not in caller.heard
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, house.hung_up)
    assert (await house.turns(call.record.sid))[0].number == 1001
    assert ConversationState.from_json((await house.conversation(call.record.sid)).checkpoint).questions


async def asks_for_a_person(house: VoiceHouse, agent_id: Any) -> None:
    caller = Driven()
    call = house.ring(caller, rows={"agent_id": agent_id})
    await caller.hears(GREETING)
    caller.say("I want to talk to a person.")
    await call.over.wait()
    assert "put you through" in caller.heard
    assert (await house.call(call.record.sid)).next_step == NextStep.TRANSFER
    assert (await house.conversation(call.record.sid)).outcome == Outcome.TRANSFERRED


async def presses_a_key_for_a_person(house: VoiceHouse, agent_id: Any) -> None:
    caller = Driven()
    call = house.ring(caller, rows={"agent_id": agent_id})
    await caller.hears("Hello, this")
    for key in "59#1":  # these mean nothing here, and interrupt nothing
        caller.press(key)
        await caller.until(lambda: caller.key is None)
    await caller.hears(GREETING)
    caller.press("0")
    await call.over.wait()
    assert "How can I help?" not in caller.heard
    assert "put you through" in caller.heard
    assert (await house.call(call.record.sid)).next_step == NextStep.TRANSFER
    turns = await house.turns(call.record.sid)
    assert [turn.text for turn in turns if turn.speaker == "caller"] == ["[key 0]"]
    assert turns[0].interrupted


async def is_called_by_us(house: VoiceHouse) -> None:
    called = Driven()
    message = "Your new router was delivered. Do you know how to restart it?"
    call = house.ring(called, rows={"direction": "outbound-api", "initial_message": message})
    await called.asked("Do you know how to restart it?", "No, how do I restart my router?")
    await called.hears("wait ten seconds")
    called.hang_up()
    await call.over.wait()
    who = called.heard.partition(" Your new router")[0]
    assert who.startswith("Hello, I am agent ")
    assert who.endswith(", the AI assistant of Fernway.")
    assert GREETING not in called.heard
    await house.left(call.record.sid, MediaState.FINISHED)
    assert (await house.conversation(call.record.sid)).notice_heard


async def is_answered_by_a_model(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", "How do I restart my router?")
    await caller.hears("anything else")
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, MediaState.FINISHED)
    answers = [turn for turn in await house.turns(call.record.sid) if turn.origin == "model"]
    assert answers
    async with house.sessions() as session:
        of_model = select(Charge).join(Call, Call.conversation_id == Charge.conversation_id)
        tokens = (
            await session.scalars(of_model.where(Call.call_sid == call.record.sid, Charge.provider == "openai"))
        ).all()
    assert {charge.unit for charge in tokens} >= {"input_tokens", "output_tokens"}
    assert all(charge.amount for charge in tokens)
    stages = answers[0].stages_ms
    assert {"retrieval", "first_token", "first_sentence", "first_audio", "answer", "overhead"} <= set(stages)
    # an answer that was begun on a guess had been waited for before the turn was decided
    ahead = max(0, stages.get("ahead", 0) - stages["retrieval"])
    waited = max(0, stages["first_sentence"] - ahead) + stages["first_audio"]
    assert stages["answer"] == pytest.approx(waited + stages["overhead"], abs=15)
    assert stages["overhead"] < 250


async def is_told_to_wait_a_moment(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await caller.asked("How can I help", "How do I restart my router?")
    await caller.hears("anything else")
    caller.hang_up()
    await call.over.wait()
    await house.left(call.record.sid, house.hung_up)
    (answer,) = [turn for turn in await house.turns(call.record.sid) if turn.origin == "model"]
    meanwhile = next(text for text in variants("en", Phrase.LOOKING_UP) if answer.text.startswith(text))
    assert answer.heard.startswith(meanwhile)
    assert meanwhile in caller.heard
    assert 380 <= answer.stages_ms["acknowledged"] < answer.stages_ms["answer"]
    state = ConversationState.from_json((await house.conversation(call.record.sid)).checkpoint)
    assert answer.text.removeprefix(meanwhile).strip() == " ".join(state.last_reply)
    assert all(meanwhile not in utterance.text for utterance in state.history)


async def reaches_the_longest_time(house: VoiceHouse) -> None:
    caller = Driven()
    call = house.ring(caller)
    await call.over.wait()
    assert "longest time for one call" in caller.heard
    assert (await house.call(call.record.sid)).next_step == NextStep.HANG_UP
