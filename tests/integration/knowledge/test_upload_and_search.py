"""From an uploaded file to a found passage, over HTTP, on real servers and the real model."""

from __future__ import annotations

import asyncio

import pytest

from shared.conversation.known_answers import NEAR, cosine
from shared.errors import Invalid, NotFound, TooLarge
from tests.integration.knowledge.conftest import BILLING, ROUTER, Service, Worker


async def test_a_file_is_found_by_its_words_at_once_and_by_its_meaning_when_embedded(
    service: Service, worker: Worker
) -> None:
    receipt = await service.upload("restart-router.md", ROUTER)
    await service.upload("billing-date.md", BILLING)
    assert receipt.changed
    assert not receipt.article.searchable
    by_words = await service.finds("restart the router", "Unplug the power cable")
    assert by_words.found
    assert by_words.lexical_only

    assert worker.work_off() == 2
    assert (await service.article(receipt.article.id)).searchable
    answer = await service.search("my internet box is stuck, how can I reboot it?")
    assert answer.found
    assert not answer.lexical_only
    first = answer.passages[0]
    assert first.title == "Restart your router"
    assert first.article_id == receipt.article.id
    assert "1. Unplug the power cable." in first.text
    assert len({passage.article_id for passage in answer.passages}) == len(answer.passages)
    assert [p.score for p in answer.passages] == sorted((p.score for p in answer.passages), reverse=True)


async def test_a_question_about_something_else_finds_nothing(service: Service, worker: Worker) -> None:
    await service.upload("restart-router.md", ROUTER)
    await service.upload("billing-date.md", BILLING)
    worker.work_off()
    assert not (await service.search("what is the capital of Mongolia")).found
    assert not (await service.search("\u200b\u200b")).found
    nowhere = await service.search("restart the router", collection="no-such-collection")
    assert not nowhere.found
    assert nowhere.passages == []


async def test_a_changed_article_is_never_answered_from_its_old_text(service: Service, worker: Worker) -> None:
    first = await service.upload("fee.md", "# Late fee\n\nThe late fee is five dollars.")
    worker.work_off()
    await service.finds("how much is the late fee", "five dollars")
    second = await service.upload("fee.md", "# Late fee\n\nThe late fee is nine dollars.")
    assert second.article.id == first.article.id
    assert second.article.version == first.article.version + 1
    at_once = await service.search("how much is the late fee")
    assert all("five dollars" not in passage.text for passage in at_once.passages)
    await service.finds("how much is the late fee", "nine dollars", within_s=5)
    worker.work_off()
    answer = await service.search("how much is the late fee")
    assert [passage.text for passage in answer.passages] == ["The late fee is nine dollars."]
    assert not answer.lexical_only


async def test_the_same_text_again_changes_nothing(service: Service, worker: Worker) -> None:
    first = await service.upload("fee.md", "# Late fee\n\nFive dollars.")
    again = await service.upload("fee.md", "# Late fee\n\n\nFive dollars.\n")
    assert not again.changed
    assert again.article.version == first.article.version
    assert worker.work_off() == 1


async def test_a_removed_article_is_gone_at_once_and_may_come_back(service: Service, worker: Worker) -> None:
    article = (await service.upload("fee.md", "# Late fee\n\nFive dollars.")).article
    worker.work_off()
    await service.finds("late fee", "Five dollars")
    await service.client.ask("DELETE", f"/articles/{article.id}")
    assert (await service.search("late fee")).passages == []
    with pytest.raises(NotFound):
        await service.article(article.id)
    with pytest.raises(NotFound):
        await service.client.ask("DELETE", f"/articles/{article.id}")
    worker.work_off()
    assert worker.room.store.count(service.collection) == 0
    back = await service.upload("fee.md", "# Late fee\n\nFive dollars.")
    assert back.changed
    worker.work_off()
    answer = await service.finds("late fee", "Five dollars")
    assert not answer.lexical_only


async def test_collections_do_not_see_each_other(service: Service, worker: Worker) -> None:
    await service.upload("restart-router.md", ROUTER)
    other = f"{service.collection}-b"
    await service.client.ask(
        "POST", "/articles", files={"file": ("bill.md", BILLING.encode())}, data={"collection": other}
    )
    worker.work_off()
    await service.finds("restart the router", "Unplug")
    assert [p.title for p in (await service.search("change the date of my bill", other)).passages] == [
        "Change the date of your bill"
    ]
    assert {p.title for p in (await service.search("change the date of my bill")).passages} == {"Restart your router"}
    listed = await service.client.ask("GET", "/articles", params={"collection": other})
    assert (listed.json()["total"], listed.json()["searchable"]) == (1, 1)


