"""The vendor's HTTP side: a text spoken as a stream of bytes, or as a whole."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from lab.elevenlabs import options
from lab.elevenlabs.context import spoken
from lab.elevenlabs.faults import Faults
from lab.elevenlabs.messages import SpeechRequest
from lab.elevenlabs.options import Options
from lab.elevenlabs.refusals import Refused, Unprocessable, obstruct
from lab.elevenlabs.state import ElevenLabs
from lab.wire.sockets import Left

LONGEST_TEXT = 40_000


def speaking(lab: ElevenLabs) -> Callable[[Request], Awaitable[Response]]:
    """`POST /v1/text-to-speech/{voice_id}` and the same with `/stream` behind it."""

    async def speak(request: Request) -> Response:
        try:
            return await _speak(request, lab)
        except (Refused, Unprocessable) as refusal:
            lab.counts["requests_refused"] += 1
            return refusal.response()
        except Left:
            return Response(status_code=499)

    return speak


async def _speak(request: Request, lab: ElevenLabs) -> Response:
    faults = lab.faults.take()
    await obstruct(faults, request)
    lab.authenticate(request)
    lab.check_voice(request.path_params["voice_id"])
    try:
        asked = msgspec.json.decode(await request.body(), type=SpeechRequest)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Unprocessable("text", str(error)) from error
    if asked.model_id not in options.HTTP_MODELS:
        raise Refused("invalid_model")
    if not asked.text.strip() or len(asked.text) > LONGEST_TEXT:
        raise Unprocessable("text", f"must have 1 to {LONGEST_TEXT} characters")
    chosen = Options(options.output_rate(request.query_params.get("output_format", "mp3_44100_128")))
    if lab.requests >= lab.settings.most_requests:
        raise Refused("too_many_concurrent_requests")
    lab.requests += 1
    lab.counts["requests"] += 1

    def over() -> None:
        lab.requests -= 1

    sound = _sound(asked.text, lab, chosen, faults)
    headers = {"current-concurrent-requests": str(lab.requests)}
    return StreamingResponse(sound, 200, headers, media_type="audio/basic", background=BackgroundTask(over))


async def _sound(text: str, lab: ElevenLabs, chosen: Options, faults: Faults) -> AsyncIterator[bytes]:
    async for message in spoken(text.strip(), lab, chosen, faults):
        yield base64.b64decode(message["audio"])
