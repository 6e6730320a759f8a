"""What every room that writes turns keeps to: their numbers and their text."""

from __future__ import annotations

from typing import Final

from shared.security.redaction import without_card_numbers
from shared.security.xml_text import clean_xml_text

NUMBERS_PER_GENERATION: Final = 1000
"""Turn numbers of one generation: what an earlier process stores late can never collide with what its successor
stores. More turns than fit into the longest call."""
LONGEST_TEXT: Final = 20_000
"""Characters of one turn; far above what is said in the longest one."""


def first_turn(generation: int) -> int:
    """The number of a generation's first turn."""
    return (generation - 1) * NUMBERS_PER_GENERATION + 1


def storable(text: str) -> str:
    """`text` without card numbers, control characters and halves of characters."""
    return without_card_numbers(clean_xml_text(text, LONGEST_TEXT))
