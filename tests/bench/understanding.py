"""How well other words are understood: `python -m tests.bench.understanding [--data FOLDER]`.

Questions to a bank must be looked up, not taken for a farewell; farewells, thanks, refusals and the question whether an
AI answers must be what they are. And how long a decision takes.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter
from pathlib import Path

from shared.conversation import machine
from shared.conversation.agent import rules_of
from shared.conversation.state import ConversationState, Phase, Question
from shared.conversation.turns import Again, Say
from tests.bench.email_capture import DATA, PROFILE, report, rows

RULES = rules_of(PROFILE, has_model=True)
ASKED = ConversationState(phase=Phase.ISSUE, notice_heard=True, last_reply=("How can I help you today?",))
OFFERED = ConversationState(
    phase=Phase.ANYTHING_ELSE,
    notice_heard=True,
    last_reply=("Anything else?",),
    questions=(Question("how do I reset it", found=True, answered=True),),
)
LOOKED_UP = "looked up"
DECLINED = {"before_we_finish", "goodbye", "welcome"}
EXPECTED = {
    ("clinc150", "are_you_a_bot"): (ASKED, {"yes_ai"}),
    ("clinc150", "repeat"): (ASKED, {"again"}),
    ("clinc150", "goodbye"): (ASKED, {"goodbye"}),
    ("multidogo", "rejection"): (OFFERED, DECLINED),
    ("multidogo", "thankyou"): (OFFERED, DECLINED),
    ("multidogo", "closinggreeting"): (OFFERED, DECLINED),
    ("multidogo", "openinggreeting"): (ASKED, {"how_can_i_help"}),
}


def route(state: ConversationState, said: str) -> str:
    """What the machine does with it: the first thing it says, or that it looks it up."""
    turn = machine.heard(state, said, RULES)
    first = turn.acts[0]
    if turn.answer is not None:
        return LOOKED_UP
    return first.key.value if isinstance(first, Say) else "again" if isinstance(first, Again) else "greet"


def banking_questions(data: Path) -> None:
    said = [row["text"] for name in ("train", "test") for row in rows(data / "banking77" / f"{name}.jsonl")]
    times, others = [], Counter[str]()
    for text in said:
        began = time.perf_counter()
        taken_for = route(ASKED, text)
        times.append((time.perf_counter() - began) * 1000)
        if taken_for != LOOKED_UP:
            others[taken_for] += 1
    report("banking77 questions, looked up", len(said) - others.total(), len(said), f"others: {dict(others)}")
    times.sort()
    print(
        f"a decision takes p50 {statistics.median(times):.2f} ms, p95 {times[int(len(times) * 0.95)]:.2f} ms, "
        f"p99 {times[int(len(times) * 0.99)]:.2f} ms"
    )


def other_words(data: Path) -> None:
    for (source, intent), (state, expected) in EXPECTED.items():
        said = [
            row["text"] for file in (data / source).glob("*.jsonl") for row in rows(file) if row["intent"] == intent
        ]
        report(f"{source} {intent}", sum(route(state, text) in expected for text in said), len(said))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    banking_questions(data)
    other_words(data)


if __name__ == "__main__":
    main()
