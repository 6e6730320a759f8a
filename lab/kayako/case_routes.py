"""Cases: list, create, read, change, trash, and their tags."""

from __future__ import annotations

from collections.abc import Iterable

from lab.kayako import refusals, tenant
from lab.kayako.answers import Answer, Done, Many, by_offset, ignored_offset, one
from lab.kayako.case_changes import apply_changes, case_of, require_fields
from lab.kayako.cases import Case, CaseState
from lab.kayako.desk import Desk
from lab.kayako.faults import KayakoFault
from lab.kayako.incoming import Incoming, Parameters
from lab.kayako.lookups import StatusType
from lab.kayako.post_writing import attachments_for, read_draft, write_post


def list_cases(desk: Desk, incoming: Incoming) -> Answer:
    """Last update first; trashed, suspended and lagging cases are missing."""
    arguments = incoming.arguments
    cases: Iterable[Case] = desk.cases.values()
    if "tags" in arguments and desk.settings.filters_by_tag:
        cases = {case.id: case for name in arguments.words("tags") for case in desk.tagged(name)}.values()
    if "ids" in arguments:
        wanted = set(arguments.ids("ids"))
        cases = [case for case in cases if case.id in wanted]
    if "status" in arguments:
        statuses = {word.upper() for word in arguments.words("status")}
        if not statuses <= set(StatusType):
            raise refusals.field_invalid("status")
        cases = [case for case in cases if desk.tables.statuses[case.status_id].type in statuses]
    if (level := arguments.number("priority")) is not None:
        cases = [case for case in cases if _level(desk, case) <= level]
    if "identity_type" in arguments or "identity_value" in arguments:
        owner = _identity_owner(desk, arguments)
        cases = [case for case in cases if case.requester_id == owner]
    return _case_page(desk, incoming, cases)


def list_cases_of_user(desk: Desk, incoming: Incoming, user_id: int) -> Answer:
    """Cases that the user asked for."""
    if user_id not in desk.users:
        raise refusals.not_found()
    return _case_page(desk, incoming, [case for case in desk.cases.values() if case.requester_id == user_id])


def _case_page(desk: Desk, incoming: Incoming, cases: Iterable[Case]) -> Many:
    begins = ignored_offset(desk, incoming)
    return by_offset(incoming, desk.listed(cases), Case.kind, Case.body, desk.settings.largest_page, begins)


def _level(desk: Desk, case: Case) -> int:
    return 0 if case.priority_id is None else desk.tables.priorities[case.priority_id].level


def _identity_owner(desk: Desk, arguments: Parameters) -> int | None:
    kind, value = arguments.needed_text("identity_type").upper(), arguments.needed_text("identity_value")
    match kind:
        case "EMAIL" | "MAIL":
            identity = desk.email_owner(value)
            return identity.owner.id if identity is not None else None
        case "PHONE":
            phone = desk.phone_owner(value)
            return phone.owner.id if phone is not None else None
        case "TWITTER" | "FACEBOOK":
            return None
        case _:
            raise refusals.field_invalid("identity_type")


def create_case(desk: Desk, incoming: Incoming) -> Answer:
    """A new case with its first post. Only the channel NOTE keeps that post inside the company."""
    body = incoming.body
    subject = body.needed_text("subject")
    draft = read_draft(desk, body)
    requester_id = body.needed_number("requester_id")
    requester = desk.users.get(requester_id)
    if requester is None:
        raise refusals.field_invalid("requester_id")
    now = desk.clock.now()
    identities = [*requester.emails, *requester.phones]
    case = Case(
        id=0,
        created_at=now,
        updated_at=now,
        subject=subject,
        requester_id=requester_id,
        creator_id=incoming.caller,
        identity=identities[0].reference if identities else None,
        channel=draft.channel,
        status_id=desk.tables.status_of(StatusType.NEW).id,
        form_id=tenant.DEFAULT_FORM,
    )
    apply_changes(desk, case, body)
    require_fields(desk, case)
    attachments = attachments_for(desk, incoming)
    case.id = desk.numbers.take("case")
    where = f"{incoming.method} {incoming.path}"
    case.listed_from = desk.lag(KayakoFault.LIST_LAG, where, desk.settings.list_lag_s)
    case.found_from = desk.lag(KayakoFault.SEARCH_LAG, where, desk.settings.search_lag_s)
    desk.cases[case.id] = case
    desk.keep(case)
    desk.set_tags(case, body.words("tags"))
    write_post(desk, case, draft, incoming.caller, attachments)
    _run_triggers(desk, case, where)
    return one(case, status=201)


def _run_triggers(desk: Desk, case: Case, where: str) -> None:
    """Automations of the tenant, which may undo what the client asked for."""
    if desk.faults.draw(where, KayakoFault.TAGS_STRIPPED):
        desk.set_tags(case, [])
    if desk.faults.draw(where, KayakoFault.TAGS_LOWERED):
        for tag in case.tags:
            tag.name = tag.name.lower()
    if desk.faults.draw(where, KayakoFault.CASE_CLOSED):
        case.status_id = desk.tables.status_of(StatusType.CLOSED).id


def get_case(desk: Desk, incoming: Incoming, case_id: int) -> Answer:  # noqa: ARG001
    """One case, also from the trash."""
    return one(case_of(desk, case_id))


def update_case(desk: Desk, incoming: Incoming, case_id: int) -> Answer:
    """Change the fields sent; `tags` replaces the whole list. Nothing is sent to the customer."""
    case = case_of(desk, case_id)
    apply_changes(desk, case, incoming.body)
    if "tags" in incoming.body:
        desk.set_tags(case, incoming.body.words("tags"))
    case.updated_at = desk.clock.now()
    return one(case)


def update_cases(desk: Desk, incoming: Incoming) -> Answer:
    """The same for all cases named in `ids`."""
    cases = [case_of(desk, number) for number in incoming.arguments.ids("ids")]
    if not cases:
        raise refusals.field_required("ids")
    for case in cases:
        update_case(desk, incoming, case.id)
    return Done(members={"total_count": len(cases)})


def trash_case(desk: Desk, incoming: Incoming, case_id: int) -> Answer:  # noqa: ARG001
    """Out of every list, still readable by its id."""
    return _moved(desk, case_id, CaseState.TRASH)


def restore_case(desk: Desk, incoming: Incoming, case_id: int) -> Answer:  # noqa: ARG001
    """Back from the trash."""
    return _moved(desk, case_id, CaseState.ACTIVE)


def _moved(desk: Desk, case_id: int, state: CaseState) -> Answer:
    case = case_of(desk, case_id)
    case.state = state
    case.updated_at = desk.clock.now()
    return one(case)


def list_tags(desk: Desk, incoming: Incoming, case_id: int) -> Answer:  # noqa: ARG001
    """The tags of a case."""
    tags = case_of(desk, case_id).tags
    return Many([tag.body() for tag in tags], "tag", len(tags))


def append_tags(desk: Desk, incoming: Incoming, case_id: int) -> Answer:
    """Add to the list. That the body takes `tags` as a comma-separated string is inferred."""
    case = case_of(desk, case_id)
    incoming.body.needed_text("tags")
    desk.set_tags(case, [tag.name for tag in case.tags] + incoming.body.words("tags"))
    case.updated_at = desk.clock.now()
    return list_tags(desk, incoming, case_id)


def list_channels(desk: Desk, incoming: Incoming, case_id: int | None = None) -> Answer:  # noqa: ARG001
    """The channels that a new case, or this one, can use."""
    if case_id is not None:
        case_of(desk, case_id)
    return Many([channel.body() for channel in desk.tables.channels], "channel", len(desk.tables.channels))
