"""Requests to the platform: signed, limited in time, retried as its addresses ask."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlencode, urljoin, urlsplit
from uuid import uuid4

import httpx
from twilio.request_validator import RequestValidator

from lab.twilio import addresses, overrides
from lab.twilio.faults import WebhookFaults
from lab.twilio.overrides import Failure, Overrides
from lab.twilio.settings import PhoneSettings

MOST_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class Reply:
    """A success."""

    url: str
    """Where it came from in the end; relative addresses in it start there."""
    content_type: str
    body: bytes


class WebhookFailed(Exception):
    """No usable answer, with Twilio's error code."""

    def __init__(self, code: int, message: str, url: str, kind: Failure | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.url = url
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went."""

    purpose: str
    method: str
    url: str
    fields: Mapping[str, str]
    number: int
    status: int | None
    elapsed_ms: float
    error_code: int | None


class Webhooks:
    """Sends one call's requests. It keeps cookies for the call, as Twilio does."""

    def __init__(self, settings: PhoneSettings, faults: WebhookFaults, note: Callable[[Attempt], None]) -> None:
        self._settings = settings
        self._faults = faults
        self._note = note
        token = "another account's token" if faults.wrong_signature else settings.auth_token
        self._validator = RequestValidator(token)
        self._http = httpx.AsyncClient(verify=_certificates(), trust_env=False, follow_redirects=False)

    async def close(self) -> None:
        """End the connections."""
        await self._http.aclose()

    async def send(
        self, url: str, fields: Mapping[str, str], method: str = "POST", purpose: str = "voice", repeats: int = 0
    ) -> Reply:
        """Send one webhook, and `repeats` copies beside it whose answers nobody reads. Raises WebhookFailed."""
        token = str(uuid4())
        sendings = [self._with_retries(url, fields, method, purpose, token) for _ in range(repeats + 1)]
        replies = await asyncio.gather(*sendings, return_exceptions=True)
        if isinstance(replies[0], BaseException):
            raise replies[0]
        return replies[0]

    async def fetch(self, url: str) -> Reply:
        """Get a file to play. Raises WebhookFailed."""
        limits = Overrides(self._settings.connect_s, self._settings.response_s, self._settings.response_s)
        return await self._redirected(url, {}, "GET", "play", {}, limits, 1)

    async def _with_retries(self, url: str, fields: Mapping[str, str], method: str, purpose: str, token: str) -> Reply:
        try:
            address, limits = overrides.split(url, self._settings.connect_s, self._settings.response_s)
        except ValueError as error:
            raise WebhookFailed(11243, str(error), url) from error
        headers = {"I-Twilio-Idempotency-Token": token}
        number = 1
        try:
            async with asyncio.timeout(limits.total_s):
                while True:
                    try:
                        return await self._redirected(address, fields, method, purpose, headers, limits, number)
                    except WebhookFailed as failure:
                        if failure.kind not in limits.retried or number > limits.retries:
                            raise
                    number += 1
        except TimeoutError as error:
            raise WebhookFailed(11203, f"no answer within {limits.total_s} s in total", address, "rt") from error

    async def _redirected(
        self,
        address: str,
        fields: Mapping[str, str],
        method: str,
        purpose: str,
        headers: Mapping[str, str],
        limits: Overrides,
        number: int,
    ) -> Reply:
        for _ in range(MOST_REDIRECTS + 1):
            try:
                return await self._once(address, fields, method, purpose, headers, limits, number)
            except _Redirected as redirect:
                address = urljoin(address, redirect.location)
                if redirect.status in (301, 302, 303):
                    method, fields = "GET", {}  # the form is lost
        raise WebhookFailed(11215, f"more than {MOST_REDIRECTS} redirects", address)

    async def _once(
        self,
        address: str,
        fields: Mapping[str, str],
        method: str,
        purpose: str,
        headers: Mapping[str, str],
        limits: Overrides,
        number: int,
    ) -> Reply:
        began = time.monotonic()
        status, code = None, None
        try:
            response = await self._request(address, fields, method, headers, limits)
            status = response.status_code
            return _judged(response, address)
        except WebhookFailed as failure:
            code = failure.code
            raise
        finally:
            elapsed = (time.monotonic() - began) * 1000
            self._note(Attempt(purpose, method, address, dict(fields), number, status, elapsed, code))

    async def _request(
        self, address: str, fields: Mapping[str, str], method: str, headers: Mapping[str, str], limits: Overrides
    ) -> httpx.Response:
        """One exchange. Raises WebhookFailed when no answer came."""
        _check(address)
        if method == "GET" and fields:
            address += ("&" if urlsplit(address).query else "?") + urlencode(fields)
            fields = {}
        sent = {
            **headers,
            "X-Twilio-Signature": self._validator.compute_signature(addresses.signed_form(address), fields),
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "Host": urlsplit(address).netloc.rpartition("@")[2],
        }
        if method == "POST":
            sent["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        try:
            return await self._http.request(
                method,
                addresses.really(address, self._settings.origins),
                content=urlencode(fields).encode() if method == "POST" else None,
                headers=sent,
                timeout=httpx.Timeout(limits.read_s, connect=limits.connect_s),
            )
        except httpx.ConnectTimeout as error:
            raise WebhookFailed(11201, "no TCP connection in time", address, "ct") from error
        except httpx.ConnectError as error:
            code, kind = (11220, "TLS failed") if "SSL" in str(error) else (11202, "connection refused")
            raise WebhookFailed(code, kind, address, "ct") from error
        except httpx.TimeoutException as error:
            raise WebhookFailed(11200, "no answer in time", address, "rt") from error
        except httpx.RemoteProtocolError as error:
            raise WebhookFailed(11206, f"HTTP protocol violation: {error}", address) from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise WebhookFailed(11205, f"connection failure: {error}", address, "ct") from error


class _Redirected(Exception):
    """The answer sends us somewhere else."""

    def __init__(self, status: int, location: str) -> None:
        super().__init__(location)
        self.status = status
        self.location = location


def _check(address: str) -> None:
    """Raises WebhookFailed unless this is an http or https address."""
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise WebhookFailed(11100, "not an http or https address", address)


def _judged(response: httpx.Response, address: str) -> Reply:
    """The answer as a success. Raises WebhookFailed, or _Redirected."""
    status = response.status_code
    if response.is_redirect:
        raise _Redirected(status, response.headers["location"])
    if not response.is_success:
        raise WebhookFailed(11200, f"the answer was {status}", address, "4xx" if status < 500 else "5xx")
    return Reply(address, response.headers.get("content-type", ""), response.content)


@cache
def _certificates() -> ssl.SSLContext:
    """Loaded once: it takes longer than a whole webhook."""
    return ssl.create_default_context()
