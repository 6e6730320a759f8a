"""What the callers were promised against what is there. Pure: evidence in, differences out.

Nothing is forgiven silently: what is allowed is counted by its reason. Allowed are words in flight when a voice
process was lost, words that a recogniser made deaf on purpose never heard, words broken off by hanging up, and
sentences that come from files: the lab's callers can only read the lab's own speech.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import pairwise

from services.voice.speech.last_resort import last_resort
from shared.contracts.calls import CallStatus, MediaState
from shared.contracts.tickets import TicketState
from shared.record.closing import marker, needs_ticket
from tests.chaos.evidence import LAB_LATE_S, Connection, DeskCase, LabCall, StoredCall, Utterance
from tests.chaos.traffic import Kind

IN_FLIGHT_S = 2.5
"""How long after its last word a sentence may still be on its way into the record: the end of a turn is decided up to
1.5 s later, and a note is written within moments of that."""
ON_THE_WAY_S = 1.0
"""Words spoken so shortly before a recogniser was lost had not come back from it."""
NOTED_WITHIN_S = 1.0
"""How long after its last sound a sentence of ours may still be on its way into the record."""
LAST_MOMENT_S = 1.0
"""Before the end of a call, in which a recogniser need not have heard everything."""
DEAF_FOR_S = 10.0
"""How long after a recogniser's fault words may be unheard: it is given up after six seconds, and begun again."""
FROM_FILES = tuple(last_resort("en"))
"""Sentences that have the sound of a person's voice when no provider speaks."""
TAKEN_UP_S = 2.0
"""A sentence that another voice takes up does so within this, a word or two before where it broke."""
MOST_TAKEN_UP = 3
CLAUSE = 16
"""Words by which the record may overstate what was heard of a sentence that was cut off: to the clause."""


class Differs(StrEnum):
    """Kinds of differences."""

    CALL_MISSING = "a call without a row"
    CALL_UNKNOWN = "a row without a call"
    CALL_OPEN = "a call that was never closed"
    FORGED = "a forged call was taken"
    TICKET_LOST = "a ticket is lost"
    TICKET_DOUBLED = "a ticket is doubled"
    TICKET_UNNEEDED = "a ticket that nobody needs"
    LEDGER = "the ledger and the help desk disagree"
    CASE_UNKNOWN = "a case without a conversation"
    TURN_LOST = "the caller's words are lost"
    TURN_INVENTED = "the record holds words that the caller did not say"
    HEARD_LOST = "words that the caller heard are lost"
    HEARD_INVENTED = "the record holds words that the caller did not hear"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that should not be."""

    kind: Differs
    sid: str
    told: str


@dataclass(slots=True)
class Verdict:
    """What a comparison found."""

    differences: list[Difference] = field(default_factory=list)
    allowed: Counter[str] = field(default_factory=Counter)
    """What was let pass, by reason."""

    def counts(self) -> Counter[Differs]:
        """How many differences there are of each kind."""
        return Counter(one.kind for one in self.differences)


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which a recogniser was made to hear nothing."""

    began: float
    ended: float

    def deafens(self, one: Utterance) -> bool:
        """Whether these words may never have been heard by a recogniser that hears nothing."""
        return one.began < self.ended + DEAF_FOR_S and one.ended > self.began - ON_THE_WAY_S


def compare(
    lab: Mapping[str, LabCall],
    stored: Mapping[str, StoredCall],
    cases: Sequence[DeskCase],
    deaf: Sequence[Spell] = (),
) -> Verdict:
    """Both sides, call by call."""
    verdict = Verdict()
    by_marker = _by_marker(cases)
    for call in lab.values():
        row = stored.get(call.sid)
        verdict.differences += _call(call, row, verdict.allowed)
        verdict.differences += _ticket(call, row, by_marker.get(marker(call.sid), []), deaf)
        if row is not None:
            verdict.differences += _words(call, row, deaf, verdict.allowed)
    known = {marker(sid) for sid in lab}
    verdict.differences += [
        Difference(Differs.CALL_UNKNOWN, sid, "the telephone network knows nothing of it")
        for sid in stored
        if sid not in lab
    ]
    verdict.differences += [
        Difference(Differs.CASE_UNKNOWN, "", f"case {found[0].id} carries {name}")
        for name, found in by_marker.items()
        if name not in known
    ]
    return verdict


def _by_marker(cases: Sequence[DeskCase]) -> dict[str, list[DeskCase]]:
    found: dict[str, list[DeskCase]] = defaultdict(list)
    for case in cases:
        for tag in case.tags:
            if tag.startswith("call-"):
                found[tag].append(case)
    return found


# Calls


