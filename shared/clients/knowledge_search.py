"""What the company knows, asked over HTTP while the caller waits."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from shared.clients.rooms import RoomClient
from shared.contracts.knowledge import Lookup, SearchAnswer, SearchRequest
from shared.errors import CallwrightError, NotFound, Transient
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

DEADLINE_S: Final = 0.7
"""A caller waits in silence meanwhile; an answer without passages is better than a late one. Below the time that the
conversation gives all searches of a turn, or a room that hangs would never be found to hang."""
LONGEST_QUERY: Final = 1000
"""Characters the knowledge service takes."""
PASSAGES: Final = 5


async def any_search(room: RoomClient) -> None:
    """Whether the room searches. Raises Transient; a collection that is not there was looked for."""
    request = SearchRequest(collection="default", query="opening hours", limit=1)
    with suppress(NotFound):
        await room.ask("POST", "/search", json=request.model_dump(mode="json"))


class KnowledgeOverHttp:
    """`Knowledge` of one agent, in the knowledge room."""

    def __init__(self, room: RoomClient, collection: str, locale: str) -> None:
        self._room = room
        self._collection = collection
        self.locale = locale
        """BCP 47: which translation of an article is wanted."""

    async def search(self, query: str) -> SearchAnswer:
        if not query.strip():
            return SearchAnswer(found=False, passages=[])
        request = SearchRequest(
            collection=self._collection, query=query[:LONGEST_QUERY], limit=PASSAGES, locale=self.locale
        )
        try:
            response = await self._room.ask("POST", "/lookup", json=request.model_dump(mode="json"))
            answer = Lookup.model_validate_json(response.content)
        except NotFound:
            metrics.knowledge_results_total.labels(result="no_collection").inc()
            return SearchAnswer(found=False, passages=[])
        except Transient:
            metrics.knowledge_results_total.labels(result="unavailable").inc()
            raise
        except (CallwrightError, ValidationError) as error:
            metrics.knowledge_results_total.labels(result="unusable").inc()
            log.warning("knowledge_unusable", error=type(error).__name__, collection=self._collection)
            raise Transient("the knowledge room gave no usable answer") from error
        metrics.knowledge_results_total.labels(result="found" if answer.found else "nothing").inc()
        return answer
