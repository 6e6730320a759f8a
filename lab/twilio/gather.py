"""`<Gather>`: keys and words of the caller, with its time limits counted in frames of 20 ms."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from lab.speech.decoder import Decoder
from lab.speech.mulaw import FRAME_S, RATE
from lab.twilio.twiml import Verb

AUTO_SPEECH_TIMEOUT_S = 0.8
"""What `speechTimeout="auto"` amounts to here."""
CONFIDENCE = "0.95"


@dataclass(frozen=True, slots=True)
class GatherOptions:
    """The attributes that decide when gathering ends."""

    takes_keys: bool
    takes_speech: bool
    timeout_s: float
    speech_timeout_s: float
    keys: int | None
    finish_on: str

    @classmethod
    def of(cls, verb: Verb) -> GatherOptions:
        """Read from the verb. Raises ValueError for a number that is none."""
        inputs = verb.attributes.get("input", "dtmf").split()
        timeout = float(verb.attributes.get("timeout", "5"))
        speech = verb.attributes.get("speechTimeout", str(timeout))
        keys = verb.attributes.get("numDigits")
        return cls(
            takes_keys="dtmf" in inputs,
            takes_speech="speech" in inputs,
            timeout_s=timeout,
            speech_timeout_s=AUTO_SPEECH_TIMEOUT_S if speech == "auto" else float(speech),
            keys=None if keys is None else int(keys),
            finish_on=verb.attributes.get("finishOnKey", "#"),
        )


class GatherEar:
    """Listens to the caller until they have given an answer or nothing comes."""

    def __init__(self, options: GatherOptions) -> None:
        self.began = asyncio.Event()
        """Set at the first key or word: prompts stop."""
        self.prompts_over = False
        """Set when the prompts were played; only then the wait for an answer counts."""
        self.result: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        """The fields for `action`; empty when nothing came."""
        self._options = options
        self._decoder = Decoder()
        self._words = ""
        self._keys = ""
        self._waited_s = 0.0

    def hear(self, sound: bytes) -> None:
        """20 ms of the caller."""
        self._waited_s += FRAME_S
        if self._options.takes_speech and not self._keys:
            letters = self._decoder.feed(sound)
            if letters:
                self._words += "".join(letter.character for letter in letters)
                self.began.set()
            elif self._words and self._decoder.quiet / RATE >= self._options.speech_timeout_s:
                self._finish({"SpeechResult": self._words.strip(), "Confidence": CONFIDENCE})
        if self._keys and self._waited_s >= self._options.timeout_s:
            self._finish({"Digits": self._keys})
        elif not self.began.is_set():
            if not self.prompts_over:
                self._waited_s = 0.0
            elif self._waited_s >= self._options.timeout_s:
                self._finish({})

    def key(self, key: str) -> None:
        """A key was pressed."""
        if not self._options.takes_keys:
            return
        self.began.set()
        self._waited_s = 0.0
        if key in self._options.finish_on:
            self._finish({"Digits": self._keys} if self._keys else {})
            return
        self._keys += key
        if self._options.keys is not None and len(self._keys) >= self._options.keys:
            self._finish({"Digits": self._keys})

    def _finish(self, fields: dict[str, str]) -> None:
        if not self.result.done():
            self.result.set_result(fields)
