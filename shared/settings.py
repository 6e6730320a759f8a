"""Every setting the platform knows, read from the environment or from files, checked before a service starts.

A service composes the groups it needs into one class. All groups live here so that a misspelt name is recognised by
every process, whichever group it belongs to. Each setting may also come from a file: `NAME_FILE=/run/secrets/name`.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import time
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.rates.card import RateCard, packaged_card, read_card

EX_CONFIG = 78
"""The exit status of a process whose settings are wrong (sysexits.h)."""

VENDOR_PREFIXES = ("TWILIO_", "DEEPGRAM_", "ELEVENLABS_", "OPENAI_", "KAYAKO_")
"""Under these prefixes an unknown name is refused: the vendors' SDKs read such variables behind our back
(`TWILIO_REGION` silently reroutes every REST call)."""

LEFT_TO_THE_SDK = frozenset({"OPENAI_ORG_ID", "OPENAI_PROJECT_ID"})
"""Names under a vendor prefix that only the vendor's SDK reads, harmlessly."""


class SettingsError(Exception):
    """The settings cannot be used; `lines` says what to fix, one line each."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


def _web_address(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in ("http", "https") or not rest.strip("/"):
        raise ValueError("must be an http:// or https:// address")
    return value.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]
"""An http or https base without a trailing slash; its sockets use the same host and port as ws or wss."""


def socket_address(base: str) -> str:
    """The ws:// or wss:// form of an http or https base."""
    return "ws" + base.removeprefix("http")


def from_file(name: str, environment: Mapping[str, str]) -> str | None:
    """What stands in the file that `NAME_FILE` names; None when it names none or is empty. Raises SettingsError.

    An empty file sets nothing, just as an empty variable: a secret that was never filled in must be missed at start.
    """
    path = environment.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n") or None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise SettingsError([f"{name}_FILE: {path}: {reason}"]) from error


class _FileSource(PydanticBaseSettingsSource):
    """Reads `NAME` from the file named by `NAME_FILE`, without its final line break."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return from_file(field_name.upper(), os.environ), field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                values[key] = value
        return values


class SettingsGroup(BaseSettings):
    """Base of all groups: environment first, then files, never a .env file behind the operator's back."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)


class ProcessSettings(SettingsGroup):
    """What every process has."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    metrics_token: SecretStr | None = None
    """Bearer token for `/metrics` and `/health/dependencies`; without one only this machine may read them."""
    disk_least_free_mb: int = Field(default=64, ge=0, le=10_000_000)
    """Less room than this, in a directory that a process writes to, is reported; 0 reports none."""
    disk_directories: str = ""
    """More directories to watch, with commas between them: those of PostgreSQL, Redis and Chroma, where this process
    sees them, or the one that standard output ends in."""

    @property
    def watched_directories(self) -> dict[str, Path]:
        """The directories named by the operator, by their own names."""
        return {name.strip(): Path(name.strip()) for name in self.disk_directories.split(",") if name.strip()}


class ListenSettings(SettingsGroup):
    """Where a web process listens."""

    listen_host: str = "127.0.0.1"
    listen_port: int = Field(default=8000, ge=0, le=65535)


class DatabaseSettings(SettingsGroup):
    """PostgreSQL 14 or newer."""

    database_url: Annotated[SecretStr, Field(description="postgresql://user:password@host:5432/name")]
    database_pool_size: int = Field(default=8, ge=1, le=100)
    """Connections of one process; there is no overflow, a full pool is an error after 3 s."""
    database_statement_ms: int = Field(default=5000, ge=100)
    database_behind_pgbouncer: bool = False


class RedisSettings(SettingsGroup):
    """Redis 6.2 or newer, with `maxmemory-policy noeviction` and an append-only file."""

    redis_url: Annotated[SecretStr, Field(description="redis://host:6379/0")]


class ChromaSettings(SettingsGroup):
    """The Rust Chroma server (`chroma run`); never the Python one (CVE-2026-45829)."""

    chroma_url: WebAddress


class PublicSettings(SettingsGroup):
    """The addresses Twilio sees; signatures are checked against them, never against request headers."""

    public_url: WebAddress
    voice_public_url: WebAddress | None = None
    """Where `/twilio/media` and `/twilio/relay` are reachable; the same host as `public_url` when not given."""

    @property
    def media_address(self) -> str:
        """The wss:// (or ws://) base of the voice tier."""
        return socket_address(self.voice_public_url or self.public_url)


