"""The tables a client must resolve by meaning: their ids differ from tenant to tenant, and are odd here on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from lab.kayako.output import Body, Reference, Value
from lab.kayako.resource import Resource


class StatusType(StrEnum):
    """What a status means."""

    NEW = "NEW"
    OPEN = "OPEN"
    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    CLOSED = "CLOSED"
    CUSTOM = "CUSTOM"


@dataclass(kw_only=True)
class Status(Resource):
    """Where a case stands."""

    kind: ClassVar[str] = "case_status"
    path: ClassVar[str] = "/cases/statuses"
    label: str
    type: StatusType
    sort_order: int

    def fields(self) -> Body:
        return {
            "label": self.label,
            "type": self.type.value,
            "sort_order": self.sort_order,
            "is_sla_active": self.type in (StatusType.NEW, StatusType.OPEN),
            "is_deleted": False,
        }


@dataclass(kw_only=True)
class Priority(Resource):
    """How soon; `level` 1 is the lowest of four."""

    kind: ClassVar[str] = "case_priority"
    path: ClassVar[str] = "/cases/priorities"
    label: str
    level: int
    color: str

    def fields(self) -> Body:
        return {"label": self.label, "level": self.level, "color": self.color}


@dataclass(kw_only=True)
class CaseType(Resource):
    """What sort of request a case is."""

    kind: ClassVar[str] = "case_type"
    path: ClassVar[str] = "/cases/types"
    label: str
    type: str

    def fields(self) -> Body:
        return {"label": self.label, "type": self.type}


@dataclass(kw_only=True)
class Role(Resource):
    """What a user may do."""

    kind: ClassVar[str] = "role"
    path: ClassVar[str] = "/roles"
    title: str
    type: str

    @property
    def is_staff(self) -> bool:
        """Whether its users work for the company, and so need an e-mail address."""
        return self.type != "CUSTOMER"

    def fields(self) -> Body:
        return {
            "title": self.title,
            "type": self.type,
            "is_system": True,
            "agent_case_access": "ALL" if self.is_staff else "SELF",
        }


@dataclass(kw_only=True)
class Team(Resource):
    """A group of agents."""

    kind: ClassVar[str] = "team"
    path: ClassVar[str] = "/teams"
    title: str
    members: tuple[int, ...] = ()

    def fields(self) -> Body:
        return {
            "legacy_id": None,
            "title": self.title,
            "businesshour": None,
            "members": [Reference("user", member) for member in self.members],
            "member_count": len(self.members),
        }


@dataclass(kw_only=True)
class Brand(Resource):
    """The name under which the company appears."""

    kind: ClassVar[str] = "brand"
    path: ClassVar[str] = "/brands"
    name: str

    def fields(self) -> Body:
        return {"name": self.name, "is_default": True, "is_enabled": True, "locale": Reference("locale", 1)}


@dataclass(kw_only=True)
class Mailbox(Resource):
    """An address of the company's own."""

    kind: ClassVar[str] = "mailbox"
    path: ClassVar[str] = "/mailboxes"
    address: str
    is_default: bool
    is_enabled: bool = True
    is_deleted: bool = False

    def fields(self) -> Body:
        return {
            "uuid": f"6d1f0000-0000-4000-8000-{self.id:012d}",
            "service": "STANDARD",
            "encryption": "NONE",
            "address": self.address,
            "prefix": None,
            "smtp_type": "KAYAKO",
            "brand": Reference("brand", 1),
            "is_system": False,
            "is_custom": True,
            "is_verified": True,
            "is_default": self.is_default,
            "is_enabled": self.is_enabled,
            "is_deleted": self.is_deleted,
            "verified_at": None,
        }


@dataclass(kw_only=True)
class Option(Resource):
    """A choice of a SELECT field: values are sent as its id, never as its label."""

    kind: ClassVar[str] = "field_option"
    path: ClassVar[str] = "/base/field/option"
    label: Reference
    tag: str

    def fields(self) -> Body:
        return {"values": [self.label], "tag": self.tag, "sort_order": self.id}