def _call(call: LabCall, row: StoredCall | None, allowed: Counter[str]) -> Iterator[Difference]:
    if call.kind is Kind.FORGED:
        if row is not None:
            yield Difference(Differs.FORGED, call.sid, "it was not signed by Twilio and has rows")
        return
    if row is None:
        if call.was_connected or call.was_promised_something:
            yield Difference(Differs.CALL_MISSING, call.sid, "the caller was answered or promised something")
        else:
            allowed["callers turned away without a promise, nothing stored"] += 1
        return
    missing = [
        what
        for what, there in {
            "a final status": CallStatus(row.status).is_final,
            "an end": row.is_ended,
            "an outcome": row.outcome is not None,
            "a closed conversation": row.is_closed,
            "a voice process that let go of it": row.media_state != MediaState.CONNECTED or row.is_closed,
        }.items()
        if not there
    ]
    if missing:
        yield Difference(Differs.CALL_OPEN, call.sid, f"it lacks {', '.join(missing)}")


# Tickets


def _ticket(
    call: LabCall, row: StoredCall | None, cases: Sequence[DeskCase], deaf: Sequence[Spell]
) -> Iterator[Difference]:
    active = [case for case in cases if case.is_active]
    decided = row.outcome_and_policy if row is not None else None
    by_outcome = decided is not None and needs_ticket(*decided)
    if (by_outcome or must_leave_ticket(call, deaf)) and not active:
        why = f"outcome {decided[0].value}" if decided and by_outcome else "the caller spoke or was promised something"
        state = row.ticket_state if row is not None else None
        yield Difference(Differs.TICKET_LOST, call.sid, f"{why}; ledger: {state}; no case")
    if len(cases) > 1:
        ids = ", ".join(str(case.id) for case in cases)
        yield Difference(Differs.TICKET_DOUBLED, call.sid, f"cases {ids} carry its marker")
    if active and decided is not None and not by_outcome:
        yield Difference(Differs.TICKET_UNNEEDED, call.sid, f"outcome {decided[0].value}, case {active[0].id}")
    if row is not None and row.marker is not None and active:
        stands = row.ticket_state == TicketState.OPEN and row.case_id in [case.id for case in active]
        if not stands:
            told = f"ledger: {row.ticket_state}, case {row.case_id}; help desk: {[case.id for case in active]}"
            yield Difference(Differs.LEDGER, call.sid, told)


def must_leave_ticket(call: LabCall, deaf: Sequence[Spell] = ()) -> bool:
    """Whether the caller, seen from their side alone, may count on a ticket.

    They were promised one, or they finished a sentence that we heard. One sentence in flight when everything broke is
    no such sentence.
    """
    if call.kind is Kind.FORGED:
        return False
    return call.was_promised_something or any(True for _ in _surely_heard(call, deaf))


def _surely_heard(call: LabCall, deaf: Sequence[Spell]) -> Iterator[Utterance]:
    if call.late_s > LAB_LATE_S:
        return
    for one in call.said:
        if one.is_complete and _excuse(one, call, deaf) is None:
            yield one


# Words


def _words(call: LabCall, row: StoredCall, deaf: Sequence[Spell], allowed: Counter[str]) -> Iterator[Difference]:
    if call.connections and call.late_s > LAB_LATE_S:
        allowed["calls whose words prove nothing: the lab itself fell behind"] += 1
        return
    yield from _said_words(call, row, deaf, allowed)
    if call.kind is Kind.LIVE:
        # of a session that runs faster than the clock nobody can say by the clock what was spoken
        yield from _heard_words(call, row, allowed)


def _said_words(call: LabCall, row: StoredCall, deaf: Sequence[Spell], allowed: Counter[str]) -> Iterator[Difference]:
    """Every sentence that must be stored is; whatever else is stored was said as well."""
    excuses = [(one, _excuse(one, call, deaf)) for one in call.said]
    required = [one for one, excuse in excuses if excuse is None]
    stored = [word for turn in row.turns if turn.by_caller for word in words_of(turn.text)]
    missing, more = differences(required, stored)
    for one, words in missing:
        yield Difference(Differs.TURN_LOST, call.sid, f"{' '.join(words)!r} of {one.text!r}")
    unexplained = Counter(more)
    for one, excuse in excuses:
        if excuse is None:
            continue
        its_words = Counter(words_of(one.text))
        if its_words - unexplained:
            allowed[excuse] += 1
        unexplained -= its_words
    cut_through = [word for one, excuse in excuses if excuse is not None for word in words_of(one.text)]
    invented = [
        word
        for word in unexplained.elements()
        if not any(whole.startswith(word) or whole.endswith(word) for whole in cut_through)
    ]
    if invented:
        yield Difference(Differs.TURN_INVENTED, call.sid, f"{' '.join(invented)!r}")


