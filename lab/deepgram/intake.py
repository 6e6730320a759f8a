"""Audio in the encoding a client declared, into the μ-law the lab hears."""

from __future__ import annotations

from lab.speech.mulaw import RATE, from_linear16
from lab.speech.wav import UnreadableSound, read_wav


class Undecodable(Exception):
    """The bytes are not what was declared, or nothing the lab can hear."""


class Intake:
    """Decodes one stream."""

    def __init__(self, encoding: str | None, sample_rate: int) -> None:
        self._encoding = encoding
        self._rate = sample_rate
        self._rest = b""

    def take(self, audio: bytes) -> bytes:
        """The μ-law in these bytes. Raises Undecodable."""
        match self._encoding:
            case "mulaw" if self._rate == RATE:
                return audio
            case "linear16" if self._rate % RATE == 0:
                return self._from_linear16(audio)
            case None:
                return self._from_container(audio)
        raise Undecodable(f"the lab hears no {self._encoding} at {self._rate} Hz")

    def _from_linear16(self, audio: bytes) -> bytes:
        waiting = self._rest + audio
        whole = len(waiting) - len(waiting) % (2 * self._rate // RATE)
        self._rest = waiting[whole:]
        return from_linear16(waiting[:whole], self._rate)

    def _from_container(self, audio: bytes) -> bytes:
        """The sound of a WAV file, which must come in one piece."""
        try:
            return read_wav(audio)
        except UnreadableSound as problem:
            raise Undecodable(str(problem)) from problem
