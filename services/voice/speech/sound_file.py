"""A whole sound file, MP3 or WAV, as the μ-law of a telephone."""

from __future__ import annotations

from io import BytesIO
from typing import Final

import av
from av.error import FFmpegError

from services.voice.speech.conversion import NotAudio, Resampler
from services.voice.speech.pace import BYTES_PER_SECOND

_MP3_MARKS: Final = (b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2")


def sound_of(file: bytes, longest_s: float) -> bytes:
    """Its sound. Raises NotAudio for another kind of file, one without sound, and one that is longer than that.

    FFmpeg is told which of the two it is: what comes from outside does not choose among its two hundred readers.
    """
    kind = "wav" if file[:4] == b"RIFF" and file[8:12] == b"WAVE" else "mp3" if file.startswith(_MP3_MARKS) else None
    if kind is None:
        raise NotAudio("neither MP3 nor WAV")
    sound, resampler = bytearray(), Resampler()
    try:
        with av.open(BytesIO(file), mode="r", format=kind) as container:
            for frame in container.decode(audio=0):
                sound += resampler.feed(frame)
                if len(sound) > longest_s * BYTES_PER_SECOND:
                    raise NotAudio(f"longer than {longest_s:g} s")
    except (FFmpegError, IndexError) as error:
        raise NotAudio(type(error).__name__) from error
    sound += resampler.finish()
    if not sound:
        raise NotAudio("a file without sound")
    return bytes(sound)
