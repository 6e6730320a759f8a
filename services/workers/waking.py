"""Waiting that ends early: for a notification of PostgreSQL, or for a stop signal."""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType
from typing import Self

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from shared.observability.logs import get_logger

log = get_logger(__name__)

CONNECT_S = 5
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Waker:
    """Listens on a channel of PostgreSQL and for stop signals, as the main thread's only waiting place.

    Without an address it only waits for time and signals. A connection that breaks is made again at the next wait.
    """

    def __init__(self, address: URL | None, channel: str) -> None:
        self._address = None if address is None else address.set(drivername="postgresql")
        self._channel = channel
        self._connection: psycopg.Connection | None = None
        self._inside, self._outside = socket.socketpair()
        self.stopped = False
        """Whether a stop signal has come."""

    def __enter__(self) -> Self:
        self._outside.setblocking(False)
        signal.set_wakeup_fd(self._outside.fileno(), warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self._hang_up()
        self._inside.close()
        self._outside.close()

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.stopped = True
        log.info("stop_signal", signal=signal.Signals(number).name)

    def pause(self, seconds: float) -> None:
        """Wait so long; only a stop signal ends it early."""
        if not self.stopped:
            select.select([self._inside], [], [], seconds)

    def wait(self, seconds: float) -> None:
        """Wait so long, or until there is news or a stop signal."""
        if self.stopped:
            return
        if self._connection is None and self._listen():
            return  # what came before we listened was not notified: look again
        if self._connection is None:
            self.pause(seconds)
            return
        try:
            news = self._connection.fileno()
            readable, _, _ = select.select([news, self._inside.fileno()], [], [], seconds)
            if news in readable:
                for _ in self._connection.notifies(timeout=0):
                    pass  # what there is to do is in the table; the notification only says: look
        except psycopg.OperationalError as error:
            log.warning("notifications_lost", error=type(error).__name__)
            self._hang_up()

    def _listen(self) -> bool:
        """Connect and listen; whether that succeeded."""
        if self._address is None:
            return False
        try:
            self._connection = psycopg.connect(
                self._address.render_as_string(hide_password=False),
                autocommit=True,
                connect_timeout=CONNECT_S,
                application_name="callwright-relay-news",
            )
            self._connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        except psycopg.OperationalError as error:
            log.warning("notifications_lost", error=type(error).__name__)
            self._hang_up()
            return False
        return True

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
