"""docs/deployment.md names things that exist."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from shared.settings import known_names
from tests.unit.deployment.compose_schema import Project
from tests.unit.deployment.files import ROOT, compose, name_of, of_kind, written

TEXT = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"docker compose [^`\n&#]+", TEXT)


def test_paths_exist() -> None:
    named = set(re.findall(r"`((?:deploy|docs|k8s|requirements|tests)/[\w./-]+?)[`/ ]", TEXT))
    assert len(named) > 5
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_settings_exist() -> None:
    ours = set(re.findall(r"\b(?:VOICE|DATABASE|WORKER|METRICS|PUBLIC)_[A-Z_]+\b", TEXT)) - {"PUBLIC_HOST"}
    assert ours
    assert ours <= known_names()


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_name_services(command: str) -> None:
    services = set(Project.model_validate(compose()).services)
    words = command.split()[2:]
    if words[0] in {"exec", "run", "logs", "stop", "up"}:
        named = [word for word in words[1:] if not word.startswith("-")]
        named = named[:1] if words[0] in {"exec", "run"} else named
        assert set(named) <= services


def test_every_service_is_part_of_an_upgrade() -> None:
    left_alone = {"postgres", "redis", "chroma", "edge"}
    upgraded = {word for command in COMMANDS if "--no-deps" in command for word in command.split()} | {"migrate"}
    assert set(Project.model_validate(compose()).services) - left_alone <= upgraded


def test_deployments_that_are_entered_exist() -> None:
    deployments = {name_of(deployment) for deployment in of_kind(written("base"), "Deployment")}
    assert set(re.findall(r"(?:deploy|deployment)/([a-z]+) ", TEXT)) - {"make"} <= deployments


def test_programs_that_are_started_exist() -> None:
    modules = set(re.findall(r"python -m ([\w.]+)", TEXT))
    assert modules
    assert [module for module in modules if find_spec(module) is None] == []
