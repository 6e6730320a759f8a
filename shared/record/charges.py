"""What was used for a conversation, priced by the card of its day: rows that are written once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import Insert, insert

from shared.database.models import Charge
from shared.rates.card import RateCard
from shared.rates.usage import Used


def charging(conversation_id: UUID, contributor: str, used: Iterable[Used], card: RateCard, on: date) -> Insert | None:
    """The statement that notes what this contributor used, priced as on that day; None for nothing.

    Executed again it changes nothing.
    """
    rows = [charge_row(conversation_id, contributor, one, card, on) for one in used]
    return insert(Charge).values(rows).on_conflict_do_nothing() if rows else None


def charge_row(conversation_id: UUID, contributor: str, used: Used, card: RateCard, on: date) -> dict[str, Any]:
    """The columns of what this contributor used, priced as on that day."""
    rate = card.rate(used.product, used.unit, on)
    return {
        "conversation_id": conversation_id,
        "contributor": contributor,
        "provider": used.product.provider,
        "item": used.product.item,
        "unit": used.unit.value,
        "quantity": used.quantity,
        "is_estimate": used.is_estimate,
        "amount": rate.amount(used.quantity) if rate is not None else None,
        "currency": rate.currency if rate is not None else None,
        "rate_valid_from": rate.valid_from if rate is not None else None,
    }
