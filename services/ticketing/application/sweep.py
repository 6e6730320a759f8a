"""Compares our ledger with the help desk on a schedule, and mends what a crash or a help desk that lies left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.ticketing.application.ports import Case, HelpDesk, Ledger
from shared.clock import Clock
from shared.observability.logs import get_logger

log = get_logger(__name__)

LOOK_BACK = timedelta(hours=24)
STILL_FOR = timedelta(minutes=10)
"""A ticket that waits has a task in the queue or a live lease; one that nobody has
touched for so long has lost both. Longer than the longest wait between two tries."""


SETTLED = timedelta(minutes=10)
"""A case that was made so long ago shows in every list."""
MOST_LOOKED_FOR = 20
"""Cases of open tickets that a list did not show, looked for one by one; the next sweep takes the others."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep found."""

    duplicates: int
    """Cases that should not have been: must stay 0."""
    requeued: int
    unnoticed: int
    """Cases that stand and whose tickets do not know; queued again."""
    strangers: int
    """Cases with a marker that is not in the ledger."""
    missing: int
    """Open tickets whose case the help desk does not know at all."""


class Sweep:
    """Merges doubled cases and queues forgotten tickets again. Raises Transient when the help desk cannot be asked."""

    def __init__(self, ledger: Ledger, help_desk: HelpDesk, clock: Clock, still_for: timedelta = STILL_FOR) -> None:
        self._ledger = ledger
        self._help_desk = help_desk
        self._clock = clock
        self._still_for = still_for

    def run(self) -> Swept:
        """One sweep. The help desk is asked first: while it is away, nothing is queued for it."""
        by_marker = self._help_desk.cases_by_marker(self._clock.now() - LOOK_BACK)
        duplicates = self._merge_duplicates(by_marker)
        strangers = self._strangers(by_marker)
        missing = self._missing(by_marker)
        unnoticed = self._ledger.requeue_unnoticed(by_marker)
        requeued = self._ledger.requeue_stuck(self._still_for)
        for ticket_id in (*unnoticed, *requeued):
            log.warning("ticket_requeued", ticket_id=str(ticket_id))
        return Swept(duplicates, len(requeued), len(unnoticed), strangers, missing)

    def _strangers(self, by_marker: Mapping[str, Sequence[Case]]) -> int:
        unknown = set(by_marker) - self._ledger.known_markers(by_marker)
        for marker in unknown:
            log.warning("case_without_ticket", case_id=by_marker[marker][0].id)
        return len(unknown)

    def _missing(self, by_marker: Mapping[str, Sequence[Case]]) -> int:
        """A list that changes while it is read leaves rows out: what it did not show is looked for."""
        now = self._clock.now()
        opened = self._ledger.opened_between(now - LOOK_BACK, now - SETTLED)
        unseen = [one for one in opened if one.marker not in by_marker][:MOST_LOOKED_FOR]
        missing = [
            one for one in unseen if self._help_desk.find_case(one.marker, one.requester_id, thorough=True) is None
        ]
        for one in missing:
            log.error("ticket_without_case", ticket_id=str(one.ticket_id))
        return len(missing)

    def _merge_duplicates(self, by_marker: Mapping[str, Sequence[Case]]) -> int:
        """Keep the oldest case of each marker and retire the others."""
        doubled = {marker: cases for marker, cases in by_marker.items() if len(cases) > 1}
        ours = self._ledger.case_ids(doubled)
        for marker, (keep, *others) in doubled.items():
            log.error("case_doubled", case_id=keep.id, count=len(others))
            self._help_desk.retire(others, keep)
            if marker in ours and ours[marker] != keep.id:
                self._ledger.move_to(marker, keep)
        return sum(len(cases) - 1 for cases in doubled.values())
