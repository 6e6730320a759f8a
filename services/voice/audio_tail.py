"""The last seconds of some audio, addressed by position since it began, so that a part of it can be used once more."""

from __future__ import annotations


class AudioTail:
    """A bounded tail. Positions count bytes since the beginning."""

    def __init__(self) -> None:
        self.begins = 0
        """Where the oldest audio that is kept begins."""
        self.end = 0
        """Where the next audio will begin."""
        self._kept = bytearray()

    def append(self, audio: bytes, most: int) -> None:
        """Add the newest audio; the oldest goes when that makes more than `most` bytes."""
        self._kept += audio
        self.end += len(audio)
        if (over := len(self._kept) - most) > 0:
            del self._kept[:over]
            self.begins += over

    def since(self, position: int) -> tuple[int, bytes]:
        """What is kept from `position` on, and where that begins: later, when the beginning is gone."""
        begins = max(position, self.begins)
        return begins, bytes(self._kept[begins - self.begins :])

    def forget(self, position: int) -> None:
        """Everything before `position` is needed no more."""
        count = min(position - self.begins, len(self._kept))
        if count > 0:
            del self._kept[:count]
            self.begins += count
