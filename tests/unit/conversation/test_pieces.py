"""A model's tokens, joined: nothing is lost, and no sentence ends later than it would have."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.conversation.models.pieces import AT_ONCE, LONGEST, Pieces
from shared.conversation.spoken.sentences import SentenceSplitter

BEGINNING = "Of course. " * (AT_ONCE // 11 + 1)
TOKENS = st.lists(st.sampled_from([" the", " router", ".", ",", " e", "g", " 3", ".5", "?", "\n", " Dr", " Then", '"']))


def handed_on(tokens: list[str]) -> list[list[str]]:
    """For each token, what was handed on when it came; at the end, the rest."""
    pieces = Pieces()
    return [*(pieces.take(token) for token in tokens), pieces.rest()]


@given(TOKENS)
def test_nothing_is_lost_or_changes_its_place(tokens: list[str]) -> None:
    assert "".join(piece for pieces in handed_on([BEGINNING, *tokens]) for piece in pieces) == BEGINNING + "".join(
        tokens
    )


@given(TOKENS)
def test_no_sentence_comes_later_than_from_single_tokens(tokens: list[str]) -> None:
    tokens = [BEGINNING, *tokens]
    one_by_one, joined = SentenceSplitter(), SentenceSplitter()
    singly, together = 0, 0
    for token, pieces in zip(tokens, handed_on(tokens), strict=False):
        singly += len(one_by_one.feed(token))
        together += sum(len(joined.feed(piece)) for piece in pieces)
        assert together >= singly


def test_the_beginning_is_handed_on_as_it_comes() -> None:
    assert handed_on([" a"] * 10) == [[" a"]] * 10 + [[]]


def test_mere_words_are_kept_together() -> None:
    count = LONGEST // 4
    assert handed_on([BEGINNING.strip(), " and", *[" the"] * count])[2:-1] == [*[[]] * (count - 1), [" the" * count]]
