"""Which collections follow the help centre."""

from __future__ import annotations

from sqlalchemy import select

from shared.database.engine import Sessions
from shared.database.models import Agent

DEFAULT = "default"
"""Filled before the first agent is made, so that its first call finds answers."""


def followed_collections(sessions: Sessions) -> list[str]:
    """The collections of active agents, each once."""
    used = select(Agent.knowledge_collection).where(Agent.is_active).distinct().order_by(Agent.knowledge_collection)
    with sessions() as session:
        return list(session.scalars(used)) or [DEFAULT]
