"""Kayako's users as requesters: found by their exact address or number, created when there is none."""

from __future__ import annotations

from collections.abc import Iterator

from services.ticketing.adapters.kayako_tables import KayakoTables
from services.ticketing.application.ports import DraftRefused
from services.ticketing.domain.requester import Person, same_address, same_number
from shared.clients.kayako import KayakoClient
from shared.clients.kayako_envelope import Row
from shared.clients.kayako_errors import FieldRefused, Refused
from shared.errors import Transient
from shared.observability.logs import get_logger

log = get_logger(__name__)

TAKEN = "FIELD_DUPLICATE"
SEARCHED = 5
"""Candidates of a search that are looked at; each costs a request."""


class KayakoPeople:
    """Finds and creates users. Search and prefix look-ups only give candidates; each is compared in full."""

    def __init__(self, client: KayakoClient, tables: KayakoTables) -> None:
        self._client = client
        self._tables = tables

    def find(self, person: Person) -> int | None:
        """The user with this address; else, without an address, with this number; else with this very name."""
        if person.email is not None:
            return self._with_address(person.email)
        if person.phone is not None:
            return self._with_number(person.phone)
        return next((user_id for user_id, user in self._searched(person.full_name) if _is_named(user, person)), None)

    def create(self, person: Person) -> int:
        """A new user with the person's address and number. Raises DraftRefused, OutcomeUnknown."""
        role = self._tables.customer_role()
        if role is None:
            raise DraftRefused("Kayako has no role of type CUSTOMER for new requesters", optional_parts=False)
        body: dict[str, object] = {"full_name": person.full_name, "role_id": role}
        if person.email is not None:
            body["email"] = person.email
        try:
            user_id = self._client.post("users", body).created_id
        except FieldRefused as error:
            if error.code == TAKEN and person.email is not None and (owner := self._owner(person.email)) is not None:
                return owner
            raise DraftRefused(error.detail, optional_parts=False) from error
        if person.phone is not None:
            self._add_number(user_id, person.phone)
        return user_id

    def _add_number(self, user_id: int, number: str) -> None:
        """Best effort: the ticket names the number in any case."""
        try:
            self._client.post("identities/phones", {"user_id": user_id, "number": number, "is_primary": True})
        except (Refused, Transient) as error:
            log.warning("requester_without_number", subject_id=user_id, error=type(error).__name__)

    def _with_address(self, address: str) -> int | None:
        found = self._client.get("autocomplete/emails", address=address, include="user,identity_email")
        for row in found.rows:
            parent, identity = row.get("parent") or {}, row.get("identity") or {}
            if parent.get("resource_type") != "user":
                continue  # the same look-up lists organisations by their domain
            known = identity.get("email") or self._client.get(f"identities/emails/{identity['id']}").row.get("email")
            if same_address(str(known), address):
                return int(parent["id"])
        return None

    def _owner(self, address: str) -> int | None:
        """Whose address this is, by every way there is: Kayako says that somebody has it."""
        if (found := self._with_address(address)) is not None:
            return found
        for user_id, user in self._searched(address):
            if any(same_address(str(email.get("email", "")), address) for email in user.get("emails", [])):
                return user_id
        return None

    def _with_number(self, number: str) -> int | None:
        """No look-up by number is documented: candidates come from cases with this number and from the search."""
        cases = self._client.get("cases", identity_type="PHONE", identity_value=number, limit=SEARCHED)
        requesters = dict.fromkeys(int(row["requester"]["id"]) for row in cases.rows if row.get("requester"))
        for user_id in list(requesters)[:SEARCHED]:
            if _has_number(self._user(user_id), number):
                return user_id
        return next((user_id for user_id, user in self._searched(number) if _has_number(user, number)), None)

    def _searched(self, words: str) -> Iterator[tuple[int, Row]]:
        quoted = words.replace("\\", "").replace("'", "\\'")
        found = self._client.get("search", query=f"'{quoted}'", resources="USERS", limit=SEARCHED)
        for row in found.rows[:SEARCHED]:
            user_id = int((row.get("data") or {}).get("id") or row["id"])
            yield user_id, self._user(user_id)

    def _user(self, user_id: int) -> Row:
        return self._client.get(f"users/{user_id}", include="identity_email,identity_phone").row


def _has_number(user: Row, number: str) -> bool:
    phones = [str(phone.get("number", "")) for phone in user.get("phones", [])]
    return any(same_number(number, phone) for phone in phones) or user.get("full_name") == f"Caller {number}"


def _is_named(user: Row, person: Person) -> bool:
    return bool(user.get("full_name") == person.full_name)
