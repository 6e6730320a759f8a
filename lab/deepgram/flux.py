"""`WS /v2/listen`: audio in, turns out."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import msgspec
from starlette.websockets import WebSocket

from lab.deepgram import flux_options, session
from lab.deepgram.faults import ListenFaults
from lab.deepgram.flux_options import FluxOptions
from lab.deepgram.intake import Intake
from lab.deepgram.session import Message, Over
from lab.deepgram.state import Deepgram
from lab.deepgram.turn_taker import TurnTaker

IDLE_LIMIT_S = 60.0
"""Without audio; pings of the WebSocket keep the real service open longer, and there is no KeepAlive."""


class Control(msgspec.Struct):
    """A text message of a client."""

    type: str
    thresholds: dict[str, float | None] | None = None
    keyterms: list[str] | None = None
    language_hints: list[str] | None = None
    numerals: bool | None = None


async def listen(socket: WebSocket, lab: Deepgram) -> None:
    """One socket, from handshake to close."""
    await session.serve(socket, lab, "flux", _recogniser, IDLE_LIMIT_S)


def _recogniser(socket: WebSocket, lab: Deepgram, faults: ListenFaults, request_id: str) -> Flux:
    options = flux_options.read(socket.query_params)
    for name in flux_options.unknown(socket.query_params):
        lab.counts[f"flux_unknown_parameter:{name}"] += 1
    return Flux(lab, options, faults, request_id)


class Flux:
    """A `Recogniser` of the second protocol."""

    def __init__(self, lab: Deepgram, options: FluxOptions, faults: ListenFaults, request_id: str) -> None:
        self.intake = Intake(options.encoding, options.sample_rate)
        self._lab = lab
        self._keyterms = list(options.keyterms)
        self._request_id = request_id
        self._turns = TurnTaker(options.thresholds, faults)
        self._sequence = -1

    @property
    def characters(self) -> int:
        return self._turns.characters

    def opened(self) -> list[Message]:
        return [self._message("Connected")]

    def hear(self, audio: bytes, sound: bytes) -> list[Message]:  # noqa: ARG002  (the raw bytes matter to Nova only)
        return [self._message("TurnInfo", **event) for event in self._turns.feed(sound)]

    def obey(self, text: str) -> tuple[list[Message], bool]:
        try:
            control = msgspec.json.decode(text, type=Control)
        except (msgspec.DecodeError, msgspec.ValidationError):
            control = Control("")
        match control.type:
            case "Configure":
                return [self._configured(control)], False
            case "ForceEndTurn":
                return [self._message("TurnInfo", **event) for event in self._turns.force()], False
            case "CloseStream":
                raise Over
        self._lab.counts["flux_bad_message"] += 1
        raise Over(self.error("could not parse client message"))

    def ended(self) -> list[Message]:
        return []

    def error(self, description: str) -> Message:
        """Always fatal for the real service; the lab's fault sends it and goes on, to be left."""
        return self._numbered({"type": "Error", "code": "INTERNAL_SERVER_ERROR", "description": description})

    def _configured(self, control: Control) -> Message:
        wanted = {name: value for name, value in (control.thresholds or {}).items() if value is not None}
        try:
            thresholds = replace(self._turns.thresholds, **wanted)  # type: ignore[arg-type]  # checked below
            problem = thresholds.problem
        except TypeError:
            problem = "an unknown threshold"
        if problem:
            return self._message("ConfigureFailure", code="INVALID", description=problem)
        self._turns.thresholds = thresholds
        if control.keyterms is not None:
            self._keyterms = control.keyterms
        return self._message("ConfigureSuccess", thresholds=asdict(thresholds), keyterms=self._keyterms)

    def _message(self, kind: str, **fields: Any) -> Message:
        return self._numbered({"type": kind, "request_id": self._request_id, **fields})

    def _numbered(self, message: Message) -> Message:
        self._sequence += 1
        return message | {"sequence_id": self._sequence}
