"""What a route gives back, and how lists are cut into pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from pydantic import JsonValue

from lab.kayako import refusals
from lab.kayako.desk import Desk
from lab.kayako.faults import KayakoFault
from lab.kayako.incoming import Incoming
from lab.kayako.output import Body
from lab.kayako.resource import Resource

DEFAULT_LIMIT = 10
MOST = 100
"""The documentation names no cap; tools that talk to real tenants say 1 to 100."""


@dataclass(frozen=True)
class One:
    """A single resource."""

    body: Body
    resource: str
    status: int = 200


@dataclass(frozen=True)
class Many:
    """A collection, or a page of one."""

    rows: Sequence[Body]
    resource: str
    total: int
    paging: Mapping[str, JsonValue] = field(default_factory=dict)
    """`offset`, `limit` and the links to other pages; empty for small collections, which are not paged."""


@dataclass(frozen=True)
class Done:
    """A success without data, or with members of its own."""

    status: int = 200
    members: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """A file's bytes."""

    content: bytes
    content_type: str


Row = TypeVar("Row")
Answer = One | Many | Done | Content


def one(resource: Resource, status: int = 200) -> One:
    """A resource as an answer."""
    return One(resource.body(), resource.kind, status)


def all_of(resources: Sequence[Resource], kind: str) -> Many:
    """A small collection, whole."""
    return Many([resource.body() for resource in resources], kind, len(resources))


def limit_of(incoming: Incoming, most: int = MOST) -> int:
    """How many rows the page holds: what was asked, up to the cap."""
    limit = incoming.arguments.number("limit")
    if limit is not None and limit < 1:
        raise refusals.field_invalid("limit")
    return min(limit or DEFAULT_LIMIT, most)


def offset_of(incoming: Incoming) -> int:
    """Where the page begins."""
    offset = incoming.arguments.number("offset") or 0
    if offset < 0:
        raise refusals.field_invalid("offset")
    return offset


def by_offset(
    incoming: Incoming,
    rows: Sequence[Row],
    kind: str,
    body_of: Callable[[Row], Body],
    most: int = MOST,
    begins: int | None = None,
) -> Many:
    """A page by `offset` and `limit`; `begins` overrides where it starts, without saying so."""
    limit, offset = limit_of(incoming, most), offset_of(incoming)
    start = offset if begins is None else begins
    total = len(rows)
    paging: dict[str, JsonValue] = {"offset": offset, "limit": limit}
    if offset > 0:
        paging["first_url"] = _link(incoming, offset=0, limit=limit)
        paging["previous_url"] = _link(incoming, offset=max(0, offset - limit), limit=limit)
    if offset + limit < total:
        paging["next_url"] = _link(incoming, offset=offset + limit, limit=limit)
        paging["last_url"] = _link(incoming, offset=(total - 1) // limit * limit, limit=limit)
    return Many([body_of(row) for row in rows[start : start + limit]], kind, total, paging)


def by_cursor(
    incoming: Incoming, resources: Sequence[Resource], kind: str, *, descending: bool = False, begins: int | None = None
) -> Many:
    """A page of a list ordered by id, by `after_id` or `before_id`; with `offset`, by offset.

    Both mean a position in the listing, and the item named need not exist any more.
    """
    ordered = sorted(resources, key=lambda resource: resource.id, reverse=descending)
    if "offset" in incoming.arguments:
        return by_offset(incoming, ordered, kind, Resource.body, begins=begins)
    limit = limit_of(incoming)
    after, before = incoming.arguments.number("after_id"), incoming.arguments.number("before_id")
    if after is not None and before is not None:
        raise refusals.inconsistent("after_id", "before_id")

    def comes_after(resource: Resource, cursor: int) -> bool:
        return resource.id < cursor if descending else resource.id > cursor

    if before is not None:
        earlier = [resource for resource in ordered if resource.id != before and not comes_after(resource, before)]
        page = earlier[-limit:]
    else:
        page = [resource for resource in ordered if after is None or comes_after(resource, after)][:limit]
    paging: dict[str, JsonValue] = {"limit": limit}
    if page and page[0] is not ordered[0]:
        paging["previous_url"] = _link(incoming, before_id=page[0].id, limit=limit)
    if page and page[-1] is not ordered[-1]:
        paging["next_url"] = _link(incoming, after_id=page[-1].id, limit=limit)
    return Many([resource.body() for resource in page], kind, len(ordered), paging)


def _link(incoming: Incoming, **position: int) -> str:
    """The request's own address at another position."""
    path, _, query = incoming.address.partition("?")
    moved = {"offset", "after_id", "before_id"} - position.keys()
    arguments = {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name not in moved}
    arguments |= {name: str(value) for name, value in position.items()}
    return f"{incoming.options.site}{path}?{urlencode(arguments, quote_via=quote, safe=',*()')}"


def ignored_offset(desk: Desk, incoming: Incoming) -> int | None:
    """0 when this list lies about its offset."""
    return 0 if desk.faults.draw(f"{incoming.method} {incoming.path}", KayakoFault.OFFSET_IGNORED) else None
