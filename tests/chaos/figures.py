"""How good it was, in numbers. Pure: evidence in, figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from shared.record.closing import marker
from tests.chaos.evidence import LAB_LATE_S, DeskCase, LabCall, Utterance
from tests.chaos.faults import STORES, What
from tests.chaos.injector import Done
from tests.chaos.traffic import Kind

OF_THE_KILL_S = 2.0
"""A connection that breaks so soon after a voice process was killed was that process's."""
LONG_SILENCE_S = 2.5
LONG_OUTAGE_S = 30.0
OF_THE_LOSS_S = 12.0
"""A sentence that was said so shortly before the loss was still being answered."""
GOING_ANYWAY_S = 3.0
"""A caller who hangs up so soon after the loss was on their way out: there was nothing to go on with."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A live call whose voice process was killed."""

    sid: str
    at: float
    gap_s: float | None
    """Until our assistant was heard again; None when it never was."""
    instead: str = ""
    """How the call went then, when it never was."""


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a caller waited after their own words."""

    sid: str
    at: float
    seconds: float


def calls_lost(calls: Mapping[str, LabCall], done: Sequence[Done]) -> list[Lost]:
    """Every loss of a live call, by the times of the kills; calls that were over anyway are left out."""
    kills = [one.began for one in done if one.fault.what is What.KILL and one.fault.target.startswith("voice-")]
    found = []
    for call in calls.values():
        if call.kind is not Kind.LIVE:
            continue
        for there in call.connections:
            killed = there.was_cut and any(kill - 0.2 <= there.closed <= kill + OF_THE_KILL_S for kill in kills)
            if not killed or (call.ended_by == "caller" and call.ended < there.closed + GOING_ANYWAY_S):
                continue
            again = [one.began for one in call.heard if one.by_platform and one.began > there.closed]
            gap = again[0] - there.closed if again else None
            found.append(Lost(call.sid, there.closed, gap, "" if again else _instead(call, there.closed)))
    return found


def _instead(call: LabCall, lost: float) -> str:
    """What a caller had who never heard our assistant again."""
    after = [one for one in call.heard if one.began > lost]
    how = "a network's voice" if after else "nothing to hear"
    return f"{how} until the end by {call.ended_by or 'nobody'}"


def silences(calls: Mapping[str, LabCall]) -> list[Silence]:
    """How long live callers waited for a sound after each of their sentences.

    A sentence that the caller follows with another one, or after which they hang up, was not waited for. A call with
    whose sound the lab itself fell behind proves nothing.
    """
    found = []
    for call in calls.values():
        if call.kind is not Kind.LIVE or call.late_s > LAB_LATE_S:
            continue
        for one in call.said:
            after = _first_after(call.heard, one.ended)
            again = _first_after([later for later in call.said if later is not one], one.ended)
            if after is not None and (again is None or after < again):
                found.append(Silence(call.sid, one.ended, after - one.ended))
            elif after is None and again is None and call.ended > one.ended + LONG_SILENCE_S:
                found.append(Silence(call.sid, one.ended, call.ended - one.ended))
            elif again is not None and again - one.ended > LONG_SILENCE_S:
                found.append(Silence(call.sid, one.ended, again - one.ended))
    return found


def is_at(loss: Lost, wait: Silence) -> bool:
    """Whether a caller waited because their voice process was killed: before they spoke, or before it could answer."""
    if loss.sid != wait.sid:
        return False
    until = loss.at + (loss.gap_s or 0.0)
    return loss.at <= wait.at <= until or wait.at - 1 <= loss.at <= wait.at + OF_THE_LOSS_S


def _first_after(spoken: Sequence[Utterance], moment: float) -> float | None:
    return min((one.began for one in spoken if one.began >= moment), default=None)


def ticket_delays(calls: Mapping[str, LabCall], cases: Sequence[DeskCase], began: float, ended: float) -> list[float]:
    """From hanging up to the case, of calls that ended between these times."""
    created: dict[str, float] = {}
    for case in cases:
        for tag in case.tags:
            created[tag] = min(case.created, created.get(tag, case.created))
    return [
        created[name] - call.ended
        for call in calls.values()
        if (name := marker(call.sid)) in created and began <= call.ended < ended
    ]


def recoveries(done: Sequence[Done], cases: Sequence[DeskCase]) -> dict[str, list[float]]:
    """Seconds until a store or a vendor's wire that came back brought the next case, by what had happened to it."""
    created = sorted(case.created for case in cases)
    found: dict[str, list[float]] = {}
    for one in done:
        back = one.mended
        if back is None or one.fault.target not in ("postgres", "redis", "kayako"):
            continue
        later = next((moment - back for moment in created if moment > back), None)
        if later is not None:
            found.setdefault(f"{one.fault.what.value} {one.fault.target}", []).append(later)
    return found


@dataclass(frozen=True, slots=True)
class Outage:
    """A store that was away for long."""

    store: str
    calls: int
    """Calls that came while it was away and that a voice process could have taken."""
    answered: int
    """Of them, those who heard our assistant."""


def outages(calls: Mapping[str, LabCall], done: Sequence[Done]) -> list[Outage]:
    """What became of calls that came while a store was away for half a minute or more."""
    found = []
    for one in done:
        if one.fault.target not in STORES or one.ended - one.began < LONG_OUTAGE_S:
            continue
        came = [
            call for call in calls.values()
            if call.kind in (Kind.LIVE, Kind.RELAY) and one.began <= call.placed < one.ended
        ]  # fmt: skip
        answered = sum(any(heard.by_platform for heard in call.heard) for call in came)
        found.append(Outage(one.fault.target, len(came), answered))
    return found


def share(parts: int, whole: int) -> str:
    """Per cent, or a dash."""
    return f"{100 * parts / whole:.2f} %" if whole else "-"


def spread(values: Sequence[float]) -> str:
    """Median, 95th of a hundred, and the worst."""
    if not values:
        return "none"
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"p50 {median(ordered):.2f}  p95 {p95:.2f}  worst {ordered[-1]:.2f} s  (n={len(ordered)})"
