"""The first look at a Kayako tenant: how it signs in, what it lists, what it demands. Only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from secrets import token_hex
from typing import Any

from services.ticketing.adapters.kayako_sign_in_trials import sign_in_trials
from services.ticketing.adapters.kayako_tables import CLOSED, CUSTOMER, LEVELS
from services.ticketing.adapters.kayako_trial_case import TrialCase
from services.ticketing.domain.draft import CaseStatus, CaseType
from services.ticketing.domain.probe import (
    CALL_FIELD,
    Finding,
    FormChoice,
    Report,
    Trial,
    Verdict,
    choose_form,
    choose_mode,
    missing,
)
from shared.clients.kayako import KayakoClient
from shared.clients.kayako_capabilities import Capabilities
from shared.clients.kayako_envelope import Envelope, Row
from shared.clients.kayako_errors import NoSuchResource, Refused
from shared.clock import Clock
from shared.errors import Permanent, Transient
from shared.settings import KayakoSettings

PAGES_TRIED = (1000, 200, 100)
"""Rows asked for at once, the most first: clients in the wild send up to a thousand."""
LOOKED_AT = 20
NOBODYS_CASE = 999_999_999
WITH_TAGS = "+tags"


class KayakoProbe:
    """Looks at one tenant. Each step stands alone: one that is refused is a finding too."""

    def __init__(self, settings: KayakoSettings, clock: Clock, longest_wait_s: float) -> None:
        """`longest_wait_s` is how long a writing probe waits for its case to show."""
        self._settings = settings
        self._clock = clock
        self._longest_wait_s = longest_wait_s
        self._findings: list[Finding] = []
        self._known: dict[str, Any] = {}

    def run(self, *, write: bool) -> Report:
        """Look; with `write` also make one case, see where it shows, and take it away again."""
        trials = sign_in_trials(self._settings, self._clock)
        self._known["auth_mode"] = choose_mode(trials)
        self._findings += _about_sign_in(trials)
        if self._known["auth_mode"] is None:
            return Report(tuple(self._findings), Capabilities(), signed_in=False)
        chosen = self._settings.model_copy(update={"kayako_auth_mode": self._known["auth_mode"]})
        with KayakoClient(chosen, self._clock) as client:
            reading: dict[str, Callable[[KayakoClient], Iterator[Finding]]] = {
                "pages": self._pages,
                "tables": self._tables,
                "form": self._form,
                "tags": self._tags,
                "articles": self._articles,
                "what is not there": self._nothing,
            }
            for topic, step in reading.items():
                self._take(topic, step, client)
            if write:
                self._take("trial case", self._trial_case, client)
        return Report(tuple(self._findings), Capabilities.model_validate(self._known))

    def _take(self, topic: str, step: Callable[[KayakoClient], Iterator[Finding]], client: KayakoClient) -> None:
        try:
            for finding in step(client):
                self._findings.append(finding)
        except (Permanent, Transient) as error:
            self._findings.append(Finding(topic, Verdict.PROBLEM, f"could not be found out: {error.detail}"))

    def _pages(self, client: KayakoClient) -> Iterator[Finding]:
        largest = self._known["largest_page"] = _largest_page(client)
        first = client.get("cases", limit=1)
        if (first.total_count or 0) < 2:
            yield Finding("pages", Verdict.OK, f"at most {largest} rows; too few cases to see how lists go on")
            return
        self._known["gives_next_page"] = first.next_url is not None
        if first.next_url is None:
            yield Finding(
                "pages", Verdict.NOTE, f"at most {largest} rows, without the next page's address: we count on"
            )
        else:
            yield Finding("pages", Verdict.OK, f"at most {largest} rows, with the address of the next page")
        if _ids(client.get("cases", limit=1, offset=1)) == _ids(first):
            text = "lists ignore their offset: only the newest cases are swept, and imports may end early"
            yield Finding("pages", Verdict.PROBLEM, text)

    def _tables(self, client: KayakoClient) -> Iterator[Finding]:
        wanted: dict[str, tuple[str, tuple[object, ...]]] = {
            "cases/statuses": ("type", (*(status.value for status in CaseStatus), CLOSED)),
            "cases/priorities": ("level", tuple(LEVELS.values())),
            "cases/types": ("type", tuple(case_type.value for case_type in CaseType)),
            "roles": ("type", (CUSTOMER,)),
        }
        for table, (meaning, words) in wanted.items():
            rows = _usable(client, table)
            if gone := missing(words, [row.get(meaning) for row in rows]):
                verdict = Verdict.PROBLEM if table == "roles" else Verdict.NOTE
                follows = "new callers' tickets are parked" if table == "roles" else "cases are made without it"
                yield Finding(table, verdict, f"no {' and no '.join(gone)}: {follows}")
            else:
                known = ", ".join(f"{row.get(meaning)} is {row.get('id')}" for row in rows)
                yield Finding(table, Verdict.OK, known)
        team = self._settings.kayako_default_team
        titles = [str(row.get("title", "")).casefold() for row in _usable(client, "teams")]
        if team is not None and team.casefold() not in titles:
            yield Finding("teams", Verdict.PROBLEM, "KAYAKO_DEFAULT_TEAM names no team: cases are assigned to nobody")

    def _form(self, client: KayakoClient) -> Iterator[Finding]:
        fields = [row for page in client.pages("cases/fields") for row in page.rows]
        choice = choose_form([row for page in client.pages("cases/forms") for row in page.rows], fields)
        self._known |= {"form_id": choice.form_id, "has_call_field": choice.has_call_field}
        yield _about_form(choice)
        if choice.has_call_field:
            yield Finding("form", Verdict.OK, f"the field {CALL_FIELD} takes our marker")

    def _tags(self, client: KayakoClient) -> Iterator[Finding]:
        recent = client.get("cases", limit=LOOKED_AT, fields=WITH_TAGS)
        if not recent.rows:
            yield Finding("tags", Verdict.NOTE, "no cases yet: probe again later")
            return
        ignored = bool(client.get("cases", tags=f"nobodys-{token_hex(8)}", limit=1).rows)
        self._known["filters_by_tag"] = not ignored
        if ignored:
            text = "the list of cases cannot be asked for a tag: every ticket looks through the requester's cases too"
            yield Finding("tags", Verdict.NOTE, text)
        if not any("tags" in row for row in recent.rows):
            yield Finding("tags", Verdict.NOTE, "cases do not show their tags: they are known by their reference line")
        elif not ignored and (some := next((name for row in recent.rows for name in _names(row)), None)):
            yield _about_case(some, client)

    def _articles(self, client: KayakoClient) -> Iterator[Finding]:
        sections = [row for page in client.pages("sections") for row in page.rows]
        hidden = [row["id"] for row in sections if row.get("visibility") != "PUBLIC"]
        drafts = inside = published = 0
        for page in client.pages("articles", include="section"):
            for row in page.rows:
                drafts += row.get("status") != "PUBLISHED"
                inside += (row.get("section") or {}).get("id") in hidden
                published += row.get("status") == "PUBLISHED"
        text = f"{published} published articles"
        if drafts or inside:
            text += f"; this user also sees {drafts} drafts and {inside} in sections for staff, which are not imported"
        yield Finding("articles", Verdict.NOTE if drafts or inside else Verdict.OK, text)

    def _nothing(self, client: KayakoClient) -> Iterator[Finding]:
        try:
            client.get(f"cases/{NOBODYS_CASE}")
        except NoSuchResource as error:
            yield Finding("what is not there", Verdict.OK, f"404 {error.code}")
        except Refused as error:
            text = f"a case that does not exist answers {error.status_code} {error.code}: removed cases look refused"
            yield Finding("what is not there", Verdict.PROBLEM, text)
        else:
            yield Finding("what is not there", Verdict.PROBLEM, "a case that does not exist answers with success")

    def _trial_case(self, client: KayakoClient) -> Iterator[Finding]:
        form_id = self._known.get("form_id")
        case = TrialCase(client, self._clock, form_id, self._longest_wait_s)
        yield from case.try_out()
        self._known["shown_after_s"] = case.shown_after_s


def _about_sign_in(trials: list[Trial]) -> Iterator[Finding]:
    mode = choose_mode(trials)
    if mode is None:
        yield Finding("sign-in", Verdict.PROBLEM, trials[0].failure or "no way of signing in works")
        return
    for trial in trials:
        chosen = "works, and is used" if trial.mode == mode else "works"
        state = chosen if trial.failure is None else f"does not work: {trial.failure}"
        yield Finding("sign-in", Verdict.OK, f"{trial.mode} {state}")
    if trials[0].needs_token:
        yield Finding("sign-in", Verdict.NOTE, "X-CSRF: false is not honoured: writes need a session with its token")


def _about_form(choice: FormChoice) -> Finding:
    if not choice.demanded:
        return Finding("form", Verdict.OK, "the default form demands no custom field")
    demands = f"the default form demands {', '.join(choice.demanded)}"
    if choice.form_id is not None:
        return Finding("form", Verdict.NOTE, f"{demands}: cases are made with form {choice.form_id}, which does not")
    return Finding("form", Verdict.PROBLEM, f"{demands} of agents: make it optional, or tickets are parked")


def _about_case(tag: str, client: KayakoClient) -> Finding:
    """Whether the filter minds upper and lower case. The tag itself is the tenant's business and is not told."""
    swapped = client.get("cases", tags=tag.swapcase(), limit=1).rows
    minds = tag.swapcase() != tag and not swapped
    return Finding("tags", Verdict.OK, f"cases can be listed by tag, {'minding' if minds else 'not minding'} case")


def _largest_page(client: KayakoClient) -> int:
    """Raises Refused when the smallest is refused too."""
    for asked in PAGES_TRIED[:-1]:
        try:
            return client.get("cases", limit=asked).limit or asked
        except Refused:
            continue
    return client.get("cases", limit=PAGES_TRIED[-1]).limit or PAGES_TRIED[-1]


def _usable(client: KayakoClient, table: str) -> list[Row]:
    return [row for page in client.pages(table) for row in page.rows if not row.get("is_deleted")]


def _ids(envelope: Envelope) -> list[object]:
    return [row.get("id") for row in envelope.rows]


def _names(row: Row) -> list[str]:
    return [str(tag["name"]) for tag in row.get("tags") or [] if isinstance(tag, dict) and tag.get("name")]
