"""`/api/v1/calls`: the record of telephone calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.gateway.api.call_records import CallRecord, CallRecords, Wanted
from services.gateway.api.documented import api_router, documented
from services.gateway.api.strict import PageQuery
from services.gateway.auth.requires import CurrentKey, Requires
from services.gateway.wiring import Session
from shared.contracts.calls import CallStatus, RecordingKind, RecordingStatus, TransferMode, TransferOutcome
from shared.contracts.conversations import Channel, Outcome, Speaker
from shared.contracts.relay import Transport
from shared.contracts.tickets import TicketState
from shared.database.models import Charge, Recording, Turn
from shared.errors import NotFound
from shared.rates.usage import Unit
from shared.record.figures import session_figures, stage_figures, written
from shared.record.language import language_of
from shared.security.api_keys import Scope

routes = api_router("calls")


class CallTicket(BaseModel):
    """The ticket that came of a call."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    state: TicketState
    case_id: int | None = Field(description="the case's number in the help desk")
    case_url: str | None
    opened_at: datetime | None = Field(description="when the case stood in the help desk")


class CallTransfer(BaseModel):
    """The latest attempt to put the caller through to a person."""

    model_config = ConfigDict(from_attributes=True)

    number: str
    mode: TransferMode
    outcome: TransferOutcome | None = Field(description="null while the person is rung or talks")
    started_at: datetime
    ended_at: datetime | None
    seconds: int | None = Field(description="how long the two talked")


class CallRecording(BaseModel):
    """A recording that Twilio keeps."""

    recording_sid: str
    kind: RecordingKind
    status: RecordingStatus
    seconds: int | None
    url: str | None = Field(description="null without the scope transcripts:read; Twilio may ask for credentials")


class CallCost(BaseModel):
    """What a call cost by the rate card: list prices, unless RATE_CARD_FILE has others. No invoice."""

    known: dict[str, str] = Field(description="by currency, the sum of everything whose price is known; exact decimals")
    unknown: list[str] = Field(description="what the call must have cost besides, in words; empty when nothing is")
    rates_of: date | None = Field(description="the youngest rate used holds from this day; null when none was")


class CallUsage(BaseModel):
    """So much of one product, and its price."""

    provider: str
    item: str = Field(description="as the rate card calls it")
    unit: Unit
    quantity: str = Field(description="an exact decimal")
    is_estimate: bool = Field(description="counted by us because the provider did not say")
    amount: str | None = Field(description="null when no price is known, which is not 0")
    currency: str | None
    rate_valid_from: date | None


class StageTimes(BaseModel):
    """One stage of the answers, in milliseconds."""

    model_config = ConfigDict(from_attributes=True)

    count: int
    median_ms: float
    worst_ms: float


class CallFigures(BaseModel):
    """How a call went, in numbers; several voice processes that had it are added up."""

    stages: dict[str, StageTimes] = Field(description="by stage of an answer, over the turns that have it")
    interruptions: int = Field(description="replies that the caller broke off")
    false_interruptions: int = Field(description="pauses after which the speech went on: a cough, a listener's word")
    silences: int = Field(description="how often the caller was asked whether they are still there")
    kept_characters: int = Field(description="spoken from kept audio, which costs nothing")
    usage: list[CallUsage]


class CallSummary(BaseModel):
    """One call, without its words."""

    id: UUID
    call_sid: str = Field(description="Twilio's name for the call")
    conversation_id: UUID
    agent_id: UUID
    agent_name: str
    channel: Channel
    direction: str
    language: str
    from_number: str = Field(description="as the line reported it; a word such as anonymous when it was withheld")
    to_number: str
    status: CallStatus
    transport: Transport = Field(description="who hears and speaks at present, or did at the end: we, or Twilio")
    outcome: Outcome | None = Field(description="null until it is known")
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    closed_at: datetime | None = Field(description="when everybody was done with it; null while it is open")
    duration_seconds: int | None
    answered_by: str | None = Field(description="who picked up a call that we placed; null when nobody listened for it")
    transfer: CallTransfer | None
    ticket: CallTicket | None = Field(description="null when the call needs none, or is still open")
    cost: CallCost


class CallPage(BaseModel):
    """A page of calls, newest first."""

    calls: list[CallSummary]
    total: int


class Source(BaseModel):
    """An article that an answer was taken from."""

    article_id: str
    title: str = ""
    url: str | None = None
    score: float | None = Field(default=None, description="relevance from 0 to 1")


class CallTurn(BaseModel):
    """One thing said. Its words need the scope transcripts:read and are null without it."""

    number: int
    speaker: Speaker
    text: str | None
    heard: str | None = Field(description="of the assistant's words, those that were played to the caller")
    interrupted: bool
    phase: str
    started_at: datetime
    ended_at: datetime
    stages_ms: dict[str, float] = Field(description="milliseconds per stage of an answer")
    sources: list[Source]
    origin: str | None = Field(description="what wrote an assistant's turn: model, rules or phrase")


