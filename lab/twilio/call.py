"""One call, from dialling to its last status callback."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NoReturn

import msgspec

from lab.speech.wav import wav
from lab.twilio import forms
from lab.twilio.callbacks import Callbacks
from lab.twilio.conversation_relay import ConversationRelay
from lab.twilio.conversation_relay_options import RelayOptions
from lab.twilio.dial import DialLeg
from lab.twilio.faults import Faults
from lab.twilio.interpreter import Fetch, Given, Interpreter
from lab.twilio.line import Line
from lab.twilio.log import CallLog
from lab.twilio.pace import Pace
from lab.twilio.people import Act, Person
from lab.twilio.platform_socket import StreamFailed
from lab.twilio.recorder import CallTape
from lab.twilio.records import FINAL, CallRecord, EndedBy, Event, RecordingRecord, RelayRecord, Status, StreamRecord
from lab.twilio.settings import Callee, PhoneSettings
from lab.twilio.statuses import StatusReports
from lab.twilio.stream import MediaStream
from lab.twilio.twiml import Verb
from lab.twilio.webhooks import Reply, Webhooks
from shared.observability.logs import get_logger
from shared.task_group import TaskSet

log = get_logger(__name__)
PARAMETER_LIMIT = 500
"""Characters of a `<Parameter>`'s name and value together."""
LONGEST_CALL_S = 4 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Find out whether a machine picks up."""

    message_end: bool
    """Wait for the end of its greeting."""
    callback: str | None = None
    """Told the result while the call goes on; without one the first document waits for it."""
    method: str = "POST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a call is to do."""

    first: Fetch | Given
    fallback: tuple[str, str] | None = None
    """Address and method to ask when the first fails."""
    status_callback: str | None = None
    status_method: str = "POST"
    status_states: frozenset[Status] = frozenset(FINAL)
    detection: Detection | None = None
    ring_s: float = 60.0
    """Seconds an outbound call may ring."""
    limit_s: float = LONGEST_CALL_S


@dataclass(frozen=True, slots=True)
class _End:
    by: EndedBy
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class _Replace:
    following: Fetch | Given


@dataclass(frozen=True, slots=True)
class _Performed:
    task: asyncio.Task[None]


