"""Audio of our own fixed sentences, kept in memory: the same words in the same voice are synthesised once."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST_BYTES: Final = 32 * 1024 * 1024
"""Over an hour of μ-law."""


class AudioCache:
    """Least recently used goes first when `most_bytes` is reached."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0

    def get(self, voice: str, text: str) -> bytes | None:
        """The whole sentence as μ-law, or None."""
        audio = self._kept.get((voice, text))
        if audio is not None:
            self._kept.move_to_end((voice, text))
        return audio

    def keep(self, voice: str, text: str, audio: bytes) -> None:
        """Keep a complete sentence; nothing happens for one that would fill the cache alone, or is empty."""
        if not audio or len(audio) > self._most:
            return
        self._bytes += len(audio) - len(self._kept.pop((voice, text), b""))
        self._kept[voice, text] = audio
        while self._bytes > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest)

    @property
    def size(self) -> int:
        """Bytes of audio held."""
        return self._bytes
