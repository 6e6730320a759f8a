"""One server: docker-compose.yml and what stands beside it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.unit.deployment.compose_schema import Project, Service
from tests.unit.deployment.files import ROOT, command_of_image, compose, stages, target_of
from tests.unit.deployment.programs import CHROMA, LASTING, MIGRATE, VOICE, Program, program_of

PROJECT = Project.model_validate(compose())
SERVICES = sorted(PROJECT.services.items())
STORES = {"postgres", "redis", "chroma"}
CADDYFILE = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")


def program_in(service: Service) -> Program | None:
    target = target_of(service.image)
    if target is None or target == "edge":
        return None
    return program_of(service.command or command_of_image(target))


OURS = [(name, service, program) for name, service in SERVICES if (program := program_in(service)) is not None]


def seconds(text: str) -> int:
    amount, unit = re.fullmatch(r"(\d+)([sm])", text).groups()  # type: ignore[union-attr]
    return int(amount) * {"s": 1, "m": 60}[unit]


def attached(service: Service) -> set[str]:
    return set(service.networks)


def test_every_program_runs_once_and_voice_twice() -> None:
    counted = Counter(program.words for _, _, program in OURS)
    assert counted == {program.words: 1 for program in (*LASTING, MIGRATE)} | {VOICE.words: 2}


@pytest.mark.parametrize(("name", "service"), SERVICES)
def test_a_container_has_no_rights_and_cannot_write_its_root(name: str, service: Service) -> None:
    assert service.read_only, name
    assert service.cap_drop == ["ALL"]
    assert service.security_opt == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service.user)
    assert any(mount.startswith("/tmp:size=") for mount in service.tmpfs)


@pytest.mark.parametrize(("name", "service"), SERVICES)
def test_a_container_is_bounded_watched_and_started_again(name: str, service: Service) -> None:
    assert re.fullmatch(r"\d+[MG]", service.deploy.resources.limits.memory)
    assert {"max-size", "max-file"} <= set(service.logging.options)
    once = name == "migrate"
    assert service.restart == ("no" if once else "unless-stopped")
    assert service.healthcheck is not None
    assert bool(service.healthcheck.test) != once
    assert once or service.stop_grace_period


@pytest.mark.parametrize(("name", "service"), SERVICES)
def test_images_are_ours_or_pinned(name: str, service: Service) -> None:
    target = target_of(service.image)
    if target is None:
        assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?", service.image), name
        assert service.build is None
    else:
        assert target in stages()
        assert service.build is not None
        assert service.build.target == target
        assert service.image == f"callwright/{target}:${{IMAGE_TAG:-0.1.0}}"


@pytest.mark.parametrize(("name", "service", "program"), OURS)
def test_a_program_lives_in_the_image_it_is_started_from(name: str, service: Service, program: Program) -> None:
    assert target_of(service.image) == program.target, name
    assert service.init


@pytest.mark.parametrize(("name", "service", "program"), OURS)
def test_health_is_asked_where_it_is_told(name: str, service: Service, program: Program) -> None:
    if program is MIGRATE:
        return
    assert service.healthcheck is not None
    assert service.healthcheck.test is not None
    *asked, where = service.healthcheck.test
    assert asked == ["CMD", "python", "-m", "shared.observability.probe"]
    if program.serves:
        assert where == f"http://127.0.0.1:8000/{'healthcheck' if name == 'flower' else 'health/ready'}"
    else:
        assert where == service.environment["HEARTBEAT_FILE"]
        assert where.startswith("/tmp/")


@pytest.mark.parametrize(("name", "service", "program"), OURS)
def test_a_stop_takes_no_longer_than_it_is_given(name: str, service: Service, program: Program) -> None:
    if program is MIGRATE:
        return
    assert service.stop_grace_period is not None, name
    spare = 20 if program is VOICE else 5
    assert seconds(service.stop_grace_period) >= program.stops_within_s + spare


def test_voice_is_given_the_times_its_grace_was_made_for() -> None:
    for name in ("voice-1", "voice-2"):
        given = PROJECT.services[name].environment
        times = sum(int(given[f"VOICE_{name}_S"]) for name in ("LAME_DUCK", "DRAIN", "MOVE"))
        assert times + 20 == VOICE.stops_within_s


def test_nothing_starts_before_the_schema_is_there() -> None:
    for name, service, program in OURS:
        if "DATABASE_URL" in program.required and program is not MIGRATE:
            assert service.depends_on["migrate"].condition == "service_completed_successfully", name
        if "REDIS_URL" in program.required and not program.serves:
            assert service.depends_on["redis"].condition == "service_healthy", name
    assert PROJECT.services["migrate"].depends_on["postgres"].condition == "service_healthy"


def test_dependencies_exist() -> None:
    for _, service in SERVICES:
        assert set(service.depends_on) <= set(PROJECT.services)


def test_only_the_edge_publishes_ports_and_flower_only_on_loopback() -> None:
    assert {name for name, service in SERVICES if service.ports} == {"edge"}
    assert PROJECT.services["edge"].ports == ["80:8080", "443:8443", "127.0.0.1:5555:8081"]


def test_stores_have_no_way_in_or_out() -> None:
    assert PROJECT.networks["data"].internal
    for name in STORES:
        assert attached(PROJECT.services[name]) == {"data"}


def test_only_programs_that_speak_to_vendors_can_leave() -> None:
    leaving = {name for name, network in PROJECT.networks.items() if not network.internal}
    assert leaving == {"outward"}
    for name, service, program in OURS:
        speaks = bool({"KAYAKO_URL", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "TWILIO_API_URL"} & set(program.fields))
        assert ("outward" in attached(service)) == speaks, name


def test_programs_reach_the_stores_and_rooms_of_their_settings() -> None:
    for name, service, program in OURS:
        for setting, needed in (
            ("DATABASE_URL", "data"),
            ("REDIS_URL", "data"),
            ("CHROMA_URL", "data"),
            ("KNOWLEDGE_URL", "rooms"),
        ):
            if setting in program.required:
                assert needed in attached(service), (name, setting)
    shared = attached(PROJECT.services["edge"]) & attached(PROJECT.services["gateway"])
    assert shared - {"outward"} == {"front"}


def test_postgres_is_asked_over_tcp_and_its_whole_folder_is_kept() -> None:
    postgres = PROJECT.services["postgres"]
    assert postgres.healthcheck is not None
    assert postgres.healthcheck.test is not None
    assert "127.0.0.1" in postgres.healthcheck.test
    assert postgres.volumes == ["postgres:/var/lib/postgresql"]
    assert postgres.stop_signal == "SIGINT"


@pytest.mark.parametrize("file", ["deploy/redis.conf", "k8s/overlays/dev/redis.conf"])
def test_redis_keeps_its_queue(file: str) -> None:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert {"appendonly yes", "maxmemory-policy noeviction", "include /run/secrets/redis_auth"} <= set(lines)


def test_chroma_is_the_server_that_was_tested() -> None:
    chroma = PROJECT.services["chroma"]
    assert tuple(chroma.command or ())[:2] == CHROMA

    def version(lock: str) -> str:
        text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
        (found,) = re.findall(r"^chromadb==(\S+)", text, re.MULTILINE)
        return str(found)

    assert target_of(chroma.image) == "knowledge"
    assert version("knowledge") == version("development")


def test_everything_named_is_used_and_everything_used_is_named() -> None:
    used_secrets = {name for _, service in SERVICES for name in service.secrets}
    assert used_secrets == set(PROJECT.secrets)
    assert {volume.partition(":")[0] for _, service in SERVICES for volume in service.volumes} == set(PROJECT.volumes)
    assert {name for _, service in SERVICES for name in service.networks} == set(PROJECT.networks)
    for name, secret in PROJECT.secrets.items():
        assert secret.file == f"./.secrets/{name}"
    assert (ROOT / PROJECT.configs["redis"].file).is_file()


def test_every_variable_is_explained() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    told = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert wanted == told


def test_the_edge_sends_media_to_both_voice_services_and_the_rest_to_the_gateway() -> None:
    assert "reverse_proxy @media voice-1:8000 voice-2:8000 {" in CADDYFILE
    assert "@media path /twilio/media /twilio/relay\n" in CADDYFILE
    assert "\treverse_proxy gateway:8000\n" in CADDYFILE
    assert {"voice-1", "voice-2", "gateway", "flower"} <= set(PROJECT.services)
    for wanted in ("lb_policy least_conn", "health_uri /health/ready", "health_interval 1s", "stream_close_delay 30m"):
        assert wanted in CADDYFILE


def test_what_only_operators_may_see_is_not_public() -> None:
    assert "@private path /metrics /health/dependencies\n\trespond @private 404" in CADDYFILE
    assert "@open path /metrics /healthcheck\n\trespond @open 404" in CADDYFILE


def test_ports_of_the_edge_are_those_it_listens_on() -> None:
    inside = {port.rpartition(":")[2] for port in PROJECT.services["edge"].ports}
    assert inside == {"8080", "8443", "8081"}
    assert "http_port 8080" in CADDYFILE
    assert "https_port 8443" in CADDYFILE
    assert "http://:8081 {" in CADDYFILE
