"""Calls of an agent for whom Twilio hears and speaks, webhook by webhook."""

from __future__ import annotations

import json
from xml.etree.ElementTree import Element

import httpx

from shared.contracts.calls import MediaState, NextStep
from shared.contracts.conversations import Outcome
from shared.security.api_keys import Scope
from shared.security.purpose_tokens import Purpose, TokenSigner
from tests.gateway_house import OUR_NUMBER, PERSON, SIGNING_KEY, House, call_form, document, new_call_sid, spoken, verbs

VOICE, AFTER = "/twilio/voice", "/twilio/voice/after?generation=1"
RELAY = {"transport": "conversation_relay"}


def noun_of(answer: httpx.Response) -> Element:
    """What the line is connected by."""
    connect = document(answer).find("Connect")
    assert connect is not None
    return connect[0]


def ended(call_sid: str, status: str, **more: str) -> dict[str, str]:
    """The form that follows a session, as documented."""
    return call_form(
        call_sid,
        CallStatus="completed" if status == "completed" else "in-progress",
        SessionId="VX" + "0" * 32,
        SessionStatus=status,
        SessionDuration="25",
        **more,
    )


async def begin(house: House, **agent: object) -> tuple[str, httpx.Response]:
    await house.agent(OUR_NUMBER, **RELAY, **agent)
    call_sid = new_call_sid()
    return call_sid, await house.hook(VOICE, call_form(call_sid))


async def test_the_profile_chooses_and_a_repeat_gets_the_same_bytes(house: House) -> None:
    relay = {"hints": ["Fernway"], "voice": "NYC9WEgkq1u4jiqBseQ9", "elevenlabs": {"stability": 0.4}}
    call_sid, first = await begin(house, relay=relay, language="en")
    noun = noun_of(first)
    assert noun.tag == "ConversationRelay"
    assert noun.get("url") == "wss://support.example.com/twilio/relay"
    assert noun.get("voice") == "NYC9WEgkq1u4jiqBseQ9-flash_v2_5-1.0_0.4_0.75"
    assert (noun.get("hints"), noun.get("language")) == ("Fernway", "en-US")
    assert noun.get("welcomeGreeting") is None
    token = noun.findall("Parameter")[0].get("value", "")
    claims = TokenSigner(SIGNING_KEY).read(Purpose.STREAM, token)
    assert (claims["sub"], claims["jti"]) == (call_sid, f"{call_sid}:1")
    assert (await house.hook(VOICE, call_form(call_sid))).content == first.content


async def test_twilio_greets_with_the_whole_greeting_and_once(house: House) -> None:
    call_sid, first = await begin(house, relay={"welcome": "twilio"}, greeting="Hello from Fern & Co.")
    greeting = noun_of(first).get("welcomeGreeting", "")
    assert greeting.startswith("Hello from Fern and Co.")
    assert "AI assistant" in greeting
    assert greeting.endswith("How can I help?")
    assert [one.get("name") for one in noun_of(first).findall("Parameter")] == ["token", "greeted"]
    await house.set_call(call_sid, media_state=MediaState.CONNECTED)
    again = noun_of(await house.hook(AFTER, ended(call_sid, "failed", ErrorCode="39001")))
    assert again.tag == "ConversationRelay"
    assert again.get("welcomeGreeting") is None
    assert [one.get("name") for one in again.findall("Parameter")] == ["token"]


async def test_nobody_is_greeted_whom_the_agent_lets_speak_first(house: House) -> None:
    _, first = await begin(house, relay={"welcome": "twilio"}, opening="wait")
    assert noun_of(first).get("welcomeGreeting") is None


async def test_a_session_that_broke_off_goes_on_as_the_next_generation(house: House) -> None:
    call_sid, _ = await begin(house)
    await house.set_call(call_sid, media_state=MediaState.LOST)
    failed = ended(call_sid, "failed", ErrorCode="64105", ErrorMessage="WebSocket ended")
    answer = await house.hook(AFTER, failed)
    assert noun_of(answer).tag == "ConversationRelay"
    assert (await house.hook(AFTER, failed)).content == answer.content
    call = await house.call(call_sid)
    assert call is not None
    assert (call.stream_generation, call.media_state) == (2, MediaState.EXPECTED)


async def test_a_session_that_never_reached_us_is_followed_by_a_media_stream(house: House) -> None:
    call_sid, _ = await begin(house)
    refused = ended(call_sid, "failed", ErrorCode="64101", ErrorMessage="Invalid parameter")
    answer = await house.hook(AFTER, refused)
    assert noun_of(answer).tag == "Stream"
    assert (await house.hook(AFTER, refused)).content == answer.content
    call = await house.call(call_sid)
    assert call is not None
    assert (call.transport, call.stream_generation) == ("media_streams", 2)


async def test_our_own_end_is_read_from_the_row(house: House) -> None:
    call_sid, _ = await begin(house, transfer_number=PERSON)
    await house.set_call(
        call_sid, media_state=MediaState.FINISHED, next_step=NextStep.HANG_UP, outcome=Outcome.ANSWERED
    )
    handoff = json.dumps({"generation": 1, "next_step": "transfer", "outcome": "transferred"})
    assert verbs(await house.hook(AFTER, ended(call_sid, "ended", HandoffData=handoff))) == ["Hangup"]


async def test_our_own_end_is_read_from_the_handoff_when_the_row_is_behind(house: House) -> None:
    call_sid, _ = await begin(house, transfer_number=PERSON)
    await house.set_call(call_sid, media_state=MediaState.CONNECTED)
    handoff = json.dumps({"generation": 1, "next_step": "transfer", "outcome": "transferred"})
    form = ended(call_sid, "ended", HandoffData=handoff)
    answer = await house.hook(AFTER, form)
    assert verbs(answer) == ["Say", "Dial"]
    assert "putting you through" in spoken(answer)
    assert (await house.hook(AFTER, form)).content == answer.content
    assert (await house.conversation(call_sid)).outcome == Outcome.FOLLOW_UP


async def test_a_caller_who_hung_up_closes_the_conversation_with_the_outcome_that_was_left(house: House) -> None:
    call_sid, _ = await begin(house)
    await house.set_call(call_sid, media_state=MediaState.LOST, outcome=Outcome.FOLLOW_UP)
    assert verbs(await house.hook(AFTER, ended(call_sid, "completed"))) == ["Hangup"]
    await house.hook("/twilio/status", call_form(call_sid, CallStatus="completed", CallDuration="25"))
    conversation = await house.conversation(call_sid)
    assert conversation.closed_at is not None
    assert conversation.outcome == Outcome.FOLLOW_UP


async def test_the_api_sets_and_shows_how_an_agent_is_carried(house: House) -> None:
    async with await house.client(Scope.AGENTS_READ, Scope.AGENTS_WRITE) as client:
        body = {"name": "Relayed", "company": "Fernway", "greeting": "Hello.", "transport": "conversation_relay"}
        made = await client.post("/api/v1/agents", json={**body, "relay": {"hints": ["Fernway"]}})
        assert made.status_code == 201, made.text
        assert made.json()["relay"]["hints"] == ["Fernway"]
        path = f"/api/v1/agents/{made.json()['id']}"
        wrong = await client.patch(path, json={"relay": {"speech_timeout_ms": 1}})
        assert wrong.status_code == 422
        changed = await client.patch(path, json={"transport": "media_streams"})
        assert changed.json()["transport"] == "media_streams"
        assert changed.json()["relay"]["hints"] == ["Fernway"]
