"""What the code says about its programs: how each is started, what it reads, how long it may take to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from services.gateway import __main__ as gateway
from services.gateway.settings import GatewaySettings
from services.knowledge import __main__ as knowledge
from services.knowledge.assembly import ImportSettings
from services.knowledge.settings import KnowledgeServiceSettings
from services.ticketing import __main__ as ticketing
from services.ticketing.settings import TicketingSettings
from services.voice import __main__ as voice
from services.voice.settings import VoiceRoomSettings
from services.workers.__main__ import LONG_TASKS, TASKS
from services.workers.app import SOFT_SHUTDOWN_S, BackgroundSettings
from services.workers.flower import WindowSettings
from services.workers.limits import LONGEST_S
from services.workers.relay import SOCKET_S, RelaySettings
from services.workers.schedule import BeatSettings
from services.workers.watch import WatchSettings
from shared.contracts.tasks import Queue
from shared.settings import DatabaseSettings, SettingsGroup

SPARE_S = 5
"""Between the end a program sets itself and the kill: what an interpreter needs to go."""


@dataclass(frozen=True)
class Program:
    """One thing a container may run."""

    target: str
    """The stage of the Dockerfile it lives in."""
    words: tuple[str, ...]
    """What follows `python -m`."""
    settings: tuple[type[SettingsGroup], ...]
    stops_within_s: float
    """From the signal to its end, when everything takes as long as it may."""
    serves: bool = False
    """Whether it answers on port 8000; the others write a heartbeat."""

    @property
    def fields(self) -> dict[str, bool]:
        """The names it reads, and whether each is a secret."""
        return {
            name.upper(): "SecretStr" in str(field.annotation)
            for group in self.settings
            for name, field in group.model_fields.items()
        }

    @property
    def required(self) -> set[str]:
        """The names it cannot start without."""
        return {
            name.upper() for group in self.settings for name, field in group.model_fields.items() if field.is_required()
        }


DRAIN = VoiceRoomSettings.model_fields
VOICE_STOP_S = DRAIN["voice_lame_duck_s"].default + DRAIN["voice_drain_s"].default
VOICE_STOP_S += DRAIN["voice_move_s"].default + voice.GRACE_S


def _worker(queue: Queue) -> Program:
    settings = [BackgroundSettings, import_module(TASKS[queue]).Settings]
    if queue is Queue.MAINTENANCE:
        settings.append(ImportSettings)
    longest = SOFT_SHUTDOWN_S if queue in LONG_TASKS else LONGEST_S[queue]
    return Program("workers", ("services.workers", "worker", queue.value), tuple(settings), longest)


WORKERS = {queue: _worker(queue) for queue in Queue}
MIGRATE = Program("gateway", ("shared.database.migrate",), (DatabaseSettings,), 0)
VOICE = Program("voice", ("services.voice",), (VoiceRoomSettings,), VOICE_STOP_S, serves=True)
ROOMS = (
    Program("gateway", ("services.gateway",), (GatewaySettings,), gateway.GRACE_S, serves=True),
    VOICE,
    Program("knowledge", ("services.knowledge",), (KnowledgeServiceSettings,), knowledge.GRACE_S, serves=True),
    Program("ticketing", ("services.ticketing",), (TicketingSettings,), ticketing.GRACE_S, serves=True),
)
BACKGROUND = (
    Program("workers", ("services.workers", "relay"), (RelaySettings,), SOCKET_S),
    Program("workers", ("services.workers", "beat"), (BeatSettings,), SPARE_S),
    Program("workers", ("services.workers", "watch"), (WatchSettings,), SPARE_S, serves=True),
    Program("workers", ("services.workers", "flower"), (WindowSettings,), SPARE_S, serves=True),
)
LASTING = (*ROOMS, *WORKERS.values(), *BACKGROUND)
"""What runs for ever."""
CHROMA = ("chroma", "run")
"""The vector store, a program of a package in the knowledge tier's lock."""
TARGETS = {room.target for room in ROOMS} | {"workers"}


def program_of(command: Sequence[str]) -> Program | None:
    """Which of our programs this command runs; None for a store's."""
    if tuple(command[:2]) != ("python", "-m"):
        return None
    words = tuple(command[2:])
    (found,) = [program for program in (*LASTING, MIGRATE) if program.words == words]
    return found
