"""A comparison that cannot fail is a defect: everything it should find is planted here."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.contracts.conversations import Outcome, TicketPolicy
from shared.record.closing import marker
from tests.chaos.comparison import FROM_FILES, Differs, Spell, Verdict, compare, must_leave_ticket
from tests.chaos.evidence import Connection, DeskCase, LabCall, StoredCall, StoredTurn, Utterance
from tests.chaos.traffic import Kind

SID = "CA" + "1" * 32
GREETING = Utterance("How can I help?", 1.0, 2.0, is_complete=True, by_platform=True)
QUESTION = Utterance("How do I restart my router?", 3.0, 4.0, is_complete=True)
ANSWER = Utterance("Unplug it and wait.", 5.0, 6.0, is_complete=True, by_platform=True)
THANKS = Utterance("No, thank you. That's all.", 8.0, 9.0, is_complete=True)
CALL = LabCall(
    sid=SID,
    kind=Kind.LIVE,
    number="+14152000001",
    placed=0.0,
    ended=15.0,
    status="completed",
    ended_by="twiml",
    said=(QUESTION, THANKS),
    heard=(GREETING, ANSWER),
    connections=(Connection(0.5, 14.0, was_cut=False),),
    was_connected=True,
)
TURNS = (
    StoredTurn(1, by_caller=False, text="How can I help?", heard="How can I help?", interrupted=False),
    StoredTurn(2, by_caller=True, text="how do I restart my router", heard="", interrupted=False),
    StoredTurn(3, by_caller=False, text="Unplug it and wait.", heard="Unplug it and wait.", interrupted=False),
    StoredTurn(4, by_caller=True, text="no thank you that's all", heard="", interrupted=False),
)
ROW = StoredCall(
    sid=SID,
    status="completed",
    is_ended=True,
    is_closed=True,
    outcome=Outcome.ANSWERED.value,
    policy=TicketPolicy.EVERY_CONVERSATION.value,
    media_state="finished",
    generations=1,
    marker=marker(SID),
    ticket_state="open",
    case_id=7,
    turns=TURNS,
)
CASE = DeskCase(7, (marker(SID), "ai-call"), is_active=True, created=16.0)


def verdict(call: LabCall = CALL, row: StoredCall | None = ROW, *cases: DeskCase, deaf: Spell | None = None) -> Verdict:  # fmt: skip  # noqa: E501
    stored = {} if row is None else {row.sid: row}
    return compare({call.sid: call}, stored, cases or (CASE,), [deaf] if deaf else [])


def found(given: Verdict) -> list[Differs]:
    return sorted(given.counts())


def without(number: int) -> StoredCall:
    return replace(ROW, turns=tuple(turn for turn in TURNS if turn.number != number))


def test_a_call_as_it_should_be() -> None:
    assert found(verdict()) == []
    assert not verdict().allowed


def test_a_lost_ticket() -> None:
    assert found(compare({SID: CALL}, {SID: ROW}, [])) == [Differs.TICKET_LOST]
    trashed = replace(CASE, is_active=False)
    assert found(verdict(CALL, ROW, trashed)) == [Differs.TICKET_LOST]
    unplanned = replace(ROW, outcome=Outcome.SILENT.value, marker=None, ticket_state=None, case_id=None)
    assert Differs.TICKET_LOST in found(compare({SID: CALL}, {SID: unplanned}, []))


def test_a_doubled_ticket_even_when_one_was_merged_away() -> None:
    again = replace(CASE, id=8)
    assert found(verdict(CALL, ROW, CASE, again)) == [Differs.TICKET_DOUBLED]
    assert found(verdict(CALL, ROW, CASE, replace(again, is_active=False))) == [Differs.TICKET_DOUBLED]


def test_a_ticket_that_nobody_needs_and_one_that_nobody_knows() -> None:
    silent = replace(CALL, said=())
    row = replace(ROW, outcome=Outcome.SILENT.value, turns=TURNS[:1] + TURNS[2:3])
    assert found(verdict(silent, row)) == [Differs.TICKET_UNNEEDED]
    stranger = DeskCase(9, ("call-ca0",), is_active=True, created=1.0)
    assert found(verdict(CALL, ROW, CASE, stranger)) == [Differs.CASE_UNKNOWN]


def test_a_ledger_that_says_something_else() -> None:
    assert found(verdict(CALL, replace(ROW, ticket_state="unknown"))) == [Differs.LEDGER]
    assert found(verdict(CALL, replace(ROW, case_id=8))) == [Differs.LEDGER]


def test_a_lost_turn_of_the_caller() -> None:
    lost = verdict(CALL, without(2))
    assert found(lost) == [Differs.TURN_LOST]
    assert "router" in lost.differences[0].told


def test_the_same_words_again_do_not_hide_the_loss_of_the_first() -> None:
    again = replace(THANKS, began=10.0, ended=11.0)
    call = replace(CALL, said=(QUESTION, THANKS, again))
    assert found(verdict(call)) == [Differs.TURN_LOST]
    killed = (Connection(0.5, 9.2, was_cut=True), Connection(9.6, 14.0, was_cut=False))
    assert found(verdict(replace(call, connections=killed))) == []


def test_a_lab_that_falls_behind_proves_nothing_about_words_but_tickets_count() -> None:
    late = verdict(replace(CALL, late_s=2.0), without(2))
    assert found(late) == []
    assert sum(late.allowed.values()) == 1
    assert found(compare({SID: replace(CALL, late_s=2.0)}, {SID: ROW}, [])) == [Differs.TICKET_LOST]


def test_a_single_lost_word() -> None:
    turns = (TURNS[0], replace(TURNS[1], text="how do I restart router"), *TURNS[2:])
    assert found(verdict(CALL, replace(ROW, turns=turns))) == [Differs.TURN_LOST]


def test_a_turn_that_was_stored_twice_or_never_said() -> None:
    twice = replace(ROW, turns=(*TURNS, replace(TURNS[3], number=5)))
    assert found(verdict(CALL, twice)) == [Differs.TURN_INVENTED]
    other = replace(TURNS[3], number=5, text="cancel my contract")
    assert found(verdict(CALL, replace(ROW, turns=(*TURNS, other)))) == [Differs.TURN_INVENTED]


def test_a_sentence_in_flight_when_the_voice_process_was_killed() -> None:
    killed = (Connection(0.5, 4.2, was_cut=True), Connection(4.6, 14.0, was_cut=False))
    given = verdict(replace(CALL, connections=killed), without(2))
    assert found(given) == []
    assert sum(given.allowed.values()) == 1


def test_only_the_last_sentence_is_in_flight() -> None:
    killed = (Connection(0.5, 9.2, was_cut=True), Connection(9.6, 14.0, was_cut=False))
    assert found(verdict(replace(CALL, connections=killed), without(2))) == [Differs.TURN_LOST]
    assert found(verdict(replace(CALL, connections=killed), without(4))) == []


def test_a_sentence_long_before_the_kill_is_not_in_flight() -> None:
    killed = (Connection(0.5, 7.9, was_cut=True), Connection(7.95, 14.0, was_cut=False))
    assert found(verdict(replace(CALL, connections=killed), without(2))) == [Differs.TURN_LOST]


def test_words_that_nobody_could_hear_are_not_missed() -> None:
    alone = Utterance("Hello? Are you still there?", 4.3, 4.5, is_complete=True)
    gap = (Connection(0.5, 4.2, was_cut=True), Connection(4.6, 14.0, was_cut=False))
    call = replace(CALL, said=(QUESTION, alone, THANKS), connections=gap)
    assert found(verdict(call)) == []


def test_a_recogniser_that_was_made_deaf() -> None:
    assert found(verdict(CALL, without(2), deaf=Spell(3.5, 5.0))) == []
    assert found(verdict(CALL, without(2), deaf=Spell(5.5, 6.0))) == [Differs.TURN_LOST]
    half = replace(ROW, turns=(TURNS[0], replace(TURNS[1], text="ow do I restart my router"), *TURNS[2:]))
    assert found(verdict(CALL, half, deaf=Spell(2.0, 3.1))) == []
    assert found(verdict(CALL, half)) == [Differs.TURN_LOST, Differs.TURN_INVENTED]


def test_what_the_caller_heard_and_the_record_lacks() -> None:
    assert found(verdict(CALL, without(3))) == [Differs.HEARD_LOST]


def test_what_the_record_holds_and_the_caller_never_heard() -> None:
    said_more = replace(TURNS[2], heard="Unplug it and wait. Then call the fire service.")
    assert found(verdict(CALL, replace(ROW, turns=(*TURNS[:2], said_more, TURNS[3])))) == [Differs.HEARD_INVENTED]


def test_a_sentence_from_a_file_is_read_by_no_caller_of_the_lab() -> None:
    from_a_file = replace(TURNS[2], heard=f"{TURNS[2].heard} {FROM_FILES[0]}")
    assert found(verdict(CALL, replace(ROW, turns=(*TURNS[:2], from_a_file, TURNS[3])))) == []
    twice = replace(from_a_file, heard=f"{from_a_file.heard} {FROM_FILES[0]}")
    assert found(verdict(CALL, replace(ROW, turns=(*TURNS[:2], twice, TURNS[3])))) == [Differs.HEARD_INVENTED]


def test_a_sentence_that_another_voice_takes_up_is_stored_once() -> None:
    broken = Utterance("Unplug it and", 5.0, 5.5, is_complete=False, by_platform=True)
    taken_up = Utterance("and wait.", 5.8, 6.2, is_complete=True, by_platform=True)
    assert found(verdict(replace(CALL, heard=(GREETING, broken, taken_up)))) == []
    later = replace(taken_up, began=9.0, ended=9.4)
    assert found(verdict(replace(CALL, heard=(GREETING, broken, later)))) == [Differs.HEARD_LOST]


def test_a_sentence_of_ours_that_was_heard_just_before_the_loss_may_lack_its_note() -> None:
    more = Utterance("Then", 6.1, 6.3, is_complete=False, by_platform=True)
    call = replace(CALL, heard=(GREETING, ANSWER, more))
    just = replace(call, connections=(Connection(0.5, 6.9, was_cut=True), Connection(7.0, 14.0, was_cut=False)))
    assert found(verdict(just, without(3))) == []
    later = replace(call, connections=(Connection(0.5, 7.1, was_cut=True), Connection(7.2, 14.0, was_cut=False)))
    assert found(verdict(later, without(3))) == [Differs.HEARD_LOST]


def test_what_the_network_spoke_for_us_was_heard() -> None:
    plain = replace(ANSWER, by_platform=False)
    assert found(verdict(replace(CALL, heard=(GREETING, plain)))) == []


def test_a_caller_who_hangs_up_may_have_heard_the_beginning_of_a_clause() -> None:
    call = replace(CALL, heard=(GREETING,), ended_by="caller")
    assert found(verdict(call)) == []


def test_a_sentence_that_was_cut_off_may_be_told_to_the_clause() -> None:
    cut = replace(CALL, heard=(GREETING, replace(ANSWER, text="Unplug it", is_complete=False)))
    given = verdict(cut)
    assert found(given) == []
    assert sum(given.allowed.values()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"status": "in-progress"},
        {"is_ended": False},
        {"is_closed": False},
        {"outcome": None, "ticket_state": "open"},
    ],
)
def test_a_call_that_was_never_closed(change: dict[str, object]) -> None:
    assert Differs.CALL_OPEN in found(verdict(CALL, replace(ROW, **change)))  # type: ignore[arg-type]


def test_calls_on_one_side_only() -> None:
    assert Differs.CALL_MISSING in found(verdict(CALL, None))
    assert found(compare({}, {SID: replace(ROW, marker=None)}, [])) == [Differs.CALL_UNKNOWN]


def test_a_caller_who_was_turned_away_without_a_promise_leaves_nothing() -> None:
    sorry = Utterance("I am sorry. Please call us again a little later. Goodbye.", 1.0, 2.0, is_complete=True)
    away = replace(CALL, said=(), heard=(sorry,), connections=(), was_connected=False)
    given = compare({SID: away}, {}, [])
    assert found(given) == []
    assert sum(given.allowed.values()) == 1
    promised = replace(away, heard=(replace(sorry, text="We will call you back as soon as we can. Goodbye."),))
    assert found(compare({SID: promised}, {}, [])) == [Differs.CALL_MISSING, Differs.TICKET_LOST]


def test_a_forged_call_leaves_nothing() -> None:
    forged = replace(CALL, kind=Kind.FORGED, said=(), heard=(), connections=(), was_connected=False)
    assert found(compare({SID: forged}, {}, [])) == []
    assert Differs.FORGED in found(compare({SID: forged}, {SID: ROW}, []))


def test_what_a_caller_may_count_on() -> None:
    assert must_leave_ticket(CALL)
    assert not must_leave_ticket(replace(CALL, said=()))
    assert not must_leave_ticket(replace(CALL, connections=()))
    killed = (Connection(0.5, 4.1, was_cut=True),)
    assert not must_leave_ticket(replace(CALL, said=(QUESTION,), connections=killed))
