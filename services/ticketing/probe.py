"""`python -m services.ticketing.probe`: what this Kayako tenant can do, said and stored.

Reads only, unless `--write` is given; stores what it found when `DATABASE_URL` is set.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict

from pydantic import SecretStr
from sqlalchemy.dialects.postgresql import insert

from services.ticketing.adapters.kayako_probe import KayakoProbe
from services.ticketing.domain.probe import Report, joined
from shared.clients.kayako_known import known_capabilities
from shared.clock import Clock, SystemClock
from shared.database.engine import Sessions, make_engine, sync_sessions
from shared.database.models import HelpDeskProbe
from shared.observability.logs import configure
from shared.settings import DatabaseSettings, KayakoSettings, ProcessSettings, load_or_exit

LONGEST_WAIT_S = 60.0
"""How long a writing probe waits for its case to show in every way."""


class ProbeSettings(ProcessSettings, KayakoSettings):
    """What a probe needs."""

    database_url: SecretStr | None = None
    """Where to store what was found; nowhere when not given."""


def store(sessions: Sessions, url: str, report: Report, clock: Clock, *, wrote: bool) -> None:
    """Keep what was found, for every process that begins from now on."""
    found = joined(report.capabilities, known_capabilities(sessions, url), wrote=wrote)
    values = {
        "capabilities": found.model_dump(mode="json"),
        "findings": [asdict(finding) for finding in report.findings],
        "probed_at": clock.now(),
    }
    keeping = insert(HelpDeskProbe).values(url=url, **values)
    with sessions.begin() as session:
        session.execute(keeping.on_conflict_do_update(index_elements=[HelpDeskProbe.url], set_=values))


def tell(report: Report) -> None:
    """One line for each finding."""
    for finding in report.findings:
        sys.stdout.write(f"{finding.verdict.value:8} {finding.topic:18} {finding.text}\n")


def main() -> int:
    """The command line; the exit status is 1 when somebody should mend something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="also make one internal case, and take it away again")
    write = parser.parse_args().write
    settings, clock = load_or_exit(ProbeSettings), SystemClock()
    configure("kayako-probe", "error")
    report = KayakoProbe(settings, clock, LONGEST_WAIT_S).run(write=write)
    tell(report)
    if settings.database_url is None:
        sys.stdout.write("\nNot stored: DATABASE_URL is not set.\n")
    elif report.signed_in:
        engine = make_engine(load_or_exit(DatabaseSettings), "kayako-probe")
        store(sync_sessions(engine), settings.kayako_url, report, clock, wrote=write)
        engine.dispose()
        sys.stdout.write("\nStored. Workers and the ticketing service go by it when they start again.\n")
    if not write:
        sys.stdout.write("Only read. WRITE=1 also makes one internal case, sees where it shows, and trashes it.\n")
    return 1 if report.has_problems else 0


if __name__ == "__main__":
    sys.exit(main())
