"""Conversations in the record, built as calls leave them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.contracts.calls import CallStatus, MediaState
from shared.contracts.conversations import Channel, Outcome, Speaker
from shared.conversation.state import ConversationState
from shared.database.models import Agent, Call, Conversation, Ticket, Turn
from shared.record.closing import close_if_over

CALLER = "+13125550142"
BEGAN = datetime(2026, 11, 20, 8, 31, tzinfo=UTC)


def an_agent(session: Session, **fields: Any) -> Agent:
    """An agent of the sample company."""
    name = f"agent {secrets.token_hex(4)}"
    agent = Agent(**{"name": name, "company": "Fernway Internet", "greeting": "Hello.", **fields})
    session.add(agent)
    session.flush()
    return agent


def a_turn(number: int, speaker: Speaker, text: str, **fields: Any) -> Turn:
    """Something said, heard to its end unless `heard` says otherwise."""
    at = BEGAN + timedelta(seconds=5 * number)
    values = {"heard": text, "phase": "issue", "started_at": at, "ended_at": at + timedelta(seconds=3), **fields}
    return Turn(number=number, speaker=speaker.value, text=text, **values)


def dialogue() -> list[Turn]:
    """A question, its answer from an article, and a goodbye."""
    source = {"article_id": "a1", "title": "Restart your router", "url": "https://help.example/1", "score": 0.9}
    return [
        a_turn(0, Speaker.ASSISTANT, "Fernway Internet, this is an AI assistant. How can I help?", phase="greeting"),
        a_turn(1, Speaker.CALLER, "Hi, my router keeps restarting since the update. How do I reset it?"),
        a_turn(
            2,
            Speaker.ASSISTANT,
            "Hold the reset button for ten seconds. Then wait until the light is green.",
            phase="answer",
            sources=[source],
            stages_ms={"answer": 640.0},
            origin="model",
        ),
        a_turn(3, Speaker.CALLER, "Thanks, that is all."),
        a_turn(4, Speaker.ASSISTANT, "Goodbye.", phase="close"),
    ]


def a_conversation(
    session: Session, agent: Agent | None = None, turns: Sequence[Turn] | None = None, **fields: Any
) -> Call:
    """An open conversation whose call Twilio and the voice process are done with; close it with `close`."""
    agent = agent or an_agent(session)
    values: dict[str, Any] = {
        "agent_id": agent.id,
        "channel": Channel.PHONE.value,
        "language": "en",
        "caller_address": CALLER,
        "outcome": Outcome.ANSWERED.value,
        "trace_id": secrets.token_hex(16),
        "started_at": BEGAN,
        "checkpoint": ConversationState().to_json(),
        **fields,
    }
    conversation = Conversation(**values)
    session.add(conversation)
    session.flush()
    for turn in dialogue() if turns is None else turns:
        turn.conversation_id = conversation.id
        session.add(turn)
    call = Call(
        call_sid="CA" + secrets.token_hex(16),
        conversation_id=conversation.id,
        direction="inbound",
        from_number=CALLER,
        to_number="+18005550101",
        status=CallStatus.COMPLETED.value,
        media_state=MediaState.FINISHED.value,
        stream_issued_at=BEGAN,
        answered_at=BEGAN,
    )
    session.add(call)
    session.flush()
    return call


def close(session: Session, call: Call) -> UUID:
    """Close the call's conversation with everything that follows; the ticket that was planned."""
    assert close_if_over(session, call.id, datetime.now(UTC))
    return session.scalars(select(Ticket.id).where(Ticket.conversation_id == call.conversation_id)).one()
