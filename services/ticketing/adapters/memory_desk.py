"""A help desk in memory: the same promises as Kayako's adapter, for tests of what stands on top of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.ticketing.application.ports import Case, CaseGone
from services.ticketing.domain.draft import MARKERS, CaseStatus, Note, TicketDraft
from services.ticketing.domain.requester import Person, same_address, same_number
from shared.clock import Clock


@dataclass
class MemoryCase:
    """A case and what is written on it."""

    id: int
    draft: TicketDraft
    requester_id: int
    changed_at: datetime
    notes: dict[str, str] = field(default_factory=dict)
    """HTML by client id, in the order they were added."""
    in_trash: bool = False


class MemoryDesk:
    """Implements `HelpDesk`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.cases: dict[int, MemoryCase] = {}
        self.people: dict[int, Person] = {}

    def find_case(self, marker: str, requester_id: int | None, *, thorough: bool) -> Case | None:  # noqa: ARG002
        ranked = sorted((case.in_trash, case.id) for case in self.cases.values() if marker in case.draft.tags)
        return Case(ranked[0][1], None) if ranked else None

    def find_requester(self, person: Person) -> int | None:
        for number, known in self.people.items():
            if person.email is not None:
                same = known.email is not None and same_address(known.email, person.email)
            elif person.phone is not None:
                same = known.phone is not None and same_number(person.phone, known.phone)
            else:
                same = known == person
            if same:
                return number
        return None

    def create_requester(self, person: Person) -> int:
        number = len(self.people) + 1
        self.people[number] = person
        return number

    def create_case(self, draft: TicketDraft, requester_id: int, *, bare: bool) -> Case:  # noqa: ARG002
        case = MemoryCase(len(self.cases) + 1, draft, requester_id, self._clock.now())
        self.cases[case.id] = case
        return Case(case.id, None)

    def is_open(self, case: Case, requester_id: int) -> bool:
        standing = self.cases.get(case.id)
        return (
            standing is not None
            and not standing.in_trash
            and standing.requester_id == requester_id
            and standing.draft.status is not CaseStatus.COMPLETED
        )

    def mark(self, case: Case, marker: str) -> None:
        standing = self._standing(case)
        standing.draft = replace(standing.draft, tags=tuple(dict.fromkeys([*standing.draft.tags, marker])))

    def has_note(self, case: Case, client_id: str) -> bool:
        return client_id in self._standing(case).notes

    def add_note(self, case: Case, note: Note) -> None:
        standing = self._standing(case)
        standing.notes[note.client_id] = note.html
        standing.changed_at = self._clock.now()

    def _standing(self, case: Case) -> MemoryCase:
        if (found := self.cases.get(case.id)) is None:
            raise CaseGone("the case was removed in the help desk")
        return found

    def cases_by_marker(self, since: datetime) -> dict[str, list[Case]]:
        found: dict[str, list[Case]] = {}
        for case in self.cases.values():
            if case.in_trash or case.changed_at < since:
                continue
            for marker in (tag for tag in case.draft.tags if tag.startswith(MARKERS)):
                found.setdefault(marker, []).append(Case(case.id, None))
        return found

    def retire(self, duplicates: Sequence[Case], keep: Case) -> None:
        for duplicate in duplicates:
            self.cases[duplicate.id].in_trash = True
            self.add_note(keep, Note.of(f"duplicate:{duplicate.id}", "<p>There were two of this case.</p>"))
