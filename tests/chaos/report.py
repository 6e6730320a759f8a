"""What a run says at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.chaos import figures
from tests.chaos.comparison import Differs
from tests.chaos.run import Chaos, Outcome
from tests.chaos.traffic import Kind

MOST_TOLD = 20
"""Differences that are told one by one."""
OF_THE_FAULT_S = 5.0
"""A silence so soon after a fault may be its doing."""


def report(chaos: Chaos, outcome: Outcome) -> str:
    """Seed, faults, figures, differences, and the stories of what should not have been."""
    parts = (_summary(chaos, outcome), _figures(outcome), _differences(outcome), outcome.stories)
    return "\n\n".join("\n".join(part) for part in parts)


def _summary(chaos: Chaos, outcome: Outcome) -> Iterator[str]:
    kinds = Counter(call.kind.value for call in outcome.calls.values())
    yield f"seed {chaos.seed}: {len(outcome.calls)} calls in {outcome.took_s:.0f} s ({_counted(kinds)})"
    yield f"  not placed: {outcome.unplaced or 'none'}; memory of everything {outcome.memory_mb:.0f} MB"
    faults = Counter(f"{done.fault.what.value} {done.fault.target}" for done in outcome.done)
    yield f"  {len(outcome.done)} faults: {_counted(faults)}"
    after = outcome.quiet_after_s
    quiet = "never quiet" if after is None else f"quiet {after:.0f} s after the last call"
    yield f"  {quiet}; left to do: {_counted(Counter(outcome.left)) or 'nothing'}"
    ends = Counter(row.outcome or "none" for row in outcome.stored.values())
    yield f"  conversations: {len(outcome.stored)} ({_counted(ends)}); cases: {len(outcome.cases)}"


def _figures(outcome: Outcome) -> Iterator[str]:
    counts = outcome.verdict.counts()
    yield f"tickets lost {counts[Differs.TICKET_LOST]}, doubled {counts[Differs.TICKET_DOUBLED]}"
    turns = sum(len(row.turns) for row in outcome.stored.values())
    lost = counts[Differs.TURN_LOST] + counts[Differs.HEARD_LOST]
    yield f"turns lost {lost} of {turns} stored"
    losses = figures.calls_lost(outcome.calls, outcome.done)
    gaps = [loss.gap_s for loss in losses if loss.gap_s is not None]
    yield f"live calls whose voice process was killed {len(losses)}, continued {figures.share(len(gaps), len(losses))}"
    for instead, count in sorted(Counter(loss.instead for loss in losses if loss.gap_s is None).items()):
        yield f"  {count} had {instead}"
    yield f"  gap from the loss to the next word: {figures.spread(gaps)}"
    waits = figures.silences(outcome.calls)
    after_loss = [wait for wait in waits if any(figures.is_at(loss, wait) for loss in losses)]
    waited = [wait.seconds for wait in waits if wait not in after_loss]
    long = sum(1 for seconds in waited if seconds > figures.LONG_SILENCE_S)
    yield f"silence over {figures.LONG_SILENCE_S} s after a caller's sentence: {long} of {len(waited)}"
    yield f"  ({figures.share(long, len(waited))}), beside {len(after_loss)} at a loss; {figures.spread(waited)}"
    for wait in waits:
        if wait.seconds > figures.LONG_SILENCE_S and wait not in after_loss:
            yield f"  {wait.seconds:.1f} s in {wait.sid}; {_meanwhile(wait, outcome)}"
    calm = figures.ticket_delays(outcome.calls, outcome.cases, 0, outcome.storm_began)
    storm = figures.ticket_delays(outcome.calls, outcome.cases, outcome.storm_began, outcome.storm_ended)
    yield f"hang-up to ticket without faults: {figures.spread(calm)}"
    yield f"hang-up to ticket under faults:   {figures.spread(storm)}"
    restarts = [one.mended - one.began for one in outcome.done if one.mended and "-" in one.fault.target]
    yield f"a killed or stopped process was ready again after: {figures.spread(restarts)}"
    for what, seconds in sorted(figures.recoveries(outcome.done, outcome.cases).items()):
        yield f"back from {what} to the next ticket: {figures.spread(seconds)}"
    for away in figures.outages(outcome.calls, outcome.done):
        answered = f"{away.answered} of {away.calls} ({figures.share(away.answered, away.calls)})"
        yield f"calls that came while {away.store} was away, answered by our assistant: {answered}"
    live = [call for call in outcome.calls.values() if call.kind is Kind.LIVE]
    yield f"live calls {len(live)}, of them ended by the caller {sum(call.ended_by == 'caller' for call in live)}"


def _meanwhile(wait: figures.Silence, outcome: Outcome) -> str:
    """What had been broken when a caller waited."""
    near = [
        f"{done.fault.what.value} {done.fault.target} {done.fault.detail}".rstrip() + f" {done.began - wait.at:+.1f} s"
        for done in outcome.done
        if done.began < wait.at + wait.seconds and (done.mended or done.ended) > wait.at - OF_THE_FAULT_S
    ]
    return ", ".join(near) or "nothing was broken"


def _differences(outcome: Outcome) -> Iterator[str]:
    for reason, count in sorted(outcome.verdict.allowed.items()):
        yield f"allowed: {count} {reason}"
    if not outcome.verdict.differences:
        yield "no difference"
        return
    yield f"{len(outcome.verdict.differences)} differences: " + _counted(
        Counter(kind.value for kind in outcome.verdict.counts().elements())
    )
    for one in outcome.verdict.differences[:MOST_TOLD]:
        yield f"  {one.kind.value}: {one.sid} {one.told}"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()) if count)
