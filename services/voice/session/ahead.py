"""Answers begun before the caller's turn is decided: kept when the turn turns out as guessed, thrown away when not."""

from __future__ import annotations

from typing import Final

from services.voice.hearing.end_of_turn import TurnSoFar
from services.voice.hearing.ports import Heard, WentOn
from services.voice.searches_ahead import SearchesAhead
from services.voice.session.guessing import Do, Guessed, on_report
from shared.clock import Clock
from shared.conversation.assistant import Assistant
from shared.conversation.reply import SpokenReply
from shared.observability.metrics import ahead_total
from shared.task_group import TaskSet

FRESH_S: Final = 4.0
"""How old an answer may be when its turn is decided: a changed article must not be answered from its old text after
5 s."""


class Ahead:
    """Thinks ahead in one call. Nothing it begins has an effect before the turn is decided."""

    def __init__(self, assistant: Assistant, searches: SearchesAhead, clock: Clock, *, answers: bool) -> None:
        """`answers`: whether a model may be asked on a guess; without it only searches are begun."""
        self._assistant = assistant
        self._searches = searches
        self._clock = clock
        self._answers = answers
        self._guessed = Guessed()
        self._reply: SpokenReply | None = None
        self._begun_at = 0.0
        self._tasks = TaskSet("ahead")

    def report(self, turn: TurnSoFar, event: Heard | None) -> None:
        """The caller's turn as it stands after this report, or after some time. Never waits."""
        text, now = turn.text, self._clock.monotonic()
        waits = turn.wait_until is not None
        self._guessed, do = on_report(self._guessed, text, event, self._assistant, now, waits=waits)
        if isinstance(event, WentOn) or self._guessed.words != self._guessed.answered:
            self._drop_reply()
        if do is not Do.NOTHING:
            self._begin(self._assistant.reply_to(text), do)

    def _begin(self, reply: SpokenReply, do: Do) -> None:
        if not reply.asks_others:
            return
        if reply.queries:
            self._searches.begin(reply.queries[0])
        if do is Do.ANSWER and self._answers:
            self._drop_reply()
            self._reply, self._begun_at = reply, self._clock.monotonic()
            reply.begin(self._tasks)
            ahead_total.labels(kind="generation", result="started").inc()

    def reply_to(self, said: str, spoken: str = "") -> SpokenReply:
        """The reply to the decided turn: the one that was begun, if it is what the words ask for.

        `spoken` is the language they were heard as, where that is told.
        """
        decided, begun = self._assistant.reply_to(said, spoken), self._reply
        self._guessed = Guessed()
        self._searches.decided(decided.queries)
        ahead_s = self._clock.monotonic() - self._begun_at
        if begun is None or ahead_s > FRESH_S or not begun.stands_for(decided):
            self._drop_reply()
            return decided
        self._reply = None
        begun.provenance.stages_ms["ahead"] = round(ahead_s * 1000, 1)
        ahead_total.labels(kind="generation", result="kept").inc()
        return begun

    def drop(self) -> None:
        """What the caller said is no turn to be answered."""
        self._guessed = Guessed()
        self._searches.drop()
        self._drop_reply()

    def _drop_reply(self) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.drop()
            ahead_total.labels(kind="generation", result="wasted").inc()

    async def close(self) -> None:
        """The call is over."""
        self.drop()
        await self._tasks.close()
        await self._searches.close()
