"""The rows of a plain line: all its SQL. Turns are written as a voice process writes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.plain_line.kept import KeptReply, checkpoint_of, kept_in, state_after
from services.gateway.plain_line.talk import Conversing, Exchange, Said
from services.gateway.webhooks.call_book import CallBook, CallRows
from services.gateway.webhooks.report import CallReport
from shared.contracts.agents import AgentProfile
from shared.contracts.calls import MediaState
from shared.contracts.conversations import Outcome, Speaker
from shared.conversation.state import ConversationState
from shared.database.engine import AsyncSessions
from shared.database.models import Conversation, Turn
from shared.database.transactions import transaction
from shared.record.turns import first_turn, storable


@dataclass(frozen=True, slots=True)
class Standing:
    """How a plain line stands when a request about it comes."""

    conversing: Conversing
    kept: KeptReply | None
    trace_id: str


class PlainRecord:
    """Reads and writes plain lines; nobody holds a row while an answer is being made."""

    def __init__(self, sessions: AsyncSessions) -> None:
        self._sessions = sessions

    async def read(self, report: CallReport) -> Standing | None:
        """How the line stands; None when the call is not led by us, or over."""
        async with transaction(self._sessions) as session:
            book = CallBook(session)
            rows = await book.find(report.call_sid)
            if rows is None or not _is_ours(rows, report):
                return None
            order = await book.order_of(report.call_sid)
            kept = kept_in(rows.conversation.checkpoint)
            conversing = Conversing(
                profile=AgentProfile.model_validate(rows.agent),
                state=state_after(rows.conversation.checkpoint, kept),
                initial_message=order.message if order is not None else "",
                is_first=kept is None,
            )
            return Standing(conversing, kept, rows.conversation.trace_id)

    async def keep(
        self, report: CallReport, turn: int, said: Said, exchange: Exchange, times: tuple[datetime, datetime]
    ) -> KeptReply | None:
        """Store an exchange, and that the reply before it was heard; the reply that stands now.

        That is another one when the same request was faster elsewhere, and none when the line is no longer ours.
        """
        kept = KeptReply(turn, exchange.sentences, exchange.step, exchange.then.language, exchange.then.to_json())
        async with transaction(self._sessions) as session:
            rows = await CallBook(session).find(report.call_sid)
            if rows is None or not _is_ours(rows, report):
                return None
            stands = kept_in(rows.conversation.checkpoint)
            if stands is not None and stands.turn >= turn:
                return stands
            await _heard(session, rows, stands, times[0])
            if told := _told(rows, turn, said, exchange, times):
                await session.execute(insert(Turn).on_conflict_do_nothing(), told)
            rows.conversation.checkpoint = checkpoint_of(exchange.unheard, kept)
            rows.conversation.outcome = exchange.outcome
            _show(rows.conversation, exchange.unheard)
        return kept

    async def finish(self, report: CallReport, kept: KeptReply, outcome: Outcome, now: datetime) -> None:
        """The last reply was heard: what it made true is stored."""
        async with transaction(self._sessions) as session:
            rows = await CallBook(session).find(report.call_sid)
            if rows is None or not _is_ours(rows, report):
                return
            await _heard(session, rows, kept, now)
            rows.conversation.checkpoint = {**rows.conversation.checkpoint, **kept.then}
            rows.conversation.outcome = outcome
            _show(rows.conversation, ConversationState.from_json(kept.then))


def _is_ours(rows: CallRows, report: CallReport) -> bool:
    return rows.call.media_state == MediaState.PLAIN and not rows.state(report.status).is_over


def _number(rows: CallRows, turn: int) -> int:
    """Of our reply; the caller's words that it answers have the number before."""
    return first_turn(rows.call.stream_generation) + 2 * turn


async def _heard(session: AsyncSession, rows: CallRows, kept: KeptReply | None, now: datetime) -> None:
    """The next request has come, so every sentence before it was played."""
    if kept is None:
        return
    ours = (Turn.conversation_id == rows.conversation.id, Turn.number == _number(rows, kept.turn))
    await session.execute(update(Turn).where(*ours).values(heard=Turn.text, ended_at=now))


def _told(
    rows: CallRows, turn: int, said: Said, exchange: Exchange, times: tuple[datetime, datetime]
) -> list[dict[str, Any]]:
    """The caller's turn, when they said something, and ours, of which nothing was heard yet."""
    heard_at, answered_at = times
    provenance, words, reply = exchange.provenance, storable(said.noted), storable(" ".join(exchange.sentences))
    both = {"conversation_id": rows.conversation.id, "phase": provenance.phase}
    caller = {
        **both,
        "number": _number(rows, turn) - 1,
        "speaker": Speaker.CALLER.value,
        "text": words,
        "heard": words,
        "started_at": heard_at,
        "ended_at": heard_at,
        "stages_ms": {},
        "sources": [],
        "origin": None,
    }
    ours = {
        **both,
        "number": _number(rows, turn),
        "speaker": Speaker.ASSISTANT.value,
        "text": reply,
        "heard": "",
        "started_at": answered_at,
        "ended_at": answered_at,
        "stages_ms": dict(provenance.stages_ms),
        "sources": provenance.sources,
        "origin": provenance.origin.value,
    }
    return [row for row in (caller, ours) if row["text"]]


def _show(conversation: Conversation, state: ConversationState) -> None:
    """The columns that follow from the state."""
    conversation.email = state.email.confirmed or state.email.candidate
    conversation.email_confirmed = state.email.confirmed is not None
    conversation.notice_heard = state.notice_heard
