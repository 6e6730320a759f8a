"""The sample tenant: look-up tables with odd ids, a few colleagues, and a company among the customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

from lab.kayako.lookups import (
    Brand,
    CaseChannel,
    CaseField,
    CaseForm,
    CaseType,
    ChannelType,
    Locale,
    LocaleField,
    Mailbox,
    Option,
    Priority,
    Role,
    Status,
    StatusType,
    Tables,
    Team,
)
from lab.kayako.output import Reference
from lab.kayako.people import DomainIdentity, Organization, User
from lab.kayako.resource import Resource

if TYPE_CHECKING:
    from lab.kayako.desk import Desk

ASSISTANT = 9
"""The user our platform signs in as."""
WRITER = 15
AGENT_ROLE = 3
CUSTOMER_ROLE = 4
SUPPORT_TEAM = 2
DEFAULT_FORM = 1
LABELS = {80: "Router", 81: "Line", 82: "Invoice", 83: "Something else"}
"""Options of the field `product`, by the id that a value must be."""


Kept = TypeVar("Kept", bound=Resource)


def _by_id(*resources: Kept) -> dict[int, Kept]:
    return {resource.id: resource for resource in resources}


def tables() -> Tables:
    """A fresh set."""
    return Tables(
        statuses=_by_id(
            Status(id=11, label="New", type=StatusType.NEW, sort_order=1),
            Status(id=14, label="Open", type=StatusType.OPEN, sort_order=2),
            Status(id=12, label="Pending", type=StatusType.PENDING, sort_order=3),
            Status(id=31, label="Waiting for engineer", type=StatusType.CUSTOM, sort_order=4),
            Status(id=19, label="Completed", type=StatusType.COMPLETED, sort_order=5),
            Status(id=23, label="Closed", type=StatusType.CLOSED, sort_order=6),
        ),
        priorities=_by_id(
            Priority(id=8, label="Low", level=1, color="#9aa5b1"),
            Priority(id=3, label="Normal", level=2, color="#3d8f5f"),
            Priority(id=5, label="High", level=3, color="#c77d0a"),
            Priority(id=2, label="Urgent", level=4, color="#c0392b"),
        ),
        types=_by_id(
            CaseType(id=7, label="Question", type="QUESTION"),
            CaseType(id=9, label="Task", type="TASK"),
            CaseType(id=13, label="Problem", type="PROBLEM"),
            CaseType(id=16, label="Incident", type="INCIDENT"),
        ),
        roles=_by_id(
            Role(id=1, title="Administrator", type="ADMIN"),
            Role(id=AGENT_ROLE, title="Agent", type="AGENT"),
            Role(id=CUSTOMER_ROLE, title="Customer", type="CUSTOMER"),
        ),
        teams=_by_id(
            Team(id=SUPPORT_TEAM, title="Support", members=(ASSISTANT, WRITER)),
            Team(id=6, title="Billing", members=(WRITER,)),
        ),
        brands=_by_id(Brand(id=1, name="Fernway Internet")),
        mailboxes=_by_id(
            Mailbox(id=17, address="old-desk@fernway.example", is_default=False, is_enabled=False, is_deleted=True),
            Mailbox(id=26, address="support@fernway.example", is_default=True),
        ),
        fields=_by_id(
            CaseField(id=1, title="Subject", type="SUBJECT", key="subject", is_system=True),
            CaseField(id=2, title="Message", type="MESSAGE", key="message", is_system=True),
            CaseField(id=5, title="Product", type="SELECT", key="product", options=tuple(LABELS)),
            CaseField(id=6, title="Call", type="TEXT", key="external_call_id"),
            CaseField(id=10, title="Visit", type="TEXT", key="visit_window", is_required_for_agents=True),
        ),
        options=_by_id(*(Option(id=number, label=_label(number), tag=text) for number, text in LABELS.items())),
        forms=_by_id(
            CaseForm(id=DEFAULT_FORM, title="Default", field_ids=(1, 2, 5, 6), is_default=True),
            CaseForm(id=18, title="Engineer visit", field_ids=(1, 2, 5, 6, 10)),
        ),
        locales=_by_id(
            Locale(id=1, code="en-us", name="English (United States)", native_name="English (United States)"),
            Locale(id=2, code="es", name="Spanish", native_name="español"),
            Locale(id=5, code="de", name="German", native_name="Deutsch"),
        ),
        channels=(
            CaseChannel("aa11c04e5d7b2f60", ChannelType.MAIL, 26),
            CaseChannel("bb22f7309c1d8e54", ChannelType.NOTE),
        ),
    )


def _label(option: int) -> Reference:
    return Reference("locale_field", option)


def resources_of(held: Tables) -> Iterator[Resource]:
    """Every resource of the tables, with the texts they mention."""
    yield from held.statuses.values()
    yield from held.priorities.values()
    yield from held.types.values()
    yield from held.roles.values()
    yield from held.teams.values()
    yield from held.brands.values()
    yield from held.mailboxes.values()
    yield from held.fields.values()
    yield from held.options.values()
    yield from held.forms.values()
    yield from held.locales.values()
    for number, text in LABELS.items():
        yield LocaleField(id=number, locale="en-us", translation=text)


def people(desk: Desk) -> None:
    """Colleagues, and an organisation whose mail domain turns up beside its people's addresses."""
    for number, name, address in (
        (ASSISTANT, "Phone Assistant", desk.settings.email),
        (WRITER, "Priya Nair", "priya.nair@fernway.example"),
    ):
        colleague = User(
            id=number, full_name=name, role_id=AGENT_ROLE, team_ids=(SUPPORT_TEAM,), time_zone="Europe/London"
        )
        desk.numbers.reserve("user", number)
        desk.users[number] = colleague
        desk.keep(colleague)
        desk.add_email(colleague, address)
    bakery = Organization(id=3, name="Tilda's Bakery")
    domain = DomainIdentity(id=4, owner=bakery.reference, domain="tildas-bakery.example")
    bakery.domains.append(domain)
    desk.organizations[bakery.id] = bakery
    desk.domains[domain.id] = domain
    desk.keep(bakery)
    desk.keep(domain)
    desk.add_user("Tilda Marsh", CUSTOMER_ROLE, "tilda@tildas-bakery.example").organization_id = bakery.id
