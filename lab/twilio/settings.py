"""The account, its numbers, and who answers other numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.speech.encoder import CHARACTERS_A_SECOND
from lab.twilio.people import Briefed, Colleague, Machine, Person

DETECTED_S = 2.4
"""Speech that goes on so long is a machine's: Twilio's default threshold."""
Outcome = Literal["completed", "busy", "no-answer", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumber:
    """How one of the account's numbers is configured."""

    voice_url: str
    voice_method: str = "POST"
    fallback_url: str | None = None
    fallback_method: str = "POST"
    status_callback: str | None = None
    status_method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Callee:
    """What happens when this number is called."""

    outcome: Outcome = "completed"
    answers_after_s: float = 2.0
    """Seconds of ringing, before any outcome."""
    talks_for_s: float = 4.0
    says: str = "Hello, this is a colleague. How can I help?"
    picks_up: Literal["human", "machine", "fax", "unknown"] = "human"
    presses: str | None = None
    """The key they press when they are told to press 1 to take a call."""
    make_person: Callable[[], Person] | None = None
    """Somebody else than the colleague who says one thing and hangs up."""

    def person(self) -> Person:
        """Whoever picks up."""
        if self.make_person:
            return self.make_person()
        if self.picks_up == "machine":
            return Machine(self.says)
        colleague = Colleague(self.says, self.talks_for_s)
        return Briefed(self.presses, colleague) if self.presses else colleague

    def detected(self, *, message_end: bool) -> tuple[str, float]:
        """What machine detection says, and after how many seconds from the answer; DETECTED_S are Twilio's usual."""
        if self.picks_up != "machine":
            return self.picks_up, DETECTED_S
        greeting_s = len(self.says) / CHARACTERS_A_SECOND
        return ("machine_end_beep", greeting_s + 0.5) if message_end else ("machine_start", DETECTED_S)


NOBODY = Callee(outcome="no-answer", answers_after_s=float("inf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSettings:
    """One telephone network."""

    account_sid: str
    auth_token: str
    numbers: Mapping[str, PhoneNumber]
    """The account's numbers, in E.164."""
    callees: Mapping[str, Callee] = field(default_factory=dict)
    """Everybody else who can be reached; nobody answers any other number."""
    api_keys: Mapping[str, str] = field(default_factory=dict)
    """Secrets by key SID, accepted beside the account's own credentials."""
    speed: float = 1.0
    """How much faster than the wall clock calls run. Deadlines of webhooks stay on the wall clock."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where to really connect for an origin such as `https://support.example`, as a tunnel would. Signatures are made
    for the address as the platform wrote it."""
    api_url: str = "https://api.twilio.com"
    """Where this network's REST interface is reached; recordings are announced below it."""
    connect_action_after_hangup: bool = True
    """Whether `<Connect action>` is requested when the caller hung up. Twilio documents it for relay sessions and is
    silent about streams."""
    connect_s: float = 5.0
    """Wall-clock seconds to open a connection, webhook or stream."""
    response_s: float = 15.0
    """Wall-clock seconds for a webhook's answer, the connection included."""
    most_records: int = 1000
    """Calls remembered after they ended."""

    def callee(self, number: str) -> Callee:
        """Who answers this number."""
        return self.callees.get(number, NOBODY)
