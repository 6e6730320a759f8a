"""Every program is given what it reads, under names it knows, and secrets as files of its own."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.settings import known_names, load, misspelt
from tests.unit.deployment.files import (
    OVERLAYS,
    ROOT,
    Document,
    command_of_image,
    compose,
    container_of,
    image_environment,
    name_of,
    pod_of,
    settings_of,
    target_of,
    workloads,
    written,
)
from tests.unit.deployment.programs import Program, program_of

FOLDER = "/run/secrets/"
IN_ENV_FILE = {
    "PUBLIC_HOST": "callwright.example.com",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "KAYAKO_URL": "https://support.example.com",
    "KAYAKO_EMAIL": "assistant@example.com",
}


def services() -> list[Any]:
    found = []
    for name, service in sorted(compose()["services"].items()):
        target = target_of(service["image"])
        if target in {None, "edge"}:
            continue
        program = program_of(service.get("command") or command_of_image(str(target)))
        if program is not None:
            found.append(pytest.param(service, program, id=name))
    return found


def containers() -> list[Any]:
    return [
        pytest.param(workload, program, overlay, id=f"{overlay}-{name_of(workload)}")
        for overlay in OVERLAYS
        for workload in workloads(written(overlay))
        if (program := program_of(container_of(workload).get("command", []))) is not None
    ]


def plain(names: dict[str, Any]) -> set[str]:
    """The settings behind the names, whether given directly or as files."""
    return {name.removesuffix("_FILE") if name.removesuffix("_FILE") in known_names() else name for name in names}


def check_names(given: dict[str, str], program: Program) -> None:
    known = {name for name, _ in program.fields.items()} | {f"{name}_FILE" for name in program.fields}
    assert set(given) <= known
    for name, secret in program.fields.items():
        assert not (secret and name in given), f"{name} belongs into a file"


@pytest.mark.parametrize(("service", "program"), services())
def test_compose_gives_a_program_what_it_reads_and_no_more(service: Document, program: Program) -> None:
    given = service.get("environment", {})
    check_names(given, program)
    assert program.required <= plain(given | image_environment(program.target))


@pytest.mark.parametrize(("service", "program"), services())
def test_compose_mounts_just_the_secrets_that_are_read(service: Document, program: Program) -> None:
    read = {name: value for name, value in service.get("environment", {}).items() if value.startswith(FOLDER)}
    assert sorted(value.removeprefix(FOLDER) for value in read.values()) == sorted(service.get("secrets", []))
    assert all(value == FOLDER + name.removesuffix("_FILE").lower() for name, value in read.items()), program.words


def interpolated(value: str) -> str:
    """As Compose would, with a filled-in .env."""
    return re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda found: IN_ENV_FILE.get(found[1]) or found[2], value)


@pytest.fixture(scope="module")
def made_secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `deploy/make-secrets` makes, with the vendors' files filled in."""
    folder = tmp_path_factory.mktemp("secrets")
    subprocess.run([ROOT / "deploy" / "make-secrets", folder], check=True, capture_output=True)
    for vendor in ("twilio_auth_token", "deepgram_api_key", "openai_api_key", "kayako_password"):
        (folder / vendor).write_text("of the vendor\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(("service", "program"), services())
def test_a_program_accepts_what_compose_gives_it(
    service: Document, program: Program, made_secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in known_names():
        monkeypatch.delenv(name, raising=False)
    given = image_environment(program.target) | service.get("environment", {})
    for name in set(given) - {"PATH", "HOME"}:
        monkeypatch.setenv(name, interpolated(given[name]).replace(FOLDER, f"{made_secrets}/"))
    for group in program.settings:
        load(group, {name: os.environ[name] for name in given})


@pytest.mark.parametrize(("workload", "program", "overlay"), containers())
def test_kubernetes_gives_a_program_what_it_reads(workload: Document, program: Program, overlay: str) -> None:
    container = container_of(workload)
    own = {variable["name"]: variable["value"] for variable in container["env"]}
    check_names(own, program)
    common = settings_of(overlay) if container.get("envFrom") else {}
    assert container.get("envFrom", []) in ([], [{"configMapRef": {"name": "settings"}}])
    assert program.required <= plain(own | common | image_environment(program.target))
    assert not misspelt({*own, *common}, known_names())


@pytest.mark.parametrize(("workload", "program", "overlay"), containers())
def test_kubernetes_mounts_just_the_secrets_that_are_read(workload: Document, program: Program, overlay: str) -> None:
    own = {variable["name"]: variable["value"] for variable in container_of(workload)["env"]}
    read = {value.removeprefix(FOLDER): name for name, value in own.items() if value.startswith(FOLDER)}
    assert all(path == name.removesuffix("_FILE").lower() for path, name in read.items()), (program.words, overlay)
    (volume,) = [volume for volume in pod_of(workload)["volumes"] if volume["name"] == "secrets"]
    mounted = {
        item["path"]: item["key"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]
    }
    assert mounted == {path: path.upper() for path in read}
    assert volume["projected"]["defaultMode"] == 0o440


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_common_settings_are_known_and_hold_no_secret(overlay: str) -> None:
    secrets = {name for _, program, _ in (param.values for param in containers()) for name in _secrets_of(program)}
    common = settings_of(overlay)
    assert set(common) <= known_names()
    assert not {name.removesuffix("_FILE") for name in common} & secrets


def _secrets_of(program: Any) -> set[str]:
    assert isinstance(program, Program)
    return {name for name, secret in program.fields.items() if secret}


def test_programs_on_one_broker_agree_on_how_long_tasks_may_run() -> None:
    """One that was given other numbers would decide for all (services/workers/limits.py)."""
    shared_numbers = {"WORKER_LONGEST_TASK_S", "WORKER_LONGEST_WAIT_S"}
    for service in compose()["services"].values():
        assert not shared_numbers & set(service.get("environment") or {})
    for overlay in OVERLAYS:
        for workload in workloads(written(overlay)):
            assert not shared_numbers & {variable["name"] for variable in container_of(workload).get("env", [])}


def test_secrets_stay_out_of_the_repository() -> None:
    assert {".env", ".secrets/"} <= set((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())
    for overlay in OVERLAYS:
        assert not [document for document in written(overlay) if document["kind"] == "Secret"]
