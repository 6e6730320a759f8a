"""A speaker whose every sentence is a request of its own."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod

from services.voice.speech.arriving import ArrivingSentence
from services.voice.speech.ports import SpeakerTraits
from services.voice.speech.standing import Standing
from shared.clock import Clock
from shared.task_group import TaskSet


class RequestSpeaker(ABC):
    """`Speaker` over HTTP; a subclass makes one request."""

    traits: SpeakerTraits

    def __init__(self, name: str, clock: Clock, standing: Standing) -> None:
        self.name = name
        self._clock = clock
        self._standing = standing
        self._tasks = TaskSet("speech")
        self._requests: dict[ArrivingSentence, asyncio.Task[None]] = {}

    @abstractmethod
    async def _speak(self, text: str, sentence: ArrivingSentence) -> None:
        """Ask for the text's sound and give it to the sentence; report there what went wrong."""

    def prepare(self) -> None:  # noqa: B027  (there is nothing to prepare)
        """Connections are kept by the client, and a request is one round trip more at worst."""

    async def begin(self, text: str) -> ArrivingSentence:
        sentence = ArrivingSentence(self._clock, self._standing, self._end_all)
        request = self._tasks.start(self._speak(text, sentence), "speech-request")
        self._requests[sentence] = request
        request.add_done_callback(lambda _: self._requests.pop(sentence, None))
        return sentence

    def _end_all(self) -> None:
        for sentence, request in list(self._requests.items()):
            sentence.failed("stopped")
            request.cancel()

    async def stop(self) -> None:
        self._end_all()

    async def close(self) -> None:
        await self._tasks.close()
