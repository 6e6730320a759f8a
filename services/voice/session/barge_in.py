"""The caller speaks while we do: stop or pause, know what they heard, and go on when it was nothing."""

from __future__ import annotations

import asyncio

from services.voice.hearing.ports import Final, Heard, Interim, LikelyEnd
from services.voice.session.interruption import (
    Do,
    Interruption,
    OnlyListens,
    Ours,
    is_turn,
    on_heard,
    on_quiet,
    on_time,
)
from services.voice.session.line import Line
from services.voice.session.speaking import Speaking
from shared.clock import Clock
from shared.observability import metrics


def has_words(event: Heard) -> bool:
    """Whether somebody said something, by this report."""
    return isinstance(event, Interim | LikelyEnd | Final) and bool(event.text)


class BargeIn:
    """Carries out what `interruption.py` decides, for one reply after another."""

    def __init__(self, line: Line, clock: Clock, only_listens: OnlyListens, *, protects_notice: bool) -> None:
        """`protects_notice`: the sentence that an AI answers is said to its end."""
        self._line = line
        self._clock = clock
        self._only_listens = only_listens
        self._protects_notice = protects_notice
        self._speaking: Speaking | None = None
        self._state = Interruption()
        self._timer: asyncio.TimerHandle | None = None
        self.false_interruptions = 0
        """Pauses after which our speech went on."""

    def watch(self, speaking: Speaking | None) -> None:
        """From now on this reply is what the caller may interrupt; None when we say nothing."""
        if self._line.is_paused:  # the reply before failed meanwhile; nothing may wait for its rest
            self._line.drop()
        self._speaking = speaking
        self._follow(Interruption())

    def _ours(self) -> Ours | None:
        """What is being heard of the reply; None while nothing of it is."""
        speaking = self._speaking
        if speaking is None or speaking.began_at is None or speaking.interrupted:
            return None
        saying = self._line.saying(speaking.turn, self._clock.monotonic())
        return Ours(
            words=saying.words,
            is_question=saying.sentence.rstrip().endswith("?"),
            is_protected=self._protects_notice and saying.is_notice,
            has_more=saying.has_more or not speaking.all_sent,
        )

    async def heard(self, event: Heard, now: float) -> None:
        """Something was heard, at `now`. Raises SocketClosed when the caller is gone."""
        ours = self._ours()
        if ours is None:
            return
        state, do = on_heard(self._state, event, ours, self._only_listens, now)
        self._follow(state)
        if do is Do.STOP:
            await self.stop(now)
        elif do is Do.PAUSE:
            await self._line.pause()
            metrics.bargein_clear_seconds.observe(self._clock.monotonic() - now)

    async def stop(self, now: float) -> None:
        """Fall silent for good if anything is being heard: this reply is not wanted any more since `now`.

        Raises SocketClosed when the caller is gone.
        """
        speaking, was_paused = self._speaking, self._line.is_paused
        if speaking is None or speaking.began_at is None or speaking.interrupted:
            return
        self._follow(Interruption())
        speaking.interrupt()
        await self._line.clear()
        if not was_paused:
            metrics.bargein_clear_seconds.observe(self._clock.monotonic() - now)

    def decided(self, text: str) -> bool:
        """Whether this utterance of the caller is a turn to be answered, and not a sound made while listening."""
        ours = self._ours()
        if ours is None:
            return True
        if not is_turn(text, ours, self._only_listens):
            return False
        if self._line.is_paused and self._speaking is not None:
            self._speaking.interrupt()
            self._line.drop()
            self._follow(Interruption())
        return True

    def quiet(self) -> None:
        """The caller is in the middle of nothing."""
        self._go_on(*on_quiet(self._state))

    def _on_timer(self) -> None:
        self._go_on(*on_time(self._state, self._clock.monotonic()))

    def _go_on(self, state: Interruption, do: Do) -> None:
        self._follow(state)
        if do is Do.RESUME:
            metrics.false_interruptions_total.inc()
            self.false_interruptions += 1
            self._line.resume()

    def _follow(self, state: Interruption) -> None:
        """Be in this state, and wait for the moment at which time itself decides something."""
        if state.resume_at != self._state.resume_at:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if state.resume_at is not None:
                delay = max(0.0, state.resume_at - self._clock.monotonic())
                self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)
        self._state = state
