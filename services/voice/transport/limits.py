"""How much one socket may send: the limits of the security guide, section 7.4."""

from __future__ import annotations

from typing import Final

LONGEST_FRAME: Final = 4096
"""Bytes of one text frame."""
FRAMES_PER_SECOND: Final = 100
"""Twice what Twilio sends."""
BURST: Final = 100
"""Frames that may come at once: one second's worth, as after a hiccup of the network."""
MOST_EXCESS: Final = 250
"""Frames over the rate that are dropped before the stream is refused: five seconds of telephone audio, as they arrive
at once when the network, or this process, stood still for a moment. A flood gets there in milliseconds."""
START_WITHIN_S: Final = 5.0
QUIET_S: Final = 15.0
"""Without any frame for this long the socket is dead: Twilio sends fifty a second, silence included."""
BAD_FRAMES: Final = 10
"""Unreadable frames after which we stop listening to nonsense."""


class FrameAllowance:
    """A token bucket on the caller's clock: `take` says whether one more frame is within the rate."""

    def __init__(self, now: float, per_second: float = FRAMES_PER_SECOND, burst: float = BURST) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Count one frame at `now`, in seconds of a monotonic clock."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
