"""Writes what calls note to PostgreSQL, within moments, in batches, and again when the database was away.

A call never waits for the record while it talks. Only its end does, for a moment: a finished call should be in the
record before its line is let go. What cannot be written stays here, bounded, until it can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import orjson
from sqlalchemy import bindparam, exists, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession

from services.voice.record.held_connection import HeldConnection
from services.voice.record.keeping import Keeping, Kept
from services.voice.record.notes import CallKey, Ending, SessionNote, Standing, TurnNote, contributor
from shared.clock import Clock
from shared.contracts.calls import MediaState
from shared.database.engine import AsyncSessions
from shared.database.models import Call, CallSession, Conversation
from shared.database.transactions import DatabaseAway
from shared.database.within import within
from shared.observability.logs import get_logger
from shared.rates.card import RateCard
from shared.record.charges import charging
from shared.record.closing import close_if_over
from shared.record.telling import TELL
from shared.resilience.backoff import backoff

log = get_logger(__name__)

GATHER_S: Final = 0.02
"""How long a note waits for others, so that many calls share a transaction."""
STORE_WITHIN_S: Final = 2.5
"""One batch, of milliseconds; a connection that hangs longer is an outage, and a call that ends waits for its end to be
kept."""
AGAIN_S: Final = 0.5
"""Until Redis is asked once more to keep what belongs to something it keeps already."""
MOST_TURNS_WAITING: Final = 20_000
"""About 20 MB: an hour of a hundred calls without a database."""
OUTAGES = (OperationalError, InterfaceError, PoolTimeout, OSError, TimeoutError)


@dataclass(slots=True)
class _Waiting:
    """What is noted of one call and not stored."""

    key: CallKey
    turns: list[TurnNote] = field(default_factory=list)
    standing: Standing | None = None
    ending: Ending | None = None

    def before(self, later: _Waiting) -> _Waiting:
        """Both together, this one first."""
        turns = {turn.number: turn for turn in (*self.turns, *later.turns)}
        return _Waiting(self.key, list(turns.values()), later.standing or self.standing, later.ending or self.ending)


class Recorder:
    """One per process."""

    def __init__(self, sessions: AsyncSessions, clock: Clock, card: RateCard, keeping: Keeping | None = None) -> None:
        """`card` is what the figures of a session are priced by.

        `keeping` is where notes go while the database is away; without it they wait here, bounded.
        """
        self._keeping = keeping
        self._sessions = sessions
        self._held = HeldConnection(sessions)
        self._clock = clock
        self._card = card
        self._waiting: dict[CallKey, _Waiting] = {}
        self._storing: dict[CallKey, _Waiting] = {}
        self._news = asyncio.Event()
        self._stored = asyncio.Condition()

    def note(self, key: CallKey, turns: Sequence[TurnNote] = (), standing: Standing | None = None) -> None:
        """Have these turns, and where the conversation stands after them, stored soon. Never waits."""
        self._add(_Waiting(key, list(turns), standing))

    async def finish(self, key: CallKey, ending: Ending, within_s: float) -> bool:
        """Have the end of a call stored with everything noted of it before.

        True when that was done within the time; otherwise it is done as soon as it can be.
        """
        self._add(_Waiting(key, ending=ending))
        return await self._wait_until(lambda: key not in self._waiting and key not in self._storing, within_s)

    async def drain(self, within_s: float) -> int:
        """Wait until everything is stored; the number of turns that could not be in time."""
        await self._wait_until(lambda: not self._waiting and not self._storing, within_s)
        return self._turns_waiting

    async def _wait_until(self, done: Any, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s), self._stored:
                await self._stored.wait_for(done)
        except TimeoutError:
            return False
        return True

    @property
    def _turns_waiting(self) -> int:
        return sum(len(one.turns) for group in (self._waiting, self._storing) for one in group.values())

    def _add(self, new: _Waiting) -> None:
        if new.turns and self._turns_waiting >= MOST_TURNS_WAITING:
            log.error("record_overflow", conversation_id=str(new.key.conversation_id), count=len(new.turns))
            new.turns.clear()
        earlier = self._waiting.get(new.key)
        self._waiting[new.key] = earlier.before(new) if earlier is not None else new
        self._news.set()

    async def run(self) -> None:
        """Store what is noted, until cancelled."""
        try:
            await self._run()
        finally:
            await self._held.close()

    async def _run(self) -> None:
        waits = backoff(0.2, 2.0)
        while True:
            await self._news.wait()
            await asyncio.sleep(GATHER_S)
            self._news.clear()
            self._storing, self._waiting = self._waiting, {}
            try:
                await self._keep(only_kept=True)
                await within(STORE_WITHIN_S, self._store())
                waits = backoff(0.2, 2.0)
            except (*OUTAGES, DatabaseAway) as error:
                await self._keep(only_kept=False)
                self._take_back()
                log.warning("record_waits", error=type(error).__name__, count=self._turns_waiting)
                await asyncio.sleep(next(waits))
                self._news.set()
            async with self._stored:
                self._stored.notify_all()

    async def _keep(self, *, only_kept: bool) -> None:
        """Have Redis keep what is being stored: all of it, or that of calls of which it keeps something already.

        What it does not take waits here.
        """
        if self._keeping is None:
            return
        for key, one in list(self._storing.items()):
            if only_kept and not self._keeping.may_hold(key):
                continue
            match await self._keeping.keep(key, one.turns, one.standing, one.ending, only_kept=only_kept):
                case Kept.YES:
                    del self._storing[key]
                case Kept.LATER:
                    later = self._waiting.pop(key, None)
                    self._waiting[key] = one.before(later) if later is not None else one
                    del self._storing[key]
                    asyncio.get_running_loop().call_later(AGAIN_S, self._news.set)
                case Kept.NO:
                    continue

    def _take_back(self) -> None:
        """What was not stored waits again, before what was noted meanwhile."""
        for key, unstored in self._storing.items():
            later = self._waiting.get(key)
            self._waiting[key] = unstored.before(later) if later is not None else unstored
        self._storing = {}

    async def _store(self) -> None:
        """Store the present batch; each call leaves it when its notes are stored. Raises OUTAGES."""
        # One order for all processes: two batches that lock the same rows cannot wait for each other.
        batch = sorted(self._storing.values(), key=lambda one: str(one.key.conversation_id))
        going_on = [one for one in batch if one.ending is None]
        try:
            await self._store_together(going_on)
        except Exception as error:
            if is_outage(error):
                raise
            for one in going_on:
                await self._store_alone(one)
        for one in going_on:
            del self._storing[one.key]
        for one in batch:
            if one.ending is not None:
                await self._store_alone(one)
                del self._storing[one.key]

    async def _store_together(self, batch: Sequence[_Waiting]) -> None:
        """Write turns, the latest word about each, and where conversations stand, in one statement."""
        if not batch:
            return
        stands = [_standing_row(one.key, one.standing) for one in batch if one.standing is not None]
        turns = [turn.as_row(one.key.conversation_id) for one in batch for turn in one.turns]
        values = {"stands": orjson.dumps(stands).decode(), "turns": orjson.dumps(turns).decode()}
        await self._held.execute(_AT_ONCE, values)

    async def _store_alone(self, one: _Waiting) -> None:
        """One call's notes, its end included. Notes the database refuses are given up, its end is not."""
        try:
            async with self._sessions.begin() as session:
                await _write(session, [one])
                await self._end(session, one)
        except Exception as error:
            if is_outage(error):
                raise
            # No traceback: the database's own message may quote the row, and the row is what a caller said.
            log.error(  # noqa: TRY400
                "record_refused",
                conversation_id=str(one.key.conversation_id),
                error=type(error).__name__,
                error_code=getattr(getattr(error, "orig", None), "sqlstate", ""),
                count=len(one.turns),
            )
            if one.ending is not None and one.turns:
                await self._store_alone(_Waiting(one.key, ending=one.ending))

    async def _end(self, session: AsyncSession, one: _Waiting) -> None:
        """Leave the call, unless another process has taken it over; close its conversation when all sides are done.

        What this process did and used counts in either case.
        """
        if one.ending is None:
            return
        conversation = await session.get_one(Conversation, one.key.conversation_id, with_for_update=True)
        if one.ending.session is not None:
            await self._note_figures(session, one.key, one.ending.session, conversation.started_at.date())
        call = await session.get_one(Call, one.key.call_id, with_for_update=True)
        if call.stream_generation != one.key.generation or call.media_state != MediaState.CONNECTED:
            return
        call.media_state = one.ending.media_state
        call.next_step = one.ending.next_step
        if one.ending.outcome is not None and conversation.closed_at is None:
            conversation.outcome = one.ending.outcome
        await session.flush()
        await session.run_sync(close_if_over, call.id, self._clock.now())

    async def _note_figures(self, session: AsyncSession, key: CallKey, note: SessionNote, on: date) -> None:
        await session.execute(insert(CallSession).values(note.as_row(key)).on_conflict_do_nothing())
        charge = charging(key.conversation_id, contributor(key), note.used, self._card, on)
        if charge is not None:
            await session.execute(charge)


