"""`python -m services.voice`."""

from __future__ import annotations

from typing import Any

import uvicorn

from services.voice.app import ROOM, make_app
from services.voice.conversations import Conversations
from services.voice.session.drain import DrainingServer, DrainTimes
from services.voice.settings import VoiceRoomSettings
from services.voice.transport.fast_server import FastWebSocket
from services.voice.wiring import Wiring
from shared.clock import SystemClock
from shared.observability.disk import Disk
from shared.observability.logs import configure
from shared.resilience.shared_board import shared_board
from shared.settings import load_or_exit
from shared.web.app import server_options
from shared.web.health import Health

SOCKETS: dict[str, Any] = {"ws": FastWebSocket, "ws_max_size": 65536, "ws_per_message_deflate": False}
"""The outer wall of the security guide, section 7.2; the stream's own limits are far inside it."""
GRACE_S = 20
"""How long cut calls may take to store what they know."""


def main() -> None:
    """Serve until drained."""
    settings = load_or_exit(VoiceRoomSettings)
    configure(ROOM, settings.log_level)
    clock = SystemClock()
    board = shared_board(ROOM, settings, clock)
    wiring = Wiring(settings, Conversations(settings, clock, board), clock, board)
    disk = Disk(settings.watched_directories, settings.disk_least_free_mb)
    health = Health(wiring.checks(), board.report, disk)
    app = make_app(settings, wiring, health)
    config = uvicorn.Config(app, **server_options(settings), **SOCKETS, timeout_graceful_shutdown=GRACE_S)
    times = DrainTimes(settings.voice_lame_duck_s, settings.voice_drain_s, settings.voice_move_s)
    DrainingServer(config, wiring.calls, health, times).run()


if __name__ == "__main__":
    main()
