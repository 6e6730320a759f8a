"""`python -m services.gateway`."""

from __future__ import annotations

from services.gateway.app import ROOM, make_app
from services.gateway.settings import GatewaySettings
from shared.settings import load_or_exit
from shared.web.app import serve

GRACE_S = 20
"""How long a stop waits for requests under way; none takes longer than an upload that waits to be searchable."""

if __name__ == "__main__":
    settings = load_or_exit(GatewaySettings)
    serve(make_app(settings), ROOM, settings, timeout_graceful_shutdown=GRACE_S)
