"""Speech through Deepgram's `/v2/speak` (Flux): turn by turn, μ-law at 8000 Hz.

A sentence is a turn: its text, then `Flush`; `Flushed` only acknowledges, `SpeechMetadata` ends it. The vendor
documents no queue of turns, so the next one leaves when the one before has all its audio, which comes faster than it is
played.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from services.voice.deepgram_socket import Capability, DeepgramSockets, Result
from services.voice.frame_socket import FrameSocket
from services.voice.speech.arriving import ArrivingSentence
from services.voice.speech.deepgram_control import read_control
from services.voice.speech.owing_socket import OwingSocket
from services.voice.speech.pace import BYTES_PER_SECOND
from services.voice.speech.ports import SpeakerTraits
from services.voice.speech.socket_speaker import SocketSpeaker
from services.voice.speech.standing import Standing
from shared.clock import Clock
from shared.observability.logs import get_logger

log = get_logger(__name__)

PROVIDER: Final = "deepgram-flux"
PREFIX: Final = "flux-"
TRAITS: Final = SpeakerTraits(native_mulaw=True, word_timing=False, first_sound_s=0.2)
OLDEST_S: Final = 3300.0
"""One implementer states a limit of one hour."""
NOTHING_TO_INTERRUPT: Final = frozenset({"NO_ACTIVE_SPEECH", "NO_AUDIO_GENERATED"})
"""Warnings that answer an `Interrupt` instead of `SpeechInterrupted`."""
LOST_TURN: Final = frozenset({"INVALID_INTERRUPT_OFFSET", "NO_AUDIO_GENERATED", "NO_SYNTHESIZABLE_TEXT"})
"""Warnings after which a turn, or the end of one, does not come."""
TURN_WITHIN_S: Final = 15.0
"""A turn whose audio takes longer to make than this has been given up by its reader."""
FLUSH, CLOSE = '{"type":"Flush"}', '{"type":"Close"}'


def flux_speaker(sockets: DeepgramSockets, voice: str, clock: Clock, standing: Standing) -> SocketSpeaker:
    """A `Speaker` with one of Flux's voices."""
    query = [("model", voice), ("encoding", "mulaw"), ("sample_rate", "8000")]

    async def connect() -> FluxSocket:
        return FluxSocket(await sockets.open("/v2/speak", query, Capability.SPEECH), clock, standing)

    return SocketSpeaker(voice, TRAITS, connect, standing)


class FluxSocket(OwingSocket):
    """One connection to `/v2/speak`."""

    def __init__(self, connection: FrameSocket, clock: Clock, standing: Standing) -> None:
        super().__init__(connection, clock, standing)
        self._spoken: list[ArrivingSentence] = []
        """Every turn of the session: an interruption is placed by all audio that was taken since it began."""
        self._interrupted_at_ms = 0
        self._interrupting = False
        self._free = asyncio.Event()
        self._free.set()
        """No turn is being spoken."""

    @property
    def takes_more(self) -> bool:
        return self.is_open and self.clock.monotonic() - self.opened_at < OLDEST_S

    async def begin(self, text: str) -> ArrivingSentence:
        try:
            async with asyncio.timeout(TURN_WITHIN_S):
                await self._free.wait()
        except TimeoutError:
            self.standing.failed(Result.TIMEOUT)
            self.give_up()
        if not self.is_open:
            raise self.closed
        sentence = self.owe()
        self._spoken.append(sentence)
        self._free.clear()
        await self.send(msgspec.json.encode({"type": "Speak", "text": text}).decode(), FLUSH)
        return sentence

    async def stop(self) -> None:
        if not self.owed:
            return
        self.forget("stopped")
        offset = sum(sentence.taken for sentence in self._spoken) * 1000 // BYTES_PER_SECOND
        if offset <= self._interrupted_at_ms:
            self.give_up()  # the vendor takes no offset that has not grown
            return
        self._free.clear()
        self._interrupting, self._interrupted_at_ms = True, offset
        interrupt = {"type": "Interrupt", "playback_offset": {"type": "time_ms", "value": offset}}
        await self.try_to_send(msgspec.json.encode(interrupt).decode())

    def received(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            if self.owed and not self._interrupting:
                self.owed[0].sounded(message)
            return
        try:
            control = read_control(message)
        except (msgspec.DecodeError, UnicodeError):
            self.standing.failed(Result.GARBAGE)
            return
        match control.type:
            case "SpeechMetadata" if self.owed and not self._interrupting:
                self._free.set()
                self.paid(self.owed[0])
            case "SpeechInterrupted":
                self._interrupted()
            case "Warning" if self._interrupting and control.code in NOTHING_TO_INTERRUPT:
                self._interrupted()
            case "Warning" | "Error":
                log.warning("speech_warning", provider=PROVIDER, error_code=control.code)
                if control.type == "Error" or control.code in LOST_TURN:
                    self.standing.failed(Result.ERROR)
                    self.give_up()

    def _interrupted(self) -> None:
        self._interrupting = False
        self._free.set()

    def forget(self, problem: str) -> None:
        super().forget(problem)
        self._free.set()  # who waits for it looks whether the socket is still there

    async def say_goodbye(self) -> None:
        await self.try_to_send(CLOSE)
