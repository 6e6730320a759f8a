"""Tickets wait in line while the help desk is away or has had enough, and go in their order when it answers again.

All worker processes share one gate. While it is closed nobody asks the help desk, except one ticket at a time that
knocks; the others are told when to come back, the oldest first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Protocol
from uuid import UUID

from shared.errors import Away, Busy, Permanent, Transient

KNOCK_AGAIN_S = 2.0
"""Seconds until a ticket that knocked in vain tries again."""


class Waiting(Busy):
    """The help desk is left alone for now; `retry_after` is when this ticket's turn may come."""


class Entry(Enum):
    """How somebody may go in."""

    FREE = auto()
    KNOCK = auto()
    """The gate is closed and this is the one who tries."""
    OVERDUE_KNOCK = auto()
    """The same by a ticket that has waited long: failures count as tries, so that people hear of it in the end."""


class Gate(Protocol):
    """Whether the help desk is asked at present: one answer for all processes."""

    def enter(self, ticket_id: UUID) -> Entry:
        """Ask to go in. Raises Waiting."""
        ...

    def close(self, for_s: float | None) -> None:
        """The help desk cannot be asked, for so many seconds when it said so."""
        ...

    def open(self) -> None:
        """The one who knocked was answered."""
        ...


class Line:
    """Takes tickets to the help desk through the gate."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    @contextmanager
    def turn(self, ticket_id: UUID) -> Iterator[None]:
        """Work with the help desk for this ticket. Raises Waiting before anything is asked."""
        entry = self._gate.enter(ticket_id)
        try:
            yield
        except Away as error:
            self._gate.close(error.retry_after)
            if entry is Entry.KNOCK:
                # it stays first in line, and a short outage uses up nobody's tries
                raise Waiting(error.detail, error.retry_after or KNOCK_AGAIN_S) from error
            raise
        except Transient:
            if entry is not Entry.FREE:
                self._gate.close(None)  # says nothing about the help desk: the next one knocks
            raise
        except Permanent:
            self._answered(entry)
            raise
        self._answered(entry)

    def _answered(self, entry: Entry) -> None:
        if entry is not Entry.FREE:
            self._gate.open()
