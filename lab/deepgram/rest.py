"""The vendor's HTTP side: speak a text, transcribe a recording, mint a token."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from lab.deepgram import listen_options, speak_options
from lab.deepgram.faults import SpeakFaults
from lab.deepgram.intake import Intake, Undecodable
from lab.deepgram.refusals import Refused
from lab.deepgram.sockets import obstruct, until_left
from lab.deepgram.speak_options import SpeakOptions
from lab.deepgram.state import DEFAULT_TOKEN_S, LONGEST_TOKEN_S, Deepgram
from lab.deepgram.transcriber import MODEL_UUID, SURE
from lab.deepgram.words import alternative, gather, spread
from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import RATE


class SpeakRequest(msgspec.Struct):
    """The JSON body of a request to speak."""

    text: str


class GrantRequest(msgspec.Struct):
    """The JSON body of a request for a token."""

    ttl_seconds: float = DEFAULT_TOKEN_S


async def speak(request: Request, lab: Deepgram, request_id: str) -> Response:
    """`POST /v1/speak`. Raises Refused."""
    faults = lab.faults.for_speaking()
    await obstruct(faults, request)
    lab.authenticate(request)
    options = speak_options.read(request.query_params, is_socket=False)
    text = await _text(request)
    if len(text) > lab.settings.longest_text:
        raise Refused(413, f"Input text exceeds maximum character limit of {lab.settings.longest_text}.")
    lab.counts["rest_speak"] += 1
    headers = {
        "dg-request-id": request_id,
        "dg-model-name": options.model,
        "dg-model-uuid": MODEL_UUID,
        "dg-char-count": str(len(text)),
    }
    if faults.says_nothing:
        await until_left(request)
    return StreamingResponse(_sound(text, options, faults, lab), 200, headers, media_type=options.content_type)


async def _text(request: Request) -> str:
    body = await request.body()
    if request.headers.get("content-type", "").startswith("text/plain"):
        text = body.decode(errors="replace")
    else:
        try:
            text = msgspec.json.decode(body, type=SpeakRequest).text
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Refused(400, f"Could not parse the body: {error}", "PAYLOAD_ERROR") from error
    if not text.strip():
        raise Refused(400, "Payload is empty.", "PAYLOAD_ERROR")
    return text


async def _sound(text: str, options: SpeakOptions, faults: SpeakFaults, lab: Deepgram) -> AsyncIterator[bytes]:
    """The speech in chunks at the speed of generation."""
    await asyncio.sleep(lab.scaled(lab.settings.first_byte_s + faults.first_byte_delay_s))
    if faults.sends_no_sound:
        return
    file = options.file(encode(text.strip(), Speaker.ASSISTANT))
    size = max(1, int(lab.settings.chunk_s * len(options.sound(b"\xff")) * RATE))
    for place in range(0, len(file), size):
        yield file[place : place + size]
        await asyncio.sleep(lab.scaled(lab.settings.chunk_s / lab.settings.generation_speed))


async def transcribe(request: Request, lab: Deepgram, request_id: str) -> Response:
    """`POST /v1/listen`: a WAV file, or raw audio with its encoding in the query. Raises Refused."""
    faults = lab.faults.for_listening()
    await obstruct(faults, request)
    lab.authenticate(request)
    options = listen_options.read(request.query_params)
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        raise Refused(400, "The lab's stand-in fetches no recordings: send the bytes.", "REMOTE_CONTENT_ERROR")
    try:
        sound = Intake(options.encoding, options.sample_rate).take(body)
    except Undecodable as problem:
        raise Refused(400, f"failed to process audio: corrupt or unsupported data: {problem}") from problem
    lab.counts["rest_listen"] += 1
    decoder = Decoder()
    letters = decoder.feed(sound)
    duration = len(sound) / RATE
    words = gather(letters) if faults.hears is None else spread(faults.hears, 0.0, duration)
    name = f"lab-{options.model}"
    return JSONResponse(
        {
            "metadata": {
                "transaction_key": "deprecated",
                "request_id": request_id,
                "sha256": hashlib.sha256(body).hexdigest(),
                "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "duration": duration,
                "channels": 1,
                "models": [MODEL_UUID],
                "model_info": {MODEL_UUID: {"name": name, "version": "lab", "arch": options.model}},
            },
            "results": {"channels": [{"alternatives": [alternative(words, options.keeps_form, SURE)]}]},
        },
        headers={"dg-request-id": request_id},
    )


async def grant(request: Request, lab: Deepgram, request_id: str) -> Response:
    """`POST /v1/auth/grant`: a token in exchange for the key. Raises Refused."""
    lab.authenticate(request, by_key=True)
    body = await request.body()
    try:
        seconds = msgspec.json.decode(body or b"{}", type=GrantRequest).ttl_seconds
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Refused(400, f"Could not parse the body: {error}", "PAYLOAD_ERROR") from error
    if not 1 <= seconds <= LONGEST_TOKEN_S:
        raise Refused(400, f"ttl_seconds must be between 1 and {LONGEST_TOKEN_S:.0f}.")
    lab.counts["rest_grant"] += 1
    headers = {"dg-request-id": request_id}
    return JSONResponse({"access_token": lab.grant(seconds), "expires_in": seconds}, headers=headers)
