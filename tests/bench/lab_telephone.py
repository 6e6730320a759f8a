"""What the lab's telephone network costs: `python -m tests.bench.lab_telephone --calls 40 --seconds 12`.

Every caller talks all the time and hears somebody all the time, which is more than real ones do. The platform they
talk to runs in a process of its own, so that the figures are the network's alone.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection

from lab.speech.encoder import Speaker, encode
from lab.twilio.network import PhoneNetwork
from lab.twilio.people import Act, Voice
from lab.twilio.settings import PhoneNumber, PhoneSettings
from tests.protocol.toy_platform import ACCOUNT, LINE, TOKEN, StreamSocket, ToyPlatform
from tests.serving import serving

RAMP_S = 0.02
SETTLE_S = 1.0
ANSWER = encode("This answer goes on and on, so that the caller hears something all the time. ", Speaker.ASSISTANT)
CHUNK = 800


async def answer_without_end(socket: StreamSocket) -> None:
    """100 ms of speech for every 100 ms heard."""
    await socket.next("start")
    for number in range(10**9):
        for _ in range(5):
            await socket.next("media", "stop")
        place = number * CHUNK % len(ANSWER)
        await socket.play(ANSWER[place : place + CHUNK])


class Talker:
    """Speaks for so many seconds and hangs up."""

    def __init__(self, seconds: float) -> None:
        self._voice = Voice(Speaker.CALLER)
        self._left = round(seconds * 50)

    def tick(self, heard: bytes) -> Act:
        del heard
        self._left -= 1
        if not self._voice.speaks:
            self._voice.say("The caller talks all the time as well.")
        return Act(self._voice.frame(), hangs_up=self._left <= 0)


def platform(parent: Connection) -> None:
    """The other process: tells its address and serves until it is told to stop."""

    async def serve() -> None:
        toy = ToyPlatform(talk=answer_without_end)
        async with serving(toy.app()) as address:
            toy.address = toy.public = address
            toy.documents["/voice"] = toy.connect()
            parent.send(address)
            await asyncio.to_thread(parent.recv)

    asyncio.run(serve())


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


async def measure(address: str, calls: int, seconds: float) -> None:
    number = PhoneNumber(voice_url=f"{address}/voice")
    network = PhoneNetwork(PhoneSettings(account_sid=ACCOUNT, auth_token=TOKEN, numbers={LINE: number}))
    live = []
    for _ in range(calls):
        live.append(network.call_in("+12025550123", Talker(seconds)))
        await asyncio.sleep(RAMP_S)
    await asyncio.sleep(SETTLE_S)
    used, began = time.process_time(), time.monotonic()
    await asyncio.sleep(seconds - calls * RAMP_S - 2 * SETTLE_S)
    share = (time.process_time() - used) / (time.monotonic() - began)
    for call in live:
        await call.over.wait()
    late = sorted(call.record.most_late_s * 1000 for call in live)
    say(f"{calls} calls: {share:.1%} of a core, {share / calls * 60:.2f} CPU seconds a call minute")
    say(f"latest tick of a call: median {late[len(late) // 2]:.0f} ms, worst {late[-1]:.0f} ms")
    say(f"problems: {sorted({code for call in live for code in call.record.problems}) or 'none'}")
    await network.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=40)
    arguments.add_argument("--seconds", type=float, default=12.0)
    wanted = arguments.parse_args()
    here, there = multiprocessing.get_context("spawn").Pipe()
    other = multiprocessing.get_context("spawn").Process(target=platform, args=(there,), daemon=True)
    other.start()
    asyncio.run(measure(here.recv(), wanted.calls, wanted.seconds))
    here.send("stop")
    other.join(5)


if __name__ == "__main__":
    main()
