"""The whole lab together: a simulated caller, the telephone network, hearing and speech, around a toy voice tier."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

from websockets.asyncio.client import ClientConnection, connect

from lab.caller import scenario
from lab.caller.place import place
from lab.caller.scenario import Scenario
from lab.deepgram.app import make_app
from lab.deepgram.faults import Faults, ListenFaults
from lab.deepgram.settings import Settings
from lab.deepgram.state import Deepgram
from lab.twilio.network import PhoneNetwork
from lab.twilio.records import BufferCleared, CallRecord
from tests.protocol.toy_platform import StreamSocket, ToyPlatform, response, toy_platform
from tests.serving import serving

SPEED = 6.0
LISTEN = (
    "/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&interim_results=true&endpointing=300&vad_events=true"
    "&utterance_end_ms=1000&smart_format=true"
)
SPEAK = "/v1/speak?model=aura-2-thalia-en&encoding=mulaw&sample_rate=8000"
GREETING = "Hello, you are talking to an AI assistant. How can I help you today?"
MORE = "Is there anything else I can help you with?"
GOODBYE = "Thank you for calling. Goodbye!"


def rules(said: str) -> str:
    """Answers by the first words."""
    match said.split():
        case ["No,", "thank", *_]:
            return "What is your e-mail address, so that we can reach you?"
        case ["It's", *words]:
            return f"I heard {' '.join(words)} Is that right?"
        case ["Yes,", *_]:
            return f"Thank you, I have noted your e-mail address. {GOODBYE}"
    return f"Pull the plug, wait for ten seconds and put it in again. {MORE}"


class ToyVoice:
    """Hears and speaks through the stand-in, answers by a function, stops speaking when it is interrupted."""

    def __init__(self, deepgram: str, answer: Callable[[str], str]) -> None:
        self.turns: list[str] = []
        self._deepgram = deepgram.replace("http", "ws")
        self._answer = answer
        self._speaking = False

    def _connect(self, path: str) -> connect:
        headers = {"Authorization": "Token lab"}
        return connect(self._deepgram + path, additional_headers=headers, compression=None, proxy=None)

    async def __call__(self, socket: StreamSocket) -> None:
        await socket.next("start")
        async with self._connect(LISTEN) as ears, self._connect(SPEAK) as mouth:
            works = [self._hear(socket, ears), self._turns(socket, ears, mouth), self._speak(socket, mouth)]
            tasks = [asyncio.ensure_future(work) for work in works]
            await self._say(mouth, GREETING)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _say(self, mouth: ClientConnection, text: str) -> None:
        self._speaking = True
        await mouth.send(json.dumps({"type": "Speak", "text": text}))
        await mouth.send('{"type":"Flush"}')

    async def _hear(self, socket: StreamSocket, ears: ClientConnection) -> None:
        """The caller's sound to the ears; ends when the goodbye was played or the caller is gone."""
        while True:
            message = await socket.next("media", "mark", "stop")
            if message["event"] == "media":
                await ears.send(b64decode(message["media"]["payload"]))
            elif message["event"] == "stop" or message["mark"]["name"].endswith(GOODBYE):
                return
            else:
                self._speaking = False

    async def _turns(self, socket: StreamSocket, ears: ClientConnection, mouth: ClientConnection) -> None:
        words: list[str] = []
        async for message in ears:
            result = json.loads(message)
            if result["type"] != "Results":
                continue
            heard = result["channel"]["alternatives"][0]["transcript"]
            if heard and self._speaking:
                self._speaking = False
                await mouth.send('{"type":"Clear"}')
                await socket.send({"event": "clear"})
            words += [heard] if heard and result["is_final"] else []
            if result["speech_final"] and words:
                self.turns.append(" ".join(words))
                words = []
                await self._say(mouth, self._answer(self.turns[-1]))

    async def _speak(self, socket: StreamSocket, mouth: ClientConnection) -> None:
        async for message in mouth:
            if isinstance(message, bytes):
                await socket.play(message)
            elif json.loads(message)["type"] == "Flushed":
                await socket.mark(self._answer(self.turns[-1]) if self.turns else GREETING)


@asynccontextmanager
async def platform_and_lab(
    answer: Callable[[str], str] = rules, faults: Faults | None = None
) -> AsyncIterator[tuple[ToyVoice, ToyPlatform, PhoneNetwork]]:
    async with serving(make_app(Deepgram(Settings(speed=SPEED), faults))) as deepgram:
        voice = ToyVoice(deepgram, answer)
        async with toy_platform(talk=voice, speed=SPEED) as (platform, network):
            platform.documents["/voice"] = platform.connect(action="/after")
            platform.documents["/after"] = response()
            yield voice, platform, network


async def called(
    wanted: Scenario, answer: Callable[[str], str] = rules, faults: Faults | None = None
) -> tuple[ToyVoice, CallRecord]:
    async with platform_and_lab(answer, faults) as (voice, _, network), asyncio.timeout(30):
        return voice, await place(network, wanted)


async def test_the_demo_call_from_the_greeting_to_the_goodbye() -> None:
    voice, record = await called(scenario.load("router"))
    assert (
        record.said
        == voice.turns
        == [
            "Hi, how do I restart my router?",
            "And what does the orange light mean?",
            "No, thank you. That's all.",
            "It's j a n e at example dot com.",
            "Yes, that's right.",
        ]
    )
    assert record.heard[0] == GREETING
    assert record.heard[-1].endswith("Goodbye!")
    assert (record.status, record.problems, record.scenario) == ("completed", [], "router")
    assert record.duration_s < 45
    assert all(earlier.at <= later.at for earlier, later in pairwise(record.events))


async def test_who_breaks_in_hears_no_more_of_the_answer() -> None:
    voice, record = await called(scenario.load("barge_in"))
    assert voice.turns[:2] == ["How do I restart my router?", "Sorry, I meant the wifi. Why is my wifi so slow?"]
    cleared = [event for event in record.events if isinstance(event, BufferCleared)]
    assert cleared
    assert cleared[0].dropped_s > 0
    answer = rules("")
    cut = record.heard[1]
    assert answer.startswith(cut)
    assert 60 <= len(cut) < len(answer)


async def test_a_transcript_in_no_language_reaches_the_platform() -> None:
    faults = Faults(listen=ListenFaults(hears="tranmo kelp"))
    voice, record = await called(Scenario.asking("Where is my bill?"), lambda _: GOODBYE, faults)
    assert voice.turns == ["tranmo kelp"]
    assert record.said == ["Where is my bill?"]


async def test_five_callers_at_once_do_not_hear_each_other() -> None:
    async with serving(make_app(Deepgram(Settings(speed=4)))) as deepgram:

        async def talk(socket: StreamSocket) -> None:
            await ToyVoice(deepgram, lambda said: f"You said {said} {GOODBYE}")(socket)

        async with toy_platform(talk=talk, speed=4) as (platform, network), asyncio.timeout(30):
            platform.documents["/voice"] = platform.connect()
            wanted = [Scenario.asking(f"This is caller number {number}.") for number in range(5)]
            records = await asyncio.gather(*(place(network, one) for one in wanted))
    for number, record in enumerate(records):
        assert record.said == [f"This is caller number {number}."]
        assert record.heard[1].startswith(f"You said This is caller number {number}.")
