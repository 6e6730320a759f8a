"""What every resource of the API has in common."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from lab.kayako.output import Address, Body, Reference

FIRST_IDS = {"case": 1841, "post": 5521, "note": 311, "case_message": 880, "user": 412, "identity_email": 77}
"""Where numbering begins, so that no id of one kind can be mistaken for one of another."""
FIRST_OTHER_ID = 31
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
"""When the tenant was set up: the age of its look-up tables."""


class Numbers:
    """Hands out ids, one sequence per kind, never the same twice."""

    def __init__(self) -> None:
        self._next: dict[str, Iterator[int]] = {}
        self._taken: set[tuple[str, int]] = set()

    def take(self, kind: str) -> int:
        """The next free id."""
        sequence = self._next.setdefault(kind, itertools.count(FIRST_IDS.get(kind, FIRST_OTHER_ID)))
        number = next(number for number in sequence if (kind, number) not in self._taken)
        self._taken.add((kind, number))
        return number

    def reserve(self, kind: str, number: int) -> None:
        """Keep an id that comes from elsewhere from being given again."""
        self._taken.add((kind, number))


def timestamp(moment: datetime) -> str:
    """ISO 8601 with an offset, in whole seconds, as Kayako writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


@dataclass(kw_only=True)
class Resource:
    """A thing with an id, a type and an address."""

    kind: ClassVar[str]
    path: ClassVar[str]

    id: int
    created_at: datetime = LONG_AGO
    updated_at: datetime = field(default=LONG_AGO)

    @property
    def reference(self) -> Reference:
        """A mention of this resource."""
        return Reference(self.kind, self.id)

    def fields(self) -> Body:
        """The fields of its own."""
        raise NotImplementedError

    def body(self) -> Body:
        """All of it."""
        return {
            "id": self.id,
            **self.fields(),
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
            "resource_type": self.kind,
            "resource_url": Address(f"{self.path}/{self.id}"),
        }
