"""`POST /search`: the question of a caller."""

from __future__ import annotations

from fastapi import APIRouter

from services.knowledge.wiring import Wired
from shared.contracts.knowledge import SearchAnswer, SearchRequest

routes = APIRouter()


@routes.post("/search")
async def search(request: SearchRequest, wiring: Wired) -> SearchAnswer:
    """Passages, best first; `found` says whether the best one is good enough to answer from."""
    return await wiring.search.search(request)
