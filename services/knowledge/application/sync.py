"""Following the help centre: what it publishes is kept, what it no longer shows to everybody is removed.

There is no "changed since" to ask for, and an article's own time misses edits of its text: so every pass reads all of
it, and a hash per language decides.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlalchemy import select

from services.knowledge.application.ingest import remove_article, store_article
from services.knowledge.application.ports import HelpCentre
from services.knowledge.domain.chunking import cut
from shared.clock import Clock
from shared.contracts.knowledge import ArticleSource
from shared.database.engine import Sessions
from shared.database.models import Article
from shared.errors import NotFound
from shared.observability.logs import get_logger

log = get_logger(__name__)

SOURCE = ArticleSource.KAYAKO


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a complete pass changed, counted in texts (one per article and language)."""

    changed: int
    unchanged: int
    removed: int


def sync_articles(sessions: Sessions, centre: HelpCentre, collection: str, clock: Clock) -> SyncReport:
    """Make the collection's imported articles the published ones of the help centre.

    Every text is its own transaction: an interrupted pass has done what it did, and the next one finds it unchanged.
    Nothing is removed unless the pass was complete. Raises IncompletePass and the errors of the help centre's client.
    """
    published: set[tuple[str, str]] = set()
    changed = 0
    for text in centre.texts():
        published.add((text.external_id, text.locale))
        article = cut(text)
        with sessions.begin() as session:
            changed += store_article(session, collection, SOURCE, article).changed
    removed = _remove_others(sessions, collection, published, clock)
    report = SyncReport(changed, len(published) - changed, removed)
    log.info("articles_synced", collection=collection, count=changed, unchanged=report.unchanged, removed=removed)
    return report


def _remove_others(sessions: Sessions, collection: str, published: AbstractSet[tuple[str, str]], clock: Clock) -> int:
    """Remove what we have and the help centre no longer shows."""
    ours = select(Article.id, Article.external_id, Article.locale).where(
        Article.collection == collection, Article.source == SOURCE.value, Article.removed_at.is_(None)
    )
    with sessions() as session:
        gone = [article_id for article_id, *name in session.execute(ours) if tuple(name) not in published]
    removed = 0
    for article_id in gone:
        try:
            with sessions.begin() as session:
                remove_article(session, article_id, clock.now())
        except NotFound:  # another pass was faster
            continue
        removed += 1
    return removed