class CallDetail(CallSummary):
    """One call with its turns. Words and contact data need the scope transcripts:read and are null without it."""

    caller_name: str | None
    email: str | None
    email_confirmed: bool
    notice_heard: bool = Field(description="whether the caller heard that an AI assistant answers")
    transcript_included: bool = Field(description="false when the key lacks the scope transcripts:read")
    recordings: list[CallRecording]
    figures: CallFigures
    turns: list[CallTurn]


class CallQuery(PageQuery):
    """Which calls."""

    agent_id: UUID | None = None
    outcome: Outcome | None = None
    channel: Channel | None = None
    started_from: AwareDatetime | None = Field(default=None, description="began at or after; with a time zone")
    started_to: AwareDatetime | None = Field(default=None, description="began before; with a time zone")
    open: bool | None = Field(default=None, description="true: still going on; false: closed")
    call_sid: str | None = Field(default=None, pattern=r"^CA[0-9a-f]{32}$")


_SUMMARY_EXAMPLE = {
    "id": "5c0c6d0e-8f1b-4a57-9f43-0a6d7d1a2f10",
    "call_sid": "CA0f3e5b7c9d1e2f30415263748596a7b8",
    "conversation_id": "2f8f1f0a-63f5-4f3c-8a9e-6c3b1d7e5a42",
    "agent_id": "9b2d4c1e-0d57-4f0e-9d6f-5f1f6f2a7c33",
    "agent_name": "Support line",
    "channel": "phone",
    "direction": "inbound",
    "language": "en",
    "from_number": "+18005550100",
    "to_number": "+18005550101",
    "status": "completed",
    "transport": "media_streams",
    "outcome": "answered",
    "started_at": "2026-11-20T08:23:41Z",
    "answered_at": "2026-11-20T08:23:42Z",
    "ended_at": "2026-11-20T08:25:03Z",
    "closed_at": "2026-11-20T08:25:03Z",
    "duration_seconds": 82,
    "answered_by": None,
    "transfer": {
        "number": "+18005550199",
        "mode": "warm",
        "outcome": "accepted",
        "started_at": "2026-11-20T08:24:40Z",
        "ended_at": "2026-11-20T08:25:03Z",
        "seconds": 12,
    },
    "ticket": {
        "id": "7e1a9c55-3b60-4d7e-8c53-4d1b7d0f9e21",
        "state": "open",
        "case_id": 1042,
        "case_url": "https://example.kayako.com/agent/conversations/1042",
        "opened_at": "2026-11-20T08:25:06Z",
    },
    "cost": {
        "known": {"USD": "0.042183"},
        "unknown": ["no price for outbound US toll-free of twilio, by seconds"],
        "rates_of": "2026-09-22",
    },
}
_DETAIL_EXAMPLE = {
    **_SUMMARY_EXAMPLE,
    "caller_name": None,
    "email": "jane.doe@example.com",
    "email_confirmed": True,
    "notice_heard": True,
    "transcript_included": True,
    "recordings": [
        {
            "recording_sid": "RE0f3e5b7c9d1e2f30415263748596a7b8",
            "kind": "call",
            "status": "completed",
            "seconds": 78,
            "url": "https://api.twilio.com/2010-04-01/Accounts/AC0/Recordings/RE0f3e5b7c9d1e2f30415263748596a7b8",
        }
    ],
    "figures": {
        "stages": {"answer": {"count": 1, "median_ms": 520.0, "worst_ms": 520.0}},
        "interruptions": 1,
        "false_interruptions": 0,
        "silences": 0,
        "kept_characters": 118,
        "usage": [
            {
                "provider": "deepgram",
                "item": "nova-3",
                "unit": "seconds",
                "quantity": "80.4",
                "is_estimate": False,
                "amount": "0.006432",
                "currency": "USD",
                "rate_valid_from": "2026-05-05",
            }
        ],
    },
    "turns": [
        {
            "number": 1,
            "speaker": "caller",
            "text": "How do I restart my router?",
            "heard": "How do I restart my router?",
            "interrupted": False,
            "phase": "issue",
            "started_at": "2026-11-20T08:23:50Z",
            "ended_at": "2026-11-20T08:23:52Z",
            "stages_ms": {"hearing": 310.0},
            "sources": [],
            "origin": None,
        },
        {
            "number": 2,
            "speaker": "assistant",
            "text": "Unplug it, wait ten seconds, and plug it in again.",
            "heard": "Unplug it, wait ten seconds,",
            "interrupted": True,
            "phase": "answer",
            "started_at": "2026-11-20T08:23:53Z",
            "ended_at": "2026-11-20T08:23:56Z",
            "stages_ms": {"retrieval": 12.0, "first_token": 240.0, "answer": 520.0},
            "sources": [
                {
                    "article_id": "d5b7f1c2-5a4e-4d38-8f0b-2a9c6e7b1d04",
                    "title": "Restart your router",
                    "url": "https://help.example.com/restart-your-router",
                    "score": 0.81,
                }
            ],
            "origin": "model",
        },
    ],
}


