"""What the stand-in's sockets and requests share: settings, faults, tokens and counts."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import jwt
from starlette.requests import HTTPConnection

from lab.deepgram.faults import FaultBox, Faults
from lab.deepgram.refusals import Refused
from lab.deepgram.settings import Settings

DEFAULT_TOKEN_S = 30.0
LONGEST_TOKEN_S = 3600.0


class Deepgram:
    """One stand-in."""

    def __init__(self, settings: Settings | None = None, faults: Faults | None = None) -> None:
        self.settings = settings or Settings()
        self.faults = FaultBox(faults)
        self.counts: Counter[str] = Counter()
        """How often each thing happened, by `listen_…`, `speak_…` and `rest_…` names."""
        self._token_key = secrets.token_bytes(32)
        self._open: Counter[str] = Counter()

    def new_request_id(self) -> str:
        """An id as the vendor puts into `dg-request-id`."""
        return str(uuid4())

    def scaled(self, seconds: float) -> float:
        """Wall-clock seconds of something that takes `seconds` at speed 1."""
        return seconds / self.settings.speed

    def grant(self, seconds: float) -> str:
        """A short-lived token."""
        return jwt.encode({"exp": time.time() + seconds, "scp": ["asr:write", "tts:write"]}, self._token_key, "HS256")

    def authenticate(self, connection: HTTPConnection, *, by_key: bool = False) -> None:
        """Let a request pass that carries our key, or a token of ours unless `by_key`. Raises Refused with 401."""
        scheme, credential = _credential(connection)
        if scheme == "token" and secrets.compare_digest(credential.encode(), self.settings.api_key.encode()):
            return
        if scheme == "bearer" and not by_key:
            try:
                jwt.decode(credential, self._token_key, ["HS256"])
            except jwt.InvalidTokenError as error:
                raise Refused(401) from error
            return
        raise Refused(401)

    @contextmanager
    def place(self, kind: str, most: int) -> Iterator[None]:
        """Hold one of `most` sockets of this kind. Raises Refused with 429 when all are taken."""
        if self._open[kind] >= most:
            raise Refused(429)
        self._open[kind] += 1
        self.counts[f"{kind}_opened"] += 1
        try:
            yield
        finally:
            self._open[kind] -= 1

    def open_sockets(self) -> dict[str, int]:
        """Sockets open now, by kind."""
        return dict(self._open)


def _credential(connection: HTTPConnection) -> tuple[str, str]:
    """Scheme in lower case and credential, from the header, or from the subprotocols a browser has to use."""
    scheme, _, credential = connection.headers.get("authorization", "").partition(" ")
    if not scheme:
        scheme, _, credential = connection.headers.get("sec-websocket-protocol", "").partition(",")
    return scheme.strip().lower(), credential.strip()
