"""The other rooms as the gateway sees them: the same paths, types and guard, with answers set by the test.

They stand in where a test is about the gateway alone; whole rooms are tested end to end elsewhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Form, Request, Response, UploadFile

from shared.contracts.knowledge import (
    Article,
    ArticlePage,
    ArticleSource,
    Passage,
    SearchAnswer,
    SearchRequest,
    UploadReceipt,
)
from shared.contracts.tickets import Ticket, TicketPage, TicketState
from shared.errors import CallwrightError, NotFound
from shared.security.purpose_tokens import TokenSigner
from shared.web.app import make_app
from shared.web.guards import Public, Service
from tests.gateway_house import SIGNING_KEY
from tests.serving import serving


@dataclass
class Rooms:
    """What the rooms hold, and what they were asked."""

    articles: dict[UUID, Article] = field(default_factory=dict)
    tickets: dict[UUID, Ticket] = field(default_factory=dict)
    uploads: list[tuple[str, str, bytes]] = field(default_factory=list)
    """File name, content type and content."""
    asked: list[str] = field(default_factory=list)
    failure: CallwrightError | None = None
    """Raised instead of any answer."""
    looks_until_searchable: int = 0
    knowledge_url: str = ""
    ticketing_url: str = ""


def an_article(**fields: object) -> Article:
    values: dict[str, object] = {
        "id": uuid4(),
        "collection": "default",
        "source": ArticleSource.UPLOAD,
        "external_id": "router.md",
        "locale": "en",
        "title": "Restart your router",
        "url": None,
        "section": None,
        "version": 1,
        "searchable": True,
        "updated_at": datetime(2026, 11, 20, tzinfo=UTC),
        **fields,
    }
    return Article.model_validate(values)


def a_ticket(**fields: object) -> Ticket:
    values: dict[str, object] = {
        "id": uuid4(),
        "conversation_id": uuid4(),
        "state": TicketState.OPEN,
        "marker": "call-ca0",
        "subject": "Router",
        "case_id": 7,
        "case_url": "https://desk.example.com/7",
        "attempts": 1,
        "parked_reason": None,
        "created_at": datetime(2026, 11, 20, tzinfo=UTC),
        "opened_at": None,
        **fields,
    }
    return Ticket.model_validate(values)


def _app(room: str) -> tuple[FastAPI, Service]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = make_app(room, lifespan, body_limit=6 * 1024 * 1024)

    @app.get("/health/ready", dependencies=[Depends(Public("probe"))])
    async def ready() -> dict[str, bool]:
        return {"ready": True}

    return app, Service(room, TokenSigner(SIGNING_KEY))


def _note(rooms: Rooms, request: Request) -> None:
    rooms.asked.append(f"{request.method} {request.url.path}?{request.url.query}")
    if rooms.failure is not None:
        raise rooms.failure


def knowledge_room(rooms: Rooms) -> FastAPI:
    app, guard = _app("knowledge")

    @app.post("/search", dependencies=[Depends(guard)])
    async def search(asked: SearchRequest, request: Request) -> SearchAnswer:
        _note(rooms, request)
        passage = Passage(
            article_id=uuid4(), chunk_id="1", title=asked.query, heading="", text="Unplug it.", url=None, score=0.9
        )
        return SearchAnswer(found=True, passages=[passage])

    @app.post("/articles", dependencies=[Depends(guard)])
    async def upload(
        file: UploadFile, collection: Annotated[str, Form()], locale: Annotated[str, Form()], request: Request
    ) -> UploadReceipt:
        _note(rooms, request)
        rooms.uploads.append((file.filename or "", file.content_type or "", await file.read()))
        article = an_article(
            external_id=file.filename, collection=collection, locale=locale, searchable=not rooms.looks_until_searchable
        )
        rooms.articles[article.id] = article
        return UploadReceipt(article=article, changed=True)

    @app.get("/articles", dependencies=[Depends(guard)])
    async def articles(request: Request) -> ArticlePage:
        _note(rooms, request)
        return ArticlePage(articles=list(rooms.articles.values()), total=len(rooms.articles), searchable=1)

    @app.get("/articles/{article_id}", dependencies=[Depends(guard)])
    async def article(article_id: UUID, request: Request) -> Article:
        _note(rooms, request)
        found = rooms.articles.get(article_id)
        if found is None:
            raise NotFound("there is no such article")
        rooms.looks_until_searchable -= 1
        return found.model_copy(update={"searchable": rooms.looks_until_searchable <= 0})

    @app.delete("/articles/{article_id}", dependencies=[Depends(guard)])
    async def remove(article_id: UUID, request: Request) -> Response:
        _note(rooms, request)
        if rooms.articles.pop(article_id, None) is None:
            raise NotFound("there is no such article")
        return Response(status_code=204)

    @app.post("/sync", dependencies=[Depends(guard)])
    async def sync(request: Request) -> Response:
        _note(rooms, request)
        return Response(status_code=202)

    return app


def ticketing_room(rooms: Rooms) -> FastAPI:
    app, guard = _app("ticketing")

    @app.get("/tickets", dependencies=[Depends(guard)])
    async def tickets(request: Request) -> TicketPage:
        _note(rooms, request)
        return TicketPage(tickets=list(rooms.tickets.values()), total=len(rooms.tickets))

    @app.get("/tickets/{ticket_id}", dependencies=[Depends(guard)])
    async def ticket(ticket_id: UUID, request: Request) -> Ticket:
        _note(rooms, request)
        if (found := rooms.tickets.get(ticket_id)) is None:
            raise NotFound("there is no such ticket")
        return found

    return app


@asynccontextmanager
async def other_rooms() -> AsyncIterator[Rooms]:
    """Both rooms behind real sockets."""
    rooms = Rooms()
    async with serving(knowledge_room(rooms)) as knowledge_url, serving(ticketing_room(rooms)) as ticketing_url:
        rooms.knowledge_url, rooms.ticketing_url = knowledge_url, ticketing_url
        yield rooms