class Call:
    """A call that is going on."""

    def __init__(self, record: CallRecord, plan: Plan, person: Person, settings: PhoneSettings, faults: Faults) -> None:
        self.record = record
        self.settings = settings
        self.faults = faults
        self.fallback = plan.fallback
        self.pace = Pace(settings.speed)
        self.log = CallLog(record, self.pace)
        self.webhooks = Webhooks(settings, faults.webhooks, self.log.attempted)
        self.line = Line(person, self.pace, self.log, self._acted)
        self.recordings: dict[str, bytes] = {}
        """WAV files by recording SID."""
        self.children: list[CallRecord] = []
        """Legs added by `<Dial>`."""
        self.over = asyncio.Event()
        """Set when everything about the call is done."""
        self._plan = plan
        self._orders: asyncio.Queue[_End | _Replace | _Performed] = asyncio.Queue()
        self._interpreter = Interpreter(self)
        self._line_task: asyncio.Task[NoReturn] | None = None
        self._unanswered: Status | None = None
        self._tape: tuple[Verb, str | None, RecordingRecord] | None = None
        self._detecting = TaskSet(f"machine detection of {record.sid}")
        self._callbacks = Callbacks(self.log, self.webhooks)
        self._reports = StatusReports(
            record,
            self.webhooks,
            plan.status_callback,
            plan.status_method,
            plan.status_states,
            self.pace,
            faults.webhooks,
            self.log.problem,
        )

    # --- from outside

    def hang_up(self, by: EndedBy = "rest", status: Status | None = None) -> None:
        """End the call."""
        self._orders.put_nowait(_End(by, status))

    def replace(self, following: Fetch | Given) -> None:
        """Give the call another document; what it is doing is broken off."""
        self._orders.put_nowait(_Replace(following))

    @property
    def is_active(self) -> bool:
        """Whether it can still be changed."""
        return self.record.status not in FINAL

    def follow(self) -> AsyncIterator[Event]:
        """Its events from the first to the last, as they come."""
        return self.log.follow()

    # --- the life of the call

    async def run(self) -> None:
        """Everything, to the last status callback."""
        self.log.placed()
        sending = asyncio.ensure_future(self._reports.send())
        ended = _End("error", "failed")
        try:
            ended = await self._live()
        except Exception:
            log.exception("lab_call_failed", call_sid=self.record.sid)
            self.log.problem(12400, "the lab's stand-in failed; its log says how")
        finally:
            try:
                await self._finish(ended)
            finally:
                sending.cancel()
                await self.webhooks.close()
                self.over.set()

    async def _live(self) -> _End:
        """Perform document after document until something ends the call."""
        work = self._call_in() if self.record.direction == "inbound" else self._call_out()
        limit = asyncio.get_running_loop().call_later(
            self._plan.limit_s / self.settings.speed, self.hang_up, "time limit"
        )
        try:
            while True:
                order = await self._perform_until_ordered(work)
                if isinstance(order, _End):
                    return order
                self._interpreter.owed = None
                work = self._interpreter.perform(order.following)
        finally:
            limit.cancel()

    async def _perform_until_ordered(self, work: Coroutine[Any, Any, None]) -> _End | _Replace:
        performing = asyncio.ensure_future(work)
        performing.add_done_callback(lambda task: self._orders.put_nowait(_Performed(task)))
        try:
            while True:
                match await self._orders.get():
                    case _Performed(task) if task is performing:
                        task.result()
                        return _End("twiml")
                    case _Performed():
                        continue  # of a document that was replaced
                    case order:
                        return order
        finally:
            performing.cancel()
            await asyncio.gather(performing, return_exceptions=True)

    async def _call_in(self) -> None:
        self._set("ringing")
        await self._interpreter.perform(self._plan.first)

    async def _call_out(self) -> None:
        callee = self.settings.callee(self.record.to_number)
        self._set("initiated")
        self._set("ringing")
        await self.pace.sleep(min(callee.answers_after_s, self._plan.ring_s))
        if callee.answers_after_s > self._plan.ring_s or callee.outcome != "completed":
            self._unanswered = "no-answer" if callee.outcome == "completed" else callee.outcome
            return
        self.answer()
        await self._interpreter.perform(await self._detect(callee))

    async def _detect(self, callee: Callee) -> Fetch | Given:
        """What to begin with, once machine detection allows it."""
        first, detection = self._plan.first, self._plan.detection
        if detection is None:
            return first
        if detection.callback is not None:
            self._detecting.start(self._found_out(callee, detection), "machine detection")
            return first
        fields = await self._found_out(callee, detection)
        return replace(first, fields=fields) if isinstance(first, Fetch) else first

    async def _found_out(self, callee: Callee, detection: Detection) -> dict[str, str]:
        answered_by, after_s = callee.detected(message_end=detection.message_end)
        await self.pace.sleep(after_s)
        self.record.answered_by = answered_by
        if detection.callback is not None:
            self._callbacks.machine(detection.callback, detection.method, answered_by, after_s)
        return {"AnsweredBy": answered_by, "MachineDetectionDuration": str(round(after_s * 1000))}

    async def _finish(self, ended: _End) -> None:
        record = self.record
        await self._detecting.close()
        await self._stop_line()
        if self._tape is not None and self.line.tape is not None:
            verb, callback, begun = self._tape
            record.recordings.remove(begun)
            self._keep(self.line.tape.sound, self.line.tape.seconds, verb, callback, begun)
        record.most_late_s = self.line.most_late_s
        record.ended_at = self.log.now()
        record.ended_by = ended.by
        self._set(self._unanswered or ended.status or "completed")
        if self._interpreter.owed is not None:
            await self._interpreter.owed()
        await self._callbacks.sent()
        await self._reports.sent()
        self.log.ended(ended.by)

    async def _stop_line(self) -> None:
        if self._line_task is not None:
            self._line_task.cancel()
            await asyncio.gather(self._line_task, return_exceptions=True)
        self.line.close()

    # --- what the interpreter asks for

    def answer(self) -> None:
        """The call is picked up, unless it is already."""
        if self.record.answered_at is not None:
            return
        self.record.answered_at = self.log.now()
        self._set("in-progress")
        self._start_line()

    def _start_line(self) -> None:
        self._line_task = asyncio.ensure_future(self.line.run())
        self._line_task.add_done_callback(self._line_ended)

    def reject(self, reason: str) -> bool:
        """Refuse the call before it is picked up. False when it is too late."""
        if self.record.answered_at is not None:
            return False
        self._unanswered = "busy" if reason == "busy" else "no-answer"
        return True

    async def request(self, url: str, method: str, fields: Mapping[str, str], purpose: str) -> Reply:
        """One webhook of this call. Raises WebhookFailed."""
        every = forms.call_fields(self.record) | dict(fields)
        return await self.webhooks.send(url, every, method, purpose, self.faults.webhooks.repeats)

    async def stream(self, noun: Verb) -> None:
        """Perform `<Stream>` until the platform ends it. Raises StreamFailed."""
        if noun.attributes.get("track", "inbound_track") != "inbound_track":
            raise StreamFailed(31941, "only the inbound track can be connected")
        record = StreamRecord(stream_sid="MZ" + secrets.token_hex(16))
        media = self._media(noun, record)
        event, error = "stream-stopped", ""
        try:
            socket = await media.open()
            self.record.streams.append(record)
            self.log.stream_opened(record.stream_sid, noun.attributes.get("url", ""))
            self._callbacks.stream(noun, record.stream_sid, "stream-started")
            code = await media.run(socket)
            self.log.stream_closed(record.stream_sid, "platform", code)
        except StreamFailed as failure:
            event, error = "stream-error", str(failure)
            self.log.stream_closed(record.stream_sid, "platform", None)
            raise
        except asyncio.CancelledError:
            self.log.stream_closed(record.stream_sid, "network", None)
            raise
        finally:
            self._callbacks.stream(noun, record.stream_sid, event, error)

    def _media(self, noun: Verb, record: StreamRecord) -> MediaStream:
        faults = self.faults.media
        if len(self.record.streams) >= faults.cuts:
            faults = msgspec.structs.replace(faults, cut_after_s=None)
        url = noun.attributes.get("url", "")
        return MediaStream(self.log, record, url, self._parameters(noun), self.line, self.pace, self.settings, faults)

    def relay(self, noun: Verb) -> ConversationRelay:
        """A `<ConversationRelay>` to be performed. Raises StreamFailed when its attributes are refused."""
        options = RelayOptions.of(noun)
        faults = self.faults.relay
        if len(self.record.relays) >= faults.cuts:
            faults = msgspec.structs.replace(faults, cut_after_s=None)
        record = RelayRecord(session_id="VX" + secrets.token_hex(16))
        self.record.relays.append(record)
        return ConversationRelay(
            self.log,
            record,
            noun.attributes.get("url", ""),
            options,
            self._parameters(noun),
            self.line,
            self.pace,
            self.settings,
            self.webhooks,
            faults,
        )

    def _parameters(self, noun: Verb) -> dict[str, str]:
        parameters = {}
        for one in noun.nouns:
            if one.name != "Parameter":
                continue
            name, value = one.attributes.get("name", ""), one.attributes.get("value", "")
            if len(name) + len(value) > PARAMETER_LIMIT:
                self.log.problem(12200, f"<Parameter {name}> is longer than {PARAMETER_LIMIT} characters")
            else:
                parameters[name] = value
        return parameters

    def dial(self, noun: Verb, status_callback: str | None, timeout_s: float, limit_s: float) -> DialLeg:
        """A leg to another number."""
        leg = DialLeg(self, noun, status_callback, timeout_s, limit_s)
        self.children.append(leg.record)
        return leg

    async def brief(self, record: CallRecord, person: Person, url: str, method: str) -> bool:
        """Perform a document for somebody who was dialled, before they are put through.

        False when the document or they themselves hung up.
        """
        plan = Plan(first=Fetch(self._interpreter.absolute(url), method, purpose="whisper"))
        leg = Call(record, plan, person, self.settings, self.faults)
        try:
            return await leg.listen()
        finally:
            await leg.webhooks.close()

    async def listen(self) -> bool:
        """Perform the plan's document on a leg that is answered; False when somebody hung up."""
        self._start_line()
        try:
            over = await self._perform_until_ordered(self._interpreter.perform(self._plan.first))
            return over == _End("twiml") and not self._interpreter.hung_up
        finally:
            await self._stop_line()

    def start_recording(
        self, noun: Verb, callback: str | None, source: str = "StartCallRecordingTwiML"
    ) -> RecordingRecord:
        """Record both sides from here to the end of the call."""
        if self._tape is not None:
            self.log.problem(0, "the lab's stand-in records a call once")
            return self._tape[2]
        begun = RecordingRecord(
            sid="RE" + secrets.token_hex(16), call_sid=self.record.sid, source=source, channels=CallTape.channels,
            track="both", seconds=0, made_at=datetime.now(UTC), status="in-progress",
        )  # fmt: skip
        self._tape = (noun, callback, begun)
        self.record.recordings.append(begun)
        self.line.tape = CallTape()
        return begun

    def keep_recording(
        self, sound: bytes | bytearray, seconds: int, verb: Verb, callback: str | None
    ) -> dict[str, str]:
        """Store what the caller left and report it. Returns the fields that name it."""
        left = RecordingRecord(
            sid="RE" + secrets.token_hex(16), call_sid=self.record.sid, source="RecordVerb", channels=1,
            track="inbound", seconds=seconds, made_at=datetime.now(UTC),
        )  # fmt: skip
        return self._keep(sound, seconds, verb, callback, left)

    def _keep(
        self, sound: bytes | bytearray, seconds: int, verb: Verb, callback: str | None, begun: RecordingRecord
    ) -> dict[str, str]:
        kept = msgspec.structs.replace(begun, seconds=seconds, status="completed")
        self.record.recordings.append(kept)
        self.recordings[kept.sid] = wav(bytes(sound), kept.channels)
        account = f"{self.settings.api_url}/{forms.API_VERSION}/Accounts/{self.record.account_sid}"
        fields = {
            "RecordingSid": kept.sid,
            "RecordingUrl": f"{account}/Recordings/{kept.sid}",
            "RecordingDuration": str(seconds),
        }
        if callback is not None:
            self._callbacks.recording(verb, callback, kept, fields)
        return fields

    # --- what happens by itself

    def _set(self, status: Status) -> None:
        self.record.status = status
        self.log.status()
        self._reports.report(status)

    def _acted(self, act: Act) -> None:
        if act.note is not None:
            self.log.noted(act.note)
        if act.key is not None:
            self.log.key(act.key)
        if act.hangs_up:
            self.hang_up("caller" if self.record.direction == "inbound" else "callee")

    def _line_ended(self, task: asyncio.Task[NoReturn]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("lab_line_failed", call_sid=self.record.sid, exc_info=error)
            self.log.problem(12400, f"the person on the line failed: {type(error).__name__}")
            self.hang_up("error")
