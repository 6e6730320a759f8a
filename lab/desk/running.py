"""The stack that runs from this folder, as other commands find it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.stack.place import Place, running_places


class NotRunning(Exception):
    """No stack runs from this folder."""


@dataclass(frozen=True)
class RunningStack:
    """What a running stack has published."""

    place: Place
    process: int
    addresses: dict[str, str]
    api_key: str
    stood_in: tuple[str, ...]
    environment: dict[str, str]

    @property
    def has_lab_phone(self) -> bool:
        """Whether its telephone network is the lab's, so that calls can be placed."""
        return "Twilio" in self.stood_in


def newest() -> RunningStack:
    """The stack that was started last. Raises NotRunning with what to type."""
    for place in running_places():
        if (published := place.read_addresses()) is not None:
            return _of(place, published)
    raise NotRunning("nothing runs from this folder: start it with `make demo` or `make up`")


def _of(place: Place, published: dict[str, Any]) -> RunningStack:
    return RunningStack(
        place=place,
        process=published["process"],
        addresses=published["addresses"],
        api_key=published["api_key"],
        stood_in=tuple(published["stood_in"]),
        environment=published["environment"],
    )
