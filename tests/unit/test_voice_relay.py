"""Relay sessions without any network: complete messages, the rules of order and size, and what was heard."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voice.hearing.ports import Final, Heard, Interim
from services.voice.record.call_rows import ClaimedCall
from services.voice.record.notes import Ending
from services.voice.relay import messages
from services.voice.relay.messages import UnknownType, read_message
from services.voice.relay.relay_hearing import RelayHearing
from services.voice.relay.relay_line import RelayLine
from services.voice.relay.relay_session import BURST, LONGEST_MESSAGE, MOST_EXCESS, RelaySession
from services.voice.relay.spoken_text import GRACE_S, SETTLE_S, SLOW, SpokenText
from services.voice.session.line import Saying
from services.voice.transport.frames import Malformed
from services.voice.transport.limits import BAD_FRAMES, START_WITHIN_S
from services.voice.transport.media_socket import SocketClosed
from services.voice.transport.media_stream import Rejected, StreamEnd, StreamRefused
from shared.contracts.agents import AgentProfile
from shared.contracts.calls import MediaState, NextStep
from shared.contracts.conversations import EmailPolicy, Outcome, TicketPolicy
from shared.conversation.ports import Sentence
from shared.observability import metrics
from tests.virtual_time import LoopClock, on_virtual_time

CALL = "CA00000000000000000000000000000000"
SETUP = (
    '{"type": "setup", "sessionId": "VX00000000000000000000000000000000", '
    '"accountSid": "AC00000000000000000000000000000000", "parentCallSid": "", '
    f'"callSid": "{CALL}", "from": "+18005550100", "to": "+18005550101", '
    '"forwardedFrom": "+18005550102", "callType": "PSTN", "callerName": "", "direction": "inbound", '
    '"callStatus": "RINGING", "customParameters": {"callReference": "bar"}}'
)
SPOKEN = (
    '{"type": "prompt", "voicePrompt": "Hi! Can you tell me about life?", "lang": "en-US", "last": true}',
    '{"type": "prompt", "voicePrompt": "Hi! Can you", "lang": "en-US", "last": false}',
    '{"type": "dtmf", "digit": "1"}',
    '{"type": "interrupt", "utteranceUntilInterrupt": "Life is a complex set of", "durationUntilInterruptMs": 460}',
    '{"type": "interrupt", "utteranceUntilInterrupt": "Life is a complex set of", "durationUntilInterruptMs": "460"}',
    '{"type": "interrupt"}',
    '{"type": "error", "description": "Invalid message received: { \\"foo\\" : \\"bar\\" }"}',
    '{"type": "info", "name": "agentSpeaking", "value": "start"}',
    '{"type": "info", "name": "tokensPlayed", "value": "Hello world!"}',
    '{"type": "info", "name": "clientSpeaking", "value": "on"}',
    '{"type": "info", "name": "roundTripDelayMs", "value": 93}',
    '{"type": "weather", "sunny": true}',
)


class ScriptedSocket:
    """Gives messages and waits, and in the end a socket that closed with a code."""

    def __init__(self, script: Iterable[str | bytes | float], closes_with: int) -> None:
        self._script = list(script)
        self._closes_with = closes_with
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> str | bytes:
        while self._script:
            step = self._script.pop(0)
            if not isinstance(step, float):
                return step
            await asyncio.sleep(step)
        raise SocketClosed(self._closes_with)

    async def deliver(self, take: Callable[[bytes, bool], bool]) -> None:
        raise AssertionError(f"a relay session takes its messages one by one, not by {take}")

    async def send(self, text: str) -> None:
        self.sent.append(json.loads(text))

    async def close(self, code: int) -> None:
        raise AssertionError(f"nobody asked to close with {code}")


class Told:
    """What reached the line."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    def prompt(self, words: str, *, last: bool, language: str) -> None:  # noqa: ARG002
        self.events.append(("prompt", words, last))

    async def interrupted(self, spoken: str | None) -> None:
        self.events.append(("interrupted", spoken))

    def key(self, digit: str) -> None:
        self.events.append(("key", digit))

    def played(self, words: str) -> None:
        self.events.append(("played", words))

    def we_speak(self, *, begins: bool) -> None:
        self.events.append(("we speak", begins))

    def caller_makes_sounds(self) -> None:
        self.events.append(("sounds",))


def rejected(reason: Rejected) -> float:
    return float(metrics.frames_rejected_total.labels(reason=reason.value)._value.get())


