"""What the ticketing service must be told."""

from __future__ import annotations

from shared.settings import DatabaseSettings, KayakoSettings, SigningSettings
from shared.web.app import ServerSettings


class TicketingSettings(ServerSettings, DatabaseSettings, SigningSettings, KayakoSettings):
    """Everything `python -m services.ticketing` reads."""
