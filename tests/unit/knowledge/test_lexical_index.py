from __future__ import annotations

import math
from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.knowledge.adapters.lexical_index import LENGTH_MATTERS, SATURATION, Entry, LexicalIndex, entry
from services.knowledge.domain.ranking import ChunkKey

WORDS = ("router", "bill", "cable", "light", "engineer", "refund")


def key(number: int) -> ChunkKey:
    return ChunkKey(UUID(int=number), 1, 0)


def chunk(number: int, text: str, title: str = "") -> Entry:
    return entry(key(number), prominent=(title,), ordinary=(text,), language="en")


def by_the_book(texts: dict[int, str], question: str) -> dict[ChunkKey, float]:
    """BM25 as its formula says, without an index, as a share of what is possible."""
    counts = {number: Counter(text.split()) for number, text in texts.items()}
    mean = sum(sum(count.values()) for count in counts.values()) / len(counts)
    shares: dict[ChunkKey, float] = {}
    asked = set(question.split())

    def rarity(word: str) -> float:
        having = sum(word in count for count in counts.values())
        return math.log1p((len(counts) - having + 0.5) / (having + 0.5))

    possible = sum(rarity(word) for word in asked)
    for number, count in counts.items():
        damping = SATURATION * (1 - LENGTH_MATTERS + LENGTH_MATTERS * sum(count.values()) / mean)
        reached = sum(rarity(word) * count[word] / (count[word] + damping) for word in asked)
        if reached:
            shares[key(number)] = reached / possible
    return shares


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


@given(
    st.dictionaries(st.integers(1, 30), texts, min_size=1, max_size=12),
    st.dictionaries(st.integers(1, 30), texts, max_size=6),
    st.sets(st.integers(1, 30), max_size=8),
    texts,
)
def test_scores_are_bm25_whatever_was_added_replaced_and_removed(
    first: dict[int, str], then: dict[int, str], gone: set[int], question: str
) -> None:
    index = LexicalIndex()
    index.add([chunk(number, text) for number, text in first.items()])
    index.add([chunk(number, text) for number, text in then.items()])
    index.remove(key(number) for number in gone)
    left = {number: text for number, text in (first | then).items() if number not in gone}
    assert len(index) == len(left)
    expected = by_the_book(left, question) if left else {}
    for one in (index, index.packed()):
        answer = one.ask(question, ["en"])
        assert answer.best(100) == pytest.approx(expected, abs=1e-5)
        assert all(answer.share_of(key(number)) == pytest.approx(expected.get(key(number), 0)) for number in range(31))


def test_best_come_first_and_only_as_many_as_asked() -> None:
    index = LexicalIndex()
    index.add([chunk(1, "bill bill cable"), chunk(2, "router light"), chunk(3, "router router router")])
    assert list(index.ask("router", ["en"]).best(1)) == [key(3)]
    assert list(index.ask("router", ["en"]).best(9)) == [key(3), key(2)]


def test_a_word_of_the_title_counts_more() -> None:
    index = LexicalIndex()
    index.add([chunk(1, "cable router", title="bill"), chunk(2, "cable bill", title="router")])
    assert list(index.ask("router", ["en"]).best(2)) == [key(2), key(1)]


def test_words_that_nobody_has_keep_a_question_low() -> None:
    index = LexicalIndex()
    index.add([chunk(number, "restart the router") for number in range(20)])
    about_us = index.ask("restart router", ["en"]).best(1)
    about_else = index.ask("restart the parliament of Mongolia", ["en"]).best(1)
    assert next(iter(about_us.values())) > 2 * next(iter(about_else.values()))


def test_a_joined_word_counts_only_where_texts_have_it() -> None:
    index = LexicalIndex()
    index.add([chunk(1, "usb serial adapter"), chunk(2, "bill")])
    apart, joined = (index.ask(words, ["en"]).share_of(key(1)) for words in ("usb serial", "usb-serial"))
    assert joined == apart > 0


def test_an_answer_stays_usable_while_the_index_grows() -> None:
    index = LexicalIndex()
    index.add([chunk(1, "router")])
    answer = index.ask("router", ["en"])
    index.add([chunk(2, "router")])
    assert answer.share_of(key(2)) == 0
    assert list(answer.best(5)) == [key(1)]


def test_a_question_of_nothing_but_small_talk_finds_nothing() -> None:
    index = LexicalIndex()
    assert index.ask("router", ["en"]).best(5) == {}
    index.add([chunk(1, "router")])
    assert index.ask("how do I get that please", ["en"]).best(5) == {}


def test_removed_chunks_are_packed_away_in_time() -> None:
    index = LexicalIndex()
    index.add([chunk(number, "router") for number in range(500)])
    index.remove(key(number) for number in range(100))
    assert not index.is_wasteful
    index.remove(key(number) for number in range(200))
    assert index.is_wasteful
    assert not index.packed().is_wasteful
    assert len(index.packed()) == 300