def listen_to(*script: str | bytes | float, closes_with: int = 1000) -> tuple[StreamEnd, Told]:
    """Handshake and run over a scripted socket."""

    async def work() -> tuple[StreamEnd, Told]:
        session, told = RelaySession(ScriptedSocket(script, closes_with), LoopClock()), Told()
        setup = await session.handshake()
        assert setup.call_sid == CALL
        return await session.run(told), told

    return on_virtual_time(work())


def test_every_message_reaches_the_line_as_it_is_meant() -> None:
    end, told = listen_to(SETUP, *SPOKEN)
    assert end is StreamEnd.UNTOLD
    assert told.events == [
        ("prompt", "Hi! Can you tell me about life?", True),
        ("prompt", "Hi! Can you", False),
        ("key", "1"),
        ("interrupted", "Life is a complex set of"),
        ("interrupted", "Life is a complex set of"),
        ("interrupted", None),
        ("we speak", True),
        ("played", "Hello world!"),
        ("sounds",),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", '"prompt"', '{"type": 1}', '{"type": "prompt"}', '{"type": "prompt", "voicePrompt": 1}',
        '{"type": "setup", "from": "+15551234567"}', '{"type": "setup", "callSid": ""}', '{"type": "dtmf"}',
        '{"type": "dtmf", "digit": "10"}', '{"type": "dtmf", "digit": ""}', '{"type": "dtmf", "digit": "x"}',
        '{"type": "interrupt", "utteranceUntilInterrupt": 7}', '{"voicePrompt": "Hi"}', "[" * 100_000,
        '{"type": "prompt", "voicePrompt": "\ud800"}',
    ],
)  # fmt: skip
def test_what_is_no_message_is_told_apart(text: str) -> None:
    with pytest.raises(Malformed):
        read_message(text)


def test_types_we_do_not_know_are_ignored_and_not_counted_as_bad() -> None:
    with pytest.raises(UnknownType):
        read_message('{"type": "configUpdated"}')
    _, told = listen_to(SETUP, *['{"type": "x"}'] * (BAD_FRAMES + 5), SPOKEN[0])
    assert len(told.events) == 1


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_nothing_that_is_sent_raises_anything_else(text: str) -> None:
    with suppress(Malformed, UnknownType):
        read_message(text)


