"""`python -m services.ticketing`."""

from __future__ import annotations

from services.ticketing.app import ROOM, make_app
from services.ticketing.settings import TicketingSettings
from shared.settings import load_or_exit
from shared.web.app import serve

GRACE_S = 5
"""How long a stop waits for requests under way."""

if __name__ == "__main__":
    settings = load_or_exit(TicketingSettings)
    serve(make_app(settings), ROOM, settings, timeout_graceful_shutdown=GRACE_S)