def is_outage(error: Exception) -> bool:
    """Whether the database was away, rather than in disagreement with us."""
    return isinstance(error, OUTAGES) or (isinstance(error, DBAPIError) and error.connection_invalidated)


_OURS = exists(
    select(Call.id).where(Call.id == bindparam("this_call"), Call.stream_generation == bindparam("this_generation"))
)
_STAND = (
    update(Conversation)
    .where(Conversation.id == bindparam("this_conversation"), _OURS)
    .values(
        checkpoint=bindparam("checkpoint"),
        email=bindparam("email"),
        email_confirmed=bindparam("email_confirmed"),
        notice_heard=bindparam("notice_heard"),
    )
)
"""A process whose call was taken over no longer says where the conversation stands; its turns are kept all the same."""

_AT_ONCE = text(
    """
    WITH stood AS (
        UPDATE conversations SET
            checkpoint = stands.checkpoint, email = stands.email, email_confirmed = stands.email_confirmed,
            notice_heard = stands.notice_heard, updated_at = now()
        FROM jsonb_to_recordset(CAST(:stands AS jsonb)) AS stands(
            this_conversation uuid, this_call uuid, this_generation integer,
            checkpoint jsonb, email text, email_confirmed boolean, notice_heard boolean
        )
        WHERE conversations.id = stands.this_conversation AND EXISTS (
            SELECT FROM calls WHERE calls.id = stands.this_call AND calls.stream_generation = stands.this_generation
        )
    )
    INSERT INTO turns (
        conversation_id, number, speaker, text, heard, interrupted, phase,
        started_at, ended_at, stages_ms, sources, origin, level
    )
    SELECT * FROM jsonb_to_recordset(CAST(:turns AS jsonb)) AS told(
        conversation_id uuid, number integer, speaker text, text text, heard text, interrupted boolean, phase text,
        started_at timestamptz, ended_at timestamptz, stages_ms jsonb, sources jsonb, origin text, level smallint
    )
    ON CONFLICT (conversation_id, number) DO UPDATE SET
        text = excluded.text, heard = excluded.heard, interrupted = excluded.interrupted, ended_at = excluded.ended_at,
        stages_ms = excluded.stages_ms, sources = excluded.sources, origin = excluded.origin
    WHERE excluded.ended_at > turns.ended_at
    """
)
"""What `_write` does, for calls that go on: one statement is a transaction of its own, and one way to the database and
back instead of five. Every turn of every call is written by it."""


async def _write(session: AsyncSession, batch: Iterable[_Waiting]) -> None:
    """Write turns, the latest word about each, and where conversations stand."""
    stands = [_standing_row(one.key, one.standing) for one in batch if one.standing is not None]
    if stands:
        connection = await session.connection()
        await connection.execute(_STAND, stands)
    turns = [turn.as_row(one.key.conversation_id) for one in batch for turn in one.turns]
    if turns:
        await session.execute(TELL, turns)


def _standing_row(key: CallKey, standing: Standing) -> dict[str, Any]:
    return {
        "this_conversation": key.conversation_id,
        "this_call": key.call_id,
        "this_generation": key.generation,
        "checkpoint": standing.checkpoint,
        "email": standing.email,
        "email_confirmed": standing.email_confirmed,
        "notice_heard": standing.notice_heard,
    }
