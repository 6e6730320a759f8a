"""What a caller makes of what they hear, by patterns on the last sentences: simple, and visible here."""

from __future__ import annotations

import re
from enum import StrEnum


class Asked(StrEnum):
    """What somebody on the other end has just said or asked."""

    GOODBYE = "says goodbye"
    READ_BACK = "reads something back"
    EMAIL = "asks for the e-mail address"
    NAME = "asks for the name"
    AGAIN = "did not catch it"
    PRESENCE = "asks whether I am there"
    MORE = "asks whether there is anything else"
    DETAILS = "asks for details"
    OPENING = "asks how to help"
    TRANSFER = "puts me through"
    STATEMENT = "tells me something"


_PATTERNS: tuple[tuple[Asked, str], ...] = (
    (Asked.GOODBYE, r"\b(good ?bye|bye)\b"),
    (Asked.TRANSFER, r"\b(put you through|connect you|transfer you)\b"),
    (Asked.READ_BACK, r"\bis (that|it|this)( now)? (right|correct)|did i get (that|it) right|(right|correct) now\?"),
    (Asked.EMAIL, r"\be-?mail\b.*\?|\bspell (your|it|that)\b|as in alpha|\band the rest\?|\bsay it slowly\b"),
    (Asked.NAME, r"\byour (full )?name\b[^.]*\?"),
    (Asked.PRESENCE, r"\bare you (still )?there\b|please say something"),
    (
        Asked.AGAIN,
        r"n.t (quite )?(get|catch|hear|understand)|make out|say (it|that) again|in other words|one short sentence",
    ),
    (Asked.AGAIN, r"trouble understanding|\brepeat\b|\bpardon\b"),
    (Asked.MORE, r"\banything else\b|\bwhat else\b"),
    (Asked.DETAILS, r"what is it about|which (product|service)|what happens|tell me more|more details"),
    (Asked.OPENING, r"how (can|may) i help|what can i do for you|what you need help with|go ahead"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
LAST_SENTENCES = 2


def asked(heard: str) -> Asked:
    """What the end of a turn amounts to."""
    tail = " ".join(_SENTENCE_END.split(heard.strip())[-LAST_SENTENCES:]).lower()
    return next((kind for kind, pattern in _PATTERNS if re.search(pattern, tail)), Asked.STATEMENT)
