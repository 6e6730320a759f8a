"""`python -m services.knowledge`."""

from __future__ import annotations

from services.knowledge.app import ROOM, make_app
from services.knowledge.settings import KnowledgeServiceSettings
from shared.settings import load_or_exit
from shared.web.app import serve

GRACE_S = 10
"""How long a stop waits for requests under way; none takes longer than a large upload."""

if __name__ == "__main__":
    settings = load_or_exit(KnowledgeServiceSettings)
    serve(make_app(settings), ROOM, settings, timeout_graceful_shutdown=GRACE_S)
