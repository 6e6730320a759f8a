"""The search is good enough to answer callers: a floor under what was measured, on the sample company."""

from __future__ import annotations

import asyncio

from tests.bench.knowledge_callers import ANSWERED, UNANSWERED, sample_files
from tests.integration.knowledge.conftest import Service, Worker


async def test_callers_words_find_their_article_and_nothing_where_there_is_none(
    service: Service, worker: Worker
) -> None:
    names = {}
    for name, data in sample_files():
        receipt = await service.upload(name, data)
        names[receipt.article.id] = name.removesuffix(".md")
    await asyncio.to_thread(worker.work_off)
    await service.finds("restart your router", "Unplug the power cable")
    first = third = found = 0
    for question, article in ANSWERED:
        answer = await service.search(question)
        ranked = [names[passage.article_id] for passage in answer.passages]
        first += ranked[0] == article
        third += article in ranked[:3]
        found += answer.found
    assert first / len(ANSWERED) >= 0.85
    assert third / len(ANSWERED) >= 0.95
    assert found / len(ANSWERED) >= 0.8
    rejected = [question for question in UNANSWERED if not (await service.search(question)).found]
    assert len(rejected) / len(UNANSWERED) >= 0.9
