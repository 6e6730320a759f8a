"""A periodic job runs once per period, however many schedulers there are and however often its task is delivered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.dialects.postgresql import insert

from shared.database.engine import Sessions
from shared.database.models import PeriodClaim

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def period_of(moment: datetime, length: timedelta) -> datetime:
    """The beginning of the period that `moment` lies in."""
    return moment - (moment - EPOCH) % length


def claim_period(sessions: Sessions, job: str, moment: datetime, length: timedelta) -> bool:
    """True once per job and period."""
    claim = insert(PeriodClaim).values(job=job, period=period_of(moment, length)).on_conflict_do_nothing()
    with sessions.begin() as session:
        return session.execute(claim.returning(PeriodClaim.job)).first() is not None
