"""One request, read: arguments, parameters of the body, uploads, and the options of the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Literal

import orjson
from pydantic import JsonValue
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from lab.kayako import refusals
from lab.kayako.output import DEFAULT, PREFIX, Options, parse_fields, snake
from lab.kayako.sessions import Session


@dataclass(frozen=True)
class Upload:
    """A file that came with the request."""

    name: str
    content_type: str
    content: bytes


class Parameters:
    """Named values of a body or a query string; numbers may come as strings. Every getter raises Refused."""

    def __init__(self, values: Mapping[str, JsonValue]) -> None:
        self._values = {snake(name): value for name, value in values.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str) -> str | None:
        """A string, or None when it was not sent or is null."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise refusals.field_invalid(name)
        return str(value)

    def needed_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise refusals.field_required(name)
        if not value.strip():
            raise refusals.field_empty(name)
        return value

    def number(self, name: str) -> int | None:
        """An integer, or None when it was not sent or is empty."""
        value = self._values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,18}", str(value)):
            raise refusals.field_invalid(name)
        return int(str(value))

    def needed_number(self, name: str) -> int:
        value = self.number(name)
        if value is None:
            raise refusals.field_required(name)
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._values.get(name)
        if value is None:
            return default
        if str(value).lower() not in ("true", "false", "1", "0"):
            raise refusals.field_invalid(name)
        return str(value).lower() in ("true", "1")

    def words(self, name: str) -> list[str]:
        """A comma-separated string; an empty one is an empty list."""
        return [word.strip() for word in (self.text(name) or "").split(",") if word.strip()]

    def ids(self, name: str) -> list[int]:
        """Comma-separated ids; the same one twice is inconsistent."""
        words = self.words(name)
        if any(not word.isdigit() for word in words):
            raise refusals.field_invalid(name)
        if len(set(words)) != len(words):
            raise refusals.inconsistent(name)
        return [int(word) for word in words]

    def mapping(self, name: str) -> dict[str, JsonValue]:
        """A nested object; its own names are left as they are."""
        value = self._values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise refusals.field_invalid(name)
        return value


@dataclass
class Incoming:
    """A request as the routes see it."""

    method: str
    path: str
    """Below `/api/v1`, without `.json`."""
    address: str
    """The whole path and query as sent, for the links to other pages."""
    arguments: Parameters
    headers: Headers
    body: Parameters
    raw: bytes
    options: Options
    uploads: list[Upload] = field(default_factory=list)
    session: Session | None = None

    @property
    def caller(self) -> int:
        """The id of the signed-in user. Raises AUTHENTICATION_FAILED for a visitor."""
        if self.session is None:
            raise refusals.authentication_failed()
        return self.session.user_id


def path_of(request: Request) -> str:
    """The request's path below `/api/v1`, without `.json`."""
    return request.url.path.removeprefix(PREFIX).removesuffix(".json").rstrip("/")


async def read(request: Request) -> Incoming:
    """Read the whole request. Raises Refused when body or arguments cannot be understood."""
    arguments = Parameters(dict(request.query_params))
    raw = await request.body()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body: Mapping[str, JsonValue] = {}
    uploads: list[Upload] = []
    path = path_of(request)
    if path == "/files" and content_type != "multipart/form-data":
        uploads = [_raw_upload(request, raw)] if raw else []
    elif content_type == "application/json" and raw:
        body = _json_object(raw)
    elif content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        body, uploads = await _form(request)
    elif raw:
        raise refusals.malformed()
    return Incoming(
        method=request.method,
        path=path,
        address=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        arguments=arguments,
        headers=request.headers,
        body=Parameters(body),
        raw=raw,
        options=_options(request, arguments),
        uploads=uploads,
    )


def _json_object(raw: bytes) -> dict[str, JsonValue]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise refusals.malformed() from error
    if not isinstance(value, dict):
        raise refusals.malformed()
    return value


async def _form(request: Request) -> tuple[dict[str, JsonValue], list[Upload]]:
    try:
        form = await request.form(max_files=10, max_fields=200)
    except (HTTPException, KeyError) as error:  # no boundary is a KeyError
        raise refusals.malformed() from error
    values: dict[str, JsonValue] = {}
    uploads: list[Upload] = []
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content_type = value.content_type or "application/octet-stream"
            uploads.append(Upload(value.filename or "file", content_type, await value.read()))
        elif (nested := re.fullmatch(r"(\w+)\[(\w+)\]", name)) is not None:
            inner = values.setdefault(nested[1], {})
            if isinstance(inner, dict):
                inner[nested[2]] = value
        else:
            values[name] = value
    await form.close()
    return values, uploads


def _raw_upload(request: Request, raw: bytes) -> Upload:
    """The two-step upload: the file is the body, its name is in a header or in `_filename`."""
    disposition = Message()
    disposition["content-disposition"] = request.headers.get("content-disposition", "")
    name = request.query_params.get("_filename") or disposition.get_filename()
    if not name:
        raise refusals.field_required("_filename")
    return Upload(name, request.headers.get("content-type", "application/octet-stream"), raw)


def _options(request: Request, arguments: Parameters) -> Options:
    header = request.headers.get("x-portal")
    if header is not None and arguments.text("_portal") not in (None, header):
        raise refusals.inconsistent("_portal")
    asked = {word.strip() for word in request.headers.get("x-options", "").split(",")}
    case = arguments.text("_case") or "snake"
    return Options(
        site=f"{request.url.scheme}://{request.url.netloc}",
        include=frozenset(arguments.words("include")),
        fields=parse_fields(fields) if (fields := arguments.text("fields")) else DEFAULT,
        flat=arguments.flag("_flat", default="flat" in asked),
        keep_empty=arguments.flag("_empty", default="no_empty" not in asked),
        case=_case(case),
    )


def _case(name: str) -> Literal["snake", "camel", "pascal"]:
    match name:
        case "snake" | "camel" | "pascal":
            return name
        case _:
            raise refusals.field_invalid("_case")
