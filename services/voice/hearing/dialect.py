"""What two recognisers of one vendor say differently, so that everything else about hearing is written once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.voice.hearing.ports import Heard
from services.voice.hearing.timeline import Timeline
from shared.rates.usage import Product


class Garbage(Exception):
    """Not a message of the recogniser's."""


class Failed(Exception):
    """The recogniser says that it cannot go on with this socket."""


class Dialect(Protocol):
    """How one kind of socket is spoken with. One for each call; it hears through one socket after another."""

    chunk: int
    """Bytes of audio worth a message."""
    silent_chunk: int
    """The same when nobody has spoken for a while: nothing is decided then that could come late."""
    keep_alive: str | None
    """The sign of life while there is no audio; without one, silence is sent."""
    finalize: str
    """Asks for finals of everything heard so far."""
    answers_when_asked: bool
    """Whether a socket that is quiet may have nothing to say, and answers `finalize`; if not, quiet means stalled."""

    @property
    def is_ready(self) -> bool:
        """Whether the present socket may be given audio."""
        ...

    def begin(self) -> Sequence[Heard]:
        """A socket is about to take over: the words that its predecessor, if there was one, leaves behind."""
        ...

    def understand(self, data: bytes | str) -> Sequence[Heard]:
        """What a message means to the call. Raises Garbage and Failed."""
        ...


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Who hears the calls of an agent: where its sockets are opened, and how they are spoken with."""

    path: str
    query: tuple[tuple[str, str], ...]
    product: Product
    """What hearing is billed as, by seconds of audio."""
    dialect: Callable[[Timeline], Dialect]
    """Makes the dialect of one call, whose times it keeps in the timeline."""
