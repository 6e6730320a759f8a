"""Requests generated from an OpenAPI document: mostly acceptable, sometimes anything at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from hypothesis import strategies as st

Document = dict[str, Any]
Operation = dict[str, Any]

CANARY = "hunter2-canary"
"""A text that no error may repeat."""
MOST_OPTIONAL = 4
"""Properties sent beside the required ones: with all of a large object's together, hardly one would be acceptable."""
ODD = st.sampled_from(
    ["", " ", "\x00", "null", "-1", "0", "1e400", "9" * 40, "NaN", "true", CANARY, "é" * 300, "'; --", "%00", "../.."]
)
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), ODD,
    st.lists(ODD, max_size=2), st.dictionaries(ODD, ODD, max_size=2),
)  # fmt: skip


def operations(document: Document) -> Iterator[tuple[str, str, Operation]]:
    """Method, path and description of everything that can be asked."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def resolved(schema: Document, document: Document) -> Document:
    """The schema behind a reference."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Document = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found


class Values:
    """Values of a schema; when `odd`, one in six of them is anything at all."""

    def __init__(self, document: Document, *, odd: bool) -> None:
        self._document = document
        self._odd = odd
        self._by_type: dict[str, Callable[[Document], st.SearchStrategy[Any]]] = {
            "string": self._string,
            "integer": lambda schema: st.integers(schema.get("minimum"), schema.get("maximum")),
            "number": lambda schema: st.floats(schema.get("minimum"), schema.get("maximum"), allow_nan=False),
            "boolean": lambda _: st.booleans(),
            "null": lambda _: st.none(),
            "array": lambda schema: st.lists(self.of(schema["items"]), max_size=2, unique_by=repr),
            "object": self._object,
        }

    def of(self, schema: Document) -> st.SearchStrategy[Any]:
        """Values of this schema."""
        fitting = self._fitting(resolved(schema, self._document))
        return st.integers(0, 5).flatmap(lambda chance: fitting if chance else ANYTHING) if self._odd else fitting

    def _fitting(self, schema: Document) -> st.SearchStrategy[Any]:
        if "anyOf" in schema:
            options: list[st.SearchStrategy[Any]] = [self.of(option) for option in schema["anyOf"]]
            return st.one_of(options)
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        return self._by_type[schema["type"]](schema)

    def _string(self, schema: Document) -> st.SearchStrategy[Any]:
        match schema.get("format"):
            case "uuid":
                return st.uuids().map(str)
            case "date-time":
                return st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
        if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=not self._odd)
        number = st.from_regex(r"\+1800555[0-9]{4}", fullmatch=True, alphabet="+0123456789")
        return number | st.text(min_size=schema.get("minLength", 0), max_size=20) if self._odd else number

    def _object(self, schema: Document) -> st.SearchStrategy[dict[str, Any]]:
        required = schema.get("required", ())
        properties = {name: self.of(inner) for name, inner in schema["properties"].items()}
        optional = [name for name in properties if name not in required]
        some = st.lists(st.sampled_from(optional), max_size=MOST_OPTIONAL, unique=True) if optional else st.just([])
        return some.flatmap(
            lambda chosen: st.fixed_dictionaries({name: properties[name] for name in (*required, *chosen)})
        )


@st.composite
def requests(
    draw: st.DrawFn, method: str, path: str, operation: Operation, document: Document, known_id: str
) -> httpx.Request:
    """A request to this operation; half of them try to be acceptable."""
    odd = draw(st.booleans())
    values = Values(document, odd=odd)
    query: dict[str, str] = {}
    for parameter in operation.get("parameters", ()):
        value = draw(values.of(parameter["schema"]))
        if parameter["in"] == "path":
            chosen = draw(st.sampled_from([known_id, str(value)]))
            path = path.replace("{" + parameter["name"] + "}", quote(chosen, safe=""))
        elif draw(st.booleans()):
            query[parameter["name"]] = str(value)
    if odd and draw(st.integers(0, 9)) == 0:
        query[CANARY] = CANARY
    url = f"http://gateway.internal{path}?{urlencode(query, errors='replace')}"
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        body = json.dumps(draw(values.of(content["application/json"]["schema"])))
        return httpx.Request(method, url, content=body, headers={"content-type": "application/json"})
    if "multipart/form-data" in content:
        fields = {"collection": draw(st.just("default") | ODD), "locale": draw(st.just("en") | ODD)}
        return httpx.Request(method, url, files={"file": (draw(ODD), draw(st.binary(max_size=20)))}, data=fields)
    return httpx.Request(method, url)
