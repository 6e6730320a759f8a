"""Flower: a window on queues and tasks for people, with a password, without buttons."""

from __future__ import annotations

import logging
import signal
from types import FrameType

from flower.app import Flower
from flower.options import options
from flower.urls import settings as tornado_settings

from services.workers.app import BackgroundSettings, make_app
from services.workers.signals import keep_our_logs
from shared.observability.logs import configure, get_logger
from shared.settings import FlowerSettings, ListenSettings, load_or_exit

log = get_logger(__name__)


class WindowSettings(BackgroundSettings, FlowerSettings, ListenSettings):
    """What Flower needs."""


def main() -> None:
    """The Flower process.

    Its options are set here and not on a command line, where everybody on the machine could read the password. Its
    `/metrics` and `/healthcheck` answer without one: keep the port on loopback or inside the cluster.
    """
    settings = load_or_exit(WindowSettings)
    configure("flower", settings.log_level)
    keep_our_logs()
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    options.address = settings.listen_host
    options.port = settings.listen_port
    options.basic_auth = [f"{settings.flower_user}:{settings.flower_password.get_secret_value()}"]
    options.read_only = True
    options.persistent = False
    window = Flower(capp=make_app(settings), options=options, **tornado_settings)

    def stop(number: int, _: FrameType | None) -> None:
        log.info("stop_signal", signal=signal.Signals(number).name)
        window.io_loop.add_callback_from_signal(window.stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    window.start_http_server()
    log.info("flower_started")
    window.start()
