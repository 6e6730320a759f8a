"""Decides, in audio time alone, what a listening socket hears and when it says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.deepgram.faults import ListenFaults
from lab.deepgram.listen_options import ListenOptions
from lab.deepgram.settings import Settings
from lab.deepgram.words import Word, alternative, gather, spread
from lab.speech.decoder import Decoder, Letter
from lab.speech.mulaw import FRAME, FRAME_S, RATE

QUIET_REPORT_S = 1.0
"""While nobody speaks, an empty guess comes about once a second of audio."""
MODEL_UUID = "1ab00000-0000-4000-8000-000000000001"
GUESS, SURE = 0.93, 0.99
"""Confidences of interim and of final words."""

Message = dict[str, Any]


class Transcriber:
    """Turns one stream of μ-law into the vendor's messages."""

    def __init__(self, options: ListenOptions, settings: Settings, faults: ListenFaults, request_id: str) -> None:
        self.characters = 0
        """Characters heard so far."""
        self._options = options
        self._settings = settings
        self._faults = faults
        self._metadata = {
            "request_id": request_id,
            "model_info": {"name": f"lab-{options.model}", "version": "lab", "arch": options.model},
            "model_uuid": MODEL_UUID,
        }
        self._decoder = Decoder()
        self._frame = b""
        self._letters: list[Letter] = []
        """Heard and not final yet."""
        self._window_start = 0.0
        self._sound_start: float | None = None
        """When the utterance that goes on began to sound; None while nobody speaks."""
        self._next_guess = QUIET_REPORT_S
        self._last_word_end: float | None = None
        """Of words that no UtteranceEnd has closed yet."""

    @property
    def now(self) -> float:
        """Seconds of audio heard."""
        return self._decoder.heard / RATE

    def feed(self, audio: bytes) -> list[Message]:
        """The messages that this audio brings about."""
        messages: list[Message] = []
        waiting = self._frame + audio
        whole = len(waiting) // FRAME * FRAME
        for start in range(0, whole, FRAME):
            messages += self._hear(waiting[start : start + FRAME])
        self._frame = waiting[whole:]
        return messages

    def finalize(self) -> list[Message]:
        """What a `Finalize` brings: all that is buffered becomes final. Nothing when nothing is."""
        if self.now - self._window_start < FRAME_S:
            return []
        return [self._final(speech_final=False, from_finalize=True)]

    def close(self) -> list[Message]:
        """The last results of the stream."""
        return [self._final(speech_final=False)] if self._letters or self._sound_start is not None else []

    def _hear(self, frame: bytes) -> Iterator[Message]:
        sounds = self._decoder.sounds
        letters = self._decoder.feed(frame)
        self._letters += letters
        self.characters += len(letters)
        if self._decoder.sounds > sounds and self._sound_start is None:
            self._sound_start = self.now - FRAME_S
            self._next_guess = self.now + self._settings.interim_every_s
            if self._options.vad_events:
                yield {"type": "SpeechStarted", "channel": [0, 1], "timestamp": round(self._sound_start, 2)}
        if self._sound_start is not None and self._is_over():
            yield self._final(speech_final=not self._faults.never_speech_final)
            self._sound_start = None
            self._next_guess = self.now + QUIET_REPORT_S
        elif self.now >= self._next_guess:
            yield from self._report_progress()
        yield from self._utterance_end()

    def _is_over(self) -> bool:
        limit = self._options.endpointing_s
        return limit is not None and self._decoder.quiet > 0 and self._decoder.quiet >= limit * RATE

    def _report_progress(self) -> Iterator[Message]:
        """A guess, or a final when the window has grown long."""
        speaks = self._sound_start is not None
        self._next_guess = self.now + (self._settings.interim_every_s if speaks else QUIET_REPORT_S)
        at_a_word_end = not self._letters or self._letters[-1].character.isspace() or self._decoder.quiet > 0
        if self.now - self._window_start >= self._settings.longest_window_s and at_a_word_end:
            yield self._final(speech_final=False)
        elif self._options.interim_results:
            yield self._result(self._words(guess=True), GUESS, is_final=False)

    def _utterance_end(self) -> Iterator[Message]:
        gap = self._options.utterance_end_s
        if gap is None or not self._options.interim_results or self._last_word_end is None or self._letters:
            return
        if self.now - self._last_word_end >= gap:
            yield {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": round(self._last_word_end, 3)}
            self._last_word_end = None

    def _final(self, *, speech_final: bool, from_finalize: bool = False) -> Message:
        words = self._words(guess=False)
        message = self._result(words, SURE, is_final=True, speech_final=speech_final, from_finalize=from_finalize)
        if words:
            self._last_word_end = words[-1].end
        self._letters = []
        self._window_start = self.now
        return message

    def _words(self, *, guess: bool) -> list[Word]:
        if self._faults.hears is not None:
            if self._sound_start is None or self._sound_start < self._window_start - FRAME_S:
                return []
            return spread(self._faults.hears, self._sound_start, self.now)
        words = gather(self._letters)
        unfinished = guess and self._letters and not self._letters[-1].character.isspace() and not self._decoder.quiet
        # A guess leaves out the word that is being spoken, unless there is no other.
        return words[:-1] if unfinished and len(words) > 1 else words

    def _result(
        self,
        words: list[Word],
        confidence: float,
        *,
        is_final: bool,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> Message:
        return {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": round(self.now - self._window_start, 4),
            "start": round(self._window_start, 4),
            "is_final": is_final,
            "speech_final": speech_final,
            "channel": {"alternatives": [alternative(words, self._options.keeps_form, confidence)]},
            "metadata": self._metadata,
            "from_finalize": from_finalize,
        }
