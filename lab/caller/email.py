"""An e-mail address as people say it, and as they hear it read back."""

from __future__ import annotations

import re
from itertools import pairwise

from lab.caller.scenario import EmailStyle

_SIGNS = {"@": "at", ".": "dot", "_": "underscore", "-": "dash", "+": "plus"}
_HEARD_AS = {word: sign for sign, word in _SIGNS.items()} | {"hyphen": "-", "minus": "-", "point": "."}
_LEADS = frozenset({"heard", "have", "is", "its", "it's"})
"""Words before an address that do not belong to it."""
_NATO = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike november oscar papa quebec romeo "
    "sierra tango uniform victor whiskey x-ray yankee zulu"
)
_ALPHABET = {word[0]: word for word in _NATO.split()}


def said(address: str, style: EmailStyle) -> str:
    """The address in words."""
    local, _, domain = address.partition("@")
    match style:
        case "spoken":
            local_words = _words(local)
        case "spelled":
            local_words = " ".join(_SIGNS.get(letter, letter) for letter in local)
        case "alphabet":
            local_words = ", ".join(_in_alphabet(letter) for letter in local.lower())
    return f"{local_words} at {_words(domain)}"


def _words(text: str) -> str:
    return " ".join(_SIGNS.get(piece, piece) for piece in re.findall(r"[A-Za-z]+|[0-9]|[^A-Za-z0-9]", text))


def _in_alphabet(letter: str) -> str:
    return f"{letter} as in {_ALPHABET[letter]}" if letter in _ALPHABET else _SIGNS.get(letter, letter)


def is_read_back(address: str, heard: str) -> bool:
    """Whether the address stands in what was heard: written, spoken, spelled or letter by letter with words."""
    return address.lower() in _joined(heard).split()


def _joined(heard: str) -> str:
    """What was heard, with spoken signs and spelled letters put together."""
    text = re.sub(r"\s+as in [a-z-]+", "", heard.lower())
    text = re.sub(r"[.,!?;:]+(?=\s|$)", " ", text)
    words = [_HEARD_AS.get(word, word) for word in text.split()]
    joined = "".join(words[:1])
    for before, word in pairwise(words):
        joined += word if _belongs(before, word) else f" {word}"
    return joined


def _belongs(before: str, word: str) -> bool:
    """Whether a word continues the one before it: around a sign or a digit, and letter after letter."""
    if before in _SIGNS or word in _SIGNS:
        return True
    if before in _LEADS:
        return False
    return before.isdigit() or word.isdigit() or len(before) == len(word) == 1
