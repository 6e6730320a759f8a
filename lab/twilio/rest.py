"""Twilio's REST interface for calls and recordings."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.twilio import forms
from lab.twilio.call import Call
from lab.twilio.call_resource import RestRefused, as_json, following, matching, ordered, recording_json
from lab.twilio.network import PhoneNetwork
from lab.twilio.records import CallRecord
from lab.twilio.twiml import Verb

ACCOUNT = f"/{forms.API_VERSION}/Accounts/{{account}}"
LARGEST_PAGE, DEFAULT_PAGE = 1000, 50


BROKEN = "Internal Server Error"
BUSY = RestRefused(429, 20429, "Too Many Requests")


class RestInterface:
    """Answers requests about one network's calls."""

    def __init__(self, network: PhoneNetwork) -> None:
        self._network = network

    def routes(self) -> list[Route]:
        """Under `/2010-04-01/Accounts/{sid}`."""
        return [
            Route(f"{ACCOUNT}/Calls.json", self._answering(self._list), methods=["GET"]),
            Route(f"{ACCOUNT}/Calls.json", self._answering(self._create), methods=["POST"]),
            Route(f"{ACCOUNT}/Calls/{{sid}}.json", self._answering(self._fetch), methods=["GET"]),
            Route(f"{ACCOUNT}/Calls/{{sid}}.json", self._answering(self._update), methods=["POST"]),
            Route(f"{ACCOUNT}/Calls/{{sid}}/Recordings.json", self._answering(self._recordings), methods=["GET"]),
            Route(f"{ACCOUNT}/Calls/{{sid}}/Recordings.json", self._answering(self._record), methods=["POST"]),
            Route(f"{ACCOUNT}/Recordings.json", self._answering(self._recordings), methods=["GET"]),
            Route(f"{ACCOUNT}/Recordings/{{sid}}.json", self._answering(self._recording_resource), methods=["GET"]),
            Route(f"{ACCOUNT}/Recordings/{{sid}}.json", self._answering(self._forget), methods=["DELETE"]),
            Route(f"{ACCOUNT}/Recordings/{{sid}}", self._answering(self._recording), methods=["GET"]),
        ]

    def _answering(self, serve: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            faults = self._network.faults
            try:
                self._authenticate(request)
                if (status := faults.refuses_a_request()) is not None:
                    return _refused(BUSY if status == 429 else RestRefused(status, 20500, BROKEN))
                response = await serve(request)
            except RestRefused as refusal:
                return _refused(refusal)
            return _refused(RestRefused(500, 20500, BROKEN)) if faults.loses_an_answer() else response

        return answer

    def _authenticate(self, request: Request) -> None:
        """Raises RestRefused unless the account's credentials or an API key came with the request."""
        settings = self._network.settings
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, password = "", ""
        expected = {settings.account_sid: settings.auth_token, **settings.api_keys}.get(user)
        matches = expected is not None and secrets.compare_digest(expected.encode(), password.encode())
        if scheme.lower() != "basic" or not matches:
            raise RestRefused(401, 20003, "Authenticate")
        if request.path_params["account"] != settings.account_sid:
            raise RestRefused(404, 20404, f"The requested resource {request.url.path} was not found")

    def _found(self, request: Request) -> CallRecord:
        sid = request.path_params["sid"]
        record = next((one for one in self._network.records() if one.sid == sid), None)
        if record is None:
            raise RestRefused(404, 20404, f"The requested resource {request.url.path} was not found")
        return record

    async def _list(self, request: Request) -> Response:
        records = matching(list(self._network.records()), request.query_params)
        return _page(request, "calls", [as_json(record) for record in records])

    async def _create(self, request: Request) -> Response:
        pairs = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
        events = [value for name, value in pairs if name == "StatusCallbackEvent"]
        from_number, to_number, plan = ordered(dict(pairs), events, self._network.settings)
        call = self._network.call_out(from_number, to_number, plan)
        return JSONResponse(as_json(call.record), 201)

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(as_json(self._found(request)))

    async def _update(self, request: Request) -> Response:
        fields = dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))
        record = self._found(request)
        call = self._network.call(record.sid)
        if call is None or not call.is_active:
            raise RestRefused(400, 21220, "Call is not in-progress. Cannot redirect.")
        _change(call, fields)
        return JSONResponse(as_json(record))

    async def _recordings(self, request: Request) -> Response:
        of_call = request.path_params.get("sid", request.query_params.get("CallSid"))
        account = self._network.settings.account_sid
        found = [kept for record in self._network.records() for kept in record.recordings]
        shown = [recording_json(kept, account) for kept in found if of_call in (None, kept.call_sid)]
        return _page(request, "recordings", shown)

    async def _record(self, request: Request) -> Response:
        """Begin to record a call that goes on."""
        pairs = parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True)
        call = self._network.call(self._found(request).sid)
        if call is None or not call.is_active or call.record.answered_at is None:
            raise RestRefused(400, 21220, "Requested resource is not eligible for recording")
        events = [value for name, value in pairs if name == "RecordingStatusCallbackEvent"] or ["completed"]
        fields = dict(pairs)
        given = {"recordingStatusCallbackEvent": " ".join(events)}
        if "RecordingStatusCallbackMethod" in fields:
            given["recordingStatusCallbackMethod"] = fields["RecordingStatusCallbackMethod"]
        callback = fields.get("RecordingStatusCallback")
        begun = call.start_recording(Verb("Recording", given), callback, "StartCallRecordingAPI")
        return JSONResponse(recording_json(begun, self._network.settings.account_sid), 201)

    async def _recording_resource(self, request: Request) -> Response:
        sid = request.path_params["sid"]
        for record in self._network.records():
            for kept in record.recordings:
                if kept.sid == sid:
                    return JSONResponse(recording_json(kept, self._network.settings.account_sid))
        raise RestRefused(404, 20404, f"The requested resource {request.url.path} was not found")

    async def _forget(self, request: Request) -> Response:
        if not self._network.forget_recording(request.path_params["sid"]):
            raise RestRefused(404, 20404, f"The requested resource {request.url.path} was not found")
        return Response(status_code=204)

    async def _recording(self, request: Request) -> Response:
        sid = request.path_params["sid"]
        recording = self._network.recording(sid.removesuffix(".wav"))
        if recording is None:
            raise RestRefused(404, 20404, f"The requested resource {request.url.path} was not found")
        return Response(recording, media_type="audio/wav")


