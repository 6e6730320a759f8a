"""Every name that a log line, a metric or a latency record may use.

A log field that is not listed here is dropped and reported: what is not named cannot leak. Values of class P2 and above
(numbers, addresses, words) have no field at all.
"""

from __future__ import annotations

LOG_FIELDS = frozenset(
    {
        "active",
        "agent_id",
        "answer_ms",
        "article_id",
        "attempt",
        "attempts",
        "bytes",
        "call_sid",
        "case_id",
        "chunks",
        "code",
        "collection",
        "conversation_id",
        "count",
        "delay_s",
        "duration_ms",
        "due",
        "error",
        "error_code",
        "event",
        "exception",
        "expected",
        "field",
        "generation",
        "kind",
        "language",
        "level",
        "limit",
        "logger",
        "method",
        "model",
        "module",
        "outcome",
        "peer",
        "period",
        "phase",
        "pid",
        "pages",
        "position",
        "process",
        "provider",
        "provider_request_id",
        "queue",
        "reason",
        "removed",
        "retry_after_s",
        "room",
        "route",
        "scope",
        "seconds",
        "signal",
        "source",
        "stage",
        "state",
        "status",
        "stream_sid",
        "subject_id",
        "task",
        "task_id",
        "ticket_id",
        "timestamp",
        "trace_id",
        "turn",
        "unchanged",
        "version",
    }
)

STAGES = (
    "hearing", "ahead", "retrieval", "first_token", "first_sentence", "first_audio", "acknowledged", "answer",
    "overhead", "playout"
)  # fmt: skip
"""Stages of an answer, in milliseconds: end of speech to decided turn; how long before the decision it was begun, when
it was begun on a guess; question to passages; request to first token; request to first whole sentence; sentence to
first audio; decided turn to first audio of an acknowledgement; decided turn to first audio of the answer; what the
platform itself added; first audio sent to end of playout."""

ANSWER_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 1.25, 1.5, 2, 2.5, 4, 8)
OVERHEAD_BUCKETS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25)
BARGE_IN_BUCKETS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.3)
TICKET_BUCKETS = (1, 2, 3, 5, 7.5, 10, 15, 30, 60, 120, 300, 900, 3600)
HTTP_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
"""Every promised figure is a bucket edge, so that its share is counted and not interpolated."""