def test_the_open_messages_of_other_servers_are_taken_as_they_are_marked(shared_data: Path) -> None:
    lines = (shared_data / "peer_fixtures" / "conversation_relay.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert rows
    for row in rows:
        try:
            read_message(json.dumps(row["message"]))
        except Malformed:
            assert not row["valid"], row["name"]
        else:
            assert row["valid"], row["name"]


def test_what_we_send_is_what_is_documented() -> None:
    assert json.loads(messages.text("Hello world! ")) == {"type": "text", "token": "Hello world! ", "last": False}
    assert json.loads(messages.text("Hi", preemptible=True))["preemptible"] is True
    sound = "https://cdn.example.com/welcome.mp3"
    assert json.loads(messages.play(sound)) == {"type": "play", "source": sound, "loop": 1, "preemptible": False}
    assert json.loads(messages.play(sound, interruptible=False))["interruptible"] is False
    assert json.loads(messages.text("", last=True)) == {"type": "text", "token": "", "last": True}
    handoff = '{"reasonCode":"live-agent-handoff"}'
    assert json.loads(messages.end(handoff)) == {"type": "end", "handoffData": handoff}


def test_a_session_that_says_nothing_is_refused_in_time() -> None:
    with pytest.raises(StreamRefused, match="setup"):
        listen_to(START_WITHIN_S + 0.1, SETUP)


def test_words_before_setup_are_nobodys() -> None:
    before = rejected(Rejected.BEFORE_START)
    _, told = listen_to(SPOKEN[0], SETUP, SPOKEN[2])
    assert told.events == [("key", "1")]
    assert rejected(Rejected.BEFORE_START) == before + 1


def test_a_second_setup_is_ignored_and_another_calls_ends_the_session() -> None:
    _, told = listen_to(SETUP, SETUP, SPOKEN[2])
    assert told.events == [("key", "1")]
    with pytest.raises(StreamRefused, match="another call"):
        listen_to(SETUP, SETUP.replace(CALL, "CA" + "1" * 32))


def test_nonsense_is_borne_ten_times() -> None:
    _, told = listen_to(SETUP, *["{"] * (BAD_FRAMES - 2), b"\x00", SPOKEN[2])
    assert told.events == [("key", "1")]
    with pytest.raises(StreamRefused, match="cannot be read"):
        listen_to(SETUP, *["{"] * BAD_FRAMES)


def test_a_message_may_have_a_size_and_no_more() -> None:
    empty = len('{"type": "prompt", "voicePrompt": ""}')
    longest = json.dumps({"type": "prompt", "voicePrompt": "x" * (LONGEST_MESSAGE - empty)})
    assert len(listen_to(SETUP, longest)[1].events) == 1
    with pytest.raises(StreamRefused) as refusal:
        listen_to(SETUP, longest + " ")
    assert refusal.value.code == 1009


def test_a_flood_ends_the_session_and_a_hiccup_does_not() -> None:
    assert len(listen_to(SETUP, *[SPOKEN[2]] * (BURST - 1))[1].events) == BURST - 1
    with pytest.raises(StreamRefused, match="more messages"):
        listen_to(SETUP, *[SPOKEN[2]] * (BURST + MOST_EXCESS))


def test_a_socket_that_is_gone_never_says_why() -> None:
    assert listen_to(SETUP, closes_with=1006)[0] is StreamEnd.UNTOLD
    assert listen_to(SETUP, closes_with=1005)[0] is StreamEnd.UNTOLD


# What was heard.

SENTENCES = ("Unplug the router, wait ten seconds.", "Plug it in again.", "It is ready, and it is fast.")
TEXT = " ".join(SENTENCES)


def spoken(*sentences: str, at: float = 100.0) -> SpokenText:
    text = SpokenText()
    for sentence in sentences or SENTENCES:
        text.sent(1, sentence, at)
    return text


def test_a_slow_clock_where_nothing_is_told() -> None:
    text = spoken()
    assert text.heard(1, 100.0) == ""
    assert text.heard(1, 100.0 + 10 / SLOW) == "Unplug"
    assert not text.heard_whole(1, 100.0 + len(TEXT) / SLOW - 0.1)
    assert text.heard(1, 100.0 + (len(TEXT) + 3) / SLOW) == TEXT
    assert text.over_at == pytest.approx(100.0 + (len(TEXT) + 3) / SLOW + GRACE_S, abs=0.2)


def test_what_twilio_reports_as_played_was_heard_and_tells_the_pace() -> None:
    text = spoken()
    text.began(100.1)
    text.played(SENTENCES[0], 102.1)
    assert text.heard(1, 102.1) == SENTENCES[0]
    assert not text.is_played(1)
    text.played(f"{SENTENCES[1]} ", 103.0)
    text.played(TEXT, 104.0)
    assert text.is_played(1)
    assert text.heard_whole(1, 104.0)


def test_words_that_we_never_sent_prove_nothing() -> None:
    text = spoken()
    text.played("Something else entirely.", 100.5)
    text.played("", 100.5)
    assert text.heard(1, 100.0) == ""


@pytest.mark.parametrize(
    ("reported", "heard"),
    [
        ("Unplug the router, wait", "Unplug the router, wait"),
        ("unplug the router wait", "Unplug the router, wait"),
        ("Unplug the router, wai", "Unplug the router,"),
        (" Unplug  the router,  wait ten seconds.", SENTENCES[0]),
        (TEXT, TEXT),
        ("", ""),
    ],
)
def test_an_interruption_says_how_far_we_came(reported: str, heard: str) -> None:
    text = spoken()
    text.cut(reported, 103.0)
    assert text.heard(1, 200.0) == heard
    assert text.heard_whole(1, 200.0) == (heard == TEXT)


def test_an_interruption_counts_from_what_was_played_before() -> None:
    text = spoken()
    text.played(SENTENCES[0], 102.0)
    text.played(SENTENCES[1], 103.0)
    text.cut("It is ready, and it", 104.0)  # the sentence, not the turn
    assert text.heard(1, 200.0) == f"{SENTENCES[0]} {SENTENCES[1]} It is ready, and it"
    text.cut("Unplug", 105.0)
    assert text.heard(1, 200.0).endswith("it")


def test_an_interruption_without_words_counts_by_the_clock() -> None:
    text = spoken()
    text.cut(None, 100.0 + 10 / SLOW)
    assert text.heard(1, 200.0) == "Unplug"


@given(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=6), st.data())
def test_whatever_is_reported_no_word_is_claimed_that_was_not(sentences: list[str], data: st.DataObject) -> None:
    """The speaker may be of any speed above the slow one's; it reports sentences, and is cut somewhere."""
    text, whole = SpokenText(), " ".join(sentences)
    for sentence in sentences:
        text.sent(1, sentence, 100.0)
    cut_at = data.draw(st.integers(0, len(whole)))
    end = 0
    for sentence in sentences:
        end += len(sentence) + 1
        if end <= cut_at and data.draw(st.booleans()):
            text.played(sentence, 100.0)
    text.cut(whole[:cut_at], 100.0)
    heard = text.heard(1, 200.0)
    assert whole.startswith(heard)
    assert whole[:cut_at].startswith(heard.rstrip(",."))


