"""How long an answer took, and where: milliseconds per stage (`shared.observability.names.STAGES`). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.observability import metrics


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """Moments of one answer, in seconds of a monotonic clock."""

    spoken_until: float
    """The caller's last word."""
    decided_at: float
    """The turn was decided."""
    text_sent_at: float
    """The first sentence left for the speech provider, or its audio was there already."""
    sounded_at: float
    """The first audio of it came back."""
    began_at: float
    """That audio left for the caller."""
    played_at: float
    """The far end had played all of the answer, or was interrupted."""
    model_wait_s: float
    """How long the first sentence waited for the model, whatever came of asking it."""
    held_s: float
    """How long the answer waited, ready, because the caller was speaking or we said that we are looking."""
    acknowledged_at: float | None = None
    """When that began, if it was said."""


def stages_of(times: AnswerTimes, thinking: Mapping[str, float]) -> dict[str, float]:
    """All stages of an answer; `thinking` holds those the conversation measured itself.

    `overhead` is everything between the decided turn and the first audio sent that was not waiting for the model, for
    the provider's first audio or for the caller: what the platform itself adds, retrieval included.
    """
    answer = (times.began_at - times.decided_at) * 1000
    first_audio = (times.sounded_at - times.text_sent_at) * 1000
    stages = {
        **thinking,
        "hearing": (times.decided_at - times.spoken_until) * 1000,
        "first_audio": first_audio,
        "answer": answer,
        "overhead": max(0.0, answer - first_audio - (times.model_wait_s + times.held_s) * 1000),
        "playout": (times.played_at - times.began_at) * 1000,
    }
    if times.acknowledged_at is not None:
        stages["acknowledged"] = (times.acknowledged_at - times.decided_at) * 1000
    return {stage: round(milliseconds, 2) for stage, milliseconds in stages.items()}


def observe(stages: Mapping[str, float], origin: str) -> None:
    """Count an answer in the metrics."""
    for stage, milliseconds in stages.items():
        metrics.stage_seconds.labels(stage=stage).observe(milliseconds / 1000)
    metrics.answer_seconds.labels(origin=origin).observe(stages["answer"] / 1000)
    metrics.overhead_seconds.observe(stages["overhead"] / 1000)
