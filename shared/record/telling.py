"""How turns are written: each once, and the latest word about each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy.dialects.postgresql import insert

from shared.database.models import Turn

_LONGER: Final = ("text", "heard", "interrupted", "ended_at", "stages_ms", "sources", "origin")
"""What changes while a turn is being spoken: it is noted sentence by sentence, and each note says more."""
_TOLD = insert(Turn)
TELL: Final = _TOLD.on_conflict_do_update(
    index_elements=[Turn.conversation_id, Turn.number],
    set_={name: _TOLD.excluded[name] for name in _LONGER},
    where=_TOLD.excluded.ended_at > Turn.ended_at,
)
"""To be executed with rows of which no two are the same turn."""


def latest(turns: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of each turn the last of its rows: a statement may not write a row twice."""
    return list({turn["number"]: turn for turn in turns}.values())
