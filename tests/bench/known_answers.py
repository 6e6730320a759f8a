"""How often a known answer fits, and how often it is wrong: `python -m tests.bench.known_answers [--data FOLDER]`.

Questions of public sets, labelled by intent: those of the test part are asked, those of the training part are known. A
hit on a question of another label counts as false, although some labels are wrong themselves. For the set about a
bank there are articles of another bank's help centre: with them a hit must have the same first passage, too.
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


def nearest(questions: Questions, key: Callable[[str], str | None]) -> list[tuple[float, bool]]:
    """Of each question the nearest known one with the same key and other words: its cosine, and whether it is wrong."""
    buckets = defaultdict[str, list[int]](list)
    words = [bare(row["text"]) for row in questions.known]
    for place, row in enumerate(questions.known):
        if (name := key(row["text"])) is not None:
            buckets[name].append(place)
    found = []
    for place, row in enumerate(questions.asked):
        known, same = buckets.get(key(row["text"]) or "", []), bare(row["text"])
        cosines = questions.known_vectors[known] @ questions.asked_vectors[place]
        for at in np.argsort(-cosines):
            if words[known[at]] != same:
                found.append((float(cosines[at]), questions.known[known[at]]["intent"] != row["intent"]))
                break
    return found


def passages(data: Path) -> list[str]:
    """The sections of a bank's articles, each under its title."""
    found = []
    for file in sorted((data / "kb_tau2_banking/articles").glob("*.md")):
        title, *sections = file.read_text(encoding="utf-8").partition("\n# ")[2].split("\n## ")
        found += [f"{title.splitlines()[0]}. {section}" for section in sections or [title]]
    return found


def same_first_passage(model: MiniLM, data: Path, questions: Questions) -> Callable[[str], str | None]:
    """The gist of a question together with the passage that a search by vectors puts first."""
    vectors = model.embed(passages(data))
    first: dict[str, int] = {}
    for rows_of, of_rows in ((questions.known, questions.known_vectors), (questions.asked, questions.asked_vectors)):
        best = np.argmax(of_rows @ vectors.T, axis=1)
        first |= {row["text"]: int(place) for row, place in zip(rows_of, best, strict=True)}

    def key(text: str) -> str | None:
        gist = gist_of(bare(text), WORDS)
        return None if gist is None else f"{gist}:{first[text]}"

    return key


def guarded(model: MiniLM, data: Path, name: str, questions: Questions) -> None:
    """What the guard makes of the hits of one set, and the false ones that are left."""
    pairs = nearest(questions, same_first_passage(model, data, questions))
    for threshold in (0.0, *FROM):
        hits = [is_wrong for cosine, is_wrong in pairs if cosine >= threshold]
        false, asked = sum(hits), len(questions.asked)
        print(
            f"{name}, gist, same first passage, cosine from {threshold:.2f}: {len(hits) / asked:.1%} hits, "
            f"{false / max(len(hits), 1):.2%} false ({false} of {len(hits)})"
        )


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
        pairs = {name: nearest(one, key) for name, one in sets.items()}
        for threshold in FROM if way == "vectors alone" else (0.0, *FROM):
            hits = {name: [is_wrong for cosine, is_wrong in one if cosine >= threshold] for name, one in pairs.items()}
            count, false = sum(map(len, hits.values())), sum(map(sum, hits.values()))
            parts = ", ".join(f"{name} {len(one)}/{sum(one)}" for name, one in hits.items())
            print(f"{way}, cosine from {threshold:.2f}: {count / total:.1%} hits, {false / max(count, 1):.2%} false")
            print(f"    {parts}")
    guarded(model, data, "banking77", sets["banking77"])


if __name__ == "__main__":
    main()