def _excuse(one: Utterance, call: LabCall, deaf: Sequence[Spell]) -> str | None:
    """Why these words of the caller may be missing; None when they must be there."""
    if not _connected(one, call.connections):
        return "caller's sentences while no voice process was connected"
    if _in_flight(one, call):
        return "caller's sentences in flight at the loss of a voice process"
    if not one.is_complete or one.ended > call.ended - LAST_MOMENT_S:
        return "caller's sentences broken off by the end of the call"
    if any(spell.deafens(one) for spell in deaf):
        return "caller's sentences while the recogniser was made deaf"
    return None


def _heard_words(call: LabCall, row: StoredCall, allowed: Counter[str]) -> Iterator[Difference]:
    heard = _without_taken_up([one for one in call.heard if one.by_platform])
    stored = [word for turn in row.turns if not turn.by_caller for word in words_of(turn.heard)]
    in_flight = [one for one in heard if _in_flight(one, call) or _being_noted(one, call)]
    missing, invented = differences([one for one in heard if one not in in_flight], stored)
    for one, words in missing:
        if len(words) <= CLAUSE and (not one.is_complete or one.ended > call.ended - LAST_MOMENT_S):
            allowed["ends of our sentences that were cut off, understated to the clause"] += 1
        else:
            yield Difference(Differs.HEARD_LOST, call.sid, f"{' '.join(words)!r} of {one.text!r}")
    unexplained = Counter(invented)
    for one in in_flight:
        its_words = Counter(words_of(one.text))
        if its_words - unexplained:
            allowed["our sentences in flight at the loss of a voice process"] += 1
        unexplained -= its_words
    for sentence in FROM_FILES:
        if any(sentence in turn.heard for turn in row.turns):
            allowed["sentences that came from files, which the lab's callers cannot read"] += 1
            unexplained -= Counter(words_of(sentence))
    # on the plain line the network speaks our sentences
    unexplained -= Counter(word for one in call.heard if not one.by_platform for word in words_of(one.text))
    if not unexplained:
        return
    cut_short = sum(1 for one in heard if not one.is_complete) + (call.ended_by == "caller")
    if unexplained.total() > CLAUSE * cut_short:
        yield Difference(Differs.HEARD_INVENTED, call.sid, f"{' '.join(unexplained.elements())!r}")
    else:
        allowed["ends of our sentences that were cut off, overstated to the clause"] += 1


def _without_taken_up(heard: Sequence[Utterance]) -> list[Utterance]:
    """What was heard, less the words that were spoken twice because another voice took up a sentence that broke."""
    found = list(heard[:1])
    for before, one in pairwise(heard):
        broken, taken_up = words_of(before.text), words_of(one.text)
        is_next = not before.is_complete and one.began - before.ended < TAKEN_UP_S
        twice = (n for n in range(MOST_TAKEN_UP, 0, -1) if broken[-n:] == taken_up[:n])
        again = next(twice, 0) if is_next else 0
        found.append(replace(one, text=" ".join(taken_up[again:])) if again else one)
    return found


def differences(
    spoken: Sequence[Utterance], stored: Sequence[str]
) -> tuple[list[tuple[Utterance, list[str]]], list[str]]:
    """Words of each utterance that are not stored, and words that are stored and were not spoken; in order."""
    owners = [(number, word) for number, one in enumerate(spoken) for word in words_of(one.text)]
    matcher = SequenceMatcher(None, [word for _, word in owners], list(stored), autojunk=False)
    missing: dict[int, list[str]] = defaultdict(list)
    invented: list[str] = []
    for tag, from_a, to_a, from_b, to_b in matcher.get_opcodes():
        if tag == "equal":
            continue
        for number, word in owners[from_a:to_a]:
            missing[number].append(word)
        invented += stored[from_b:to_b]
    return [(spoken[number], words) for number, words in missing.items()], invented


_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Words without case and punctuation."""
    return _WORD.findall(text.lower())


def _connected(one: Utterance, connections: Sequence[Connection]) -> bool:
    """Whether somebody listened from its first word on."""
    return any(there.opened <= one.began < there.closed for there in connections)


def _in_flight(one: Utterance, call: LabCall) -> bool:
    """Whether it was being said, or had just been said, when a connection broke."""
    return any(
        there.was_cut and one.began < there.closed < one.ended + IN_FLIGHT_S and _is_last_before(one, there, call)
        for there in call.connections
    )


def _being_noted(one: Utterance, call: LabCall) -> bool:
    """Whether a connection broke so soon after this sentence of ours that its note was still on its way."""
    return any(there.was_cut and one.began < there.closed < one.ended + NOTED_WITHIN_S for there in call.connections)


def _is_last_before(one: Utterance, there: Connection, call: LabCall) -> bool:
    """Whether its speaker said nothing more on this connection: of several sentences only the last is in flight."""
    side = call.heard if one.by_platform else call.said
    return not any(one.began < later.began < there.closed for later in side if later.by_platform == one.by_platform)
