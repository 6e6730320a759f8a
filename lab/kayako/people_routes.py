"""Users, identities, look-up by address, organisations, and whoever is signed in."""

from __future__ import annotations

import re

from pydantic import JsonValue

from lab.kayako import refusals
from lab.kayako.answers import Answer, Done, Many, One, by_cursor, by_offset, one
from lab.kayako.desk import Desk
from lab.kayako.incoming import Incoming, Parameters
from lab.kayako.output import Reference
from lab.kayako.people import DomainIdentity, EmailIdentity, PhoneIdentity, TimelineEvent, User, UserNote
from lab.kayako.tenant import CUSTOMER_ROLE

EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;]+")
EVENT_NAME = re.compile(r"[A-Za-z_. ]+")


def me(desk: Desk, incoming: Incoming) -> Answer:
    """The signed-in user."""
    return one(desk.users[incoming.caller])


def session(desk: Desk, incoming: Incoming) -> Answer:  # noqa: ARG001
    """The session itself."""
    return One({"user": Reference("user", incoming.caller), "resource_type": "session"}, "session")


def sign_out(desk: Desk, incoming: Incoming) -> Answer:
    """End the session."""
    if incoming.session is not None:
        desk.sessions.end(incoming.session)
    return Done()


def list_users(desk: Desk, incoming: Incoming) -> Answer:
    """Everybody, by id."""
    return by_cursor(incoming, list(desk.users.values()), "user")


def user_of(desk: Desk, user_id: int) -> User:
    """The user. Raises RESOURCE_NOT_FOUND."""
    user = desk.users.get(user_id)
    if user is None:
        raise refusals.not_found()
    return user


def get_user(desk: Desk, incoming: Incoming, user_id: int) -> Answer:  # noqa: ARG001
    """One user."""
    return one(user_of(desk, user_id))


def create_user(desk: Desk, incoming: Incoming) -> Answer:
    """A new user; customers need no e-mail address, staff does."""
    body = incoming.body
    full_name = body.needed_text("full_name")
    role = desk.tables.roles.get(body.needed_number("role_id"))
    if role is None:
        raise refusals.field_invalid("role_id")
    email = _new_email(desk, body, "email") if role.is_staff or "email" in body else None
    team_ids = body.ids("team_ids")
    if any(team not in desk.tables.teams for team in team_ids):
        raise refusals.field_invalid("team_ids")
    organization_id = body.number("organization_id")
    if organization_id is not None and organization_id not in desk.organizations:
        raise refusals.field_invalid("organization_id")
    user = desk.add_user(full_name, role.id, email)
    user.team_ids = tuple(team_ids)
    user.organization_id = organization_id
    user.designation = body.text("designation")
    user.time_zone = body.text("time_zone")
    return one(user, status=201)


def update_user(desk: Desk, incoming: Incoming, user_id: int) -> Answer:
    """Change a user's name, title or time zone."""
    user, body = user_of(desk, user_id), incoming.body
    if "full_name" in body:
        user.full_name = body.needed_text("full_name")
    if "designation" in body:
        user.designation = body.text("designation")
    if "time_zone" in body:
        user.time_zone = body.text("time_zone")
    user.updated_at = desk.clock.now()
    return one(user)


def list_user_notes(desk: Desk, incoming: Incoming, user_id: int) -> Answer:
    """Notes on a user, newest first."""
    return by_cursor(incoming, user_of(desk, user_id).notes, "user_note", descending=True)


def create_user_note(desk: Desk, incoming: Incoming, user_id: int) -> Answer:
    """Write a note on a user."""
    user, now = user_of(desk, user_id), desk.clock.now()
    note = UserNote(
        id=desk.numbers.take("user_note"),
        text=incoming.body.needed_text("contents"),
        author=incoming.caller,
        created_at=now,
        updated_at=now,
    )
    user.notes.append(note)
    desk.keep(note)
    return one(note, status=201)


def _owner(desk: Desk, body: Parameters) -> User:
    if "user_id" not in body and "organization_id" not in body:
        raise refusals.any_field_required("user_id", "organization_id")
    user = desk.users.get(body.needed_number("user_id"))
    if user is None:
        raise refusals.field_invalid("user_id")
    return user


def _new_email(desk: Desk, body: Parameters, name: str) -> str:
    address = body.needed_text(name)
    if not EMAIL.fullmatch(address):
        raise refusals.field_invalid(name)
    if desk.email_owner(address) is not None:
        raise refusals.field_duplicate(name)
    return address


