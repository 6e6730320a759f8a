"""Builds an ONNX graph of all-MiniLM-L6-v2 from its packaged weights.

The weights come as safetensors; the graph around them is six layers of BERT, the mean over the tokens that count, and a
vector of length one. Needed once per machine: whoever embeds loads the file this writes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

LAYERS = 6
HEADS = 12
HEAD_WIDTH = 32
WIDTH = HEADS * HEAD_WIDTH
OPSET = 20
"""The first ONNX operator set with `Gelu`."""
IR_VERSION = 10
EPSILON = 1e-12
"""BERT's own; the operator's default of 1e-5 moves the vectors."""
MASKED = -10_000.0
"""Added to the attention of padding before the softmax."""

Weights = dict[str, npt.NDArray[np.float32]]


class _Graph:
    """Collects nodes and constants; every operation returns the name of its output."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: npt.NDArray[Any]) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, dtype=np.int64))

    def number(self, value: float) -> str:
        return self.constant(np.array(value, dtype=np.float32))

    def apply(self, operation: str, *inputs: str, **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, list(inputs), [name], **attributes))
        return name

    def weight(self, name: str) -> str:
        return self.constant(self._weights[name])

    def linear(self, rows: str, name: str) -> str:
        turned = self.constant(self._weights[f"{name}.weight"].T)
        return self.apply("Add", self.apply("MatMul", rows, turned), self.weight(f"{name}.bias"))

    def normalised(self, rows: str, name: str) -> str:
        scale, shift = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.apply("LayerNormalization", rows, scale, shift, axis=-1, epsilon=EPSILON)


def _embedded(graph: _Graph, weights: Weights) -> str:
    words = graph.apply("Gather", graph.weight("embeddings.word_embeddings.weight"), "input_ids")
    length = graph.apply("Gather", graph.apply("Shape", "input_ids"), graph.integers(1))
    places = graph.weight("embeddings.position_embeddings.weight")
    place = graph.apply("Slice", places, graph.integers(0), length, graph.integers(0))
    first_sentence = graph.constant(weights["embeddings.token_type_embeddings.weight"][0])
    rows = graph.apply("Add", graph.apply("Add", words, place), first_sentence)
    return graph.normalised(rows, "embeddings.LayerNorm")


def _attended(graph: _Graph, rows: str, layer: str, mask: str) -> str:
    """Self-attention of one layer."""
    shape = graph.integers(0, 0, HEADS, HEAD_WIDTH)

    def heads(part: str, order: Sequence[int]) -> str:
        split = graph.apply("Reshape", graph.linear(rows, f"{layer}.attention.self.{part}"), shape)
        return graph.apply("Transpose", split, perm=list(order))

    query, key, value = heads("query", (0, 2, 1, 3)), heads("key", (0, 2, 3, 1)), heads("value", (0, 2, 1, 3))
    likeness = graph.apply("Mul", graph.apply("MatMul", query, key), graph.number(1 / math.sqrt(HEAD_WIDTH)))
    share = graph.apply("Softmax", graph.apply("Add", likeness, mask), axis=-1)
    mixed = graph.apply("Transpose", graph.apply("MatMul", share, value), perm=[0, 2, 1, 3])
    return graph.apply("Reshape", mixed, graph.integers(0, 0, WIDTH))


def _layer(graph: _Graph, rows: str, layer: str, mask: str) -> str:
    attended = graph.linear(_attended(graph, rows, layer, mask), f"{layer}.attention.output.dense")
    rows = graph.normalised(graph.apply("Add", attended, rows), f"{layer}.attention.output.LayerNorm")
    thought = graph.apply("Gelu", graph.linear(rows, f"{layer}.intermediate.dense"))
    return graph.normalised(
        graph.apply("Add", graph.linear(thought, f"{layer}.output.dense"), rows), f"{layer}.output.LayerNorm"
    )


def _pooled(graph: _Graph, rows: str, counts: str) -> None:
    """The mean over real tokens, scaled to length one."""
    weighted = graph.apply("Mul", rows, graph.apply("Unsqueeze", counts, graph.integers(2)))
    total = graph.apply("ReduceSum", weighted, graph.integers(1), keepdims=0)
    mean = graph.apply("Div", total, graph.apply("ReduceSum", counts, graph.integers(1), keepdims=1))
    graph.nodes.append(helper.make_node("LpNormalization", [mean], ["embedding"], axis=-1, p=2))


def build(weights_file: Path, target: Path) -> None:
    """Write the graph. Inputs `input_ids` and `attention_mask` (batch, tokens); output `embedding` (batch, 384)."""
    weights: Weights = load_file(weights_file)
    graph = _Graph(weights)
    rows = _embedded(graph, weights)
    counts = graph.apply("Cast", "attention_mask", to=TensorProto.FLOAT)
    absent = graph.apply("Unsqueeze", graph.apply("Sub", graph.number(1.0), counts), graph.integers(1, 2))
    mask = graph.apply("Mul", absent, graph.number(MASKED))
    for number in range(LAYERS):
        rows = _layer(graph, rows, f"encoder.layer.{number}", mask)
    _pooled(graph, rows, counts)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "all-MiniLM-L6-v2", inputs, [output], graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
