"""What a call cost, as far as that is known: unknown is unknown, and never nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.gateway.webhooks.billing import call_used, leg
from shared.contracts.calls import MediaState, TransferOutcome
from shared.database.models import Call, CallSession, Charge, Recording, Transfer
from shared.rates.usage import Product, Unit
from shared.record.figures import Billed, StageFigures, cost_of, session_figures, stage_figures, written

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def a_call(**fields: Any) -> Call:
    values = {"stream_generation": 1, "media_state": MediaState.FINISHED, "answered_at": NOW, "duration_seconds": 60}
    return Call(**{"direction": "inbound", "to_number": "+12025550101", **values, **fields})


def a_session(generation: int = 1, **fields: Any) -> CallSession:
    values = {"interruptions": 1, "false_interruptions": 2, "silences": 3, "kept_characters": 4}
    return CallSession(generation=generation, **{**values, **fields})


def a_charge(amount: str | None, currency: str | None = "USD", **fields: Any) -> Charge:
    values = {"provider": "deepgram", "item": "nova-3", "unit": "seconds", "quantity": Decimal(60)}
    priced = {"amount": Decimal(amount), "rate_valid_from": date(2026, 5, 5)} if amount is not None else {}
    return Charge(currency=currency if amount is not None else None, **{**values, **priced, **fields})


def billed(call: Call | None = None, *charges: Charge, **parts: Any) -> Billed:
    known: dict[str, Any] = {"sessions": [a_session()], "transfer": None, "recordings": [], **parts}
    return Billed(call=call or a_call(), is_closed=known.pop("is_closed", True), charges=charges, **known)


def test_everything_known_is_summed_by_currency() -> None:
    cost = cost_of(billed(None, a_charge("0.10"), a_charge("0.0000000001"), a_charge("2", "EUR")))
    assert cost.written() == {"EUR": "2", "USD": "0.1000000001"}
    assert cost.unknown == ()
    assert cost.rates_of == date(2026, 5, 5)


def test_what_has_no_price_is_named_once_and_does_not_count_as_nothing() -> None:
    cost = cost_of(billed(None, a_charge("0.10"), a_charge(None), a_charge(None), a_charge(None, quantity=Decimal(0))))
    assert cost.written() == {"USD": "0.1"}
    assert cost.unknown == ("no price for nova-3 of deepgram, by seconds",)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (billed(is_closed=False), "not over"),
        (billed(a_call(duration_seconds=None)), "how long the call was"),
        (billed(a_call(stream_generation=2), sessions=[a_session(2)]), "generation 1"),
        (billed(sessions=[]), "generation 1"),
        (billed(transfer=Transfer(outcome=TransferOutcome.ACCEPTED, seconds=None)), "on the line"),
        (billed(transfer=Transfer(outcome=TransferOutcome.DECLINED, seconds=None)), "on the line"),
        (billed(recordings=[Recording(status="in-progress", seconds=None)]), "recording"),
    ],
)
def test_what_has_left_no_figure_is_unknown(found: Billed, says: str) -> None:
    (unknown,) = cost_of(found).unknown
    assert says in unknown


@pytest.mark.parametrize(
    "found",
    [
        billed(a_call(answered_at=None, duration_seconds=0, media_state=MediaState.EXPECTED), sessions=[]),
        billed(a_call(media_state=MediaState.EXPECTED), sessions=[]),
        billed(transfer=Transfer(outcome=TransferOutcome.BUSY, seconds=None)),
        billed(recordings=[Recording(status="absent", seconds=None)]),
    ],
)
def test_what_was_certainly_not_used_costs_nothing(found: Billed) -> None:
    assert cost_of(found).unknown == ()


def test_sessions_of_several_processes_are_one_call() -> None:
    found = session_figures([a_session(1), a_session(2, silences=0)])
    assert (found.interruptions, found.false_interruptions, found.silences, found.kept_characters) == (2, 4, 3, 8)


def test_stages_are_told_over_the_turns_that_have_them() -> None:
    found = stage_figures([{"answer": 100.0, "hearing": 5.0}, {}, {"answer": 400.0}, {"answer": 200.0}])
    assert found == {"answer": StageFigures(3, 200.0, 400.0), "hearing": StageFigures(1, 5.0, 5.0)}


def test_amounts_are_written_out() -> None:
    for amount, text in (("0.0000000001", "0.0000000001"), ("1E+3", "1000"), ("0.50", "0.5"), ("0", "0")):
        assert written(Decimal(amount)) == text


def test_a_leg_is_billed_by_whose_number_it_is() -> None:
    for number, item in (
        ("+12025550123", "inbound US"), ("+18005550101", "inbound US toll-free"), ("+442071838750", "inbound GB"),
        ("+46701234567", "inbound SE mobile"), ("sip:desk@example.com", "inbound elsewhere"), ("", "inbound elsewhere"),
    ):  # fmt: skip
        assert leg(number, inbound=True) == Product("twilio", item)
    assert leg("+12025550123", inbound=False).item == "outbound US"


def test_a_call_of_ours_is_billed_with_its_machine_detection() -> None:
    ours = a_call(direction="outbound-api", to_number="+12025550123", answered_by="human")
    assert [(one.product.item, one.unit, one.quantity) for one in call_used(ours)] == [
        ("outbound US", Unit.SECONDS, Decimal(60)),
        ("machine detection", Unit.TIMES, Decimal(1)),
    ]
    assert list(call_used(a_call(duration_seconds=None))) == []
