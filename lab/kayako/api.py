"""The road of one request: faults that come first, limits, sign-in, the route, the answer, faults that come last."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from lab.kayako import refusals, routing
from lab.kayako.answers import Answer, Content, Done, Many, One
from lab.kayako.desk import Desk
from lab.kayako.faults import KayakoFault
from lab.kayako.incoming import Incoming, path_of, read
from lab.kayako.output import Options, Writer, rename
from lab.kayako.refusals import Refused
from lab.kayako.sessions import COOKIE, read_credentials
from lab.wire.connection import client_gone, hang_up
from lab.wire.faults import Fault
from shared.task_group import TaskSet

BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
SAMPLE_RETRY_AFTER_S = 59
"""Of the documented sample of RATE_LIMIT_REACHED."""
PIECES = 20
"""In how many parts a slow body comes."""


@dataclass
class Prepared:
    """An answer, ready to be sent."""

    status: int
    body: bytes
    headers: dict[str, str]
    media_type: str = "application/json"


class Api:
    """`/api/v1`, as an ASGI application."""

    def __init__(self, desk: Desk, late_work: TaskSet) -> None:
        """`late_work` holds what is committed after its connection died."""
        self._desk = desk
        self._late_work = late_work
        self.counts: Counter[tuple[str, str, int]] = Counter()
        """Requests by method, first part of the path, and status; 0 where the connection was cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        where = f"{request.method} {path_of(request)}"
        await request.body()
        if self._draw(where, KayakoFault.HTML_ERROR):
            prepared: Prepared | None = Prepared(502, BAD_GATEWAY, {}, "text/html")
        else:
            prepared = await self._prepare(request, where)
        if prepared is not None and self._draw(where, KayakoFault.ANSWER_LOST):
            prepared = None
        self._count(request, prepared.status if prepared is not None else 0)
        if prepared is None:
            await hang_up(scope, receive)
            return
        if prepared.status == 401 and "x-requested-with" not in request.headers:
            prepared.headers["WWW-Authenticate"] = 'Basic realm="Kayako"'
        response = await self._respond(prepared, where, receive)
        if response is not None:
            await response(scope, receive, send)

    def _draw(self, where: str, *kinds: KayakoFault) -> Fault[KayakoFault] | None:
        return self._desk.faults.draw(where, *kinds)

    def _count(self, request: Request, status: int) -> None:
        self.counts[request.method, path_of(request).split("/")[1] if path_of(request) else "", status] += 1

    async def _prepare(self, request: Request, where: str) -> Prepared | None:
        """Do the work. None means that the connection dies without an answer."""
        try:
            incoming = await self._admit(request, where)
            found = routing.find(request.method, incoming.path)
            opened = self._sign_in(request, incoming, found)
            late = self._draw(where, KayakoFault.COMMIT_DELAYED)
            if late is not None:
                self._late_work.start(self._commit_later(incoming, found, late.seconds), "late-commit")
                return None
            self._check_unmodified(incoming)
            answer = found.handler(self._desk, incoming, **found.parameters)
            if self._draw(where, KayakoFault.ERROR_AFTER_COMMIT):
                raise refusals.server_error()
        except Refused as refused:
            return _refusal(refused)
        return self._written(incoming, answer, opened)

    async def _admit(self, request: Request, where: str) -> Incoming:
        """Everything that is decided before anybody looks at who is asking."""
        if self._draw(where, KayakoFault.UNAUTHORISED):
            raise refusals.authentication_failed()
        if self._draw(where, KayakoFault.FORBIDDEN):
            raise refusals.forbidden()
        if self._draw(where, KayakoFault.NOT_FOUND):
            raise refusals.not_found()
        if self._draw(where, KayakoFault.ERROR_BEFORE_COMMIT):
            raise refusals.server_error()
        limited = self._draw(where, KayakoFault.RATE_LIMITED)
        if limited is not None:
            raise refusals.rate_limited(int(limited.seconds) or SAMPLE_RETRY_AFTER_S)
        accepted = request.headers.get("accept", "*/*").lower()
        if not any(form in accepted for form in ("application/json", "application/*", "*/*")):
            raise refusals.not_acceptable()
        incoming = await read(request)
        self._desk.throttle.admit(incoming.method, incoming.path or "/")
        return incoming

    def _sign_in(self, request: Request, incoming: Incoming, found: routing.Found) -> bool:
        """Find out who is asking; tells whether a session was opened."""
        given = read_credentials(request.headers, request.query_params, request.cookies)
        if found.is_public and given.basic is None and given.session_id is None and given.step_token is None:
            return False
        session, opened = self._desk.sessions.sign_in(given, request.method)
        if self._draw(f"{incoming.method} {incoming.path}", KayakoFault.SESSION_LOST):
            self._desk.sessions.end(session)
            raise refusals.session_lost()
        incoming.session = session
        return opened

    def _check_unmodified(self, incoming: Incoming) -> None:
        """`If-Match` on a change: the resource must still be the one the client read."""
        wanted = incoming.headers.get("if-match")
        if wanted is None or incoming.method not in ("PUT", "DELETE"):
            return
        reading = routing.find("GET", incoming.path)
        current = reading.handler(self._desk, incoming, **reading.parameters)
        if wanted.strip().strip('"') != self._tag_of(current, incoming.options):
            raise refusals.modified()

    async def _commit_later(self, incoming: Incoming, found: routing.Found, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            found.handler(self._desk, incoming, **found.parameters)
        except Refused:
            return  # nobody is left to be told

    def _tag_of(self, answer: Answer, options: Options) -> str:
        """Covers the resource itself, not what is nested in it; of a collection only the members' ids."""
        if isinstance(answer, One):
            plain = Writer(self._desk.find, Options(options.site)).write(answer.body)
        elif isinstance(answer, Many):
            plain = [str(row.get("id")) for row in answer.rows]
        else:
            plain = None
        return hashlib.sha256(orjson.dumps(plain)).hexdigest()[:8]

    def _written(self, incoming: Incoming, answer: Answer, opened: bool) -> Prepared:
        headers = self._session_headers(incoming, opened)
        if isinstance(answer, Content):
            return Prepared(200, answer.content, headers, answer.content_type)
        tag = self._tag_of(answer, incoming.options)
        if incoming.method in ("GET", "HEAD"):
            headers["ETag"] = f'"{tag}"'
            if incoming.headers.get("if-none-match", "").strip().strip('"') == tag:
                return Prepared(304, b"", headers)
        envelope = self._envelope(answer, incoming.options)
        if opened and incoming.session is not None:
            envelope["session_id"] = incoming.session.id
        status = envelope["status"]
        assert isinstance(status, int)  # noqa: S101  (written two lines above)
        return Prepared(status, orjson.dumps(rename(envelope, incoming.options.case)), headers)

    def _envelope(self, answer: One | Many | Done, options: Options) -> dict[str, JsonValue]:
        writer = Writer(self._desk.find, options)
        envelope: dict[str, JsonValue]
        match answer:
            case One(body, resource, status):
                envelope = {"status": status, "data": writer.write(body), "resource": resource}
            case Many(rows, resource, total, paging):
                written: list[JsonValue] = [writer.write(row) for row in rows]
                position = {name: paging[name] for name in ("offset", "limit") if name in paging}
                links = {name: link for name, link in paging.items() if name not in position}
                if not self._desk.settings.gives_next_page:
                    links.pop("next_url", None)
                envelope = {
                    "status": 200,
                    "data": written,
                    "resource": resource,
                    **position,
                    "total_count": total,
                    **links,
                }
            case Done(status, members):
                envelope = {"status": status, **members}
        if options.flat:
            envelope["resources"] = dict(writer.resources)
        return envelope

    def _session_headers(self, incoming: Incoming, opened: bool) -> dict[str, str]:
        if not opened or incoming.session is None:
            return {}
        headers = {"Set-Cookie": f"{COOKIE}={incoming.session.id}; Path=/; HttpOnly"}
        if incoming.session.csrf_token is not None:
            headers["X-CSRF-Token"] = incoming.session.csrf_token
        return headers

    async def _respond(self, prepared: Prepared, where: str, receive: Receive) -> Response | None:
        """The response, or None when the client has gone while it was held back."""
        headers = {"X-API-Version": "1", **prepared.headers}
        slow = self._draw(where, KayakoFault.SLOW_ANSWER)
        if slow is not None and await client_gone(receive, slow.seconds):
            return None
        body = prepared.body
        if self._draw(where, KayakoFault.TRUNCATED_JSON):
            body = body[: len(body) // 2]
        trickle = self._draw(where, KayakoFault.SLOW_BODY)
        if trickle is not None:
            headers["Content-Length"] = str(len(body))
            return StreamingResponse(
                _trickled(body, trickle.seconds), prepared.status, headers, media_type=prepared.media_type
            )
        return Response(body, prepared.status, headers, media_type=prepared.media_type)


async def _trickled(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    size = max(1, -(-len(body) // PIECES))
    for begin in range(0, len(body), size):
        yield body[begin : begin + size]
        await asyncio.sleep(seconds / PIECES)


def _refusal(refused: Refused) -> Prepared:
    return Prepared(refused.status, orjson.dumps(refused.envelope()), dict(refused.headers))
