"""Who calls, as far as the line says so."""

from __future__ import annotations

import re

_KEYS = ("ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ")
_KEYPAD = {letter: key for key, letters in enumerate(_KEYS, 2) for letter in letters}
_WITHHELD = ("ANONYMOUS", "BLOCKED", "PRIVATE", "RESTRICTED", "UNAVAILABLE", "UNKNOWN")
_WITHHELD_NUMBERS = frozenset("+" + "".join(str(_KEYPAD[letter]) for letter in word) for word in _WITHHELD)
"""Twilio writes a withheld number as a word, or as the word typed on a telephone's keys (+266696687 is ANONYMOUS)."""
_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_OTHER_LINE = re.compile(r"(?:client|sips?|whatsapp):[\x21-\x7e]{1,240}\Z")


def is_e164(number: str) -> bool:
    """Whether `number` has the form that can be dialled: a plus sign and 7 to 15 digits."""
    return _E164.match(number) is not None


def caller_address(reported: str) -> str | None:
    """The address of a caller in the form the record keeps, or None when it was withheld or is none."""
    usable = is_e164(reported) or _OTHER_LINE.match(reported)
    return reported if usable and reported not in _WITHHELD_NUMBERS else None
