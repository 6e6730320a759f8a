"""The numbered turns of one call, as the record keeps them."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.voice.record.notes import TurnNote
from services.voice.session.speaking import Speaking
from shared.clock import Clock
from shared.contracts.conversations import Speaker


class Turns:
    """Numbers what is said and gives it its times."""

    def __init__(self, first: int, clock: Clock) -> None:
        self._next = first
        self._clock = clock

    def number(self) -> int:
        """The number of a new turn."""
        number = self._next
        self._next += 1
        return number

    def of_caller(self, text: str, phase: str, began_at: float, spoken_until: float) -> TurnNote:
        """What the caller said, between two moments of the monotonic clock."""
        return TurnNote(
            number=self.number(),
            speaker=Speaker.CALLER,
            text=text,
            heard=text,
            phase=phase,
            started_at=self._time_of(min(began_at, spoken_until)),
            ended_at=self._time_of(spoken_until),
        )

    def of_assistant(self, speaking: Speaking, heard: str, stages_ms: dict[str, float], began_at: float) -> TurnNote:
        """What we said, and how much of it was heard."""
        provenance = speaking.reply.provenance
        return TurnNote(
            number=speaking.turn,
            speaker=Speaker.ASSISTANT,
            text=speaking.text,
            heard=heard,
            interrupted=speaking.interrupted,
            phase=provenance.phase,
            started_at=self._time_of(began_at),
            ended_at=self._clock.now(),
            stages_ms=stages_ms,
            sources=provenance.sources,
            origin=provenance.origin.value,
            level=provenance.level,
        )

    def _time_of(self, moment: float) -> datetime:
        """The time of day of a moment of the monotonic clock."""
        return self._clock.now() - timedelta(seconds=self._clock.monotonic() - moment)
