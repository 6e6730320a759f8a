"""What the last probe stored about a help desk, read by every process that talks to it when it begins."""

from __future__ import annotations

from shared.clients.kayako_capabilities import UNKNOWN, Capabilities
from shared.database.engine import Sessions
from shared.database.models import HelpDeskProbe


def known_capabilities(sessions: Sessions, url: str) -> Capabilities:
    """What was found out about the help desk at this address; nothing before its first probe."""
    with sessions() as session:
        probe = session.get(HelpDeskProbe, url)
    return UNKNOWN if probe is None else Capabilities.model_validate(probe.capabilities)