def _signing_key(value: SecretStr) -> SecretStr:
    try:
        length = len(base64.b64decode(value.get_secret_value(), validate=True))
    except binascii.Error:
        length = 0
    if length != 32:
        raise ValueError("is not that; `openssl rand -base64 32` prints one")
    return value


class SigningSettings(SettingsGroup):
    """Keys of our own: purpose tokens between rooms and for media streams, and the pepper of API keys."""

    signing_key: Annotated[SecretStr, AfterValidator(_signing_key), Field(description="32 random bytes, base64")]
    api_key_pepper: Annotated[SecretStr, Field(min_length=16, description="at least 16 random characters")]


class TwilioSettings(SettingsGroup):
    """The telephone account."""

    twilio_account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    twilio_auth_token: SecretStr
    twilio_api_url: WebAddress = "https://api.twilio.com"


def _countries(value: str) -> str:
    countries = [country.strip().upper() for country in value.split(",") if country.strip()]
    if not all(len(country) == 2 and country.isascii() and country.isalpha() for country in countries):
        raise ValueError("must be countries of two letters with commas between them, such as US,CA")
    return ",".join(countries)


ANY_TIME = "any"


def _hours(value: str) -> str:
    begin, separator, end = value.partition("-")
    try:
        in_order = value == ANY_TIME or (bool(separator) and time.fromisoformat(begin) < time.fromisoformat(end))
    except ValueError:
        in_order = False
    if not in_order:
        raise ValueError("must be two times of one day such as 08:00-21:00, or any")
    return value


class OutboundSettings(SettingsGroup):
    """How much calling somebody may cost when a key is stolen (security guide, sections 3.11 and 7.8)."""

    outbound_countries: Annotated[str, AfterValidator(_countries)] = ""
    """Where may be called; empty for the country of the number that calls. Countries, never calling codes: +1 is
    shared with islands that thieves earn money with."""
    outbound_per_minute: int = Field(default=10, ge=0, le=1000)
    """Calls that one API key may order."""
    outbound_per_hour: int = Field(default=60, ge=0, le=100_000)
    """The same in an hour."""
    outbound_per_number: int = Field(default=3, ge=0, le=1000)
    """Calls to one number in a day."""
    outbound_per_day: int = Field(default=500, ge=0, le=1_000_000)
    """Calls of the whole deployment."""
    outbound_longest_s: int = Field(default=1800, ge=60, le=14_400)
    """Twilio ends a call of ours at this length, whatever we do."""
    outbound_consent: Literal["required", "not_required"] = "required"
    """Whether only those may be called who agreed (`/api/v1/permissions`). Many countries ask for that, the United
    States for every call with an artificial voice; `not_required` says that whoever orders calls sees to it."""
    outbound_hours: Annotated[str, AfterValidator(_hours)] = "08:00-21:00"
    """When may be called, by the clock of whoever is called; or `any`."""
    outbound_spend_per_day: Decimal | None = Field(default=None, ge=0)
    """What the calls that one API key orders may cost in a day, by the rate card; no limit when not given."""
    outbound_spend_currency: str = Field(default="USD", pattern="^[A-Z]{3}$")

    @property
    def outbound_times(self) -> tuple[time, time] | None:
        """When may be called, by the clock of whoever is called; None for any time."""
        begin, _, end = self.outbound_hours.partition("-")
        return (time.fromisoformat(begin), time.fromisoformat(end)) if end else None


