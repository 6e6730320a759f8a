"""The models this stand-in serves, with the rules and shutdown dates of November 2026."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pydantic import JsonValue

from lab.openai.refusals import no_such_model

CREATED = 1_790_000_000
"""Unix time that every model claims to be from."""


@dataclass(frozen=True)
class ChatModel:
    """A model of `/v1/chat/completions`."""

    id: str
    efforts: tuple[str, ...] = ()
    """Values of `reasoning_effort`; a model without any does not know the parameter."""
    tools_need_no_effort: bool = False
    """Function tools on this endpoint only with `reasoning_effort="none"`."""
    shutdown: date | None = None

    @property
    def reasons(self) -> bool:
        """Whether it thinks before it answers unless told not to."""
        return bool(self.efforts)


@dataclass(frozen=True)
class EmbeddingModel:
    """A model of `/v1/embeddings`."""

    id: str
    dimensions: int
    can_shorten: bool = True
    shutdown: date | None = None


@dataclass(frozen=True)
class SpeechModel:
    """A model of `/v1/audio/speech`."""

    id: str
    shutdown: date | None = None


Model = ChatModel | EmbeddingModel | SpeechModel

_ALL = ("none", "low", "medium", "high", "xhigh", "max")
_NEVER_NONE = ("low", "medium", "high", "xhigh", "max")
_OLD = ("minimal", "low", "medium", "high")
_OCTOBER = date(2026, 10, 23)
_DECEMBER = date(2026, 12, 11)
_JANUARY = date(2027, 1, 14)
_APRIL = date(2027, 4, 1)
_SPEECH_ENDS = date(2027, 1, 6)


def _chat(
    ids: Iterable[str], efforts: tuple[str, ...] = (), *, strict_tools: bool = False, shutdown: date | None = None
) -> list[Model]:
    return [ChatModel(name, efforts, strict_tools, shutdown) for name in ids]


MODELS: dict[str, Model] = {
    model.id: model
    for model in [
        *_chat(("gpt-6-luna", "gpt-6-sol", "gpt-6-astra", "gpt-6.1-terra"), _ALL, strict_tools=True),
        *_chat(("gpt-6.1-sol", "gpt-6.2-sol", "gpt-6.2-astra"), _NEVER_NONE, strict_tools=True),
        *_chat(("gpt-5.6-luna", "gpt-5.6-terra", "gpt-5.6-sol"), _ALL, strict_tools=True),
        *_chat(("gpt-5.4-mini",), _ALL),
        *_chat(("gpt-5.4-nano", "gpt-5.1"), _ALL, shutdown=_APRIL),
        *_chat(("gpt-5", "gpt-5-mini", "gpt-5-nano"), _OLD, shutdown=_DECEMBER),
        *_chat(("gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"), shutdown=_JANUARY),
        *_chat(("gpt-4.1-nano", "gpt-4-turbo", "gpt-3.5-turbo"), shutdown=_OCTOBER),
        EmbeddingModel("text-embedding-3-small", 1536),
        EmbeddingModel("text-embedding-3-large", 3072),
        EmbeddingModel("text-embedding-ada-002", 1536, can_shorten=False),
        *(SpeechModel(name, shutdown=_SPEECH_ENDS) for name in ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")),
    ]
}


def served(today: date) -> list[Model]:
    """What can be used today."""
    return [model for model in MODELS.values() if model.shutdown is None or today < model.shutdown]


def chat_model(name: str, today: date) -> ChatModel:
    """The model of this name. Raises Refused (404) when there is none or it has been shut down."""
    model = _in_service(name, today)
    if not isinstance(model, ChatModel):
        raise no_such_model(name)
    return model


def embedding_model(name: str, today: date) -> EmbeddingModel:
    """The model of this name. Raises Refused (404) when there is none or it has been shut down."""
    model = _in_service(name, today)
    if not isinstance(model, EmbeddingModel):
        raise no_such_model(name)
    return model


def speech_model(name: str, today: date) -> SpeechModel:
    """The model of this name. Raises Refused (404) when there is none or it has been shut down."""
    model = _in_service(name, today)
    if not isinstance(model, SpeechModel):
        raise no_such_model(name)
    return model


def _in_service(name: str, today: date) -> Model:
    model = MODELS.get(name)
    if model is None or (model.shutdown is not None and today >= model.shutdown):
        raise no_such_model(name)
    return model


def entry(model: Model) -> dict[str, JsonValue]:
    """The model as `/v1/models` lists it."""
    listed: dict[str, JsonValue] = {"id": model.id, "object": "model", "created": CREATED, "owned_by": "callwright-lab"}
    if model.shutdown is not None:
        listed["shutdown_date"] = model.shutdown.isoformat()
    return listed
