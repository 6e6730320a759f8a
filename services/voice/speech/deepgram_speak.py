"""Speech through Deepgram's `/v1/speak` (Aura): sentence by sentence, μ-law at 8000 Hz.

Audio carries no label, so each sentence is flushed and the audio up to its `Flushed` is its own. A socket takes 20
flushes a minute and lives an hour: it is replaced before either limit, between two sentences. After `Clear` whatever
still arrives before `Cleared` belongs to nobody.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from services.voice.deepgram_socket import Capability, DeepgramSockets, Result
from services.voice.frame_socket import FrameSocket
from services.voice.speech.arriving import ArrivingSentence
from services.voice.speech.deepgram_control import read_control
from services.voice.speech.owing_socket import OwingSocket
from services.voice.speech.ports import SpeakerTraits
from services.voice.speech.socket_speaker import SocketSpeaker
from services.voice.speech.standing import Standing
from shared.clock import Clock
from shared.observability.logs import get_logger

log = get_logger(__name__)

PROVIDER: Final = "deepgram"
TRAITS: Final = SpeakerTraits(native_mulaw=True, word_timing=False, first_sound_s=0.2)
MOST_FLUSHES, FLUSH_WINDOW_S = 18, 60.0
"""The vendor refuses the 21st flush within 60 s, and the sentence is then never spoken."""
LOST_FLUSH: Final = "EXCESSIVE_FLUSH"
OLDEST_S: Final = 3300.0
"""The vendor ends a socket after an hour."""
FLUSH, CLEAR, CLOSE = '{"type":"Flush"}', '{"type":"Clear"}', '{"type":"Close"}'


def aura_speaker(sockets: DeepgramSockets, voice: str, clock: Clock, standing: Standing) -> SocketSpeaker:
    """A `Speaker` with one of Aura's voices."""
    query = [("model", voice), ("encoding", "mulaw"), ("sample_rate", "8000")]

    async def connect() -> AuraSocket:
        return AuraSocket(await sockets.open("/v1/speak", query, Capability.SPEECH), clock, standing)

    return SocketSpeaker(voice, TRAITS, connect, standing)


class AuraSocket(OwingSocket):
    """One connection to `/v1/speak`."""

    def __init__(self, connection: FrameSocket, clock: Clock, standing: Standing) -> None:
        super().__init__(connection, clock, standing)
        self._flushes: deque[float] = deque()
        self._clears_unanswered = 0

    @property
    def takes_more(self) -> bool:
        now = self.clock.monotonic()
        while self._flushes and now - self._flushes[0] > FLUSH_WINDOW_S:
            self._flushes.popleft()
        return self.is_open and len(self._flushes) < MOST_FLUSHES and now - self.opened_at < OLDEST_S

    async def begin(self, text: str) -> ArrivingSentence:
        sentence = self.owe()
        self._flushes.append(sentence.sent_at)
        await self.send(msgspec.json.encode({"type": "Speak", "text": text}).decode(), FLUSH)
        return sentence

    async def stop(self) -> None:
        if self.owed:
            self.forget("stopped")
            self._clears_unanswered += 1
            await self.try_to_send(CLEAR)

    def received(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            if self.owed and not self._clears_unanswered:
                self.owed[0].sounded(message)
            return
        try:
            control = read_control(message)
        except (msgspec.DecodeError, UnicodeError):
            self.standing.failed(Result.GARBAGE)
            return
        match control.type:
            case "Flushed" if self.owed and not self._clears_unanswered:
                self.paid(self.owed[0])
            case "Cleared":
                self._clears_unanswered = max(0, self._clears_unanswered - 1)
            case "Warning" | "Error":
                log.warning("speech_warning", provider=PROVIDER, error_code=control.code)
                if control.type == "Error" or control.code == LOST_FLUSH:
                    self.standing.failed(Result.ERROR)
                    self.give_up()  # whichever sentence it meant, none of them can be relied on

    async def say_goodbye(self) -> None:
        await self.try_to_send(CLOSE)