async def test_of_several_languages_the_callers_is_answered(service: Service, worker: Worker) -> None:
    await service.upload("fee.md", "# Late fee\n\nThe late fee is five dollars.", locale="en-us")
    await service.upload("fee.md", "# Mahngebühr\n\nDie Mahngebühr beträgt fünf Dollar (late fee).", locale="de")
    worker.work_off()
    await service.finds("late fee", "five dollars")
    german = await service.search("late fee", locale="de-at")
    assert [passage.title for passage in german.passages] == ["Mahngebühr"]
    english = await service.search("late fee", locale="en-gb")
    assert [passage.title for passage in english.passages] == ["Late fee"]


async def test_files_that_are_no_articles_are_refused_and_change_nothing(service: Service) -> None:
    await service.upload("fee.md", "# Late fee\n\nFive dollars.")
    for name, data, complaint in (
        ("fee.md", b"", "fee.md: it is empty"),
        ("fee.md", b"\x00\x01\x02", "binary"),
        ("fee.md", b"%PDF-1.7", "PDF"),
        ("fee.xlsx", b"x", "send Markdown"),
    ):
        with pytest.raises(Invalid, match=complaint):
            await service.upload(name, data)
    with pytest.raises(TooLarge):
        await service.upload("fee.md", b"x" * (5 * 1024 * 1024 + 1))
    with pytest.raises(TooLarge):
        await service.upload("fee.md", b"x" * (6 * 1024 * 1024))
    for form in ({"collection": "No Such"}, {"locale": "english!"}):
        with pytest.raises(Invalid):
            await service.client.ask("POST", "/articles", files={"file": ("a.md", b"text")}, data=form)
    with pytest.raises(Invalid, match="multipart"):
        await service.client.ask("POST", "/articles", data={"file": "text"})
    await service.finds("late fee", "Five dollars")


async def test_uploads_of_one_file_at_the_same_time_are_one_article(service: Service, worker: Worker) -> None:
    texts = [f"# Late fee\n\nThe fee is {number} dollars." for number in range(8)]
    receipts = await asyncio.gather(*(service.upload("fee.md", text) for text in texts))
    assert len({receipt.article.id for receipt in receipts}) == 1
    assert sorted(receipt.article.version for receipt in receipts) == list(range(1, 9))
    last = max(receipts, key=lambda receipt: receipt.article.version)
    worker.work_off()
    answer = await service.finds("late fee", texts[receipts.index(last)].rpartition("\n")[2])
    assert len(answer.passages) == 1
    assert worker.room.store.count(service.collection) == 1


async def test_a_sync_is_ordered_and_bad_orders_are_refused(service: Service, worker: Worker) -> None:
    await service.client.ask("POST", "/sync")
    await service.client.ask("POST", "/sync", params={"collection": service.collection})
    orders = [(order.task, order.payload) for order in worker.orders()]
    assert orders == [
        ("maintenance.sync_knowledge", {"collection": "default"}),
        ("maintenance.sync_knowledge", {"collection": service.collection}),
    ]
    with pytest.raises(Invalid):
        await service.client.ask("POST", "/sync", params={"collection": "X"})
    with pytest.raises(Invalid):
        await service.client.ask("POST", "/search", json={"collection": service.collection, "query": ""})
    with pytest.raises(Invalid):
        await service.client.ask("GET", "/articles", params={"limit": 1000})


async def test_who_keeps_answers_learns_which_text_they_are_from(service: Service, worker: Worker) -> None:
    await service.upload("restart-router.md", ROUTER)
    worker.work_off()
    before = await service.lookup("How do I restart my router?")
    assert before.version is not None
    assert before.question_vector is not None
    again = await service.lookup("how can I restart the router")
    assert again.version == before.version
    assert cosine(before.question_vector, again.question_vector or "") > NEAR
    other = await service.lookup("On which day do I pay my bill?")
    assert cosine(before.question_vector, other.question_vector or "") < NEAR
    await service.upload("restart-router.md", ROUTER.replace("Unplug", "Pull out"))
    await service.finds("restart the router", "Pull out")
    assert (await service.lookup("How do I restart my router?")).version == before.version + 1
