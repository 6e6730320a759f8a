"""Which webhooks are taken: a call that begins by three limits, everything else by one against floods.

A call that was admitted is never limited by who calls: a live call must not be cut because others ring.
"""

from __future__ import annotations

from math import ceil

from services.gateway.limits.pseudonym import Pseudonyms
from services.gateway.webhooks.caller import caller_address
from services.gateway.webhooks.report import CallReport
from shared.errors import Transient
from shared.limits.bucket import Bucket, Kind, Refusal
from shared.limits.limiter import Limiter
from shared.observability.logs import get_logger
from shared.settings import LimitSettings

log = get_logger(__name__)

EVERYBODY = "all"


class TooManyWebhooks(Transient):
    """A flood. 503 and not 429, because that is what Twilio repeats and falls back on."""


class CallLimits:
    """Asked once for each signed webhook."""

    def __init__(self, limiter: Limiter, pseudonyms: Pseudonyms, settings: LimitSettings) -> None:
        self._limiter = limiter
        self._pseudonyms = pseudonyms
        self._settings = settings
        self._flood = Bucket(Kind.WEBHOOKS, EVERYBODY, settings.limit_webhooks_per_minute, each_time=True)

    async def webhook(self) -> None:
        """One more webhook of a call that goes on. Raises TooManyWebhooks."""
        refusal = await self._limiter.ask([self._flood])
        if refusal is not None:
            log.warning("webhook_refused", reason="limit", kind=refusal.kind.value)
            raise TooManyWebhooks("too many webhooks at once", retry_after=refusal.retry_after_s)

    async def begins(self, report: CallReport) -> Refusal | None:
        """Why this call is not taken, or None; a repeat of its webhook hears the same and costs nothing.

        Calls that we place have limits of their own, counted when they are ordered.
        """
        if report.outbound_id is not None:
            return await self._limiter.ask([self._flood])
        refusal = await self._limiter.ask([self._flood, *self._buckets(report)], once=report.call_sid)
        if refusal is not None:
            log.warning(
                "call_not_taken",
                call_sid=report.call_sid,
                reason="limit",
                kind=refusal.kind.value,
                retry_after_s=ceil(refusal.retry_after_s),
            )
        return refusal

    def _buckets(self, report: CallReport) -> list[Bucket]:
        """Callers who withhold their number are not one caller."""
        settings, name = self._settings, self._pseudonyms.of
        caller = caller_address(report.from_number)
        of_caller = (
            [] if caller is None else [Bucket(Kind.CALLER, name(caller), settings.limit_calls_per_caller_per_minute)]
        )
        return [
            *of_caller,
            Bucket(Kind.NUMBER, name(report.to_number), settings.limit_calls_per_number_per_minute),
            Bucket(Kind.CALLS, EVERYBODY, settings.limit_calls_per_minute),
        ]
