"""The stand-in for Twilio: relay sessions, with its order, its rules, its own hearing and speech."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from twilio.request_validator import RequestValidator

from lab.speech.encoder import Speaker, encode
from lab.twilio.call import Call
from lab.twilio.faults import Faults, RelayFaults
from lab.twilio.records import CallRecord, RelayClosed
from tests.protocol.test_lab_twilio_streams import CALLER, Speaking
from tests.protocol.toy_platform import ACCOUNT, TOKEN, ToyPlatform, over, response, toy_platform
from tests.serving import serving


class Session:
    """The platform's end of a relay session."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of these types; of any when none is named."""
        while True:
            message: dict[str, Any] = json.loads(await self.socket.receive_text())
            self.messages.append(message)
            if not kinds or message["type"] in kinds:
                return message

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_text(json.dumps({"type": kind, **fields}))

    async def say(self, words: str, **fields: Any) -> None:
        await self.send("text", token=words, last=True, **fields)


Talk = Callable[[Session], Awaitable[None]]


class Relayed:
    """A call over a relay session, and what it came to."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.headers: dict[str, str] = {}
        self.address = ""
        self.platform: ToyPlatform
        self.call: Call

    @property
    def record(self) -> CallRecord:
        return self.call.record

    @property
    def told(self) -> dict[str, str]:
        """What `action` was told."""
        return self.platform.of("/after")[0].fields

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """The network's messages of these types."""
        return [message for message in self.sessions[0].messages if message["type"] in kinds]


@asynccontextmanager
async def relaying(
    talk: Talk, person: Speaking | None = None, faults: RelayFaults | None = None, speed: float = 10, **attributes: str
) -> AsyncIterator[Relayed]:
    """Somebody calls; `attributes` are the noun's."""
    found = Relayed()

    async def relay(socket: WebSocket) -> None:
        found.headers = dict(socket.headers)
        await socket.accept()
        found.sessions.append(Session(socket))
        try:
            await talk(found.sessions[-1])
            await socket.close()
        except (WebSocketDisconnect, RuntimeError):
            return

    async def cowbell(_: object) -> Response:
        return Response(encode("Ding.", Speaker.ASSISTANT, 9), media_type="audio/basic")

    routes = [WebSocketRoute("/relay", relay), Route("/cowbell", cowbell)]
    async with serving(Starlette(routes=routes)) as address, toy_platform(speed=speed) as (platform, network):
        found.address = address
        extra = "".join(f' {name}="{value}"' for name, value in attributes.items())
        url = address.replace("http", "ws")
        platform.documents["/voice"] = response(
            f'<Connect action="/after"><ConversationRelay url="{url}/relay"{extra}>'
            '<Language code="nl-NL"/><Parameter name="token" value="t"/></ConversationRelay></Connect>'
        )
        platform.documents["/after"] = response("<Say>After.</Say>")
        found.platform = platform
        found.call = network.call_in(CALLER, person or Speaking(), faults=Faults(relay=faults or RelayFaults()))
        yield found
        await over(found.call.record, network)


async def relayed(talk: Talk, person: Speaking | None = None, **options: Any) -> Relayed:
    """A whole call."""
    async with relaying(talk, person, **options) as found:
        pass
    return found


async def test_a_session_begins_with_a_signed_handshake_and_setup_and_ends_with_our_end() -> None:
    async def talk(session: Session) -> None:
        assert (await session.next())["type"] == "setup"
        await session.send("language", ttsLanguage="sv-SE", transcriptionLanguage="en-US")
        await session.send("sendDigits", digits="9www4085551212")
        await session.send("end", handoffData='{"reason": "transfer"}')
        await asyncio.sleep(5)

    found = await relayed(talk)
    address = found.address.replace("http", "ws") + "/relay"
    assert found.headers["x-twilio-signature"] == RequestValidator(TOKEN).compute_signature(address, {})
    setup = found.of("setup")[0]
    assert (setup["accountSid"], setup["callSid"]) == (ACCOUNT, found.record.sid)
    assert (setup["callStatus"], setup["customParameters"]) == ("RINGING", {"token": "t"})
    relay = found.record.relays[0]
    assert setup["sessionId"] == relay.session_id
    assert (relay.digits, relay.speech_language, relay.hearing_language) == (["9www4085551212"], "sv-SE", "en-US")
    assert found.told["SessionStatus"] == "ended"
    assert found.told["HandoffData"] == '{"reason": "transfer"}'
    assert found.told["CallStatus"] == "in-progress"
    assert found.record.heard == ["After."]
    assert found.record.problems == []


