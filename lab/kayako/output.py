"""How a resource becomes JSON: references, `include`, `fields`, flat mode, empty values and the case of names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from lab.kayako.refusals import field_invalid

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Reference:
    """A mention of another resource: an id and a type, unless the request includes that type."""

    kind: str
    id: int


@dataclass(frozen=True, slots=True)
class Address:
    """A path of the API, or of the help centre's site, written out as a whole URL."""

    path: str
    on_site: bool = False


@dataclass(frozen=True, slots=True)
class OnRequest:
    """A field that is off by default and asked for with `fields=+name`."""

    value: Value


Value = str | int | float | bool | Reference | Address | OnRequest | list["Value"] | dict[str, "Value"] | None
Body = dict[str, Value]
"""A resource before it is written out."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The `fields` argument as a tree. An empty one asks for the defaults."""

    only: dict[str, Fields] = field(default_factory=dict)
    added: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    @property
    def everything(self) -> bool:
        """Whether off-by-default fields were asked for with `*`."""
        return "*" in self.only


DEFAULT = Fields()


def parse_fields(argument: str) -> Fields:
    """Read `fields=id,%2Btags,-status,requester(full_name)`.

    A name with a space before it is ignored: that is what an unescaped `+` arrives as. Raises FIELD_INVALID when the
    parentheses do not match.
    """
    tree, rest = _parse_list(argument)
    if rest:
        raise field_invalid("fields")
    return tree


def _parse_list(text: str) -> tuple[Fields, str]:
    only: dict[str, Fields] = {}
    added, removed = set(), set()
    while text and text[0] != ")":
        match = re.match(r"([ +-]?)([\w*]*)", text)
        assert match is not None  # noqa: S101  (the pattern matches the empty string)
        sign, name = match.groups()
        text = text[match.end() :]
        below = DEFAULT
        if text.startswith("("):
            below, text = _parse_list(text[1:])
            if not text.startswith(")"):
                raise field_invalid("fields")
            text = text[1:]
        if text.startswith(","):
            text = text[1:]
        elif text and text[0] != ")":
            raise field_invalid("fields")
        if sign == "+":
            added.add(name)
        elif sign == "-":
            removed.add(name)
        elif not sign and name:
            only[name] = below
    return Fields(only, frozenset(added), frozenset(removed)), text


@dataclass(frozen=True, slots=True)
class Options:
    """What a request asks of the form of its answer."""

    site: str
    """Scheme and host, such as `https://acme.kayako.com`."""
    include: frozenset[str] = frozenset()
    fields: Fields = DEFAULT
    flat: bool = False
    keep_empty: bool = True
    case: Literal["snake", "camel", "pascal"] = "snake"


class Writer:
    """Writes bodies out under one request's options; in flat mode it collects the included ones."""

    def __init__(self, find: Callable[[Reference], Body | None], options: Options) -> None:
        self._find = find
        self._options = options
        self.resources: dict[str, dict[str, JsonValue]] = {}

    def write(self, body: Body) -> JsonValue:
        """The `data` of an answer, or one row of it.

        Where it has no field `data`, `fields=data(…)` means the content of the parentheses.
        """
        fields = self._options.fields
        return self._body(body, fields if "data" in body else fields.only.get("data", fields), frozenset())

    def _value(self, value: Value, fields: Fields, above: frozenset[Reference]) -> JsonValue:
        match value:
            case Reference():
                return self._reference(value, fields, above)
            case Address(path, on_site):
                return self._options.site + (path if on_site else PREFIX + path)
            case OnRequest(inner):
                return self._value(inner, fields, above)
            case list():
                return [self._value(item, fields, above) for item in value]
            case dict():
                return self._body(value, fields, above)
            case _:
                return value

    def _body(self, body: Body, fields: Fields, above: frozenset[Reference]) -> dict[str, JsonValue]:
        written: dict[str, JsonValue] = {}
        for name, value in body.items():
            if not _wanted(name, value, fields):
                continue
            item = self._value(value, fields.only.get(name, DEFAULT), above)
            if self._options.keep_empty or (item is not None and item != []):
                written[name] = item
        return written

    def _reference(self, reference: Reference, fields: Fields, above: frozenset[Reference]) -> JsonValue:
        mention: dict[str, JsonValue] = {"id": reference.id, "resource_type": reference.kind}
        asked = bool(fields.only) or reference.kind in self._options.include or "*" in self._options.include
        if not asked or reference in above:
            return mention
        body = self._find(reference)
        if body is None:
            return mention
        if not self._options.flat:
            return self._body(body, fields, above | {reference})
        collected = self.resources.setdefault(reference.kind, {})
        if str(reference.id) not in collected:
            collected[str(reference.id)] = None  # a place taken, so that a circle of references ends
            collected[str(reference.id)] = self._body(body, fields, above)
        return mention


def _wanted(name: str, value: Value, fields: Fields) -> bool:
    if name == "resource_type":
        return True
    if name in fields.removed:
        return False
    if fields.only and not fields.everything:
        return name in fields.only or name in fields.added
    return not isinstance(value, OnRequest) or fields.everything or name in fields.added


def rename(value: JsonValue, case: Literal["snake", "camel", "pascal"]) -> JsonValue:
    """The same document with its names in another case."""
    if case == "snake":
        return value
    if isinstance(value, list):
        return [rename(item, case) for item in value]
    if isinstance(value, dict):
        return {_cased(name, case): rename(item, case) for name, item in value.items()}
    return value


def _cased(name: str, case: Literal["camel", "pascal"]) -> str:
    first, *others = name.split("_")
    return (first if case == "camel" else first.capitalize()) + "".join(word.capitalize() for word in others)


def snake(name: str) -> str:
    """`requesterId` and `RequesterId` as `requester_id`: input is understood in all three cases."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
