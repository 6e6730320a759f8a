"""What the company knows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.base import Base, Dated


class Collection(Dated, Base):
    """A set of articles that agents search together. `version` grows with every change of its searchable text."""

    __tablename__ = "collections"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class Article(Dated, Base):
    """One text in one language. Its chunks count only when they carry its present version."""

    __tablename__ = "articles"
    __table_args__ = (
        UniqueConstraint("collection", "source", "external_id", "locale"),
        Index("ix_articles_collection_removed_at", "collection", "removed_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    collection: Mapped[str] = mapped_column(ForeignKey("collections.name"))
    source: Mapped[str] = mapped_column(String(20))
    external_id: Mapped[str] = mapped_column(String(200))
    locale: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(500))
    url: Mapped[str | None] = mapped_column(String(1000))
    section: Mapped[str | None] = mapped_column(String(500))
    keywords: Mapped[str | None] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    """Markdown: headings, paragraphs, lists; no raw HTML."""
    content_hash: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    indexed_version: Mapped[int | None]
    """The version whose vectors are complete."""
    indexed_with: Mapped[str | None] = mapped_column(String(100))
    """The space those vectors lie in: the embedding model and how it was used."""
    removed_at: Mapped[datetime | None]


class Chunk(Base):
    """A passage of an article: what is embedded, found and read to the model."""

    __tablename__ = "chunks"

    article_id: Mapped[UUID] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    heading: Mapped[str] = mapped_column(String(1000))
    text: Mapped[str] = mapped_column(Text)
