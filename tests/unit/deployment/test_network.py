"""Who may talk to whom: what the settings of a program need is open, and nothing else is."""

from __future__ import annotations

import pytest

from tests.unit.deployment.files import Document, container_of, labels_of, name_of, of_kind, selects, workloads, written
from tests.unit.deployment.programs import Program, program_of

BASE = written("base")
POLICIES = of_kind(BASE, "NetworkPolicy")
PROGRAMS: dict[str, Program] = {
    name_of(workload): program
    for workload in workloads(BASE)
    if (program := program_of(container_of(workload)["command"])) is not None
}
CHROMA = "chroma"
GATEWAYS = "envoy-gateway-system"
MONITORING = "monitoring"


def labels(name: str) -> dict[str, str]:
    (found,) = [labels_of(workload) for workload in workloads(BASE) if name_of(workload) == name]
    return found


def policies_of(name: str, direction: str) -> list[Document]:
    return [
        policy
        for policy in POLICIES
        if direction in policy["spec"]["policyTypes"] and selects(policy["spec"]["podSelector"], labels(name))
    ]


def may_reach(name: str) -> set[tuple[str, int]]:
    """Names of workloads, or `vendors`, and ports that this workload may open connections to."""
    found = set()
    for policy in policies_of(name, "Egress"):
        for rule in policy["spec"].get("egress", ()):
            for peer in rule["to"]:
                if "ipBlock" in peer:
                    found |= {("vendors", port["port"]) for port in rule["ports"]}
                elif "podSelector" in peer:
                    to = peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"]
                    found |= {(to, port["port"]) for port in rule["ports"]}
    return found


def lets_in(name: str) -> set[str]:
    """Names of workloads and namespaces that may open connections to this workload's port 8000."""
    found = set()
    for policy in policies_of(name, "Ingress"):
        for rule in policy["spec"].get("ingress", ()):
            assert [port["port"] for port in rule["ports"]] == [8000]
            for peer in rule["from"]:
                if "namespaceSelector" in peer:
                    found.add(peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"])
                else:
                    found |= {other for other in PROGRAMS if selects(peer["podSelector"], labels(other))}
    return found


def needs(program: Program) -> set[tuple[str, int]]:
    """What its settings say it talks to."""
    names = set(program.fields)
    wanted = {
        "DATABASE_URL": ("postgres", 5432),
        "REDIS_URL": ("redis", 6379),
        "CHROMA_URL": (CHROMA, 8000),
        "KNOWLEDGE_URL": ("knowledge", 8000),
        "TICKETING_URL": ("ticketing", 8000),
        "VOICE_URL": ("voice", 8000),
        "KAYAKO_URL": ("vendors", 443),
        "DEEPGRAM_URL": ("vendors", 443),
        "TWILIO_API_URL": ("vendors", 443),
        "OPENAI_BASE_URL": ("vendors", 443),
    }
    found = {where for name, where in wanted.items() if name in names}
    if program.words == ("services.voice",):
        # it is told where the other rooms are by the same group of settings, and asks knowledge alone
        found -= {("ticketing", 8000), ("voice", 8000)}
    return found


@pytest.mark.parametrize(("name", "program"), PROGRAMS.items())
def test_what_a_program_needs_is_open_and_no_more(name: str, program: Program) -> None:
    assert may_reach(name) == needs(program)


def test_what_may_be_reached_lets_the_same_in() -> None:
    for target in ("knowledge", "ticketing", "voice", CHROMA):
        callers = {name for name in PROGRAMS if (target, 8000) in may_reach(name)}
        assert lets_in(target) - {GATEWAYS, MONITORING} == callers


def test_the_world_comes_in_by_the_gateway_and_voice_only() -> None:
    open_to_the_world = {name for name in (*PROGRAMS, CHROMA) if GATEWAYS in lets_in(name)}
    assert open_to_the_world == {"gateway", "voice"}


def test_prometheus_reaches_everything_with_metrics() -> None:
    measured = {name for name, program in PROGRAMS.items() if "METRICS_TOKEN" in program.fields and program.serves}
    assert {name for name in PROGRAMS if MONITORING in lets_in(name)} == measured - {"flower"}
    (monitor,) = of_kind(written("overlays/production"), "PodMonitor")
    assert {name for name in PROGRAMS if selects(monitor["spec"]["selector"], labels(name))} == measured - {"flower"}


def test_everything_else_is_closed_and_names_can_be_looked_up() -> None:
    by_name = {name_of(policy): policy["spec"] for policy in POLICIES}
    assert by_name["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ports = {(port["port"], port["protocol"]) for port in by_name["names"]["egress"][0]["ports"]}
    assert ports == {(53, "UDP"), (53, "TCP")}


def test_private_addresses_are_no_vendors() -> None:
    (policy,) = [policy for policy in POLICIES if name_of(policy) == "to-vendors"]
    (peer,) = policy["spec"]["egress"][0]["to"]
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"} <= set(peer["ipBlock"]["except"])


@pytest.mark.parametrize(("store", "port"), [("postgres", 5432), ("redis", 6379)])
def test_stores_outside_are_open_to_the_same_pods(store: str, port: int) -> None:
    by_name = {name_of(policy): policy["spec"] for policy in of_kind(written("overlays/production"), "NetworkPolicy")}
    outside, inside = by_name[f"to-{store}-outside"], by_name[f"to-{store}"]
    assert outside["podSelector"] == inside["podSelector"]
    assert [rule["ports"] for rule in outside["egress"]] == [[{"port": port, "protocol": "TCP"}]]
