"""Every background task and its queue. Producers write these names into the outbox; workers register them."""

from __future__ import annotations

from enum import StrEnum


class Queue(StrEnum):
    """A queue per kind of work, and a worker deployment per queue."""

    TICKETS = "tickets"
    SUMMARIES = "summaries"
    EMBEDDING = "embedding"
    ANALYTICS = "analytics"
    MAINTENANCE = "maintenance"


class TaskName(StrEnum):
    """`<queue>.<verb_object>`: the first part is the queue."""

    OPEN_TICKET = "tickets.open_ticket"
    UPDATE_TICKET = "tickets.update_ticket"
    SUMMARISE_CONVERSATION = "summaries.summarise_conversation"
    IMPROVE_SUMMARY = "summaries.improve_summary"
    EMBED_ARTICLE = "embedding.embed_article"
    FORGET_ARTICLE = "embedding.forget_article"
    RECORD_CONVERSATION = "analytics.record_conversation"
    SYNC_KNOWLEDGE = "maintenance.sync_knowledge"
    CLOSE_STALE_CALLS = "maintenance.close_stale_calls"
    SWEEP_TICKETS = "maintenance.sweep_tickets"
    RECONCILE_RECORD = "maintenance.reconcile_record"
    PRUNE_RECORDS = "maintenance.prune_records"

    @property
    def queue(self) -> Queue:
        """The queue this task waits in."""
        return Queue(self.value.partition(".")[0])
