"""The figures of a conversation, from its record: pure arithmetic over what was stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from shared.contracts.conversations import Speaker
from shared.conversation.state import ConversationState
from shared.database.models import Turn
from shared.record.figures import stage_figures

ANSWER = "answer"
"""Milliseconds from the end of the caller's turn to the first audio; see `names.STAGES`."""


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """Counts and times over the turns."""

    caller_turns: int
    assistant_turns: int
    interruptions: int
    answer_ms_median: float | None
    answer_ms_worst: float | None
    stages: dict[str, dict[str, float]]
    """By stage: count, median_ms and worst_ms."""


def turn_figures(turns: Iterable[Turn]) -> TurnFigures:
    """The figures of these turns."""
    known = list(turns)
    answers = [float(turn.stages_ms[ANSWER]) for turn in known if ANSWER in turn.stages_ms]
    return TurnFigures(
        caller_turns=sum(turn.speaker == Speaker.CALLER for turn in known),
        assistant_turns=sum(turn.speaker == Speaker.ASSISTANT for turn in known),
        interruptions=sum(turn.speaker == Speaker.ASSISTANT and turn.interrupted for turn in known),
        answer_ms_median=median(answers) if answers else None,
        answer_ms_worst=max(answers, default=None),
        stages={stage: asdict(found) for stage, found in stage_figures(turn.stages_ms for turn in known).items()},
    )


def question_figures(state: ConversationState, turns: Sequence[Turn]) -> tuple[int, int]:
    """How many questions were asked, and for how many the knowledge base had something."""
    if state.questions:
        return len(state.questions), sum(question.found for question in state.questions)
    sourced = sum(bool(turn.sources) for turn in turns)
    return sourced, sourced
