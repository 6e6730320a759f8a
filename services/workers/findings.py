"""Keeps what sweeps find, so that one process can show it for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from shared.contracts.reconciliation import Finding
from shared.database.engine import Sessions
from shared.database.models import Reconciliation
from shared.observability.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found of one kind."""

    found: int
    mended: int = 0


def note_findings(sessions: Sessions, findings: Mapping[Finding, Found]) -> None:
    """Replace what the last look found, and add up what was mended."""
    rows = [
        {"kind": kind.value, "found": one.found, "mended": one.mended, "looked_at": func.now()}
        for kind, one in findings.items()
    ]
    if not rows:
        return
    noting = insert(Reconciliation).values(rows)
    known = {
        "found": noting.excluded.found,
        "mended": Reconciliation.mended + noting.excluded.mended,
        "looked_at": func.now(),
    }
    with sessions.begin() as session:
        session.execute(noting.on_conflict_do_update(index_elements=[Reconciliation.kind], set_=known))
    for kind, one in findings.items():
        if one.found:
            log.warning("reconciliation_found", kind=kind.value, count=one.found, removed=one.mended)
