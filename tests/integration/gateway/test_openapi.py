"""The OpenAPI document is true: its examples fit its schemas, and whatever is sent, the answer is one it announces."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from shared.security.api_keys import Scope
from tests.gateway_house import PUBLIC, House
from tests.gateway_rooms import Rooms, a_ticket, an_article
from tests.openapi_requests import CANARY, Document, Operation, operations, requests, resolved

WITHOUT_BODY = {
    "/api/v1/knowledge/sync",
    "/api/v1/calls/{call_id}/hang-up",
    "/api/v1/calls/{call_id}/put-through",
}


async def read_document(house: House) -> dict[str, Any]:
    async with await house.client(Scope.CALLS_READ) as client:
        answered = await client.get("/api/v1/openapi.json")
    assert answered.status_code == 200
    found: dict[str, Any] = answered.json()
    return found


def fits(value: object, schema: Document, document: Document) -> None:
    """Fail when `value` does not have the form of `schema`."""
    whole = {**schema, "components": document["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


async def test_any_valid_key_may_read_it_and_nobody_else(house: House) -> None:
    assert (await house.http.get("/api/v1/openapi.json")).status_code == 401
    document = await read_document(house)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": PUBLIC}]
    Draft202012Validator.check_schema(document["components"]["schemas"]["Problem"])


async def test_every_operation_has_examples_problems_and_a_scope(house: House) -> None:
    document = await read_document(house)
    named = {(method, path) for method, path, _ in operations(document)}
    assert {
        ("get", "/api/v1/calls"),
        ("get", "/api/v1/calls/{call_id}"),
        ("post", "/api/v1/calls/outbound"),
        ("get", "/api/v1/tickets"),
        ("post", "/api/v1/knowledge/articles"),
        ("post", "/api/v1/knowledge/search"),
        ("delete", "/api/v1/knowledge/articles/{article_id}"),
        ("patch", "/api/v1/agents/{agent_id}"),
    } <= named
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for method, path, operation in operations(document):
        assert operation["x-required-scope"] in set(Scope), path
        assert operation["security"] == [{"api_key": []}]
        assert operation["description"]
        assert {"401", "403", "422", "429", "503"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                assert media_type == ("application/problem+json" if int(status) >= 400 else "application/json")
                fits(content["example"], content["schema"], document)
        if "{" in path:
            assert "404" in operation["responses"], path
        if method in ("post", "patch") and path not in WITHOUT_BODY:
            assert has_body_example(operation["requestBody"], document), path


def has_body_example(body: Document, document: Document) -> bool:
    """Whether the body's example, if its type can have one, fits its schema; an uploaded file has no JSON form."""
    if "multipart/form-data" in body["content"]:
        return True
    content = body["content"]["application/json"]
    schema = resolved(content["schema"], document)
    examples = [example["value"] for example in content.get("examples", {}).values()] or schema.get("examples", [])
    for example in examples:
        fits(example, content["schema"], document)
    return bool(examples)


def examples(asked: st.SearchStrategy[httpx.Request]) -> list[httpx.Request]:
    """Thirty requests, the same in every run."""
    drawn: list[httpx.Request] = []

    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(asked)
    def draw(request: httpx.Request) -> None:
        drawn.append(request)

    draw()
    return drawn


async def test_whatever_is_sent_the_answer_is_one_that_was_announced(house: House, rooms: Rooms) -> None:
    document = await read_document(house)
    known_id = await house.agent("+18005550102")
    article, ticket = an_article(id=known_id), a_ticket(id=known_id)
    drawn: list[tuple[str, Operation, httpx.Request]] = []
    for method, path, operation in operations(document):
        asked = requests(method.upper(), path, operation, document, str(known_id))
        drawn += [(path, operation, request) for request in examples(asked)]
    seen: set[tuple[str, int]] = set()
    async with await house.client() as client:
        for path, operation, request in drawn:
            rooms.articles[article.id], rooms.tickets[ticket.id] = article, ticket
            request.headers["authorization"] = client.headers["authorization"]
            answered = await client.send(request)
            seen.add((operation["operationId"], answered.status_code))
            check(answered, path, operation, document)
    assert {name for name, status in seen if status < 300} >= {"list_calls", "search", "create_agent", "change_agent"}
    assert {name for name, status in seen if status == 422} >= {"list_calls", "search", "create_agent", "change_agent"}


def reaches(request: httpx.Request, path: str) -> bool:
    """Whether the request's path has the form of `path`; what was put in for an id may have made another of it."""
    sent = unquote(request.url.raw_path.decode().partition("?")[0]).split("/")
    return len(sent) == len(path.split("/")) and all(sent[1:])


def check(answered: httpx.Response, path: str, operation: Operation, document: Document) -> None:
    """Fail unless status, media type and body are as documented, and an error repeats nothing."""
    context = f"{answered.request.method} {answered.request.url} {answered.status_code} {answered.text[:300]}"
    status = answered.status_code
    if reaches(answered.request, path):
        assert str(status) in operation["responses"], context
    else:
        assert status in (404, 405), context
    if status >= 400:
        assert answered.headers["content-type"] == "application/problem+json", context
        fits(answered.json(), document["components"]["schemas"]["Problem"], document)
        assert CANARY not in answered.text, context
    elif status != 204 and answered.content:
        fits(answered.json(), operation["responses"][str(status)]["content"]["application/json"]["schema"], document)
    assert answered.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("scope", list(Scope))
async def test_each_scope_opens_exactly_its_operations(house: House, scope: Scope) -> None:
    document = await read_document(house)
    async with await house.client(scope) as client:
        for method, path, operation in operations(document):
            concrete = path.replace("{", "").replace("}", "")
            answered = await client.request(method, concrete)
            allowed = operation["x-required-scope"] == scope
            assert (answered.status_code != 403) == allowed, (method, path, scope, answered.status_code)
