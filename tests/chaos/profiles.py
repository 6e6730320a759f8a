"""How large a run is: the short one of every day, and the long one that a promise rests on."""

from __future__ import annotations

from collections.abc import Mapping

from shared.contracts.tasks import Queue
from tests.chaos.faults import Fault, Storm, What, schedule
from tests.chaos.run import Chaos
from tests.chaos.stage import QUEUES, Size
from tests.chaos.traffic import Kind, Mix

SHARES: Mapping[Kind, float] = {
    Kind.LIVE: 0.12,
    Kind.RELAY: 0.16,
    Kind.UNREACHED: 0.57,
    Kind.SILENT: 0.10,
    Kind.FORGED: 0.05,
}
A_SECOND = 3.5
"""Calls that begin in a second: what two cores carry with some rest, stand-ins included (half a core-second a call)."""
CALM = 0.1
"""The part of a run before the first fault: what tickets take without any."""
SHORT_SETTINGS = {
    "LOG_LEVEL": "info",
    # Redis gives what a killed worker held to another one after the sum of these, and 10 % and 5 s more
    "WORKER_LONGEST_TASK_S": "20",
    "WORKER_LONGEST_WAIT_S": "5",
    # longer than the lab's help desk ever lags here
    "KAYAKO_QUIET_S": "8",
    "KAYAKO_TIMEOUT_S": "4",
    "VOICE_LAME_DUCK_S": "0",
    "VOICE_DRAIN_S": "2",
}
LONG_SETTINGS = {**SHORT_SETTINGS, "WORKER_LONGEST_TASK_S": "30", "WORKER_LONGEST_WAIT_S": "30", "KAYAKO_QUIET_S": "20"}


def short(seed: int) -> Chaos:
    """About 300 conversations in 40 seconds, of them 30 live calls; its faults all mend within seconds."""
    size = Size(voices=2, workers={**dict.fromkeys(QUEUES, 1), Queue.TICKETS: 2}, settings=SHORT_SETTINGS)
    counts = {Kind.LIVE: 30, Kind.RELAY: 20, Kind.UNREACHED: 185, Kind.SILENT: 35, Kind.FORGED: 30}
    storm = Storm(
        begins_s=5,
        ends_s=42,
        programs=size.programs(),
        voice_every_s=9,
        process_every_s=5,
        store_every_s=11,
        desk_every_s=6,
        vendor_every_s=12,
        replay_every_s=8,
    )
    return Chaos(seed, size, Mix(counts, 45.0), schedule(seed, storm), quiet_within_s=420)


def long(seed: int, calls: int, a_second: float = A_SECOND) -> Chaos:
    """As many conversations as asked for, with every kind of fault to the end."""
    size = Size(settings=LONG_SETTINGS)
    seconds = calls / a_second
    counts = {kind: round(calls * share) for kind, share in SHARES.items()}
    storm = Storm(
        begins_s=CALM * seconds,
        ends_s=seconds,
        programs=size.programs(),
        voice_every_s=16,
        process_every_s=12,
        store_every_s=45,
        desk_every_s=25,
        vendor_every_s=40,
        replay_every_s=20,
        stores_end=True,
    )
    faults = schedule(seed, storm)
    return Chaos(seed, size, Mix(counts, seconds, loses_status=True), faults, quiet_within_s=1200)


def away(seed: int, store: str) -> Chaos:
    """Three calls a second for three minutes, and in the second of them a store that nobody can reach."""
    size = Size(voices=2, workers={**dict.fromkeys(QUEUES, 1), Queue.TICKETS: 2}, settings=SHORT_SETTINGS)
    counts = {kind: round(540 * share) for kind, share in SHARES.items()}
    faults = [Fault(at_s=60.0, lasts_s=60.0, what=What.CUT, target=store)]
    return Chaos(seed, size, Mix(counts, 180.0), faults, quiet_within_s=600)
