"""One `<Connect><ConversationRelay>`: the network hears and speaks, the platform gets and gives text.

Its recogniser and its voice are the lab's speech: simulated, to the character, and not Deepgram or ElevenLabs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from lab.races import first_of
from lab.speech.mulaw import RATE
from lab.speech.wav import UnreadableSound, read_wav
from lab.twilio import conversation_relay_messages as messages
from lab.twilio import platform_socket
from lab.twilio.conversation_relay_hearing import News, RelayHearing, language_of
from lab.twilio.conversation_relay_messages import BadMessage, End, FromPlatform, Language, Play, SendDigits, Text
from lab.twilio.conversation_relay_options import RelayOptions
from lab.twilio.conversation_relay_speech import RelaySpeech
from lab.twilio.faults import RelayFaults
from lab.twilio.line import Line
from lab.twilio.log import CallLog
from lab.twilio.pace import Pace
from lab.twilio.platform_socket import CLOSE_S, StreamFailed
from lab.twilio.records import RelayRecord
from lab.twilio.settings import PhoneSettings
from lab.twilio.webhooks import WebhookFailed, Webhooks

UNREACHABLE, NO_SOCKET = 39001, 64102
"""What `action` is told when the socket failed, and what the console shows."""
WEBSOCKET_ENDED, INVALID_MESSAGE, PROVIDER_FAILED = 64105, 64107, 64114
MOST_BAD_IN_A_ROW = 10
TOO_MANY_BAD = 1007
MOST_LOOPS = 1000
"""What `loop` 0 amounts to."""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How a session ended, as `action` is told."""

    status: Literal["ended", "completed", "failed"]
    session_id: str
    seconds: float
    handoff: str | None = None
    error_code: int | None = None
    error: str = ""

    def fields(self) -> dict[str, str]:
        """Beside those of the call."""
        fields = {
            "SessionId": self.session_id,
            "SessionStatus": self.status,
            "SessionDuration": str(round(self.seconds)),
        }
        if self.handoff is not None:
            fields["HandoffData"] = self.handoff
        if self.error_code is not None:
            fields |= {"ErrorCode": str(self.error_code), "ErrorMessage": self.error}
        return fields


class _Ended(Exception):
    """The platform said so."""


