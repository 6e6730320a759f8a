"""One accepted media stream: what comes in is bounded, checked and typed; what goes out is encoded.

A frame that breaks a rule is counted and, where harm is possible, ends the stream; it never reaches the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from services.voice.transport import limits
from services.voice.transport.frames import (
    Connected,
    Digit,
    Frame,
    FrameWriter,
    Malformed,
    Mark,
    Media,
    MediaDetails,
    Start,
    StartDetails,
    Stop,
    UnknownEvent,
    read_frame,
)
from services.voice.transport.media_socket import MediaSocket, SocketClosed
from shared.clock import Clock
from shared.observability import metrics

POLICY, TOO_BIG = 1008, 1009
"""Close codes: a rule was broken; a frame was too large (RFC 6455, section 7.4.1)."""


class Rejected(StrEnum):
    """Why a frame was not used; the label of `callwright_frames_rejected_total`."""

    MALFORMED = "malformed"
    UNKNOWN_EVENT = "unknown_event"
    TOO_LARGE = "too_large"
    BINARY = "binary"
    TOO_FAST = "too_fast"
    BEFORE_START = "before_start"
    SECOND_START = "second_start"
    OTHER_STREAM = "other_stream"
    OUT_OF_ORDER = "out_of_order"
    OTHER_TRACK = "other_track"


class StreamRefused(Exception):
    """The stream may not go on; `code` is the close code to send."""

    def __init__(self, reason: str, code: int = POLICY) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class StreamEnd(StrEnum):
    """How a stream that had begun came to its end."""

    STOPPED = "stopped"
    """Twilio said so: the caller hung up, or the call was redirected."""
    LOST = "lost"
    """The socket broke off or fell silent; the call may still be there."""
    UNTOLD = "untold"
    """The socket is gone, and whether the caller hung up is only said by the webhook that follows."""


class Listener(Protocol):
    """What a call does with its stream."""

    def audio(self, payload: bytes) -> None:
        """The caller's sound, μ-law at 8000 Hz."""
        ...

    def mark(self, name: str) -> None:
        """A mark came back."""
        ...

    def digit(self, digit: str) -> None:
        """A key was pressed."""
        ...


def _reject(reason: Rejected) -> None:
    metrics.frames_rejected_total.labels(reason=reason.value).inc()


def _number_of(text: str | int, following: int) -> int:
    """A frame's place among the audio; one that does not say takes the following place, nonsense takes none."""
    if text == "":
        return following
    try:
        return int(text)
    except ValueError:
        return -1


