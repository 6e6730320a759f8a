"""Carries out TwiML, verb by verb."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin
from xml.sax.saxutils import escape

from lab.races import first_of
from lab.speech.encoder import Speaker, encode
from lab.speech.wav import UnreadableSound, read_wav
from lab.twilio import twiml
from lab.twilio.gather import GatherEar, GatherOptions
from lab.twilio.line import Ear, ignore
from lab.twilio.platform_socket import StreamFailed
from lab.twilio.playout import Playout
from lab.twilio.recorder import BEEP, RecordingEar
from lab.twilio.twiml import BadTwiml, Document, Verb
from lab.twilio.webhooks import Reply, WebhookFailed

if TYPE_CHECKING:
    from lab.twilio.call import Call

APPLICATION_ERROR = "We are sorry, an application error has occurred. Goodbye."
LONGEST_PAUSE_S = 3600.0
MOST_DOCUMENTS = 200
"""Documents of one call: one that redirects to itself would go on for ever."""
MOST_LOOPS = 1000
"""What `loop="0"` amounts to."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask the platform what to do next."""

    url: str
    method: str = "POST"
    fields: Mapping[str, str] | None = None
    purpose: str = "action"


@dataclass(frozen=True, slots=True)
class Given:
    """TwiML that came without a request."""

    text: str
    url: str = ""


class HangUp:
    """The document is over, or said so."""


Next = Fetch | Given | HangUp
"""What follows a document."""
Leave = Callable[[], Awaitable[None]]


