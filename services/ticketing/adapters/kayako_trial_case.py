"""One case made to see what becomes of it: where it shows and how soon, what sticks, and whether it can be removed.

Its requester is our own agent user, its channel a note: nobody outside hears of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from secrets import token_hex

from services.ticketing.domain.draft import mentions, reference_line
from services.ticketing.domain.probe import Finding, Verdict
from shared.clients.kayako import KayakoClient
from shared.clients.kayako_envelope import Row
from shared.clients.kayako_errors import Refused
from shared.clock import Clock
from shared.errors import Permanent, Transient

LOOK_EVERY_S = 0.5
"""Rests between two looks: a tenant counts requests per minute."""
RECENT = 20


class TrialCase:
    """Makes the case, watches it, takes it away."""

    def __init__(self, client: KayakoClient, clock: Clock, form_id: int | None, longest_wait_s: float) -> None:
        self._client = client
        self._clock = clock
        self._form_id = form_id
        self._longest_wait_s = longest_wait_s
        self._tag = f"probe-{token_hex(8)}"
        self.shown_after_s: float | None = None
        """Seconds until the case was seen in the first of the ways of looking; the whole wait when in none."""

    def try_out(self) -> Iterator[Finding]:
        """Everything about the case. Raises what making it raises: nothing else of it can then be found out."""
        me = int(self._client.get("me").row["id"])
        case_id = self._make(me)
        try:
            yield Finding("trial case", Verdict.OK, f"case {case_id} was made with the tag {self._tag}")
            yield from self._watch(case_id, me)
            for step in (self._tags, self._client_id, self._legacy_id, self._added_tag):
                yield self._found(step, case_id)
        finally:
            removed = self._found(self._remove, case_id)
        yield removed

    def _found(self, step: Callable[[int], Finding], case_id: int) -> Finding:
        try:
            return step(case_id)
        except (Permanent, Transient) as error:
            return Finding("trial case", Verdict.NOTE, f"could not be found out: {error.detail}")

    def _make(self, requester_id: int) -> int:
        body: dict[str, object] = {
            "subject": "Trial case of the phone assistant: please ignore",
            "contents": "<p>Made by make kayako-probe, and taken away again.</p>" + reference_line(self._tag),
            "channel": "NOTE",
            "channel_options": {"html": True},
            "requester_id": requester_id,
            "tags": self._tag,
        }
        if self._form_id is not None:
            body["form_id"] = self._form_id
        return self._client.post("cases", body).created_id

    def _watch(self, case_id: int, requester_id: int) -> Iterator[Finding]:
        """How long each of the ways in which tickets are looked for takes to show the case."""
        ways: dict[str, Callable[[], list[Row]]] = {
            "the list by tag": lambda: self._client.get("cases", tags=self._tag, limit=RECENT).rows,
            "the requester's cases": lambda: self._client.get(f"users/{requester_id}/cases", limit=RECENT).rows,
            "the search": lambda: self._client.get("search", query=f"'{self._tag}'", resources="CASES").rows,
        }
        began = self._clock.monotonic()
        seen: dict[str, float] = {}
        while len(seen) < len(ways) and self._clock.monotonic() - began < self._longest_wait_s:
            for way in ways.keys() - seen.keys():
                if any(_case_id(row) == case_id for row in ways[way]()):
                    seen[way] = self._clock.monotonic() - began
            if len(seen) < len(ways):
                time.sleep(LOOK_EVERY_S)
        self.shown_after_s = round(min(seen.values(), default=self._longest_wait_s), 1)
        for way in ways:
            if way in seen:
                yield Finding("trial case", Verdict.OK, f"shown by {way} after {seen[way]:.1f} s")
            else:
                text = f"not shown by {way} within {self._longest_wait_s:.0f} s"
                yield Finding("trial case", Verdict.NOTE if seen else Verdict.PROBLEM, text)

    def _tags(self, case_id: int) -> Finding:
        row = self._client.get(f"cases/{case_id}", fields="+tags").row
        names = [str(tag.get("name", "")) for tag in row.get("tags") or []]
        if self._tag in names:
            return Finding("trial case", Verdict.OK, "keeps its tag")
        text = "loses its tag: a rule of the tenant takes it away, and the sweep cannot see doubled cases"
        return Finding("trial case", Verdict.PROBLEM, text)

    def _client_id(self, case_id: int) -> Finding:
        sent = f"{self._tag}:note"
        note = {"contents": reference_line(sent), "channel": "NOTE", "channel_options": {"html": True}}
        self._client.post(f"cases/{case_id}/reply", {**note, "client_id": sent})
        posts = self._client.get(f"cases/{case_id}/posts", filters="MESSAGES,NOTES", limit=RECENT).rows
        if any(post.get("client_id") == sent for post in posts):
            return Finding("trial case", Verdict.OK, "notes keep their client_id")
        if any(mentions(sent, str(post.get("contents", ""))) for post in posts):
            return Finding("trial case", Verdict.NOTE, "notes lose their client_id: they are known by their last line")
        return Finding("trial case", Verdict.PROBLEM, "a note shows neither client_id nor its last line: it may double")

    def _legacy_id(self, case_id: int) -> Finding:
        self._client.put(f"cases/{case_id}", {"legacy_id": self._tag})
        kept = self._client.get(f"cases/{case_id}").row.get("legacy_id") == self._tag
        return Finding("trial case", Verdict.OK, f"legacy_id {'can' if kept else 'cannot'} be set; it is not used")

    def _added_tag(self, case_id: int) -> Finding:
        self._client.post(f"cases/{case_id}/tags", {"tags": f"{self._tag}-more"})
        row = self._client.get(f"cases/{case_id}", fields="+tags").row
        names = [str(tag.get("name", "")) for tag in row.get("tags") or []]
        added = f"{self._tag}-more" in names
        return Finding("trial case", Verdict.OK, f"a tag {'can' if added else 'cannot'} be added later")

    def _remove(self, case_id: int) -> Finding:
        try:
            self._client.put(f"cases/{case_id}/trash")
        except Refused as error:
            text = f"cannot be put into the trash ({error.code}): close case {case_id} by hand; doubles are closed"
            return Finding("trial case", Verdict.NOTE, text)
        return Finding("trial case", Verdict.OK, "was put into the trash")


def _case_id(row: Row) -> int:
    """Of a case, or of a search's result that refers to one."""
    return int((row.get("data") or {}).get("id") or row["id"])
