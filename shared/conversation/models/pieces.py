"""Joins a model's tokens into pieces worth handing on.

Every piece costs each layer above it, and is only waited for when it may complete a sentence. So what has a sign in it
is handed on at once, and what follows a sign, which decides whether that was an end; mere words are kept together.
"""

from __future__ import annotations

import re
from typing import Final

AT_ONCE: Final = 100
"""Characters in the beginning of an answer that are handed on as they come: its first sentence may be cut anywhere."""
LONGEST: Final = 24
"""Characters of mere words that are kept together: about 80 ms of a fast model's writing, a second of speech."""
_SIGN: Final = re.compile(r"[^\w\s]|\n")


class Pieces:
    """What has come of one answer and was not handed on yet."""

    def __init__(self) -> None:
        self._kept = ""
        self._total = 0
        self._after_sign = False

    def take(self, text: str) -> list[str]:
        """The pieces to hand on now. A sign stays a piece of its own when it came as one."""
        if not text:
            return []
        has_sign = _SIGN.search(text) is not None
        at_once = has_sign or self._after_sign or self._total < AT_ONCE
        self._after_sign = has_sign
        self._total += len(text)
        if at_once:
            return [*self.rest(), text]
        self._kept += text
        return self.rest() if len(self._kept) >= LONGEST else []

    def rest(self) -> list[str]:
        """What was kept back."""
        kept, self._kept = self._kept, ""
        return [kept] if kept else []
