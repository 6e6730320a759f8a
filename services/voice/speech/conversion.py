"""Other rates and codecs into the 8000 Hz μ-law of a telephone: one conversion a stream, in this process, in memory.

FFmpeg's libraries through PyAV: its resampler keeps state between pieces, so the result does not depend on how the
audio was cut, to the bit; its parsers find MP3's frames wherever the network has cut them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import Final, cast

from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NothingMore
from av.error import FFmpegError
from av.filter import Graph

from services.voice.speech.audible import is_no_sound
from services.voice.speech.pace import BYTES_PER_SECOND
from shared.settings import SpeechCodec

LOW_PASS: Final = f"{BYTES_PER_SECOND}:filter_size=64:filter_type=kaiser:kaiser_beta=8:cutoff=0.92"
"""Flat to the telephone's 3400 Hz, 85 dB down from 4100 Hz on, 4 ms late. FFmpeg's default lets 4100 Hz through at
-15 dB, as 3900 Hz."""
_BIAS, _CLIP = 0x84, 32635


class NotAudio(Exception):
    """The bytes cannot be decoded."""


def _mulaw(sample: int) -> int:
    """The μ-law code of one linear 16-bit sample (ITU-T G.711)."""
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


_CODES: Final = bytes(_mulaw(value - 65536 if value > 32767 else value) for value in range(65536))
"""The code of every sample, by its two's complement."""


def to_mulaw(samples: array[int]) -> bytes:
    """μ-law of unsigned 16-bit words that hold linear samples."""
    return bytes(map(_CODES.__getitem__, samples))


class Resampler:
    """Decoded frames of one stream into μ-law."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._position = 0

    @property
    def is_new(self) -> bool:
        """Whether nothing has gone in yet."""
        return self._graph is None

    def feed(self, frame: AudioFrame) -> bytes:
        """What this frame adds to the result; the last milliseconds wait for the next one."""
        if self._graph is None:
            self._graph = _low_pass(frame)
        frame.time_base = Fraction(1, frame.sample_rate)
        frame.pts = self._position
        self._position += frame.samples
        self._graph.push(frame)
        return _pull(self._graph)

    def finish(self) -> bytes:
        """The rest."""
        if self._graph is None:
            return b""
        self._graph.push(None)
        return _pull(self._graph)


def _pull(graph: Graph) -> bytes:
    samples = array("H")
    while True:
        try:
            frame = cast(AudioFrame, graph.pull())
        except (NothingYet, NothingMore):
            return to_mulaw(samples)
        samples.frombytes(memoryview(frame.planes[0])[: frame.samples * 2])


class Conversion:
    """One stream of audio, piece by piece. Not for two streams: what is between their samples would be smeared."""

    def __init__(self, codec: SpeechCodec, rate: int) -> None:
        """`rate` is that of PCM, in hertz; an MP3 says its own."""
        self._rate = rate
        self._resampler = Resampler()
        self._half = b""
        """The first byte of a PCM sample whose second has not come."""
        self._decoder = AudioCodecContext.create("mp3", "r") if codec is SpeechCodec.MP3 else None

    def feed(self, audio: bytes) -> bytes:
        """What this piece adds to the result; the last milliseconds wait for the next piece. Raises NotAudio."""
        return b"".join(self._resampler.feed(frame) for frame in self._frames(audio))

    def finish(self) -> bytes:
        """The rest. Raises NotAudio."""
        rest = [self._resampler.feed(frame) for frame in self._last_frames()]
        return b"".join([*rest, self._resampler.finish()])

    def _frames(self, audio: bytes) -> Iterator[AudioFrame]:
        if not audio:  # to the parser that would be the end
            return
        if self._decoder is None:
            if self._resampler.is_new and is_no_sound(audio):
                raise NotAudio("a file or a document")
            audio = self._half + audio
            whole = len(audio) & ~1
            self._half = audio[whole:]
            if whole:
                yield _pcm_frame(audio[:whole], self._rate)
            return
        try:
            for packet in self._decoder.parse(audio):
                yield from self._decoder.decode(packet)
        except FFmpegError as error:
            raise NotAudio(type(error).__name__) from error

    def _last_frames(self) -> Iterator[AudioFrame]:
        if self._decoder is None:
            return
        try:
            for packet in self._decoder.parse(b""):
                yield from self._decoder.decode(packet)
            yield from self._decoder.decode(None)
        except FFmpegError as error:
            raise NotAudio(type(error).__name__) from error


def _pcm_frame(audio: bytes, rate: int) -> AudioFrame:
    frame = AudioFrame(format="s16", layout="mono", samples=len(audio) // 2)
    plane = frame.planes[0]
    plane.update(audio.ljust(plane.buffer_size, b"\0"))
    frame.sample_rate = rate
    return frame


def _low_pass(first: AudioFrame) -> Graph:
    """From frames like this one to 16-bit samples at 8000 Hz."""
    graph = Graph()
    graph.link_nodes(
        graph.add(
            "abuffer",
            sample_rate=str(first.sample_rate),
            sample_fmt=first.format.name,
            channel_layout=first.layout.name,
            time_base=f"1/{first.sample_rate}",
        ),
        graph.add("aresample", LOW_PASS),
        graph.add("aformat", f"sample_fmts=s16:channel_layouts=mono:sample_rates={BYTES_PER_SECOND}"),
        graph.add("abuffersink"),
    ).configure()
    return graph
