"""The plain line's road, webhook by webhook: read, answer, keep, write."""

from __future__ import annotations

import asyncio
from functools import partial

from starlette.responses import Response

from services.gateway.plain_line.document import document_of
from services.gateway.plain_line.kept import KeptReply
from services.gateway.plain_line.record import PlainRecord, Standing
from services.gateway.plain_line.talk import Talk, said_in
from services.gateway.webhooks.next_step import given_up, talked_to_the_end, unchanged
from services.gateway.webhooks.phrases import phrases_for
from services.gateway.webhooks.report import CallReport
from services.gateway.webhooks.switchboard import Switchboard, count_call, twiml_response
from services.gateway.webhooks.twiml import Addresses
from shared.clock import Clock
from shared.contracts import calls
from shared.conversation.ports import NextStep
from shared.errors import Transient
from shared.observability.context import bound
from shared.observability.logs import get_logger

log = get_logger(__name__)

ANSWER_WITHIN_S = 8.0
"""Within this a caller hears something; Twilio itself gives up after 15 s, connecting included."""
MOST_TURNS = 60
"""About a quarter of an hour; who is not served by then needs a person."""


class PlainLine:
    """Leads conversations when no voice process can."""

    def __init__(
        self, record: PlainRecord, talk: Talk, switchboard: Switchboard, addresses: Addresses, clock: Clock
    ) -> None:
        self._record = record
        self._talk = talk
        self._switchboard = switchboard
        self._addresses = addresses
        self._clock = clock

    async def answer(self, report: CallReport, turn: int) -> Response:
        """The document for reply number `turn`: the one that was given before, when it was; else the next one."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                standing = await self._record.read(report)
                if standing is None:
                    return await self._switchboard.answer(report, unchanged)
                with bound(trace_id=standing.trace_id, call_sid=report.call_sid):
                    return await self._go_on(report, turn, standing)
        except (Transient, TimeoutError) as error:
            return self._switchboard.apologise(report, error)

    async def _go_on(self, report: CallReport, turn: int, standing: Standing) -> Response:
        kept = standing.kept
        if kept is not None and turn <= kept.turn:
            return self._written(kept, standing)
        if kept is not None and kept.step is not NextStep.LISTEN:
            return await self._end(report, kept, standing)
        following = kept.turn + 1 if kept is not None else 1
        if following > MOST_TURNS:
            log.warning("plain_line_too_long", call_sid=report.call_sid, limit=MOST_TURNS)
            return await self._switchboard.answer(report, given_up)
        came_at, said = self._clock.now(), said_in(report.fields)
        exchange = await self._talk.exchange(standing.conversing, said)
        times = (came_at, self._clock.now())
        stands = await self._record.keep(report, following, said, exchange, times)
        if stands is None:
            return await self._switchboard.answer(report, unchanged)
        phase, origin = exchange.provenance.phase, exchange.provenance.origin.value
        log.info("plain_turn", turn=following, phase=phase, kind=origin)
        return self._written(stands, standing)

    async def _end(self, report: CallReport, kept: KeptReply, standing: Standing) -> Response:
        """The last words were heard: hang up, or ring a person."""
        outcome = self._talk.outcome(standing.conversing)
        await self._record.finish(report, kept, outcome, self._clock.now())
        count_call(report.direction, outcome.value)
        step = calls.NextStep(kept.step)
        return await self._switchboard.answer(report, partial(talked_to_the_end, step=step, outcome=outcome))

    def _written(self, reply: KeptReply, standing: Standing) -> Response:
        phrases = phrases_for(reply.language or standing.conversing.profile.language)
        return twiml_response(document_of(reply, self._addresses, phrases))
