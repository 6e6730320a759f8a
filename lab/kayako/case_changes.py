"""What a request may set on a case, checked before anything is set."""

from __future__ import annotations

from collections.abc import Mapping

from lab.kayako import refusals
from lab.kayako.cases import Case
from lab.kayako.desk import Desk
from lab.kayako.incoming import Parameters
from lab.kayako.resource import Resource


def case_of(desk: Desk, case_id: int) -> Case:
    """The case. Raises RESOURCE_NOT_FOUND."""
    case = desk.cases.get(case_id)
    if case is None:
        raise refusals.not_found()
    return case


def apply_changes(desk: Desk, case: Case, body: Parameters) -> None:
    """Set what the body names, tags excepted: all of it or, when something is refused, nothing."""
    known: dict[str, Mapping[int, Resource]] = {
        "status_id": desk.tables.statuses,
        "priority_id": desk.tables.priorities,
        "type_id": desk.tables.types,
        "form_id": desk.tables.forms,
        "assigned_team_id": desk.tables.teams,
        "assigned_agent_id": desk.users,
        "brand_id": desk.tables.brands,
        "requester_id": desk.users,
    }
    numbers: dict[str, int | None] = {}
    for name, table in known.items():
        if name not in body:
            continue
        number = body.number(name)
        if number is None and name in ("status_id", "form_id", "requester_id", "brand_id"):
            raise refusals.field_empty(name)
        if number is not None and number not in table:
            raise refusals.field_invalid(name)
        numbers[name] = number
    values = _field_values(desk, body)
    subject = body.needed_text("subject") if "subject" in body else case.subject
    for name, number in numbers.items():
        if name != "brand_id":
            setattr(case, name, number)
    case.subject = subject
    case.field_values |= values


def _field_values(desk: Desk, body: Parameters) -> dict[int, str]:
    by_key = {field.key: field for field in desk.tables.fields.values() if not field.is_system}
    values = {}
    for key, value in body.mapping("field_values").items():
        field = by_key.get(key)
        if field is None:
            raise refusals.field_invalid(key)
        if field.type == "SELECT" and str(value) not in {str(option) for option in field.options}:
            raise refusals.field_invalid(key)
        values[field.id] = str(value)
    return values


def require_fields(desk: Desk, case: Case) -> None:
    """Raises FIELD_REQUIRED when a field that the case's form demands has no value."""
    for number in desk.tables.forms[case.form_id].field_ids:
        field = desk.tables.fields[number]
        if field.is_required_for_agents and not case.field_values.get(number):
            raise refusals.field_required(field.key)
