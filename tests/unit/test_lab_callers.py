"""Simulated callers, tick by tick: what they make of what they hear and what they do, without a network or a clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.caller import email, scenario
from lab.caller.asked import Asked, asked
from lab.caller.caller import SimulatedCaller
from lab.caller.scenario import BadScenario, HangUp, Keys, Persona, Question, Scenario
from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import FRAME, SILENCE
from lab.speech.transcript import Transcript

GREETING = "Hello, you are talking to an AI assistant. How can I help you today?"
MORE = "Is there anything else I can help you with?"
ASK_EMAIL = "What is your e-mail address, so that we can reach you?"
GOODBYE = "Thank you for calling. Goodbye!"
TICKS_A_SECOND = 50
ALPHABET_LETTERS = (
    "J as in Juliet, A as in Alpha, N as in November, E as in Echo, dot, D as in Delta, O as in Oscar, E as in Echo"
)


@dataclass
class Dialogue:
    """Lets a caller talk with an assistant that answers each utterance by a function; None keeps it silent."""

    scenario: Scenario
    answer: Callable[[str], str | None]
    greeting: str | None = GREETING
    said: list[str] = field(default_factory=list)
    keys: str = ""
    notes: list[str] = field(default_factory=list)
    left_after_s: float | None = None

    def run(self, seconds: float = 120) -> Dialogue:
        caller, ears, words = SimulatedCaller(self.scenario), Decoder(), Transcript()
        playing, waiting, utterance = b"", b"", 0
        if self.greeting is not None:
            playing = encode(self.greeting, Speaker.ASSISTANT, 0)
        for tick in range(round(seconds * TICKS_A_SECOND)):
            frame, playing = playing[:FRAME] or SILENCE, playing[FRAME:]
            act = caller.tick(frame)
            self.keys += act.key or ""
            self.notes += [act.note] if act.note else []
            for one in words.add(ears.feed(act.sound), ears.heard):
                self.said.append(one.text)
                utterance += 1
                waiting = encode(self.answer(one.text) or "", Speaker.ASSISTANT, utterance)
            if act.sound != SILENCE:
                playing = b""  # who speaks interrupts
            elif waiting:
                playing, waiting = waiting, b""
            if act.hangs_up:
                self.left_after_s = tick / TICKS_A_SECOND
                self.said += [one.text for one in words.close()]
                break
        return self


def helpful(said: str) -> str:
    """An assistant that takes the usual road to a goodbye."""
    match said.split():
        case ["No,", "thank", *_]:
            return ASK_EMAIL
        case ["It's", *words] | ["No.", "It's", *words]:
            return f"I heard {' '.join(words)} Is that right?"
        case ["Yes,", "that's", *_]:
            return f"Thank you, I have noted your e-mail address. {GOODBYE}"
        case ["I'd", "rather", *_]:
            return GOODBYE
    return f"Unplug it, wait ten seconds and plug it in again. {MORE}"


def test_the_demo_caller_takes_the_whole_road_in_time() -> None:
    call = Dialogue(scenario.load("router"), helpful).run()
    assert call.said == [
        "Hi, how do I restart my router?",
        "And what does the orange light mean?",
        "No, thank you. That's all.",
        "It's j a n e at example dot com.",
        "Yes, that's right.",
    ]
    assert call.left_after_s is not None
    assert call.left_after_s < 40


def test_every_scenario_of_the_lab_can_be_played_to_an_end() -> None:
    assert len(scenario.names()) >= 15
    for name in scenario.names():
        call = Dialogue(scenario.load(name), helpful).run(seconds=300)
        assert call.left_after_s is not None, name
        assert bool(call.said) == (name != "silent"), name


def test_the_caller_waits_for_the_end_of_the_greeting_unless_they_talk_over_it() -> None:
    length = len(GREETING) * 0.04

    def began(**options: bool) -> float:
        caller = SimulatedCaller(Scenario(name="t", questions=(Question(ask="Hi?"),), **options))  # type: ignore[arg-type]
        sound = encode(GREETING, Speaker.ASSISTANT) + SILENCE * 200
        for tick in range(len(sound) // FRAME):
            if caller.tick(sound[tick * FRAME : (tick + 1) * FRAME]).sound != SILENCE:
                return tick / TICKS_A_SECOND
        raise AssertionError("never spoke")

    assert length < began() < length + 1
    assert began(talks_over_greeting=True) < 1.5


def test_without_a_greeting_they_ask_whether_anybody_is_there_and_leave() -> None:
    call = Dialogue(Scenario.asking("Hi?"), lambda _: None, greeting=None).run()
    assert call.said == ["Hello? Are you still there?"] * 2
    assert call.left_after_s == pytest.approx(33, abs=3)


def test_who_never_speaks_stays_silent_until_they_have_had_enough() -> None:
    quiet = Scenario(name="t", speaks=False, longest_s=20)
    call = Dialogue(quiet, helpful).run()
    assert call.said == []
    assert call.left_after_s == pytest.approx(20, abs=0.1)


def test_they_say_it_in_other_words_when_not_understood() -> None:
    wanted = Scenario(name="t", questions=(Question(ask="It is broken.", otherwise="My router is broken."),))
    replies = iter(["Sorry, I didn't quite get that. Could you say it in other words?", "I see. " + MORE])
    call = Dialogue(wanted, lambda _: next(replies, GOODBYE)).run()
    assert call.said[:2] == ["It is broken.", "My router is broken."]


def test_they_break_in_after_so_many_characters_of_the_answer() -> None:
    questions = (Question(ask="Why?", interrupts_answer_after=30), Question(ask="Sorry, I meant how?"))
    answers: list[str] = []

    def long_answer(said: str) -> str:
        answers.append(said)
        return "This is because of many things that I am going to explain to you at length now. " * 3

    call = Dialogue(Scenario(name="t", questions=questions, longest_s=30), long_answer).run()
    assert call.said[:2] == ["Why?", "Sorry, I meant how?"]
    assert any("breaks in" in note for note in call.notes)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (HangUp(during="greeting", after_characters=10), []),
        (HangUp(during="question", after_characters=10), ["I have been"]),
        (HangUp(during="answer", after_characters=10), ["I have been waiting."]),
    ],
)
def test_they_hang_up_in_the_middle(plan: HangUp, expected: list[str]) -> None:
    wanted = Scenario(name="t", questions=(Question(ask="I have been waiting."),), hangs_up=plan)
    call = Dialogue(wanted, helpful).run()
    assert [text[: len(expected[0])] if expected else text for text in call.said] == expected
    assert call.left_after_s is not None
    assert call.left_after_s < 10


def test_keys_are_pressed_one_after_the_other() -> None:
    wanted = Scenario(name="t", questions=(Question(ask="Hi?"),), keys=Keys(keys="12#"))
    assert Dialogue(wanted, helpful).run(20).keys == "12#"
    wanted = Scenario(name="t", questions=(Question(ask="Hi?"),), keys=Keys(keys="9", after="answer"))
    call = Dialogue(wanted, helpful).run(20)
    assert (call.said[0], call.keys[:1]) == ("Hi?", "9")


def test_a_wrong_read_back_is_corrected_more_clearly_each_time() -> None:
    replies = iter(
        [
            ASK_EMAIL,
            "I heard jane dot dough at example dot com. Is that right?",
            "I'm sorry. Now I have j a m e dot d o e at example dot com. Is it right now?",
            f"I heard {ALPHABET_LETTERS}, at E, X, A, M, P, L, E, dot com. Is that right?",
            GOODBYE,
        ]
    )
    call = Dialogue(Scenario.asking("Hi?"), lambda _: next(replies)).run()
    assert call.said == [
        "Hi?",
        "It's jane dot doe at example dot com.",
        "No. It's j a n e dot d o e at example dot com.",
        f"No. It's {ALPHABET_LETTERS.lower()} at example dot com.",
        "Yes, that's right.",
    ]


def test_a_slip_of_the_tongue_is_noticed_when_it_is_read_back() -> None:
    persona = Persona(email="ines@example.com", misspeaks_email_as="inez@example.com")
    call = Dialogue(Scenario.asking("Hi?", persona=persona), helpful).run()
    assert call.said[2:] == [
        "It's inez at example dot com.",
        "No. It's i n e s at example dot com.",
        "Yes, that's right.",
    ]


def test_they_say_their_name_when_asked() -> None:
    replies = iter(["What is your full name?", GOODBYE])
    call = Dialogue(Scenario.asking("Hi?", persona=Persona(name="Ines Roth")), lambda _: next(replies)).run()
    assert call.said == ["Hi?", "My name is Ines Roth."]


def test_who_would_rather_not_give_an_address_says_so() -> None:
    call = Dialogue(Scenario.asking("Hi?", persona=Persona(gives_email=False)), helpful).run()
    assert call.said[-1] == "I'd rather not give my e-mail address."


def test_after_a_goodbye_they_wait_for_the_other_side_and_then_hang_up() -> None:
    call = Dialogue(Scenario.asking("Hi?"), lambda _: GOODBYE).run()
    spoken = len(GREETING) * 0.04 + 0.4 + 3 * 0.04 + len(GOODBYE) * 0.04
    assert call.left_after_s == pytest.approx(spoken + 0.4 + 5, abs=1)
    assert call.said == ["Hi?"]


@given(st.lists(st.text(alphabet="abc ?.!", max_size=30), max_size=8), st.sampled_from(scenario.names()))
def test_no_conversation_keeps_a_caller_on_the_line_for_ever(replies: list[str], name: str) -> None:
    waiting = iter(replies)
    call = Dialogue(scenario.load(name), lambda _: next(waiting, None)).run(seconds=300)
    assert call.left_after_s is not None


@pytest.mark.parametrize(
    ("heard", "kind"),
    [
        (GREETING, Asked.OPENING),
        ("Fern here. What can I do for you?", Asked.OPENING),
        (f"Restart it. Then wait. {MORE}", Asked.MORE),
        ("Anything else?", Asked.MORE),
        ("Restart it. Then wait.", Asked.STATEMENT),
        ("Your e-mail address is on the bill. It is printed at the top.", Asked.STATEMENT),
        (ASK_EMAIL, Asked.EMAIL),
        ("Thank you. May I have your name, please?", Asked.NAME),
        ("Could you spell your e-mail address for me, letter by letter?", Asked.EMAIL),
        ("Please say it slowly, for example: a as in alpha, b as in bravo, at, gmail dot com.", Asked.EMAIL),
        ("I heard jane dot doe at example dot com. Is that right?", Asked.READ_BACK),
        ("I heard J as in Juliet, at example dot com. Is that right?", Asked.READ_BACK),
        ("Sorry, I didn't catch that. Can you repeat it?", Asked.AGAIN),
        ("I'm having trouble understanding. Could you put it into one short sentence?", Asked.AGAIN),
        ("I can't hear you. If you are there, please say something.", Asked.PRESENCE),
        ("Are you still there?", Asked.PRESENCE),
        ("I'm happy to help. What is it about, and what happens exactly?", Asked.DETAILS),
        ("Of course. I will put you through to a colleague now. One moment, please.", Asked.TRANSFER),
        (f"Thank you, I have noted your e-mail address. {GOODBYE}", Asked.GOODBYE),
        ("", Asked.STATEMENT),
    ],
)
def test_what_is_made_of_what_is_heard(heard: str, kind: Asked) -> None:
    assert asked(heard) is kind


ADDRESS = "jane.doe42@example.co.uk"


@pytest.mark.parametrize(
    "heard",
    [
        "I heard jane dot doe 4 2 at example dot co dot U K. Is that right?",
        "I heard jane.doe42@example.co.uk. Is that right?",
        "That is J, A, N, E, dot, D, O, E, 4, 2, at example dot co dot U K. Is it right now?",
        f"Now I have {ALPHABET_LETTERS}, 4, 2, at example dot co dot uk. Is that right?",
    ],
)
def test_an_address_is_recognised_however_it_is_read_back(heard: str) -> None:
    assert email.is_read_back(ADDRESS, heard)
    for other in ("jane.do42@example.co.uk", "ane.doe42@example.co.uk", "jane.doe42@example.co", "x" + ADDRESS):
        assert not email.is_read_back(other, heard)


NAME = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=6).filter(
    lambda name: name not in {"at", "dot", "dash", "plus", "minus", "point", "hyphen", "is", "its", "have", "heard"}
)
LOCAL = st.builds("{}{}{}".format, NAME, st.builds("{}{}".format, st.sampled_from("._-"), NAME), st.integers(0, 99))


@given(local=LOCAL, style=st.sampled_from(["spoken", "spelled", "alphabet"]))
def test_what_a_caller_says_is_what_they_would_recognise(local: str, style: scenario.EmailStyle) -> None:
    address = f"{local}@example.com"
    assert email.is_read_back(address, f"I heard {email.said(address, style)}. Is that right?")


def test_scenarios_are_checked() -> None:
    for wrong in ({}, {"name": "t", "colour": "blue"}, {"name": "t", "questions": ["Hi?"]}, {"name": 1}):
        with pytest.raises(BadScenario):
            scenario.from_mapping(wrong)
    with pytest.raises(BadScenario, match="router"):
        scenario.load("../router")
    plain = Scenario.asking("One?", "Two?")
    assert [one.ask for one in plain.questions] == ["One?", "Two?"]
