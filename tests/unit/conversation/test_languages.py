"""Another language: when it is asked for, what is said in it, and what a caller says in it."""

from __future__ import annotations

import re

import pytest

from shared.contracts.agents import AgentProfile, FurtherLanguage, HearingOptions
from shared.conversation.phrases import LANGUAGES, Phrase, phrase, variants
from shared.conversation.ports import NextStep
from shared.conversation.state import ConversationState
from shared.conversation.understanding.answers import understand
from shared.conversation.understanding.asked_language import asked_language
from shared.conversation.understanding.email_address import hear_email
from shared.conversation.understanding.languages import words_of
from tests.text_channel import ScriptedModel, TextChannel, profile

GERMAN = words_of("de-DE")
_VALUE = re.compile(r"\{\w+\}")


def speaks_german(**changes: object) -> AgentProfile:
    further = FurtherLanguage(code="de-DE", voice="aura-2-julius-de", hearing=HearingOptions(model="nova-3"))
    return profile(languages=(further,), **changes)


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("Do you speak German?", "de"),
        ("Hello, do you speak German? My router is broken.", "de"),
        ("Deutsch, bitte.", "de"),
        ("Sprechen Sie Deutsch?", "de"),
        ("Sprechen see doitsch", "de"),
        ("Können wir auf Deutsch weitermachen?", "de"),
        ("Can we continue in English please", "en"),
        ("I'd prefer to speak Spanish.", "es"),
        ("Français", "fr"),
        ("Is the manual available in German?", None),
        ("Do you ship to Germany?", None),
        ("I want to cancel my German lessons.", None),
        ("How do I polish my table?", None),
        ("How do I restart my router?", None),
        ("", None),
    ],
)
def test_a_language_is_asked_for_in_many_words(said: str, language: str | None) -> None:
    assert asked_language(said) == language


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("key", list(Phrase))
def test_every_language_says_everything(language: str, key: Phrase) -> None:
    said = variants(language, key)
    assert all(text.strip() and text[-1] in ".?!" for text in said)
    assert len(said) == len(variants("en", key))
    assert {*_VALUE.findall(" ".join(said))} == {*_VALUE.findall(" ".join(variants("en", key)))}


async def test_a_caller_who_asks_for_german_is_served_in_german_to_the_end() -> None:
    model = ScriptedModel(["Ziehen Sie den Stecker und warten Sie zehn Sekunden."])
    call = TextChannel(speaks_german(), model=model)
    await call.open()
    changed = await call.say("Do you speak German?")
    assert changed.text == "Gern, sprechen wir Deutsch. Was kann ich für Sie tun?"
    assert call.assistant.language == call.state.language == "de-DE"
    answered = await call.say("Wie mache ich restart router?")
    assert answered.sentences[-1] == phrase("de", Phrase.ANYTHING_ELSE)
    assert "Language: de-DE." in str(model.requests[0].messages)
    asked = await call.say("Nein danke, das war alles.")
    assert asked.sentences[-1] == phrase("de", Phrase.ASK_EMAIL)
    await call.say("anna Punkt muster at gmx Punkt de")
    ended = await call.say("Ja, das ist richtig.")
    assert ended.step is NextStep.HANG_UP
    assert ended.sentences[-1] == phrase("de", Phrase.GOODBYE)
    assert call.state.email.confirmed == "anna.muster@gmx.de"


async def test_a_caller_may_go_back_to_the_agents_own_language() -> None:
    call = TextChannel(speaks_german())
    await call.open()
    back = await call.say("Deutsch bitte", "Können wir Englisch sprechen?")
    assert back.sentences[0] == "Of course, let's speak English."
    assert call.assistant.language == "en-US"


async def test_a_language_that_nobody_named_is_refused_and_the_call_goes_on() -> None:
    call = TextChannel(speaks_german())
    await call.open()
    refused = await call.say("Can you speak Spanish?")
    assert refused.text == "I'm sorry, I don't speak that language. What can I do for you?"
    assert call.assistant.language == "en-US"


async def test_a_request_counts_whatever_was_heard_of_the_answer() -> None:
    call = TextChannel(speaks_german())
    await call.open()
    await call.say_and_interrupt("Do you speak German?", lambda _: "")
    assert call.assistant.language == "de-DE"


async def test_who_goes_on_with_the_call_goes_on_in_its_language() -> None:
    state = ConversationState.from_json({"language": "de-DE", "phase": "issue", "notice_heard": True, "silences": 1})
    assert (await TextChannel(speaks_german(), state=state).open()).text.startswith(phrase("de", Phrase.RESUMED))
    # and a profile that has lost the language meanwhile answers in its own
    assert (await TextChannel(profile(), state=state).open()).text.startswith(phrase("en", Phrase.RESUMED))


@pytest.mark.parametrize(
    ("said", "heard_as", "language"),
    [
        ("Ich habe eine Frage zu meinem Router", "de", "de-DE"),
        ("Ja genau", "de", "en-US"),
        ("J'ai une question pour vous", "fr", "en-US"),
        ("I have a question about my router", "en", "en-US"),
    ],
)
async def test_words_heard_as_a_language_of_the_agents_are_answered_in_it(
    said: str, heard_as: str, language: str
) -> None:
    call = TextChannel(speaks_german())
    await call.open()
    await call.play(call.assistant.reply_to(said, heard_as), None)
    assert call.assistant.language == language


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("Ja, genau.", "yes"),
        ("Nein danke, das war alles.", "done"),
        ("Nee, lieber nicht.", "no"),
        ("Vielen Dank!", "thanks"),
        ("Auf Wiederhören.", "goodbye"),
        ("Tschüss!", "goodbye"),
        ("Ich möchte mit einem Menschen sprechen.", "person"),
        ("Mitarbeiter bitte", "person"),
        ("Können Sie das bitte wiederholen?", "repeat"),
        ("Einen Moment bitte.", "wait"),
        ("Sind Sie ein Roboter?", "are_you_human"),
        ("Wer sind Sie?", "who_are_you"),
        ("Das hat mir nicht geholfen.", "not_helped"),
        ("Rufen Sie mich nie wieder an!", "no_calls"),
        ("Wie starte ich meinen Router neu?", "is_question"),
        ("Mein Internet geht nicht.", "asks"),
        ("Ich habe eine Frage.", "vague"),
        ("Das möchte ich lieber nicht.", "refusal"),
    ],
)
def test_german_is_understood(said: str, means: str) -> None:
    assert getattr(understand(said, GERMAN), means)


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("Meine E-Mail ist hans Minus peter at web Punkt de", "hans-peter@web.de"),
        ("Emil Anton Nordpol at gmx Punkt de", "ean@gmx.de"),
        ("klaus einundzwanzig Klammeraffe gmail Punkt com", "klaus21@gmail.com"),
        ("A wie Anton, n, n, a at t-online Punkt de", "anna@t-online.de"),
    ],
)
def test_addresses_are_heard_in_german(said: str, address: str) -> None:
    assert hear_email(said, GERMAN.spelling).address == address