@dataclass(kw_only=True)
class CaseField(Resource):
    """A system or custom field."""

    kind: ClassVar[str] = "case_field"
    path: ClassVar[str] = "/cases/fields"
    title: str
    type: str
    key: str
    options: tuple[int, ...] = ()
    is_required_for_agents: bool = False
    is_system: bool = False

    def fields(self) -> Body:
        return {
            "fielduuid": f"0f1e0000-0000-4000-8000-{self.id:012d}",
            "title": self.title,
            "type": self.type,
            "key": self.key,
            "is_required_for_agents": self.is_required_for_agents,
            "is_required_on_resolution": False,
            "is_visible_to_customers": False,
            "customer_titles": [],
            "is_customer_editable": False,
            "is_required_for_customers": False,
            "descriptions": [],
            "regular_expression": None,
            "sort_order": self.id,
            "is_enabled": True,
            "is_system": self.is_system,
            "options": [Reference("field_option", option) for option in self.options],
        }


@dataclass(kw_only=True)
class CaseForm(Resource):
    """Decides which custom fields are shown and required."""

    kind: ClassVar[str] = "case_form"
    path: ClassVar[str] = "/cases/forms"
    title: str
    field_ids: tuple[int, ...]
    is_default: bool = False

    def fields(self) -> Body:
        return {
            "title": self.title,
            "is_visible_to_customers": False,
            "customer_titles": [],
            "descriptions": [],
            "is_enabled": True,
            "is_default": self.is_default,
            "sort_order": self.id,
            "fields": [Reference("case_field", number) for number in self.field_ids],
            "brand": None,
            "is_deleted": False,
        }


class ChannelType(StrEnum):
    """Ways a post reaches a case. There is none for telephone calls."""

    MAIL = "MAIL"
    TWITTER = "TWITTER"
    FACEBOOK = "FACEBOOK"
    NOTE = "NOTE"


@dataclass(frozen=True)
class CaseChannel:
    """A channel that a case can use; its id is a string, unlike every other."""

    id: str
    type: ChannelType
    mailbox_id: int | None = None

    def body(self) -> Body:
        """As a row of `/cases/channels`."""
        account = Reference("mailbox", self.mailbox_id) if self.mailbox_id is not None else None
        return {"id": self.id, "type": self.type.value, "account": account, "resource_type": "channel"}

    def mention(self) -> dict[str, Value]:
        """As a member of a case or post."""
        return {"id": self.id, "type": self.type.value, "resource_type": "channel"}


@dataclass(kw_only=True)
class Locale(Resource):
    """A language of the help centre."""

    kind: ClassVar[str] = "locale"
    path: ClassVar[str] = "/locales"
    code: str
    name: str
    native_name: str
    is_public: bool = True

    def fields(self) -> Body:
        return {
            "locale": self.code,
            "flag_icon": self.code[:2],
            "name": self.name,
            "native_name": self.native_name,
            "region": None,
            "native_region": None,
            "script": "",
            "variant": "",
            "direction": "ltr",
            "is_public": self.is_public,
            "is_localized": self.is_public,
        }


@dataclass(kw_only=True)
class LocaleField(Resource):
    """One text in one language: it carries times of its own, so an edit leaves its article's `updated_at` alone."""

    kind: ClassVar[str] = "locale_field"
    path: ClassVar[str] = "/locale/fields"
    locale: str
    translation: str

    def fields(self) -> Body:
        return {"locale": self.locale, "translation": self.translation}


@dataclass
class Tables:
    """All of them, by id."""

    statuses: dict[int, Status] = field(default_factory=dict)
    priorities: dict[int, Priority] = field(default_factory=dict)
    types: dict[int, CaseType] = field(default_factory=dict)
    roles: dict[int, Role] = field(default_factory=dict)
    teams: dict[int, Team] = field(default_factory=dict)
    brands: dict[int, Brand] = field(default_factory=dict)
    mailboxes: dict[int, Mailbox] = field(default_factory=dict)
    fields: dict[int, CaseField] = field(default_factory=dict)
    options: dict[int, Option] = field(default_factory=dict)
    forms: dict[int, CaseForm] = field(default_factory=dict)
    locales: dict[int, Locale] = field(default_factory=dict)
    channels: tuple[CaseChannel, ...] = ()

    def status_of(self, kind: StatusType) -> Status:
        """The tenant's status of this meaning."""
        return next(status for status in self.statuses.values() if status.type is kind)

    def channel_of(self, kind: ChannelType) -> CaseChannel | None:
        """The channel of this sort, when the tenant has one."""
        return next((channel for channel in self.channels if channel.type is kind), None)
