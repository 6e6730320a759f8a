"""One accepted relay session: what comes in is bounded, checked and typed; what goes out is encoded.

A message that breaks a rule is counted and, where harm is possible, ends the session; it never reaches the call.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from services.voice.relay import messages
from services.voice.relay.messages import Failure, FromTwilio, Info, Interrupt, Key, Prompt, Setup, UnknownType
from services.voice.transport.frames import Malformed
from services.voice.transport.limits import BAD_FRAMES, START_WITHIN_S, FrameAllowance
from services.voice.transport.media_socket import MediaSocket, SocketClosed
from services.voice.transport.media_stream import TOO_BIG, Rejected, StreamEnd, StreamRefused
from shared.clock import Clock
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

LONGEST_MESSAGE: Final = 32 * 1024
"""Characters (security guide, section 7.4)."""
MESSAGES_PER_SECOND: Final = 20
BURST: Final = 60
"""Messages that may come at once: three seconds' worth, as after a hiccup of the network."""
MOST_EXCESS: Final = 100
"""Messages over the rate that are dropped before the session is refused."""
GREETED: Final = "greeted"
"""The `<Parameter>` beside a `welcomeGreeting`."""


class RelayListener(Protocol):
    """What a line does with its session."""

    def prompt(self, words: str, *, last: bool, language: str) -> None:
        """The caller said something; not the last word on it when `last` is false. `language` may be empty."""
        ...

    async def interrupted(self, spoken: str | None) -> None:
        """Twilio fell silent because the caller spoke; `spoken` is what it says it had spoken by then."""
        ...

    def key(self, digit: str) -> None:
        """A key was pressed."""
        ...

    def played(self, words: str) -> None:
        """These words of ours were spoken."""
        ...

    def we_speak(self, *, begins: bool) -> None:
        """Our speech began, or ended."""
        ...

    def caller_makes_sounds(self) -> None:
        """Something that may become words."""
        ...


def _reject(reason: Rejected) -> None:
    metrics.frames_rejected_total.labels(reason=reason.value).inc()


class RelaySession:
    """The session of one call. First `handshake`, then `run` until it ends; the messages to Twilio meanwhile."""

    def __init__(self, socket: MediaSocket, clock: Clock) -> None:
        self._socket = socket
        self._clock = clock
        self._allowance = FrameAllowance(clock.monotonic(), MESSAGES_PER_SECOND, BURST)
        self._bad = 0
        self._excess = 0
        self._call_sid = ""
        self.is_greeted = False
        """Whether the greeting stood in the TwiML, so that Twilio speaks it by itself."""

    async def handshake(self) -> Setup:
        """Wait for `setup`. Raises StreamRefused when it does not come in time, and SocketClosed."""
        try:
            async with asyncio.timeout(START_WITHIN_S):
                while True:
                    match await self._next():
                        case Setup() as setup:
                            self._call_sid = setup.call_sid
                            self.is_greeted = GREETED in setup.custom_parameters
                            return setup
                        case None:
                            continue
                        case _:
                            _reject(Rejected.BEFORE_START)
        except TimeoutError:
            raise StreamRefused("no setup in time") from None

    async def run(self, listener: RelayListener) -> StreamEnd:
        """Hand the messages to `listener` until the session ends. Raises StreamRefused when it breaks the rules.

        A relay session has no message for its end: why its socket is gone is said by the webhook that follows.
        """
        try:
            while True:
                message = await self._next()
                if message is not None:
                    await self._hand_over(message, listener)
        except SocketClosed:
            return StreamEnd.UNTOLD

    async def _hand_over(self, message: FromTwilio, listener: RelayListener) -> None:
        match message:
            case Prompt():
                listener.prompt(message.voice_prompt, last=message.last, language=message.lang or "")
            case Interrupt():
                await listener.interrupted(message.utterance_until_interrupt)
            case Key():
                listener.key(message.digit)
            case Failure():
                log.warning("relay_reported_error")  # what it says may quote the caller
            case Info():
                _tell(message, listener)
            case Setup():
                _reject(Rejected.SECOND_START)
                if message.call_sid != self._call_sid:
                    raise StreamRefused("a second setup for another call")

    async def _next(self) -> FromTwilio | None:
        """The next message, or None when it was no good. Raises StreamRefused and SocketClosed."""
        text = await self._socket.receive()
        if not self._allowance.take(self._clock.monotonic()):
            self._too_many()
            return None
        if len(text) > LONGEST_MESSAGE:
            _reject(Rejected.TOO_LARGE)
            raise StreamRefused("a message over 32 KiB", TOO_BIG)
        if isinstance(text, bytes):
            self._no_good(Rejected.BINARY)
            return None
        try:
            return messages.read_message(text)
        except UnknownType:
            _reject(Rejected.UNKNOWN_EVENT)
        except Malformed:
            self._no_good(Rejected.MALFORMED)
        return None

    def _too_many(self) -> None:
        _reject(Rejected.TOO_FAST)
        self._excess += 1
        if self._excess >= MOST_EXCESS:
            raise StreamRefused("more messages than a conversation has")

    def _no_good(self, reason: Rejected) -> None:
        _reject(reason)
        self._bad += 1
        if self._bad >= BAD_FRAMES:
            raise StreamRefused("too many messages that cannot be read")

    async def send(self, message: str) -> None:
        """Send one of `messages`. Raises SocketClosed."""
        await self._socket.send(message)


def _tell(info: Info, listener: RelayListener) -> None:
    """An event we subscribed to; others mean nothing to us."""
    match info.name:
        case "tokensPlayed" if isinstance(info.value, str):
            listener.played(info.value)
        case "agentSpeaking":
            listener.we_speak(begins=info.begins)
        case "clientSpeaking" if info.begins:
            listener.caller_makes_sounds()
