"""Cuts an article into passages: small enough to be found and spoken, whole enough to answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.knowledge.domain.article import ArticleText
from services.knowledge.domain.blocks import Block, Heading, blocks_of, sentences


@dataclass(frozen=True, slots=True)
class Sizes:
    """Lengths in characters."""

    enough: int = 600
    """A chunk that has reached this takes no further block."""
    most: int = 1000
    """No chunk is longer; about 230 tokens, so that MiniLM (256 tokens with title and headings) reads all of it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage of an article."""

    heading: str
    """The path of headings above it, outermost first, joined by ` > `; without the article's title."""
    text: str


@dataclass(frozen=True, slots=True)
class CutArticle:
    """An article with its passages, in reading order."""

    text: ArticleText
    passages: Sequence[Chunk]


@dataclass(frozen=True, slots=True)
class _Section:
    path: tuple[str, ...]
    blocks: tuple[Block, ...]


DEFAULT_SIZES = Sizes()
BETWEEN = " > "
LONGEST_HEADING = 160
"""Of one heading, in characters; six of them and what is between fit into the record's column of 1,000."""


def cut(text: ArticleText) -> CutArticle:
    """The article, cut into passages. Takes a second per megabyte: not for an event loop."""
    return CutArticle(text, chunks_of(text.title, text.body))


def chunks_of(title: str, body: str, sizes: Sizes = DEFAULT_SIZES) -> list[Chunk]:
    """The passages of an article in reading order. An article without any text has its title as its only passage."""
    chunks = [
        Chunk(BETWEEN.join(section.path), text)
        for section in _sections(title, blocks_of(body))
        for text in _packed(section.blocks, sizes)
    ]
    return chunks or [Chunk("", title)]


def _sections(title: str, blocks: Sequence[Heading | Block]) -> Iterator[_Section]:
    path: list[Heading] = []
    inside: list[Block] = []
    for block in blocks:
        if isinstance(block, Block):
            inside.append(block)
            continue
        if inside:
            yield _Section(_names(path), tuple(inside))
            inside = []
        path = [above for above in path if above.level < block.level]
        if block.text != title:
            path.append(block)
    if inside:
        yield _Section(_names(path), tuple(inside))


def _names(path: Sequence[Heading]) -> tuple[str, ...]:
    return tuple(heading.text[:LONGEST_HEADING] for heading in path)


def _packed(blocks: Sequence[Block], sizes: Sizes) -> Iterator[str]:
    """Blocks together until there is enough; what announces the next block goes with it."""
    held: list[str] = []
    length = 0
    for position, block in enumerate(blocks):
        for piece in _fitting(block, sizes):
            announced = blocks[position - 1].leads_on if position and held else False
            full = length >= sizes.enough and not announced
            if held and (full or length + len(piece) > sizes.most):
                yield "\n".join(held)
                held, length = [], 0
            held.append(piece)
            length += len(piece) + 1
    if held:
        yield "\n".join(held)


def _fitting(block: Block, sizes: Sizes) -> Iterator[str]:
    """The block whole when it fits, else in as few parts as its pieces allow."""
    if len(block.text) <= sizes.most:
        yield block.text
        return
    held: list[str] = []
    for piece in _cut(block.pieces, sizes.most):
        if held and len(block.joiner.join([*held, piece])) > sizes.most:
            yield block.joiner.join(held)
            held = []
        held.append(piece)
    yield block.joiner.join(held)


def _cut(pieces: Sequence[str], most: int) -> Iterator[str]:
    """Pieces of at most `most` characters: at sentences where a piece is longer, then at words, then anywhere."""
    for piece in pieces:
        if len(piece) <= most:
            yield piece
            continue
        for sentence in sentences(piece):
            yield from _at_words(sentence, most)


def _at_words(sentence: str, most: int) -> Iterator[str]:
    start = 0
    while len(sentence) - start > most:
        end = sentence.rfind(" ", start + most // 2, start + most)
        end = end if end > 0 else start + most
        yield sentence[start:end].strip()
        start = end
    if rest := sentence[start:].strip():
        yield rest
