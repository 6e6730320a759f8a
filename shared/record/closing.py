"""Closing a conversation: once, in one transaction with everything that follows from it.

A call is over when Twilio says so *and* the voice process has stored its last words. Whichever comes second closes it;
a sweep closes what one of the two never reported.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from shared.contracts.calls import MACHINES, CallStatus, MediaState, NextStep, PermissionKind, PermissionSource
from shared.contracts.conversations import Outcome, Speaker, TicketPolicy
from shared.contracts.tasks import TaskName
from shared.database.models import Agent, Call, Conversation, Ticket, Turn
from shared.messaging.outbox import outbox_row
from shared.observability.logs import get_logger
from shared.record.permissions import permitting

log = get_logger(__name__)

SUMMARY_HEAD_START = timedelta(seconds=6)
"""How long the ticket waits for its summary; the summary task pulls it forward when it is done.

A model writes one in about five seconds, and of the ten that a ticket may take some belong to the help desk.
"""
STALE = timedelta(seconds=45)
"""How long one side's report may be missing before a sweep closes the conversation without it."""
STALE_TRANSFER = timedelta(hours=4)
"""The same while a person may be talking with the caller: Twilio's own limit for a call."""


def close_if_over(session: Session, call_id: UUID, now: datetime, *, stale: bool = False) -> bool:
    """Close the call's conversation when both sides are done with it; True when this run closed it.

    `stale` closes it although one side has not reported. Runs inside the caller's transaction and locks the rows until
    its end, so that two reports arriving together close it once. The conversation is locked before its call: SQLAlchemy
    writes changes in that order too, and a transaction that locked the other way round would deadlock with one that
    only stores.
    """
    conversation = session.scalars(
        select(Conversation).join(Call).where(Call.id == call_id).with_for_update(of=Conversation)
    ).one()
    call = session.scalars(select(Call).where(Call.id == call_id).with_for_update()).one()
    if conversation.closed_at is not None or not (stale or _is_over(call)):
        return False
    call.ended_at = call.ended_at or now
    if not CallStatus(call.status).is_final:
        call.status = CallStatus.COMPLETED
    if _nobody_reached(call):
        conversation.outcome = Outcome.NOT_REACHED
    if conversation.outcome in (None, Outcome.SILENT) and _spoke(session, conversation):
        # a process that went on without its predecessor's last words may believe that nobody spoke: the record knows
        conversation.outcome = Outcome.ABANDONED
    conversation.outcome = conversation.outcome or _without_a_word(call)
    conversation.closed_at = now
    _keep_opt_out(session, conversation)
    agent = session.get_one(Agent, conversation.agent_id)
    ticket = needs_ticket(Outcome(conversation.outcome), TicketPolicy(agent.ticket_policy))
    if ticket:
        _plan_ticket(session, call, conversation)
    session.add(outbox_row(TaskName.RECORD_CONVERSATION, conversation.id, conversation_id=conversation.id))
    log.info(
        "conversation_closed", call_sid=call.call_sid, outcome=conversation.outcome, kind="ticket" if ticket else ""
    )
    return True


def _keep_opt_out(session: Session, conversation: Conversation) -> None:
    """Somebody whom we called asked for no more calls and confirmed it: the checkpoint knows, whoever wrote it last."""
    if conversation.checkpoint.get("opted_out") is True and conversation.caller_address:
        session.execute(
            permitting(
                conversation.caller_address,
                PermissionKind.OPT_OUT,
                PermissionSource.CALL,
                evidence="said to the assistant and confirmed",
                conversation_id=conversation.id,
            )
        )
        log.info("opted_out", conversation_id=str(conversation.id))


def _is_over(call: Call) -> bool:
    """Whether all sides are done: a stream that never connected has nothing to store, a transfer reports its end."""
    done_talking = call.media_state != MediaState.CONNECTED and call.next_step != NextStep.TRANSFER
    return CallStatus(call.status).is_final and done_talking


def _nobody_reached(call: Call) -> bool:
    """Whether a call of ours met no person; what a machine said and heard is no conversation."""
    return call.direction.startswith("outbound") and (call.answered_at is None or call.answered_by in MACHINES)


def _spoke(session: Session, conversation: Conversation) -> bool:
    """Whether the record holds words of the caller."""
    words = select(Turn.number).where(Turn.conversation_id == conversation.id, Turn.speaker == Speaker.CALLER)
    return session.scalars(words.limit(1)).first() is not None


def _without_a_word(call: Call) -> Outcome:
    """The outcome of a conversation that did not come to its own end, and in which the caller said nothing."""
    unserved = call.media_state in (MediaState.EXPECTED, MediaState.WAITING)
    return Outcome.REFUSED if unserved and call.answered_at else Outcome.SILENT


def needs_ticket(outcome: Outcome, policy: TicketPolicy) -> bool:
    """Whether a conversation that ended so leaves a ticket.

    Nobody spoke, or nobody was reached: nothing to write down. We could not take the call: always, so that somebody
    calls back.
    """
    match outcome:
        case Outcome.SILENT | Outcome.NOT_REACHED:
            return False
        case Outcome.REFUSED | Outcome.FOLLOW_UP:
            return True
        case Outcome.ANSWERED | Outcome.ABANDONED | Outcome.TRANSFERRED:
            return policy is TicketPolicy.EVERY_CONVERSATION


def _plan_ticket(session: Session, call: Call, conversation: Conversation) -> None:
    """The ledger row, the summary, and the ticket a little later: the ticket never waits for the summary for ever."""
    ticket = Ticket(conversation_id=conversation.id, marker=marker(call.call_sid))
    session.add(ticket)
    session.flush()
    session.add(
        outbox_row(TaskName.SUMMARISE_CONVERSATION, conversation.id, conversation_id=conversation.id),
    )
    session.add(outbox_row(TaskName.OPEN_TICKET, ticket.id, delay=SUMMARY_HEAD_START, ticket_id=ticket.id))


def marker(call_sid: str) -> str:
    """The tag by which a case is recognised in the help desk: lower case, no comma, at most 40 characters."""
    return f"call-{call_sid.lower()}"


def one_sided(now: datetime) -> ColumnElement[bool]:
    """The condition on calls whose conversation is open although one side was done with it a while ago.

    A lost stream is asked about within seconds, and connected again; one that nobody asked about has no line any more.
    """
    over = Call.status.in_([status.value for status in CallStatus if status.is_final])
    one_side_done = or_(over, Call.media_state.in_([MediaState.FINISHED, MediaState.LOST]))
    goes_on = [NextStep.TRANSFER, NextStep.APOLOGISE, NextStep.TAKE_MESSAGE]
    with_a_person = and_(~over, func.coalesce(Call.next_step, NextStep.HANG_UP).in_(goes_on))
    waited = or_(
        and_(~with_a_person, Call.updated_at < now - STALE),
        Call.updated_at < now - STALE_TRANSFER,
    )
    return and_(Conversation.closed_at.is_(None), one_side_done, waited)
