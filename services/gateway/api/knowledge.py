"""`/api/v1/knowledge`: what the company knows; asked of the knowledge room."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import Body, Depends, File, Form, Query, Response, UploadFile
from pydantic import Field

from services.gateway.api.documented import BODY, api_router, documented
from services.gateway.api.strict import PageQuery, Strict
from services.gateway.auth.requires import Requires
from services.gateway.wiring import Wired, Wiring
from shared.contracts.knowledge import (
    Article,
    ArticlePage,
    ArticleSource,
    SearchAnswer,
    SearchRequest,
    UploadReceipt,
)
from shared.errors import Invalid, NotFound, TooLarge
from shared.security.api_keys import Scope
from shared.security.xml_text import clean_xml_text

routes = api_router("knowledge")

UPLOAD_PATH = "/api/v1/knowledge/articles"
UPLOAD_LIMIT = 5 * 1024 * 1024
"""Bytes of an uploaded file."""
UPLOAD_S = 15.0
"""How long the knowledge room may read a file."""
SEARCHABLE_WITHIN_S = 15.0
"""How long an upload that asks for it waits until its text can be found."""
LOOK_AGAIN_S = 0.25
LONGEST_FILE_NAME = 200
COLLECTION = r"^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$"
LOCALE = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$"

_ARTICLE_EXAMPLE = {
    "id": "d5b7f1c2-5a4e-4d38-8f0b-2a9c6e7b1d04",
    "collection": "default",
    "source": "upload",
    "external_id": "restart-your-router.md",
    "locale": "en",
    "title": "Restart your router",
    "url": None,
    "section": None,
    "version": 1,
    "searchable": True,
    "updated_at": "2026-11-20T08:00:00Z",
}
_ANSWER_EXAMPLE = {
    "found": True,
    "passages": [
        {
            "article_id": "d5b7f1c2-5a4e-4d38-8f0b-2a9c6e7b1d04",
            "chunk_id": "d5b7f1c2-5a4e-4d38-8f0b-2a9c6e7b1d04:1:0",
            "title": "Restart your router",
            "heading": "Restart your router > By hand",
            "text": "Unplug it, wait ten seconds, and plug it in again.",
            "url": None,
            "score": 0.81,
        }
    ],
    "lexical_only": False,
}


class ArticleQuery(PageQuery):
    """Which articles."""

    collection: str | None = Field(default=None, pattern=COLLECTION, examples=["default"])
    source: ArticleSource | None = None


class SyncQuery(Strict):
    """Where imported articles go."""

    collection: str = Field(default="default", pattern=COLLECTION)


@routes.post(
    "/articles",
    status_code=201,
    dependencies=[Depends(Requires(Scope.KNOWLEDGE_WRITE))],
    responses=documented({"article": _ARTICLE_EXAMPLE, "changed": True}, *BODY, status=201),
)
async def upload_article(
    wiring: Wired,
    file: Annotated[UploadFile, File(description="Markdown, HTML or plain text, at most 5 MiB")],
    collection: Annotated[str, Form(pattern=COLLECTION)] = "default",
    locale: Annotated[str, Form(pattern=LOCALE)] = "en",
    wait: Annotated[bool, Query(description="answer when the text can be found, at most 15 s later")] = False,
) -> UploadReceipt:
    """Upload a file as an article. A file of the same name in the same collection is replaced.

    The text is searchable a little later; `wait=true` waits for that. After 15 s the article is returned as it stands.
    """
    name = clean_xml_text((file.filename or "").replace("\\", "/").rpartition("/")[2], LONGEST_FILE_NAME).strip()
    if not name:
        raise Invalid("the file needs a name with an ending such as .md, .html or .txt")
    if file.size is not None and file.size > UPLOAD_LIMIT:
        raise TooLarge(f"a file may have {UPLOAD_LIMIT} bytes")
    answer = await wiring.knowledge.ask(
        "POST",
        "/articles",
        files={"file": (name, file.file, file.content_type or "application/octet-stream")},
        data={"collection": collection, "locale": locale},
        timeout=UPLOAD_S,
    )
    receipt = UploadReceipt.model_validate_json(answer.content)
    if wait and not receipt.article.searchable:
        receipt.article = await _when_searchable(wiring, receipt.article)
    return receipt


async def _when_searchable(wiring: Wiring, article: Article) -> Article:
    """The article once it is searchable, or as it stands when that takes too long."""
    deadline = wiring.clock.monotonic() + SEARCHABLE_WITHIN_S
    while not article.searchable and wiring.clock.monotonic() < deadline:
        await asyncio.sleep(LOOK_AGAIN_S)
        answer = await wiring.knowledge.ask("GET", f"/articles/{article.id}")
        article = Article.model_validate_json(answer.content)
    return article


@routes.get(
    "/articles",
    dependencies=[Depends(Requires(Scope.KNOWLEDGE_READ))],
    responses=documented({"articles": [_ARTICLE_EXAMPLE], "total": 1, "searchable": 1}),
)
async def list_articles(query: Annotated[ArticleQuery, Query()], wiring: Wired) -> ArticlePage:
    """List articles."""
    asked = query.model_dump(mode="json", exclude_none=True)
    answer = await wiring.knowledge.ask("GET", "/articles", params=asked)
    return ArticlePage.model_validate_json(answer.content)


@routes.get(
    "/articles/{article_id}",
    dependencies=[Depends(Requires(Scope.KNOWLEDGE_READ))],
    responses=documented(_ARTICLE_EXAMPLE, NotFound),
)
async def get_article(article_id: UUID, wiring: Wired) -> Article:
    """Read one article's entry."""
    answer = await wiring.knowledge.ask("GET", f"/articles/{article_id}")
    return Article.model_validate_json(answer.content)


@routes.delete(
    "/articles/{article_id}",
    status_code=204,
    response_class=Response,
    dependencies=[Depends(Requires(Scope.KNOWLEDGE_WRITE))],
    responses=documented(None, NotFound),
)
async def delete_article(article_id: UUID, wiring: Wired) -> Response:
    """Remove an article; it is never found again from this moment on."""
    await wiring.knowledge.ask("DELETE", f"/articles/{article_id}")
    return Response(status_code=204)


@routes.post(
    "/search",
    dependencies=[Depends(Requires(Scope.KNOWLEDGE_READ))],
    responses=documented(_ANSWER_EXAMPLE, *BODY),
)
async def search(
    request: Annotated[
        SearchRequest,
        Body(
            openapi_examples={"a question": {"value": {"collection": "default", "query": "How do I reset my router?"}}}
        ),
    ],
    wiring: Wired,
) -> SearchAnswer:
    """Search a collection, as the assistant does."""
    answer = await wiring.knowledge.ask("POST", "/search", json=request.model_dump(mode="json"))
    return SearchAnswer.model_validate_json(answer.content)


@routes.post(
    "/sync",
    status_code=202,
    response_class=Response,
    dependencies=[Depends(Requires(Scope.KNOWLEDGE_WRITE))],
    responses=documented(None),
)
async def sync(query: Annotated[SyncQuery, Query()], wiring: Wired) -> Response:
    """Compare the help centre's articles with ours now, in the background."""
    await wiring.knowledge.ask("POST", "/sync", params=query.model_dump(mode="json"))
    return Response(status_code=202)
