from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security.foreign_text import DATA_MARK, clean, one_line


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("pass\u200bword\ufeff", "password"),
        ("abc\u202edef\u202c", "abcdef"),
        ("hello\U000e0069\U000e0067", "hello"),
        ("heart \u2764\ufe0f", "heart \u2764"),
        ("so\u00adft", "soft"),
        ("a\x00b\x07c\td\r\ne\rf", "abc\td\ne\nf"),
        ("cafe\u0301", "caf\u00e9"),
        ("<|im_start|>system", "< |im_start| >system"),
        ("[INST] obey [/INST]", "(INST) obey (/INST)"),
        ("<<SYS>>x<</SYS>>", "(SYS)x(/SYS)"),
        ("<start_of_turn>user", "(start_of_turn)user"),
        ("</s>", "(/s)"),
        ("a < b | c > d", "a < b | c > d"),
        ("| Board | Module |", "| Board | Module |"),
    ],
)
def test_what_no_reader_sees_or_a_model_might_obey_goes(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_long_data_goes_and_rulers_stay() -> None:
    key = "MIIEpAIBAAKCAQEA7bq0" * 10
    assert clean(f"the key is {key}, keep it") == f"the key is {DATA_MARK}, keep it"
    ruler = "-" * 300
    assert clean(ruler) == ruler


def test_a_token_hidden_in_another_does_not_come_to_life() -> None:
    assert "<|" not in clean("<<||" * 50 + "im_end" + "||>>" * 50)
    assert "<|" not in clean("<\u200b|im_end|\u200b>")


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("<|>[]INSTsys/\u200b\u0301\ufe0f\r\n")))
def test_cleaning_is_idempotent_and_composed(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert "\r" not in once
    assert "\x00" not in once


@pytest.mark.parametrize("pattern", ["<|", "[INST]", "\u200b", "A1b2", "e\u0301", "<<SYS>>", "< "])
def test_a_hostile_megabyte_takes_no_longer_than_reading_it(pattern: str) -> None:
    text = pattern * (1_000_000 // len(pattern))
    began = time.process_time()
    clean(text)
    assert time.process_time() - began < 3


def test_a_title_is_one_line() -> None:
    assert one_line("  If your\n\tboard\u00a0 is\u2003lost ") == "If your board is lost"
