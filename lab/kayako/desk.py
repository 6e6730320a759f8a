"""The tenant: everything it holds, in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lab.kayako import tenant
from lab.kayako.cases import Case, CaseState, File, Tag
from lab.kayako.faults import KayakoFault, KayakoFaults
from lab.kayako.help_centre import HelpCentre
from lab.kayako.lookups import Tables
from lab.kayako.output import Body, Reference
from lab.kayako.people import (
    DomainIdentity,
    EmailIdentity,
    Organization,
    PhoneIdentity,
    TimelineEvent,
    User,
)
from lab.kayako.resource import Numbers, Resource
from lab.kayako.sessions import Account, Sessions, SignInRule
from lab.kayako.throttle import Throttle
from shared.clock import Clock, SystemClock

EMAIL = "phone-assistant@fernway.example"
PASSWORD = "fernway-lab-password"  # noqa: S105  (a stand-in's own, on loopback)
FILE_LIFETIME = timedelta(days=1)
"""Between `created_at` and `expiry_at` of the documented sample."""


@dataclass(frozen=True)
class DeskSettings:
    """How this tenant behaves when nothing is wrong."""

    email: str = EMAIL
    password: str = PASSWORD
    sign_in_rule: SignInRule = SignInRule.DOCUMENTED
    session_lifetime_s: float = 600
    lock_after: int = 5
    lock_s: int = 600
    requests_per_minute: int | None = None
    """Per verb and resource family; None sets no limit."""
    largest_page: int = 100
    gives_next_page: bool = True
    """Whether a list with more rows names the address of its next page."""
    filters_by_tag: bool = True
    """Whether the list of cases minds its argument `tags`."""
    honours_no_csrf: bool = True
    """Whether `X-CSRF: false` spares a session its token."""
    list_lag_s: float = 0.0
    search_lag_s: float = 2.0
    """Search is an index: what was written is found after a while."""
    webhook_token: str = "fernway-hook"  # noqa: S105  (a stand-in's own)
    seed: int = 0
    """Of the chances of faults."""


@dataclass(frozen=True)
class Mail:
    """An e-mail that the desk sent to a customer: nothing internal may ever be among them."""

    case_id: int
    to: str
    subject: str
    text: str
    sent_at: datetime


class Desk:
    """The state behind the API. Every change happens in one step of the event loop, so it is atomic."""

    def __init__(self, settings: DeskSettings | None = None, clock: Clock | None = None) -> None:
        self.settings = settings or DeskSettings()
        self.clock: Clock = clock or SystemClock()
        self.numbers = Numbers()
        self.faults = KayakoFaults(seed=self.settings.seed)
        self.throttle = Throttle(self.clock, self.settings.requests_per_minute)
        self.sessions = Sessions(
            self.clock,
            self.settings.sign_in_rule,
            self.settings.session_lifetime_s,
            self.settings.lock_after,
            self.settings.lock_s,
            honours_no_csrf=self.settings.honours_no_csrf,
        )
        self.tables: Tables = tenant.tables()
        self.users: dict[int, User] = {}
        self.organizations: dict[int, Organization] = {}
        self.emails: dict[int, EmailIdentity] = {}
        self.phones: dict[int, PhoneIdentity] = {}
        self.domains: dict[int, DomainIdentity] = {}
        self.cases: dict[int, Case] = {}
        self.files: dict[int, File] = {}
        self.mails: list[Mail] = []
        self.events: list[TimelineEvent] = []
        self._tags: dict[str, Tag] = {}
        self._addresses: dict[str, EmailIdentity] = {}
        self._known: dict[Reference, Resource] = {}
        self.help_centre = HelpCentre(self.numbers, self.keep, self.drop, self.clock.now)
        for resource in tenant.resources_of(self.tables):
            self.numbers.reserve(resource.kind, resource.id)
            self.keep(resource)
        tenant.people(self)
        self.sessions.add(Account(self.settings.email, self.settings.password, tenant.ASSISTANT))

    def keep(self, resource: Resource) -> None:
        """Make a resource known to whatever resolves references."""
        self._known[resource.reference] = resource

    def drop(self, resource: Resource) -> None:
        """Forget it there."""
        self._known.pop(resource.reference, None)

    def find(self, reference: Reference) -> Body | None:
        """The body behind a reference."""
        if reference.kind == "user_minimal":
            user = self.users.get(reference.id)
            if user is None:
                return None
            return {"id": user.id, "full_name": user.full_name, "resource_type": "user_minimal"}
        resource = self._known.get(reference)
        return resource.body() if resource is not None else None

    def resource(self, kind: str, number: int) -> Resource | None:
        """The resource of this type with this id."""
        return self._known.get(Reference(kind, number))

    def tag(self, name: str) -> Tag:
        """The tag of this name, made when it is new; names keep the case they were first written in."""
        known = self._tags.get(name.casefold())
        if known is None:
            known = self._tags[name.casefold()] = Tag(self.numbers.take("tag"), name)
        return known

    def set_tags(self, case: Case, names: Iterable[str]) -> None:
        """Let a case carry these tags and no others; tags compare without regard to case."""
        for tag in case.tags:
            tag.case_ids.discard(case.id)
        case.tags = list({tag.id: tag for tag in map(self.tag, names)}.values())
        for tag in case.tags:
            tag.case_ids.add(case.id)

    def tagged(self, name: str) -> list[Case]:
        """Every case that carries the tag, in whatever state."""
        known = self._tags.get(name.casefold())
        return [self.cases[number] for number in sorted(known.case_ids)] if known is not None else []

    def email_owner(self, address: str) -> EmailIdentity | None:
        """The identity with this very address."""
        return self._addresses.get(address.casefold())

    def phone_owner(self, number: str) -> PhoneIdentity | None:
        """The identity with this number, exactly as typed."""
        return next((identity for identity in self.phones.values() if identity.number == number), None)

    def add_user(self, full_name: str, role_id: int, email: str | None = None) -> User:
        """A new user, with an e-mail identity when an address is given."""
        now = self.clock.now()
        user = User(id=self.numbers.take("user"), full_name=full_name, role_id=role_id, created_at=now, updated_at=now)
        self.users[user.id] = user
        self.keep(user)
        if email is not None:
            self.add_email(user, email)
        return user

    def add_email(self, owner: User, email: str, *, is_primary: bool = True) -> EmailIdentity:
        """Give a user an address."""
        now = self.clock.now()
        identity = EmailIdentity(
            id=self.numbers.take("identity_email"),
            owner=owner.reference,
            email=email,
            is_primary=is_primary,
            created_at=now,
            updated_at=now,
        )
        self.emails[identity.id] = identity
        self._addresses[email.casefold()] = identity
        owner.emails.append(identity)
        self.keep(identity)
        return identity

    def add_phone(self, owner: User, number: str, *, is_primary: bool = True) -> PhoneIdentity:
        """Give a user a number."""
        now = self.clock.now()
        identity = PhoneIdentity(
            id=self.numbers.take("identity_phone"),
            owner=owner.reference,
            number=number,
            is_primary=is_primary,
            created_at=now,
            updated_at=now,
        )
        self.phones[identity.id] = identity
        owner.phones.append(identity)
        self.keep(identity)
        return identity

    def add_file(self, name: str, content_type: str, content: bytes, session_id: str) -> File:
        """Keep an upload of this session."""
        now = self.clock.now()
        file = File(
            id=self.numbers.take("file"),
            created_at=now,
            updated_at=now,
            name=name,
            content_type=content_type,
            content=content,
            digest=hashlib.sha256(content).hexdigest()[:16],
            session_id=session_id,
            expires_at=now + FILE_LIFETIME,
        )
        self.files[file.id] = file
        self.keep(file)
        return file

    def listed(self, cases: Iterable[Case]) -> list[Case]:
        """Those of the cases that lists show now: active and not lagging, last update first."""
        now = self.clock.monotonic()
        shown = [case for case in cases if case.state is CaseState.ACTIVE and case.listed_from <= now]
        return sorted(shown, key=lambda case: (case.updated_at, case.id), reverse=True)

    def lag(self, kind: KayakoFault, where: str, usual_s: float) -> float:
        """The monotonic time from which something written now is visible."""
        fault = self.faults.draw(where, kind)
        return self.clock.monotonic() + (fault.seconds if fault is not None else usual_s)
