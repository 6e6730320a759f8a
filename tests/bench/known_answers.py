"""How often a known answer fits, and how often it is wrong: `python -m tests.bench.known_answers [--data FOLDER]`.

Questions of public sets, labelled by intent: those of the test part are asked, those of the training part are known. A
hit on a question of another label counts as false, although some labels are wrong themselves.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from services.knowledge.adapters.minilm import MiniLM
from services.knowledge.application.ports import Vectors
from shared.conversation.known_answers import NEAR, gist_of
from shared.conversation.understanding.answers import bare
from shared.conversation.understanding.languages import words_of
from tests.bench.email_capture import DATA, rows
from tests.bench.knowledge_stage import MODELS

SETS = {
    "banking77": ("banking77/train", "banking77/test"),
    "HINT3 curekart": ("hint3/curekart_train", "hint3/curekart_test"),
    "HINT3 powerplay11": ("hint3/powerplay11_train", "hint3/powerplay11_test"),
    "HINT3 sofmattress": ("hint3/sofmattress_train", "hint3/sofmattress_test"),
    "CLINC150": ("clinc150/train", "clinc150/test"),
}
MOST_KNOWN, MOST_ASKED = 6000, 1500
WORDS = words_of("en")
FROM = (0.80, NEAR, 0.90, 0.95)


@dataclass
class Questions:
    """One set, with vectors."""

    known: Sequence[dict[str, str]]
    asked: Sequence[dict[str, str]]
    known_vectors: Vectors
    asked_vectors: Vectors


def read(model: MiniLM, data: Path, known: str, asked: str) -> Questions:
    every = list(rows(data / f"{known}.jsonl"))
    random.Random(1).shuffle(every)
    some, others = every[:MOST_KNOWN], list(rows(data / f"{asked}.jsonl"))[:MOST_ASKED]
    vectors = [model.embed([row["text"] for row in part]) for part in (some, others)]
    return Questions(some, others, vectors[0], vectors[1])


def measure(questions: Questions, threshold: float, key: Callable[[str], str | None]) -> tuple[int, int]:
    """Hits on other wordings than the very same, and how many of them bear another label."""
    buckets = defaultdict[str, list[int]](list)
    for place, row in enumerate(questions.known):
        if (name := key(row["text"])) is not None:
            buckets[name].append(place)
    hits = false = 0
    for place, row in enumerate(questions.asked):
        same = bare(row["text"])
        others = [at for at in buckets.get(key(row["text"]) or "", ()) if bare(questions.known[at]["text"]) != same]
        if not others:
            continue
        cosines = questions.known_vectors[others] @ questions.asked_vectors[place]
        best = int(np.argmax(cosines))
        if cosines[best] >= threshold:
            hits += 1
            false += questions.known[others[best]]["intent"] != row["intent"]
    return hits, false


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    data, model = parser.parse_args().data, MiniLM(MODELS)
    sets = {name: read(model, data, *files) for name, files in SETS.items()}
    total = sum(len(one.asked) for one in sets.values())
    keys: dict[str, Callable[[str], str | None]] = {
        "vectors alone": lambda _: "all",
        "gist and vectors": lambda text: gist_of(bare(text), WORDS),
    }
    for way, key in keys.items():
        for threshold in FROM if way == "vectors alone" else (0.0, *FROM):
            found = {name: measure(one, threshold, key) for name, one in sets.items()}
            hits, false = (sum(pair[side] for pair in found.values()) for side in (0, 1))
            parts = ", ".join(f"{name} {pair[0]}/{pair[1]}" for name, pair in found.items())
            print(f"{way}, cosine from {threshold:.2f}: {hits / total:.1%} hits, {false / max(hits, 1):.2%} false")
            print(f"    {parts}")


if __name__ == "__main__":
    main()
