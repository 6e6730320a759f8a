"""Calls that no voice process leads: the gateway talks by rules and articles, over the lab's `<Gather>` and `<Say>`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from sqlalchemy import func, select
from starlette.websockets import WebSocket

from lab.caller.caller import SimulatedCaller
from lab.caller.scenario import HangUp, Keys, Persona, Scenario
from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker as Speaking
from lab.speech.mulaw import RATE
from lab.twilio.call import Call as PlacedCall
from lab.twilio.people import QUIET, Act, Voice
from services.gateway.plain_line.kept import NAME
from shared.admission.slots import NOTHING, Slots
from shared.contracts.calls import MediaState, RecordingKind
from shared.contracts.conversations import Outcome, Speaker
from shared.conversation.state import ConversationState, EmailSlot, Phase, Utterance
from shared.conversation.state import Question as Asked
from shared.database.models import Call, Conversation, Recording, Turn
from tests.gateway_house import (
    OUR_NUMBER,
    PERSON,
    House,
    call_form,
    document,
    gateway,
    new_call_sid,
    settings_for,
    spoken,
)
from tests.gateway_house import verbs as verbs_of
from tests.gateway_telephone import Line, telephone, verbs
from tests.serving import serving
from tests.voice_house import KnowledgeRoom

ROUTER = Scenario.asking("How do I restart my router?")


@dataclass
class Desk:
    """A line without a voice tier, and the articles behind it."""

    line: Line
    knowledge: KnowledgeRoom

    async def call(self, scenario: Scenario = ROUTER, problems: Sequence[int] = ()) -> PlacedCall:
        """A scripted call, when it is over."""
        placed = self.line.network.call_in(scenario.persona.number, SimulatedCaller(scenario))
        async with asyncio.timeout(40):
            await placed.over.wait()
        assert placed.record.problems == list(problems)
        return placed

    async def turns(self, call_sid: str) -> Sequence[Turn]:
        async with self.line.house.wiring.sessions() as session:
            query = select(Turn).join(Conversation).join(Call).where(Call.call_sid == call_sid).order_by(Turn.number)
            return (await session.scalars(query)).all()


class Insistent:
    """A caller who says one thing when asked how to help, and another after the tone."""

    def __init__(self, wish: str, message: str) -> None:
        self._answers = {"How can I help?": wish, "when you are done.": message}
        self._ears = Decoder()
        self._heard = ""
        self._voice = Voice(Speaking.CALLER)

    def tick(self, heard: bytes) -> Act:
        self._heard += "".join(letter.character for letter in self._ears.feed(heard))
        for question, answer in self._answers.items():
            if self._heard.endswith(question) and self._ears.quiet > RATE // 2:
                self._heard = ""
                self._voice.say(answer)
        return Act(self._voice.frame()) if self._voice.speaks else QUIET


def _numbered(scenario: Scenario, number: int) -> Scenario:
    """From a number of its own: one person does not call three times at once."""
    return replace(scenario, persona=replace(scenario.persona, number=f"+1202555010{number}"))


async def _turn_count(house: House, call_sid: str) -> int:
    async with house.wiring.sessions() as session:
        query = select(func.count()).select_from(Turn).join(Conversation).join(Call).where(Call.call_sid == call_sid)
        return await session.scalar(query) or 0


async def no_voice_tier(redis_url: str) -> None:
    """There was one a moment ago."""
    async with Redis.from_url(redis_url) as redis:
        await Slots(redis).publish("gone", NOTHING, for_s=0)


@asynccontextmanager
async def a_desk(database_url: str, redis_url: str, **others: Any) -> AsyncIterator[Desk]:
    knowledge = KnowledgeRoom()
    async with (
        serving(knowledge.app()) as address,
        telephone(database_url, redis_url, knowledge_url=address, **others) as line,
    ):
        yield Desk(line, knowledge)


@pytest.fixture
async def desk(database_url: str, redis_url: str) -> AsyncIterator[Desk]:
    async with a_desk(database_url, redis_url, speed=20) as ready:
        await no_voice_tier(redis_url)
        yield ready


def letters(text: str) -> str:
    return "".join(text.split())


async def test_a_caller_is_served_to_the_goodbye(desk: Desk) -> None:
    await desk.line.house.agent(OUR_NUMBER)
    call = await desk.call()
    heard = " ".join(call.record.heard)
    assert "AI assistant" in heard
    assert "wait ten seconds" in heard
    assert "Goodbye!" in heard
    assert call.record.ended_by == "twiml"
    conversation = await desk.line.house.conversation(call.record.sid)
    assert conversation.closed_at is not None
    assert (conversation.outcome, conversation.email) == (Outcome.ANSWERED, "jane.doe@example.com")
    assert (conversation.email_confirmed, conversation.notice_heard) == (True, True)
    turns = await desk.turns(call.record.sid)
    assert [turn.text for turn in turns if turn.speaker == "caller"] == call.record.said
    ours = [turn for turn in turns if turn.speaker == "assistant"]
    assert letters("".join(turn.heard for turn in ours)) == letters(heard)
    assert {turn.origin for turn in ours} == {"phrase", "rules"}
    assert any(turn.sources for turn in ours)


async def test_after_the_last_loss_nothing_confirmed_is_asked_again(database_url: str, redis_url: str) -> None:
    said = (Utterance(Speaker.CALLER, "How do I restart my router?"), Utterance(Speaker.ASSISTANT, "Unplug it."))
    state = ConversationState(
        phase=Phase.ANYTHING_ELSE,
        history=said,
        questions=(Asked(said[0].text, found=True, answered=True),),
        email=EmailSlot(confirmed="jane.doe@example.com"),
        notice_heard=True,
        caller_spoke=True,
    )
    async with a_desk(database_url, redis_url, speed=20) as desk:
        line = desk.line
        await line.house.agent(OUR_NUMBER)

        async def dies(socket: WebSocket, call_sid: str) -> None:
            async with line.house.wiring.sessions.begin() as session:
                found = await session.scalars(select(Conversation).join(Call).where(Call.call_sid == call_sid))
                found.one().checkpoint = state.to_json()
            await line.dies()(socket, call_sid)

        line.talks = [dies]
        call = await desk.call(Scenario(name="done", persona=Persona(patience_s=1e6)), [31921] * 4)
        assert line.generations == ["1", "2", "3", "4"]
        heard = " ".join(call.record.heard)
        assert heard.startswith("Sorry, we were cut off for a moment. Is there anything else")
        assert "e-mail" not in heard
        conversation = await line.house.conversation(call.record.sid)
        assert (conversation.outcome, conversation.email) == (Outcome.ANSWERED, "jane.doe@example.com")
        assert min(turn.number for turn in await desk.turns(call.record.sid)) > 4000


async def test_who_wants_a_person_gets_one_or_leaves_a_message_that_reaches_the_ticket(desk: Desk) -> None:
    nobody = "+18005550198"
    await desk.line.house.agent(OUR_NUMBER, transfer_number=nobody, takes_messages=True)
    caller = Insistent("I want to talk to a person.", "Please call me back.")
    call = desk.line.network.call_in("+12025550123", caller)
    async with asyncio.timeout(40):
        await call.over.wait()
    assert [verb for verb in verbs(call.record) if verb in ("Dial", "Record")] == ["Dial", "Record"]
    conversation = await desk.line.house.conversation(call.record.sid)
    assert conversation.outcome == Outcome.FOLLOW_UP
    async with desk.line.house.wiring.sessions() as session:
        recording = (await session.scalars(select(Recording).join(Call).where(Call.call_sid == call.record.sid))).one()
    assert recording.kind == RecordingKind.MESSAGE


async def test_keys_silence_and_a_caller_who_leaves(desk: Desk) -> None:
    await desk.line.house.agent(OUR_NUMBER, transfer_number=PERSON)
    pressing = Scenario(name="keys", keys=Keys(keys="0"))
    silent = Scenario(name="silent", speaks=False)
    leaving = Scenario(
        name="leaves", questions=ROUTER.questions, hangs_up=HangUp(during="answer", question=1, after_characters=60)
    )
    keys, quiet, left = await asyncio.gather(
        *(desk.call(scenario) for scenario in (_numbered(pressing, 1), _numbered(silent, 2), _numbered(leaving, 3)))
    )
    assert "Dial" in verbs(keys.record)
    assert "[key 0]" in [turn.text for turn in await desk.turns(keys.record.sid)]
    assert "I still can't hear anything" in " ".join(quiet.record.heard)
    assert (await desk.line.house.conversation(quiet.record.sid)).outcome == Outcome.SILENT
    last = (await desk.turns(left.record.sid))[-1]
    assert (last.speaker, last.heard) == ("assistant", "")
    assert (await desk.line.house.conversation(left.record.sid)).closed_at is not None


async def test_without_the_articles_a_person_is_promised(desk: Desk) -> None:
    await desk.line.house.agent(OUR_NUMBER, email_policy="never")
    desk.knowledge.hangs = True
    call = await desk.call(Scenario.asking("How do I restart my router?"))
    assert "I can't look that up right now." in " ".join(call.record.heard)
    assert (await desk.line.house.conversation(call.record.sid)).outcome == Outcome.FOLLOW_UP


async def test_every_webhook_twice_gets_the_same_bytes_and_is_stored_once(database_url: str, redis_url: str) -> None:
    knowledge = KnowledgeRoom()
    await no_voice_tier(redis_url)
    async with (
        serving(knowledge.app()) as address,
        gateway(settings_for(database_url, redis_url, knowledge_url=address)) as house,
    ):
        await house.agent(OUR_NUMBER, email_policy="never")
        form = call_form(new_call_sid(), CallStatus="in-progress")
        asks = {**form, "SpeechResult": "How do I restart my router?", "Confidence": "0.9"}
        done = {**form, "SpeechResult": "No, thank you. That's all."}
        road = [
            ("/twilio/voice", form),
            ("/twilio/voice/plain?turn=1", form),
            ("/twilio/voice/plain?turn=2", asks),
            ("/twilio/voice/plain?turn=3", done),
            ("/twilio/voice/plain?turn=4", form),
        ]
        answers = []
        for path, fields in road:
            twice = await asyncio.gather(house.hook(path, fields), house.hook(path, fields))
            assert twice[0].content == twice[1].content
            answers.append(twice[0])
        assert [verbs_of(answer)[-1] for answer in answers] == ["Redirect"] * 4 + ["Hangup"]
        assert "wait ten seconds" in spoken(answers[2])
        assert document(answers[2]).find("Gather") is not None
        assert document(answers[3]).find("Gather") is None
        row = await house.call(form["CallSid"])
        assert row is not None
        assert row.media_state == MediaState.FINISHED
        assert await _turn_count(house, form["CallSid"]) == 5
        conversation = await house.conversation(form["CallSid"])
        assert conversation.outcome == Outcome.ANSWERED
        assert ConversationState.from_json(conversation.checkpoint).said_goodbye
        assert conversation.checkpoint[NAME]["turn"] == 3


async def test_who_asks_for_german_is_read_to_and_listened_to_in_german(database_url: str, redis_url: str) -> None:
    await no_voice_tier(redis_url)
    async with gateway(settings_for(database_url, redis_url)) as house:
        await house.agent(OUR_NUMBER, languages=[{"code": "de-DE", "voice": "aura-2-julius-de"}])
        form = call_form(new_call_sid(), CallStatus="in-progress")
        for path in ("/twilio/voice", "/twilio/voice/plain?turn=1"):
            await house.hook(path, form)
        asked = await house.hook("/twilio/voice/plain?turn=2", {**form, "SpeechResult": "Do you speak German?"})
        assert "sprechen wir Deutsch" in spoken(asked)
        said = [verb for verb in document(asked).iter() if verb.tag in ("Say", "Gather")]
        assert {verb.get("language") for verb in said} == {"de-DE"}
        again = await house.hook("/twilio/voice/plain?turn=3", {**form, "SpeechResult": "Ich habe eine Frage."})
        assert "Worum geht es" in spoken(again)