@routes.get(
    "",
    dependencies=[Depends(Requires(Scope.CALLS_READ))],
    responses=documented({"calls": [_SUMMARY_EXAMPLE], "total": 1}),
)
async def list_calls(query: Annotated[CallQuery, Query()], session: Session) -> CallPage:
    """List calls, newest first."""
    wanted = Wanted(
        agent_id=query.agent_id,
        outcome=query.outcome,
        channel=query.channel,
        started_from=query.started_from,
        started_to=query.started_to,
        is_open=query.open,
        call_sid=query.call_sid,
    )
    records, total = await CallRecords(session).page(wanted, query.limit, query.offset)
    return CallPage(calls=[CallSummary(**_summary(record)) for record in records], total=total)


@routes.get(
    "/{call_id}",
    dependencies=[Depends(Requires(Scope.CALLS_READ))],
    responses=documented(_DETAIL_EXAMPLE, NotFound),
)
async def get_call(call_id: UUID, key: CurrentKey, session: Session) -> CallDetail:
    """Read one call with its turns.

    Words, name and e-mail address are null unless the key also has the scope `transcripts:read`.
    """
    records = CallRecords(session)
    record = await records.one(call_id)
    turns = await records.turns(record.conversation.id)
    readable = Scope.TRANSCRIPTS_READ in key.scopes
    conversation = record.conversation
    return CallDetail(
        **_summary(record),
        caller_name=conversation.caller_name if readable else None,
        email=conversation.email if readable else None,
        email_confirmed=conversation.email_confirmed,
        notice_heard=conversation.notice_heard,
        transcript_included=readable,
        recordings=[_recording(recording, readable=readable) for recording in record.recordings],
        figures=_figures(record, turns),
        turns=[_turn(turn, readable=readable) for turn in turns],
    )


def _summary(record: CallRecord) -> dict[str, object]:
    call, conversation, cost = record.call, record.conversation, record.cost
    return {
        "id": call.id,
        "call_sid": call.call_sid,
        "conversation_id": conversation.id,
        "agent_id": conversation.agent_id,
        "agent_name": record.agent_name,
        "channel": conversation.channel,
        "direction": call.direction,
        "language": language_of(conversation),
        "from_number": call.from_number,
        "to_number": call.to_number,
        "status": call.status,
        "transport": call.transport,
        "outcome": conversation.outcome,
        "started_at": conversation.started_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "closed_at": conversation.closed_at,
        "duration_seconds": call.duration_seconds,
        "answered_by": call.answered_by,
        "transfer": CallTransfer.model_validate(record.transfer) if record.transfer else None,
        "ticket": CallTicket.model_validate(record.ticket) if record.ticket else None,
        "cost": CallCost(known=cost.written(), unknown=list(cost.unknown), rates_of=cost.rates_of),
    }


def _figures(record: CallRecord, turns: Sequence[Turn]) -> CallFigures:
    stages = stage_figures(turn.stages_ms for turn in turns)
    return CallFigures(
        **asdict(session_figures(record.sessions)),
        stages={stage: StageTimes.model_validate(found) for stage, found in stages.items()},
        usage=[_usage(charge) for charge in record.charges],
    )


def _usage(charge: Charge) -> CallUsage:
    return CallUsage(
        provider=charge.provider,
        item=charge.item,
        unit=Unit(charge.unit),
        quantity=written(charge.quantity),
        is_estimate=charge.is_estimate,
        amount=written(charge.amount) if charge.amount is not None else None,
        currency=charge.currency,
        rate_valid_from=charge.rate_valid_from,
    )


def _recording(recording: Recording, *, readable: bool) -> CallRecording:
    return CallRecording(
        recording_sid=recording.recording_sid,
        kind=RecordingKind(recording.kind),
        status=RecordingStatus(recording.status),
        seconds=recording.seconds,
        url=recording.url if readable else None,
    )


def _turn(turn: Turn, *, readable: bool) -> CallTurn:
    return CallTurn(
        number=turn.number,
        speaker=Speaker(turn.speaker),
        text=turn.text if readable else None,
        heard=turn.heard if readable else None,
        interrupted=turn.interrupted,
        phase=turn.phase,
        started_at=turn.started_at,
        ended_at=turn.ended_at,
        stages_ms=turn.stages_ms,
        sources=[Source.model_validate(source) for source in turn.sources],
        origin=turn.origin,
    )
