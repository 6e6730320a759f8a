"""What the stand-in's sockets and requests share: settings, faults and counts."""

from __future__ import annotations

import itertools
import re
import secrets
from collections import Counter

from starlette.requests import HTTPConnection

from lab.elevenlabs.faults import FaultBox, Faults
from lab.elevenlabs.refusals import Refused
from lab.elevenlabs.settings import Settings

VOICE = re.compile(r"[A-Za-z0-9]{20}")


class ElevenLabs:
    """One stand-in."""

    def __init__(self, settings: Settings | None = None, faults: Faults | None = None) -> None:
        self.settings = settings or Settings()
        self.faults = FaultBox(faults)
        self.counts: Counter[str] = Counter()
        """How often each thing happened."""
        self.requests = 0
        """HTTP requests that are being answered."""
        self._utterances = itertools.count()

    def next_utterance(self) -> int:
        """The number of one more spoken text."""
        return next(self._utterances)

    def is_our_key(self, key: str) -> bool:
        """Whether the credential is ours."""
        return secrets.compare_digest(key.encode(), self.settings.api_key.encode())

    def authenticate(self, connection: HTTPConnection) -> None:
        """Let a request pass that carries our key in its header. Raises Refused."""
        if not self.is_our_key(connection.headers.get("xi-api-key", "")):
            raise Refused("invalid_api_key")

    def check_voice(self, voice: str) -> None:
        """Raises Refused."""
        if not VOICE.fullmatch(voice):
            raise Refused("voice_not_found")