def test_speech_that_stopped_is_over_a_moment_later() -> None:
    text = spoken()
    text.stopped(101.0)
    assert text.over_at == 101.0 + SETTLE_S
    assert text.heard(1, 102.0) == TEXT


# What the caller says.


def reports(*steps: tuple[str, bool] | None) -> list[Heard]:
    """What comes of prompts, and of None, which asks for finals."""

    async def work() -> list[Heard]:
        hearing = RelayHearing(LoopClock())
        for step in steps:
            if step is None:
                hearing.finalize()
            else:
                hearing.prompt(step[0], last=step[1])
        await hearing.close()
        return [event async for event in hearing.events()]

    return on_virtual_time(work())


def texts(found: list[Heard]) -> list[str]:
    return [event.text for event in found if isinstance(event, Interim | Final)]


def test_prompts_become_guesses_and_finals() -> None:
    assert reports(("Can you", False), ("Can you help? ", True)) == [
        Interim("Can you", 0.0),
        Final("Can you help?", ends_utterance=True, spoken_until=0.0),
    ]


def test_a_guess_that_was_taken_is_not_heard_twice() -> None:
    found = reports(
        ("Can you", False), None, ("Can you, help me", False), ("Can you help me?", True), ("Can you", True)
    )
    assert [event.text for event in found if isinstance(event, Interim | Final)] == [
        "Can you", "Can you", "help me", "help me?", "Can you",
    ]  # fmt: skip


def test_a_recogniser_that_changes_its_mind_is_heard_again() -> None:
    found = reports(("Can you", False), None, ("Canoe trips", True))
    assert [event.text for event in found if isinstance(event, Interim | Final)] == [
        "Can you",
        "Can you",
        "Canoe trips",
    ]


# The line.


class Silenced:
    """The call, as far as the line tells it anything."""

    def __init__(self) -> None:
        self.times = 0

    def pressed(self, key: str) -> None:
        raise AssertionError(key)

    def heard_more(self) -> None:
        """Nobody keeps it here."""

    def silenced_us(self) -> None:
        self.times += 1


def claimed() -> ClaimedCall:
    profile = AgentProfile(
        id=uuid4(), name="", company="", language="en", voice="", greeting="Hello.", instructions="", tone="",
        knowledge_collection="", tools=(), ticket_policy=TicketPolicy.FOLLOW_UP_ONLY, email_policy=EmailPolicy.NEVER,
        transfer_number=None,
    )  # fmt: skip
    began = datetime(2026, 11, 20, tzinfo=UTC)
    return ClaimedCall(uuid4(), CALL, uuid4(), 1, "inbound", "", began, {}, profile)


async def a_line(*script: str | float, greeted: bool = False) -> tuple[RelayLine, ScriptedSocket, Silenced]:
    """A line whose session plays this script from now on."""
    parameters = '{"token": "t", "greeted": "yes"}' if greeted else '{"token": "t"}'
    setup = SETUP.replace('{"callReference": "bar"}', parameters)
    socket, call = ScriptedSocket([setup, *script], 1000), Silenced()
    session = RelaySession(socket, LoopClock())
    await session.handshake()
    line = RelayLine(session, claimed(), LoopClock(), protects_notice=False)
    asyncio.get_running_loop().create_task(line.run(call))
    return line, socket, call


async def no_hold() -> None:
    """The caller is silent."""


async def say(line: RelayLine, turn: int, *sentences: str) -> None:
    for text in sentences:
        await (await line.begin(turn, Sentence(text))).play(no_hold)
    await line.until_played(turn)


def now() -> float:
    return asyncio.get_running_loop().time()


BEGINS = '{"type": "info", "name": "agentSpeaking", "value": "start"}'
STOPS = '{"type": "info", "name": "agentSpeaking", "value": "stop"}'


def tokens(socket: ScriptedSocket) -> list[tuple[str, bool]]:
    return [(message["token"], message["last"]) for message in socket.sent]


