"""`make call`: simulated calls on the running stack, one told aloud, or many counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from lab.desk.api import Refused, Row, TooSlow
from lab.desk.one_call import Desk, Outcome, place
from lab.desk.running import NotRunning, RunningStack, newest
from lab.desk.story import answers, case_lines, cost_line, latencies, latency_line, percentile
from shared.contracts.relay import Transport

DEFAULT_SCENARIO = "router"


def call(scenario: str, transport: Transport | None) -> int:
    """Place one call by its scenario's name, told aloud, with its ticket.

    `transport` changes how the calls of every active agent are carried, from this one on.
    """
    stack = _with_lab_phone()
    desk = Desk.of(stack)
    if transport is not None:
        for agent in desk.api.ask("GET", "/agents", params={"active": True})["agents"]:
            desk.api.ask("PATCH", f"/agents/{agent['id']}", json={"transport": transport})
            print(f"  {agent['name']} is carried by {transport} from now on")
    outcome = place(desk, {"scenario": scenario}, aloud=True)
    print(f"\n  outcome: {outcome.call['outcome']}")
    print(latency_line(answers(outcome.call)))
    print(cost_line(outcome.call, stack.stood_in))
    _tell_ticket(desk, outcome)
    return 0


def _tell_ticket(desk: Desk, outcome: Outcome) -> None:
    if outcome.ticket is None:
        print("  no ticket: this conversation needs none")
    elif desk.help_desk is None or outcome.ticket["case_id"] is None:
        print(f"  ticket {outcome.ticket['state']}: {outcome.ticket['case_url'] or outcome.ticket['id']}")
    else:
        for line in case_lines(desk.help_desk.case(outcome.ticket["case_id"])):
            print(line)


def _with_lab_phone() -> RunningStack:
    stack = newest()
    if not stack.has_lab_phone:
        raise NotRunning("this stack takes real calls from Twilio; simulated ones need the lab's telephone")
    return stack


@dataclass(frozen=True)
class Asked:
    """A question that was asked in a call of its own."""

    question: str
    wanted: str
    """External id of the article that answers it, without an ending; empty when that is not known."""
    outcome: Outcome | None
    failed: str = ""

    def found(self, names: dict[str, str]) -> list[str]:
        """External ids of the articles the answer was given, best first."""
        if self.outcome is None:
            return []
        turns = [turn for turn in answers(self.outcome.call) if turn["sources"]]
        sources = turns[0]["sources"] if turns else []
        return list(dict.fromkeys(names.get(source["article_id"], "?") for source in sources))


def ask(questions: Path, count: int, at_once: int, collection: str) -> int:
    """Place a call for each question and print what the answers came from."""
    desk = Desk.of(_with_lab_phone())
    rows = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines() if line.strip()]
    names = {article["id"]: article["external_id"] for article in desk.api.articles(collection)}
    with ThreadPoolExecutor(at_once) as pool:
        done = list(pool.map(lambda numbered: _ask(desk, *numbered), enumerate(_spread(rows, count), 1)))
    for asked in done:
        _tell(asked, names)
    return _sum_up(done, names)


def _spread(rows: Sequence[Row], count: int) -> list[Row]:
    """`count` rows taken evenly from the whole file, which begins again when it is shorter."""
    step = max(1, len(rows) // count)
    return list(islice(cycle(rows[::step]), count))


def _ask(desk: Desk, number: int, row: Row) -> Asked:
    question, wanted = row["question"], str(row.get("article", ""))
    persona = {
        "number": f"+1202555{100 + number % 100:04d}",
        "name": f"Caller {number}",
        "email": f"caller{number}@example.com",
    }
    try:
        outcome = place(desk, {"questions": [question], "persona": persona}, aloud=False)
    except (Refused, TooSlow) as error:
        return Asked(question, wanted, None, str(error))
    return Asked(question, wanted, outcome)


def _tell(asked: Asked, names: dict[str, str]) -> None:
    print(f"\n{asked.question}")
    if asked.outcome is None:
        print(f"  failed: {asked.failed}")
        return
    found = asked.found(names)
    verdict = _verdict(asked, found)
    print(f"  {verdict:<9} {found[0] if found else 'nothing found, and said so'}")
    if verdict == "miss":
        print(f"  wanted    {next((name for name in names.values() if _is(name, asked.wanted)), asked.wanted)}")
    print(latency_line(answers(asked.outcome.call)))
    ticket = asked.outcome.ticket
    print(f"  ticket {ticket['case_url'] or ticket['state']}" if ticket else "  no ticket")


def _is(name: str, wanted: str) -> bool:
    """Whether an article's name is the wanted id, or begins with it as uploaded files do."""
    return name == wanted or name.startswith((f"{wanted}-", f"{wanted}.", f"{wanted}:", f"{wanted}/"))


def _verdict(asked: Asked, found: list[str]) -> str:
    if not asked.wanted:
        return "answered" if found else "not found"
    if found and _is(found[0], asked.wanted):
        return "hit"
    return "hit below" if any(_is(name, asked.wanted) for name in found) else "miss"


def _ticket_wait_s(outcome: Outcome) -> float | None:
    """Seconds from the end of the call to the case in the help desk."""
    ended, opened = outcome.call["ended_at"], (outcome.ticket or {}).get("opened_at")
    if ended is None or opened is None:
        return None
    return (datetime.fromisoformat(opened) - datetime.fromisoformat(ended)).total_seconds()


def _sum_up(done: list[Asked], names: dict[str, str]) -> int:
    verdicts = [_verdict(asked, asked.found(names)) for asked in done if asked.outcome]
    turns = [turn for asked in done if asked.outcome for turn in answers(asked.outcome.call)]
    tickets = sum(1 for asked in done if asked.outcome and asked.outcome.ticket)
    print(f"\n{len(done)} calls, {tickets} tickets, {sum(asked.outcome is None for asked in done)} failed")
    if any(asked.wanted for asked in done):
        any_rank = verdicts.count("hit") + verdicts.count("hit below")
        print(f"  the right article first: {verdicts.count('hit')}; among those given: {any_rank}; of {len(verdicts)}")
    for stage, meaning in (("answer", "first sound"), ("overhead", "added by the platform")):
        if values := latencies(turns, stage):
            print(f"  {meaning}: median {median(values):.1f} ms, p95 {percentile(values, 0.95):.1f} ms")
    if waits := [wait for asked in done if asked.outcome and (wait := _ticket_wait_s(asked.outcome)) is not None]:
        print(f"  hang-up to ticket: median {median(waits):.1f} s, p95 {percentile(waits, 0.95):.1f} s")
    return 1 if any(asked.outcome is None for asked in done) else 0
