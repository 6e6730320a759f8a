"""What can go wrong on purpose, changeable while the network runs."""

from __future__ import annotations

import msgspec


class _Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Nothing of it happens unless it is asked for."""


class WebhookFaults(_Fault, frozen=True, kw_only=True):
    """Of requests to the platform."""

    wrong_signature: bool = False
    """Sign with another account's token."""
    repeats: int = 0
    """Send each request for TwiML so many more times at once, with the same idempotency token; the first answer
    counts."""
    status_repeats: int = 0
    """Send each status callback so many more times."""
    status_delay_s: float = 0.0
    """Call seconds by which status callbacks come late."""
    status_lost: bool = False
    """Never send a status callback."""
    status_backwards: bool = False
    """Send the status callbacks of a call after its end, the last one first."""


class MediaFaults(_Fault, frozen=True, kw_only=True):
    """Of media streams."""

    unreachable: bool = False
    """Find nobody at the stream's address."""
    wrong_signature: bool = False
    """Sign the handshake with another account's token."""
    claims_call: str | None = None
    """Put this CallSid into `start` and `stop`."""
    claims_account: str | None = None
    parameters: dict[str, str] | None = None
    """Send these custom parameters in place of those in the TwiML."""
    audio_before_start: bool = False
    never_starts: bool = False
    """Send `connected` and then nothing."""
    starts_twice: bool = False
    wrong_stream_sid: bool = False
    """Send audio under another stream's SID."""
    out_of_order: bool = False
    """Swap each pair of audio messages."""
    bunch: int = 1
    """Hold audio messages back and send so many at once, as a bad network does."""
    raw_messages: tuple[str, ...] = ()
    """Text frames to send as they are right after `start`."""
    binary_message: bool = False
    oversized_message: int = 0
    """Send one text frame of so many bytes after `start`."""
    stalls_after_s: float | None = None
    """Send no audio from this moment of the stream on, but keep the socket."""
    cut_after_s: float | None = None
    """Cut the connection at this moment of the stream, without a close frame."""
    cuts: int = 1
    """How many streams of one call are cut so."""
    no_stop: bool = False
    """Close the socket without a `stop` when the call is over."""


class RelayFaults(_Fault, frozen=True, kw_only=True):
    """Of relay sessions."""

    unreachable: bool = False
    """Find nobody at the session's address."""
    wrong_signature: bool = False
    claims_call: str | None = None
    """Put this CallSid into `setup`."""
    claims_account: str | None = None
    parameters: dict[str, str] | None = None
    """Send these custom parameters in place of those in the TwiML."""
    prompt_before_setup: bool = False
    never_sets_up: bool = False
    sets_up_twice: bool = False
    raw_messages: tuple[str, ...] = ()
    """Text frames to send as they are right after `setup`."""
    binary_message: bool = False
    oversized_message: int = 0
    """Send one text frame of so many bytes after `setup`."""
    cut_after_s: float | None = None
    """Cut the connection at this moment of the session, without a close frame."""
    cuts: int = 1
    """How many sessions of one call are cut so."""
    provider_fails_after_s: float | None = None
    """Say so in an `error` and end the session as failed (64114)."""
    tells_nothing: bool = False
    """Send no `info` although it was asked for, and no text with an `interrupt`."""


class RestFaults(_Fault, frozen=True, kw_only=True):
    """Of the REST interface."""

    refusals: int = 0
    """How many of the next requests are answered with `status`."""
    status: int = 429
    answers_lost: int = 0
    """How many of the next requests are carried out and answered 500."""


class Faults(_Fault, frozen=True, kw_only=True):
    """All faults of the network."""

    calls: int | None = None
    """How many of the next calls have the webhook, media and relay faults; all of them when not given."""
    webhooks: WebhookFaults = WebhookFaults()
    media: MediaFaults = MediaFaults()
    relay: RelayFaults = RelayFaults()
    rest: RestFaults = RestFaults()


class FaultBox:
    """The faults in force, and for how many calls and requests they still are."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.set(faults or Faults())

    def set(self, faults: Faults) -> None:
        """Put these in force, instead of all others."""
        self._faults = faults
        self._calls_left = faults.calls
        self._refusals_left = faults.rest.refusals
        self._losses_left = faults.rest.answers_lost

    @property
    def now(self) -> Faults:
        """What the next call gets."""
        if self._calls_left == 0:
            return Faults(rest=self._faults.rest)
        return self._faults

    def for_a_call(self) -> Faults:
        """The faults of one more call."""
        faults = self.now
        if self._calls_left:
            self._calls_left -= 1
        return faults

    def refuses_a_request(self) -> int | None:
        """The status with which one more REST request is refused, or None."""
        if self._refusals_left == 0:
            return None
        self._refusals_left -= 1
        return self._faults.rest.status

    def loses_an_answer(self) -> bool:
        """Whether the answer of one more REST request is lost."""
        if self._losses_left == 0:
            return False
        self._losses_left -= 1
        return True
