"""What a call notes while PostgreSQL is away goes to Redis, where the process may die without it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, Final

from services.voice.record.call_rows import ClaimedCall
from services.voice.record.notes import CallKey, Ending, Standing, TurnNote, contributor
from shared.clock import Clock
from shared.contracts.agents import AgentProfile
from shared.contracts.calls import CallStatus, MediaState
from shared.database.models import Call, Conversation
from shared.messaging.shared_values import AWAY, heed_cancellation
from shared.observability.logs import get_logger
from shared.rates.card import RateCard
from shared.record.charges import charge_row
from shared.record.kept_calls import Held, KeptCall, KeptCalls, typed

log = get_logger(__name__)

WITHIN_S: Final = 1.0
MOST_TRIES: Final = 5


class Kept(Enum):
    """Whether Redis has it."""

    YES = auto()
    NO = auto()
    """Nothing of this call is kept, or Redis does not take it: it belongs into the database."""
    LATER = auto()
    """Something of this call may be kept and Redis does not answer: what comes later must wait."""


class Keeping:
    """One per process."""

    def __init__(self, kept_calls: KeptCalls, clock: Clock, card: RateCard) -> None:
        """`card` is what the figures of a session are priced by."""
        self._card = card
        self._kept_calls = kept_calls
        self._clock = clock
        self._held: set[CallKey] = set()

    def may_hold(self, key: CallKey) -> bool:
        """Whether something of this call was kept, and is perhaps still."""
        return key in self._held

    async def claim(self, call_sid: str, generation: int) -> ClaimedCall | None:
        """Take a call that is kept, as `claim` takes one that is in the record. Raises AWAY."""
        async with asyncio.timeout(WITHIN_S):
            held = await self._kept_calls.read(call_sid)
            if held.kept is None or held.kept.profile is None:
                return None
            call, conversation = (
                Call(**typed(Call, held.kept.call)),
                Conversation(**typed(Conversation, held.kept.conversation)),
            )
            if (
                call.stream_generation != generation
                or call.media_state != MediaState.EXPECTED
                or CallStatus(call.status).is_final
            ):
                return None
            taken = {
                "media_state": MediaState.CONNECTED.value,
                "status": CallStatus.IN_PROGRESS.value,
                "answered_at": (call.answered_at or self._clock.now()).isoformat(),
            }
            kept = held.kept.model_copy(update={"call": {**held.kept.call, **taken}})
            if not await self._kept_calls.write(call_sid, held, kept):
                return None
        self._held.add(CallKey(call.id, conversation.id, generation, call_sid))
        return ClaimedCall(
            call_id=call.id,
            call_sid=call_sid,
            conversation_id=conversation.id,
            generation=generation,
            direction=call.direction,
            trace_id=conversation.trace_id,
            started_at=conversation.started_at,
            checkpoint=conversation.checkpoint or {},
            profile=AgentProfile.model_validate(held.kept.profile),
        )

    async def keep(
        self,
        key: CallKey,
        turns: Sequence[TurnNote],
        standing: Standing | None,
        ending: Ending | None,
        *,
        only_kept: bool,
    ) -> Kept:
        """Have Redis keep this; `only_kept` when something of the call is kept already."""
        if not key.call_sid:
            return Kept.NO
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._keep(key, turns, standing, ending, only_kept=only_kept)
        except AWAY as error:
            heed_cancellation()
            log.warning("not_kept", error=type(error).__name__, conversation_id=str(key.conversation_id))
            return Kept.LATER if only_kept else Kept.NO

    async def _keep(
        self,
        key: CallKey,
        turns: Sequence[TurnNote],
        standing: Standing | None,
        ending: Ending | None,
        *,
        only_kept: bool,
    ) -> Kept:
        held = await self._kept_calls.read(key.call_sid)
        if only_kept and not held.value:
            self._held.discard(key)  # it was brought back
            return Kept.NO
        self._held.add(key)
        if turns:
            await self._kept_calls.add_turns(key.call_sid, [turn.as_row(key.conversation_id) for turn in turns])
        for _ in range(MOST_TRIES):
            kept = self._with_figures(_with(held, key, standing, ending), key, ending)
            if await self._kept_calls.write(key.call_sid, held, kept):
                if ending is not None:
                    self._held.discard(key)
                return Kept.YES
            held = await self._kept_calls.read(key.call_sid)
        return Kept.LATER

    def _with_figures(self, kept: KeptCall, key: CallKey, ending: Ending | None) -> KeptCall:
        """The snapshot with what this process did and used, wherever the call goes on; once."""
        note = ending.session if ending is not None else None
        if note is None or any(row["generation"] == key.generation for row in kept.sessions):
            return kept
        on = self._clock.now().date()
        who = contributor(key)
        charges = [charge_row(key.conversation_id, who, one, self._card, on) for one in note.used]
        return kept.model_copy(
            update={"sessions": [*kept.sessions, note.as_row(key)], "charges": [*kept.charges, *charges]}
        )


def _with(held: Held, key: CallKey, standing: Standing | None, ending: Ending | None) -> KeptCall:
    """The snapshot with what is news; a process whose call was taken over says nothing about it any more."""
    kept = held.kept or KeptCall()
    call, conversation = dict(kept.call), dict(kept.conversation)
    if call.get("stream_generation", key.generation) > key.generation:
        return kept
    call |= {"stream_generation": key.generation, "media_state": MediaState.CONNECTED.value} | _ended(ending)
    call.setdefault("id", str(key.call_id))
    conversation.setdefault("id", str(key.conversation_id))
    if standing is not None:
        conversation |= _stands(standing)
    if ending is not None and ending.outcome is not None:
        conversation["outcome"] = ending.outcome.value
    return kept.model_copy(update={"call": call, "conversation": conversation})


def _ended(ending: Ending | None) -> dict[str, Any]:
    if ending is None:
        return {}
    return {
        "media_state": ending.media_state.value,
        "next_step": ending.next_step.value if ending.next_step is not None else None,
    }


def _stands(standing: Standing) -> dict[str, Any]:
    return {
        "checkpoint": standing.checkpoint,
        "email": standing.email,
        "email_confirmed": standing.email_confirmed,
        "notice_heard": standing.notice_heard,
    }
