"""The platform's own processes, and the settings each gets."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lab.stack.place import ROOT, Place
from lab.stack.ports import claimed
from lab.stack.program import Program, answers_http, writes_file
from shared.contracts.tasks import Queue
from shared.settings import from_file, known_names, setting_names

STORES = ("DATABASE_URL", "REDIS_URL", "CHROMA_URL")
"""Addresses that are used when they are given, and embedded servers when not."""
TWILIO = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
DEEPGRAM = ("DEEPGRAM_API_KEY",)
ELEVENLABS = ("ELEVENLABS_API_KEY",)
OPENAI = ("OPENAI_API_KEY",)
KAYAKO = ("KAYAKO_URL", "KAYAKO_EMAIL", "KAYAKO_PASSWORD")

SUMMARIES_AT_ONCE = 4
LAB_ACCOUNT = "AC" + "0" * 31 + "1"
LAB_KAYAKO_EMAIL = "assistant@fernway.example"


@dataclass(frozen=True)
class Ports:
    """Where each process of one stack listens, on loopback."""

    postgres: int
    redis: int
    chroma: int
    gateway: int
    voice: int
    knowledge: int
    ticketing: int
    flower: int
    watch: int
    lab_pages: int
    lab_twilio: int
    lab_deepgram: int
    lab_elevenlabs: int
    lab_openai: int
    lab_kayako: int

    @classmethod
    @contextmanager
    def claim(cls, preferring: Mapping[str, int]) -> Iterator[Ports]:
        """Ports that no other stack takes while the block runs, the preferred ones where they are free."""
        with claimed([field.name for field in fields(cls)], preferring) as ports:
            yield cls(**ports)

    def addresses(self) -> dict[str, str]:
        """The http address behind each port."""
        return {name: f"http://127.0.0.1:{port}" for name, port in asdict(self).items()}


@dataclass(frozen=True)
class Servers:
    """Addresses of the three stores, embedded or given."""

    database_url: str
    redis_url: str
    chroma_url: str


def is_given(names: tuple[str, ...], environment: Mapping[str, str]) -> bool:
    """Whether the operator has set all of these."""
    return all(environment.get(name) for name in names)


def operator_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Every setting of the platform that the operator has set, directly or as a file. Raises SettingsError."""
    found = {name: environment.get(name) or from_file(name, environment) for name in setting_names()}
    return {name: value for name, value in found.items() if value}


def stood_in(given: Mapping[str, str]) -> list[str]:
    """The vendors that the lab stands in for, because their keys are not set."""
    vendors = {"Twilio": TWILIO, "Deepgram": DEEPGRAM, "OpenAI": OPENAI, "Kayako": KAYAKO}
    return [vendor for vendor, names in vendors.items() if not is_given(names, given)]


def settings(place: Place, ports: Ports, servers: Servers, given: Mapping[str, str]) -> dict[str, str]:
    """The environment all processes share: the machine's, what was given, and our addresses and keys for the rest."""
    # thirteen processes import the same modules: whoever is first leaves them compiled for the others
    ours_to_set = known_names() | {"PYTHONDONTWRITEBYTECODE"}
    base = {name: value for name, value in os.environ.items() if name not in ours_to_set}
    lab = ports.addresses()
    ours = {
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "CHROMA_URL": servers.chroma_url,
        "PUBLIC_URL": lab["gateway"],
        "KNOWLEDGE_URL": lab["knowledge"],
        "TICKETING_URL": lab["ticketing"],
        "KNOWLEDGE_MODEL_DIR": str(ROOT / ".local" / "models"),
        "DISK_DIRECTORIES": str(place.folder),
        "SIGNING_KEY": _signing_key(place),
        "API_KEY_PEPPER": place.secret("api_key_pepper"),
        "FLOWER_PASSWORD": place.secret("flower", length=12),
        "VOICE_URL": lab["voice"],
        "VOICE_DRAIN_S": "5",
        "VOICE_MOVE_S": "3",
        "VOICE_LAME_DUCK_S": "0",
        # `make call` asks ten times a second for each call that it waits for
        "LIMIT_REQUESTS_PER_KEY_PER_MINUTE": "60000",
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore::DeprecationWarning",
    }
    if "PUBLIC_URL" not in given:
        ours["VOICE_PUBLIC_URL"] = lab["voice"]
    vendors = stood_in(given)
    if "Twilio" in vendors:
        ours |= {
            "TWILIO_ACCOUNT_SID": LAB_ACCOUNT,
            "TWILIO_AUTH_TOKEN": place.secret("twilio"),
            "TWILIO_API_URL": lab["lab_twilio"],
            # `make call` is one telephone that never rests, and `make chaos` a whole town that rings three numbers
            "LIMIT_CALLS_PER_CALLER_PER_MINUTE": "3000",
            "LIMIT_CALLS_PER_NUMBER_PER_MINUTE": "3000",
        }
    if "Deepgram" in vendors:
        ours |= {"DEEPGRAM_API_KEY": "lab", "DEEPGRAM_URL": lab["lab_deepgram"]}
    if "Deepgram" in vendors and not is_given(ELEVENLABS, given):
        # a second voice is no must, and never lab speech on a line with real ears
        ours |= {"ELEVENLABS_API_KEY": "lab", "ELEVENLABS_URL": lab["lab_elevenlabs"]}
    if "OpenAI" in vendors:
        # the stand-in's vectors are made up; MiniLM's are real
        ours |= {
            "OPENAI_API_KEY": "lab",
            "OPENAI_BASE_URL": f"{lab['lab_openai']}/v1",
            "KNOWLEDGE_EMBEDDINGS": "minilm",
        }
    if "Kayako" in vendors:
        ours |= {
            "KAYAKO_URL": lab["lab_kayako"],
            "KAYAKO_EMAIL": LAB_KAYAKO_EMAIL,
            "KAYAKO_PASSWORD": place.secret("kayako", length=12),
        }
    return base | ours | dict(given)


