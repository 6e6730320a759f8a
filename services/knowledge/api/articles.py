"""`/articles` and `/sync`: what there is to search, and how it gets in and out."""

from __future__ import annotations

from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from services.knowledge.adapters.readers import MOST_BYTES
from services.knowledge.application import catalogue
from services.knowledge.application.catalogue import Selection
from services.knowledge.application.ingest import remove_uploaded, store_article
from services.knowledge.wiring import OpenSession, Wired
from shared.contracts.knowledge import (
    Article,
    ArticlePage,
    ArticleSource,
    CollectionName,
    StrictModel,
    UploadReceipt,
)
from shared.contracts.tasks import TaskName
from shared.errors import Invalid, TooLarge
from shared.messaging.outbox import outbox_row

routes = APIRouter()

UPLOAD_PATH = "/articles"
UPLOAD_LIMIT = MOST_BYTES + 64 * 1024
"""Bytes of an upload's whole form."""
DEFAULT_COLLECTION = "default"
DEFAULT_LOCALE = "en"
_COLLECTION: TypeAdapter[str] = TypeAdapter(Annotated[str, CollectionName])


class ArticleQuery(StrictModel):
    """Which articles."""

    collection: str | None = Field(default=None, max_length=50)
    source: ArticleSource | None = None
    limit: int = Field(default=50, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class SyncQuery(StrictModel):
    """Where imported articles go."""

    collection: Annotated[str, CollectionName] = DEFAULT_COLLECTION


@routes.post(UPLOAD_PATH)
async def upload(request: Request, session: OpenSession, wiring: Wired) -> UploadReceipt:
    """Keep a file as an article. The form is read here, and so after the guard: a stranger's upload costs nothing."""
    async with request.form(max_files=1, max_fields=4) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Invalid("send the file as multipart form data, in the part `file`")
        collection = _collection_of(form)
        locale = _text(form, "locale") or DEFAULT_LOCALE
        name = file.filename or ""
        data = await file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TooLarge(f"a file may have {MOST_BYTES // 1024 // 1024} MiB: split it into several files")
    article = await wiring.reader.read(name, data, locale)
    stored = await session.run_sync(store_article, collection, ArticleSource.UPLOAD, article)
    await session.refresh(stored.article, ["updated_at"])
    return UploadReceipt(article=catalogue.described(stored.article, wiring.space), changed=stored.changed)


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _collection_of(form: FormData) -> str:
    try:
        return _COLLECTION.validate_python(_text(form, "collection") or DEFAULT_COLLECTION)
    except ValidationError as error:
        raise Invalid("a collection's name has 3 to 50 small letters, digits and hyphens") from error


@routes.get(UPLOAD_PATH)
async def list_articles(query: Annotated[ArticleQuery, Query()], session: OpenSession, wiring: Wired) -> ArticlePage:
    """Articles by collection and title."""
    chosen = Selection(query.collection, query.source, query.limit, query.offset)
    return await catalogue.list_articles(session, chosen, wiring.space)


@routes.get("/articles/{article_id}")
async def get_article(article_id: UUID, session: OpenSession, wiring: Wired) -> Article:
    """One article."""
    return await catalogue.get_article(session, article_id, wiring.space)


@routes.delete("/articles/{article_id}", status_code=204)
async def delete_article(article_id: UUID, session: OpenSession, wiring: Wired) -> Response:
    """Remove an uploaded article; it is never found again from this moment on."""
    await session.run_sync(remove_uploaded, article_id, wiring.clock.now())
    return Response(status_code=204)


@routes.post("/sync", status_code=202)
async def sync(query: Annotated[SyncQuery, Query()], session: OpenSession) -> Response:
    """Order a comparison with the help centre, in the background."""
    about = uuid5(NAMESPACE_URL, f"callwright:knowledge:{query.collection}")
    session.add(outbox_row(TaskName.SYNC_KNOWLEDGE, about, collection=query.collection))
    return Response(status_code=202)
