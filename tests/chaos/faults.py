"""What goes wrong, and when: a pure function of the seed, so that the same seed repeats the same faults."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum


class What(StrEnum):
    """Kinds of faults."""

    KILL = "kill -9"
    """The process and its children, at once; it is started again."""
    KILL_CHILD = "kill -9 of a child"
    """One of the processes in which a worker runs its tasks."""
    STOP = "SIGTERM"
    """As in a deploy; it is started again when it has ended."""
    FREEZE = "SIGSTOP"
    """SIGCONT afterwards."""
    CUT = "cut"
    """Its connections break, and nobody gets a new one."""
    DROP = "drop"
    """Its connections break once."""
    SLOW = "slow"
    """Every piece of data comes late, in both directions."""
    ILL = "ill"
    """The stand-in of a vendor misbehaves as `detail` says."""
    REPLAY = "replay"
    """Signed webhooks of a call that is over are sent once more."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault. Seconds count from the beginning of the run."""

    at_s: float
    lasts_s: float
    what: What
    target: str
    """A process, a store, a wire or a vendor."""
    detail: str = ""

    @property
    def ends_s(self) -> float:
        """When it is over."""
        return self.at_s + self.lasts_s

    def __str__(self) -> str:
        lasts = f" for {self.lasts_s:.1f} s" if self.lasts_s else ""
        detail = f" ({self.detail})" if self.detail else ""
        return f"+{self.at_s:7.1f} s  {self.what.value} {self.target}{detail}{lasts}"


@dataclass(frozen=True, slots=True)
class Storm:
    """How much goes wrong. Seconds; `every` is the mean distance of two faults of a lane."""

    begins_s: float
    ends_s: float
    programs: Sequence[str]
    """Every process that may be killed or stopped."""
    voice_every_s: float
    process_every_s: float
    store_every_s: float
    desk_every_s: float
    vendor_every_s: float
    replay_every_s: float
    stores_end: bool = False
    """Whether stores are also killed, restarted and cut off: what that costs (a status report, a second of queues) is
    made good by sweeps, minutes later."""
    wires: Sequence[str] = field(default=("deepgram", "openai", "kayako"))


STORES = ("postgres", "redis")
AFTER_STORE_S = 6.0
"""Two faults at once are not promised: a voice process lives until what it kept during a store's outage is written."""
ONE_VOICE_S = 5.0
"""Between the losses of two voice processes: as long as one needs to start again."""
DESK_ILLS = (
    "answer_lost",
    "error_after_commit",
    "error_before_commit",
    "commit_delayed",
    "rate_limited",
    "slow_answer",
    "search_lag",
    "list_lag",
    "html_error",
    "session_lost",
    "truncated_json",
)
"""Faults of `lab.kayako.faults` that a help desk may have and recover from."""
VENDOR_ILLS = (
    ("deepgram", "listen cut"),
    ("deepgram", "listen closed"),
    ("deepgram", "listen stalls"),
    ("deepgram", "listen garbage"),
    ("deepgram", "speak silent"),
    ("deepgram", "speak empty"),
    ("deepgram", "speak cut"),
    ("deepgram", "speak noise"),
    ("openai", "hang"),
    ("openai", "server_error"),
    ("openai", "cut"),
    ("openai", "slow"),
    ("openai", "garbage_json"),
)


def schedule(seed: int, storm: Storm) -> list[Fault]:
    """Every fault of a run, in the order of their times."""
    stores = list(_lane(seed, "stores", storm, storm.store_every_s, lambda chance: _store(chance, storm)))
    voices = [name for name in storm.programs if name.startswith("voice-")]
    others = [name for name in storm.programs if not name.startswith("voice-")]
    found = [
        *stores,
        *_clear_of(stores, _lane(seed, "voices", storm, storm.voice_every_s, lambda chance: _voice(chance, voices))),
        *_lane(seed, "processes", storm, storm.process_every_s, lambda chance: _process(chance, others)),
        *_lane(seed, "desk", storm, storm.desk_every_s, _desk),
        *_lane(seed, "vendors", storm, storm.vendor_every_s, lambda chance: _vendor(chance, storm)),
        *_lane(seed, "replays", storm, storm.replay_every_s, lambda _: (0.0, What.REPLAY, "webhooks", "")),
    ]
    return sorted(fault for fault in found if fault.ends_s <= storm.ends_s)


_Drawn = tuple[float, What, str, str]


def _lane(
    seed: int, name: str, storm: Storm, every_s: float, draw: Callable[[random.Random], _Drawn]
) -> Iterator[Fault]:
    """Faults that never overlap each other, each lane by chances of its own."""
    chance = random.Random(f"{seed}:{name}")
    at = storm.begins_s + chance.uniform(0, every_s)
    while at < storm.ends_s:
        lasts, what, target, detail = draw(chance)
        yield Fault(round(at, 2), round(lasts, 2), what, target, detail)
        at += lasts + chance.uniform(0.5, 1.5) * every_s


def _clear_of(stores: Sequence[Fault], voices: Iterator[Fault]) -> Iterator[Fault]:
    """A voice process that would be lost during a store's outage, or while another one starts, is lost after that."""
    earliest = 0.0
    for fault in voices:
        at = max(fault.at_s, earliest)
        for store in stores:
            if store.at_s - 1 <= at < store.ends_s + AFTER_STORE_S:
                at = store.ends_s + AFTER_STORE_S
        earliest = at + ONE_VOICE_S
        yield replace(fault, at_s=round(at, 2))


def _store(chance: random.Random, storm: Storm) -> _Drawn:
    target = chance.choice(STORES)
    kinds = [What.FREEZE, What.FREEZE, What.DROP, What.SLOW]
    if storm.stores_end:
        kinds += [What.KILL, What.STOP, What.CUT]
    elif target == "redis":
        kinds += [What.STOP, What.CUT]
    what = chance.choice(kinds)
    longest = 5.0 if storm.stores_end else 2.0
    lasts = {What.FREEZE: (1.0, longest), What.CUT: (1.0, longest), What.SLOW: (4.0, 8.0)}.get(what, (0.0, 0.0))
    return chance.uniform(*lasts), what, target, "40 ms" if what is What.SLOW else ""


def _voice(chance: random.Random, names: Sequence[str]) -> _Drawn:
    return 0.0, What.KILL if chance.random() < 0.9 else What.STOP, chance.choice(names), ""


def _process(chance: random.Random, names: Sequence[str]) -> _Drawn:
    target = chance.choice(names)
    kinds = [What.KILL, What.KILL, What.KILL, What.STOP]
    if target.startswith("worker-"):
        kinds += [What.KILL_CHILD, What.KILL_CHILD]
    return 0.0, chance.choice(kinds), target, ""


def _desk(chance: random.Random) -> _Drawn:
    return chance.uniform(4, 12), What.ILL, "kayako", chance.choice(DESK_ILLS)


def _vendor(chance: random.Random, storm: Storm) -> _Drawn:
    if storm.wires and chance.random() < 0.35:
        wire = chance.choice(list(storm.wires))
        what = chance.choice((What.CUT, What.DROP, What.SLOW))
        lasts = {What.CUT: (0.5, 3.0), What.SLOW: (4.0, 10.0)}.get(what, (0.0, 0.0))
        return chance.uniform(*lasts), what, wire, "150 ms" if what is What.SLOW else ""
    vendor, ill = chance.choice(VENDOR_ILLS)
    return chance.uniform(3, 8), What.ILL, vendor, ill
