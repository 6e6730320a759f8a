"""How addresses and numbers are read out: for a listener who writes them down."""

from __future__ import annotations

import re

from shared.conversation.alphabet import WORD_OF_LETTER

_SIGNS = {"@": "at", ".": "dot", "_": "underscore", "-": "dash", "+": "plus", "%": "percent", "/": "slash"}
_PIECES = re.compile(r"[A-Za-z]+|[0-9]|[^A-Za-z0-9]")
_READ_AS_LETTERS = frozenset(["uk", "us", "de", "fr", "es", "it", "nl", "eu", "io"])


def email_as_said(address: str) -> str:
    """`jane.doe@example.com` as "jane dot doe at example dot com"."""
    local, _, domain = address.partition("@")
    return f"{_pieces_as_said(local)} at {domain_as_said(domain)}"


def email_spelled(address: str) -> str:
    """The part before the at sign letter by letter, the domain as it is called."""
    local, _, domain = address.lower().partition("@")
    letters = ", ".join(_SIGNS.get(character, character.upper()) for character in local)
    return f"{letters}, at {domain_as_said(domain)}"


def email_in_alphabet(address: str) -> str:
    """Every letter before the at sign with a word that makes it clear."""
    local, _, domain = address.lower().partition("@")
    letters = (
        f"{character.upper()} as in {WORD_OF_LETTER[character]}"
        if character in WORD_OF_LETTER
        else _SIGNS.get(character, character)
        for character in local
    )
    name, dot, ending = domain.partition(".")
    return f"{', '.join(letters)}, at {', '.join(name.upper())}, {domain_as_said(dot + ending)}"


def domain_as_said(domain: str) -> str:
    """`example.co.uk` as "example dot co dot U K"."""
    labels = [
        " ".join(label.upper()) if label in _READ_AS_LETTERS else _pieces_as_said(label)
        for label in domain.lower().split(".")
    ]
    return " dot ".join(labels).strip()


def web_address_as_said(address: str) -> str:
    """`https://www.example.com/help?x=1` as "example dot com slash help"; what nobody can type by ear is left out."""
    bare = re.sub(r"^(?:https?://)?(?:www\.)?", "", address, flags=re.IGNORECASE).partition("?")[0].partition("#")[0]
    host, _, path = bare.rstrip("/").partition("/")
    said = domain_as_said(host)
    parts = [part for part in path.split("/") if part]
    return said + "".join(f" slash {_pieces_as_said(part)}" for part in parts[:2] if len(part) <= 30)


def number_as_said(number: str) -> str:
    """A telephone number in groups, digit by digit: "plus 1, 2 0 2, 5 5 5, 0 1 9 9"."""
    groups = re.findall(r"\d+", number)
    if len(groups) == 1:
        digits = groups[0]
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    said = ", ".join(" ".join(group) for group in groups)
    return f"plus {said}" if number.startswith("+") else said


def _pieces_as_said(text: str) -> str:
    return " ".join(_SIGNS.get(piece, piece) for piece in _PIECES.findall(text))
