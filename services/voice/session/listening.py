"""The caller's side of a call: what is heard becomes decided turns; words stop us when we speak."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from services.voice.hearing.end_of_turn import Expects, TurnSoFar, Verdict, begin_anew, on_heard, on_time
from services.voice.hearing.ports import Final, Heard, LikelyEnd, Lost, SpeechStarted, WentOn, Words
from shared.clock import Clock
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.security.xml_text import clean_xml_text

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """A decided turn of the caller. Times are seconds of the call's monotonic clock."""

    text: str
    began_at: float
    spoken_until: float
    decided_at: float
    key: str = ""
    """The key that was pressed to say it; empty for words."""
    language: str = ""
    """What the recogniser says it was spoken in; empty when it does not say."""

    @property
    def noted(self) -> str:
        """The same as the record tells it."""
        return f"[key {self.key}]" if self.key else self.text


@dataclass(frozen=True, slots=True)
class CannotHear:
    """Hearing is lost for good."""


class Listening:
    """Runs the pure end of turn on real events and a real timer."""

    def __init__(
        self,
        hearing: Words,
        clock: Clock,
        expects: Callable[[], Expects],
        on_report: Callable[[Heard, float], Awaitable[None]],
        on_words: Callable[[TurnSoFar, Heard | None], None],
        on_decided: Callable[[str], bool],
        on_quiet: Callable[[], None],
    ) -> None:
        """`on_report` is told of every report first, with the moment it came.

        `on_words` is told how the turn stands after a report, or after some time, while it is not decided;
        `on_decided` says of each decided utterance whether it is a turn; `on_quiet` is told when the caller is in the
        middle of nothing.
        """
        self._hearing = hearing
        self._clock = clock
        self._expects = expects
        self._on_report = on_report
        self._on_words = on_words
        self._on_decided = on_decided
        self._on_quiet = on_quiet
        self._likely = False
        """Whether the turn that goes on was called likely over."""
        self._turn = TurnSoFar()
        self._timer: asyncio.TimerHandle | None = None
        self.turns: asyncio.Queue[Said | CannotHear] = asyncio.Queue()
        self.floor = asyncio.Event()
        """Set while the caller is not speaking."""
        self.floor.set()
        self.worded_at = 0.0
        """When words were last reported."""
        self.sound_at = 0.0
        """When something last sounded like speech."""

    async def run(self) -> None:
        """Listen until hearing ends."""
        try:
            async with aclosing(self._hearing.events()) as events:
                async for event in events:
                    await self._take(event)
        finally:
            self._set_timer(None)

    async def _take(self, event: Heard) -> None:
        now = self._clock.monotonic()
        await self._on_report(event, now)
        match event:
            case Lost(reason=reason):
                log.error("hearing_lost", reason=reason)
                self.turns.put_nowait(CannotHear())
            case SpeechStarted():
                self.sound_at = now
            case LikelyEnd():
                self._likely = True
            case WentOn() if self._likely:
                self._count_likely("resumed")
            case Final(ends_utterance=True) if self._likely:
                self._count_likely("confirmed")
        self._turn, verdict = on_heard(self._turn, event, self._expects(), now)
        self._follow(verdict, now, event)

    def _count_likely(self, result: str) -> None:
        """A guess at the end of a turn has turned out right or wrong."""
        self._likely = False
        metrics.likely_ends_total.labels(result=result).inc()

    def _on_timer(self) -> None:
        now = self._clock.monotonic()
        self._turn, verdict = on_time(self._turn, self._expects(), now)
        self._follow(verdict, now)

    def _follow(self, verdict: Verdict, now: float, event: Heard | None = None) -> None:
        """Do what the verdict says, and wait for the next moment at which time itself decides something."""
        if verdict is Verdict.FINALIZE:
            self._hearing.finalize()
        if verdict is Verdict.OVER:
            said = self._take_turn(now)
            if said is not None and self._on_decided(said.text):
                self.turns.put_nowait(said)
        elif self._turn:
            self._on_words(self._turn, event)
        if self._turn:
            self.worded_at = max(self.worded_at, self._turn.worded_at)
            self.floor.clear()
        else:
            self.floor.set()
            self._on_quiet()
        self._set_timer(self._turn.due_at)

    def _take_turn(self, now: float) -> Said | None:
        """What was said since the last turn; None when that is nothing."""
        turn, self._turn = self._turn, begin_anew(self._turn)
        text = clean_xml_text(turn.text).strip()
        return Said(text, turn.began_at, turn.spoken_until, now, language=turn.language) if text else None

    def take_rest(self, now: float) -> list[Said]:
        """At the end of a call: turns that nobody answered any more, and what was being said."""
        rest = []
        while not self.turns.empty():
            rest.append(self.turns.get_nowait())
        return [said for said in (*rest, self._take_turn(now)) if isinstance(said, Said)]

    @property
    def is_hearing_words(self) -> bool:
        """Whether the caller is in the middle of something."""
        return bool(self._turn)

    def _set_timer(self, at: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at is not None:
            delay = max(0.0, at - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay, self._on_timer)
