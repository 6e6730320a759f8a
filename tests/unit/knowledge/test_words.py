from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from services.knowledge.domain.words import stem, terms_of, words_of


@pytest.mark.parametrize(
    ("text", "same", "language"),
    [
        ("Wi-Fi", "wifi", "en"),
        ("restarting the routers", "Restart my router", "en"),
        ("what's my PIN", "pin", "en"),
        ("the customer’s bill", "customer bills", "en"),
        ("Router", "router", "en"),
        ("die Rechnungen", "Die Rechnung", "de"),
        ("\ufb01rmware", "firmware", "en"),
    ],
)
def test_words_that_a_caller_takes_for_the_same_are_the_same(text: str, same: str, language: str) -> None:
    assert words_of(text, language) == words_of(same, language)


def test_small_talk_is_not_searched() -> None:
    assert words_of("um hi yes I was wondering how can I please get that", "en") == []


def test_a_compound_is_found_by_its_parts_too() -> None:
    assert "email" in words_of("E-Mail", "en")
    assert set(words_of("USB-to-serial", "en")) == {"usbtoseri", "usb", "serial"}
    joined = {form: term.is_joined for term in terms_of("USB-to-serial", ["en"]) for form in term.forms}
    assert joined == {"usbtoseri": True, "usb": False, "serial": False}
    assert [term.is_joined for term in terms_of("wi-fi", ["en"])] == [False]


def test_scripts_without_spaces_are_compared_in_pairs() -> None:
    assert set(words_of("再起動する", "ja")) & set(words_of("ルーターを再起動", "ja"))


def test_a_question_is_compared_in_the_forms_of_every_language() -> None:
    (term,) = terms_of("Rechnungen", ["de", "en"])
    assert term.forms == {stem("rechnungen", "de"), stem("rechnungen", "en")}


def test_threads_do_not_share_a_stemmer() -> None:
    words = [f"{base}{ending}" for base in ("restart", "connect", "install", "order") for ending in ("ing", "ed", "s")]
    expected = {word: words_of(word, "en") for word in words}
    stem.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        for word, found in zip(words * 50, threads.map(lambda word: words_of(word, "en"), words * 50), strict=True):
            assert found == expected[word]
