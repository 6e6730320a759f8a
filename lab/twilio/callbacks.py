"""Notifications beside a call, which never hold it up: of its streams, its recordings and who picked up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from lab.twilio import forms
from lab.twilio.log import CallLog
from lab.twilio.records import RecordingRecord
from lab.twilio.twiml import Verb
from lab.twilio.webhooks import WebhookFailed, Webhooks
from shared.task_group import TaskSet


class Callbacks:
    """Sends them in the background."""

    def __init__(self, log: CallLog, webhooks: Webhooks) -> None:
        self._log = log
        self._webhooks = webhooks
        self._sending = TaskSet(f"callbacks of {log.record.sid}")

    async def sent(self) -> None:
        """Wait until all are sent."""
        await self._sending.wait()

    def stream(self, noun: Verb, stream_sid: str, event: str, error: str = "") -> None:
        """`stream-started`, `stream-stopped` or `stream-error`, when the `<Stream>` asked for it."""
        callback = noun.attributes.get("statusCallback")
        if callback is None:
            return
        fields = {
            "StreamSid": stream_sid,
            "StreamName": noun.attributes.get("name", stream_sid),
            "StreamEvent": event,
            "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if error:
            fields["StreamError"] = error
        self._send(callback, noun.attributes.get("statusCallbackMethod", "POST"), fields, "stream status")

    def recording(self, verb: Verb, callback: str, kept: RecordingRecord, fields: Mapping[str, str]) -> None:
        """`completed`, when the verb asked for it."""
        if "completed" not in verb.attributes.get("recordingStatusCallbackEvent", "completed").split():
            return
        more = {
            "RecordingStatus": "completed",
            "RecordingChannels": str(kept.channels),
            "RecordingSource": kept.source,
            "RecordingStartTime": forms.rfc2822(kept.made_at),
            "RecordingTrack": kept.track,
        }
        method = verb.attributes.get("recordingStatusCallbackMethod", "POST")
        self._send(callback, method, {**fields, **more}, "recording")

    def machine(self, callback: str, method: str, answered_by: str, after_s: float) -> None:
        """Who picked up; carries no number."""
        fields = {"AnsweredBy": answered_by, "MachineDetectionDuration": str(round(after_s * 1000))}
        self._send(callback, method, fields, "machine")

    def _send(self, url: str, method: str, fields: Mapping[str, str], purpose: str) -> None:
        ids = {"AccountSid": self._log.record.account_sid, "CallSid": self._log.record.sid}
        self._sending.start(self._sent(url, method, {**ids, **fields}, purpose), purpose)

    async def _sent(self, url: str, method: str, fields: Mapping[str, str], purpose: str) -> None:
        try:
            await self._webhooks.send(url, fields, method, purpose)
        except WebhookFailed as failure:
            self._log.problem(failure.code, f"{purpose} callback failed: {failure}")
