"""`make demo`: everything on this machine, one call, its ticket."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.desk.api import PlatformApi, Refused, Row, TooSlow, wait_until
from lab.desk.knowledge import upload_folder
from lab.desk.one_call import Desk, Outcome, place
from lab.desk.story import answers, case_lines, cost_line, latency_line
from lab.sample import AGENT, ARTICLES
from lab.stack.platform import STORES, operator_settings
from lab.stack.supervisor import stop_asked
from lab.stack.whole import Stack, whole_stack

SCENARIO = "router"
PERSONA = {"number": "+12025550123", "name": "Jane Doe", "email": "jane@example.com", "email_style": "spelled"}
TITLES_ASKED = 2
COLLECTION = "default"
IMPORT_WITHIN_S = 60.0
BANNER = """
Callwright: a phone call, answered from the knowledge base, ends as one ticket.
This demo uses the lab's stand-ins for {vendors}; the stores, the platform and Celery are real.
"""


class StepFailed(Exception):
    """A step of the demo did not do what it shows; the message says which."""


def demo(*, once: bool, kb: Path | None) -> int:
    """Run the demo; the exit status is 0 when every step did what it should."""
    began = time.monotonic()
    with stop_asked() as asked, _stack(kb) as stack:
        print(BANNER.format(vendors=", ".join(stack.stood_in)))
        print(f"Everything runs after {time.monotonic() - began:.1f} s. Importing the knowledge base")
        try:
            _prepare(stack, kb)
            print(f"\nThe call ({time.monotonic() - began:.1f} s after the start)")
            desk = Desk.of(stack)
            outcome = place(desk, _caller(desk.api, kb), aloud=True)
            print("\nThe ticket")
            _show(desk, outcome, stack.stood_in)
        except (StepFailed, Refused, TooSlow) as error:
            print(f"\nThe demo failed: {error}\nLogs: {stack.place.logs}")
            return 1
        print(f"\nDone {time.monotonic() - began:.1f} s after the start.")
        if not once:
            print(addresses(stack))
            stack.supervisor.watch(asked)
    return 0


@contextmanager
def _stack(kb: Path | None) -> Iterator[Stack]:
    """A fresh stack, on the person's own stores if they named some; its vendors are the lab's, whatever is set."""
    given = operator_settings(os.environ)
    stores = {name: given[name] for name in STORES if name in given}
    with whole_stack("demo", fresh=True, given=stores, articles=None if kb else ARTICLES) as stack:
        yield stack


def _prepare(stack: Stack, kb: Path | None) -> None:
    """The sample company's assistant, and its knowledge: from the help centre, or from a folder."""
    api = PlatformApi(stack.addresses["gateway"], stack.api_key)
    api.create_agent(json.loads(AGENT.read_text(encoding="utf-8")))
    began = time.monotonic()
    if kb is not None:
        count = upload_folder(api, kb, COLLECTION)
    else:
        api.ask("POST", "/knowledge/sync", params={"collection": COLLECTION})
        count = wait_until(lambda: _imported(api), IMPORT_WITHIN_S, "the import of the help centre")
    print(f"  {count} articles searchable after {time.monotonic() - began:.1f} s")


def _caller(api: PlatformApi, kb: Path | None) -> Row:
    """Who calls: the scripted caller, or, for a folder nobody here has read, one who asks for its articles by title."""
    if kb is None:
        return {"scenario": SCENARIO}
    titles = [article["title"] for article in api.articles(COLLECTION)]
    return {"questions": titles[:: max(1, len(titles) // TITLES_ASKED)][:TITLES_ASKED], "persona": PERSONA}


def _imported(api: PlatformApi) -> int | None:
    searchable, total = api.searchable(COLLECTION)
    return total if total and searchable == total else None


def _show(desk: Desk, outcome: Outcome, stood_in: Sequence[str]) -> None:
    """Print the ticket; raise StepFailed when something is not as it should be."""
    call, ticket = outcome.call, outcome.ticket
    if outcome.ended.get("status") != "completed" or not call["notice_heard"]:
        raise StepFailed("the call did not come to its end, or the caller did not hear who answers")
    if not any(turn["sources"] for turn in answers(call)):
        raise StepFailed("no answer came from an article")
    if ticket is None or ticket["state"] != "open":
        raise StepFailed("no ticket was opened")
    if desk.help_desk is None:
        raise StepFailed("the help desk is not the lab's")
    cases = desk.help_desk.cases(tag=f"call-{call['call_sid'].lower()}")["cases"]
    if len(cases) != 1:
        raise StepFailed(f"{len(cases)} cases carry the call's tag, not 1")
    for line in case_lines(desk.help_desk.case(cases[0]["id"])):
        print(line)
    print()
    print(latency_line(answers(call)))
    print(cost_line(call, stood_in))
    if not call["email_confirmed"]:
        raise StepFailed("the e-mail address was not confirmed")


def addresses(stack: Stack) -> str:
    """Where to look."""
    at = stack.addresses
    lines = [
        "",
        *([f"  the lab: calls and tickets   {at['lab_pages']}"] if stack.stood_in else []),
        f"  API                          {at['gateway']}/api/v1   (key {stack.api_key})",
        f"  Flower                       {at['flower']}   (callwright / {stack.environment['FLOWER_PASSWORD']})",
        f"  metrics                      {at['gateway']}/metrics  {at['voice']}/metrics  {at['watch']}/metrics",
        f"  logs                         {stack.place.logs}",
        "",
        "Another call: `make call`, or `make call SCENARIO=not_covered`. Ctrl-C stops everything.",
    ]
    return "\n".join(lines)