class LimitSettings(SettingsGroup):
    """How much may come to the gateway within a minute; as many may come at once. All gateways count together."""

    limit_calls_per_caller_per_minute: int = Field(default=30, ge=1, le=100_000)
    """Calls from one number. Nobody dials so often, but the main number of a company stands for all its telephones."""
    limit_calls_per_number_per_minute: int = Field(default=600, ge=1, le=1_000_000)
    """Calls to one of our numbers."""
    limit_calls_per_minute: int = Field(default=3000, ge=1, le=1_000_000)
    """Calls to all our numbers: fifty a second."""
    limit_webhooks_per_minute: int = Field(default=60_000, ge=100, le=10_000_000)
    """Signed webhooks of any kind: a wall against floods, far above what live calls need."""
    limit_requests_per_key_per_minute: int = Field(default=1200, ge=1, le=1_000_000)
    """Requests to the API with one key."""
    limit_failed_keys_per_address_per_minute: int = Field(default=30, ge=1, le=1_000_000)
    """Requests from one address without a good key."""
    limit_proxies: int = Field(default=0, ge=0, le=10)
    """How many proxies of ours stand before the gateway, each of which adds the address it sees to X-Forwarded-For;
    with 0 the header, which anybody can write, is not read."""


class SocketLimitSettings(SettingsGroup):
    """How many sockets the voice tier is asked to open within a minute; as many may be asked for at once."""

    limit_sockets_per_minute: int = Field(default=6000, ge=1, le=1_000_000)
    """In all voice processes together."""
    limit_sockets_per_process_per_minute: int = Field(default=1200, ge=1, le=1_000_000)
    """In one process."""


def _rate_card(value: str) -> str:
    read_card(value)
    return value


class RateSettings(SettingsGroup):
    """What providers charge."""

    rate_card: Annotated[str, AfterValidator(_rate_card)] = ""
    """Rates of one's own, most easily from a file (RATE_CARD_FILE) like `shared/rates/list_prices.toml`; they take the
    place of the list prices of the products they name."""

    @property
    def rates(self) -> RateCard:
        """The list prices, with the rates of one's own in their place."""
        return packaged_card().replaced_by(read_card(self.rate_card)) if self.rate_card else packaged_card()


class DeepgramSettings(SettingsGroup):
    """Hearing and speech."""

    deepgram_api_key: SecretStr
    deepgram_url: WebAddress = "https://api.deepgram.com"
    deepgram_listen_model: str = "nova-3"
    """Who hears: a Nova model over `/v1/listen`, or `flux-general-en` over `/v2/listen`, which ends turns itself."""
    deepgram_eager_threshold: float = Field(default=0.5, ge=0.3, le=0.7)
    """Flux only: how sure it must be to report a likely end of turn."""
    deepgram_endpointing_ms: int = Field(default=300, ge=10, le=5000)
    """Silence that ends an utterance; the vendor's own default of 10 ms chops sentences."""


class OpenAISettings(SettingsGroup):
    """The language model; without a key the assistant answers by rules and extraction."""

    openai_api_key: SecretStr | None = None
    openai_base_url: WebAddress = "https://api.openai.com/v1"
    openai_model: str = "gpt-6-luna"
    """Answers live turns. `gpt-4o*`, `gpt-4.1*` and `gpt-5*` are being shut down between December 2026 and January
    2027."""
    openai_fast_model: str | None = None
    """Answers while the first one fails or is slow (degradation level 1); without it rules and articles do at once."""
    openai_summary_model: str = "gpt-6-luna"
    openai_reasoning_effort: Literal["none", "low", "medium", "high"] | None = "none"
    """`none` is what lets gpt-6 and gpt-5.6 use tools on chat completions; leave empty for models that refuse it."""
    openai_embedding_model: str = "text-embedding-3-small"


class ElevenLabsSettings(SettingsGroup):
    """Speech; without a key no agent can have one of its voices."""

    elevenlabs_api_key: SecretStr | None = None
    elevenlabs_url: WebAddress = "https://api.elevenlabs.io"
    elevenlabs_model: str = "eleven_flash_v2_5"
    """`eleven_v3` and `eleven_v4*` are refused on the socket we use."""


class SpeechCodec(StrEnum):
    """What a server of speech may answer with."""

    PCM = "pcm"
    """16-bit little-endian samples, one channel, no header."""
    MP3 = "mp3"
    """Any rate; stereo is mixed."""


