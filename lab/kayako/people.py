"""Users, organisations and the identities by which they are known."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import ClassVar

from lab.kayako.output import Address, Body, Reference
from lab.kayako.resource import Resource


@dataclass(kw_only=True)
class EmailIdentity(Resource):
    """An e-mail address of a user or of an organisation."""

    kind: ClassVar[str] = "identity_email"
    path: ClassVar[str] = "/identities/emails"
    owner: Reference
    email: str
    is_primary: bool = True
    is_validated: bool = False

    def fields(self) -> Body:
        return {
            "email": self.email,
            "is_primary": self.is_primary,
            "is_validated": self.is_validated,
            "is_notification_enabled": False,
        }


@dataclass(kw_only=True)
class PhoneIdentity(Resource):
    """A telephone number, kept exactly as it was typed."""

    kind: ClassVar[str] = "identity_phone"
    path: ClassVar[str] = "/identities/phones"
    owner: Reference
    number: str
    is_primary: bool = True
    is_validated: bool = False

    def fields(self) -> Body:
        return {"number": self.number, "is_primary": self.is_primary, "is_validated": self.is_validated}


@dataclass(kw_only=True)
class DomainIdentity(Resource):
    """A mail domain of an organisation."""

    kind: ClassVar[str] = "identity_domain"
    path: ClassVar[str] = "/identities/domains"
    owner: Reference
    domain: str

    def fields(self) -> Body:
        return {"domain": self.domain, "is_primary": True, "is_validated": True}


@dataclass(kw_only=True)
class UserNote(Resource):
    """A note on a user."""

    kind: ClassVar[str] = "user_note"
    path: ClassVar[str] = "/notes"
    text: str
    author: int

    def fields(self) -> Body:
        return {
            "body_text": self.text,
            "body_html": None,
            "is_pinned": False,
            "pinned_by": None,
            "user": Reference("user", self.author),
            "attachments": [],
            "download_all": None,
        }


@dataclass(kw_only=True)
class User(Resource):
    """A member of staff or a customer."""

    kind: ClassVar[str] = "user"
    path: ClassVar[str] = "/users"
    full_name: str
    role_id: int
    team_ids: tuple[int, ...] = ()
    emails: list[EmailIdentity] = field(default_factory=list)
    phones: list[PhoneIdentity] = field(default_factory=list)
    notes: list[UserNote] = field(default_factory=list)
    organization_id: int | None = None
    designation: str | None = None
    time_zone: str | None = None
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def fields(self) -> Body:
        return {
            "uuid": self.uuid,
            "full_name": self.full_name,
            "legacy_id": None,
            "designation": self.designation,
            "is_enabled": True,
            "is_mfa_enabled": False,
            "role": Reference("role", self.role_id),
            "avatar": Address(f"/avatar/{self.id}"),
            "agent_case_access": None,
            "organization_case_access": "REQUESTED",
            "organization": Reference("organization", self.organization_id) if self.organization_id else None,
            "teams": [Reference("team", team) for team in self.team_ids],
            "emails": [identity.reference for identity in self.emails],
            "phones": [identity.reference for identity in self.phones],
            "twitter": [],
            "facebook": [],
            "external_identifiers": [],
            "custom_fields": [],
            "pinned_notes_count": 0,
            "locale": Reference("locale", 1),
            "time_zone": self.time_zone,
            "time_zone_offset": None,
        }


@dataclass(kw_only=True)
class Organization(Resource):
    """A customer that is a company."""

    kind: ClassVar[str] = "organization"
    path: ClassVar[str] = "/organizations"
    name: str
    domains: list[DomainIdentity] = field(default_factory=list)

    def fields(self) -> Body:
        return {
            "name": self.name,
            "legacy_id": None,
            "is_shared": False,
            "domains": [identity.reference for identity in self.domains],
            "phone": [],
            "addresses": [],
            "websites": [],
            "pinned_notes_count": 0,
            "custom_fields": [],
        }


@dataclass(frozen=True)
class TimelineEvent:
    """What an incoming webhook left on a user's timeline."""

    user_id: int
    event: str
    properties: dict[str, object]
