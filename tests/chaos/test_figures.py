"""The figures of a run, from evidence made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.record.closing import marker
from tests.chaos.evidence import Connection, DeskCase, Utterance
from tests.chaos.faults import Fault, What
from tests.chaos.figures import Lost, Silence, calls_lost, is_at, recoveries, share, silences, spread, ticket_delays
from tests.chaos.injector import Done
from tests.chaos.test_comparison import ANSWER, CALL, CASE, QUESTION, SID, THANKS
from tests.chaos.traffic import Kind

KILL = Done(Fault(4.0, 0.0, What.KILL, "voice-1"), 4.1, 4.1, 7.0)
KILLED = replace(CALL, connections=(Connection(0.5, 4.2, was_cut=True), Connection(4.6, 14.0, was_cut=False)))


def test_a_wait_belongs_to_a_loss_before_or_soon_after_it() -> None:
    loss = Lost(SID, at=10.0, gap_s=8.0)
    waits = [Silence(SID, at, 3.0) for at in (-3.0, 5.0, 10.5, 17.0, 19.0)]
    assert [is_at(loss, wait) for wait in waits] == [False, True, True, True, False]
    assert not is_at(loss, Silence("another", 11.0, 3.0))


def test_a_call_that_went_on_and_its_gap() -> None:
    (lost,) = calls_lost({SID: KILLED}, [KILL])
    assert lost.gap_s == pytest.approx(ANSWER.began - 4.2)


def test_a_call_that_never_went_on() -> None:
    silent = replace(KILLED, heard=KILLED.heard[:1])
    assert [lost.gap_s for lost in calls_lost({SID: silent}, [KILL])] == [None]


def test_what_is_no_loss_of_ours() -> None:
    assert calls_lost({SID: KILLED}, []) == []
    assert calls_lost({SID: CALL}, [KILL]) == []
    assert calls_lost({SID: replace(KILLED, kind=Kind.RELAY)}, [KILL]) == []
    leaving = replace(KILLED, ended=6.0, ended_by="caller")
    assert calls_lost({SID: leaving}, [KILL]) == []


def test_how_long_a_caller_waits_for_a_sound() -> None:
    assert [round(wait.seconds, 3) for wait in silences({SID: CALL})] == [1.0, 6.0]
    again = Utterance("Hello?", 7.0, 7.5, is_complete=True)
    impatient = replace(CALL, said=(QUESTION, again), heard=CALL.heard[:1])
    assert [round(wait.seconds, 3) for wait in silences({SID: impatient})] == [3.0, 7.5]
    in_two_pieces = replace(CALL, said=(replace(QUESTION, ended=3.5), replace(THANKS, began=3.6, ended=4.0)))
    assert [round(wait.seconds, 3) for wait in silences({SID: in_two_pieces})] == [1.0]


def test_from_hanging_up_to_the_ticket() -> None:
    assert ticket_delays({SID: CALL}, [CASE, replace(CASE, created=20.0)], 0, 100) == [1.0]
    assert ticket_delays({SID: CALL}, [CASE], 16, 100) == []
    assert ticket_delays({SID: CALL}, [DeskCase(1, (marker("CA2"),), is_active=True, created=1.0)], 0, 100) == []


def test_from_a_store_that_is_back_to_the_next_ticket() -> None:
    back = Done(Fault(4.0, 2.0, What.FREEZE, "redis"), 4.0, 6.0, 6.0)
    assert recoveries([back, KILL], [CASE, replace(CASE, created=5.0)]) == {"SIGSTOP redis": [10.0]}
    assert recoveries([back], []) == {}


def test_shares_and_spreads() -> None:
    assert (share(1, 200), share(0, 0)) == ("0.50 %", "-")
    assert spread([]) == "none"
    assert spread([float(number) for number in range(1, 101)]) == "p50 50.50  p95 96.00  worst 100.00 s  (n=100)"
