"""Only Twilio may post here, and only about calls of our account.

The address in the signature is the configured public one with the raw path and query of this request: behind a proxy
or a tunnel the Host header says something else, and anybody can write it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from services.gateway.webhooks.report import CallReport, read_report
from services.gateway.webhooks.twiml import OUTBOUND
from services.gateway.wiring import wiring_of
from shared.errors import Forbidden, Invalid
from shared.observability.logs import get_logger
from shared.observability.metrics import webhooks_rejected_total
from shared.security.twilio_signature import form_fields
from shared.web.guards import authorise

log = get_logger(__name__)


@dataclass(frozen=True)
class TwilioSigned:
    """The guard of every webhook: the account's signature over the public address and the whole body.

    Only what Twilio has signed counts against the limits: strangers must not use them up.
    """

    is_counted: bool = True
    """Whether the limit of all webhooks together holds here; the beginning of a call has limits of its own."""

    @property
    def declares(self) -> str:
        return "twilio: signature"

    async def __call__(self, request: Request) -> None:
        fields = await _verified_fields(request)
        if fields is None:
            raise _refused("signature", "the signature is missing or does not fit")
        if fields.get("AccountSid") != wiring_of(request).account_sid:
            raise _refused("account", "not a call of our account")
        if self.is_counted:
            await wiring_of(request).call_limits.webhook()
        request.state.webhook = fields
        authorise(request, self.declares)


def _refused(reason: str, detail: str) -> Forbidden:
    webhooks_rejected_total.labels(reason=reason).inc()
    log.warning("webhook_refused", reason=reason)
    return Forbidden(detail)


async def _verified_fields(request: Request) -> Mapping[str, str] | None:
    """The fields of a body that Twilio signed, or None."""
    wiring = wiring_of(request)
    signature = request.headers.get("x-twilio-signature", "")
    path = request.scope.get("raw_path", b"") or request.scope["path"].encode()
    query = request.scope["query_string"]
    address = wiring.addresses.public + (path + (b"?" + query if query else b"")).decode("latin-1")
    body = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        return _json_fields(body) if wiring.twilio_signature.signs_json(address, body, signature) else None
    try:
        fields = form_fields(body.decode())
    except ValueError:
        return None
    if not wiring.twilio_signature.signs_form(address, fields, signature):
        return None
    return {name: value if isinstance(value, str) else value[0] for name, value in fields.items()}


def _json_fields(body: bytes) -> Mapping[str, str] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _report(request: Request) -> CallReport:
    try:
        return read_report(request.state.webhook, request.query_params.get(OUTBOUND, ""))
    except Invalid:
        webhooks_rejected_total.labels(reason="call_sid").inc()
        raise


Report = Annotated[CallReport, Depends(_report)]
"""What the guarded request says; resolved after the guard."""
