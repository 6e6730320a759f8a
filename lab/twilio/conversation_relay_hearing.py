"""What a relay session hears: the caller's words, when they begin, and when a turn of theirs is over."""

from __future__ import annotations

from enum import StrEnum, auto

from lab.speech.decoder import Decoder
from lab.speech.mulaw import RATE
from lab.twilio.conversation_relay_options import RelayOptions

SEVERAL = "multi"
"""As a hearing language: the recogniser tells which one it heard."""
_GERMAN = ("ich", "sie", "wie", "was", "ist", "der", "die", "das", "und", "nicht", "eine", "mein", "habe", "bitte")
BACKCHANNELS = ("mm-hm", "uh-huh", "yeah", "okay", "ok", "right", "i see")
PARTIAL_EVERY_S = 0.4


class News(StrEnum):
    """What 20 ms brought."""

    NOTHING = auto()
    SOUND = auto()
    """The caller began to make sounds."""
    SPEECH = auto()
    """Enough words to interrupt, once a turn."""
    MORE = auto()
    """More words of the turn."""
    OVER = auto()
    """The turn is over: take it."""


def language_of(words: str, hearing_language: str) -> str:
    """What a prompt says of its language: the one that is listened for, or, with several, a guess at small words."""
    if hearing_language != SEVERAL:
        return hearing_language
    german = sum(word.strip(".,?!") in _GERMAN for word in words.lower().split())
    return "de" if german > 1 else "en"


class RelayHearing:
    """The incoming speech of one session."""

    def __init__(self, options: RelayOptions) -> None:
        self._options = options
        self._decoder = Decoder()
        self._words = ""
        self._utterance: int | None = None
        self._sounds = False
        self._spoke = False
        self._told_at = 0

    @property
    def words(self) -> str:
        """What was said since the last turn."""
        return self._words.strip()

    @property
    def is_backchannel(self) -> bool:
        """Whether that is no more than a sign of listening."""
        bare = self.words.casefold().strip(".,! ")
        return bool(bare) and any(one.startswith(bare) for one in BACKCHANNELS)

    def take(self) -> str:
        """The turn's words; a new one begins."""
        words, self._words = self.words, ""
        self._spoke = self._sounds = False
        return words

    def hear(self, sound: bytes) -> News:
        """20 ms of the caller."""
        for letter in self._decoder.feed(sound):
            if self._utterance not in (None, letter.utterance) and self._words:
                self._words += " "
            self._utterance = letter.utterance
            self._words += letter.character
        quiet_s = self._decoder.quiet / RATE
        if not self._sounds and quiet_s == 0 and self._decoder.sounds:
            self._sounds = True
            return News.SOUND
        if not self.words:
            self._sounds = self._sounds and quiet_s < self._options.speech_timeout_s
            return News.NOTHING
        if quiet_s >= self._options.speech_timeout_s:
            return News.OVER
        ignored = self._options.ignores_backchannel and self.is_backchannel
        if not self._spoke and len(self.words) >= self._options.interrupts_after and not ignored:
            self._spoke = True
            return News.SPEECH
        if self._options.partial_prompts and self._decoder.heard - self._told_at >= PARTIAL_EVERY_S * RATE:
            self._told_at = self._decoder.heard
            return News.MORE
        return News.NOTHING
