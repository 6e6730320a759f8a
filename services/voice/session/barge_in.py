"""The caller speaks while we do: stop, and know what they heard.

Words interrupt; a mere sound does not, because noise makes sounds too.
"""

from __future__ import annotations

from services.voice.hearing.ports import Final, Heard, Interim
from services.voice.playout.playout import Playout
from services.voice.session.speaking import Speaking
from shared.clock import Clock
from shared.observability import metrics


def has_words(event: Heard) -> bool:
    """Whether somebody said something, by this report."""
    return isinstance(event, Interim | Final) and bool(event.text)


async def stop_speaking(speaking: Speaking, playout: Playout, clock: Clock, heard_at: float) -> None:
    """Fall silent at once: `heard_at` is when the caller's words were reported.

    Raises SocketClosed when the caller is gone.
    """
    speaking.interrupt()
    await playout.clear()
    metrics.bargein_clear_seconds.observe(clock.monotonic() - heard_at)
