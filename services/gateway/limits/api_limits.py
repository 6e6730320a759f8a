"""How many requests an API key may send, and how often an address may send one without a good key."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Final
from uuid import UUID

from fastapi import Request

from services.gateway.limits.pseudonym import Pseudonyms
from shared.clock import Clock
from shared.errors import LimitReached
from shared.limits.bucket import Bucket, Kind
from shared.limits.limiter import Limiter
from shared.observability.logs import get_logger
from shared.settings import LimitSettings

log = get_logger(__name__)

MOST_RESTING: Final = 10_000
"""Addresses that this process remembers."""
IPV6_PREFIX: Final = 64
"""Bits: the smallest network that one subscriber has."""


class ApiLimits:
    """Asked by the guard of the API."""

    def __init__(self, limiter: Limiter, pseudonyms: Pseudonyms, settings: LimitSettings, clock: Clock) -> None:
        self._limiter = limiter
        self._pseudonyms = pseudonyms
        self._settings = settings
        self._clock = clock
        self._resting: dict[str, float] = {}

    def may_try(self, request: Request) -> None:
        """Raises LimitReached while the address has failed too often: no unknown key of it is looked up."""
        now = self._clock.monotonic()
        until = self._resting.get(self._whose(request), now)
        if until > now:
            raise LimitReached("too many requests without a good key came from this address", until - now)

    async def failed(self, request: Request) -> None:
        """A request without a good key. Raises LimitReached when there were too many."""
        whose = self._whose(request)
        bucket = Bucket(Kind.FAILED_KEYS, whose, self._settings.limit_failed_keys_per_address_per_minute)
        refusal = await self._limiter.ask([bucket])
        if refusal is None:
            return
        log.warning("request_limited", kind=refusal.kind.value)
        if len(self._resting) >= MOST_RESTING:
            self._resting.clear()
        self._resting[whose] = self._clock.monotonic() + refusal.retry_after_s
        raise LimitReached("too many requests without a good key came from this address", refusal.retry_after_s)

    async def used(self, key_id: UUID) -> None:
        """A request with this key. Raises LimitReached when there were too many."""
        bucket = Bucket(Kind.KEY, str(key_id), self._settings.limit_requests_per_key_per_minute)
        refusal = await self._limiter.ask([bucket])
        if refusal is not None:
            log.warning("request_limited", kind=refusal.kind.value, subject_id=str(key_id))
            raise LimitReached("too many requests with this API key", refusal.retry_after_s)

    def _whose(self, request: Request) -> str:
        return self._pseudonyms.of(remote_network(request, self._settings.limit_proxies))


def remote_network(request: Request, proxies: int) -> str:
    """The client's address; of IPv6 the network, because a subscriber has more addresses than we could count.

    Behind `proxies` of ours it is the one that the outermost of them has seen: what stands further left in
    X-Forwarded-For was written by the client.
    """
    address = request.client.host if request.client is not None else ""
    if proxies:
        seen = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
        address = seen[-proxies] if len(seen) >= proxies else address
    try:
        if ip_address(address).version == 6:
            return str(ip_network((address.partition("%")[0], IPV6_PREFIX), strict=False))
    except ValueError:
        pass  # a peer without an address: a socket file, or a test
    return address
