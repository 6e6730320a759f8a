"""Scalers: one per workload, on figures that exist, with thresholds that follow from what was measured."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from services.workers import watch_metrics
from services.workers.limits import AT_ONCE, LONGEST_S
from shared.contracts.tasks import Queue
from shared.observability import metrics
from tests.unit.deployment.files import (
    K8S,
    OVERLAYS,
    Document,
    compose,
    container_of,
    name_of,
    of_kind,
    settings_of,
    workloads,
    written,
)

PRODUCTION = written("overlays/production")
SCALERS = of_kind(PRODUCTION, "HorizontalPodAutoscaler", "ScaledObject")
CAPACITY: dict[str, Any] = yaml.safe_load((K8S / "scaling" / "capacity.yaml").read_text(encoding="utf-8"))


def scaled(name: str) -> Document:
    (found,) = [document["spec"] for document in of_kind(PRODUCTION, "ScaledObject") if name_of(document) == name]
    return dict(found)


def trigger(name: str) -> dict[str, str]:
    (found,) = scaled(name)["triggers"]
    return dict(found["metadata"])


def test_a_workload_has_at_most_one_scaler_and_then_no_number_of_its_own() -> None:
    deployments = {name_of(deployment): deployment for deployment in of_kind(PRODUCTION, "Deployment")}
    targets = [scaler["spec"]["scaleTargetRef"]["name"] for scaler in SCALERS]
    assert len(targets) == len(set(targets))
    for name, deployment in deployments.items():
        assert ("replicas" in deployment["spec"]) != (name in targets), name


@pytest.mark.parametrize("name", ["voice", *(f"workers-{queue.value}" for queue in Queue)])
def test_scalers_ask_for_metrics_that_we_publish(name: str) -> None:
    assert {watch_metrics.__name__, metrics.__name__} <= set(sys.modules)  # both register what they publish
    published = {family.name for family in REGISTRY.collect()}
    asked = set(re.findall(r"callwright_\w+", trigger(name)["query"]))
    assert asked
    assert asked <= published


def test_voice_scales_below_what_a_pod_is_planned_for() -> None:
    aim = CAPACITY["calls_planned"] * CAPACITY["share_aimed_at"]
    assert float(trigger("voice")["threshold"]) == aim
    assert trigger("voice")["query"] == (
        'sum(callwright_calls_active{state="serving"}) + (max(callwright_callers_held) or vector(0))'
        f" + {CAPACITY['calls_in_reserve']}"
    )
    assert scaled("voice")["minReplicaCount"] >= 3
    assert scaled("voice")["fallback"]["replicas"] >= 3


def test_a_voice_process_takes_the_calls_its_container_is_planned_for() -> None:
    assert all(int(settings_of(overlay)["VOICE_MOST_CALLS"]) == CAPACITY["calls_planned"] for overlay in OVERLAYS)
    for name in ("voice-1", "voice-2"):
        assert int(compose()["services"][name]["environment"]["VOICE_MOST_CALLS"]) == CAPACITY["calls_planned"]


def test_a_voice_pod_asks_for_what_was_measured() -> None:
    (voice,) = [workload for workload in workloads(PRODUCTION) if name_of(workload) == "voice"]
    requests = container_of(voice)["resources"]["requests"]
    calls = CAPACITY["calls_planned"]
    cores = calls * CAPACITY["cpu_seconds_a_call_minute"] / 60 / CAPACITY["share_of_a_core"]
    assert int(requests["cpu"].removesuffix("m")) == math.ceil(cores * 100) * 10
    memory = CAPACITY["memory_at_rest_mb"] + calls * CAPACITY["memory_a_call_mb"] + CAPACITY["memory_for_kept_audio_mb"]
    assert memory <= int(requests["memory"].removesuffix("Mi")) < 1.5 * memory


@pytest.mark.parametrize("queue", Queue)
def test_workers_scale_on_what_waits_and_runs(queue: Queue) -> None:
    name = f"workers-{queue.value}"
    assert int(trigger(name)["threshold"]) == AT_ONCE[queue]
    assert trigger(name)["query"] == " + ".join(
        f'sum(callwright_queue_{state}{{queue="{queue.value}"}})' for state in ("waiting", "running")
    )
    down = scaled(name)["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= LONGEST_S[queue]


def test_rooms_survive_a_lost_node() -> None:
    least = {name_of(s): s["spec"]["minReplicas"] for s in of_kind(PRODUCTION, "HorizontalPodAutoscaler")}
    assert least == {"gateway": 3, "knowledge": 2, "ticketing": 2}
