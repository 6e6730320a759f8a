"""Which questions share an answer, and which answers are nobody's own."""

from __future__ import annotations

import base64

import pytest

from shared.contracts.knowledge import Lookup, SearchAnswer
from shared.conversation.known_answers import NEAR, Known, asked_of, best_match, cosine, gist_of, is_impersonal, kin
from shared.conversation.ports import Asked, KnownAnswer, Origin, ToolCall
from shared.conversation.state import ConversationState
from shared.conversation.turns import Answer
from shared.conversation.understanding.answers import bare
from shared.conversation.understanding.languages import words_of
from tests.text_channel import Part, ScriptedModel, Shelf, TextChannel, profile

WORDS = words_of("en")


def gist(text: str) -> str | None:
    return gist_of(bare(text), WORDS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I restart my router?", "how can I restart the router"),
        ("When is my bill due?", "When will the bills be due?"),
        ("How long does a transfer take?", "how long will it take for a transfer to be done"),
    ],
)
def test_the_same_question_in_other_words(one: str, other: str) -> None:
    assert gist(one) == gist(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I restart my router?", "Why do I restart my router?"),
        ("Can I pay my bill twice?", "Can I not pay my bill twice?"),
        ("How much is plan 20 a month?", "How much is plan 50 a month?"),
        ("How long is the contract term?", "How much is the contract term?"),
        ("Can I change my billing address?", "Can you change your billing address?"),
        ("Is my transfer pending today?", "My transfer is pending today."),
        ("How do I pay with the bill?", "How do I pay without the bill?"),
    ],
)
def test_another_question_of_almost_the_same_words(one: str, other: str) -> None:
    assert gist(one) != gist(other)


def test_too_few_words_are_known_by_nobody() -> None:
    assert gist("the router") is None
    assert gist("") is None


@pytest.mark.parametrize(
    ("question", "is_impersonal_"),
    [
        ("How do I restart my router?", True),
        ("How do I restart the Fernway router?", True),
        ("Jane Doe here, how do I restart my router?", False),
        ("Can you tell Bob how to restart the router?", False),
        ("How do I restart router 4711 0815?", False),
        ("My mail is jane@example.com, how do I restart my router?", False),
        ("How do I restart router four seven one one?", False),
    ],
)
def test_nobody_is_recognised_by_it(question: str, is_impersonal_: bool) -> None:
    passages = Shelf().answer("restart your router").passages
    asked = Asked(question, bare(question), "gist", 1, None)
    assert is_impersonal(asked, profile(), passages, WORDS) is is_impersonal_


def vector(*values: int) -> str:
    return base64.b64encode(bytes(value % 256 for value in values)).decode()


def test_vectors_are_compared_only_with_their_like() -> None:
    assert cosine(vector(127, 0), vector(0, 127)) == 0
    assert cosine(vector(100, -5), vector(100, -5)) == pytest.approx(1)
    assert cosine(vector(1, 0), vector(-1, 0)) == pytest.approx(-1)
    assert cosine(vector(1, 0), vector(1, 0, 0)) == 0
    assert cosine(vector(0, 0), vector(1, 0)) == 0


def test_the_closest_question_answers_if_it_is_close() -> None:
    asked = Asked("q", "how restart router", "gist", 1, vector(100, 0))
    far, near, nearer = (Known(name, vector(100, y)) for name, y in (("far", 90), ("near", 50), ("nearer", 20)))
    assert cosine(asked.vector or "", far.vector or "") < NEAR
    assert best_match(asked, [far, near, nearer], near=True) == nearer
    assert best_match(asked, [far], near=True) is None
    assert best_match(asked, [near], near=False) is None
    same = Known(asked.words, None)
    assert best_match(asked, [nearer, same], near=False) == same
    assert best_match(asked, [Known("no vector", None)], near=True) is None


def an_answer(text: str, *, leans: bool = False, is_sure: bool = True) -> Answer:
    return Answer(text, bare(text), (text,), leans=leans, is_sure=is_sure)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (an_answer("And how do I restart that router?"), ConversationState()),
        (an_answer("How do I restart my router?", leans=True), ConversationState()),
        (an_answer("restart my router", is_sure=False), ConversationState()),
        (an_answer("How do I restart my router?"), ConversationState(clarifying="which one")),
        (an_answer("How do I restart my router?"), ConversationState(open_words="and")),
    ],
)
def test_what_points_back_does_not_stand_alone(answer: Answer, state: ConversationState) -> None:
    assert asked_of(answer, state, WORDS, 1, None) is None


