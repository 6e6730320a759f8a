"""Text as tokens: about four letters each, and joined again they are the text."""

from __future__ import annotations

import re

PIECE = re.compile(r"\s*[^\W_]{1,5}|\s*[\W_]|\s+$")


def pieces(text: str) -> list[str]:
    """The text in tokens; nothing of it is lost."""
    found = PIECE.findall(text)
    return found if "".join(found) == text else [text]


def count(text: str) -> int:
    """How many tokens a text has."""
    return len(PIECE.findall(text))
