"""The part of the Compose specification that docker-compose.yml uses; a misspelt key must not pass."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """Unknown keys are refused, and nothing is converted: `8000` and "8000" are different to Compose."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Build(Strict):
    context: str
    target: str


class Healthcheck(Strict):
    test: list[str] | None = None
    interval: str | None = None
    timeout: str | None = None
    retries: int | None = None
    start_period: str | None = None
    start_interval: str | None = None
    disable: bool | None = None


class Dependency(Strict):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class Limits(Strict):
    cpus: str | None = None
    memory: str


class Resources(Strict):
    limits: Limits


class Deploy(Strict):
    resources: Resources


class Logging(Strict):
    driver: str
    options: dict[str, str]


class Attachment(Strict):
    aliases: list[str] = Field(default_factory=list)


class ConfigMount(Strict):
    source: str
    target: str


class Service(Strict):
    image: str
    build: Build | None = None
    command: list[str] | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    secrets: list[str] = Field(default_factory=list)
    configs: list[ConfigMount] = Field(default_factory=list)
    volumes: list[str] = Field(default_factory=list)
    tmpfs: list[str] = Field(default_factory=list)
    ports: list[str] = Field(default_factory=list)
    networks: list[str] | dict[str, Attachment]
    depends_on: dict[str, Dependency] = Field(default_factory=dict)
    healthcheck: Healthcheck | None = None
    deploy: Deploy
    restart: str
    user: str
    read_only: bool
    init: bool = False
    cap_drop: list[str]
    security_opt: list[str]
    logging: Logging
    shm_size: str | None = None
    stop_signal: str | None = None
    stop_grace_period: str | None = None


class Network(Strict):
    internal: bool = False


class FromFile(Strict):
    file: str


class Volume(Strict):
    """Named, with nothing said about it."""


class Project(BaseModel):
    """The file; `x-` keys hold anchors."""

    model_config = ConfigDict(extra="ignore")
    name: str
    services: dict[str, Service]
    networks: dict[str, Network]
    volumes: dict[str, Volume]
    configs: dict[str, FromFile]
    secrets: dict[str, FromFile]
