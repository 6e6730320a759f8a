"""The scripts that deploy: with a kubectl that only writes down what it was asked."""

from __future__ import annotations

import base64
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.deployment.files import K8S, OVERLAYS, ROOT, labels_of, name_of, of_kind, pod_of, workloads, written

KUBECTL = """#!/bin/sh
echo "$*" >>"$ASKED"
case "$*" in
kustomize*) echo "kind: List" ;;
*"get job migrate"*) echo "$JOB_STATE" ;;
*"create secret"*) echo "kind: Secret" ;;
*apply*-) cat >/dev/null ;;
esac
"""


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(KUBECTL, encoding="utf-8")
    program.chmod(0o755)
    return tmp_path / "asked"


def run(asked: Path, script: str, *arguments: str, state: str = "Complete") -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{asked.parent / 'bin'}:{os.environ['PATH']}",
        "ASKED": str(asked),
        "JOB_STATE": state,
        "POLL_S": "0",
    }
    return subprocess.run([ROOT / script, *arguments], env=environment, capture_output=True, text=True, check=False)


def lines(asked: Path) -> list[str]:
    return asked.read_text(encoding="utf-8").splitlines()


def test_a_deployment_goes_in_the_order_in_which_versions_understand_each_other(asked: Path) -> None:
    assert run(asked, "k8s/deploy", "production").returncode == 0
    order = [
        "kustomize k8s/overlays/production",
        "component in (ground)",
        "component in (store)",
        "delete job migrate",
        "component in (migration)",
        "get job migrate",
        "component in (worker,background)",
        "rollout status deployment/relay",
        "name in (knowledge,ticketing)",
        "rollout status deployment/knowledge",
        "name in (voice)",
        "rollout status deployment/voice",
        "rollout status deployment/gateway",
    ]
    places = [next(i for i, line in enumerate(lines(asked)) if step in line) for step in order]
    assert places == sorted(places)
    assert any(re.fullmatch(r"apply -f \S+", line) for line in lines(asked)[places[-2] : places[-1]])


def test_a_failed_migration_changes_nothing_else(asked: Path) -> None:
    done = run(asked, "k8s/deploy", "production", state="FailureTarget Failed")
    assert done.returncode == 1
    assert "was left as it was" in done.stderr
    assert not [line for line in lines(asked) if "worker" in line or "voice" in line or "rollout" in line]


def test_a_deployment_wants_an_overlay(asked: Path) -> None:
    done = run(asked, "k8s/deploy")
    assert done.returncode != 0
    assert "name an overlay" in done.stderr


def test_each_step_of_a_deployment_finds_its_workloads() -> None:
    script = (K8S / "deploy").read_text(encoding="utf-8")
    for overlay in OVERLAYS:
        steps = {labels_of(workload)["app.kubernetes.io/component"] for workload in workloads(written(overlay))}
        assert steps == {"store", "migration", "worker", "background", "room"}
        names = {name_of(workload) for workload in of_kind(written(overlay), "Deployment")}
        assert set(re.findall(r"deployment/(\w+)", script)) <= names


def test_what_the_migration_stands_on_comes_before_it() -> None:
    for document in of_kind(written("base"), "Namespace", "PriorityClass", "ServiceAccount"):
        assert document["metadata"]["labels"]["app.kubernetes.io/component"] == "ground"


def test_secrets_are_made_once_and_only_their_owner_can_reach_them(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = subprocess.run([ROOT / "deploy/make-secrets", folder], capture_output=True, text=True, check=True).stdout
    before = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    again = subprocess.run([ROOT / "deploy/make-secrets", folder], capture_output=True, text=True, check=True).stdout
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == before
    assert not [line for line in again.splitlines() if line.startswith("made")]
    assert [line for line in first.splitlines() if line.startswith("fill")] == again.splitlines()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o644}
    assert len(base64.b64decode(before["signing_key"], validate=False)) == 32
    assert before["postgres_password"] in before["database_url"]
    assert before["redis_password"] in before["redis_url"]
    assert before["redis_auth"] == f"requirepass {before['redis_password']}\n"
    made = [before[name] for name in ("postgres_password", "redis_password", "api_key_pepper", "flower_password")]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in made)


def test_the_cluster_gets_every_secret_that_a_pod_mounts(asked: Path, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    subprocess.run([ROOT / "deploy/make-secrets", folder], capture_output=True, check=True)
    assert run(asked, "k8s/make-secrets", str(folder)).returncode == 0
    made: dict[str, dict[str, str]] = {}
    for line in lines(asked):
        if found := re.search(r"create secret generic (\S+) (.*?) --dry-run", line):
            made[found[1]] = dict(
                part.removeprefix("--from-file=").split("=", 1)
                for part in found[2].split()
                if part.startswith("--from")
            )
    for overlay in OVERLAYS:
        for workload in workloads(written(overlay)):
            for volume in pod_of(workload)["volumes"]:
                for source in volume.get("projected", {}).get("sources", ()):
                    keys = {item["key"] for item in source["secret"]["items"]}
                    assert keys <= set(made[source["secret"]["name"]])
    assert all(Path(path).is_file() for files in made.values() for path in files.values())
