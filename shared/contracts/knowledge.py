"""Requests and answers of the knowledge service."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class StrictModel(BaseModel):
    """Refuses unknown fields, so that a misspelt one is an error and not a silence."""

    model_config = ConfigDict(extra="forbid")


CollectionName = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,48}[a-z0-9]$", examples=["default"])


class ArticleSource(StrEnum):
    """Where an article came from."""

    KAYAKO = "kayako"
    UPLOAD = "upload"


class SearchRequest(StrictModel):
    """A question to a collection."""

    collection: str = CollectionName
    query: str = Field(min_length=1, max_length=1000, examples=["How do I reset my router?"])
    limit: int = Field(default=5, ge=1, le=20)
    locale: str | None = Field(default=None, max_length=16, description="preferred language, such as en-us")


class Passage(StrictModel):
    """A part of an article that may answer the question."""

    article_id: UUID
    chunk_id: str
    title: str
    heading: str = Field(description="path of headings above the found part, outermost first, joined by ' > '")
    text: str = Field(description="the found part, for the best articles with what stands around it")
    url: str | None
    score: float = Field(description="relevance from 0 to 1, comparable between questions")


class SearchAnswer(StrictModel):
    """Passages of different articles, best first.

    `found` is false when none reaches the threshold: say so, do not guess.
    """

    found: bool
    passages: list[Passage]
    lexical_only: bool = Field(default=False, description="true when the vector side was not available")


class Lookup(SearchAnswer):
    """A search answer with what a room needs that keeps answers made from it."""

    version: int | None = Field(
        default=None, description="of the collection's text, when the passages were read; null when there are none"
    )
    question_vector: str | None = Field(
        default=None, description="the question's vector, a signed byte a dimension, base64; null without vectors"
    )


class Article(StrictModel):
    """One article as the record knows it."""

    id: UUID
    collection: str
    source: ArticleSource
    external_id: str = Field(description="the help centre's id, or the name of the uploaded file")
    locale: str
    title: str
    url: str | None
    section: str | None
    version: int
    searchable: bool = Field(
        description="false until the present version has its vectors; its words are found from the upload on"
    )
    updated_at: datetime


class ArticlePage(StrictModel):
    """A page of articles."""

    articles: list[Article]
    total: int
    searchable: int = Field(description="how many of the whole collection are searchable in their present version")


class UploadReceipt(StrictModel):
    """What became of an uploaded file."""

    article: Article
    changed: bool = Field(description="false when the text is the one we already had")