class Interpreter:
    """Performs the documents of one call. Cancelled when the call ends or is given another document."""

    def __init__(self, call: Call) -> None:
        self.owed: Leave | None = None
        """What the platform is still to be told when the caller hangs up in the middle of a verb."""
        self.hung_up = False
        """Whether a document ended with a hang-up, of itself or because it could not be had."""
        self._call = call
        self._base = ""
        self._utterance = 0

    async def perform(self, following: Next) -> None:
        """Everything from here to the end of the call's last document."""
        for _ in range(MOST_DOCUMENTS):
            if isinstance(following, HangUp) or (document := await self._obtain(following)) is None:
                return
            following = await self._carry_out(document)
        self._call.log.problem(0, f"the lab's stand-in gives up after {MOST_DOCUMENTS} documents in a row")

    async def notify(self, url: str, method: str, fields: Mapping[str, str]) -> None:
        """Tell the platform how a verb ended although the caller is gone; the answer means nothing."""
        try:
            await self._call.request(self.absolute(url), method, fields, "action")
        except WebhookFailed as failure:
            self._call.log.problem(failure.code, str(failure))

    # --- documents

    async def _obtain(self, following: Fetch | Given) -> Document | None:
        """The next document, or None when there is none and the caller has been told so."""
        try:
            if isinstance(following, Given):
                self._base, body = following.url, following.text.encode(errors="replace")
            else:
                body = await self._fetched(following)
            self._call.log.received(self._base, body.decode(errors="replace"))
            document = twiml.parse(body)
        except WebhookFailed as failure:
            self._call.log.problem(failure.code, str(failure))
            await self._apologise()
            return None
        except BadTwiml as error:
            self._call.log.problem(12100, f"document parse failure: {error}")
            await self._apologise()
            return None
        for warning in document.warnings:
            self._call.log.problem(12200, warning)
        return document

    async def _fetched(self, following: Fetch) -> bytes:
        """A document, from the fallback when its own address fails. Raises WebhookFailed."""
        try:
            reply = await self._call.request(following.url, following.method, following.fields or {}, following.purpose)
            return self._readable(reply)
        except WebhookFailed as failure:
            fallback = self._call.fallback
            if fallback is None or failure.url == fallback[0]:
                raise
            self._call.log.problem(failure.code, str(failure))
            fields = {"ErrorCode": str(failure.code), "ErrorUrl": failure.url}
            return self._readable(await self._call.request(*fallback, fields, "fallback"))

    def _readable(self, reply: Reply) -> bytes:
        """The document in a reply, by its content type. Raises WebhookFailed."""
        self._base = reply.url
        kind = reply.content_type.partition(";")[0].strip().lower()
        if kind in ("text/xml", "application/xml", "text/html"):
            return reply.body
        if kind == "text/plain":
            is_twiml = reply.body.lstrip().startswith(b"<")
            return reply.body if is_twiml else _document("Say", reply.body.decode(errors="replace"))
        if kind.startswith("audio/"):
            return _document("Play", reply.url)
        raise WebhookFailed(12300, f"invalid content type {kind or 'none'}", reply.url)

    async def _apologise(self) -> None:
        self.hung_up = True
        self._call.answer()
        await self._say(APPLICATION_ERROR)

    async def _carry_out(self, document: Document) -> Next:
        for place, verb in enumerate(document.verbs):
            self._call.log.started(verb.name, verb.attributes)
            if verb.name == "Reject" and place == 0 and self._call.reject(verb.attributes.get("reason", "rejected")):
                return HangUp()
            self._call.answer()
            if verb.name in twiml.UNPERFORMED:
                self._call.log.problem(0, f"the lab's stand-in does not perform <{verb.name}>")
                return HangUp()
            following = await self._verbs[verb.name](self, verb)
            if following is not None:
                return following
        return HangUp()

    # --- sound

    async def _say(self, text: str, ear: Ear | None = None) -> None:
        self._utterance += 1
        await self.play(encode(text, Speaker.NETWORK, self._utterance), ear)

    async def play(self, sound: bytes, ear: Ear | None = None) -> None:
        """Play to the end; `ear` hears the caller meanwhile."""
        playout, over = Playout(), asyncio.Event()

        def reached(_: str) -> None:
            over.set()

        playout.add(sound)
        if not playout.mark("end"):
            self._call.line.connect(playout, reached, ear)
            await over.wait()
        self._call.line.connect(Playout(), ignore, ear)

    async def _prompt(self, verb: Verb, ear: Ear | None) -> None:
        """Say, Play or Pause, alone or inside Gather."""
        match verb.name:
            case "Say":
                if not verb.text:
                    self._call.log.problem(13520, "nothing to say")
                for _ in range(_loops(verb)):
                    await self._say(verb.text, ear)
            case "Play":
                await self._play_file(verb, ear)
            case _:
                self._call.line.connect(Playout(), ignore, ear)
                await self._call.pace.sleep(min(_number(verb, "length", 1.0), LONGEST_PAUSE_S))

    async def _play_file(self, verb: Verb, ear: Ear | None) -> None:
        if "digits" in verb.attributes:
            return  # tones for the other end; nobody in the lab listens for them
        try:
            reply = await self._call.webhooks.fetch(self.absolute(verb.text))
            is_mulaw = reply.content_type.startswith(("audio/basic", "audio/mulaw", "audio/x-mulaw"))
            sound = reply.body if is_mulaw else read_wav(reply.body)
        except WebhookFailed as failure:
            self._call.log.problem(failure.code, str(failure))
            return
        except UnreadableSound as error:
            self._call.log.problem(0, f"the lab's stand-in cannot play this: {error}")
            return
        for _ in range(_loops(verb)):
            await self.play(sound, ear)

    # --- verbs

    async def _speak(self, verb: Verb) -> Next | None:
        await self._prompt(verb, None)
        return None

    async def _redirect(self, verb: Verb) -> Next | None:
        return Fetch(self.absolute(verb.text), verb.attributes.get("method", "POST"), purpose="redirect")

    async def _hang_up(self, verb: Verb) -> Next | None:
        del verb
        self.hung_up = True
        return HangUp()

    async def _reject(self, verb: Verb) -> Next | None:
        del verb
        self._call.log.problem(12200, "<Reject> only works as the first verb")
        return HangUp()

    async def _gather(self, verb: Verb) -> Next | None:
        try:
            ear = GatherEar(GatherOptions.of(verb))
        except ValueError as error:
            self._call.log.problem(12200, f"<Gather>: {error}")
            return None
        await first_of(self._prompts(verb, ear), _until(ear.began))
        ear.prompts_over = True
        self._call.line.connect(Playout(), ignore, ear)
        fields = await ear.result
        self._call.line.disconnect()
        if not fields and verb.attributes.get("actionOnEmptyResult", "false") != "true":
            return None
        return self._action(verb, fields or {"Digits": ""})

    async def _prompts(self, verb: Verb, ear: Ear) -> None:
        for noun in verb.nouns:
            await self._prompt(noun, ear)

    async def _record(self, verb: Verb) -> Next | None:
        if verb.attributes.get("playBeep", "true") == "true":
            await self.play(BEEP)
        ear = RecordingEar(
            _number(verb, "timeout", 5.0),
            _number(verb, "maxLength", 3600.0),
            verb.attributes.get("finishOnKey", "1234567890*#"),
        )
        self._call.line.connect(Playout(), ignore, ear)
        action = self._action(verb, {})
        callback = verb.attributes.get("recordingStatusCallback")
        callback = self.absolute(callback) if callback else None

        async def left() -> None:
            kept = self._call.keep_recording(ear.sound, ear.seconds, verb, callback)
            await self.notify(action.url, action.method, kept | {"Digits": "hangup"})

        self.owed = left
        key = await ear.ended_by
        self.owed = None
        self._call.line.disconnect()
        if not any(ear.sound.translate(None, b"\xff")):
            return None  # silence is no recording: the next verb follows
        kept = self._call.keep_recording(ear.sound, ear.seconds, verb, callback)
        return self._action(verb, kept | {"Digits": key})

    async def _start(self, verb: Verb) -> Next | None:
        for noun in verb.nouns:
            if noun.name == "Recording":
                callback = noun.attributes.get("recordingStatusCallback")
                self._call.start_recording(noun, self.absolute(callback) if callback else None)
            else:
                self._call.log.problem(0, f"the lab's stand-in does not start <{noun.name}>")
        return None

    async def _dial(self, verb: Verb) -> Next | None:
        numbers = [noun for noun in verb.nouns if noun.name == "Number"] or [Verb("Number", text=verb.text)]
        unperformed = sorted({noun.name for noun in verb.nouns} & twiml.UNPERFORMED)
        if unperformed or len(numbers) > 1:
            what = f"no <{unperformed[0]}>" if unperformed else "one <Number> at a time"
            self._call.log.problem(0, f"the lab's stand-in dials {what}")
            return HangUp()
        callback = numbers[0].attributes.get("statusCallback")
        callback = self.absolute(callback) if callback else None
        timeout_s, limit_s = _number(verb, "timeout", 30.0), _number(verb, "timeLimit", 14_400.0)
        leg = self._call.dial(numbers[0], callback, timeout_s, limit_s)
        action = verb.attributes.get("action")

        async def left() -> None:
            if action:
                await self.notify(action, verb.attributes.get("method", "POST"), leg.fields())

        self.owed = left
        try:
            await leg.talk()
        finally:
            await leg.end()
        self.owed = None
        return self._action(verb, leg.fields()) if action else None

    async def _connect(self, verb: Verb) -> Next | None:
        noun = next((noun for noun in verb.nouns if noun.name in ("Stream", "ConversationRelay")), None)
        if noun is None:
            self._call.log.problem(0, "nothing to connect to")
            return HangUp()
        fields = await (self._stream(verb, noun) if noun.name == "Stream" else self._relay(verb, noun))
        self.owed = None
        return self._action(verb, fields) if verb.attributes.get("action") else None

    async def _stream(self, verb: Verb, noun: Verb) -> dict[str, str]:
        """A media stream; nothing is known of its end."""
        if self._call.settings.connect_action_after_hangup:
            self._owe(verb, dict)
        try:
            await self._call.stream(noun)
        except StreamFailed as failure:
            self._call.log.problem(failure.code, str(failure))
        return {}

    async def _relay(self, verb: Verb, noun: Verb) -> dict[str, str]:
        """A relay session, and what `action` is told of its end."""
        try:
            relay = self._call.relay(noun)
        except StreamFailed as failure:
            self._call.log.problem(failure.code, str(failure))
            return {"SessionStatus": "failed", "ErrorCode": str(failure.code), "ErrorMessage": str(failure)}
        self._owe(verb, lambda: relay.ended("completed").fields())
        return (await relay.perform()).fields()

    def _owe(self, verb: Verb, fields: Callable[[], dict[str, str]]) -> None:
        """When the caller hangs up meanwhile, `action` is told all the same."""
        action = verb.attributes.get("action")

        async def left() -> None:
            if action:
                await self.notify(action, verb.attributes.get("method", "POST"), fields())

        self.owed = left

    def _action(self, verb: Verb, fields: Mapping[str, str]) -> Fetch:
        """The request that follows a verb; without an `action` it goes to the current document again."""
        return Fetch(self.absolute(verb.attributes.get("action", "")), verb.attributes.get("method", "POST"), fields)

    def absolute(self, url: str) -> str:
        """The address a document names, which may be relative to its own; what is none fails when it is asked."""
        try:
            return urljoin(self._base, url)
        except ValueError:
            return url

    _verbs: Mapping[str, Callable[[Interpreter, Verb], Awaitable[Next | None]]] = {
        "Say": _speak,
        "Play": _speak,
        "Pause": _speak,
        "Gather": _gather,
        "Record": _record,
        "Start": _start,
        "Dial": _dial,
        "Connect": _connect,
        "Redirect": _redirect,
        "Hangup": _hang_up,
        "Reject": _reject,
    }


async def _until(event: asyncio.Event) -> None:
    await event.wait()


def _loops(verb: Verb) -> int:
    times = verb.attributes.get("loop", "1")
    return (int(times) or MOST_LOOPS) if times.isdigit() else 1


def _number(verb: Verb, name: str, default: float) -> float:
    try:
        return float(verb.attributes.get(name, default))
    except ValueError:
        return default


def _document(verb: str, text: str) -> bytes:
    return f"<Response><{verb}>{escape(text)}</{verb}></Response>".encode()
