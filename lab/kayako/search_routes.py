"""The search index: words over cases, users and organisations, behind the writes by a while."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from lab.kayako import refusals
from lab.kayako.answers import Answer, Many, by_offset
from lab.kayako.cases import CaseState
from lab.kayako.desk import Desk
from lab.kayako.incoming import Incoming
from lab.kayako.output import Address, Body, Reference
from lab.kayako.resource import Resource

MOST_ROWS = 30
WORD = re.compile(r"[\w@.+-]+")
TOKEN = re.compile(r"\b\w+:\w+\b")
"""`in:conversations` and its like steer the search and are no words of it."""
SORTS = ("CASES", "USERS", "ORGANIZATIONS")


def search(desk: Desk, incoming: Incoming) -> Answer:
    """Rows in which every word of the query occurs, best first."""
    words = _words(incoming.arguments.needed_text("query"))
    wanted = [word.upper() for word in incoming.arguments.words("resources")] or list(SORTS)
    if not set(wanted) <= set(SORTS):
        raise refusals.field_invalid("resources")
    found = [
        (resource, title, relevance)
        for resource, title, text in _index(desk, wanted)
        if (relevance := _relevance(words, title, text)) > 0
    ]
    found.sort(key=lambda scored: scored[2], reverse=True)

    def row(scored: tuple[Resource, str, float]) -> Body:
        resource, title, relevance = scored
        whole: Body = {"data": resource.body()} if incoming.options.fields.everything else {}
        return _row(resource, title, relevance, words) | whole

    page = by_offset(incoming, found, "result", row, most=MOST_ROWS)
    return Many(page.rows, page.resource, page.total)


def _words(query: str) -> list[str]:
    quoted = re.sub(r"\\(.)", r"\1", query)
    return [word.strip(".").casefold() for word in WORD.findall(TOKEN.sub(" ", quoted)) if word.strip(".")]


def _index(desk: Desk, wanted: Iterable[str]) -> Iterator[tuple[Resource, str, str]]:
    """Each findable thing with its title and all its words."""
    now = desk.clock.monotonic()
    if "CASES" in wanted:
        for case in desk.cases.values():
            if case.state is CaseState.ACTIVE and case.found_from <= now:
                tags = " ".join(tag.name for tag in case.tags)
                yield case, case.subject, " ".join([case.subject, tags, *(post.original.text for post in case.posts)])
    if "USERS" in wanted:
        for user in desk.users.values():
            emails = " ".join(identity.email for identity in user.emails)
            numbers = " ".join(identity.number for identity in user.phones)
            yield user, user.full_name, f"{user.full_name} {emails} {numbers}"
    if "ORGANIZATIONS" in wanted:
        for organization in desk.organizations.values():
            yield organization, organization.name, organization.name


def _relevance(words: list[str], title: str, text: str) -> float:
    if not words or not all(word in _known(text) for word in words):
        return 0.0
    return round(0.5 + 0.5 * sum(word in _known(title) for word in words) / len(words), 2)


@lru_cache(maxsize=50_000)
def _known(text: str) -> frozenset[str]:
    """The words of a text; remembered, because every search reads every text."""
    return frozenset(word.strip(".").casefold() for word in WORD.findall(text))


def _row(resource: Resource, title: str, relevance: float, words: list[str]) -> Body:
    snippet = html.escape(title)
    for word in words:
        snippet = re.sub(rf"(?i)\b({re.escape(html.escape(word))})\b", r"<em>\1</em>", snippet)
    return {
        "id": resource.id,
        "title": title,
        "data": Reference(resource.kind, resource.id),
        "relevance": relevance,
        "resource": resource.kind,
        "resource_url": Address(f"{resource.path}/{resource.id}"),
        "snippet": snippet,
    }
