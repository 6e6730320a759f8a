"""What holds in every conversation, whatever callers say and however often they interrupt."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.contracts.agents import AgentProfile
from shared.contracts.conversations import EmailPolicy
from shared.conversation.ports import ModelUnavailable, NextStep, ToolCall
from shared.conversation.spoken.speakable import MOST_WORDS
from shared.conversation.state import MOST_ASKED, ConversationState
from tests.text_channel import Exchange, Part, ScriptedModel, TextChannel, first_words, profile

LINES = (
    "how do I restart my router?",
    "and how long does it take?",
    "do you offer static IP addresses for business lines?",
    "I have a problem",
    "it's not working",
    "that didn't help",
    "yes",
    "yes please",
    "no",
    "no thanks, that's all",
    "okay",
    "thank you",
    "what?",
    "hold on a second",
    "are you a robot",
    "can you hear me",
    "I want to talk to a person",
    "goodbye",
    "jane dot doe at gmail dot com",
    "no, b as in bravo",
    "it's spelled d o u g h",
    "jane at",
    "jane at dot com",
    "my email is bob@example.com",
    "I'd rather not",
    "why do you need that",
    "hello",
    "um",
    "",
)
NONSENSE = ("flurb", "glim wob", "wibble", "zorp zorp zorp", "um", "quux frob", "eeee", "\u55ef", "nargle bargle")
ANSWERS: tuple[list[Part], ...] = (
    ["Hold the button for ten seconds. Then wait."],
    ["Which router is it?"],
    ["Hold the button. ", ModelUnavailable()],
    [ModelUnavailable()],
    [ToolCall("1", "open_ticket", {"reason": "a", "promise": "b"})],
    [ToolCall("1", "end_call", {})],
    ["I have cancelled your contract."],
)

caller_lines = st.one_of(st.sampled_from(LINES), st.sampled_from(NONSENSE), st.text(max_size=60))
hearing = st.sampled_from([None, None, None, first_words(0), first_words(1), first_words(4), first_words(12)])
agents = st.builds(
    profile,
    email_policy=st.sampled_from(EmailPolicy),
    transfer_number=st.sampled_from([None, "+12025550180"]),
    tools=st.sampled_from(
        [("search_knowledge", "open_ticket", "end_call"), ("search_knowledge",), ("open_ticket",), ()]
    ),
)
models = st.one_of(st.none(), st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4))
slow = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def call(agent: AgentProfile, answers: list[list[Part]] | None) -> TextChannel:
    return TextChannel(agent, model=None if answers is None else ScriptedModel(*answers))


def check(exchange: Exchange, before: ConversationState, after: ConversationState, *, interrupted: bool) -> None:
    assert exchange.sentences, "silence"
    assert len(exchange.text.split()) <= MOST_WORDS
    assert all(count <= MOST_ASKED for count in after.asked.values())
    assert not (interrupted and exchange.step is not NextStep.LISTEN), "acted on what was not heard"
    assert after.email.confirmed or not before.email.confirmed, "a confirmed fact was forgotten"
    assert after.notice_heard or not before.notice_heard
    assert len(after.questions) <= 30
    if after.email.confirmed != before.email.confirmed:
        assert before.email.read_back, "an address was confirmed that was never read"
        assert after.email.confirmed == before.email.candidate


@given(agents, models, st.lists(st.tuples(caller_lines, hearing), max_size=25))
@example(
    profile(email_policy=EmailPolicy.ALWAYS, transfer_number=None),
    None,
    [(LINES[0], None), ("no", None), (LINES[0], None), (LINES[0], first_words(1)), (LINES[0], None)],
)
@slow
def test_every_turn_says_something_and_no_fact_is_contradicted(
    agent: AgentProfile, answers: list[list[Part]] | None, turns: list[tuple[str, Callable[[str], str] | None]]
) -> None:
    async def talk() -> None:
        channel = call(agent, answers)
        await channel.open()
        asked: Counter[str] = Counter()
        for line, hears in turns:
            before = channel.state
            exchange = await (channel.say(line) if hears is None else channel.say_and_interrupt(line, hears))
            interrupted = hears is not None and hears(exchange.text) != exchange.text
            check(exchange, before, channel.state, interrupted=interrupted)
            if len(channel.state.questions) > len(before.questions):
                asked.clear()
            reached = exchange.text if hears is None else hears(exchange.text)
            asked.update(
                sentence
                for sentence in exchange.sentences
                if "e-mail address" in sentence and sentence.endswith("?") and sentence in reached
            )
            assert all(count <= MOST_ASKED for count in asked.values()), "the same question over and over"
            channel.assistant.outcome()
            if exchange.step is not NextStep.LISTEN:
                return

    asyncio.run(talk())


@given(agents, st.lists(caller_lines, max_size=8))
@slow
def test_a_caller_who_falls_silent_is_not_kept(agent: AgentProfile, lines: list[str]) -> None:
    async def talk() -> None:
        channel = call(agent, None)
        await channel.open()
        for line in lines:
            if (await channel.say(line)).step is not NextStep.LISTEN:
                return
        steps = [(await channel.be_silent()).step for _ in range(4)]
        assert NextStep.HANG_UP in steps

    asyncio.run(talk())


@given(agents, st.lists(caller_lines, max_size=6), st.lists(st.sampled_from(NONSENSE), min_size=40, max_size=40))
@slow
def test_a_caller_who_only_makes_noise_reaches_an_end(agent: AgentProfile, lines: list[str], noise: list[str]) -> None:
    async def talk() -> None:
        channel = call(agent, None)
        await channel.open()
        for line in (*lines, *noise):
            if (await channel.say(line)).step is not NextStep.LISTEN:
                return
        raise AssertionError([utterance.text for utterance in channel.state.history[-20:]])

    asyncio.run(talk())


@given(agents, st.lists(caller_lines, max_size=10))
@slow
def test_a_person_who_is_wished_for_is_reached_or_promised_in_one_turn(agent: AgentProfile, lines: list[str]) -> None:
    async def talk() -> None:
        channel = call(agent, None)
        await channel.open()
        for line in lines:
            if (await channel.say(line)).step is not NextStep.LISTEN:
                return
        reply = await channel.say("I want to talk to a real person")
        if agent.transfer_number is not None:
            assert reply.step is NextStep.TRANSFER
        elif "open_ticket" in agent.tools:
            assert channel.state.promise is not None
            assert "call you back" in reply.text
        assert channel.state.wants_person

    asyncio.run(talk())


@given(st.lists(caller_lines, max_size=12))
@slow
def test_a_checkpoint_is_the_whole_state(lines: list[str]) -> None:
    async def talk() -> None:
        channel = call(profile(), None)
        await channel.open()
        for line in lines:
            reply = await channel.say(line)
            assert ConversationState.from_json(channel.state.to_json()) == channel.state
            if reply.step is not NextStep.LISTEN:
                return

    asyncio.run(talk())
