"""The story of one call: what the lab saw, what the record and the help desk hold, what the logs say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from lab.twilio import records
from shared.record.closing import marker
from tests.chaos.evidence import DeskCase, StoredCall
from tests.chaos.injector import Done
from tests.chaos.stage import Stage
from tests.chaos.telephone import Telephone

MOST_LINES = 60
LONGEST = 260
NEAR_S = 20.0
"""Faults so near to a call belong to its story."""
_ROWS = """
SELECT calls.*, conversations.outcome, conversations.closed_at, conversations.started_at, conversations.trace_id
FROM calls JOIN conversations ON conversations.id = calls.conversation_id WHERE call_sid = %s
"""
_TICKET = "SELECT * FROM tickets WHERE conversation_id = %s"
_OUTBOX = "SELECT task, created_at, due_at, sent_at FROM outbox WHERE order_key = ANY(%s) ORDER BY created_at"
_LETTERS = "SELECT task, error, reason, failed_at, replayed_at FROM dead_letters WHERE payload::text LIKE ANY(%s)"


def story(
    running: Stage,
    telephone: Telephone,
    done: Sequence[Done],
    sid: str,
    headline: str,
    stored: Mapping[str, StoredCall],
    cases: Sequence[DeskCase],
) -> str:
    """Everything that is known of a call."""
    lines = [headline]
    record = telephone.record(sid)
    if record is not None:
        call = telephone.calls[sid]
        lines += ["", f"The lab ({call.kind.value}, placed {record.placed_at:%H:%M:%S.%f}):", *_events(record)]
        near = [one for one in done if call.placed - NEAR_S < one.began < call.ended + NEAR_S]
        lines += ["", "Faults around it:"]
        lines += [f"  {one.began - call.placed:+8.2f} s  {one.fault} {one.note}" for one in near]
    if sid in stored:
        lines += ["", "Turns:"]
        lines += [
            f"  {turn.number:5} {'caller' if turn.by_caller else 'assistant'}: {turn.heard!r}"
            + ("" if turn.heard == turn.text else f" of {turn.text!r}")
            for turn in stored[sid].turns
        ]
    rows, keys = _rows(running.database_url, sid)
    lines += ["", "Rows:", *rows]
    lines += ["", "Cases:", *(f"  {case}" for case in cases if marker(sid) in case.tags)]
    lines += ["", "Logs:", *_logs(running.place.logs, [sid, *keys])]
    return "\n".join(line[:LONGEST] for line in lines)


def _events(record: records.CallRecord) -> Iterator[str]:
    for event in record.events:
        match event:
            case records.WebhookSent(purpose=purpose, url=url, status=status, attempt=attempt, elapsed_ms=elapsed):
                told = f"{purpose} {url.partition('/twilio')[2]} -> {status} in {elapsed:.0f} ms (attempt {attempt})"
            case records.TwimlReceived(twiml=twiml):
                told = " ".join(twiml.split())[-LONGEST:]
            case records.MarkEchoed() | records.VerbStarted() | records.RelayMessage():
                continue
            case _:
                told = repr(event).partition("(")[2].rstrip(")").partition(", ")[2]
        yield f"  {event.at:8.2f}  {type(event).__name__} {told}"


def _rows(database_url: str, sid: str) -> tuple[list[str], list[str]]:
    """The rows of the call, and the ids under which logs and tasks speak of it."""
    with psycopg.connect(database_url, row_factory=dict_row) as database:
        call = database.execute(_ROWS, [sid]).fetchone()
        if call is None:
            return ["  none"], []
        lines = [_row("call", call)]
        keys = [str(call["conversation_id"]), str(call["trace_id"])]
        ticket = database.execute(_TICKET, [call["conversation_id"]]).fetchone()
        if ticket is not None:
            lines.append(_row("ticket", ticket))
            keys.append(str(ticket["id"]))
        lines += [_row("outbox", row) for row in database.execute(_OUTBOX, [keys])]
        lines += [_row("dead letter", row) for row in database.execute(_LETTERS, [[f"%{key}%" for key in keys]])]
    return lines, keys


def _row(name: str, row: Mapping[str, Any]) -> str:
    return f"  {name}: " + ", ".join(f"{key}={value}" for key, value in row.items() if value is not None)


def _logs(folder: Path, keys: Sequence[str]) -> list[str]:
    found = []
    for path in sorted(folder.glob("*.log")):
        with path.open(encoding="utf-8", errors="replace") as file:
            found += [(line, path.stem) for line in file if any(key in line for key in keys)]
    ordered = sorted(found, key=lambda one: one[0].partition('"timestamp":"')[2])
    return [f"  {name}: {line.strip()}" for line, name in ordered[-MOST_LINES:]]
