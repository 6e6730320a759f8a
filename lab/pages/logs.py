"""Where the pages read: the stand-ins' own `/lab` routes, wherever these run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import httpx
import msgspec
from pydantic import BaseModel, ValidationError

from lab.kayako.views import ArticleView, CaseSummary, CaseView
from lab.twilio.records import CallRecord, CallSummary

READ_S = 5.0


class LogAway(Exception):
    """A stand-in does not answer, or answers what cannot be read; the message says which."""


class CallLog(Protocol):
    """The calls of the lab."""

    async def calls(self) -> Sequence[CallSummary]:
        """All of them, newest first. Raises LogAway."""
        ...

    async def call(self, sid: str) -> CallRecord | None:
        """One call with its events. Raises LogAway."""
        ...


@dataclass(frozen=True)
class CasePage:
    """The newest cases, and how many there are in all."""

    cases: Sequence[CaseSummary]
    total: int


class DeskLog(Protocol):
    """The help desk of the lab."""

    async def cases(self, tag: str | None = None) -> CasePage:
        """The newest ones, in whatever state, all or those that carry a tag. Raises LogAway."""
        ...

    async def case(self, case_id: int) -> CaseView | None:
        """One case with everything written on it. Raises LogAway."""
        ...

    async def articles(self) -> Sequence[ArticleView]:
        """The help centre. Raises LogAway."""
        ...

    async def article(self, article_id: int) -> ArticleView | None:
        """One article in all its languages. Raises LogAway."""
        ...


class _Reader:
    """Reads JSON over HTTP."""

    def __init__(self, http: httpx.AsyncClient, address: str, name: str) -> None:
        self._http = http
        self._address = address
        self._name = name

    async def read(self, path: str, **arguments: str | int) -> bytes | None:
        """The body, or None for 404. Raises LogAway."""
        try:
            answer = await self._http.get(f"{self._address}{path}", params=arguments, timeout=READ_S)
        except httpx.HTTPError as error:
            raise LogAway(f"{self._name} does not answer") from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success:
            raise LogAway(f"{self._name} answered with status {answer.status_code}")
        return answer.content

    def unreadable(self) -> LogAway:
        """What to raise when the body has another form."""
        return LogAway(f"{self._name} answered in a form this page does not know")


class _Calls(msgspec.Struct):
    calls: list[CallSummary]


class HttpCallLog:
    """`CallLog` over the Twilio stand-in's control routes."""

    def __init__(self, http: httpx.AsyncClient, address: str) -> None:
        """`address` is that of the stand-in, without a slash at the end."""
        self._reader = _Reader(http, address, "the telephone network's stand-in")

    async def calls(self) -> Sequence[CallSummary]:
        body = await self._reader.read("/lab/calls")
        try:
            found = msgspec.json.decode(body or b"", type=_Calls).calls
        except msgspec.DecodeError as error:
            raise self._reader.unreadable() from error
        return sorted(found, key=lambda call: call.placed_at, reverse=True)

    async def call(self, sid: str) -> CallRecord | None:
        body = await self._reader.read(f"/lab/calls/{sid}")
        try:
            return msgspec.json.decode(body, type=CallRecord) if body is not None else None
        except msgspec.DecodeError as error:
            raise self._reader.unreadable() from error


class _Cases(BaseModel):
    total: int
    cases: list[CaseSummary]


class _Articles(BaseModel):
    articles: list[ArticleView]


View = TypeVar("View", bound=BaseModel)


class HttpDeskLog:
    """`DeskLog` over the Kayako stand-in's control routes."""

    def __init__(self, http: httpx.AsyncClient, address: str) -> None:
        """`address` is that of the stand-in, without a slash at the end."""
        self._reader = _Reader(http, address, "the help desk's stand-in")

    async def cases(self, tag: str | None = None) -> CasePage:
        arguments = {"tag": tag} if tag is not None else {}
        found = self._parsed(_Cases, await self._reader.read("/lab/cases", **arguments))
        return CasePage(found.cases, found.total)

    async def case(self, case_id: int) -> CaseView | None:
        body = await self._reader.read(f"/lab/cases/{case_id}")
        return self._parsed(CaseView, body) if body is not None else None

    async def articles(self) -> Sequence[ArticleView]:
        return self._parsed(_Articles, await self._reader.read("/lab/articles")).articles

    async def article(self, article_id: int) -> ArticleView | None:
        body = await self._reader.read(f"/lab/articles/{article_id}")
        return self._parsed(ArticleView, body) if body is not None else None

    def _parsed(self, view: type[View], body: bytes | None) -> View:
        try:
            return view.model_validate_json(body or b"")
        except ValidationError as error:
            raise self._reader.unreadable() from error
