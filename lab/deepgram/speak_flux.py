"""`WS /v2/speak` (Flux): text in, sound out, turn by turn."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any, NoReturn

import msgspec

from lab.deepgram.sockets import DATA_0000, Closed
from lab.deepgram.speak import BIG_0001, MODEL_UUID, SpeakSession
from lab.speech.mulaw import RATE
from lab.speech.voices import SAMPLES

MS_A_CHARACTER = SAMPLES * 1000 // RATE


class Offset(msgspec.Struct, forbid_unknown_fields=True):
    """How much of the session's sound was played."""

    type: str
    value: int


class FluxControl(msgspec.Struct):
    """A text message of a client."""

    type: str
    text: str = ""
    playback_offset: Offset | None = None
    speed: float | None = None


class FluxSpeakSession(SpeakSession):
    """A turn is everything between two flushes; its `SpeechMetadata`, or `SpeechInterrupted`, ends it."""

    _turn: str | None = None
    """The text of the turn that is being spoken."""
    _speech_id = ""
    _offset_ms = 0
    """Of the last interruption."""
    _played_before_ms = 0
    """Sound of the turns before this one, as far as it was played."""
    _characters = 0
    _closing = False

    def _greet(self) -> None:
        told = {"model_name": self._options.model, "model_version": "lab", "model_uuids": [MODEL_UUID]}
        self._outgoing.put({"type": "Connected", "request_id": self._request_id, **told})

    async def _obey(self, text: str) -> None:
        try:
            control = msgspec.json.decode(text, type=FluxControl)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Closed(*DATA_0000) from error
        match control:
            case FluxControl(type="Speak"):
                if len(control.text) > self._lab.settings.longest_text:
                    raise Closed(*BIG_0001)
                self._buffer += control.text
            case FluxControl(type="Flush"):
                self._end_turn()
            case FluxControl(type="Interrupt", playback_offset=Offset(type="time_ms", value=offset)):
                self._interrupt(offset)
            case FluxControl(type="Configure"):
                self._outgoing.put({"type": "ConfigureSuccess", "applied": {"speed": control.speed}})
            case FluxControl(type="Close"):
                self._closing = True
                if self._turn is None:
                    await self._say_goodbye()
            case _:
                self._lab.counts["speak_bad_message"] += 1
                self._outgoing.put({"type": "Error", "code": "DATA-0000", "description": "not understood"})
                await self._outgoing.sent()
                raise Closed(*DATA_0000)

    def _end_turn(self) -> None:
        if not self._buffer.strip():
            self._warn("NO_SYNTHESIZABLE_TEXT")
            return
        if self._turn is not None:
            self._lab.counts["speak_overlapping_turns"] += 1
        self._lab.counts["speak_characters"] += len(self._buffer)
        self._work.put_nowait(self._buffer)
        self._buffer = ""

    def _warn(self, code: str) -> None:
        self._lab.counts[f"speak_warning:{code}"] += 1
        self._outgoing.put({"type": "Warning", "code": code, "description": code.lower().replace("_", " ")})

    def _interrupt(self, offset: int) -> None:
        if self._turn is None:
            self._warn("NO_ACTIVE_SPEECH")
            return
        played_ms = offset - self._played_before_ms
        if offset <= self._offset_ms or not 0 <= played_ms <= len(self._turn) * MS_A_CHARACTER:
            self._warn("INVALID_INTERRUPT_OFFSET")
            return
        self._offset_ms = self._played_before_ms = offset
        self._clears += 1
        said = played_ms // MS_A_CHARACTER
        told = {"text_spoken": self._turn[:said], "text_remaining": self._turn[said:]}
        metadata = self._metadata(self._turn, played_ms)
        self._outgoing.put({"type": "SpeechInterrupted", "audio_played_ms": played_ms, **told, "metadata": metadata})
        self._lab.counts["speak_interrupted"] += 1
        self._turn = None

    def _metadata(self, text: str, audio_ms: int) -> dict[str, Any]:
        self._characters += len(text)
        count = {"input_character_count": len(text), "billable_character_count": len(text)}
        controls = {"pronunciations_applied": 0, "breaks_applied": 0, "pronunciation_warnings": 0}
        return {"speech_id": self._speech_id, "audio_duration_ms": audio_ms, **count, "controls_applied": controls}

    async def _generate(self) -> NoReturn:
        while True:
            text = await self._work.get()
            if text is None:
                continue
            clears, self._turn, self._speech_id = self._clears, text, f"dg_sp_{secrets.token_hex(6)}"
            delay = self._lab.settings.first_byte_s + self._faults.first_byte_delay_s
            await asyncio.sleep(self._lab.scaled(delay))
            self._outgoing.put({"type": "SpeechStarted", "speech_id": self._speech_id})
            self._outgoing.put({"type": "Flushed", "speech_id": self._speech_id})
            if not self._faults.sends_no_sound:
                await self._speak(text, clears)
            if clears == self._clears:
                audio_ms = len(text) * MS_A_CHARACTER
                self._played_before_ms += audio_ms
                self._turn = None
                self._outgoing.put({"type": "SpeechMetadata", **self._metadata(text, audio_ms)})
            if self._closing:
                await self._say_goodbye()

    async def _say_goodbye(self) -> NoReturn:
        totals = {"total_input_character_count": self._characters, "total_billable_character_count": self._characters}
        self._outgoing.put({"type": "SessionMetadata", "total_audio_duration_ms": self._played_before_ms, **totals})
        await self._outgoing.sent()
        raise Closed(1000)
