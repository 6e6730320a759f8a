"""The index in memory against the record it follows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from pydantic import SecretStr

from lab.stack.ports import free_ports
from services.knowledge.adapters.lexical import LOOK_EVERY_S, Lexical
from services.knowledge.application.ingest import remove_article, store_article
from services.knowledge.domain.article import ArticleText
from services.knowledge.domain.chunking import cut
from shared.clock import SystemClock
from shared.contracts.knowledge import ArticleSource
from shared.database.engine import AsyncSessions, Sessions, async_sessions, make_async_engine
from shared.database.transactions import DatabaseAway
from shared.settings import DatabaseSettings
from shared.task_group import TaskSet
from tests.waiting import wait_for_async

WORDS = ("router", "bill", "cable", "light", "engineer", "refund", "password", "signal")


@pytest.fixture
async def record(database_url: str) -> AsyncIterator[AsyncSessions]:
    engine = make_async_engine(DatabaseSettings(database_url=SecretStr(database_url)), "test")
    yield async_sessions(engine)
    await engine.dispose()


def keep(sessions: Sessions, collection: str, name: str, body: str, locale: str = "en") -> UUID:
    with sessions.begin() as session:
        text = ArticleText(name, locale, "Title", body)
        return store_article(session, collection, ArticleSource.UPLOAD, cut(text)).article.id


def remove(sessions: Sessions, article_id: UUID) -> None:
    with sessions.begin() as session:
        remove_article(session, article_id, SystemClock().now())


async def answers(lexical: Lexical, collection: str) -> list[dict[str, float]]:
    return [
        {str(key): round(share, 4) for key, share in (await lexical.ask(collection, word)).best(99).items()}
        for word in WORDS
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_following_changes_ends_where_a_fresh_reading_ends(
    sessions: Sessions, record: AsyncSessions, seed: int
) -> None:
    chance = random.Random(seed)
    following = Lexical(record)
    there: dict[str, UUID] = {}
    await following.ask("one", "router")
    for _ in range(25):
        name = f"{chance.randrange(8)}.md"
        if name in there and chance.random() < 0.4:
            remove(sessions, there.pop(name))
        else:
            body = "\n\n".join(
                f"# {word}\n\n{' '.join(chance.choices(WORDS, k=5))}" for word in chance.sample(WORDS, 2)
            )
            there[name] = keep(sessions, "one", name, body)
        if chance.random() < 0.5:
            await following.catch_up()
    await following.catch_up()
    assert await answers(following, "one") == await answers(Lexical(record), "one")
    assert len({key.partition(":")[0] for found in await answers(following, "one") for key in found}) == len(there)


async def test_it_follows_by_itself(sessions: Sessions, record: AsyncSessions) -> None:
    lexical = Lexical(record)
    tasks = TaskSet("test")
    tasks.start(lexical.follow(), name="follow")
    assert not (await lexical.ask("one", "router")).best(5)
    keep(sessions, "one", "a.md", "Restart the router.")

    async def found() -> bool:
        return bool((await lexical.ask("one", "router")).best(5))

    await wait_for_async(found, 5, "a new article is found by its words")
    await tasks.close()


async def test_a_collection_that_comes_later_is_read_before_anybody_asks(
    sessions: Sessions, record: AsyncSessions
) -> None:
    lexical = Lexical(record)
    await lexical.catch_up()
    keep(sessions, "late", "a.md", "Restart the router.")
    await lexical.catch_up()
    assert lexical.collections == ["late"]


async def test_a_collection_that_made_room_is_not_read_again_before_it_is_asked_for(
    sessions: Sessions, record: AsyncSessions
) -> None:
    for number in range(6):
        keep(sessions, "one", f"{number}.md", f"Router number {number}.")
        keep(sessions, "two", f"{number}.md", f"Cable number {number}.")
    lexical = Lexical(record, most_chunks=8)
    await lexical.ask("two", "cable")
    await lexical.ask("one", "router")
    await lexical.catch_up()
    assert lexical.collections == ["one"]


async def test_an_outage_of_the_record_does_not_end_the_following() -> None:
    (closed,) = free_ports(1)
    engine = make_async_engine(
        DatabaseSettings(database_url=SecretStr(f"postgresql://nobody:x@127.0.0.1:{closed}/none")), "test"
    )
    lexical = Lexical(async_sessions(engine))
    following = asyncio.create_task(lexical.follow())
    with pytest.raises(DatabaseAway):
        await lexical.ask("one", "router")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(following, LOOK_EVERY_S + 0.3)
    await engine.dispose()


async def test_collections_asked_for_longest_ago_make_room(sessions: Sessions, record: AsyncSessions) -> None:
    for number in range(6):
        keep(sessions, "one", f"{number}.md", f"Router number {number}.")
        keep(sessions, "two", f"{number}.md", f"Cable number {number}.")
    lexical = Lexical(record, most_chunks=8)
    assert len((await lexical.ask("one", "router")).best(9)) == 6
    assert len((await lexical.ask("two", "cable")).best(9)) == 6
    assert lexical.collections == ["two"]
    assert len((await lexical.ask("one", "router")).best(9)) == 6
    assert lexical.collections == ["one"]


async def test_many_first_questions_read_the_collection_once(sessions: Sessions, record: AsyncSessions) -> None:
    for number in range(20):
        keep(sessions, "one", f"{number}.md", f"Router number {number}.")
    lexical = Lexical(record)
    found = await asyncio.gather(*(lexical.ask("one", "router") for _ in range(20)))
    assert [len(answer.best(99)) for answer in found] == [20] * 20


async def test_each_language_is_read_by_its_own_rules(sessions: Sessions, record: AsyncSessions) -> None:
    keep(sessions, "one", "de.md", "Die Rechnungen kommen monatlich.", locale="de")
    keep(sessions, "one", "en.md", "The bills come every month.")
    lexical = Lexical(record)
    assert len((await lexical.ask("one", "meine Rechnung")).best(5)) == 1
    assert len((await lexical.ask("one", "my bill")).best(5)) == 1
