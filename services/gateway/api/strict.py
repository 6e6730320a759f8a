"""Input that the API takes: unknown fields refused, text without what no caller and no database could take."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.security.xml_text import clean_xml_text

MOST_PER_PAGE = 100
DEEPEST_OFFSET = 1_000_000


class Strict(BaseModel):
    """Refuses unknown fields, so that a misspelt one is an error and not a silence."""

    model_config = ConfigDict(extra="forbid")


class PageQuery(Strict):
    """Which part of a list."""

    limit: int = Field(default=50, ge=1, le=MOST_PER_PAGE, description="entries on the page")
    offset: int = Field(default=0, ge=0, le=DEEPEST_OFFSET, description="entries before the page")


def _plain(text: str) -> str:
    if clean_xml_text(text, len(text)) != text:
        raise ValueError("must not hold control characters")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text.strip()


PlainText = Annotated[str, AfterValidator(_plain)]
"""Text that can be stored, spoken and written into a document."""
Named = Annotated[PlainText, AfterValidator(_not_blank)]
"""The same, with something in it; blanks around it are dropped."""
