"""What the gateway asks Twilio to do with calls: place one, look for one, redirect it, end it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.rest import Client

from services.gateway.telephone.http import HttpForTwilio, NoAnswer, NotSent
from services.gateway.webhooks.report import read_status
from shared.contracts.calls import CallStatus, OnMachine
from shared.errors import Conflict, OutcomeUnknown, Permanent, Transient
from shared.resilience.breaker import Breaker

RING_S: Final = 40
"""How long the other telephone rings; most voicemail boxes pick up within 30 s."""
EVENTS: Final = ("initiated", "ringing", "answered", "completed")
RECORDING_EVENTS: Final = ("completed", "absent")
CALL_OVER: Final = 21220
"""Twilio's code for a call that cannot be changed any more."""
LISTED: Final = 50
_CLOCKS_APART: Final = timedelta(seconds=5)


class CallOver(Conflict):
    """The call is not going on any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A call to place."""

    to_number: str
    from_number: str
    voice_url: str
    fallback_url: str
    status_url: str
    machine_url: str
    """Told who picked up, when `on_machine` asks for it."""
    on_machine: OnMachine
    longest_s: int


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call as Twilio has it."""

    call_sid: str
    status: CallStatus
    duration_seconds: int | None = None


class TwilioCalls:
    """One per process. Every method waits a few seconds at most.

    Raises Transient when certainly nothing was done, OutcomeUnknown when nobody knows, Permanent when Twilio refuses.
    """

    def __init__(self, account_sid: str, auth_token: str, api_url: str, breaker: Breaker) -> None:
        self._http = HttpForTwilio(breaker)
        self._client = Client(account_sid, auth_token, http_client=self._http)
        self._client.api.base_url = api_url

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def place(self, order: Order) -> PlacedCall:
        """Have somebody called. Twilio knows no idempotency key: never repeat this after OutcomeUnknown."""
        with _explained():
            return _placed(
                await self._client.calls.create_async(
                    to=order.to_number,
                    from_=order.from_number,
                    url=order.voice_url,
                    method="POST",
                    fallback_url=order.fallback_url,
                    fallback_method="POST",
                    status_callback=order.status_url,
                    status_callback_event=list(EVENTS),
                    status_callback_method="POST",
                    timeout=RING_S,
                    time_limit=order.longest_s,
                    **_detection(order),
                )
            )

    async def find(self, to_number: str, from_number: str, since: datetime) -> Sequence[PlacedCall]:
        """Calls of ours between these numbers that were made since then, the newest first."""
        with _explained():
            listed = await self._client.calls.list_async(to=to_number, from_=from_number, limit=LISTED)
            earliest = since - _CLOCKS_APART
            return [
                _placed(call)
                for call in listed
                if call.direction == "outbound-api" and (call.date_created is None or call.date_created >= earliest)
            ]

    async def look_at(self, call_sid: str) -> PlacedCall | None:
        """How the call stands, or None when Twilio does not know it."""
        try:
            with _explained():
                return _placed(await self._client.calls(call_sid).fetch_async())
        except CallOver:
            return None

    async def redirect(self, call_sid: str, url: str) -> None:
        """Break off what the call is doing, and let it ask this address what to do. Raises CallOver."""
        with _explained():
            await self._client.calls(call_sid).update_async(url=url, method="POST")

    async def record(self, call_sid: str, status_url: str) -> str:
        """Record both sides, a channel each, from here to the call's end: the recording's SID. Raises CallOver."""
        with _explained():
            begun = await self._client.calls(call_sid).recordings.create_async(
                recording_channels="dual",
                recording_track="both",
                trim="do-not-trim",
                recording_status_callback=status_url,
                recording_status_callback_event=list(RECORDING_EVENTS),
                recording_status_callback_method="POST",
            )
            return str(begun.sid)

    async def recording_of(self, call_sid: str) -> str | None:
        """The SID of a recording of this call that was begun on request; None when there is none."""
        with _explained():
            listed = await self._client.calls(call_sid).recordings.list_async(limit=LISTED)
            return next((str(one.sid) for one in listed if str(one.source) == "StartCallRecordingAPI"), None)

    async def hang_up(self, call_sid: str) -> None:
        """End the call. Raises CallOver."""
        with _explained():
            await self._client.calls(call_sid).update_async(status="completed")


def _detection(order: Order) -> dict[str, Any]:
    """Detection runs beside the call: the caller is talked to at once, and the result comes by webhook."""
    if order.on_machine is OnMachine.TALK:
        return {}
    leaves = order.on_machine is OnMachine.LEAVE_MESSAGE
    return {
        "machine_detection": "DetectMessageEnd" if leaves else "Enable",
        "async_amd": "true",
        "async_amd_status_callback": order.machine_url,
        "async_amd_status_callback_method": "POST",
    }


def _placed(call: Any) -> PlacedCall:
    duration = str(call.duration or "")
    return PlacedCall(
        call.sid, read_status(str(call.status)) or CallStatus.QUEUED, int(duration) if duration.isdecimal() else None
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Twilio's refusals in our words."""
    try:
        yield
    except NotSent as error:
        raise Transient("Twilio cannot be reached") from error
    except NoAnswer as error:
        raise OutcomeUnknown("Twilio did not answer") from error
    except (TwilioRestException, TwilioServiceException) as error:
        raise _refusal(error) from error
    except (TwilioException, ValueError, TypeError, AttributeError) as error:  # an answer that is no JSON, or no call
        raise OutcomeUnknown("Twilio's answer cannot be read") from error


def _refusal(error: TwilioRestException | TwilioServiceException) -> Exception:
    code = error.code or error.status
    if error.code == CALL_OVER or error.status == HTTPStatus.NOT_FOUND:
        return CallOver("the call is not going on any more")
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Transient("Twilio takes no more requests at the moment", 2.0)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return OutcomeUnknown("Twilio failed")
    return Permanent(f"Twilio refuses this: error {code}")