def test_a_reply_is_one_cycle_and_is_over_when_the_voice_stops() -> None:
    async def work() -> None:
        line, socket, _ = await a_line(0.2, BEGINS, 3.0, STOPS)
        await say(line, 1, "Hello there.", "How are you?")
        assert now() == pytest.approx(3.2 + SETTLE_S)
        assert tokens(socket) == [("Hello there. ", False), ("How are you? ", False), ("", True)]
        assert line.heard_whole(1, now())

    on_virtual_time(work())


def test_the_end_of_the_turn_before_does_not_end_this_one() -> None:
    async def work() -> None:
        line, _, _ = await a_line(0.5, STOPS, 0.2, BEGINS)
        await say(line, 1, "x" * 60)
        assert now() > 0.7 + 60 / SLOW

    on_virtual_time(work())


def test_what_the_caller_broke_into_is_closed_and_counted() -> None:
    async def work() -> None:
        line, socket, call = await a_line(0.2, BEGINS, 1.0, SPOKEN[3], 1.0)
        await (await line.begin(1, Sentence("Life is a complex set of things."))).play(no_hold)
        await asyncio.sleep(2)
        assert call.times == 1
        assert line.heard(1, now()) == "Life is a complex set of"
        assert tokens(socket)[1:] == [("", True)]

    on_virtual_time(work())


def test_a_greeting_that_twilio_speaks_is_counted_and_not_sent() -> None:
    async def work() -> None:
        line, socket, _ = await a_line(10.0, greeted=True)
        await say(line, 1, "Hello.", "How can I help?")
        assert line.heard_whole(1, now())
        assert socket.sent == []
        await say(line, 2, "Now it is my turn.")
        assert tokens(socket) == [("Now it is my turn. ", False), ("", True)]

    on_virtual_time(work())


def test_a_greeting_that_was_cut_before_we_could_count_it_is_ours_to_say() -> None:
    async def work() -> None:
        line, socket, _ = await a_line(SPOKEN[5], 10.0, greeted=True)
        await asyncio.sleep(0.1)
        await say(line, 1, "Hello.")
        assert tokens(socket) == [("Hello. ", False), ("", True)]

    on_virtual_time(work())


def test_a_finished_call_is_handed_back_and_a_lost_one_is_not() -> None:
    async def work() -> None:
        line, socket, _ = await a_line(10.0)
        await line.hand_back(Ending(MediaState.LOST, outcome=Outcome.ANSWERED))
        assert socket.sent == []
        await line.hand_back(Ending(MediaState.FINISHED, NextStep.HANG_UP, Outcome.ANSWERED))
        handoff = '{"generation":1,"next_step":"hang_up","outcome":"answered"}'
        assert socket.sent == [{"type": "end", "handoffData": handoff}]

    on_virtual_time(work())


def test_what_is_being_said_is_known_by_the_sentence() -> None:
    text = SpokenText()
    text.sent(1, "Hello there.", 100.0)
    text.sent(1, "I am an AI assistant.", 100.0, is_notice=True)
    assert text.saying(1, 100.0) == Saying("Hello there.", "Hello there.", is_notice=False, has_more=True)
    during = text.saying(1, 100.0 + 20 / SLOW)
    assert during == Saying(
        "Hello there. I am an AI assistant.", "I am an AI assistant.", is_notice=True, has_more=True
    )
    assert text.is_sounding(100.0 + 20 / SLOW)
    assert not text.saying(1, 110.0).has_more
    assert not text.is_sounding(110.0)


def test_a_protected_notice_and_nothing_else_may_not_be_cut() -> None:
    async def work() -> None:
        line, socket, _ = await a_line(10.0)
        line._protects_notice = True
        for sentence in (Sentence("Hello."), Sentence("I am an AI assistant.", is_notice=True)):
            await (await line.begin(1, sentence)).play(no_hold)
        assert [message.get("interruptible") for message in socket.sent] == [None, False]

    on_virtual_time(work())


def test_nothing_more_is_sent_while_we_are_paused_and_a_dropped_reply_is_closed() -> None:
    async def work() -> None:
        line, socket, _ = await a_line(60.0)
        await (await line.begin(1, Sentence("One."))).play(no_hold)
        await line.pause()
        waiting = asyncio.ensure_future((await line.begin(1, Sentence("Two."))).play(no_hold))
        await asyncio.sleep(1)
        assert tokens(socket) == [("One. ", False)]
        line.resume()
        await waiting
        await line.pause()
        line.drop()
        await asyncio.sleep(1)
        assert not line.is_paused
        assert tokens(socket) == [("One. ", False), ("Two. ", False), ("", True)]

    on_virtual_time(work())
