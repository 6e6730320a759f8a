"""`/api/v1/agents`: the assistants of this deployment."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import BaseModel, Field

from services.gateway.api.agent_profile import AGENT_EXAMPLE, AgentChange, NewAgent
from services.gateway.api.agent_records import AgentRecords
from services.gateway.api.documented import BODY, api_router, documented
from services.gateway.api.strict import PageQuery
from services.gateway.auth.requires import CurrentKey, Requires
from services.gateway.wiring import Session
from shared.contracts.agents import FurtherLanguage, HearingOptions, RecordedSentence, VoicePreference
from shared.contracts.calls import OnMachine, TransferMode, WhenFull
from shared.contracts.conversations import EmailPolicy, Opening, RepeatPolicy, TicketPolicy
from shared.contracts.relay import RelayOptions, Transport
from shared.database.models import Agent
from shared.errors import Conflict, NotFound
from shared.observability.logs import get_logger
from shared.security.api_keys import Scope

log = get_logger(__name__)
routes = api_router("agents")


class AgentView(BaseModel):
    """One agent."""

    id: UUID
    name: str
    company: str
    language: str
    voice: str
    other_voices: list[str]
    voice_preference: VoicePreference
    greeting: str
    opening: Opening
    instructions: str
    tone: str
    knowledge_collection: str
    tools: list[str]
    ticket_policy: TicketPolicy
    repeat_policy: RepeatPolicy
    email_policy: EmailPolicy
    hearing: HearingOptions
    languages: list[FurtherLanguage]
    recorded: list[RecordedSentence]
    transport: Transport
    relay: RelayOptions
    transfer_number: str | None
    transfer_digits: str | None
    transfer_mode: TransferMode
    on_machine: OnMachine
    takes_messages: bool
    when_full: list[WhenFull]
    records_calls: bool
    numbers: list[str]
    is_active: bool
    created_at: datetime
    updated_at: datetime


class AgentPage(BaseModel):
    """A page of agents, by name."""

    agents: list[AgentView]
    total: int


class AgentQuery(PageQuery):
    """Which agents."""

    active: bool | None = Field(default=None, description="true: only those that answer; false: only those that do not")


_VIEW_EXAMPLE = {
    "id": "9b2d4c1e-0d57-4f0e-9d6f-5f1f6f2a7c33",
    **AGENT_EXAMPLE,
    "created_at": "2026-11-20T08:00:00Z",
    "updated_at": "2026-11-20T08:00:00Z",
}


@routes.post(
    "",
    status_code=201,
    dependencies=[Depends(Requires(Scope.AGENTS_WRITE))],
    responses=documented(_VIEW_EXAMPLE, *BODY, Conflict, status=201),
)
async def create_agent(agent: NewAgent, key: CurrentKey, session: Session) -> AgentView:
    """Create an agent. Names and numbers are unique."""
    created = await AgentRecords(session).create(agent.model_dump(mode="json"))
    log.info("agent_created", agent_id=str(created.id), subject_id=str(key.id))
    return _view(created)


@routes.get(
    "",
    dependencies=[Depends(Requires(Scope.AGENTS_READ))],
    responses=documented({"agents": [_VIEW_EXAMPLE], "total": 1}),
)
async def list_agents(query: Annotated[AgentQuery, Query()], session: Session) -> AgentPage:
    """List agents by name."""
    agents, total = await AgentRecords(session).page(query.active, query.limit, query.offset)
    return AgentPage(agents=[_view(agent) for agent in agents], total=total)


@routes.get(
    "/{agent_id}",
    dependencies=[Depends(Requires(Scope.AGENTS_READ))],
    responses=documented(_VIEW_EXAMPLE, NotFound),
)
async def get_agent(agent_id: UUID, session: Session) -> AgentView:
    """Read one agent."""
    return _view(await AgentRecords(session).one(agent_id))


@routes.patch(
    "/{agent_id}",
    dependencies=[Depends(Requires(Scope.AGENTS_WRITE))],
    responses=documented(_VIEW_EXAMPLE, *BODY, NotFound, Conflict),
)
async def change_agent(agent_id: UUID, change: AgentChange, key: CurrentKey, session: Session) -> AgentView:
    """Change an agent: only the fields that are sent. Calls under way keep what they began with."""
    changed = await AgentRecords(session).change(agent_id, change.model_dump(mode="json"))
    log.info("agent_changed", agent_id=str(agent_id), subject_id=str(key.id))
    return _view(changed)


@routes.delete(
    "/{agent_id}",
    status_code=204,
    response_class=Response,
    dependencies=[Depends(Requires(Scope.AGENTS_WRITE))],
    responses=documented(None, NotFound),
)
async def deactivate_agent(agent_id: UUID, key: CurrentKey, session: Session) -> Response:
    """Deactivate an agent and free its numbers. It stays readable, as do its calls."""
    await AgentRecords(session).deactivate(agent_id)
    log.info("agent_deactivated", agent_id=str(agent_id), subject_id=str(key.id))
    return Response(status_code=204)


def _view(agent: Agent) -> AgentView:
    return AgentView(
        id=agent.id,
        name=agent.name,
        company=agent.company,
        language=agent.language,
        voice=agent.voice,
        other_voices=agent.other_voices,
        voice_preference=VoicePreference(agent.voice_preference),
        greeting=agent.greeting,
        opening=Opening(agent.opening),
        instructions=agent.instructions,
        tone=agent.tone,
        knowledge_collection=agent.knowledge_collection,
        tools=agent.tools,
        ticket_policy=TicketPolicy(agent.ticket_policy),
        repeat_policy=RepeatPolicy(agent.repeat_policy),
        email_policy=EmailPolicy(agent.email_policy),
        transport=Transport(agent.transport),
        hearing=HearingOptions.model_validate(agent.hearing),
        languages=[FurtherLanguage.model_validate(language) for language in agent.languages],
        recorded=[RecordedSentence.model_validate(sentence) for sentence in agent.recorded],
        relay=RelayOptions.model_validate(agent.relay),
        transfer_number=agent.transfer_number,
        transfer_digits=agent.transfer_digits,
        transfer_mode=TransferMode(agent.transfer_mode),
        on_machine=OnMachine(agent.on_machine),
        takes_messages=agent.takes_messages,
        when_full=[WhenFull(offer) for offer in agent.when_full],
        records_calls=agent.records_calls,
        numbers=sorted(entry.number for entry in agent.numbers),
        is_active=agent.is_active,
        created_at=agent.created_at,
        updated_at=agent.updated_at,
    )
