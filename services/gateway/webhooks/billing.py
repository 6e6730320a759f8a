"""What Twilio bills of a call beside the time of its streams, as it becomes known: legs, recordings, detection.

A leg's price depends on the country and the kind of a number: of ours when we are called, of theirs when we call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.tasks import TaskName
from shared.database.models import Call, Charge, Conversation, Transfer
from shared.messaging.outbox import outbox_row
from shared.rates.card import RateCard
from shared.rates.usage import MACHINE_DETECTION, RECORDING, Product, Unit, Used
from shared.record.charges import charging

PROVIDER: Final = "twilio"
UNKNOWN: Final = "elsewhere"
"""Where a number lies that is none, such as a SIP address."""


def leg(number: str, *, inbound: bool) -> Product:
    """A leg to this number, ours or theirs."""
    return Product(PROVIDER, f"{'inbound' if inbound else 'outbound'} {_place(number)}")


def _place(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return UNKNOWN
    country = phonenumbers.region_code_for_number(parsed)
    if country is None:
        return UNKNOWN
    match phonenumbers.number_type(parsed):
        case PhoneNumberType.TOLL_FREE:
            # One series for all of North America, and Twilio asks the same for it wherever it rings.
            return f"{'US' if parsed.country_code == 1 else country} toll-free"
        case PhoneNumberType.MOBILE:
            return f"{country} mobile"
    return country


def call_used(call: Call) -> Iterator[Used]:
    """What Twilio bills for a call whose end it has reported. An unanswered call has no seconds and costs nothing."""
    if call.duration_seconds is None:
        return
    inbound = not call.direction.startswith("outbound")
    yield Used(leg(call.to_number, inbound=inbound), Unit.SECONDS, Decimal(call.duration_seconds))
    if call.answered_by is not None:
        yield Used(MACHINE_DETECTION, Unit.TIMES, Decimal(1))


def transfer_used(transfer: Transfer) -> Iterator[Used]:
    """What it bills for the second leg, as far as the report of its end says how long it was."""
    if transfer.seconds is not None:
        yield Used(leg(transfer.number, inbound=False), Unit.SECONDS, Decimal(transfer.seconds))


def recording_used(seconds: int) -> Iterator[Used]:
    """What it bills for a recording of this length; storage is not in it."""
    yield Used(RECORDING, Unit.SECONDS, Decimal(seconds))


class Billing:
    """Notes what Twilio bills in the record, by the rate card."""

    def __init__(self, card: RateCard) -> None:
        self._card = card

    async def note(
        self, session: AsyncSession, conversation: Conversation, contributor: str, used: Iterable[Used]
    ) -> None:
        """Once for each contributor. The figures of a conversation that has closed already are then computed again."""
        charge = charging(conversation.id, contributor, used, self._card, conversation.started_at.date())
        if charge is None:
            return
        news = await session.execute(charge.returning(Charge.item))
        if news.first() is not None and conversation.closed_at is not None:
            session.add(outbox_row(TaskName.RECORD_CONVERSATION, conversation.id, conversation_id=conversation.id))

    async def note_end(self, session: AsyncSession, conversation: Conversation, call: Call) -> None:
        """The call is over, by Twilio's account."""
        await self.note(session, conversation, "telephone", call_used(call))

    async def note_transfer(self, session: AsyncSession, conversation: Conversation, transfer: Transfer | None) -> None:
        """A person was rung, if one was, and perhaps it is known how long they talked."""
        if transfer is not None and transfer.ended_at is not None:
            contributor = f"transfer:{transfer.started_at.timestamp():.0f}"
            await self.note(session, conversation, contributor, transfer_used(transfer))