class OpenAISpeechSettings(SettingsGroup):
    """Speech from OpenAI or from a server of one's own that speaks its protocol."""

    openai_speech_base_url: WebAddress | None = None
    """Where `/audio/speech` is; OPENAI_BASE_URL when not given. OpenAI's own models of it end on 6 January 2027."""
    openai_speech_api_key: SecretStr | None = None
    """OPENAI_API_KEY when neither this nor an address of its own is given."""
    openai_speech_model: str = "gpt-4o-mini-tts"
    openai_speech_format: SpeechCodec = SpeechCodec.PCM
    openai_speech_rate: int = Field(default=24000, ge=8000, le=48000)
    """Hertz of its PCM, which has no header to say so."""


class KayakoSettings(SettingsGroup):
    """The help desk."""

    kayako_url: WebAddress
    kayako_email: str = Field(min_length=3)
    kayako_password: SecretStr
    kayako_auth_mode: Literal["auto", "basic_each", "session", "basic_plus_session"] = "auto"
    """`auto` takes what `make kayako-probe` found to work, and `basic_each` before its first run."""
    kayako_timeout_s: float = Field(default=20, gt=0, le=120)
    kayako_page: int = Field(default=100, ge=1, le=1000)
    kayako_quiet_s: float = Field(default=90, ge=0)
    """How long after an unanswered create call a case may still appear; no second try before that."""
    kayako_default_team: str | None = None


class RoomSettings(SettingsGroup):
    """Where the rooms find each other."""

    knowledge_url: WebAddress
    ticketing_url: WebAddress
    voice_url: WebAddress | None = None
    """Where the voice tier answers inside the deployment; only the dependency report asks there."""


class KnowledgeSettings(SettingsGroup):
    """Ingest and search."""

    knowledge_model_dir: Path = Path(".local/models")
    """Where the MiniLM graph built from the packaged weights is kept."""
    knowledge_embeddings: Literal["auto", "openai", "minilm"] = "auto"
    """`auto` takes OpenAI when OPENAI_API_KEY is set, and MiniLM on this machine otherwise."""
    knowledge_sync_minutes: int = Field(default=10, ge=1, le=1440)
    """How often the help centre's articles are compared with ours."""
    knowledge_threshold: float = Field(default=0.45, ge=0, le=1)
    """Relevance below which a search says that nothing was found."""


class VoiceSettings(SettingsGroup):
    """Live calls and the end of a voice process."""

    voice_silence_s: float = Field(default=3.0, ge=1, le=60)
    """Quiet after our last word until the caller is asked whether they are still there."""
    voice_answers_ahead: bool = True
    """Whether an answer of the model may be begun when the caller has probably finished, and is thrown away when not:
    sooner answers for more requests, two a turn at most. Searches are begun ahead in any case."""
    voice_known_answers: Literal["never", "same", "like"] = "same"
    """Whether a model's answer is given again while no article has changed: to the same words, or also to a question
    that means the same, which is wrong once in eighty times (docs/benchmarks.md, Thinking ahead)."""
    voice_acknowledge_ms: int = Field(default=400, ge=0, le=5000)
    """An answer that is not there so long after the caller's turn is announced ("Let me look that up."); 0: never."""
    voice_protects_notice: bool = False
    """Whether the sentence that an AI answers is said to its end although the caller talks over it; if not, it is said
    again."""
    voice_longest_call_s: float = Field(default=1800, ge=60, le=14400)
    """A call is ended politely at this length, with a warning five minutes before (security guide, section 3.11)."""
    voice_most_calls: int = Field(default=100, ge=1, le=2000)
    """Calls one process takes at once; more are kept at the gateway, or refused here when they come all the same."""
    voice_speech_probe_s: float = Field(default=300, ge=0, le=86400)
    """A provider of speech that no caller has heard for this long is asked for a word; 0 asks none that is well."""
    voice_lame_duck_s: float = Field(default=5, ge=0, le=60)
    """After a stop signal sockets are still taken for this long, until proxies have noticed that we are not ready."""
    voice_drain_s: float = Field(default=480, ge=0, le=3600)
    """How long live calls may go on after that."""
    voice_move_s: float = Field(default=30, ge=0, le=300)
    """How long the rest may take to be handed over to other processes, each call at the end of a sentence."""


