"""Manifests: schemas, and the rules every workload keeps. As written; where kubectl is at hand, as rendered, too."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.unit.deployment.files import (
    K8S,
    KUBECTL,
    OVERLAYS,
    Document,
    container_of,
    kustomization,
    kustomized_folders,
    labels_of,
    name_of,
    of_kind,
    pod_of,
    rendered,
    selects,
    settings_of,
    target_of,
    workloads,
    written,
)
from tests.unit.deployment.programs import CHROMA, LASTING, MIGRATE, VOICE, Program, program_of
from tests.unit.deployment.strict_kinds import CUSTOM, Kustomization

OLDEST, NEWEST = "1.34", "1.37"
"""The releases the manifests are checked against."""
SOURCES = {f"written-{overlay}": written(overlay) for overlay in OVERLAYS}
if KUBECTL is not None:
    SOURCES |= {f"rendered-{overlay}": rendered(overlay) for overlay in OVERLAYS}
EVERY_SOURCE = pytest.mark.parametrize("documents", SOURCES.values(), ids=SOURCES.keys())


def pods() -> list[Any]:
    return [
        pytest.param(workload, id=f"{source}-{name_of(workload)}")
        for source, documents in SOURCES.items()
        for workload in workloads(documents)
    ]


EVERY_POD = pytest.mark.parametrize("workload", pods())


def program_in(workload: Document) -> Program | None:
    return program_of(container_of(workload).get("command", []))


def each_once() -> list[Document]:
    """What is written, the base not once per overlay: a check takes thirty milliseconds."""
    return [*written("base"), *(one for overlay in OVERLAYS for one in written(overlay) if one not in written("base"))]


def test_documents_fit_their_schemas() -> None:
    for document in each_once():
        own = CUSTOM.get((document["apiVersion"], document["kind"]))
        if own is not None:
            own.model_validate(document)
        else:
            kubernetes_validate.validate(document, NEWEST, strict=True)


def test_an_older_cluster_knows_every_field() -> None:
    one_of_each = {document["kind"]: document for document in each_once()}
    (voice,) = [workload for workload in workloads(written("base")) if program_in(workload) is VOICE]
    for document in (*one_of_each.values(), voice):
        if (document["apiVersion"], document["kind"]) not in CUSTOM:
            kubernetes_validate.validate(document, OLDEST, strict=True)


@pytest.mark.parametrize("name", ["base", *OVERLAYS])
def test_kustomizations_are_spelt_right_and_complete(name: str) -> None:
    for folder in kustomized_folders(K8S / name):
        Kustomization.model_validate(kustomization(folder))
        listed = set(kustomization(folder)["resources"])
        files = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml", "capacity.yaml"}
        assert files <= listed, f"{folder} has files that nobody applies"
        assert all((folder / entry).exists() for entry in listed)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlays_render(overlay: str) -> None:
    if KUBECTL is None:
        pytest.skip("kubectl is not on PATH: overlays were checked as written, not as rendered")
    as_written = Counter((document["kind"], name_of(document)) for document in written(overlay))
    as_rendered = Counter(
        (document["kind"], name_of(document)) for document in rendered(overlay) if document["kind"] != "ConfigMap"
    )
    assert as_rendered == as_written
    (settings,) = [d for d in of_kind(rendered(overlay), "ConfigMap") if name_of(d).startswith("settings-")]
    assert settings["data"] == settings_of(overlay)


@EVERY_SOURCE
def test_every_program_has_one_workload(documents: tuple[Document, ...]) -> None:
    found = Counter(program.words for workload in workloads(documents) if (program := program_in(workload)))
    assert found == {program.words: 1 for program in (*LASTING, MIGRATE)}


@EVERY_SOURCE
def test_names_are_unique(documents: tuple[Document, ...]) -> None:
    counted = Counter((document["kind"], name_of(document)) for document in documents)
    assert set(counted.values()) == {1}


@EVERY_POD
def test_a_pod_has_no_rights(workload: Document) -> None:
    pod, container = pod_of(workload), container_of(workload)
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["serviceAccountName"] == name_of(workload)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    writable = [volume for volume in pod["volumes"] if "emptyDir" in volume]
    assert all(volume["emptyDir"]["sizeLimit"] for volume in writable)


@EVERY_POD
def test_a_pod_is_bounded(workload: Document) -> None:
    resources = container_of(workload)["resources"]
    assert {"cpu", "memory"} <= set(resources["requests"])
    assert resources["limits"]["memory"] == resources["requests"]["memory"]
    if program_in(workload) is VOICE:
        assert "cpu" not in resources["limits"]


@EVERY_POD
def test_a_pod_is_asked_how_it_is(workload: Document) -> None:
    container, program = container_of(workload), program_in(workload)
    if program is MIGRATE:
        return
    startup, live = container["startupProbe"], container["livenessProbe"]
    if program is not None and not program.serves:
        (heartbeat,) = [given["value"] for given in container["env"] if given["name"] == "HEARTBEAT_FILE"]
        asked = ["python", "-m", "shared.observability.probe", heartbeat]
        assert startup["exec"]["command"] == live["exec"]["command"] == asked
        return
    ready = container["readinessProbe"]
    if program is not None and program.words[-1] != "flower":
        assert ready["httpGet"]["path"] == "/health/ready"
        assert live["httpGet"]["path"] == startup["httpGet"]["path"] == "/health/live"


@EVERY_POD
def test_images_are_ours_or_pinned(workload: Document) -> None:
    image, program = container_of(workload)["image"], program_in(workload)
    target = target_of(image)
    if target is None:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?", image)
    else:
        assert re.search(r":\d+\.\d+\.\d+$|@sha256:[0-9a-f]{64}$", image)
        wanted = "knowledge" if tuple(container_of(workload)["command"][:2]) == CHROMA else program and program.target
        assert target == wanted


@EVERY_POD
def test_a_stop_takes_no_longer_than_it_is_given(workload: Document) -> None:
    program, grace = program_in(workload), pod_of(workload)["terminationGracePeriodSeconds"]
    if program is None or program is MIGRATE:
        return
    spare = 20 if program is VOICE else 5
    assert program.stops_within_s + spare <= grace < 600


def test_voice_is_given_the_times_its_grace_was_made_for() -> None:
    for overlay in OVERLAYS:
        given = settings_of(overlay)
        times = sum(int(given[f"VOICE_{name}_S"]) for name in ("LAME_DUCK", "DRAIN", "MOVE"))
        assert times + 20 == VOICE.stops_within_s
        (voice,) = [workload for workload in workloads(written(overlay)) if program_in(workload) is VOICE]
        live, ready = (container_of(voice)[probe] for probe in ("livenessProbe", "readinessProbe"))
        assert live["terminationGracePeriodSeconds"] <= 10
        assert ready["periodSeconds"] * ready["failureThreshold"] < int(given["VOICE_LAME_DUCK_S"])


@EVERY_SOURCE
def test_schedulers_and_watchers_are_never_two(documents: tuple[Document, ...]) -> None:
    for workload in of_kind(documents, "Deployment"):
        if name_of(workload) in {"beat", "watch", "flower"}:
            assert workload["spec"]["replicas"] == 1
            assert workload["spec"]["strategy"] == {"type": "Recreate"}
        else:
            assert workload["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@EVERY_SOURCE
def test_budgets_guard_one_workload_each_and_never_a_single_pod(documents: tuple[Document, ...]) -> None:
    guarded = []
    for budget in of_kind(documents, "PodDisruptionBudget"):
        found = [w for w in workloads(documents) if selects(budget["spec"]["selector"], labels_of(w))]
        assert [name_of(workload) for workload in found] == [name_of(budget)]
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
        guarded += [name_of(workload) for workload in found]
    several = {name_of(workload) for workload in of_kind(documents, "Deployment")} - {"beat", "watch", "flower"}
    assert set(guarded) == several


@EVERY_SOURCE
def test_services_lead_somewhere(documents: tuple[Document, ...]) -> None:
    for service in of_kind(documents, "Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        (workload,) = [found for found in workloads(documents) if selects(selector, labels_of(found))]
        ports = {port["name"]: port["containerPort"] for port in container_of(workload)["ports"]}
        for port in service["spec"]["ports"]:
            assert port["port"] == ports[port["targetPort"]]
    assert "flower" not in {name_of(service) for service in of_kind(documents, "Service")}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_addresses_in_the_settings_are_services(overlay: str) -> None:
    services = {name_of(service): service for service in of_kind(written(overlay), "Service")}
    for name in ("KNOWLEDGE_URL", "TICKETING_URL", "VOICE_URL", "CHROMA_URL"):
        host, _, port = settings_of(overlay)[name].removeprefix("http://").partition(":")
        assert int(port) in {found["port"] for found in services[host]["spec"]["ports"]}


@EVERY_SOURCE
def test_accounts_and_priorities_exist(documents: tuple[Document, ...]) -> None:
    accounts = {name_of(account): account for account in of_kind(documents, "ServiceAccount")}
    priorities = {name_of(priority) for priority in of_kind(documents, "PriorityClass")}
    assert set(accounts) == {name_of(workload) for workload in workloads(documents)}
    assert all(account["automountServiceAccountToken"] is False for account in accounts.values())
    assert not of_kind(documents, "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    for workload in workloads(documents):
        assert pod_of(workload).get("priorityClassName", "callwright-live") in priorities


def test_the_namespace_is_restricted() -> None:
    (namespace,) = of_kind(written("base"), "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_world_reaches_webhooks_media_and_the_api_only() -> None:
    (route,) = of_kind(written("overlays/production"), "HTTPRoute")
    ways = {
        match["path"]["value"]: (match["path"]["type"], rule["backendRefs"][0]["name"], rule.get("timeouts"))
        for rule in route["spec"]["rules"]
        for match in rule["matches"]
    }
    endless = {"request": "0s", "backendRequest": "0s"}
    assert ways == {
        "/twilio/media": ("Exact", "voice", endless),
        "/twilio/relay": ("Exact", "voice", endless),
        "/twilio": ("PathPrefix", "gateway", None),
        "/api": ("PathPrefix", "gateway", None),
    }


def test_every_image_of_ours_is_renamed_in_production() -> None:
    renamed = {image["name"] for image in kustomization(K8S / "overlays/production")["images"]}
    used = {container_of(workload)["image"].partition(":")[0] for workload in workloads(written("base"))}
    assert renamed == used


def test_redis_is_configured_as_on_one_server() -> None:
    assert (K8S / "overlays/dev/redis.conf").read_text(encoding="utf-8") == (
        K8S.parent / "deploy" / "redis.conf"
    ).read_text(encoding="utf-8")


def test_no_yaml_file_lies_about_unread() -> None:
    read = {folder for name in OVERLAYS for folder in kustomized_folders(K8S / name)}
    assert {path.parent for path in K8S.rglob("*.yaml")} == read
    assert yaml.safe_load((K8S / "scaling" / "capacity.yaml").read_text(encoding="utf-8"))
