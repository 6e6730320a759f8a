"""Writes the summary of a conversation: by a model when one answers, from its own sentences at once when none does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from services.ticketing.application.ports import Conversations
from services.ticketing.domain.conversation import Conversation
from services.ticketing.domain.extract import extract_summary
from services.ticketing.domain.summary import Summary
from shared.errors import Permanent, Transient
from shared.observability.logs import get_logger
from shared.rates.usage import Meter, Used

log = get_logger(__name__)


class SummaryModel(Protocol):
    """A language model that summarises."""

    def summarise(self, conversation: Conversation, meter: Meter) -> Summary | None:
        """Its summary; None when it has nothing that may stand. The meter counts its tokens in either case.

        Raises Transient when it may answer later, Permanent when it will not as things are set.
        """
        ...


class SummaryStore(Protocol):
    """Keeps a summary, together with what follows from it, once per delivery."""

    def keep(
        self, conversation_id: UUID, summary: Summary, delivery: UUID, used: Sequence[Used], *, improve_later: bool
    ) -> None:
        """Store the summary with what it used, and let the ticket use it.

        Now, when the ticket still waits; by an update, when it does not.
        """
        ...


class Summariser:
    """Summarises conversations."""

    def __init__(self, conversations: Conversations, store: SummaryStore, model: SummaryModel | None) -> None:
        self._conversations = conversations
        self._store = store
        self._model = model

    def summarise(self, conversation_id: UUID, delivery: UUID) -> None:
        """A summary now, whatever becomes of the model: no ticket waits for an outage."""
        conversation = self._conversations.load(conversation_id)
        meter = Meter()
        summary, improve_later = self._best_now(conversation, meter)
        self._store.keep(conversation_id, summary, delivery, meter.used, improve_later=improve_later)
        log.info("conversation_summarised", source=summary.origin.value, kind=summary.category.value)

    def improve(self, conversation_id: UUID, delivery: UUID) -> None:
        """The model's summary in place of an extracted one. Raises what the model raises."""
        if self._model is None:
            return
        meter = Meter()
        summary = self._model.summarise(self._conversations.load(conversation_id), meter)
        if summary is not None:
            self._store.keep(conversation_id, summary, delivery, meter.used, improve_later=False)

    def _best_now(self, conversation: Conversation, meter: Meter) -> tuple[Summary, bool]:
        """The summary, and whether a model should have another try at it."""
        if self._model is None or not conversation.caller_words:
            return extract_summary(conversation), False
        try:
            summary = self._model.summarise(conversation, meter)
        except (Transient, Permanent) as error:
            log.warning("summary_without_model", error=type(error).__name__, reason=error.detail)
            return extract_summary(conversation), True
        return summary or extract_summary(conversation), False