async def test_tokens_are_spoken_as_words_and_reported_as_played() -> None:
    async def talk(session: Session) -> None:
        await session.next("setup")
        for token in ("Hel", "lo ", "world", "! ", "How are", " you?"):
            await session.send("text", token=token)
        await session.send("text", token="", last=True)
        while (await session.next("info"))["value"] != "stop":
            continue

    found = await relayed(talk, events="speaker-events tokens-played")
    assert [(info["name"], info["value"]) for info in found.of("info")] == [
        ("agentSpeaking", "start"), ("tokensPlayed", "Hello"), ("tokensPlayed", "world!"),
        ("tokensPlayed", "How are you?"), ("agentSpeaking", "stop"),
    ]  # fmt: skip
    assert found.record.heard == ["Hello", "world!", "How are you?", "After."]
    assert found.told["SessionStatus"] == "failed"  # closed by us without an end
    assert found.told["ErrorCode"] == "64105"


async def test_the_caller_is_heard_in_whole_turns() -> None:
    async def talk(session: Session) -> None:
        assert (await session.next("prompt"))["voicePrompt"] == "I have a question."
        assert (await session.next("dtmf"))["digit"] == "5"
        await session.send("end")

    found = await relayed(talk, Speaking("I have a question.", key_at_s=2.5), dtmfDetection="true")
    assert found.of("prompt") == [
        {"type": "prompt", "voicePrompt": "I have a question.", "lang": "en-US", "last": True}
    ]


async def test_guesses_come_before_the_turn_where_they_were_asked_for() -> None:
    async def talk(session: Session) -> None:
        while not (await session.next("prompt"))["last"]:
            continue
        await session.send("end")

    found = await relayed(talk, Speaking("I have a longer question."), speechModel="flux", partialPrompts="true")
    *guesses, last = found.of("prompt")
    assert guesses
    assert all(last["voicePrompt"].startswith(guess["voicePrompt"]) and not guess["last"] for guess in guesses)
    assert not (await relayed(_ends_at_once, partialPrompts="true")).sessions  # needs flux


async def _ends_at_once(session: Session) -> None:
    await session.next("setup")
    await session.send("end")


LONG = "Life is a complex set of things, and some of them are funny."


async def _says_something_long(session: Session) -> None:
    await session.next("setup")
    await session.say(LONG)
    await session.next("prompt")
    await session.send("end")


async def test_words_break_in_and_it_is_told_what_was_heard() -> None:
    person = Speaking("Stop it, will you.", waits_for_prompt=True)
    found = await relayed(_says_something_long, person, interruptible="speech", interruptSensitivity="low")
    cut = found.of("interrupt")[0]
    assert LONG.startswith(cut["utteranceUntilInterrupt"])
    heard = found.record.heard[0]
    assert cut["utteranceUntilInterrupt"]
    assert heard.startswith(cut["utteranceUntilInterrupt"])
    assert len(heard) - len(cut["utteranceUntilInterrupt"]) <= len("complex ")
    assert cut["durationUntilInterruptMs"] >= 300


@pytest.mark.parametrize(
    ("attributes", "kinds"),
    [
        ({"interruptible": "none"}, []),
        ({"interruptible": "none", "reportInputDuringAgentSpeech": "speech"}, ["prompt"]),
        ({"interruptible": "dtmf", "reportInputDuringAgentSpeech": "none"}, []),
        ({"interruptible": "any"}, ["interrupt", "prompt"]),
    ],
)
async def test_what_reaches_us_while_we_speak_is_as_the_noun_says(attributes: dict[str, str], kinds: list[str]) -> None:
    async def talk(session: Session) -> None:
        await session.next("setup")
        await session.say(LONG)
        while (told := await session.next("info"))["name"] != "agentSpeaking" or told["value"] != "stop":
            continue
        await session.say("Over.")
        awaited = {"Over.", *(["Stop it now."] if "prompt" in kinds else [])}
        while awaited - {told.get("value", told.get("voicePrompt")) for told in session.messages}:
            await session.next()
        await session.send("end")

    person = Speaking("Stop it now.", waits_for_prompt=True)
    found = await relayed(talk, person, events="speaker-events tokens-played", **attributes)
    assert [one["type"] for one in found.of("interrupt", "prompt")] == kinds


