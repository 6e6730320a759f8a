"""Decides, in audio time alone, what a turn-taking socket hears and when it calls a turn over.

The lab's visible rule: confidence in the end of a turn grows with the silence behind its last word, to nearly 1 when
the words end a sentence (`.`, `!`, `?`) and to less than a half when they do not. The vendor reads meaning; the lab
reads punctuation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.deepgram.faults import ListenFaults
from lab.deepgram.flux_options import Thresholds
from lab.deepgram.words import Word, gather, spread
from lab.speech.decoder import Decoder, Letter
from lab.speech.mulaw import FRAME, FRAME_S, RATE

UPDATE_S = 0.24
"""Audio between two reports; recorded sessions of the vendor show this rhythm, speech or not."""
FULL_SILENCE_S = 0.3
"""Silence after which confidence has grown as far as it will."""
FINISHED, UNFINISHED = 0.95, 0.45
"""How far that is."""

Event = dict[str, Any]


class TurnTaker:
    """Turns one stream of μ-law into events of turns, without the envelope of a message."""

    def __init__(self, thresholds: Thresholds, faults: ListenFaults) -> None:
        self.characters = 0
        """Characters heard so far."""
        self.thresholds = thresholds
        self._faults = faults
        self._decoder = Decoder()
        self._frame = b""
        self._letters: list[Letter] = []
        self._turn_index = 0
        self._window_start = 0.0
        self._sound_start: float | None = None
        self._started = False
        self._eager = False
        self._next_update = UPDATE_S

    @property
    def now(self) -> float:
        """Seconds of audio heard."""
        return self._decoder.heard / RATE

    def feed(self, audio: bytes) -> list[Event]:
        """The events that this audio brings about."""
        events: list[Event] = []
        waiting = self._frame + audio
        whole = len(waiting) // FRAME * FRAME
        for start in range(0, whole, FRAME):
            events += self._hear(waiting[start : start + FRAME])
        self._frame = waiting[whole:]
        return events

    def force(self) -> list[Event]:
        """What a `ForceEndTurn` brings: the end of a turn that has begun."""
        return [self._end("manual")] if self._started else []

    def _hear(self, frame: bytes) -> Iterator[Event]:
        sounds = self._decoder.sounds
        letters = self._decoder.feed(frame)
        self._letters += letters
        self.characters += len(letters)
        sounded = self._decoder.sounds > sounds
        if sounded and self._sound_start is None:
            self._sound_start = self.now - FRAME_S
        words = self._words()
        if not self._started and words:
            self._started = True
            yield self._event("StartOfTurn")
        elif self._started and self._eager and sounded:
            self._eager = False
            yield self._event("TurnResumed")
        elif self._started and self._decoder.quiet:
            yield from self._weigh()
        elif self.now >= self._next_update:
            yield self._event("Update")

    def _weigh(self) -> Iterator[Event]:
        """Whether the silence behind the words is the end."""
        confidence, thresholds = self._confidence, self.thresholds
        if self._decoder.quiet / RATE * 1000 >= thresholds.eot_timeout_ms:
            yield self._end("timeout")
        elif confidence >= thresholds.eot_threshold:
            yield self._end("model")
        elif not self._eager and confidence >= (thresholds.eager_eot_threshold or 1.0):
            self._eager = True
            yield self._event("EagerEndOfTurn")
        elif self.now >= self._next_update:
            yield self._event("Update")

    @property
    def _confidence(self) -> float:
        words = self._words()
        ends = bool(words) and words[-1].text.endswith((".", "!", "?"))
        quiet = self._decoder.quiet / RATE if self._started else 0.0
        return round((FINISHED if ends else UNFINISHED) * min(1.0, quiet / FULL_SILENCE_S), 4)

    def _words(self) -> list[Word]:
        if self._faults.hears is not None:
            return [] if self._sound_start is None else spread(self._faults.hears, self._sound_start, self.now)
        words = gather(self._letters)
        speaks_on = self._letters and not self._letters[-1].character.isspace() and not self._decoder.quiet
        return words[:-1] if speaks_on else words

    def _end(self, trigger: str) -> Event:
        event = self._event("EndOfTurn") | {"trigger": trigger}
        self._turn_index += 1
        self._window_start = self.now
        self._letters, self._sound_start = [], None
        self._started = self._eager = False
        return event

    def _event(self, kind: str) -> Event:
        self._next_update = self.now + UPDATE_S
        words = self._words()
        return {
            "event": kind,
            "turn_index": self._turn_index,
            "audio_window_start": round(self._window_start, 4),
            "audio_window_end": round(self.now, 4),
            "transcript": " ".join(word.text for word in words),
            "words": [{"word": word.text, "confidence": 0.99} for word in words],
            "end_of_turn_confidence": self._confidence,
        }
