"""Vectors from words: the same text always gets the same one, and texts that share words are near each other."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from lab.openai.catalogue import EmbeddingModel
from lab.openai.mind.words import SHORT_PART, WORD, stem, stems
from lab.openai.refusals import Refused, invalid
from lab.openai.tokens import count

MOST_TOKENS_EACH = 8192
MOST_INPUTS = 2048
MOST_TOKENS = 300_000
STOP_WEIGHT = 0.15
"""What a word without a matter adds, against 1 for one with."""
GRAM_WEIGHT = 0.25
"""What three letters of a word add: misspelt words stay near."""
SPREAD = 4
"""Places of the vector that one word touches."""

Vector = npt.NDArray[np.float32]


class EmbeddingRequest(BaseModel):
    """The body of `POST /v1/embeddings`."""

    model_config = ConfigDict(extra="forbid")

    model: str
    input: str | list[str]
    dimensions: int | None = Field(default=None, ge=1)
    encoding_format: Literal["float", "base64"] = "float"
    user: str | None = None

    @property
    def texts(self) -> list[str]:
        """The inputs, always as a list."""
        return [self.input] if isinstance(self.input, str) else self.input


def read(body: object) -> EmbeddingRequest:
    """Check the shape. Raises Refused (400)."""
    try:
        return EmbeddingRequest.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        name = str(problem["loc"][0]) if problem["loc"] else None
        raise invalid(f"Invalid value for '{name}': {problem['msg']}.", name, "invalid_value") from error


def check(request: EmbeddingRequest, model: EmbeddingModel) -> None:
    """The limits of the endpoint. Raises Refused (400)."""
    texts = request.texts
    if not texts or any(not text for text in texts):
        raise invalid("'$.input' is invalid. Please check the API reference.", "input")
    if len(texts) > MOST_INPUTS:
        raise invalid(f"'$.input' is too long: at most {MOST_INPUTS} items.", "input")
    sizes = [count(text) for text in texts]
    if max(sizes) > MOST_TOKENS_EACH:
        raise _too_long(f"This model's maximum context length is {MOST_TOKENS_EACH} tokens.")
    if sum(sizes) > MOST_TOKENS:
        raise _too_long(f"Requested {sum(sizes)} tokens, max {MOST_TOKENS} tokens per request.")
    if request.dimensions is not None and not model.can_shorten:
        raise invalid("This model does not support specifying dimensions.", "dimensions")
    if request.dimensions is not None and request.dimensions > model.dimensions:
        raise invalid(f"Invalid value for 'dimensions': at most {model.dimensions}.", "dimensions", "invalid_value")


def _too_long(message: str) -> Refused:
    return invalid(message, "input", "context_length_exceeded")


def embed(text: str, dimensions: int) -> Vector:
    """A unit vector of this many float32."""
    weights: dict[str, float] = {}
    matter = set(stems(text))
    for word in WORD.findall(SHORT_PART.sub(r"\1", text)):
        found = stem(word)
        weights[found] = weights.get(found, 0.0) + (1.0 if found in matter else STOP_WEIGHT)
        if found in matter:
            for begin in range(len(found) - 2):
                gram = f"#{found[begin : begin + 3]}"
                weights[gram] = weights.get(gram, 0.0) + GRAM_WEIGHT
    vector = np.zeros(dimensions, dtype=np.float64)
    for feature, weight in (weights or {text: 1.0}).items():
        for place, sign in _places(feature):
            vector[place % dimensions] += sign * math.sqrt(weight)
    norm = float(np.linalg.norm(vector))
    if norm == 0.0:
        vector[0] = norm = 1.0
    return (vector / norm).astype(np.float32)


@lru_cache(maxsize=200_000)
def _places(feature: str) -> tuple[tuple[int, float], ...]:
    """Where a feature stands in every vector, and with which sign."""
    digest = hashlib.blake2b(feature.encode(), digest_size=SPREAD * 5).digest()
    return tuple(
        (int.from_bytes(digest[at : at + 4], "big"), 1.0 if digest[at + 4] & 1 else -1.0)
        for at in range(0, len(digest), 5)
    )


def answer(request: EmbeddingRequest, model: EmbeddingModel) -> dict[str, JsonValue]:
    """The document of vectors, in the encoding that was asked for."""
    dimensions = request.dimensions or model.dimensions
    rows: list[JsonValue] = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _encoded(embed(text, dimensions), as_base64=request.encoding_format == "base64"),
        }
        for index, text in enumerate(request.texts)
    ]
    tokens = sum(count(text) for text in request.texts)
    return {
        "object": "list",
        "data": rows,
        "model": model.id,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _encoded(vector: Vector, *, as_base64: bool) -> JsonValue:
    if as_base64:
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(value) for value in vector]