class ConversationRelay:
    """Carries one call's words to the platform and back."""

    def __init__(
        self,
        log: CallLog,
        record: RelayRecord,
        url: str,
        options: RelayOptions,
        parameters: Mapping[str, str],
        line: Line,
        pace: Pace,
        settings: PhoneSettings,
        webhooks: Webhooks,
        faults: RelayFaults,
    ) -> None:
        self._log = log
        self._record = record
        self._url = url
        self._options = options
        self._parameters = parameters if faults.parameters is None else faults.parameters
        self._line = line
        self._pace = pace
        self._settings = settings
        self._webhooks = webhooks
        self._faults = faults
        self._speech = RelaySpeech()
        self._hearing = RelayHearing(options)
        self._during_speech = False
        """Whether the caller's turn began while we spoke and did not interrupt."""
        self._was_speaking = False
        self._unsent: deque[str] = deque()
        self._more = asyncio.Event()
        self._bad = 0
        self._began_at = 0.0
        record.speech_language, record.hearing_language = options.language, options.hearing_language

    async def perform(self) -> SessionEnd:
        """The whole session: how it ended, as `action` is told.

        Cancelled when the call is over: tells what was being said, if that was asked for, and closes.
        """
        session_id = self._record.session_id
        try:
            socket = await self._open()
            self._log.relay_opened(session_id, self._url)
            await self._run(socket)
            end = self.ended("ended")
        except StreamFailed as failure:
            self._log.problem(failure.code, str(failure))
            end = self.ended("failed", failure)
        except asyncio.CancelledError:
            self._log.relay_closed(session_id, "completed", None)
            raise
        self._log.relay_closed(session_id, end.status, end.error_code)
        return end

    async def _open(self) -> ClientConnection:
        """Greet, if there is a greeting, and connect, signed. Raises StreamFailed."""
        self._began_at = self._pace.now()
        self._line.connect(self._speech.playout, self._reached, self)
        if self._options.welcome:
            self._speech.say(
                self._options.welcome, last=True, interruptible=self._options.welcome_interruptible, preemptible=False
            )
        try:
            return await platform_socket.open_signed(
                self._url,
                self._settings,
                unreachable=self._faults.unreachable,
                wrong_signature=self._faults.wrong_signature,
            )
        except StreamFailed as failure:
            self._line.disconnect()
            self._log.problem(NO_SOCKET, str(failure))
            raise StreamFailed(UNREACHABLE, "Network connection to WebSocket server failed.") from failure

    async def _run(self, socket: ClientConnection) -> None:
        """Talk until the platform ends the session. Raises StreamFailed when it failed."""
        self._begin()
        try:
            await first_of(self._receive(socket), self._send(socket), self._break_off(socket))
        except _Ended:
            return
        except ConnectionClosed as closed:
            raise self._failed(closed) from closed
        except asyncio.CancelledError:
            await self._leave(socket)
            raise
        finally:
            self._line.disconnect()
            await platform_socket.close(socket)

    def _failed(self, closed: ConnectionClosed) -> StreamFailed:
        if closed.rcvd is None:
            return StreamFailed(UNREACHABLE, "Network connection to WebSocket server failed.")
        return StreamFailed(WEBSOCKET_ENDED, f"the server closed with {closed.rcvd.code} {closed.rcvd.reason}")

    async def _break_off(self, socket: ClientConnection) -> NoReturn:
        """What a fault does at its moment."""
        faults = self._faults
        if faults.provider_fails_after_s is not None:
            await self._pace.sleep(faults.provider_fails_after_s)
            await self._tell(socket, messages.error("the connection to the speech provider failed"))
            raise StreamFailed(PROVIDER_FAILED, "The connection to the STT provider failed.")
        if faults.cut_after_s is not None:
            await self._pace.sleep(faults.cut_after_s)
            socket.transport.abort()
        await asyncio.Event().wait()
        raise AssertionError

    async def _leave(self, socket: ClientConnection) -> None:
        """The last messages of a call that is over."""
        if self._options.partial_on_hangup and self._hearing.words:
            self._tell_words(self._hearing.take(), last=True)
        try:
            async with asyncio.timeout(CLOSE_S):
                while self._unsent:
                    await self._tell(socket, self._unsent.popleft())
        except (TimeoutError, ConnectionClosed):
            return

    # --- to the platform

    def _begin(self) -> None:
        faults, record = self._faults, self._log.record
        if faults.never_sets_up:
            self._unsent.clear()
            return
        setup = messages.setup(
            self._record.session_id,
            faults.claims_account or record.account_sid,
            faults.claims_call or record.sid,
            record.from_number,
            record.to_number,
            self._parameters,
        )
        first = [messages.prompt("Hello?", self._options.hearing_language, last=True)] * faults.prompt_before_setup
        first += [setup] * (2 if faults.sets_up_twice else 1)
        first += [*faults.raw_messages, *(["x" * faults.oversized_message] * bool(faults.oversized_message))]
        self._unsent.extendleft(reversed(first))
        self._more.set()

    def _put(self, message: str) -> None:
        self._unsent.append(message)
        self._more.set()

    async def _send(self, socket: ClientConnection) -> NoReturn:
        if self._faults.binary_message:
            await socket.send(b"\x00\x01\x02")
        while True:
            if not self._unsent:
                self._more.clear()
                await self._more.wait()
            await self._tell(socket, self._unsent.popleft())

    async def _tell(self, socket: ClientConnection, message: str) -> None:
        await socket.send(message)
        self._log.relayed("network", message)

    def _tell_words(self, words: str, *, last: bool) -> None:
        self._put(messages.prompt(words, language_of(words, self._record.hearing_language), last=last))

    def _inform(self, event: str, name: str, value: str) -> None:
        if event in self._options.events and not self._faults.tells_nothing:
            self._put(messages.info(name, value))

    # --- the caller

    def hear(self, sound: bytes) -> None:
        """20 ms of the caller; those of our speech have just been played."""
        self._notice_speech()
        match self._hearing.hear(sound):
            case News.SOUND:
                self._during_speech = self._speech.is_speaking
                self._inform("speaker-events", "clientSpeaking", "start")
            case News.SPEECH if self._speech.is_speaking and self._speech.interruptible in ("speech", "any"):
                self._interrupt()
            case News.MORE if self._is_reported:
                self._tell_words(self._hearing.words, last=False)
            case News.OVER:
                self._inform("speaker-events", "clientSpeaking", "stop")
                self._turn_over()

    @property
    def _is_reported(self) -> bool:
        return not self._during_speech or self._options.reports_during_speech in ("speech", "any")

    def _turn_over(self) -> None:
        ignored = self._during_speech and self._options.ignores_backchannel and self._hearing.is_backchannel
        is_reported, words = self._is_reported, self._hearing.take()
        self._during_speech = False
        if is_reported and not ignored:
            self._tell_words(words, last=True)

    def key(self, key: str) -> None:
        """A pressed key."""
        speaks = self._speech.is_speaking
        if speaks and self._speech.interruptible in ("dtmf", "any"):
            self._interrupt()
        is_reported = not speaks or self._options.reports_during_speech in ("dtmf", "any")
        if self._options.takes_keys and is_reported:
            self._put(messages.dtmf(key))

    def _interrupt(self) -> None:
        cut = self._speech.cut()
        self._during_speech = False
        self._log.interrupted(cut.spoken, cut.dropped_s)
        spoken = None if self._faults.tells_nothing else cut.spoken
        self._put(messages.interrupt(spoken, round(cut.heard_s * 1000)))
        self._notice_speech()

    def _notice_speech(self) -> None:
        if self._speech.is_speaking != self._was_speaking:
            self._was_speaking = self._speech.is_speaking
            self._inform("speaker-events", "agentSpeaking", "start" if self._was_speaking else "stop")

    def _reached(self, name: str) -> None:
        words = self._speech.reached(name)
        if words:
            self._inform("tokens-played", "tokensPlayed", words)

    # --- from the platform

    async def _receive(self, socket: ClientConnection) -> NoReturn:
        while True:
            message = await socket.recv()
            self._log.relayed("platform", message if isinstance(message, str) else "(binary)")
            try:
                await self._obey(messages.read(message))
                self._bad = 0
            except BadMessage as problem:
                self._record.refused += 1
                self._bad += 1
                self._log.problem(INVALID_MESSAGE, f"invalid message: {problem}")
                self._put(messages.error(f"Invalid message received: {message!r}"))
                if self._bad >= MOST_BAD_IN_A_ROW:
                    await socket.close(TOO_MANY_BAD, "Too many consecutive malformed messages.")
                    raise StreamFailed(WEBSOCKET_ENDED, "too many malformed messages") from problem

    async def _obey(self, message: FromPlatform) -> None:
        """Carry out a message. Raises _Ended."""
        match message:
            case Text():
                self._speech.say(
                    message.token,
                    last=message.last,
                    interruptible=self._interruptible(message.interruptible),
                    preemptible=message.preemptible,
                )
            case Play():
                await self._play(message)
            case SendDigits():
                self._record.digits.append(message.digits)
            case Language():
                self._record.speech_language = message.tts_language or self._record.speech_language
                self._record.hearing_language = message.transcription_language or self._record.hearing_language
            case End():
                self._record.handoff = message.handoff_data
                raise _Ended

    def _interruptible(self, given: bool | None) -> str:
        return self._options.interruptible if given is None else ("any" if given else "none")

    async def _play(self, message: Play) -> None:
        try:
            reply = await self._webhooks.fetch(message.source)
            is_mulaw = reply.content_type.startswith(("audio/basic", "audio/mulaw", "audio/x-mulaw"))
            sound = reply.body if is_mulaw else read_wav(reply.body)
        except WebhookFailed as failure:
            self._log.problem(failure.code, str(failure))
            return
        except UnreadableSound as error:
            self._log.problem(0, f"the lab's stand-in cannot play this: {error}")
            return
        longest = 600 * RATE
        self._speech.play(
            (sound * min(message.loop or MOST_LOOPS, longest // max(1, len(sound)) + 1))[:longest],
            interruptible=self._interruptible(message.interruptible),
            preemptible=message.preemptible,
        )

    def ended(self, status: Literal["ended", "completed", "failed"], failure: StreamFailed | None = None) -> SessionEnd:
        """The session's end as `action` is told."""
        return SessionEnd(
            status=status,
            session_id=self._record.session_id,
            seconds=self._pace.now() - self._began_at,
            handoff=self._record.handoff if status == "ended" else None,
            error_code=failure.code if failure else None,
            error=str(failure) if failure else "",
        )
