"""How word tables are written: words between spaces, phrases between commas, patterns of whole words."""

from __future__ import annotations

import re


def words(text: str) -> frozenset[str]:
    """The words of `text`."""
    return frozenset(text.split())


def phrases(text: str) -> frozenset[str]:
    """The phrases of `text`, which stand between commas."""
    return frozenset(phrase.strip() for phrase in text.split(",") if phrase.strip())


def said(*alternatives: str) -> re.Pattern[str]:
    """Any of these, as whole words."""
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b")