async def test_a_backchannel_neither_interrupts_nor_begins_a_turn() -> None:
    async def talk(session: Session) -> None:
        await session.next("setup")
        await session.say(LONG)
        while (await session.next("info"))["name"] != "tokensPlayed":
            continue
        await session.send("end")

    attributes = {"ignoreBackchannel": "true", "reportInputDuringAgentSpeech": "any", "events": "tokens-played"}
    found = await relayed(talk, Speaking("Okay.", waits_for_prompt=True), **attributes)
    assert found.of("interrupt", "prompt") == []
    assert found.record.heard[0] == LONG


async def test_a_new_cycle_pushes_aside_what_may_be_pushed_aside() -> None:
    async def talk(session: Session) -> None:
        await session.next("setup")
        await session.say(LONG, preemptible=True)
        await asyncio.sleep(0.1)
        await session.say("Something else.")
        await session.say("And more.")
        while (await session.next("info"))["value"] != "And more.":
            continue
        await session.send("end")

    found = await relayed(talk, events="tokens-played")
    assert LONG not in found.record.heard
    assert found.record.heard[-3:] == ["Something else.", "And more.", "After."]


async def test_a_sound_is_fetched_and_played() -> None:
    async def talk(session: Session) -> None:
        await session.next("setup")
        await session.send("play", source=f"{found_address[0]}/cowbell", loop=2)
        await session.say("Now.")
        while (await session.next("info"))["name"] != "tokensPlayed":
            continue
        await session.send("end")

    found_address: list[str] = []
    async with relaying(talk, events="tokens-played") as found:
        found_address.append(found.address)
    assert found.record.heard == ["Ding.", "Ding.", "Now.", "After."]


async def test_bad_messages_are_answered_and_ten_in_a_row_end_the_session() -> None:
    bad = (
        '{"type": "text"}', '{"type": "text", "token": null}', '{"type": "sendDigits", "digits": "12W"}',
        '{"type": "clear"}', '{"type": "text", "token": "x", "extra": 1}', '{"type": "play"}', "{", "[]",
        '{"type": "end", "handoffData": {"a": 1}}', '{"event": "media"}',
    )  # fmt: skip

    async def talk(session: Session) -> None:
        await session.next("setup")
        for message in (*bad[:9], '{"type": "text", "token": ""}', *bad):
            await session.socket.send_text(message)
        while True:
            await session.next()

    found = await relayed(talk)
    assert found.record.relays[0].refused == 19
    assert found.record.problems == [64107] * 19 + [64105]
    assert len(found.of("error")) >= 9
    assert found.told["ErrorCode"] == "64105"


async def test_a_caller_who_hangs_up_ends_the_session_with_what_they_were_saying() -> None:
    async def talk(session: Session) -> None:
        while True:
            await session.next()

    person = Speaking("This sentence is never finished because", leaves_at_s=1.0)
    found = await relayed(talk, person, partialPromptOnHangup="true")
    assert "This sentence is never".startswith(found.of("prompt")[0]["voicePrompt"][:10])
    assert (found.told["SessionStatus"], found.told["CallStatus"]) == ("completed", "completed")


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (RelayFaults(unreachable=True), "39001"),
        (RelayFaults(cut_after_s=1.0), "39001"),
        (RelayFaults(provider_fails_after_s=1.0), "64114"),
    ],
)
async def test_a_session_that_fails_says_so(faults: RelayFaults, code: str) -> None:
    async def talk(session: Session) -> None:
        while True:
            await session.next()

    found = await relayed(talk, faults=faults)
    assert (found.told["SessionStatus"], found.told["ErrorCode"]) == ("failed", code)
    assert found.record.heard == ["After."]
    assert [event.status for event in found.record.events if isinstance(event, RelayClosed)] == ["failed"]


async def test_what_twilio_refuses_fails_before_anything_is_connected() -> None:
    found = await relayed(_ends_at_once, speechTimeout="100")
    assert found.sessions == []
    assert (found.told["SessionStatus"], found.told["ErrorCode"]) == ("failed", "64101")


async def test_a_misspelt_attribute_is_only_a_warning() -> None:
    found = await relayed(_ends_at_once, bogusAttr="x")
    assert found.record.problems == [12200]
    assert found.told["SessionStatus"] == "ended"
