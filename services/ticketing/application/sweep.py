"""Compares our ledger with the help desk on a schedule, and mends what a crash or a help desk that lies left behind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.ticketing.application.ports import HelpDesk, Ledger
from shared.clock import Clock
from shared.observability.logs import get_logger

log = get_logger(__name__)

LOOK_BACK = timedelta(hours=24)
STILL_FOR = timedelta(minutes=10)
"""A ticket that waits has a task in the queue or a live lease; one that nobody has
touched for so long has lost both. Longer than the longest wait between two tries."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found."""

    duplicates: int
    """Cases that should not have been: must stay 0."""
    requeued: int


class Sweep:
    """Merges doubled cases and queues forgotten tickets again. Raises Transient when the help desk cannot be asked."""

    def __init__(self, ledger: Ledger, help_desk: HelpDesk, clock: Clock, still_for: timedelta = STILL_FOR) -> None:
        self._ledger = ledger
        self._help_desk = help_desk
        self._clock = clock
        self._still_for = still_for

    def run(self) -> Swept:
        """One sweep. The help desk is asked first: while it is away, nothing is queued for it."""
        duplicates = self._merge_duplicates()
        requeued = self._ledger.requeue_stuck(self._still_for)
        for ticket_id in requeued:
            log.warning("ticket_requeued", ticket_id=str(ticket_id))
        return Swept(duplicates, len(requeued))

    def _merge_duplicates(self) -> int:
        """Keep the oldest case of each marker and retire the others."""
        by_marker = self._help_desk.cases_by_marker(self._clock.now() - LOOK_BACK)
        doubled = {marker: cases for marker, cases in by_marker.items() if len(cases) > 1}
        ours = self._ledger.case_ids(doubled)
        for marker, (keep, *others) in doubled.items():
            log.error("case_doubled", case_id=keep.id, count=len(others))
            self._help_desk.retire(others, keep)
            if marker in ours and ours[marker] != keep.id:
                self._ledger.move_to(marker, keep)
        return sum(len(cases) - 1 for cases in doubled.values())
