"""`WS /v1/listen`: audio in, transcripts out."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import msgspec
from starlette.websockets import WebSocket

from lab.deepgram import listen_options, session
from lab.deepgram.faults import ListenFaults
from lab.deepgram.intake import Intake
from lab.deepgram.listen_options import ListenOptions
from lab.deepgram.session import Message, Over
from lab.deepgram.state import Deepgram
from lab.deepgram.transcriber import Transcriber


class Control(msgspec.Struct):
    """A text message of a client."""

    type: str
    keyterms: list[str] | None = None
    features: dict[str, bool] | None = None
    channel: int | None = None


async def listen(socket: WebSocket, lab: Deepgram) -> None:
    """One socket, from handshake to close."""
    await session.serve(socket, lab, "listen", _recogniser, lab.settings.idle_limit_s)


def _recogniser(socket: WebSocket, lab: Deepgram, faults: ListenFaults, request_id: str) -> Nova:
    options = listen_options.read(socket.query_params)
    lab.counts[f"listen_language:{socket.query_params.get('language', 'en')}"] += 1
    for name in listen_options.unknown(socket.query_params):
        lab.counts[f"listen_unknown_parameter:{name}"] += 1
    return Nova(lab, options, faults, request_id)


class Nova:
    """A `Recogniser` of the first protocol."""

    def __init__(self, lab: Deepgram, options: ListenOptions, faults: ListenFaults, request_id: str) -> None:
        self.intake = Intake(options.encoding, options.sample_rate)
        self._lab = lab
        self._options = options
        self._request_id = request_id
        self._transcriber = Transcriber(options, lab.settings, faults, request_id)
        self._digest = hashlib.sha256()

    @property
    def characters(self) -> int:
        return self._transcriber.characters

    def opened(self) -> list[Message]:
        return []

    def hear(self, audio: bytes, sound: bytes) -> list[Message]:
        self._digest.update(audio)
        return self._transcriber.feed(sound)

    def obey(self, text: str) -> tuple[list[Message], bool]:
        try:
            control = msgspec.json.decode(text, type=Control)
        except (msgspec.DecodeError, msgspec.ValidationError):
            control = Control("")
        match control.type:
            case "KeepAlive":
                return [], True
            case "Finalize":
                return self._transcriber.finalize(), True
            case "Configure":
                return [self._configured(control)], True
            case "CloseStream":
                raise Over(*self.ended())
        self._lab.counts["listen_bad_message"] += 1
        problem = {"variant": "SchemaError", "description": "could not parse client message", "message": text}
        return [{"type": "Error", **problem}], False

    def error(self, description: str) -> Message:
        return {"type": "Error", "variant": "LabFault", "description": description}

    def _configured(self, control: Control) -> Message:
        keyterms = control.keyterms
        failure = {"type": "ConfigureFailure", "request_id": self._request_id}
        if keyterms and not self._options.model.startswith("nova-3"):
            return failure | {"code": "CONFIGURE_KEYTERMS_NOT_SUPPORTED", "description": "keyterms need a nova-3 model"}
        if keyterms and listen_options.tokens(tuple(keyterms)) > listen_options.MOST_KEYTERM_TOKENS:
            return failure | {"code": "CONFIGURE_KEYTERM_LIMIT_EXCEEDED", "description": "at most 500 tokens"}
        success: Message = {"type": "ConfigureSuccess", "request_id": self._request_id}
        return success if keyterms is None else success | {"keyterms": keyterms}

    def ended(self) -> list[Message]:
        """The last results and the metadata."""
        return [
            *self._transcriber.close(),
            {
                "type": "Metadata",
                "transaction_key": "deprecated",
                "request_id": self._request_id,
                "sha256": self._digest.hexdigest(),
                "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "duration": round(self._transcriber.now, 4),
                "channels": 1,
            },
        ]
