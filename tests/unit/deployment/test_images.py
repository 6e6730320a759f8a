"""The Dockerfile: a stage per tier, each with its own lock and its own rooms; nothing needs writing or root."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from shared.settings import known_names, misspelt
from tests.unit.deployment.files import ROOT, command_of_image, image_environment, stages
from tests.unit.deployment.programs import TARGETS, program_of

TIERS = sorted(TARGETS)
ROOMS_OF = {tier: {tier} for tier in TIERS} | {"workers": {"workers", "knowledge", "ticketing"}}
"""Workers do the work of two rooms (`docs/architecture.md`)."""


def test_every_tier_has_an_image_and_nothing_else_has() -> None:
    finals = {name for name in stages() if not name.startswith("build") and name not in {"base", "runtime"}}
    assert finals == TARGETS | {"edge"}


def test_hadolint_finds_nothing() -> None:
    program = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([program, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_installs_its_own_lock_by_hash_and_from_wheels(tier: str) -> None:
    build = stages()[f"build-{tier}"]
    copied = [line.split()[0] for line in build.values("COPY")]
    assert [name for name in copied if name.startswith("requirements/")] == [f"requirements/{tier}.txt"]
    (install,) = [line for line in build.values("RUN") if "uv pip" in line]
    assert install.endswith("uv pip sync --require-hashes --only-binary :all: /requirements.txt")


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_carries_its_own_rooms_only(tier: str) -> None:
    copied = {line.split()[0] for line in stages()[f"build-{tier}"].values("COPY")}
    rooms = {name.removeprefix("services/") for name in copied if name.startswith("services/")} - {"__init__.py"}
    assert rooms == ROOMS_OF[tier]
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("tier", TIERS)
def test_requirements_come_before_the_code(tier: str) -> None:
    order = [rest.split()[0] for word, rest in stages()[f"build-{tier}"].instructions if word in {"COPY", "RUN"}]
    assert order.index(f"requirements/{tier}.txt") < order.index("shared")


@pytest.mark.parametrize("tier", TIERS)
def test_the_final_image_takes_nothing_but_the_built_folder(tier: str) -> None:
    stage = stages()[tier]
    assert stage.base == "runtime"
    assert stage.values("COPY") == [f"--from=build-{tier} /app /app"]
    assert not stage.values("RUN")
    assert stages()["runtime"].values("USER") == ["10001:10001"]
    assert stages()["runtime"].values("STOPSIGNAL") == ["SIGTERM"]
    assert "pip" not in " ".join(stages()["runtime"].values("RUN"))


@pytest.mark.parametrize("tier", [*TIERS, "edge"])
def test_commands_are_lists_so_that_signals_reach_the_program(tier: str) -> None:
    assert command_of_image(tier)
    (check,) = stages()[tier].values("HEALTHCHECK")
    assert check == "NONE" or json.loads(check[check.index("[") :])


@pytest.mark.parametrize("tier", sorted(TARGETS - {"workers"}))
def test_a_room_starts_itself_and_is_asked_whether_it_lives(tier: str) -> None:
    program = program_of(command_of_image(tier))
    assert program is not None
    assert program.target == tier
    (check,) = stages()[tier].values("HEALTHCHECK")
    assert check.endswith('"shared.observability.probe", "http://127.0.0.1:8000/health/live"]')


@pytest.mark.parametrize("tier", TIERS)
def test_every_setting_in_an_image_is_one_of_ours(tier: str) -> None:
    given = image_environment(tier)
    others = {"PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PATH", "HOME"}
    assert set(given) - others <= known_names()
    assert not misspelt(given, known_names())
    assert given["LISTEN_HOST"] == "0.0.0.0"


@pytest.mark.parametrize("tier", ["knowledge", "workers"])
def test_the_graph_is_built_into_the_image_where_the_service_looks(tier: str) -> None:
    built = " ".join(stages()[f"build-{tier}"].values("RUN"))
    assert "graph_in(Path('models'))" in built
    assert stages()["base"].values("WORKDIR") == ["/app"]
    assert image_environment(tier)["KNOWLEDGE_MODEL_DIR"] == "/app/models"


def test_nothing_needs_buildkit() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert not re.search(r"^# *syntax=|--mount|<<[A-Z]", text, re.MULTILINE)


def test_bases_are_named_to_the_version() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^ARG \w*BASE=(\S+)$", text, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"[\w/]+:\d+\.\d+[\w.-]*", base) for base in bases)


def sent_to_the_builder() -> list[str]:
    """What the allow list lets through of what is there and of what must never leave."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    folders = ("deploy", "docs", "k8s", "lab", "requirements", "services", "shared", "tests")
    there = [str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    dangerous = [".env", ".secrets/database_url", ".git/config", ".local/up/recording.wav", "shared/__pycache__/a.pyc"]
    return [path for path in (*there, "README.md", *dangerous) if not _ignored(path, rules)]


def _ignored(path: str, rules: list[str]) -> bool:
    """As the builder reads the file: the last rule that names the path or a folder above it decides."""
    parts = path.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    ignored = False
    for rule in rules:
        pattern = rule.removeprefix("!")
        anywhere = pattern.removeprefix("**/")
        names = parts if anywhere != pattern else above
        if any(fnmatch.fnmatchcase(name, anywhere) for name in names):
            ignored = not rule.startswith("!")
    return ignored


def test_only_what_images_copy_is_sent_to_the_builder() -> None:
    sent = sent_to_the_builder()
    assert {path.split("/")[0] for path in sent} == {"shared", "services", "requirements", "deploy"}
    assert not [path for path in sent if "/." in path or path.startswith(".") or path.endswith((".pyc", "README.md"))]
    assert [path for path in sent if path.startswith("deploy/")] == ["deploy/Caddyfile"]


def test_what_programs_read_beside_their_code_is_sent_too() -> None:
    sent = set(sent_to_the_builder())
    code = {"shared/conversation/prompts/platform_rules.md", "shared/database/migrations/script.py.mako"}
    assert code <= sent
