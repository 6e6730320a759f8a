"""Placing one simulated call, reading along, and finding what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from lab.desk.api import LabDesk, LabPhone, PlatformApi, Row, wait_until
from lab.desk.story import line_of

TICKET_WITHIN_S = 30.0
CLOSED_WITHIN_S = 60.0


class Addressed(Protocol):
    """A running stack, our own or one that another process has published."""

    @property
    def addresses(self) -> Mapping[str, str]: ...
    @property
    def api_key(self) -> str: ...
    @property
    def stood_in(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Desk:
    """The three windows a person at the desk looks through."""

    api: PlatformApi
    phone: LabPhone
    help_desk: LabDesk | None
    """None when the help desk is a real one."""

    @classmethod
    def of(cls, stack: Addressed) -> Desk:
        """The windows of a running stack."""
        lab_kayako = "Kayako" in stack.stood_in
        return cls(
            PlatformApi(stack.addresses["gateway"], stack.api_key),
            LabPhone(stack.addresses["lab_twilio"]),
            LabDesk(stack.addresses["lab_kayako"]) if lab_kayako else None,
        )


@dataclass(frozen=True)
class Outcome:
    """What came of a call."""

    call: Row
    """The platform's record."""
    ended: Row
    """The lab's last event."""
    heard: list[str]
    """What the lab's caller heard."""
    ticket: Row | None


def place(desk: Desk, order: Row, *, aloud: bool) -> Outcome:
    """Place the call, wait for its record to close and its ticket to open. Raises Refused or TooSlow."""
    heard: list[str] = []
    sid, ended = "", {}
    for event in desk.phone.place(order):
        sid = event.get("sid", sid)
        if event["event"] == "Heard":
            heard.append(event["text"])
        if event["event"] == "CallEnded":
            ended = event
        if aloud and (line := line_of(event)) is not None:
            print(line, flush=True)

    def closed() -> Row | None:
        call = desk.api.call(sid)
        return call if call is not None and call["closed_at"] is not None else None

    call = wait_until(closed, CLOSED_WITHIN_S, "the end of the call in the record")

    def opened() -> Row | None:
        ticket: Row | None = (desk.api.call(sid) or {}).get("ticket")
        return ticket if ticket is not None and ticket["state"] in ("open", "parked") else None

    ticket = wait_until(opened, TICKET_WITHIN_S, "the ticket") if call["ticket"] is not None else None
    return Outcome(desk.api.call(sid) or call, ended, heard, ticket)
