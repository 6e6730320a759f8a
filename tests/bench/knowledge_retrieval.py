"""`python -m tests.bench.knowledge_retrieval`: does the search find the right article, and does it know when it cannot?

Needs the data sets beside the checkout, except for the sample company. The articles go in through the service and are
embedded as the worker does it; every question is an HTTP request. A part of every set is kept back by its publisher, so
these figures can be tuned to the visible part only.
"""

# ruff: noqa: T201  (a report on standard output)

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from shared.observability.logs import configure
from tests.bench.knowledge_callers import ANSWERED, UNANSWERED, sample_files
from tests.bench.knowledge_stage import DATA, Stage, stage

THRESHOLDS = (0.35, 0.4, 0.45, 0.5, 0.55)
SAMPLE = 400
"""Of the large sets of out-of-scope questions."""

Row = dict[str, Any]


def rows(path: str) -> list[Row]:
    """The rows of a JSONL file below the data sets."""
    return [json.loads(line) for line in (DATA / path).read_text(encoding="utf-8").splitlines()]


def take_in(on: Stage, collection: str, files: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Upload and embed, report the times; article ids by file name."""
    began = time.perf_counter()
    ids = {on.upload(collection, name, data): name for name, data in files}
    uploaded = time.perf_counter()
    on.work_off()
    embedded = time.perf_counter()
    print(f"{collection}: {len(ids)} articles uploaded in {uploaded - began:.1f} s,", end=" ")
    print(f"embedded in {embedded - uploaded:.1f} s by one process")
    return ids


def arduino_files() -> list[tuple[str, bytes]]:
    """The help centre's articles."""
    return [(path.name, path.read_bytes()) for path in sorted((DATA / "kb_arduino" / "articles").glob("*.md"))]


def rank(on: Stage, question: Row, ids: dict[str, str]) -> int | None:
    """The place of the right article among the first ten, without the article the question was taken from."""
    answer = on.search("arduino", question["question"], limit=11)
    left_out = question.get("also_in") or "-"
    names = [ids[str(passage.article_id)] for passage in answer.passages]
    ranked = [name for name in names if not name.startswith(f"{left_out}-")][:10]
    found = [place for place, name in enumerate(ranked, 1) if name.startswith(f"{question['article']}-")]
    return found[0] if found else None


def report_ranks(kind: str, ranks: Sequence[int | None]) -> None:
    """One line of hit@k and MRR@10."""
    hits = "  ".join(f"hit@{k} {sum(1 for r in ranks if r and r <= k) / len(ranks):.3f}" for k in (1, 3, 5))
    print(f"{kind:13} n={len(ranks):3}  {hits}  MRR@10 {sum(1 / r for r in ranks if r) / len(ranks):.3f}")


def best_scores(on: Stage, collection: str, questions: Iterable[str]) -> list[float]:
    """The best passage's relevance for each question."""
    return [passages[0].score if (passages := on.search(collection, q).passages) else 0.0 for q in questions]


def report_threshold(name: str, scores: Sequence[float]) -> None:
    """The share of questions that each threshold calls found."""
    shares = "  ".join(f"{limit:.2f}: {sum(s >= limit for s in scores) / len(scores):.3f}" for limit in THRESHOLDS)
    print(f"found, {name:40} n={len(scores):4}  {shares}")


def measure_arduino(on: Stage) -> None:
    """Ranks by kind of question, then the threshold against questions about something else."""
    ids = take_in(on, "arduino", arduino_files())
    questions = rows("kb_arduino/questions.jsonl")
    ranks = {question["question"]: rank(on, question, ids) for question in questions}
    for kind in ("former_title", "link_text"):
        report_ranks(kind, [ranks[q["question"]] for q in questions if q["kind"] == kind])
    report_ranks("all", [ranks[q["question"]] for q in questions])
    titles = [q["question"] for q in questions if q["kind"] == "former_title"]
    report_threshold("in scope: former titles", best_scores(on, "arduino", titles))
    for name, asked in out_of_scope():
        report_threshold(f"out of scope: {name}", best_scores(on, "arduino", asked))


def out_of_scope() -> Iterable[tuple[str, list[str]]]:
    """Questions to other companies. Some of them could well be asked here too: "cancel my order"."""
    for shop in ("curekart", "powerplay11", "sofmattress"):
        yield f"hint3 {shop}", [row["text"] for row in rows(f"hint3/{shop}_test.jsonl")]
    clinc = rows("clinc150/test.jsonl")
    yield "clinc150, no intent", [row["text"] for row in clinc if row["intent"] == "oos"]
    yield "clinc150, other intents", _some([row["text"] for row in clinc if row["intent"] != "oos"])
    yield "banking77", _some([row["text"] for row in rows("banking77/test.jsonl")])


def _some(texts: list[str]) -> list[str]:
    return random.Random(1).sample(texts, SAMPLE)


def titled(text: str) -> str:
    """The passage with its first words as title: these have none, and every article has one."""
    return f"# {' '.join(text.split()[:12])}\n\n{text}"


def measure_unanswerable(on: Stage) -> None:
    """The hard case: questions of the very subject that the collection cannot answer."""
    passages, turns = rows("mtrag_un/passages.jsonl"), rows("mtrag_un/turns.jsonl")
    scores: dict[str, list[float]] = {"ANSWERABLE": [], "UNANSWERABLE": []}
    for domain in sorted({passage["domain"] for passage in passages}):
        files = [
            (re.sub(r"\W", "-", passage["id"]) + ".md", titled(passage["text"]).encode())
            for passage in passages
            if passage["domain"] == domain and passage["text"].strip()
        ]
        take_in(on, f"mtrag-{domain}", files)
        for kind, found in scores.items():
            asked = [t["question"] for t in turns if t["domain"] == domain and t["answerability"] == [kind]]
            found.extend(best_scores(on, f"mtrag-{domain}", asked))
    for kind, found in scores.items():
        report_threshold(f"mtrag_un: {kind.lower()}", found)


def measure_callers(on: Stage) -> None:
    """The sample company, asked in callers' words."""
    ids = take_in(on, "sample", sample_files())
    ranks = []
    for question, article in ANSWERED:
        names = [
            ids[str(passage.article_id)].removesuffix(".md") for passage in on.search("sample", question, 5).passages
        ]
        ranks.append(names.index(article) + 1 if article in names else None)
    report_ranks("callers", ranks)
    report_threshold("sample company: answered", best_scores(on, "sample", [question for question, _ in ANSWERED]))
    report_threshold("sample company: unanswered", best_scores(on, "sample", UNANSWERED))


def main() -> None:
    """Measure and print."""
    configure("bench", "warning")
    with stage() as on:
        measure_callers(on)
        if not Path(DATA).is_dir():
            raise SystemExit(f"the data sets are not at {DATA}: only the sample company was measured")
        measure_arduino(on)
        measure_unanswerable(on)


if __name__ == "__main__":
    main()