class WorkerSettings(SettingsGroup):
    """Background work.

    Redis gives a task to somebody else after the longest run and the longest wait together, so every program of the
    background must be given the same two numbers.
    """

    worker_concurrency: int | None = Field(default=None, ge=1, le=64)
    """Tasks a worker runs at once, each in a process of its own; what fits the queue when not given."""
    worker_longest_task_s: float = Field(default=300, ge=5, le=3600)
    """No task runs longer; queues of short tasks have lower limits of their own."""
    worker_longest_wait_s: float = Field(default=300, ge=1, le=3600)
    """No task waits longer for its next try."""
    heartbeat_file: Path | None = None
    """Written when a worker, relay or beat is ready, and every few seconds while it turns."""


class FlowerSettings(SettingsGroup):
    """Who may look into the queues."""

    flower_user: str = Field(default="callwright", min_length=1, pattern=r"^[^:]+$")
    flower_password: Annotated[SecretStr, Field(min_length=12, description="at least 12 characters")]


ALL_GROUPS: tuple[type[SettingsGroup], ...] = (
    ProcessSettings,
    ListenSettings,
    DatabaseSettings,
    RedisSettings,
    ChromaSettings,
    PublicSettings,
    SigningSettings,
    TwilioSettings,
    OutboundSettings,
    LimitSettings,
    SocketLimitSettings,
    RateSettings,
    DeepgramSettings,
    OpenAISettings,
    OpenAISpeechSettings,
    ElevenLabsSettings,
    KayakoSettings,
    RoomSettings,
    KnowledgeSettings,
    VoiceSettings,
    WorkerSettings,
    FlowerSettings,
)


def setting_names() -> frozenset[str]:
    """Every setting's name."""
    return frozenset(name.upper() for group in ALL_GROUPS for name in group.model_fields)


def known_names() -> frozenset[str]:
    """Every name a process may be given: each setting's, and its `_FILE` form."""
    return setting_names() | {f"{name}_FILE" for name in setting_names()}


def misspelt(environment: Iterable[str], known: frozenset[str]) -> list[str]:
    """One line for each variable that looks like a setting of ours and is none."""
    lines = []
    for name in sorted(environment):
        if name in known or name in LEFT_TO_THE_SDK:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.88)
        if near:
            lines.append(f"{name}: there is no such setting; did you mean {near[0]}?")
        elif name.startswith(VENDOR_PREFIXES):
            lines.append(f"{name}: there is no such setting; remove it, or a vendor's SDK will obey it unseen")
    return lines


Loaded = TypeVar("Loaded", bound=SettingsGroup)


def load(settings_type: type[Loaded], environment: Mapping[str, str] = os.environ) -> Loaded:
    """Read and check the settings of one process.

    Raises SettingsError with one line for each thing to fix.
    """
    lines = misspelt(environment, known_names())
    try:
        settings = settings_type()
    except ValidationError as error:
        lines += [_explain(settings_type, dict(problem)) for problem in error.errors(include_input=False)]
    except SettingsError as error:
        lines += error.lines
    if lines:
        raise SettingsError(lines)
    return settings


def _explain(settings_type: type[SettingsGroup], problem: dict[str, Any]) -> str:
    if not problem["loc"]:  # about several settings together; the message names them
        return str(problem["msg"]).removeprefix("Value error, ")
    name = str(problem["loc"][0])
    field = settings_type.model_fields.get(name)
    hint = f" ({field.description})" if field is not None and field.description else ""
    if problem["type"] == "missing":
        return f"{name.upper()}: not set{hint}; set it, or {name.upper()}_FILE to a file that holds it"
    return f"{name.upper()}: {problem['msg'].removeprefix('Value error, ')}{hint}"


def load_or_exit(settings_type: type[Loaded]) -> Loaded:
    """`load`, or print the lines to standard error and end the process with status 78."""
    try:
        return load(settings_type)
    except SettingsError as error:
        _refuse(error.lines)


def _refuse(lines: list[str]) -> NoReturn:
    for line in lines:
        print(f"setting {line}", file=sys.stderr)
    raise SystemExit(EX_CONFIG)
