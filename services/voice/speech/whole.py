"""A sentence's audio as a whole, for phrases that are kept and for probes."""

from __future__ import annotations

from typing import Final

from services.voice.speech.ports import Speaker
from services.voice.speech.standing import Standing

PIECE: Final = 8000


async def whole(speaker: Speaker, standing: Standing, text: str) -> bytes:
    """All of it, audible and complete. Raises SpeechUnavailable, SpeechRefused when trying again is of no use."""
    standing.asked(text)
    voiced = await speaker.begin(text)
    audio = bytearray()
    while piece := await voiced.read(PIECE):
        audio += piece
    return bytes(audio)
