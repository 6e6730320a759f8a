"""Kayako's look-up tables: statuses, priorities, types, roles, teams. Ids differ per tenant; meanings do not."""

from __future__ import annotations

from collections.abc import Callable

from services.ticketing.domain.draft import CaseStatus, CaseType
from shared.clients.kayako import KayakoClient
from shared.clients.kayako_envelope import Row
from shared.clock import Clock
from shared.contracts.conversations import Priority

FRESH_S = 600.0
"""How long a table is believed."""
LEVELS: dict[Priority, int] = {Priority.LOW: 1, Priority.NORMAL: 2, Priority.HIGH: 3, Priority.URGENT: 4}
CLOSED = "CLOSED"
OPEN = ("NEW", "OPEN", "PENDING")
CUSTOMER = "CUSTOMER"


class KayakoTables:
    """Looks ids up by meaning; None where the tenant has no such entry, and its own default then applies."""

    def __init__(self, client: KayakoClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._tables: dict[str, tuple[float, list[Row]]] = {}

    def forget(self) -> None:
        """Read every table again at its next use: an id of ours was refused."""
        self._tables.clear()

    def status(self, status: CaseStatus) -> int | None:
        """The status of this type."""
        return self._find("cases/statuses", lambda row: row.get("type") == status.value)

    def means_open(self, status_id: object) -> bool:
        """Whether agents still work on cases of this status; a status of the tenant's own making does not say."""
        return any(row.get("id") == status_id and row.get("type") in OPEN for row in self._rows("cases/statuses"))

    def closed(self) -> int | None:
        """The status that ends a case for good."""
        return self._find("cases/statuses", lambda row: row.get("type") == CLOSED)

    def priority(self, priority: Priority) -> int | None:
        """The priority of this level."""
        return self._find("cases/priorities", lambda row: row.get("level") == LEVELS[priority])

    def type(self, case_type: CaseType) -> int | None:
        """The case type of this type."""
        return self._find("cases/types", lambda row: row.get("type") == case_type.value)

    def customer_role(self) -> int | None:
        """The role of people who are no staff."""
        return self._find("roles", lambda row: row.get("type") == CUSTOMER)

    def team(self, title: str) -> int | None:
        """The team of this name."""
        return self._find("teams", lambda row: str(row.get("title", "")).casefold() == title.casefold())

    def _find(self, table: str, fits: Callable[[Row], bool]) -> int | None:
        for row in self._rows(table):
            if fits(row) and not row.get("is_deleted") and isinstance(row.get("id"), int):
                return int(row["id"])
        return None

    def _rows(self, table: str) -> list[Row]:
        now = self._clock.monotonic()
        read_at, rows = self._tables.get(table, (0.0, []))
        if not rows or now - read_at > FRESH_S:
            rows = [row for page in self._client.pages(table) for row in page.rows]
            self._tables[table] = now, rows
        return rows
