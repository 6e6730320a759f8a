"""Kayako's REST API v1, synchronously: for workers, and for a thread beside an event loop.

Nothing is repeated behind the caller's back except a read whose session was lost. No address, body or credential is
logged or part of an error: addresses carry callers' e-mail addresses, bodies their words.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Literal, NoReturn, Self
from urllib.parse import urlsplit

import httpx

from shared.clients.kayako_capabilities import UNKNOWN, AuthMode, Capabilities
from shared.clients.kayako_envelope import (
    SESSION_NOT_FOUND,
    Envelope,
    Failure,
    Unreadable,
    error_of,
    read_envelope,
    read_failure,
)
from shared.clients.kayako_errors import (
    KayakoUnavailable,
    RateLimited,
    SessionLost,
    SignInLocked,
    SignInRefused,
)
from shared.clock import Clock
from shared.errors import OutcomeUnknown
from shared.observability.logs import get_logger
from shared.resilience.breaker import Breaker, BreakerOpen
from shared.resilience.circuit import Rules
from shared.settings import KayakoSettings

log = get_logger(__name__)

PROVIDER = "kayako"
RULES = Rules(rest_s=10.0)
CONNECT_S = 5.0
LARGEST_ANSWER = 32 * 1024 * 1024
"""Bytes; a page of a hundred long articles has a few."""
KEEP_ALIVE_S = 3.0
"""Shorter than common servers keep an idle connection: a write must not meet one that is being closed."""
AFTER_REFUSED_SIGN_IN_S = 600.0
"""After a refused sign-in this process sends nothing for so long: a handful of bad tries locks the account."""
MOST_PAGES = 10_000

Argument = str | int
Verb = Literal["GET", "POST", "PUT"]


class KayakoClient:
    """One agent user's view of one help desk. Keep one per process; it must not cross a fork.

    Paths are resources without prefix and suffix: `cases`, `cases/1841/posts`, `articles`. All methods raise the family
    of `shared.clients.kayako_errors`, and writes `OutcomeUnknown`.
    """

    def __init__(
        self,
        settings: KayakoSettings,
        clock: Clock,
        capabilities: Capabilities = UNKNOWN,
        *,
        breaker: Breaker | None = None,
    ) -> None:
        """`breaker` is what all clients of Kayako know together; without one this client knows what it sees itself."""
        self._settings = settings
        self._clock = clock
        self._capabilities = capabilities
        self._auth_mode = _auth_mode(settings, capabilities)
        self._breaker = breaker or Breaker(PROVIDER, clock, RULES)
        self._held_back: dict[str, float] = {}
        self._locked_until = 0.0
        self._stopped_until: float | None = None
        self._session: dict[str, str] | None = None
        self._signing_in = threading.Lock()
        wait = httpx.Timeout(settings.kayako_timeout_s, connect=CONNECT_S)
        self._http = httpx.Client(
            base_url=f"{settings.kayako_url}/api/v1/",
            timeout=wait,
            cookies=None if self._auth_mode == "basic_plus_session" else _no_cookies(),
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
            headers={"accept": "application/json", "x-requested-with": "XMLHttpRequest"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **arguments: Argument) -> Envelope:
        """Read. Arguments that are no Python names (`_flat`) come as `**{"_flat": "true"}`."""
        try:
            return self._send("GET", _resource(path), arguments, None)
        except SessionLost:
            return self._send("GET", _resource(path), arguments, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Envelope:
        """Create. Raises OutcomeUnknown when it may have been carried out although no good answer came."""
        return self._send("POST", _resource(path), {}, body)

    def put(self, path: str, body: Mapping[str, Any] | None = None) -> Envelope:
        """Change the fields that are sent. Raises OutcomeUnknown like `post`."""
        return self._send("PUT", _resource(path), {}, body or {})

    def pages(self, path: str, **arguments: Argument) -> Iterator[Envelope]:
        """Every page of a list, each resource once: lists move while they are walked, and some ignore their offset.

        Ends when there is no next page or when a page brings nothing new.
        """
        limit = min(self._settings.kayako_page, self._capabilities.largest_page or self._settings.kayako_page)
        asked: dict[str, Argument] = {"limit": limit, **arguments}
        envelope = self.get(path, **asked)
        seen: set[object] = set()
        for _ in range(MOST_PAGES):
            fresh = [row for row in envelope.rows if row.get("id") not in seen]
            seen.update(row.get("id") for row in fresh)
            yield replace(envelope, data=fresh)
            if not fresh:
                return
            if envelope.next_url:
                envelope = self._follow(envelope.next_url)
            elif self._capabilities.gives_next_page is False and len(seen) < (envelope.total_count or 0):
                envelope = self.get(path, **asked, offset=len(seen))
            else:
                return
        raise KayakoUnavailable(f"Kayako's list of {path} does not end")

    def _follow(self, next_url: str) -> Envelope:
        """Read the next page from the host we were configured for, whatever host the address names."""
        parts = urlsplit(next_url)
        _, found, resource = parts.path.partition("/api/v1/")
        if not found:
            raise KayakoUnavailable("Kayako names a next page outside its API")
        address = f"{resource}?{parts.query}" if parts.query else resource
        try:
            return self._send("GET", address, {}, None)
        except SessionLost:
            return self._send("GET", address, {}, None)

    def _send(
        self, verb: Verb, address: str, arguments: Mapping[str, Argument], body: Mapping[str, Any] | None
    ) -> Envelope:
        name = f"{verb} {_family(address)}"
        self._check_allowed(name)
        try:
            self._breaker.enter()
        except BreakerOpen as error:
            raise KayakoUnavailable("Kayako failed a moment ago and is left alone") from error
        status, answer, headers = self._exchange(verb, address, arguments, body, name)
        if status >= 300:
            self._fail(name, status, answer, headers.get("retry-after"), writes=verb != "GET")
        try:
            envelope = read_envelope(answer)
        except Unreadable as error:
            self._breaker.failed(type(error).__name__)
            kind = KayakoUnavailable if verb == "GET" else OutcomeUnknown
            raise kind(f"Kayako's answer to {name} cannot be read") from error
        self._breaker.succeeded()
        return replace(envelope, gave_csrf_token="x-csrf-token" in headers)

    def _check_allowed(self, name: str) -> None:
        """Raise what was said a moment ago instead of asking again too early."""
        now = self._clock.monotonic()
        if self._stopped_until is not None and now < self._stopped_until:
            raise SignInRefused("Kayako refused the sign-in a moment ago; set KAYAKO_EMAIL and KAYAKO_PASSWORD right")
        if now < self._locked_until:
            raise SignInLocked("Kayako has locked the sign-in of KAYAKO_EMAIL for a while", self._locked_until - now)
        if now < self._held_back.get(name, 0.0):
            raise RateLimited(f"Kayako's limit for {name} is reached", self._held_back[name] - now)

    def _exchange(
        self,
        verb: Verb,
        address: str,
        arguments: Mapping[str, Argument],
        body: Mapping[str, Any] | None,
        name: str,
    ) -> tuple[int, bytes, httpx.Headers]:
        credentials = self._credentials()
        try:
            return self._one_request(verb, address, arguments, body, credentials)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            self._breaker.failed(type(error).__name__)
            raise KayakoUnavailable(f"Kayako cannot be reached ({type(error).__name__})") from error
        except httpx.RequestError as error:
            self._breaker.failed(type(error).__name__)
            kind = KayakoUnavailable if verb == "GET" else OutcomeUnknown
            raise kind(f"Kayako did not answer {name} ({type(error).__name__})") from error

    def _one_request(
        self,
        verb: Verb,
        address: str,
        arguments: Mapping[str, Argument],
        body: Mapping[str, Any] | None,
        credentials: Mapping[str, str],
    ) -> tuple[int, bytes, httpx.Headers]:
        """Send and read under one deadline for the whole answer: a slow body counts like a slow start."""
        deadline = self._clock.monotonic() + self._settings.kayako_timeout_s
        params = dict(arguments) or None
        with self._http.stream(verb, address, params=params, json=body, headers=dict(credentials)) as response:
            parts: list[bytes] = []
            size = 0
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER or self._clock.monotonic() > deadline:
                    raise httpx.ReadTimeout("the answer is too long or too slow")
        return response.status_code, b"".join(parts), response.headers

    def _fail(self, name: str, status: int, answer: bytes, retry_after: str | None, *, writes: bool) -> NoReturn:
        failure = read_failure(answer)
        error = error_of(name, status, failure, retry_after, writes=writes)
        now = self._clock.monotonic()
        match error:
            case SignInRefused():
                self._stopped_until = now + AFTER_REFUSED_SIGN_IN_S
            case SignInLocked():
                self._locked_until = now + (error.retry_after or 0)
            case RateLimited():
                self._held_back[name] = now + (error.retry_after or 0)
        if status >= 500:
            self._breaker.failed(str(status))
        else:
            self._breaker.succeeded()
        if status == SESSION_NOT_FOUND or (failure.code == "CSRF_FAILED" and self._uses_session):
            self._session = None
            error = SessionLost("Kayako has lost our session")
        _report(name, status, failure)
        raise error

    @property
    def _uses_session(self) -> bool:
        return self._auth_mode != "basic_each"

    def _basic(self) -> dict[str, str]:
        pair = f"{self._settings.kayako_email}:{self._settings.kayako_password.get_secret_value()}"
        return {"authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    def _credentials(self) -> Mapping[str, str]:
        """The headers that prove who we are. In the session modes the first request signs in."""
        if not self._uses_session:
            # no session is opened, so none needs protection against forgery
            return {**self._basic(), "x-csrf": "false"}
        with self._signing_in:
            if self._session is None:
                self._session = self._sign_in()
            return self._session

    def _sign_in(self) -> dict[str, str]:
        name = "GET me"
        self._check_allowed(name)
        try:
            status, answer, headers = self._one_request("GET", "me.json", {}, None, self._basic())
        except httpx.RequestError as error:
            self._breaker.failed(type(error).__name__)
            raise KayakoUnavailable(f"Kayako cannot be reached ({type(error).__name__})") from error
        if status >= 300:
            self._fail(name, status, answer, headers.get("retry-after"), writes=False)
        try:
            envelope = read_envelope(answer)
        except Unreadable as error:
            self._breaker.failed(type(error).__name__)
            raise KayakoUnavailable("Kayako's answer to the sign-in cannot be read") from error
        token = headers.get("x-csrf-token")
        protected = {"x-csrf-token": token} if token else {}
        if self._auth_mode == "basic_plus_session":
            return {**self._basic(), **protected}
        if envelope.session_id is None:
            raise KayakoUnavailable("Kayako's sign-in gave no session; try KAYAKO_AUTH_MODE=basic_each")
        return {"x-session-id": envelope.session_id, **protected}


def _auth_mode(settings: KayakoSettings, capabilities: Capabilities) -> AuthMode:
    if settings.kayako_auth_mode == "auto":
        return capabilities.auth_mode or "basic_each"
    return settings.kayako_auth_mode


def _no_cookies() -> CookieJar:
    """A jar that stays empty: a session cookie beside other credentials makes Kayako refuse both."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=[]))


def _resource(path: str) -> str:
    return f"{path}.json"


def _family(address: str) -> str:
    """What an address asks for, without whom: ids and the query left out."""
    steps = address.partition("?")[0].removesuffix(".json").split("/")
    return "/".join(":id" if step.isdigit() else step for step in steps)


def _report(name: str, status: int, failure: Failure) -> None:
    verb, _, route = name.partition(" ")
    log.warning(
        "kayako_refused",
        method=verb,
        route=route,
        status=status,
        error_code=failure.code,
        field=",".join(failure.fields),
    )
