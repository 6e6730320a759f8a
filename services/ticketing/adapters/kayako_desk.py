"""Kayako as the help desk: internal notes only, the marker in the create call, look-ups in three ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from services.ticketing.adapters.kayako_people import KayakoPeople
from services.ticketing.adapters.kayako_tables import KayakoTables
from services.ticketing.application.ports import Case, CaseGone, DraftRefused, RequesterGone
from services.ticketing.domain.draft import DUPLICATE, MARKERS, OURS, Note, TicketDraft, mentions
from services.ticketing.domain.probe import CALL_FIELD
from services.ticketing.domain.requester import Person
from shared.clients.kayako import KayakoClient
from shared.clients.kayako_capabilities import UNKNOWN, Capabilities
from shared.clients.kayako_envelope import Row
from shared.clients.kayako_errors import FieldRefused, NoSuchResource, Refused
from shared.clock import Clock
from shared.observability.logs import get_logger
from shared.settings import KayakoSettings

log = get_logger(__name__)

NOTE = "NOTE"
"""The only channel on which nothing is mailed to the customer."""
WITH_TAGS = "+tags"
"""Tags are left out of answers unless asked for."""
RECENT = 20
"""Newest cases of a requester that are looked through."""
READ_THROUGH = 5
"""Cases without any marker whose posts are read for the reference line."""
POSTS = 100
ACTIVE = "ACTIVE"


class KayakoDesk:
    """Implements `HelpDesk`."""

    def __init__(
        self, client: KayakoClient, settings: KayakoSettings, clock: Clock, capabilities: Capabilities = UNKNOWN
    ) -> None:
        self._client = client
        self._capabilities = capabilities
        self._base = settings.kayako_url
        self._team = settings.kayako_default_team
        self._tables = KayakoTables(client, clock)
        self._people = KayakoPeople(client, self._tables)

    def find_case(self, marker: str, requester_id: int | None, *, thorough: bool) -> Case | None:
        listed = self._client.get("cases", tags=marker, fields=WITH_TAGS, limit=RECENT).rows
        if found := self._oldest(row for row in listed if self._carries(row, marker)):
            return found
        if not thorough and self._capabilities.filters_by_tag is not False:
            return None
        if requester_id is not None and (found := self._among_requesters_cases(marker, requester_id)):
            return found
        return self._searched(marker)

    def _among_requesters_cases(self, marker: str, requester_id: int) -> Case | None:
        try:
            recent = self._client.get(f"users/{requester_id}/cases", limit=RECENT, fields=WITH_TAGS).rows
        except NoSuchResource:
            return None
        if found := self._oldest(row for row in recent if marker in _tags(row)):
            return found
        unmarked = [row for row in recent if not any(tag.startswith(MARKERS) for tag in _tags(row))]
        return self._oldest(row for row in unmarked[:READ_THROUGH] if self._refers_to(row, marker))

    def _searched(self, marker: str) -> Case | None:
        rows = self._client.get("search", query=f"'{marker}'", resources="CASES", limit=RECENT).rows
        ids = [int((row.get("data") or {}).get("id") or row["id"]) for row in rows]
        cases = (self._client.get(f"cases/{case_id}", fields=WITH_TAGS).row for case_id in ids[:READ_THROUGH])
        return self._oldest(row for row in cases if self._carries(row, marker))

    def _carries(self, row: Row, marker: str) -> bool:
        """Whether the case is the marker's: a help desk that ignores a filter must not hand us a stranger's case."""
        return marker in _tags(row) or ("tags" not in row and self._refers_to(row, marker))

    def _refers_to(self, row: Row, marker: str) -> bool:
        return any(mentions(marker, str(post.get("contents", ""))) for post in self._posts(int(row["id"])))

    def _posts(self, case_id: int) -> list[Row]:
        return self._client.get(f"cases/{case_id}/posts", filters="MESSAGES,NOTES", limit=POSTS).rows

    def _oldest(self, rows: Iterable[Row]) -> Case | None:
        """The lowest id, cases in the trash last: what an agent removed is found too, and not made again."""
        ranked = sorted((row.get("state", ACTIVE) != ACTIVE, int(row["id"])) for row in rows)
        return self._case(ranked[0][1]) if ranked else None

    def _case(self, case_id: int) -> Case:
        """The address is the one of the agents' web application, as tenants show it; not documented by Kayako."""
        return Case(case_id, f"{self._base}/agent/conversations/{case_id}")

    def find_requester(self, person: Person) -> int | None:
        return self._people.find(person)

    def create_requester(self, person: Person) -> int:
        return self._people.create(person)

    def create_case(self, draft: TicketDraft, requester_id: int, *, bare: bool) -> Case:
        body: dict[str, object] = {
            "subject": draft.subject,
            "contents": draft.first_post,
            "channel": NOTE,
            "channel_options": {"html": True},
            "requester_id": requester_id,
            "tags": ",".join(draft.tags),
        }
        if self._capabilities.form_id is not None:
            body["form_id"] = self._capabilities.form_id
        if not bare:
            body.update(self._optional(draft))
        try:
            return self._case(self._client.post("cases", body).created_id)
        except FieldRefused as error:
            self._tables.forget()
            if "requester_id" in error.fields:
                raise RequesterGone(error.detail) from error
            raise DraftRefused(error.detail, optional_parts=not bare) from error
        except Refused as error:
            raise DraftRefused(error.detail, optional_parts=False) from error

    def _optional(self, draft: TicketDraft) -> dict[str, object]:
        chosen: dict[str, object] = {
            "status_id": self._tables.status(draft.status),
            "priority_id": self._tables.priority(draft.priority),
            "type_id": self._tables.type(draft.type),
            "assigned_team_id": self._tables.team(self._team) if self._team else None,
            "field_values": {CALL_FIELD: draft.marker} if self._capabilities.has_call_field else None,
        }
        return {name: value for name, value in chosen.items() if value is not None}

    def is_open(self, case: Case, requester_id: int) -> bool:
        try:
            row = self._client.get(f"cases/{case.id}").row
        except NoSuchResource:
            return False
        return (
            row.get("state", ACTIVE) == ACTIVE
            and not row.get("is_merged")
            and (row.get("requester") or {}).get("id") == requester_id
            and self._tables.means_open((row.get("status") or {}).get("id"))
        )

    def mark(self, case: Case, marker: str) -> None:
        """Best effort: the note's last line names the marker in any case."""
        try:
            self._client.post(f"cases/{case.id}/tags", {"tags": marker})
        except Refused as error:
            log.warning("case_not_marked", case_id=case.id, error_code=error.code)

    def has_note(self, case: Case, client_id: str) -> bool:
        with _words_of_the_desk():
            posts = self._posts(case.id)
        return any(
            post.get("client_id") == client_id or mentions(client_id, str(post.get("contents", ""))) for post in posts
        )

    def add_note(self, case: Case, note: Note) -> None:
        body = {
            "contents": note.html,
            "channel": NOTE,
            "channel_options": {"html": True},
            "client_id": note.client_id,
        }
        with _words_of_the_desk():
            self._client.post(f"cases/{case.id}/reply", body)

    def cases_by_marker(self, since: datetime) -> dict[str, list[Case]]:
        found: dict[str, list[Case]] = {}
        for row in self._changed_since(since):
            tags = _tags(row)
            if row.get("state", ACTIVE) != ACTIVE or DUPLICATE in tags:
                continue
            for marker in (tag for tag in tags if tag.startswith(MARKERS)):
                found.setdefault(marker, []).append(self._case(int(row["id"])))
        return {marker: sorted(cases, key=lambda case: case.id) for marker, cases in found.items()}

    def _changed_since(self, since: datetime) -> Iterator[Row]:
        """Cases of ours; Kayako lists the one that changed last first."""
        for page in self._client.pages("cases", tags=OURS, fields=WITH_TAGS):
            yield from page.rows
            if any(datetime.fromisoformat(str(row["updated_at"])) < since for row in page.rows):
                return

    def retire(self, duplicates: Sequence[Case], keep: Case) -> None:
        for duplicate in duplicates:
            try:
                self._client.put(f"cases/{duplicate.id}/trash")
            except Refused:
                self._close(duplicate)
            client_id = f"duplicate:{duplicate.id}"
            text = f"<p>A fault had made this case twice. Case {duplicate.id} was taken away; this one stays.</p>"
            if not self.has_note(keep, client_id):
                self.add_note(keep, Note.of(client_id, text))

    def _close(self, duplicate: Case) -> None:
        """Where the trash is not allowed: closed, and tagged so that nobody counts it again."""
        tags = _tags(self._client.get(f"cases/{duplicate.id}", fields=WITH_TAGS).row)
        changes: dict[str, object] = {"tags": ",".join([*tags, DUPLICATE])}
        if (closed := self._tables.closed()) is not None:
            changes["status_id"] = closed
        self._client.put(f"cases/{duplicate.id}", changes)


def _tags(row: Row) -> list[str]:
    """The case's tags in lower case: business rules of a tenant may have changed them."""
    return [str(tag.get("name", "")).lower() for tag in row.get("tags") or [] if isinstance(tag, dict)]


@contextmanager
def _words_of_the_desk() -> Iterator[None]:
    """Refusals of a case's notes, as the room knows them."""
    try:
        yield
    except NoSuchResource as error:
        raise CaseGone("the case was removed in the help desk") from error
    except Refused as error:
        raise DraftRefused(error.detail, optional_parts=False) from error
