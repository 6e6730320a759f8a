"""What is said while an answer is on its way, and when. No clock, no network: moments come in as arguments."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from shared.conversation.acknowledging import choose
from shared.conversation.phrases import Phrase
from shared.observability import metrics

AGAIN_S: Final = 3.0
"""After the first sentence, until we say that we are still there; there is no third."""
WRITING_S: Final = 0.4
"""An answer whose first word is there has its first sentence so soon that it is waited for."""
LOOK_AGAIN_S: Final = 0.1
REMEMBERED: Final = 6
"""Sentences of a call that are not said again soon."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller who has asked something and waits for the answer."""

    meanwhile: Meanwhile
    since: float
    """When their turn was decided, on the call's monotonic clock."""
    kind: Phrase
    """What is being done for them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reply has come."""

    waits_s: float
    """Since the caller's turn was decided, or since we last said something meanwhile."""
    has_sentence: bool
    """A sentence of it is there, so that its sound is about to come."""
    is_written: bool
    """Its first word is there."""
    may_speak: bool
    """Neither the caller nor anything of ours is to be heard."""
    said: int
    """How often something was said meanwhile."""


class Meanwhile:
    """The sentences of one call that fill the time until an answer comes."""

    def __init__(self, language: str, first_s: float) -> None:
        """`first_s`: how long after a turn something is said; 0 never."""
        self.language = language
        """BCP 47, of the conversation at present."""
        self._first_s = first_s
        self._said: deque[str] = deque(maxlen=REMEMBERED)

    def wait_s(self, progress: Progress) -> float | None:
        """Seconds to wait before asking again; 0 to say something now, None when nothing will be said."""
        if progress.has_sentence or progress.said > 1 or not self._first_s:
            return None
        due = AGAIN_S if progress.said else self._first_s
        if progress.is_written:
            due += WRITING_S
        if progress.waits_s < due:
            return due - progress.waits_s
        return 0.0 if progress.may_speak else LOOK_AGAIN_S

    def sentence(self, kind: Phrase) -> str:
        """What to say now."""
        metrics.acknowledgements_total.labels(kind=kind.value).inc()
        text = choose(self.language, kind, self._said)
        self._said.append(text)
        return text
