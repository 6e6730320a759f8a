"""What the record and the world may disagree about; each kind is looked for on a schedule and counted."""

from __future__ import annotations

from enum import StrEnum


class Finding(StrEnum):
    """Kinds of disagreements. What is said to be mended is mended by the sweep that finds it."""

    CALL_WITHOUT_END = "call_without_end"
    """Nobody reported the end of a call: closed after a while; one that is quiet is looked up at Twilio."""
    TURN_WITHOUT_CALL = "turn_without_call"
    """Words of a telephone conversation that no call carried; for people to look at."""
    OUTBOX_ROW_OLD = "outbox_row_old"
    """Due for long and not published: no relay, or Redis refuses. Published when they are back."""
    FIGURES_MISSING = "figures_missing"
    """A closed conversation without its row of figures: its message was lost with Redis. Ordered again."""
    TICKET_FORGOTTEN = "ticket_forgotten"
    """A ticket whose run died with its lease, or whose message was lost. Ordered again."""
    CASE_DOUBLED = "case_doubled"
    """Two cases of one conversation: merged into the older one. Must stay 0."""
    CASE_UNNOTICED = "case_unnoticed"
    """A case stands, and the ledger does not know. Looked up by the ticket's next run, ordered at once."""
    CASE_WITHOUT_TICKET = "case_without_ticket"
    """A case carries a marker of ours that the ledger never gave out: a restored backup, or a second platform on the
    same help desk. For people to look at."""
    TICKET_WITHOUT_CASE = "ticket_without_case"
    """The ledger says open, and the help desk shows no such case: an agent removed or merged it. Never made again."""