def _page(request: Request, name: str, resources: Sequence[dict[str, Any]]) -> Response:
    """One page of a list, with the addresses of the others."""
    query = request.query_params
    size = min(_whole(query.get("PageSize"), DEFAULT_PAGE) or DEFAULT_PAGE, LARGEST_PAGE)
    page = _whole(query.get("Page"), 0)
    shown = resources[page * size : (page + 1) * size]
    others = [(name, value) for name, value in query.multi_items() if name not in ("Page", "PageSize")]

    def uri(number: int) -> str:
        return f"{request.url.path}?{urlencode([*others, ('PageSize', size), ('Page', number)])}"

    return JSONResponse(
        {
            name: shown,
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(0, len(shown) - 1),
            "uri": uri(page),
            "first_page_uri": uri(0),
            "previous_page_uri": uri(page - 1) if page else None,
            "next_page_uri": uri(page + 1) if len(resources) > (page + 1) * size else None,
        }
    )


def _change(call: Call, fields: dict[str, str]) -> None:
    """Carry out an update. Raises RestRefused."""
    if "Twiml" in fields and "Url" in fields:
        raise RestRefused(400, 21218, "Url and Twiml exclude each other")
    status, document = fields.get("Status"), following(fields)
    if status == "completed":
        call.hang_up("rest")
    elif status == "canceled":
        if call.record.answered_at is not None:
            raise RestRefused(400, 21220, "Call is in-progress. Cannot cancel.")
        call.hang_up("rest", "canceled")
    elif document is None:
        raise RestRefused(400, 20001, "Nothing to change: give Status, Url or Twiml")
    elif call.record.answered_at is None:
        raise RestRefused(400, 21220, "Call is not in-progress. Cannot redirect.")
    else:
        call.replace(document)


def _refused(refusal: RestRefused) -> Response:
    return JSONResponse(refusal.body(), refusal.status)


def _whole(value: str | None, default: int) -> int:
    return int(value) if value is not None and value.isdigit() else default