def list_emails(desk: Desk, incoming: Incoming) -> Answer:
    """E-mail identities, of one user or of all."""
    owner = incoming.arguments.number("user_id")
    rows = [identity for identity in desk.emails.values() if owner is None or identity.owner.id == owner]
    return by_cursor(incoming, rows, EmailIdentity.kind)


def create_email(desk: Desk, incoming: Incoming) -> Answer:
    """Give a user another address."""
    owner = _owner(desk, incoming.body)
    address = _new_email(desk, incoming.body, "email")
    is_primary = incoming.body.flag("is_primary", default=not owner.emails)
    return one(desk.add_email(owner, address, is_primary=is_primary), status=201)


def get_email(desk: Desk, incoming: Incoming, identity_id: int) -> Answer:  # noqa: ARG001
    """One e-mail identity."""
    if identity_id not in desk.emails:
        raise refusals.not_found()
    return one(desk.emails[identity_id])


def list_phones(desk: Desk, incoming: Incoming) -> Answer:
    """Telephone identities, of one user or of all; there is no look-up by number."""
    owner = incoming.arguments.number("user_id")
    rows = [identity for identity in desk.phones.values() if owner is None or identity.owner.id == owner]
    return by_cursor(incoming, rows, PhoneIdentity.kind)


def create_phone(desk: Desk, incoming: Incoming) -> Answer:
    """Give a user a number. The path is inferred from that of e-mail identities."""
    owner = _owner(desk, incoming.body)
    number = incoming.body.needed_text("number")
    if not re.search(r"\d{3}", number):
        raise refusals.field_invalid("number")
    if desk.phone_owner(number) is not None:
        raise refusals.field_duplicate("number")
    is_primary = incoming.body.flag("is_primary", default=not owner.phones)
    return one(desk.add_phone(owner, number, is_primary=is_primary), status=201)


def get_phone(desk: Desk, incoming: Incoming, identity_id: int) -> Answer:  # noqa: ARG001
    """One telephone identity."""
    if identity_id not in desk.phones:
        raise refusals.not_found()
    return one(desk.phones[identity_id])


def autocomplete_emails(desk: Desk, incoming: Incoming) -> Answer:
    """Who has an address that begins like this: a prefix search, in which an organisation's domain turns up too."""
    prefix = incoming.arguments.needed_text("address").casefold()
    domain = prefix.rpartition("@")[2]
    found: list[EmailIdentity | DomainIdentity] = [
        identity for identity in desk.domains.values() if identity.domain == domain
    ]
    found += [identity for identity in desk.emails.values() if identity.email.casefold().startswith(prefix)]
    page = by_offset(
        incoming,
        found,
        "autocomplete_email",
        lambda identity: {"identity": identity.reference, "parent": identity.owner},
    )
    return Many(page.rows, page.resource, page.total)


def list_organizations(desk: Desk, incoming: Incoming) -> Answer:
    """Customers that are companies."""
    return by_cursor(incoming, list(desk.organizations.values()), "organization")


def get_organization(desk: Desk, incoming: Incoming, organization_id: int) -> Answer:  # noqa: ARG001
    """One of them."""
    if organization_id not in desk.organizations:
        raise refusals.not_found()
    return one(desk.organizations[organization_id])


def incoming_webhook(desk: Desk, incoming: Incoming, token: str) -> Answer:
    """An event on somebody's timeline: matched by e-mail, then by telephone, else the user is created."""
    if token != desk.settings.webhook_token:
        raise refusals.not_found()
    event = incoming.body.needed_text("event")
    if not EVENT_NAME.fullmatch(event):
        raise refusals.field_invalid("event")
    who = Parameters(incoming.body.mapping("user"))
    email, phone = who.text("email"), who.text("phone")
    if not email and not phone:
        raise refusals.any_field_required("email", "phone", "twitter_id", "facebook_id", "external_id")
    known = (desk.email_owner(email) if email else None) or (desk.phone_owner(phone) if phone else None)
    if known is not None:
        user_id = known.owner.id
    else:
        user = desk.add_user(who.text("full_name") or email or phone or "", CUSTOMER_ROLE, email)
        if phone:
            desk.add_phone(user, phone)
        user_id = user.id
    properties: dict[str, JsonValue] = incoming.body.mapping("properties")
    desk.events.append(TimelineEvent(user_id, event, dict(properties)))
    return Done(status=201)
