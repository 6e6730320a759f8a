"""Hearing against the lab's Deepgram, in both dialects: what is said arrives once, whatever happens to the socket."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve

from lab.deepgram.app import make_app
from lab.deepgram.faults import Faults, ListenFaults
from lab.deepgram.settings import Settings
from lab.deepgram.state import Deepgram
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import SILENCE
from services.voice.deepgram_socket import Capability, DeepgramSockets
from services.voice.frame_socket import FrameSocket
from services.voice.hearing.deepgram_listen import DeepgramListen
from services.voice.hearing.dialect import Recogniser
from services.voice.hearing.patience import ORDINARY, ListenTimes
from services.voice.hearing.ports import (
    Final,
    Heard,
    Interim,
    LikelyEnd,
    Lost,
    SpeechStarted,
    UtteranceEnded,
    WentOn,
)
from services.voice.hearing.recognisers import recogniser_for
from shared.clock import SystemClock
from shared.contracts.agents import HearingOptions
from shared.rates.usage import Meter
from shared.resilience.breaker import Breaker
from shared.resilience.circuit import Rules
from shared.settings import DeepgramSettings
from tests.serving import serving
from tests.waiting import wait_for_async

SPEED = 16
NOVA, FLUX = (
    recogniser_for(
        DeepgramSettings(deepgram_api_key="lab", deepgram_listen_model=model), HearingOptions(), "en", "Fernway"
    )
    for model in ("nova-3", "flux-general-en")
)
BOTH = pytest.mark.parametrize(("recogniser", "kind"), [(NOVA, "listen"), (FLUX, "flux")], ids=["nova", "flux"])
SENTENCE = "My router has an orange light and nothing works since this morning."

IMPATIENT = ListenTimes(keepalive=0.2, quiet=0.6, unanswered=0.5, answer=0.3, stalled=0.6, give_up=1.0, look=0.05)


class Ear:
    """A recogniser that is being spoken to."""

    def __init__(self, listen: DeepgramListen) -> None:
        self.listen = listen
        self.events: list[Heard] = []

    async def take(self) -> None:
        async for event in self.listen.events():
            self.events.append(event)

    async def hear(self, text: str, silence_s: float = 1.5) -> None:
        """Speak `text` into it, much faster than a caller would, with silence behind it."""
        sound = encode(text, Speaker.CALLER) + SILENCE * int(silence_s * 50)
        for start in range(0, len(sound), 160):
            self.listen.hear(sound[start : start + 160])
            await asyncio.sleep(0.02 / SPEED)

    @property
    def finals(self) -> str:
        return " ".join(event.text for event in self.events if isinstance(event, Final) and event.text)

    async def until(self, kind: type, within_s: float = 5.0) -> None:
        async def look() -> bool:
            return any(isinstance(event, kind) for event in self.events)

        await wait_for_async(look, within_s, f"{kind.__name__} among {self.events}")


@asynccontextmanager
async def an_ear(
    faults: ListenFaults | None = None,
    times: ListenTimes = ORDINARY,
    key: str = "lab",
    idle_limit_s: float = 10.0,
    recogniser: Recogniser = NOVA,
    breaker: Breaker | None = None,
) -> AsyncIterator[tuple[Ear, Deepgram]]:
    lab = Deepgram(Settings(speed=SPEED, idle_limit_s=idle_limit_s), Faults(listen=faults or ListenFaults()))
    async with serving(make_app(lab)) as address:
        ear = Ear(DeepgramListen(DeepgramSockets(address, key), recogniser, SystemClock(), Meter(), times, breaker))
        taking = asyncio.ensure_future(ear.take())
        try:
            yield ear, lab
        finally:
            await ear.listen.close()
            await taking


async def test_words_arrive_as_guesses_and_then_for_good() -> None:
    async with an_ear() as (ear, lab):
        await ear.hear(SENTENCE)
        await ear.until(UtteranceEnded)
        kinds = [type(event) for event in ear.events]
        assert kinds[0] is SpeechStarted
        assert Interim in kinds
        assert ear.finals == SENTENCE
        last = [event for event in ear.events if isinstance(event, Final) and event.text][-1]
        assert last.ends_utterance
        assert 0 < time.monotonic() - last.spoken_until < 2
        assert not [name for name in lab.counts if name.startswith("listen_unknown_parameter")]


async def test_a_silent_line_is_no_fault_of_the_recogniser_either() -> None:
    async with an_ear(times=IMPATIENT) as (ear, lab):
        for _ in range(700):
            ear.listen.hear(SILENCE)
            await asyncio.sleep(0.02 / SPEED)
        await ear.hear("Hello?")
        await wait_for_async(lambda: _true(ear.finals == "Hello?"), 5, f"hello, not {ear.finals!r}")
        assert lab.counts["listen_opened"] == 1


@BOTH
@pytest.mark.parametrize(("characters", "politely"), [(1, False), (20, True), (45, False), (66, True)])
async def test_a_socket_that_is_cut_while_the_caller_talks_costs_no_word_and_doubles_none(
    recogniser: Recogniser, kind: str, characters: int, politely: bool
) -> None:
    cut = ListenFaults(sockets=1, cut_after_characters=characters)
    closed = ListenFaults(sockets=1, close_after_characters=characters)
    async with an_ear(closed if politely else cut, recogniser=recogniser) as (ear, lab):
        await ear.hear(SENTENCE, silence_s=6)
        await wait_for_async(lambda: _true(ear.finals == SENTENCE), 5, f"the sentence, not {ear.finals!r}")
        await ear.hear("And one more thing.")
        await wait_for_async(lambda: _true(ear.finals.endswith("thing.")), 5, f"the rest, not {ear.finals!r}")
        assert ear.finals == f"{SENTENCE} And one more thing."
        assert lab.counts[f"{kind}_opened"] == 2


async def test_a_socket_that_worked_and_broke_does_not_keep_others_from_the_recogniser() -> None:
    breaker = Breaker("hearing", SystemClock(), Rules(failures=1))
    async with an_ear(ListenFaults(sockets=1, cut_after_characters=45), breaker=breaker) as (ear, lab):
        await ear.hear(SENTENCE, silence_s=6)
        await wait_for_async(lambda: _true(ear.finals == SENTENCE), 5, f"the sentence, not {ear.finals!r}")
        assert lab.counts["listen_opened"] == 2
        assert breaker.is_closed


async def _true(value: object) -> bool:
    return bool(value)


@BOTH
@pytest.mark.parametrize("characters", [1, 45])
async def test_another_recogniser_in_the_middle_of_a_sentence_costs_no_word_and_doubles_none(
    recogniser: Recogniser, kind: str, characters: int
) -> None:
    async with an_ear(recogniser=recogniser) as (ear, lab):
        sound = encode(SENTENCE, Speaker.CALLER) + SILENCE * 200
        for start in range(0, len(sound), 160):
            if start == characters * 320:
                ear.listen.hear_with(replace(recogniser, query=recogniser.query))
            ear.listen.hear(sound[start : start + 160])
            await asyncio.sleep(0.02 / SPEED)
        await wait_for_async(lambda: _true(ear.finals == SENTENCE), 5, f"the sentence, not {ear.finals!r}")
        await ear.hear("And one more thing.")
        await wait_for_async(lambda: _true(ear.finals.endswith("thing.")), 5, f"the rest, not {ear.finals!r}")
        assert ear.finals == f"{SENTENCE} And one more thing."
        assert lab.counts[f"{kind}_opened"] <= 2


@BOTH
async def test_a_key_that_is_refused_ends_hearing_at_once(recogniser: Recogniser, kind: str) -> None:
    async with an_ear(key="wrong", recogniser=recogniser) as (ear, lab):
        await ear.until(Lost, within_s=1)
        assert lab.counts[f"{kind}_refused:401"] == 1


@BOTH
async def test_a_busy_vendor_is_tried_again(recogniser: Recogniser, kind: str) -> None:
    async with an_ear(ListenFaults(sockets=2, refuse=429), recogniser=recogniser) as (ear, lab):
        await ear.hear(SENTENCE, silence_s=3)
        await wait_for_async(lambda: _true(ear.finals == SENTENCE), 5, f"the sentence, not {ear.finals!r}")
        assert lab.counts[f"{kind}_refused:429"] == 2


async def test_a_vendor_that_stays_away_is_reported_in_time() -> None:
    began = time.monotonic()
    async with an_ear(ListenFaults(refuse=503), times=IMPATIENT) as (ear, _):
        await ear.until(Lost)
        assert 1.0 <= time.monotonic() - began < 3.0


@BOTH
async def test_a_socket_that_falls_silent_is_replaced_and_then_given_up(recogniser: Recogniser, kind: str) -> None:
    async with an_ear(ListenFaults(hears_nothing=True), times=IMPATIENT, recogniser=recogniser) as (ear, lab):
        speaking = asyncio.ensure_future(ear.hear("hello " * 200))
        await ear.until(Lost)
        assert lab.counts[f"{kind}_opened"] >= 2
        speaking.cancel()
        with suppress(asyncio.CancelledError):
            await speaking


@BOTH
@pytest.mark.parametrize("fault", [{"hears_nothing": True}, {"stalls_after_characters": 20}])
async def test_a_caller_who_is_not_heard_is_heard_by_another_socket(
    recogniser: Recogniser, kind: str, fault: dict[str, Any]
) -> None:
    times = replace(IMPATIENT, quiet=60.0, give_up=60.0)
    async with an_ear(ListenFaults(sockets=1, **fault), times, recogniser=recogniser) as (ear, lab):
        await ear.hear(SENTENCE, silence_s=20)
        await wait_for_async(lambda: _true(ear.finals == SENTENCE), 5, f"the sentence, not {ear.finals!r}")
        assert lab.counts[f"{kind}_opened"] == 2


async def test_a_noisy_line_is_no_fault_of_the_recogniser() -> None:
    dice = random.Random(1)
    async with an_ear(times=IMPATIENT) as (ear, lab):
        for _ in range(100):
            ear.listen.hear(bytes(value & 0x8F for value in dice.randbytes(160)))
            await asyncio.sleep(0.02)
        await ear.hear("Hello?")
        await wait_for_async(lambda: _true(ear.finals == "Hello?"), 5, f"hello, not {ear.finals!r}")
        assert lab.counts["listen_opened"] == 1


async def test_a_caller_who_says_nothing_is_no_fault_of_the_recogniser() -> None:
    async with an_ear(times=IMPATIENT, idle_limit_s=1.0) as (ear, lab):
        ear.listen.hear(SILENCE)
        await asyncio.sleep(2.5)  # twice the vendor's limit without audio: only signs of life keep the socket
        assert not [event for event in ear.events if isinstance(event, Lost)]
        await ear.hear("Hello?")
        await wait_for_async(lambda: _true(ear.finals == "Hello?"), 5, f"hello, not {ear.finals!r}")
        assert lab.counts["listen_opened"] == 1


@BOTH
async def test_garbage_between_the_messages_is_skipped(recogniser: Recogniser, kind: str) -> None:
    async with an_ear(ListenFaults(sends_garbage=True), recogniser=recogniser) as (ear, lab):
        await ear.hear(SENTENCE)
        await wait_for_async(lambda: _true(ear.finals == SENTENCE), 5, f"the sentence, not {ear.finals!r}")
        assert lab.counts[f"{kind}_opened"] == 1


@BOTH
async def test_an_error_of_the_vendor_costs_no_word(recogniser: Recogniser, kind: str) -> None:
    """Nova goes on after one; for Flux an error is the end of the stream, and another takes over."""
    async with an_ear(ListenFaults(error="an error of the lab", sockets=1), recogniser=recogniser) as (ear, lab):
        await ear.hear(SENTENCE, silence_s=3)
        await wait_for_async(lambda: _true(ear.finals == SENTENCE), 5, f"the sentence, not {ear.finals!r}")
        assert lab.counts[f"{kind}_opened"] == (2 if recogniser is FLUX else 1)


async def test_a_transcript_in_no_language_is_passed_on() -> None:
    async with an_ear(ListenFaults(hears="ʘ‿ʘ ¤¤")) as (ear, _):
        await ear.hear("whatever")
        await wait_for_async(lambda: _true(ear.finals == "ʘ‿ʘ ¤¤"), 5, f"the signs, not {ear.finals!r}")


async def test_finalize_brings_what_is_held_back() -> None:
    async with an_ear(ListenFaults(never_speech_final=True)) as (ear, _):
        await ear.hear("five five five", silence_s=0.2)
        ear.listen.finalize()
        await wait_for_async(lambda: _true(ear.finals == "five five five"), 2, f"the words, not {ear.finals!r}")


async def test_flux_says_when_a_turn_is_likely_over_and_takes_it_back() -> None:
    async with an_ear(recogniser=FLUX) as (ear, lab):
        await ear.hear("I need help.", silence_s=0.18)  # enough to be likely, not enough to be sure
        await ear.hear("With my bill.", silence_s=1.0)
        await ear.until(Final)
        kinds = [type(event) for event in ear.events if not isinstance(event, Interim)]
        assert kinds[:5] == [SpeechStarted, LikelyEnd, WentOn, LikelyEnd, Final]
        likely = [event for event in ear.events if isinstance(event, LikelyEnd)]
        assert [event.text for event in likely] == ["I need help.", "I need help. With my bill."]
        final = next(event for event in ear.events if isinstance(event, Final))
        assert final == Final(likely[-1].text, ends_utterance=True, spoken_until=final.spoken_until)
        assert not [name for name in lab.counts if name.startswith("flux_unknown_parameter")]


async def test_flux_is_made_to_end_a_turn_that_hangs_in_the_air() -> None:
    async with an_ear(recogniser=FLUX) as (ear, _):
        await ear.hear("My number is five", silence_s=0.4)
        await ear.until(Interim)
        ear.listen.finalize()
        await ear.until(Final, within_s=1)
        assert ear.finals == "My number is five"


async def test_flux_is_given_silence_when_the_line_sends_none() -> None:
    """There is no KeepAlive: without audio a turn that has begun would never end."""
    async with an_ear(recogniser=FLUX) as (ear, _):
        await ear.hear("My number is five", silence_s=0.1)
        await ear.until(Final, within_s=6)
        assert ear.finals == "My number is five"


async def test_of_a_flux_turn_longer_than_the_audio_we_keep_no_word_is_lost_either() -> None:
    told = " and ".join(f"word {number}" for number in range(40))  # half a minute without a break
    async with an_ear(ListenFaults(cut_after_characters=400, sockets=1), recogniser=FLUX) as (ear, lab):
        await ear.hear(f"{told}.", silence_s=6)
        await wait_for_async(lambda: _true(ear.finals.endswith("39.")), 5, f"the end, not {ear.finals!r}")
        assert lab.counts["flux_opened"] == 2
        words, expected = ear.finals.split(), f"{told}.".split()
        assert abs(len(words) - len(expected)) <= 1  # the word that was being spoken at the cut
        assert words[:60] == expected[:60]
        assert words[-10:] == expected[-10:]


@asynccontextmanager
async def a_vendor_that_sends(*messages: str | bytes) -> AsyncIterator[str]:
    """A server that sends these at once and then keeps still."""

    async def handle(connection: ServerConnection) -> None:
        for message in messages:
            await connection.send(message)
        async for _ in connection:
            pass

    server: Server = await serve(handle, "127.0.0.1", 0)
    try:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        yield f"http://{host}:{port}"
    finally:
        server.close()
        await server.wait_closed()


def results(text: str, start: float, duration: float, *, final: bool, speech_final: bool = False) -> str:
    words = [{"word": text, "start": start, "end": start + duration, "confidence": 1.0}] if text else []
    alternative = {"transcript": text, "confidence": 1.0, "words": words}
    message = {
        "type": "Results",
        "channel_index": [0, 1],
        "start": start,
        "duration": duration,
        "is_final": final,
        "speech_final": speech_final,
        "channel": {"alternatives": [alternative]},
        "newer_field": {"x": 1},
    }
    return json.dumps(message)


async def test_a_window_that_was_settled_is_not_heard_again() -> None:
    """One documented sample ends an utterance with `is_final: false`; the final for the same window may follow."""
    vendor = a_vendor_that_sends(
        results("hello", 0.0, 0.5, final=False),
        results("hello there", 0.0, 1.0, final=False, speech_final=True),
        results("hello there", 0.0, 1.0, final=True, speech_final=True),
        results("next", 1.0, 0.5, final=True),
    )
    async with vendor as address:
        ear = Ear(DeepgramListen(DeepgramSockets(address, "lab"), NOVA, SystemClock(), Meter()))
        taking = asyncio.ensure_future(ear.take())
        await wait_for_async(lambda: _true(ear.finals.endswith("next")), 5, "the words")
        await ear.listen.close()
        await taking
        assert ear.finals == "hello there next"


async def test_a_line_that_has_been_silent_for_a_while_is_sent_in_larger_pieces_until_somebody_speaks() -> None:
    sizes: list[int] = []

    async def handle(connection: ServerConnection) -> None:
        async for message in connection:
            sizes.extend([len(message)] if isinstance(message, bytes) else [])

    loud, hum = b"\x10" * 160, b"\xfe\x7e" * 80
    async with serve(handle, "127.0.0.1", 0) as server:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        listen = DeepgramListen(DeepgramSockets(f"http://{host}:{port}", "lab"), NOVA, SystemClock(), Meter())
        taking = asyncio.ensure_future(Ear(listen).take())
        listen.hear(loud)
        await wait_for_async(lambda: _true(sum(sizes) == 160), 5, "the first frame")
        for frame in [hum] * 75 + [hum] * 12 + [loud] * 3:
            listen.hear(frame)
        await wait_for_async(lambda: _true(sum(sizes) == 91 * 160), 5, f"everything, not {sizes}")
        assert sizes == [160] + [160] * 75 + [800, 800, 3 * 160] + [160] * 2
        await listen.close()
        await taking


class OpensLate:
    """Opens a socket when told to; a frame of the caller's comes in that very moment."""

    def __init__(self, sockets: DeepgramSockets) -> None:
        self._sockets = sockets
        self.may_open = asyncio.Event()
        self.frame_comes: Callable[[], None] = lambda: None

    async def open(self, path: str, query: Sequence[tuple[str, str]], capability: Capability) -> FrameSocket:
        await self.may_open.wait()
        socket = await self._sockets.open(path, query, capability)
        asyncio.get_running_loop().call_soon(self.frame_comes)
        return socket


async def test_what_was_said_before_the_socket_stood_is_kept_until_it_was_given_to_it() -> None:
    lab = Deepgram(Settings(speed=SPEED), Faults())
    async with serving(make_app(lab)) as address:
        opens = OpensLate(DeepgramSockets(address, "lab"))
        ear = Ear(DeepgramListen(opens, NOVA, SystemClock(), Meter()))
        opens.frame_comes = partial(ear.listen.hear, SILENCE)
        taking = asyncio.ensure_future(ear.take())
        await ear.hear(SENTENCE, silence_s=2)
        opens.may_open.set()
        await wait_for_async(lambda: _true(ear.finals == SENTENCE), 5, f"the sentence, not {ear.finals!r}")
        await ear.listen.close()
        await taking
