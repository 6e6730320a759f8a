"""G.711 μ-law at 8 kHz: the sound of a telephone line, one byte a sample."""

from __future__ import annotations

from array import array

RATE = 8000
"""Samples, and therefore bytes, a second."""
FRAME = 160
"""Bytes of the 20 ms in which telephone networks handle sound."""
FRAME_S = FRAME / RATE
SILENCE = b"\xff" * FRAME
"""20 ms of digital silence."""

_BIAS = 0x84
_CLIP = 32635


def _decoded(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS << (code >> 4 & 0x07)) - _BIAS
    return -magnitude if code & 0x80 else magnitude


def encoded(sample: int) -> int:
    """The μ-law code of one linear 16-bit sample (ITU-T G.711)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


_LINEAR = [_decoded(code) for code in range(256)]
_CODES: list[bytes] = []
LOUDNESS = bytes(~code & 0x7F for code in range(256))
"""For `bytes.translate`: each code's magnitude, 0 for silence to 127, roughly logarithmic."""
_VOICED = 24 * FRAME
"""Summed loudness of a 20 ms frame that counts as sound: about -42 dBFS, above the noise of a quiet line."""


def is_sound(frame: bytes) -> bool:
    """Whether 20 ms hold sound rather than silence or the hiss of a quiet line."""
    return frame != SILENCE and sum(frame.translate(LOUDNESS)) * FRAME > _VOICED * len(frame)


def to_linear16(audio: bytes, rate: int = RATE) -> bytes:
    """Little-endian 16-bit samples at `rate`, which must be a multiple of 8000: each sample is held."""
    held = rate // RATE
    samples = array("h", [sample for code in audio for sample in (_LINEAR[code],) * held])
    return samples.tobytes()


def from_linear16(audio: bytes, rate: int = RATE) -> bytes:
    """μ-law from little-endian 16-bit samples at a multiple of 8000: one of every `rate / 8000` samples is kept."""
    samples = array("h", audio[: len(audio) // 2 * 2])
    table = _code_table()
    return bytes(map(table.__getitem__, [sample & 0xFFFF for sample in samples[:: rate // RATE]]))


def _code_table() -> bytes:
    """The code of every 16-bit sample, indexed by its two's complement; made at the first use."""
    if not _CODES:
        _CODES.append(bytes(encoded(value - 65536 if value > 32767 else value) for value in range(65536)))
    return _CODES[0]
