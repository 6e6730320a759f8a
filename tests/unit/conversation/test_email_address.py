"""E-mail addresses as callers say them and recognisers write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.conversation.alphabet import WORD_OF_LETTER
from shared.conversation.spoken.reading import email_as_said, email_in_alphabet, email_spelled
from shared.conversation.understanding.corrections import correct_email
from shared.conversation.understanding.email_address import Completeness, hear_email, is_address
from shared.conversation.understanding.languages import words_of

WORDS = words_of("en-US").spelling


def heard(text: str) -> str | None:
    return hear_email(text, WORDS).address


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("Sure, it's Jane dot Doe at example dot com.", "jane.doe@example.com"),
        ("jane.doe@example.com", "jane.doe@example.com"),
        ("jane dot doe@ example.com", "jane.doe@example.com"),
        ("My email address is jane underscore doe at yahoo dot co dot uk, thank you.", "jane_doe@yahoo.co.uk"),
        ("J-A-N-E dot D-O-E at gmail dot com", "jane.doe@gmail.com"),
        ("J.A.N.E. at gmail.com", "jane@gmail.com"),
        ("n, o, a, h, dot, b, r, o, w, n, 7, 9, at example dot com", "noah.brown79@example.com"),
        ("um it's k a t e no wait c a t e at aol dot com", "cate@aol.com"),
        ("b as in bravo o b as in boy at g mail dot com", "bob@gmail.com"),
        ("p for peter a u l at gmail dot com", "paul@gmail.com"),
        ("d as in bravo o b at gmail dot com", "bob@gmail.com"),
        ("november oscar alpha hotel at example dot com", "noah@example.com"),
        ("mike dot jones at icloud dot com", "mike.jones@icloud.com"),
        ("bee oh bee at gmail dot com", "beeohbee@gmail.com"),
        ("double u i l l at outlook dot com", "will@outlook.com"),
        ("a n n a double s at gmail dot com", "annass@gmail.com"),
        ("triple seven at hotmail dot com", "777@hotmail.com"),
        ("capital J o h n at mail dot ru", "john@mail.ru"),
        ("bob nineteen eighty six at gmail dot com", "bob1986@gmail.com"),
        ("jane one oh one at gmail dot com", "jane101@gmail.com"),
        ("jane at gmail", "jane@gmail.com"),
        ("bob at company dot co uk", "bob@company.co.uk"),
        ("c d f at a b c dot e d u", "cdf@abc.edu"),
        ("you can reach me at bob at company dot com", "bob@company.com"),
        ("john smith, that's j o n s m y t h, at gmail dot com", "jonsmyth@gmail.com"),
        ("info at fern way dot net, that's f e r n w a y", "info@fernway.net"),
        ("asdf plus ab dot c at gmail dot com", "asdf+ab.c@gmail.com"),
        ("jane dash doe at gmail dot come", "jane-doe@gmail.com"),
        ("O'Brien at gmail dot com", "obrien@gmail.com"),
        ("josé at correo dot es", "jose@correo.es"),
        ("jane at posteo dot at", "jane@posteo.at"),
        ("all lower case, jane doe, all one word, at gmail dot com", "janedoe@gmail.com"),
    ],
)
def test_an_address_is_heard_however_it_is_said(said: str, address: str) -> None:
    assert heard(said) == address


@pytest.mark.parametrize(
    ("said", "completeness"),
    [
        ("I don't have it here right now, sorry about that", Completeness.NOTHING),
        ("how long does it take until somebody answers?", Completeness.NOTHING),
        ("", Completeness.NOTHING),
        ("jane", Completeness.PARTIAL),
        ("jane dot", Completeness.PARTIAL),
        ("j a n", Completeness.PARTIAL),
        ("jane at", Completeness.PARTIAL),
        ("at gmail dot com", Completeness.PARTIAL),
        ("jane at fernway", Completeness.PARTIAL),
        ("jane at dot com", Completeness.IMPOSSIBLE),
        ("tonight at 9.15", Completeness.IMPOSSIBLE),
        ("jane dot dot doe at gmail dot com", Completeness.IMPOSSIBLE),
    ],
)
def test_what_is_no_whole_address_gives_none(said: str, completeness: Completeness) -> None:
    assert hear_email(said, WORDS).completeness is completeness
    assert heard(said) is None


def test_a_provider_without_its_ending_may_go_on() -> None:
    assert hear_email("jane at gmail", WORDS).may_go_on
    assert hear_email("jane at yahoo dot co", WORDS).may_go_on
    assert not hear_email("jane at gmail dot com", WORDS).may_go_on


@pytest.mark.parametrize(
    "text",
    ["jane@example", "@example.com", "jane@", "a b@example.com", ".jane@example.com", "jane.@example.com", "j..d@e.com",
     "jane@-example.com", "jane@example.c0m", "jane@exa_mple.com", f"{'j' * 65}@example.com", f"j@{'e' * 250}.com"],
)  # fmt: skip
def test_what_cannot_be_an_address_is_none(text: str) -> None:
    assert not is_address(text)


_LOCAL = st.lists(st.from_regex(r"[a-z]{2,8}[0-9]{0,4}", fullmatch=True), min_size=1, max_size=3)
_SIGN = st.sampled_from([".", "_", "-"])
_DOMAIN = st.sampled_from(["gmail.com", "example.com", "fernway.net", "yahoo.co.uk", "mail.example.org", "web.de"])


@st.composite
def addresses(draw: st.DrawFn) -> str:
    return f"{draw(_SIGN).join(draw(_LOCAL))}@{draw(_DOMAIN)}"


@given(addresses())
def test_an_address_read_back_is_understood_by_its_own_rules(address: str) -> None:
    """The caller may repeat our reading word for word: letters, and letters with their words."""
    assert heard(email_spelled(address)) == address


@given(addresses(), st.data())
def test_letters_with_words_are_letters(address: str, data: st.DataObject) -> None:
    local, _, domain = address.partition("@")
    said = []
    for character in local:
        if character.isalpha() and data.draw(st.booleans()):
            said.append(f"{character} as in {WORD_OF_LETTER[character].lower()}")
        else:
            said.append({".": "dot", "_": "underscore", "-": "dash"}.get(character, character))
    assert heard(f"{' '.join(said)} at {domain.replace('.', ' dot ')}") == address


@given(st.text(max_size=200))
def test_any_text_is_survived_and_a_heard_address_is_valid(text: str) -> None:
    address = heard(text)
    assert address is None or is_address(address)


@given(addresses(), st.text(max_size=120))
def test_any_correction_leaves_a_valid_address_or_none(address: str, text: str) -> None:
    corrected = correct_email(address, text, WORDS)
    assert corrected is None or is_address(corrected)


@given(addresses())
def test_the_readings_contain_no_sign_a_voice_would_stumble_over(address: str) -> None:
    for reading in (email_as_said(address), email_spelled(address), email_in_alphabet(address)):
        assert re.fullmatch(r"[A-Za-z0-9, -]+", reading)
        assert "@" not in reading


@pytest.mark.parametrize(
    ("address", "said", "corrected"),
    [
        ("pob@x.com", "no, b as in bravo", "bob@x.com"),
        ("jane.toe@gmail.com", "no, d as in delta", "jane.doe@gmail.com"),
        ("jane.toe@gmail.com", "it's d not t", "jane.doe@gmail.com"),
        ("jane.toe@gmail.com", "not t but d", "jane.doe@gmail.com"),
        ("jane.toe@gmail.com", "with a d instead of a t", "jane.doe@gmail.com"),
        ("jane.toe@gmail.com", "the fifth letter is a d", "jane.doe@gmail.com"),
        ("jane.toe@gmail.com", "the last letter is a y", "jane.toy@gmail.com"),
        ("jane.doe@gmail.com", "no it's at hotmail dot com", "jane.doe@hotmail.com"),
        ("jane.doe@gmail.com", "hotmail not gmail", "jane.doe@hotmail.com"),
        ("jane.doe@gmail.com", "not gmail, outlook", "jane.doe@outlook.com"),
        ("jane.doe@example.com", "it's dot org", "jane.doe@example.org"),
        ("jane.doe@example.com", "dot co dot uk", "jane.doe@example.co.uk"),
        ("jane.doe@old.com", "oh wait, actually it's jane.doe@gmail.com, yes that one's right", "jane.doe@gmail.com"),
        ("jane.doe@gmail.com", "there's no dot", "janedoe@gmail.com"),
        ("jane.doe@gmail.com", "without the dot", "janedoe@gmail.com"),
        ("janedoe@gmail.com", "there's a dot between jane and doe", "jane.doe@gmail.com"),
        ("jane.doe@gmail.com", "underscore not dot", "jane_doe@gmail.com"),
        ("jane.doe@gmail.com", "no, it's an underscore", "jane_doe@gmail.com"),
        ("daniel.wiliams@gmail.com", "williams with double l", "daniel.williams@gmail.com"),
        ("phillip@gmail.com", "only one l", "philip@gmail.com"),
        ("ana@gmail.com", "with two n's", "anna@gmail.com"),
        ("jane.smith@gmail.com", "no it's s m y t h", "jane.smyth@gmail.com"),
        ("jane.smith@gmail.com", "sierra mike yankee tango hotel", "jane.smyth@gmail.com"),
        ("jane.smith@gmail.com", "smyth with a y", "jane.smyth@gmail.com"),
        ("john@gmail.com", "it's jon, not john", "jon@gmail.com"),
        ("info@fernvay.net", "no, f e r n w a y", "info@fernway.net"),
        ("noah.brown7922@example.com", "no it's seven nine two three", "noah.brown7923@example.com"),
    ],
)
def test_a_correction_changes_what_it_names(address: str, said: str, corrected: str) -> None:
    assert correct_email(address, said, WORDS) == corrected


@pytest.mark.parametrize(
    "said", ["no", "that's wrong", "yes that's right", "correct, thank you", "no no that's not it at all", "hmm", "bob"]
)
def test_what_corrects_nothing_changes_nothing(said: str) -> None:
    assert correct_email("jane.doe@gmail.com", said, WORDS) is None


def test_a_letter_that_fits_in_two_places_is_not_guessed() -> None:
    assert correct_email("bobby@gmail.com", "no, d as in delta", WORDS) is None
