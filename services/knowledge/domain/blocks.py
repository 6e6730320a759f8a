"""Markdown as a sequence of blocks in plain words: no marks of emphasis, no addresses of links.

What comes out is what a person would read aloud or a model should quote; list items keep their numbers, table rows name
their columns, lines of code stand in backticks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+(?=[^\s.,;:!?])")
FOOTNOTE_MARK = re.compile(r"\[\^[^\]\s]{1,40}\]:?")
CALLOUT_MARK = re.compile(r"^\s*\[!(?:NOTE|TIP|IMPORTANT|WARNING|CAUTION)\]\s*", re.IGNORECASE)

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class Heading:
    """Opens a section. `level` is 1 to 6."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table or piece of code. `pieces` are the places where it may be cut without being torn."""

    pieces: tuple[str, ...]
    joiner: str
    leads_on: bool = False
    """Announces what follows ("do this:"), so that the two belong together."""

    @property
    def text(self) -> str:
        return self.joiner.join(self.pieces)


def sentences(text: str) -> list[str]:
    """`text` cut after its sentences; nothing is lost but white space between them."""
    return [part for part in (piece.strip() for piece in SENTENCE_END.split(text)) if part]


def blocks_of(markdown: str) -> list[Heading | Block]:
    """The blocks of a text, in order; empty ones left out."""
    return list(_read(_PARSER.parse(markdown)))


def _read(tokens: Sequence[Token]) -> Iterator[Heading | Block]:
    position = 0
    while position < len(tokens):
        end = _closing(tokens, position)
        yield from _part(tokens[position], tokens[position + 1 : end])
        position = end + 1


def _part(opening: Token, inside: Sequence[Token]) -> Iterator[Heading | Block]:
    """What one token of the outermost level opens, with the tokens before its end."""
    match opening.type:
        case "heading_open":
            yield from _heading(int(opening.tag[1]), inside[0])
        case "paragraph_open":
            yield from _paragraph(inside[0])
        case "blockquote_open":
            yield from _read(inside)
        case "bullet_list_open" | "ordered_list_open":
            yield from _lines(_items(opening, inside))
        case "table_open":
            yield from _lines(_rows(inside))
        case "fence" | "code_block":
            yield from _lines(_as_code(line) for line in opening.content.splitlines() if line.strip())


def _as_code(line: str) -> str:
    """The line marked as code, so that no cut loses the mark: code is found and quoted, but never read aloud."""
    mark = "``" if "`" in line else "`"
    return f"{mark}{line.rstrip()}{mark}"


def _heading(level: int, content: Token) -> Iterator[Heading]:
    if text := " ".join(_inline(content).split()):
        yield Heading(level, text)


def _lines(pieces: Iterable[str]) -> Iterator[Block]:
    if held := tuple(pieces):
        yield Block(held, "\n")


def _closing(tokens: Sequence[Token], start: int) -> int:
    """Where the block that opens at `start` closes; a token that stands alone closes itself."""
    if tokens[start].nesting != 1:
        return start
    level = tokens[start].level
    position = start + 1
    while tokens[position].nesting != -1 or tokens[position].level != level:
        position += 1
    return position


def _paragraph(content: Token) -> Iterator[Block]:
    text = CALLOUT_MARK.sub("", _inline(content)).strip()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    if whole := " ".join(line for line in lines if line):
        yield Block(tuple(sentences(whole)), " ", leads_on=whole.endswith((":", "：")))


def _inline(content: Token) -> str:
    """The words of a line of text."""
    words = []
    for child in content.children or ():
        match child.type:
            case "text" | "code_inline" | "text_special":
                words.append(child.content)
            case "softbreak" | "hardbreak":
                words.append("\n")
            case "html_inline":
                words.append(child.content)
            case "image":
                words.append(child.content)
    return FOOTNOTE_MARK.sub("", "".join(words))


def _items(opening: Token, inside: Sequence[Token]) -> Iterator[str]:
    number = int(opening.attrGet("start") or 1) if opening.type == "ordered_list_open" else None
    position = 0
    while position < len(inside):
        end = _closing(inside, position)
        text = _item_text(list(_read(inside[position + 1 : end])))
        if text:
            mark = "-" if number is None else f"{number}."
            yield f"{mark} {text}"
        if number is not None:
            number += 1
        position = end + 1


def _item_text(parts: Sequence[Heading | Block]) -> str:
    """The first block beside the item's mark, what follows below it and indented."""
    lines = "\n".join(part.text for part in parts).splitlines()
    return "\n  ".join(line for line in lines if line.strip())


def _rows(inside: Sequence[Token]) -> Iterator[str]:
    """Each row as `Column: value; Column: value`, so that it can be understood by itself."""
    columns: list[str] = []
    cells: list[str] = []
    in_head = False
    for token in inside:
        match token.type:
            case "thead_open":
                in_head = True
            case "thead_close":
                in_head = False
                columns, cells = cells, []
            case "inline":
                cells.append(" ".join(_inline(token).split()))
            case "tr_close" if not in_head:
                if row := _row(columns, cells):
                    yield row
                cells = []


def _row(columns: Sequence[str], cells: Sequence[str]) -> str:
    named = zip([*columns, *[""] * (len(cells) - len(columns))], cells, strict=False)
    return "; ".join(f"{column}: {cell}" if column else cell for column, cell in named if cell)
