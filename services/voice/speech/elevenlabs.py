"""Speech through ElevenLabs' multi-context socket: one socket a call, one context a sentence, μ-law at 8000 Hz.

A context that is flushed and closed still gives all of its audio and then says `isFinal`: the one sure sign that a
sentence is complete. So each is closed as soon as its text was sent, and its slot comes back with its last audio. Of
five slots four are used; a sixth context would end the socket in the middle of a word.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

import msgspec

from services.voice.frame_socket import FrameSocket
from services.voice.provider_results import Capability, Result
from services.voice.provider_socket import ProviderSockets, Vendor
from services.voice.speech.arriving import FIRST_SOUND_S, ArrivingSentence
from services.voice.speech.owing_socket import OwingSocket
from services.voice.speech.pace import BYTES_PER_SECOND
from services.voice.speech.ports import SpeakerTraits
from services.voice.speech.socket_speaker import SocketSpeaker
from services.voice.speech.standing import Standing
from shared.clock import Clock
from shared.observability.logs import get_logger
from shared.settings import ElevenLabsSettings

log = get_logger(__name__)

PROVIDER: Final = "elevenlabs"
PREFIX: Final = "elevenlabs:"
TRAITS: Final = SpeakerTraits(native_mulaw=True, word_timing=True, first_sound_s=0.25)
MOST_CONTEXTS: Final = 4
"""Open at once on one socket; the vendor's limit is five and the penalty is the socket."""
INACTIVITY_S: Final = 180
"""The longest the vendor keeps a socket without text; its own default of 20 s is shorter than a slow tool."""
IDLE_S: Final = 150.0
"""A socket that has been idle this long is replaced before it is needed, rather than kept alive."""
VOICE_SETTINGS: Final = {"stability": 0.5, "similarity_boost": 0.75, "use_speaker_boost": False}
"""The vendor's defaults, without the boost, which costs time and is not heard on a telephone."""
REFUSALS: Final = frozenset({"invalid_api_key", "quota_exceeded", "voice_not_found"})
"""Error codes that no waiting heals; over HTTP the same words are `detail.status`."""
_VENDOR = Vendor(PROVIDER, reason_header="", request_id_header="request-id", largest_message=16 * 1024 * 1024)


class _Alignment(msgspec.Struct):
    """When each character is spoken, in milliseconds from the beginning of this piece of audio."""

    chars: list[str] = msgspec.field(default_factory=list)
    starts: list[float] = msgspec.field(name="charStartTimesMs", default_factory=list)


class _Message(msgspec.Struct):
    """Both spellings are met: the schema's and an older one."""

    audio: bytes | None = None
    context: str | None = msgspec.field(name="contextId", default=None)
    old_context: str | None = msgspec.field(name="context_id", default=None)
    is_final: bool | None = msgspec.field(name="isFinal", default=None)
    was_final: bool | None = msgspec.field(name="is_final", default=None)
    alignment: _Alignment | None = None
    error: str | None = None


_read = msgspec.json.Decoder(_Message).decode


def elevenlabs_sockets(settings: ElevenLabsSettings, key: str) -> ProviderSockets:
    """Opens sockets with this key."""
    return ProviderSockets(_VENDOR, settings.elevenlabs_url, {"xi-api-key": key})


def elevenlabs_speaker(
    sockets: ProviderSockets, settings: ElevenLabsSettings, name: str, clock: Clock, standing: Standing
) -> SocketSpeaker:
    """A `Speaker` with the voice `elevenlabs:<voice id>`."""
    path = f"/v1/text-to-speech/{quote(name.removeprefix(PREFIX), safe='')}/multi-stream-input"
    query = [
        ("model_id", settings.elevenlabs_model),
        ("output_format", "ulaw_8000"),
        ("inactivity_timeout", str(INACTIVITY_S)),
        ("auto_mode", "true"),  # whole sentences come in, so nothing needs to be gathered
        ("sync_alignment", "true"),
    ]

    async def connect() -> ElevenLabsSocket:
        return ElevenLabsSocket(await sockets.open(path, query, Capability.SPEECH), clock, standing)

    return SocketSpeaker(name, TRAITS, connect, standing)


class ElevenLabsSocket(OwingSocket):
    """One connection to `multi-stream-input`."""

    def __init__(self, connection: FrameSocket, clock: Clock, standing: Standing) -> None:
        super().__init__(connection, clock, standing)
        self._contexts: dict[str, _Context] = {}
        """Those whose `isFinal` has not come, whether somebody still wants their audio or not."""
        self._begun = 0
        self._slot = asyncio.Event()
        self._used_at = self.opened_at

    @property
    def takes_more(self) -> bool:
        return self.is_open and (bool(self.owed) or self.clock.monotonic() - self._used_at < IDLE_S)

    async def begin(self, text: str) -> ArrivingSentence:
        sentence = self.owe()
        await self._wait_for_a_slot(sentence)
        self._begun += 1
        name = f"s{self._begun}"
        self._contexts[name] = _Context(sentence)
        self._used_at = self.clock.monotonic()
        await self.send(
            _message(text=" ", context_id=name, voice_settings=VOICE_SETTINGS),
            _message(text=f"{text.strip()} ", context_id=name, flush=True),  # without the space words are swallowed
            _message(context_id=name, close_context=True),
        )
        return sentence

    async def _wait_for_a_slot(self, sentence: ArrivingSentence) -> None:
        try:
            async with asyncio.timeout(FIRST_SOUND_S):
                while len(self._contexts) >= MOST_CONTEXTS and self.is_open:
                    self._slot.clear()
                    await self._slot.wait()
        except TimeoutError:
            sentence.failed("no context became free in time", Result.TIMEOUT)
            self.give_up()
        if not self.is_open:
            raise self.closed

    async def stop(self) -> None:
        """Every context is closed already; what still arrives of it is dropped, and its `isFinal` frees the slot."""
        self.forget("stopped")

    def received(self, message: str | bytes) -> None:
        try:
            told = _read(message)
        except (msgspec.DecodeError, UnicodeError):
            self.standing.failed(Result.GARBAGE)
            return
        if told.error is not None:
            log.warning("speech_warning", provider=PROVIDER, error_code=told.error)
            self.standing.failed(Result.REFUSED if told.error in REFUSALS else Result.ERROR)
            self.give_up()  # the vendor closes after an error
            return
        name = told.context or told.old_context
        context = self._contexts.get(name) if name is not None else None
        if name is None or context is None:
            return
        if told.audio:
            context.sounded(told.audio, told.alignment or _Alignment())
        if told.is_final or told.was_final:
            del self._contexts[name]
            self._slot.set()
            self.paid(context.sentence)

    def forget(self, problem: str) -> None:
        super().forget(problem)
        self._slot.set()  # who waits for one looks whether the socket is still there

    async def say_goodbye(self) -> None:
        await self.try_to_send(_message(close_socket=True))


class _Context:
    """One context: whose audio it is, and how much of it has come."""

    def __init__(self, sentence: ArrivingSentence) -> None:
        self.sentence = sentence
        self._bytes = 0
        self._characters = 0

    def sounded(self, audio: bytes, alignment: _Alignment) -> None:
        for character, start in zip(alignment.chars, alignment.starts, strict=False):
            if self._characters or not character.isspace():  # the space that opened the context is no text of ours
                self.sentence.spoken(self._characters, self._bytes + int(start * BYTES_PER_SECOND / 1000))
                self._characters += 1
        self._bytes += len(audio)
        self.sentence.sounded(audio)


def _message(**fields: object) -> str:
    return msgspec.json.encode(fields).decode()
