"""Twilio's media stream messages: typed decoding, cheap encoding.

Twilio writes numbers as strings and adds fields and events without notice: unknown fields are skipped, unknown events
are told apart from messages that cannot be read. Base64 is checked strictly by the decoder itself.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from typing import Final

import msgspec


class _Message(msgspec.Struct, tag_field="event", rename="camel", gc=False):
    """What every message carries, `connected` and `start` excepted."""

    stream_sid: str = ""


class Connected(_Message, tag="connected"):
    """The first message of a socket."""

    protocol: str = ""
    version: str = ""


class MediaFormat(msgspec.Struct, rename="camel", gc=False):
    """How the audio is coded; always μ-law, 8000 Hz, one channel."""

    encoding: str = "audio/x-mulaw"
    sample_rate: int = 8000
    channels: int = 1


class StartDetails(msgspec.Struct, rename="camel"):
    """Which call this stream belongs to, by its own account."""

    stream_sid: str
    call_sid: str
    account_sid: str = ""
    custom_parameters: dict[str, str] = {}
    media_format: MediaFormat = msgspec.field(default_factory=MediaFormat)


class Start(_Message, tag="start", kw_only=True):
    """The stream begins."""

    start: StartDetails


class MediaDetails(msgspec.Struct, gc=False):
    """Audio of one frame; `payload` is decoded μ-law, 8 bytes a millisecond."""

    payload: bytes
    track: str = "inbound"
    chunk: str | int = ""
    """Counts the media messages of a stream, from 1."""


class Media(_Message, tag="media", kw_only=True, gc=False):
    """The caller's sound, 20 ms at a time."""

    media: MediaDetails


class DigitDetails(msgspec.Struct, gc=False):
    """A key of the telephone."""

    digit: str


class Digit(_Message, tag="dtmf", kw_only=True):
    """The caller pressed a key."""

    dtmf: DigitDetails


class MarkDetails(msgspec.Struct, gc=False):
    """The name we gave a mark."""

    name: str


class Mark(_Message, tag="mark", kw_only=True):
    """A mark came back: everything before it was played, or dropped by a `clear`."""

    mark: MarkDetails


class Stop(_Message, tag="stop"):
    """The stream is over: the caller hung up, or the call was redirected."""


Frame = Connected | Start | Media | Digit | Mark | Stop


class _Named(msgspec.Struct):
    event: str


class Malformed(Exception):
    """The text is no message of Twilio's."""


class UnknownEvent(Exception):
    """A message of a kind we do not know: Twilio may add some at any time."""


_decode: Callable[[str | bytes], Frame] = msgspec.json.Decoder(Frame).decode
_decode_name = msgspec.json.Decoder(_Named).decode
_KNOWN: Final = frozenset({"connected", "start", "media", "dtmf", "mark", "stop"})


def read_frame(text: str | bytes) -> Frame:
    """One message from Twilio. Raises Malformed or UnknownEvent."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        problem = error
    try:
        name = _decode_name(text).event
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        raise Malformed from problem
    if name in _KNOWN:
        raise Malformed from problem
    raise UnknownEvent


class FrameWriter:
    """Encodes what goes to one stream; everything but payload and name is made once."""

    def __init__(self, stream_sid: str) -> None:
        quoted = msgspec.json.encode(stream_sid).decode()
        self._media = f'{{"event":"media","streamSid":{quoted},"media":{{"payload":"'
        self._mark = f'{{"event":"mark","streamSid":{quoted},"mark":{{"name":'
        self.clear = f'{{"event":"clear","streamSid":{quoted}}}'
        """Drops everything that is queued for the caller; all pending marks come back at once."""

    def media(self, audio: bytes | bytearray | memoryview) -> str:
        """Raw μ-law to append to what is being played."""
        return f'{self._media}{b2a_base64(audio, newline=False).decode("ascii")}"}}}}'

    def mark(self, name: str) -> str:
        """Comes back when everything sent before it was played."""
        return f"{self._mark}{msgspec.json.encode(name).decode()}}}}}"
