"""The files that deploy Callwright, read."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
K8S = ROOT / "k8s"
OVERLAYS = ("overlays/dev", "overlays/production")
KUBECTL = shutil.which("kubectl")
"""Renders overlays; where it is missing their files are checked as they lie."""

Document = dict[str, Any]


@functools.cache
def compose() -> Document:
    """docker-compose.yml with its anchors resolved."""
    loaded: Document = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


@functools.cache
def kustomization(folder: Path) -> Document:
    """The kustomization of a folder."""
    loaded: Document = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    return loaded


def kustomized_folders(folder: Path) -> list[Path]:
    """The folder and all that it builds upon."""
    found = [folder]
    own = kustomization(folder)
    for name in (*own.get("resources", ()), *own.get("components", ())):
        if (folder / name).is_dir():
            found += kustomized_folders((folder / name).resolve())
    return found


@functools.cache
def written(name: str) -> tuple[Document, ...]:
    """The resources of a folder of k8s and of what it builds upon, as they are written."""
    return tuple(
        document
        for folder in kustomized_folders(K8S / name)
        for file in kustomization(folder).get("resources", ())
        if (folder / file).is_file()
        for document in yaml.safe_load_all((folder / file).read_text(encoding="utf-8"))
    )


@functools.cache
def rendered(name: str) -> tuple[Document, ...]:
    """The same after kustomize."""
    assert KUBECTL is not None
    done = subprocess.run([KUBECTL, "kustomize", str(K8S / name)], check=True, capture_output=True, text=True)
    return tuple(yaml.safe_load_all(done.stdout))


@functools.cache
def settings_of(name: str) -> dict[str, str]:
    """The ConfigMap `settings` of an overlay: the base's literals and its own."""
    given: dict[str, str] = {}
    for folder in reversed(kustomized_folders(K8S / name)):
        for generator in kustomization(folder).get("configMapGenerator", ()):
            if generator["name"] == "settings":
                given |= dict(literal.split("=", 1) for literal in generator["literals"])
    return given


def of_kind(documents: Iterable[Document], *kinds: str) -> list[Document]:
    """Those of these kinds."""
    return [document for document in documents if document["kind"] in kinds]


def name_of(document: Document) -> str:
    """Its name."""
    return str(document["metadata"]["name"])


def workloads(documents: Iterable[Document]) -> list[Document]:
    """Everything that makes pods."""
    return of_kind(documents, "Deployment", "StatefulSet", "Job")


def pod_of(workload: Document) -> Document:
    """The pod's specification."""
    found: Document = workload["spec"]["template"]["spec"]
    return found


def labels_of(workload: Document) -> dict[str, str]:
    """The pod's labels."""
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


def container_of(workload: Document) -> Document:
    """Its only container."""
    pod = pod_of(workload)
    (container,) = pod["containers"]
    assert not pod.get("initContainers")
    return dict(container)


def selects(selector: Document, labels: dict[str, str]) -> bool:
    """Whether a label selector of Kubernetes matches."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions", ()):
        holds = labels.get(rule["key"]) in rule["values"]
        if holds != {"In": True, "NotIn": False}[rule["operator"]]:
            return False
    return True


@dataclass(frozen=True)
class Stage:
    """One FROM of the Dockerfile and its instructions, in order."""

    base: str
    instructions: tuple[tuple[str, str], ...]

    def values(self, instruction: str) -> list[str]:
        """What follows each of these instructions."""
        return [rest for word, rest in self.instructions if word == instruction]

    @property
    def environment(self) -> dict[str, str]:
        """What its own ENV instructions set."""
        return dict(pair.split("=", 1) for line in self.values("ENV") for pair in line.split())


@functools.cache
def stages() -> dict[str, Stage]:
    """The Dockerfile by stage."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, Stage] = {}
    name = ""
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = Stage(base, ())
        elif word and word != "#" and name:
            found[name] = Stage(found[name].base, (*found[name].instructions, (word, rest.strip())))
    return found


def image_environment(target: str) -> dict[str, str]:
    """The environment an image sets: its stage's and those it builds upon."""
    stage = stages()[target]
    return (image_environment(stage.base) if stage.base in stages() else {}) | stage.environment


def command_of_image(target: str) -> list[str]:
    """What an image runs when nobody says otherwise."""
    (command,) = stages()[target].values("CMD")
    return list(json.loads(command))


def target_of(image: str) -> str | None:
    """The stage an image of ours is built from; None for others' images."""
    _, ours, rest = image.rpartition("callwright/")
    return rest.partition(":")[0] if ours else None
