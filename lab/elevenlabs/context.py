"""One stream of text that becomes one stream of sound: a context of the multi-context socket, or a whole single one."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

from lab.elevenlabs.faults import Faults
from lab.elevenlabs.options import Options
from lab.elevenlabs.state import ElevenLabs
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import RATE
from lab.speech.voices import SAMPLES

ENDS_A_SENTENCE = (".", "!", "?", "…", "。")
MS_A_CHARACTER = SAMPLES * 1000 // RATE


class Context:
    """Gathers text and says when some of it is to be spoken."""

    def __init__(self, options: Options, schedule: list[int]) -> None:
        self._options = options
        self._schedule = schedule
        self._generated = 0
        self._buffer = ""
        self.work: asyncio.Queue[str | None] = asyncio.Queue()
        """Texts to speak in order; None is the end."""
        self.is_closed = False

    def add(self, text: str) -> None:
        """More text; a sentence in auto mode, or enough of it by the schedule, is spoken without waiting."""
        self._buffer += text
        needed = self._schedule[min(self._generated, len(self._schedule) - 1)]
        is_sentence = self._options.auto_mode and self._buffer.rstrip().endswith(ENDS_A_SENTENCE)
        if is_sentence or (not self._options.auto_mode and len(self._buffer) >= needed):
            self.flush()

    def flush(self) -> None:
        """Speak what waits."""
        if self._buffer.strip():
            self._generated += 1
            self.work.put_nowait(self._buffer.strip())
        self._buffer = ""

    def close(self) -> None:
        """Take no more: what was flushed is still spoken, what was not is forgotten."""
        self.is_closed = True
        self._buffer = ""
        self.work.put_nowait(None)


async def spoken(text: str, lab: ElevenLabs, options: Options, faults: Faults) -> AsyncIterator[dict[str, Any]]:
    """Messages with the sound of a text at the speed of generation, without the context's name."""
    lab.counts["characters"] += len(text)
    await asyncio.sleep(lab.settings.scaled(lab.settings.first_byte_s + faults.first_byte_delay_s))
    if faults.sends_no_sound:
        return
    mulaw = encode(text, Speaker.ASSISTANT, lab.next_utterance())
    size = max(SAMPLES, int(lab.settings.chunk_s * RATE) // SAMPLES * SAMPLES)
    loop = asyncio.get_running_loop()
    due = loop.time()
    for place in range(0, len(mulaw), size):
        chunk = mulaw[place : place + size]
        alignment = _alignment(text, place // SAMPLES, len(chunk) // SAMPLES) if options.sync_alignment else None
        audio = base64.b64encode(options.sound(chunk)).decode()
        yield {"audio": audio, "isFinal": None, "normalizedAlignment": alignment, "alignment": alignment}
        due += lab.settings.scaled(len(chunk) / RATE / lab.settings.generation_speed)
        await asyncio.sleep(max(0.0, due - loop.time()))


def _alignment(text: str, first: int, count: int) -> dict[str, Any]:
    """When each character of a chunk is spoken, relative to the chunk."""
    characters = list(text[first : first + count])
    return {
        "chars": characters,
        "charStartTimesMs": [place * MS_A_CHARACTER for place in range(len(characters))],
        "charDurationsMs": [MS_A_CHARACTER] * len(characters),
    }
