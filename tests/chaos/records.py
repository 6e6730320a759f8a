"""What the record holds at the end, read past every wire."""

from __future__ import annotations

from collections import defaultdict

import psycopg
import redis
from psycopg.rows import dict_row

from shared.contracts.tasks import Queue
from shared.contracts.tickets import TicketState
from tests.chaos.evidence import StoredCall, StoredTurn

_CALLS = """
SELECT calls.call_sid, calls.status, calls.ended_at, calls.media_state, calls.stream_generation,
       conversations.id AS conversation_id, conversations.closed_at, conversations.outcome, agents.ticket_policy,
       tickets.marker, tickets.state AS ticket_state, tickets.case_id
FROM calls JOIN conversations ON conversations.id = calls.conversation_id JOIN agents ON agents.id = agent_id
LEFT JOIN tickets ON tickets.conversation_id = conversations.id
"""
_TURNS = "SELECT conversation_id, number, speaker, text, heard, interrupted FROM turns ORDER BY conversation_id, number"
_UNFINISHED = [TicketState.PLANNED.value, TicketState.SENDING.value, TicketState.UNKNOWN.value]


def stored_calls(database_url: str) -> dict[str, StoredCall]:
    """Every call's rows, by CallSid."""
    turns: dict[object, list[StoredTurn]] = defaultdict(list)
    with psycopg.connect(database_url, row_factory=dict_row) as database:
        for row in database.execute(_TURNS):
            turn = StoredTurn(row["number"], row["speaker"] == "caller", row["text"], row["heard"], row["interrupted"])
            turns[row["conversation_id"]].append(turn)
        return {
            row["call_sid"]: StoredCall(
                sid=row["call_sid"],
                status=row["status"],
                is_ended=row["ended_at"] is not None,
                is_closed=row["closed_at"] is not None,
                outcome=row["outcome"],
                policy=row["ticket_policy"],
                media_state=row["media_state"],
                generations=row["stream_generation"],
                marker=row["marker"],
                ticket_state=row["ticket_state"],
                case_id=row["case_id"],
                turns=turns[row["conversation_id"]],
            )
            for row in database.execute(_CALLS)
        }


def unfinished(database_url: str, redis_url: str) -> dict[str, int]:
    """What still has to happen, by kind; all zero when everything is quiet."""
    with psycopg.connect(database_url) as database:

        def count(query: str, *values: object) -> int:
            row = database.execute(query, values).fetchone()
            return int(row[0]) if row is not None else 0

        found = {
            "open conversations": count("SELECT count(*) FROM conversations WHERE closed_at IS NULL"),
            "unfinished tickets": count("SELECT count(*) FROM tickets WHERE state = ANY(%s)", _UNFINISHED),
            "unsent outbox rows": count("SELECT count(*) FROM outbox WHERE sent_at IS NULL"),
        }
    with redis.Redis.from_url(redis_url) as client:
        found["waiting tickets tasks"] = int(client.llen(Queue.TICKETS.value))
    return found