class MediaStream:
    """The stream of one call. First `handshake`, then `run` until it ends; `media`, `mark` and `clear` meanwhile."""

    def __init__(self, socket: MediaSocket, clock: Clock) -> None:
        self._socket = socket
        self._clock = clock
        self._allowance = limits.FrameAllowance(clock.monotonic())
        self._read_at = clock.monotonic()
        self._bad = 0
        self._excess = 0
        self._chunk = 0
        self._ahead: tuple[int, bytes] | None = None
        self._stream_sid = ""
        self._call_sid = ""
        self._writer: FrameWriter | None = None

    async def handshake(self) -> StartDetails:
        """Wait for `start`. Raises StreamRefused when it does not come in time, and SocketClosed."""
        try:
            async with asyncio.timeout(limits.START_WITHIN_S):
                while True:
                    message = await self._socket.receive()
                    match self._read(message, is_text=isinstance(message, str)):
                        case Start() as start:
                            return self._begin(start)
                        case Connected() | None:
                            continue
                        case _:
                            _reject(Rejected.BEFORE_START)
        except TimeoutError:
            raise StreamRefused("no start in time") from None

    def _begin(self, frame: Start) -> StartDetails:
        details = frame.start
        audio = details.media_format
        if (audio.encoding, audio.sample_rate, audio.channels) != ("audio/x-mulaw", 8000, 1):
            raise StreamRefused("not μ-law at 8000 Hz on one channel")
        self._stream_sid = details.stream_sid
        self._call_sid = details.call_sid
        self._writer = FrameWriter(details.stream_sid)
        return details

    async def run(self, listener: Listener) -> StreamEnd:
        """Hand the frames to `listener` until the stream ends. Raises StreamRefused when it breaks the rules."""
        extended_at = self._clock.monotonic()

        def take(message: bytes, is_text: bool) -> bool:
            nonlocal extended_at
            frame = self._read(message, is_text=is_text)
            if self._read_at - extended_at > 1:  # moving a timer for each frame would cost more than the frame
                silence.reschedule(asyncio.get_running_loop().time() + limits.QUIET_S)
                extended_at = self._read_at
            return frame is not None and self._hand_over(frame, listener)

        try:
            async with asyncio.timeout(limits.QUIET_S) as silence:
                await self._socket.deliver(take)
        except (TimeoutError, SocketClosed):
            return StreamEnd.LOST
        return StreamEnd.STOPPED

    def _hand_over(self, frame: Frame, listener: Listener) -> bool:
        """Give one frame to the call; True when it was the last one."""
        if isinstance(frame, Media) and frame.stream_sid == self._stream_sid:  # nearly all of them
            for audio in self._in_order(frame.media):
                listener.audio(audio)
        elif isinstance(frame, Start):
            _reject(Rejected.SECOND_START)
            if frame.start.call_sid != self._call_sid:
                raise StreamRefused("a second start for another call")
        elif isinstance(frame, Connected):
            return False
        elif frame.stream_sid != self._stream_sid:
            _reject(Rejected.OTHER_STREAM)
        elif isinstance(frame, Stop):
            return True
        elif isinstance(frame, Mark):
            listener.mark(frame.mark.name)
        elif isinstance(frame, Digit):
            listener.digit(frame.dtmf.digit)
        return False

    def _in_order(self, media: MediaDetails) -> Sequence[bytes]:
        """The audio to be heard now. A frame that is ahead of its turn waits for one more, not longer."""
        if media.track != "inbound":
            _reject(Rejected.OTHER_TRACK)
            return ()
        following = self._chunk + 1
        number = _number_of(media.chunk, following)
        if number < following:
            _reject(Rejected.OUT_OF_ORDER)  # it came twice, or too late
            return ()
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            if number > following:
                self._ahead = (number, media.payload)
                return ()
            self._chunk = number
            return (media.payload,) if media.payload else ()
        _reject(Rejected.OUT_OF_ORDER)
        ahead_number, ahead_payload = ahead
        self._chunk = max(number, ahead_number)
        return (media.payload, ahead_payload) if number < ahead_number else (ahead_payload, media.payload)

    def _read(self, message: str | bytes, *, is_text: bool) -> Frame | None:
        """What a message says, or None when it was no good. Raises StreamRefused."""
        now = self._read_at = self._clock.monotonic()
        if not self._allowance.take(now):
            self._too_many()
            return None
        if len(message) > limits.LONGEST_FRAME:
            _reject(Rejected.TOO_LARGE)
            raise StreamRefused("a frame over 4 KiB", TOO_BIG)
        if not is_text:
            self._no_good(Rejected.BINARY)
            return None
        try:
            return read_frame(message)
        except UnknownEvent:
            _reject(Rejected.UNKNOWN_EVENT)
        except Malformed:
            self._no_good(Rejected.MALFORMED)
        return None

    def _too_many(self) -> None:
        _reject(Rejected.TOO_FAST)
        self._excess += 1
        if self._excess >= limits.MOST_EXCESS:
            raise StreamRefused("more frames than a telephone sends")

    def _no_good(self, reason: Rejected) -> None:
        _reject(reason)
        self._bad += 1
        if self._bad >= limits.BAD_FRAMES:
            raise StreamRefused("too many frames that cannot be read")

    async def media(self, audio: bytes | bytearray | memoryview) -> None:
        """Send audio to be played. Raises SocketClosed."""
        await self._socket.send(self._writing.media(audio))

    async def mark(self, name: str) -> None:
        """Send a mark behind the audio sent so far. Raises SocketClosed."""
        await self._socket.send(self._writing.mark(name))

    async def clear(self) -> None:
        """Drop all audio that was sent and not played. Raises SocketClosed."""
        await self._socket.send(self._writing.clear)

    @property
    def _writing(self) -> FrameWriter:
        if self._writer is None:
            raise RuntimeError("the stream has not begun")
        return self._writer