def _signing_key(place: Place) -> str:
    """32 random bytes in standard base64, as the token signer wants them."""
    return place.secret("signing_key").replace("-", "+").replace("_", "/") + "="


def programs(ports: Ports, environment: Mapping[str, str], beats: Path) -> list[Program]:
    """Every process of the platform; they may start together once the stores answer and the schema is current.

    `beats` is a folder for the heartbeat files of those that serve no web address.
    """
    beats.mkdir(exist_ok=True)
    rooms = [web(room, ports.addresses()[room], environment) for room in ("knowledge", "ticketing", "voice", "gateway")]
    background = [worker(queue, environment, beats) for queue in Queue]
    background += [
        beating("relay", ("relay",), environment, beats),
        beating("beat", ("beat",), environment, beats),
        _listening("watch", ports.watch, environment, "/health/ready"),
        _listening("flower", ports.flower, environment, "/healthcheck"),
    ]
    return rooms + background


def web(room: str, address: str, environment: Mapping[str, str]) -> Program:
    """A room that listens at this address."""
    return Program(
        name=room,
        command=[sys.executable, "-m", f"services.{room}"],
        environment={**environment, "LISTEN_PORT": address.rpartition(":")[2]},
        ready=answers_http(f"{address}/health/ready"),
    )


def worker(queue: Queue, environment: Mapping[str, str], beats: Path) -> Program:
    """One process for a queue's tasks, but several for those that only wait for a model."""
    processes = SUMMARIES_AT_ONCE if queue is Queue.SUMMARIES else 1
    return beating(
        f"worker-{queue}", ("worker", queue.value), {"WORKER_CONCURRENCY": str(processes), **environment}, beats
    )


def beating(name: str, verb: tuple[str, ...], environment: Mapping[str, str], beats: Path) -> Program:
    """A program of the background that shows that it turns by a file in `beats`."""
    heartbeat = beats / name
    heartbeat.unlink(missing_ok=True)
    return Program(
        name=name,
        command=[sys.executable, "-m", "services.workers", *verb],
        environment={**environment, "HEARTBEAT_FILE": str(heartbeat)},
        ready=writes_file(heartbeat),
    )


def _listening(name: str, port: int, environment: Mapping[str, str], path: str) -> Program:
    return Program(
        name=name,
        command=[sys.executable, "-m", "services.workers", name],
        environment={**environment, "LISTEN_PORT": str(port)},
        ready=answers_http(f"http://127.0.0.1:{port}{path}"),
    )


def lab(ports: Ports, environment: Mapping[str, str], articles: Path | None, speed: float) -> Program:
    """The stand-ins, all in one process."""
    stand_ins = ("pages", "twilio", "deepgram", "elevenlabs", "openai", "kayako")
    settings = {f"LAB_{name.upper()}_PORT": str(getattr(ports, f"lab_{name}")) for name in stand_ins}
    settings |= {
        "LAB_PLATFORM_URL": ports.addresses()["gateway"],
        "LAB_ACCOUNT_SID": environment["TWILIO_ACCOUNT_SID"],
        "LAB_AUTH_TOKEN": environment["TWILIO_AUTH_TOKEN"],
        "LAB_KAYAKO_EMAIL": environment["KAYAKO_EMAIL"],
        "LAB_KAYAKO_PASSWORD": environment["KAYAKO_PASSWORD"],
        "LAB_SPEED": str(speed),
    }
    if articles is not None:
        settings["LAB_ARTICLES"] = str(articles)
    return Program(
        name="lab",
        command=[sys.executable, "-m", "lab.house"],
        environment={**environment, **settings},
        ready=answers_http(f"{ports.addresses()['lab_pages']}/lab.css"),
    )
