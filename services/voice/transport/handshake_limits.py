"""How many sockets are taken: a handshake's signature never grows old, so that who has heard one can send it for ever.

The limits are generous. A call whose handshake they refuse comes back through the gateway, as any that none takes.
"""

from __future__ import annotations

from shared.clock import Clock
from shared.limits.bucket import Bucket, Kind, Refusal
from shared.limits.limiter import Limiter
from shared.limits.local_buckets import LocalBuckets
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.settings import SocketLimitSettings

log = get_logger(__name__)


class HandshakeLimits:
    """One per process, asked after the signature and before the upgrade."""

    def __init__(self, limiter: Limiter, settings: SocketLimitSettings, clock: Clock) -> None:
        self._limiter = limiter
        self._here = LocalBuckets(clock)
        self._of_process = Bucket(Kind.PROCESS_SOCKETS, "this", settings.limit_sockets_per_process_per_minute)
        self._of_all = Bucket(Kind.SOCKETS, "all", settings.limit_sockets_per_minute)

    async def refusal(self) -> Refusal | None:
        """Why one more socket is not opened, or None; what this process has had enough of is asked of nobody else."""
        refusal = self._here.draw([self._of_process])
        if refusal is not None:
            metrics.limited_total.labels(kind=refusal.kind.value).inc()
        refusal = refusal or await self._limiter.ask([self._of_all])
        if refusal is not None:
            log.warning("handshake_refused", reason="limit", kind=refusal.kind.value)
        return refusal
