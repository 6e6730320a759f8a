"""Every provider of speech as a stand-in that is served, a speaker for it, and the same faults in each one's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from lab.deepgram.app import make_app as deepgram_app
from lab.deepgram.faults import Faults as DeepgramFaults
from lab.deepgram.faults import SpeakFaults
from lab.deepgram.settings import Settings as DeepgramPace
from lab.deepgram.state import Deepgram
from lab.elevenlabs.app import make_app as elevenlabs_app
from lab.elevenlabs.faults import Faults as ElevenLabsFaults
from lab.elevenlabs.settings import Settings as ElevenLabsPace
from lab.elevenlabs.state import ElevenLabs
from lab.openai.app import make_app as openai_app
from lab.openai.faults import OpenAIFault, OpenAIFaultSetting
from lab.openai.stand_in import OpenAISettings, StandIn
from lab.speech.decoder import Decoder
from lab.wire.serving import served
from services.voice.deepgram_socket import DeepgramSockets
from services.voice.settings import VoiceRoomSettings
from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.ports import Speaker, Voiced
from services.voice.speech.voices import Voices
from shared.clock import SystemClock
from shared.resilience.board import Board
from tests.protocol.lab_desk import Watch
from tests.serving import serving
from tests.voice_house import settings_for

AURA, FLUX = "aura-2-thalia-en", "flux-haley-en"
ELEVENLABS, OPENAI = "elevenlabs:JBFqnCBsd6RMkjVDRZzb", "openai:marin"
ALL = (AURA, FLUX, ELEVENLABS, OPENAI)


class Trouble(StrEnum):
    """What any provider may do."""

    HANGS = "hangs"
    NO_ANSWER = "no_answer"
    SLOW = "slow"
    EMPTY = "empty"
    CUT = "cut"
    BUSY = "busy"
    WRONG_KEY = "wrong_key"


_DEEPGRAM: dict[Trouble, dict[str, Any]] = {
    Trouble.HANGS: {"says_nothing": True},
    Trouble.NO_ANSWER: {"hangs_before_answer": True},
    Trouble.SLOW: {"first_byte_delay_s": 5.0},
    Trouble.EMPTY: {"sends_no_sound": True},
    Trouble.CUT: {"cut_after_bytes": 8000},
    Trouble.BUSY: {"refuse": 429},
    Trouble.WRONG_KEY: {"refuse": 401},
}
_ELEVENLABS: dict[Trouble, dict[str, Any]] = {
    **_DEEPGRAM,
    Trouble.BUSY: {"refuse": "system_busy"},
    Trouble.WRONG_KEY: {"refuse": "invalid_api_key"},
}
_OPENAI: dict[Trouble, dict[str, Any]] = {
    Trouble.HANGS: {"kind": OpenAIFault.HANG},
    Trouble.NO_ANSWER: {"kind": OpenAIFault.SLOW, "seconds": 30.0},
    Trouble.SLOW: {"kind": OpenAIFault.SLOW, "seconds": 5.0},
    Trouble.EMPTY: {"kind": OpenAIFault.EMPTY_ANSWER},
    Trouble.CUT: {"kind": OpenAIFault.CUT, "after": 10},
    Trouble.BUSY: {"kind": OpenAIFault.OVERLOADED},
    Trouble.WRONG_KEY: {"kind": OpenAIFault.WRONG_KEY},
}


@dataclass
class SpeechHouse:
    """All stand-ins, and the voices of one process that can use them."""

    settings: VoiceRoomSettings
    voices: Voices
    board: Board
    cache: AudioCache
    deepgram: Deepgram
    elevenlabs: ElevenLabs
    openai: StandIn

    def trouble(self, voice: str, trouble: Trouble | None, times: int | None = None) -> None:
        """Let this happen to the next `times` sockets or requests of the voice's provider, or to all; None heals it."""
        if voice == OPENAI:
            self.openai.faults.replace([OpenAIFaultSetting(times=times, **_OPENAI[trouble])] if trouble else [])
        elif voice == ELEVENLABS:
            faults = _ELEVENLABS[trouble] if trouble else {}
            self.elevenlabs.faults.set(ElevenLabsFaults(sockets=times, **faults))
        else:
            faults = _DEEPGRAM[trouble] if trouble else {}
            self.deepgram.faults.set(DeepgramFaults(speak=SpeakFaults(sockets=times, **faults)))

    @asynccontextmanager
    async def speaker(self, voice: str) -> AsyncIterator[Speaker]:
        speaker = self.voices.speaker(voice)
        try:
            yield speaker
        finally:
            await speaker.close()


@asynccontextmanager
async def speech_house(generation_speed: float = 100.0, **settings: Any) -> AsyncIterator[SpeechHouse]:
    """Everything, fast. The clock of the OpenAI stand-in stands at a day on which its models are still served."""
    deepgram = Deepgram(DeepgramPace(generation_speed=generation_speed, first_byte_s=0.02))
    elevenlabs = ElevenLabs(ElevenLabsPace(generation_speed=generation_speed, first_byte_s=0.02))
    pace = OpenAISettings(first_sound_s=0.02, speech_speed=generation_speed)
    openai = StandIn(pace, Watch(began=datetime(2026, 11, 20, tzinfo=UTC)))
    async with (
        serving(deepgram_app(deepgram)) as one,
        serving(elevenlabs_app(elevenlabs)) as two,
        served(openai_app(openai)) as three,
    ):
        chosen = settings_for(
            "postgresql://nowhere/none",
            "redis://nowhere",
            **{
                "deepgram_url": one,
                "elevenlabs_url": two,
                "elevenlabs_api_key": "lab",
                "openai_base_url": f"{three}/v1",
                "openai_api_key": "lab",
                **settings,
            },
        )
        cache = AudioCache()
        board = Board("test", SystemClock(), None)
        voices = Voices(chosen, DeepgramSockets(one, "lab"), cache, SystemClock(), board)
        try:
            yield SpeechHouse(chosen, voices, board, cache, deepgram, elevenlabs, openai)
        finally:
            await voices.close()


async def sound_of(voiced: Voiced) -> bytes:
    """All of a sentence's audio, read as a call reads it."""
    audio = bytearray()
    while piece := await voiced.read(1600):
        audio += piece
    return bytes(audio)


def words_in(audio: bytes) -> str:
    """What a lab caller understands."""
    return "".join(letter.character for letter in Decoder().feed(audio))
