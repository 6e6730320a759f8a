"""The transcript as internal notes: who said what and when, as it was heard."""

from __future__ import annotations

from collections.abc import Iterator

from services.ticketing.domain.conversation import Conversation, Said
from services.ticketing.domain.markup import safe
from shared.contracts.conversations import Speaker

LONGEST_NOTE = 20_000
"""Characters of one note, markup included."""
_ROOM_FOR_FRAME = 300


def write_transcript(conversation: Conversation) -> list[str]:
    """HTML of the notes, without their reference lines; none when nothing was said."""
    parts = list(_parts([_line(conversation, turn) for turn in conversation.turns]))
    return [
        f"<p><b>Transcript{f', part {number} of {len(parts)}' if len(parts) > 1 else ''}</b> "
        f"(what was heard; minutes and seconds from the start)</p>{part}"
        for number, part in enumerate(parts, start=1)
    ]


def _line(conversation: Conversation, turn: Said) -> str:
    seconds = max(0, round((turn.at - conversation.started_at).total_seconds()))
    who = "Caller" if turn.speaker is Speaker.CALLER else "Assistant"
    said = safe(turn.text) if turn.text.strip() else "<i>not heard</i>"
    cut = " <i>[interrupted here]</i>" if turn.cut else ""
    return f"<p>{seconds // 60:02d}:{seconds % 60:02d} <b>{who}:</b> {said}{cut}</p>"


def _parts(lines: list[str]) -> Iterator[str]:
    """Lines together as long as they fit into one note."""
    part: list[str] = []
    size = 0
    for line in lines:
        if part and size + len(line) > LONGEST_NOTE - _ROOM_FOR_FRAME:
            yield "".join(part)
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield "".join(part)
