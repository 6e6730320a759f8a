"""A call and its ticket as lines for a person at a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from html import unescape
from statistics import median

from lab.desk.api import Row

WIDTH = 100
INDENT = " " * 21
NOTED_SHORT_S = 0.2
"""Sound dropped by `clear` below this is not worth a line."""


def line_of(event: Row) -> str | None:
    """One event of a call as a line; None for what only engineers want to know."""
    moment = f"  {event['at']:6.1f} s  "
    match event["event"]:
        case "CallPlaced":
            return f"{moment}{event['from_number']} calls {event['to_number']}   (simulated: {event['sid']})"
        case "Heard":
            return moment + _spoken("Assistant", event["text"], cut=not event["is_complete"])
        case "Said":
            return moment + _spoken("Caller", event["text"], cut=not event["is_complete"])
        case "KeyPressed":
            return f"{moment}Caller    presses {event['key']}"
        case "BufferCleared" | "Interrupted" if event["dropped_s"] > NOTED_SHORT_S:
            return f"{moment}          (barge-in: {event['dropped_s']:.1f} s of speech taken back)"
        case "Problem":
            return f"{moment}          (error {event['code']}: {event['message']})"
        case "CallEnded":
            return f"{moment}Call ended by {event['ended_by']} after {event['duration_s']:.1f} s"
    return None


def _spoken(who: str, words: str, *, cut: bool) -> str:
    text = f"{who:<9} {words}{' —' if cut else ''}"
    return textwrap.fill(text, WIDTH, initial_indent="", subsequent_indent=INDENT)


def case_lines(case: Row) -> Iterator[str]:
    """A help-desk case with its notes."""
    yield f"  Case {case['id']}: {case['subject']}"
    yield f"  {case['status']} · priority {case['priority']} · {case['requester']} · {' '.join(case['emails'])}"
    yield f"  tags: {', '.join(case['tags'])}"
    for post in case["posts"]:
        yield f"  ── {post['channel'].lower()} by {post['author']} ──"
        for line in plain(post["html"] or post["text"]):
            yield textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="    ")


def plain(html: str) -> Iterator[str]:
    """The text of simple HTML, a block a line; good enough for a terminal."""
    blocks = re.sub(r"(?i)</(p|h[1-6]|li|div|tr)>|<br ?/?>", "\n", html)
    blocks = re.sub(r"(?i)<li[^>]*>", "· ", blocks)
    for line in unescape(re.sub(r"<[^>]+>", "", blocks)).splitlines():
        if words := " ".join(line.split()):
            yield words


def answers(call: Row) -> list[Row]:
    """The turns of the assistant that answered from articles or a model."""
    return [turn for turn in call["turns"] if turn["speaker"] == "assistant" and turn["origin"] in ("model", "rules")]


def latencies(turns: Iterable[Row], stage: str = "answer") -> list[float]:
    """Milliseconds of this stage in these turns."""
    return [turn["stages_ms"][stage] for turn in turns if stage in turn["stages_ms"]]


def percentile(values: list[float], share: float) -> float:
    """The smallest value that is not exceeded by this share of the values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def latency_line(turns: Iterable[Row]) -> str:
    """How fast the answers were, and how much of it was ours."""
    turns = list(turns)
    answer, overhead = latencies(turns), latencies(turns, "overhead")
    if not answer:
        return "  no answer was measured"
    text = f"  first sound of an answer after {median(answer):.0f} ms (median of {len(answer)})"
    return text + (f", of which the platform itself {median(overhead):.1f} ms" if overhead else "")


def cost_line(call: Row, stood_in: Sequence[str]) -> str:
    """What the call cost by the rate card, as far as that is known, and who was not paid."""
    cost = call["cost"]
    known = " and ".join(f"{Decimal(amount):.4f} {currency}" for currency, amount in cost["known"].items())
    text = f"  by the rate card this call comes to {known or 'nothing that is known'}"
    if cost["unknown"]:
        text += f", and to what is not known: {'; '.join(cost['unknown'])}"
    if stood_in:
        text += f". Nobody was paid for what the lab did in place of {', '.join(stood_in)}"
    return textwrap.fill(text, WIDTH, subsequent_indent="  ")
