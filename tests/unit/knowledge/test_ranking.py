from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.knowledge.application.ports import Calibration
from services.knowledge.domain.ranking import (
    WIDEST,
    ChunkKey,
    Found,
    Present,
    Sibling,
    fuse,
    one_per_article,
    relevance,
    widened,
)


def key(article: int, position: int = 0) -> ChunkKey:
    return ChunkKey(UUID(int=article), 1, position)


def present(article: int, score: float, locale: str = "en", family: str | None = None, position: int = 0) -> Present:
    name = ("kayako", family or str(article))
    return Present(Found(key(article, position), score), name, locale, "Title", None, "", f"text {article}")


share = st.floats(0, 1)


@given(share, share, share)
def test_relevance_is_a_share_and_grows_with_both_sides(likeness: float, lexical: float, more: float) -> None:
    both = relevance(likeness, lexical)
    assert 0 <= both <= 1
    assert relevance(max(likeness, more), lexical) >= both
    assert relevance(likeness, max(lexical, more)) >= both
    assert 0 <= relevance(None, lexical) <= 1
    assert relevance(None, max(lexical, more)) >= relevance(None, lexical)


def test_what_either_side_knows_is_proposed_best_first() -> None:
    found = fuse({key(1): 0.9, key(2): 0.2}, {key(2): 0.1, key(3): 0.8}, chunks=10, most=10)
    assert [one.key for one in found] == [key(1), key(3), key(2)]
    assert [one.key for one in fuse({key(1): 0.9, key(2): 0.2}, {}, chunks=10, most=1)] == [key(1)]


def test_what_chance_gives_a_large_collection_does_not_count() -> None:
    scores = [fuse({key(1): 0.5}, {}, chunks=chunks, most=1)[0].relevance for chunks in (0, 1, 50, 500, 5000)]
    assert scores == pytest.approx([0.5, 0.5, 0.5, 0.45, 0.4])
    assert fuse({key(1): 0.01}, {}, chunks=10**6, most=1)[0].relevance == 0


def test_a_key_survives_being_written() -> None:
    assert ChunkKey.parse(str(key(7, 3))) == key(7, 3)
    with pytest.raises(ValueError, match="unpack"):
        ChunkKey.parse("not-a-key")


def test_one_article_does_not_fill_the_list() -> None:
    chunks = [present(1, 0.9, position=4), present(1, 0.8), present(2, 0.7), present(1, 0.6), present(3, 0.5)]
    assert [one.found.key for one in one_per_article(chunks, None, 5)] == [key(1, 4), key(2), key(3)]
    assert len(one_per_article(chunks, None, 2)) == 2


@pytest.mark.parametrize(
    ("asked", "given"), [(None, "es"), ("es", "es"), ("es-mx", "es"), ("en-us", "en-us"), ("en", "en-us"), ("fr", "es")]
)
def test_of_translations_the_callers_language_counts(asked: str | None, given: str) -> None:
    chunks = [present(1, 0.9, "es", "54"), present(2, 0.8, "en-us", "54"), present(3, 0.7, "de", "54")]
    assert [one.locale for one in one_per_article(chunks, asked, 5)] == [given]


def article(*texts: str, headings: tuple[str, ...] | None = None) -> list[Sibling]:
    names = headings or ("",) * len(texts)
    return [Sibling(position, heading, text) for position, (heading, text) in enumerate(zip(names, texts, strict=True))]


def test_a_short_article_is_given_whole() -> None:
    siblings = article("Intro.", "1. Pull.", "Call us.", headings=("", "Devices > By hand", "Help"))
    assert widened(0, siblings) == "Intro.\n## By hand\n1. Pull.\n## Help\nCall us."
    assert widened(1, siblings) == widened(0, siblings)


@given(st.lists(st.integers(1, 900), min_size=1, max_size=12), st.data())
def test_a_widened_passage_is_one_piece_around_the_found_chunk(lengths: list[int], data: st.DataObject) -> None:
    texts = [chr(ord("a") + at) * length for at, length in enumerate(lengths)]
    position = data.draw(st.integers(0, len(texts) - 1))
    lines = widened(position, article(*texts)).split("\n")
    assert texts[position] in lines
    assert lines == texts[texts.index(lines[0]) :][: len(lines)]
    assert sum(map(len, lines)) <= max(WIDEST, len(texts[position]))


def test_calibration_makes_models_comparable() -> None:
    scale = Calibration(nothing=0.2, everything=0.7)
    assert [scale.likeness(cosine) for cosine in (-0.1, 0.2, 0.45, 0.7, 0.9)] == [0, 0, pytest.approx(0.5), 1, 1]
