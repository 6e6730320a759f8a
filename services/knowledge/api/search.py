"""`POST /search`: the question of a caller."""

from __future__ import annotations

from fastapi import APIRouter

from services.knowledge.wiring import Wired
from shared.contracts.knowledge import Lookup, SearchAnswer, SearchRequest

routes = APIRouter()


@routes.post("/search")
async def search(request: SearchRequest, wiring: Wired) -> SearchAnswer:
    """Passages, best first; `found` says whether the best one is good enough to answer from."""
    lookup = await wiring.search.search(request)
    return SearchAnswer(found=lookup.found, passages=lookup.passages, lexical_only=lookup.lexical_only)


@routes.post("/lookup")
async def lookup(request: SearchRequest, wiring: Wired) -> Lookup:
    """The same for a room that keeps answers: of which version of the text, and the question's vector."""
    return await wiring.search.search(request)
