"""Sentences out of a stream, and text as a voice can say it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.conversation.spoken.sentences import LONGEST, LONGEST_FIRST, SentenceSplitter
from shared.conversation.spoken.speakable import speakable


def split(text: str, size: int = 3) -> list[str]:
    splitter = SentenceSplitter()
    found = [sentence for at in range(0, len(text), size) for sentence in splitter.feed(text[at : at + size])]
    return found + splitter.flush()


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Hello there. I am Dr. Smith, your doctor.", ["Hello there.", "I am Dr. Smith, your doctor."]),
        ("It costs 3.50 dollars. Fine?! Yes.", ["It costs 3.50 dollars.", "Fine?!", "Yes."]),
        ("Open example.com. Then wait...", ["Open example.com.", "Then wait..."]),
        ("J. R. Smith called at 5 p.m. Then he left.", ["J. R. Smith called at 5 p.m.", "Then he left."]),
        ("Use a cable, e.g. the grey one. Done.", ["Use a cable, e.g. the grey one.", "Done."]),
        ("1. Unplug it. 2. Wait.", ["1. Unplug it.", "2. Wait."]),
        ("One line\nanother line", ["One line", "another line"]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("No. It is not.", ["No.", "It is not."]),
        ("Use no. 5 first. Then no. 6.", ["Use no. 5 first.", "Then no. 6."]),
        ("Open Mon. to Fri. from 9 a.m. on. Call us.", ["Open Mon. to Fri. from 9 a.m. on.", "Call us."]),
        ("It ends on Jan. 5 or in Feb. Then pay.", ["It ends on Jan. 5 or in Feb.", "Then pay."]),
        ("You need 5. Then pay.", ["You need 5.", "Then pay."]),
        ("Do this: 1. Unplug it. 2. Wait.", ["Do this: 1. Unplug it.", "2. Wait."]),
        ("Step 1. Unplug it. Step 2. Wait.", ["Step 1. Unplug it.", "Step 2. Wait."]),
        ("Is it on?Yes it is. Great!Now wait.", ["Is it on?", "Yes it is.", "Great!", "Now wait."]),
        ("See p. 5. It takes 5 min. or so.", ["See p. 5.", "It takes 5 min. or so."]),
        ("Log in at 192.168.0.1. Then wait.", ["Log in at 192.168.0.1.", "Then wait."]),
        ("Version 2.0 costs $1,234.56. It is new.", ["Version 2.0 costs $1,234.56.", "It is new."]),
        (
            "At 10:30 a.m. we open. See a.example/x.y?q=1. Bye.",
            ["At 10:30 a.m. we open.", "See a.example/x.y?q=1.", "Bye."],
        ),
        ("  \n ", []),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_sentences_come_whole_however_the_text_arrives(text: str, sentences: list[str], size: int) -> None:
    assert split(text, size) == sentences


@pytest.mark.parametrize(
    ("pieces", "sentences"),
    [
        ((" tomorrow", " morning", "."), ["tomorrow morning."]),
        (("Is", " that", " all", "?"), ["Is that all?"]),
        (("It", " costs", " 3", "."), []),
        (("Ask", " Dr", "."), []),
        (("See", " example", ".com"), []),
        (("He", " said", ' "', "stop", "."), []),
        (("Wait", " for", " it", "..."), []),
        (("I", " said", " no", "."), []),
        (tuple("example."), []),
    ],
)
def test_a_sentence_is_given_at_its_mark_when_the_mark_comes_alone(
    pieces: tuple[str, ...], sentences: list[str]
) -> None:
    splitter = SentenceSplitter()
    assert [sentence for piece in pieces for sentence in splitter.feed(piece)] == sentences


def test_a_long_first_sentence_begins_at_its_first_clause() -> None:
    text = "To restart your router, hold the button on the back for ten seconds until the light goes out. Then wait."
    splitter = SentenceSplitter()
    early = splitter.feed(text[: LONGEST_FIRST + 1])
    assert early == ["To restart your router,"]


@given(st.text(max_size=2000), st.integers(1, 50))
def test_no_letter_is_lost_or_added(text: str, size: int) -> None:
    assert "".join("".join(split(text, size)).split()) == "".join(text.split())


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=2000))
def test_no_sentence_is_longer_than_the_limit(text: str) -> None:
    assert all(len(sentence) <= LONGEST + 1 for sentence in split(text.replace(".", ""))[:-1])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Hold** the `power` button for 10–15 seconds [1].", "Hold the power button for 10 to 15 seconds."),
        ("See [our guide](https://help.example.com/a).", "See our guide."),
        ("https://www.example.com/help/restart-router?utm=1", "example dot com slash help slash restart dash router"),
        ("Mail jane.doe@example.co.uk", "Mail jane dot doe at example dot co dot U K"),
        ("Call +1 202-555-0180", "Call plus 1, 2 0 2, 5 5 5, 0 1 8 0"),
        ("It costs $25.50 & 10% tax", "It costs 25 dollars and 50 cents and 10 percent tax"),
        ("We are open 24/7, e.g. now", "We are open 24 hours a day, 7 days a week, for example now"),
        ("Go to Tools > Port → COM3", "Go to Tools, then Port, then COM3"),
        ("On 2026-11-20, or 2019-2021", "On November 20, 2026, or 2019 to 2021"),
        ("<speak>Wait <break time='1s'/> here</speak>", "Wait here"),
        ("Hello <|im_start|>system [INST] there", "Hello system there"),
        ("Open my.fernway.example, not setup.exe", "Open my dot fernway dot example, not setup.exe"),
        ("# Heading", "Heading"),
        ("- a bullet", "a bullet"),
        ("😀 ***", ""),
        ("a snake_case_name and 5 * 3", "a snake case name and 5 3"),
        ("Tom &amp; Ann", "Tom and Ann"),
        ("$1.5 million, £3m or €1", "1.5 million dollars, 3 million pounds or 1 euro"),
        ("It is 20€ or 5.50 €", "It is 20 euros or 5 euros and 50 cents"),
        ("Call 1-800-555-0199", "Call 1, 8 0 0, 5 5 5, 0 1 9 9"),
        ("By 25.12.2026 or 12/25/2026", "By December 25, 2026 or December 25, 2026"),
        ("On 04/05/2026", "On 04/05/2026"),
        ("Mon-Fri, 9am–5pm or 9 a.m. - 5 p.m.", "Monday to Friday, 9am to 5pm or 9 a.m. to 5 p.m."),
        ("Mon. - Sat.", "Monday to Saturday"),
        ("100 Mbps at 2.4GHz, 3.5 GB", "100 megabits per second at 2.4 gigahertz, 3.5 gigabytes"),
        ("Wait 5 min. or 1 hr.", "Wait 5 minutes or 1 hour."),
        ("10km/h and 5kg", "10 kilometers per hour and 5 kilograms"),
        ("1/2 cup, ½ hour, and/or #1", "one half cup, one half hour, and or number 1"),
        ("Is it < 5, or -5°C?", "Is it less than 5, or minus 5 degrees Celsius?"),
        ("No. 5 and § 3", "number 5 and section 3"),
        ("Ctrl+Alt, Q&A, w/o", "Ctrl plus Alt, Q and A, without"),
        ("Take 10-15 of 2019-2021 at 10:30-11:45", "Take 10 to 15 of 2019 to 2021 at 10:30 to 11:45"),
        ("At 17:05 in 192.168.0.1 v2.0.1", "At 17:05 in 192.168.0.1 v2.0.1"),
    ],
)
def test_text_becomes_what_a_voice_can_say(written: str, said: str) -> None:
    assert speakable(written) == said


@given(st.text(max_size=400))
def test_nothing_unspeakable_is_left(text: str) -> None:
    said = speakable(text)
    assert not set(said) & set("<>[]{}|\\^~*_#`@\n\t\u200b\u202e")
