"""Look-up tables: each a small collection, whole, and its members by id."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.kayako import refusals
from lab.kayako.answers import Answer, all_of, one
from lab.kayako.desk import Desk
from lab.kayako.incoming import Incoming
from lab.kayako.lookups import Locale, LocaleField
from lab.kayako.resource import Resource

Table = Callable[[Desk], Mapping[int, Resource]]


def lister(table: Table, kind: str) -> Callable[[Desk, Incoming], Answer]:
    """A route that answers the whole table."""

    def list_all(desk: Desk, incoming: Incoming) -> Answer:  # noqa: ARG001
        return all_of(list(table(desk).values()), kind)

    return list_all


def getter(table: Table) -> Callable[..., Answer]:
    """A route that answers one of its members."""

    def get(desk: Desk, incoming: Incoming, member_id: int) -> Answer:  # noqa: ARG001
        member = table(desk).get(member_id)
        if member is None:
            raise refusals.not_found()
        return one(member)

    return get


def list_locales(desk: Desk, incoming: Incoming) -> Answer:
    """Languages, with the arguments `is_public` and `is_localized`."""
    locales = list(desk.tables.locales.values())
    for name in ("is_public", "is_localized"):
        if name in incoming.arguments:
            wanted = incoming.arguments.flag(name, default=True)
            locales = [locale for locale in locales if locale.is_public is wanted]
    return all_of(locales, Locale.kind)


def current_locale(desk: Desk, incoming: Incoming) -> Answer:  # noqa: ARG001
    """The tenant's own language."""
    return one(next(iter(desk.tables.locales.values())))


def get_text(desk: Desk, incoming: Incoming, field_id: int) -> Answer:  # noqa: ARG001
    """One text in one language."""
    text = desk.resource(LocaleField.kind, field_id)
    if text is None:
        raise refusals.not_found()
    return one(text)