def test_what_stands_alone() -> None:
    assert asked_of(an_answer("Is there a fee for late bills?"), ConversationState(), WORDS, 1, None) is not None
    assert asked_of(an_answer("Is there a fee for late bills?"), ConversationState(), WORDS, None, None) is None


def test_whatever_shapes_an_answer_makes_other_answers() -> None:
    names = {kin(profile(), "m"), kin(profile(), "n")}
    for change in ({"instructions": "be brief"}, {"tone": "dry"}, {"language": "de"}, {"tools": ()}):
        names.add(kin(profile(**change), "m"))
    assert len(names) == 6
    assert kin(profile(voice="flux-haley-en"), "m") in names


class Versioned(Shelf):
    """A shelf that says of which version its passages are."""

    version = 1

    async def search(self, query: str) -> SearchAnswer:
        found = self.answer(query)
        return Lookup(found=found.found, passages=found.passages, version=self.version)


class Remembered:
    """Known answers of one process."""

    def __init__(self) -> None:
        self.kept: list[tuple[Asked, KnownAnswer]] = []

    async def find(self, asked: Asked) -> KnownAnswer | None:
        for other, answer in self.kept:
            if (other.gist, other.version) == (asked.gist, asked.version):
                return answer
        return None

    def keep(self, asked: Asked, answer: KnownAnswer) -> None:
        self.kept.append((asked, answer))


ANSWER: tuple[Part, ...] = ("Hold the power ", "button for ten seconds. ", "Then wait two minutes.")


def a_call(known: Remembered, model: ScriptedModel, shelf: Shelf | None = None) -> TextChannel:
    return TextChannel(model=model, knowledge=shelf or Versioned(), known=known)


async def test_a_question_is_asked_of_the_model_once() -> None:
    known, model = Remembered(), ScriptedModel(ANSWER)
    first, second = a_call(known, model), a_call(known, model)
    for call in (first, second):
        await call.open()
    told = await first.say("How do I restart my router?")
    again = await second.say("Hi, how can I restart the router?")
    assert len(model.requests) == 1
    assert (
        again.sentences[:2]
        == told.sentences[:2]
        == ["Hold the power button for ten seconds.", "Then wait two minutes."]
    )
    assert again.provenance.origin is Origin.MODEL
    assert again.provenance.sources == told.provenance.sources
    assert second.state.questions[0].answered
    assert second.state.topic == "Restart your router"


async def test_a_changed_article_is_not_answered_from_its_old_text() -> None:
    known, model, shelf = Remembered(), ScriptedModel(ANSWER), Versioned()
    for _ in range(2):
        call = a_call(known, model, shelf)
        await call.open()
        await call.say("How do I restart my router?")
        shelf.version += 1
    assert len(model.requests) == 2


async def test_who_asks_again_wants_another_answer() -> None:
    known, model = Remembered(), ScriptedModel(ANSWER)
    call = a_call(known, model)
    await call.open()
    await call.say("How do I restart my router?", "So how can I restart the router?")
    assert len(model.requests) == 2


@pytest.mark.parametrize(
    "parts",
    [
        ("Hold the button. ", "Shall I explain it?"),
        ("Hold the button. ", ToolCall("1", "open_ticket", {"reason": "r", "promise": "p"})),
        ("Hold the button. ", "I have opened a ticket for you."),
    ],
)
async def test_what_is_more_than_text_is_not_kept(parts: tuple[Part, ...]) -> None:
    known = Remembered()
    call = a_call(known, ScriptedModel(parts))
    await call.open()
    await call.say("How do I restart my router?")
    assert known.kept == []


async def test_what_the_model_knew_of_the_caller_is_not_kept() -> None:
    known = Remembered()
    call = a_call(known, ScriptedModel(ANSWER))
    await call.open()
    await call.say("Hello, my name is Jane.", "How do I restart my router?")
    assert known.kept == []


async def test_rules_answer_without_the_known() -> None:
    known = Remembered()
    call = TextChannel(knowledge=Versioned(), known=known)
    await call.open()
    assert (await call.say("How do I restart my router?")).provenance.origin is Origin.RULES
    assert known.kept == []
