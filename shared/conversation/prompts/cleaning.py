"""Makes foreign text harmless as part of a prompt: nothing invisible, no chat-template tokens. Pure."""

from __future__ import annotations

import re
import unicodedata

_TEMPLATE_TOKEN = re.compile(r"<\|[^|>\n]{0,80}\|>|\[/?INST\]|<</?SYS>>|</?s>", re.IGNORECASE)
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})


def harmless(text: str) -> str:
    """`text` in composed form with only what a reader can see."""
    composed = unicodedata.normalize("NFC", text)
    seen = "".join(letter for letter in composed if letter in "\n\t" or unicodedata.category(letter) not in _HIDDEN)
    return _TEMPLATE_TOKEN.sub(" ", seen)
