"""What it costs to bring a voice to the telephone: `python -m tests.bench.speech_conversion`."""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import time

from lab.openai.speech import mp3
from lab.speech.pulses import encode_pulses
from services.voice.speech.conversion import Conversion
from shared.settings import SpeechCodec

SECONDS = 30
RATE = 24000
TURNS = 5


def cpu_ms_a_second(audio: bytes, codec: SpeechCodec) -> float:
    """CPU milliseconds for a second of speech that comes in pieces of 100 ms: the best of some turns."""
    size = len(audio) // (SECONDS * 10)
    figures = []
    for _ in range(TURNS):
        conversion, began = Conversion(codec, RATE), time.process_time()
        for place in range(0, len(audio), size):
            conversion.feed(audio[place : place + size])
        conversion.finish()
        figures.append((time.process_time() - began) * 1000 / SECONDS)
    return min(figures)


def main() -> None:
    """Print the figures."""
    samples = encode_pulses("x" * SECONDS * 25, 2, 0, RATE)
    print(f"24 kHz PCM: {cpu_ms_a_second(samples, SpeechCodec.PCM):.2f} ms of CPU for a second of speech")
    print(f"MP3, 64 kbit/s: {cpu_ms_a_second(mp3(samples), SpeechCodec.MP3):.2f} ms")
    for milliseconds in (5, 10, 20):
        out = len(Conversion(SpeechCodec.PCM, RATE).feed(samples[: RATE * 2 * milliseconds // 1000]))
        print(f"after {milliseconds} ms of audio {out / 8:.1f} ms have come out")


if __name__ == "__main__":
    main()
