"""The gateway before the real rooms: what it asks is what they answer."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from services.knowledge.app import make_app as make_knowledge
from services.knowledge.settings import KnowledgeServiceSettings
from services.ticketing.app import make_app as make_ticketing
from services.ticketing.settings import TicketingSettings
from shared.contracts.calls import CallStatus, MediaState, NextStep
from shared.contracts.conversations import Outcome
from tests.gateway_house import (
    OUR_NUMBER,
    PEPPER,
    SIGNING_KEY,
    House,
    call_form,
    gateway,
    new_call_sid,
    settings_for,
)
from tests.serving import serving

MODELS = Path(__file__).resolve().parents[2] / ".local" / "models"


@dataclass
class Front:
    """A gateway with real rooms behind it, and an API client with a key for everything."""

    house: House
    client: httpx.AsyncClient
    collection: str


@pytest.fixture
async def front(database_url: str, redis_url: str, chroma_url: str) -> AsyncIterator[Front]:
    common = {
        "database_url": SecretStr(database_url),
        "redis_url": SecretStr(redis_url),
        "signing_key": SecretStr(SIGNING_KEY),
        "api_key_pepper": SecretStr(PEPPER),
    }
    knowledge = KnowledgeServiceSettings.model_validate(
        {**common, "chroma_url": chroma_url, "knowledge_embeddings": "minilm", "knowledge_model_dir": MODELS}
    )
    ticketing = TicketingSettings.model_validate(
        {
            **common,
            "kayako_url": "http://127.0.0.1:9",
            "kayako_email": "robot@example.com",
            "kayako_password": SecretStr("none"),
        }
    )
    async with (
        serving(make_knowledge(knowledge)) as knowledge_url,
        serving(make_ticketing(ticketing)) as ticketing_url,
        gateway(
            settings_for(database_url, redis_url, knowledge_url=knowledge_url, ticketing_url=ticketing_url)
        ) as house,
        await house.client() as client,
    ):
        client.timeout = httpx.Timeout(30)
        yield Front(house, client, f"kb-{secrets.token_hex(6)}")


async def test_articles_through_the_gateway(front: Front) -> None:
    articles = "/api/v1/knowledge/articles"
    sent = {"file": ("router.md", b"# Restart your router\n\nUnplug it, wait ten seconds, and plug it in again.")}
    made = await front.client.post(articles, files=sent, data={"collection": front.collection})
    assert made.status_code == 201, made.text
    article = made.json()["article"]
    assert (article["title"], article["collection"]) == ("Restart your router", front.collection)
    again = await front.client.post(articles, files=sent, data={"collection": front.collection})
    assert again.json()["changed"] is False

    page = (await front.client.get(articles, params={"collection": front.collection, "source": "upload"})).json()
    assert [found["id"] for found in page["articles"]] == [article["id"]]
    assert (await front.client.get(f"{articles}/{article['id']}")).json()["title"] == "Restart your router"

    question = {"collection": front.collection, "query": "How do I restart my router?"}
    assert (await front.client.post("/api/v1/knowledge/search", json=question)).status_code == 200

    assert (await front.client.delete(f"{articles}/{article['id']}")).status_code == 204
    assert (await front.client.get(articles, params={"collection": front.collection})).json()["total"] == 0
    assert (await front.client.post("/api/v1/knowledge/sync", params={"collection": "default"})).status_code == 202


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.md", b""), ("binary.md", b"\x00\x01\x02" * 1000), ("picture.png", b"\x89PNG\r\n\x1a\n")],
)
async def test_a_file_that_cannot_be_read_is_refused_with_the_reason(front: Front, name: str, content: bytes) -> None:
    answered = await front.client.post("/api/v1/knowledge/articles", files={"file": (name, content)})
    assert answered.status_code == 422
    assert answered.json()["detail"] not in ("", "Not acceptable as sent")


async def test_the_ticket_of_a_call_through_the_gateway(front: Front) -> None:
    await front.house.agent(OUR_NUMBER)
    call_sid = new_call_sid()
    await front.house.hook("/twilio/voice", call_form(call_sid))
    await front.house.set_call(
        call_sid, media_state=MediaState.FINISHED, next_step=NextStep.HANG_UP, outcome=Outcome.FOLLOW_UP
    )
    await front.house.hook("/twilio/status", call_form(call_sid, CallStatus=CallStatus.COMPLETED))
    (call,) = (await front.client.get("/api/v1/calls", params={"call_sid": call_sid})).json()["calls"]
    listed = (await front.client.get("/api/v1/tickets", params={"conversation_id": call["conversation_id"]})).json()
    assert listed["total"] == 1
    assert listed["tickets"][0]["id"] == call["ticket"]["id"]
    one = (await front.client.get(f"/api/v1/tickets/{call['ticket']['id']}")).json()
    assert one == listed["tickets"][0]
    assert one["state"] == "planned"
    assert (await front.client.get("/api/v1/tickets", params={"state": "open"})).json()["total"] == 0


async def test_rooms_refuse_a_gateway_with_another_key(front: Front) -> None:
    other = base64.b64encode(b"another signing key, 32 bytes ok").decode()
    wiring = front.house.wiring
    strangers = settings_for(
        wiring.engine.url.render_as_string(hide_password=False),
        "redis://127.0.0.1:9/0",
        signing_key=SecretStr(other),
        knowledge_url=str(wiring.knowledge._http.base_url),
        ticketing_url=str(wiring.ticketing._http.base_url),
    )
    async with gateway(strangers) as house, await house.client() as client:
        for path in ("/api/v1/tickets", "/api/v1/knowledge/articles"):
            answered = await client.get(path)
            assert answered.status_code == 503
            assert "401" in answered.json()["detail"]
