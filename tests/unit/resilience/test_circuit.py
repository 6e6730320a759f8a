"""The rules of a circuit, in any order of events."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.resilience.circuit import Circuit, CircuitState, Rules, after_failure, after_success, probing

RULES = Rules(failures=3, within_s=60, rest_s=2, longest_rest_s=8, lease_s=10)


def opened(now: float = 100.0) -> Circuit:
    circuit = Circuit()
    for _ in range(3):
        circuit = after_failure(circuit, "a", now, "ReadTimeout", RULES)
    return circuit


def test_failures_in_a_row_open_it_whoever_saw_them() -> None:
    circuit = Circuit()
    for who in ("a", "b"):
        circuit = after_failure(circuit, who, 100.0, "ReadTimeout", RULES)
        assert circuit.is_closed
    circuit = after_failure(circuit, "c", 101.0, "500", RULES)
    assert (circuit.state, circuit.since, circuit.reason, circuit.probe_at) == (CircuitState.OPEN, 101.0, "500", 103.0)


def test_failures_far_apart_or_around_a_success_are_not_in_a_row() -> None:
    circuit = Circuit()
    for minute in range(5):
        circuit = after_failure(circuit, "a", 100.0 * minute, "x", RULES)
        assert circuit.is_closed
    circuit = after_success(after_failure(circuit, "a", 401.0, "x", RULES), "b", 401.5, RULES)
    assert circuit.failures == 0


def test_a_refusal_opens_it_at_once() -> None:
    assert not after_failure(Circuit(), "a", 1.0, "refused", RULES, sure=True).is_closed


def test_one_at_a_time_probes_and_a_lost_prober_is_replaced() -> None:
    circuit = opened()
    assert probing(circuit, "a", 101.9, RULES) is circuit
    tried = probing(circuit, "a", 102.0, RULES)
    assert (tried.state, tried.prober) == (CircuitState.HALF_OPEN, "a")
    assert probing(tried, "b", 111.9, RULES) is tried
    assert probing(tried, "b", 112.0, RULES).prober == "b"


def test_rests_grow_while_probes_fail() -> None:
    circuit, rests = opened(), []
    for _ in range(4):
        circuit = probing(circuit, "a", circuit.probe_at, RULES)
        circuit = after_failure(circuit, "a", circuit.probe_at - 9, "x", RULES)
        rests.append(circuit.rest_s)
    assert rests == [4, 8, 8, 8]
    assert circuit.since == 100.0


def test_only_the_prober_or_somebody_later_closes_it() -> None:
    circuit = opened(100.0)
    assert after_success(circuit, "b", 101.0, RULES) is circuit  # began before it opened
    assert after_success(circuit, "b", 103.0, RULES).is_closed
    tried = probing(circuit, "a", 102.0, RULES)
    assert after_success(tried, "a", 102.1, RULES).is_closed
    assert after_failure(tried, "b", 102.1, "late", RULES) is tried


@given(st.lists(st.tuples(st.sampled_from(["failed", "succeeded", "probe"]), st.sampled_from("abc"), st.floats(0, 30))))
def test_it_never_rests_for_longer_than_it_may(events: list[tuple[str, str, float]]) -> None:
    circuit, now = Circuit(), 1000.0
    for what, who, later in events:
        now += later
        match what:
            case "failed":
                circuit = after_failure(circuit, who, now, "x", RULES)
            case "succeeded":
                circuit = after_success(circuit, who, now, RULES)
            case _:
                circuit = probing(circuit, who, now, RULES)
        assert circuit.is_closed or circuit.may_be_probed(now + max(RULES.longest_rest_s, RULES.lease_s))
