"""Carries out planned faults on a stage, and writes down what became of each."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from twilio.request_validator import RequestValidator

from tests.chaos.comparison import Spell
from tests.chaos.faults import Fault, What
from tests.chaos.stage import Stage, descendants
from tests.chaos.telephone import Telephone

LISTEN: Mapping[str, dict[str, Any]] = {
    "listen cut": {"cut_after_characters": 15},
    "listen closed": {"close_after_characters": 15},
    "listen stalls": {"stalls_after_characters": 15},
    "listen garbage": {"sends_garbage": True},
}
SPEAK: Mapping[str, dict[str, Any]] = {
    "speak silent": {"says_nothing": True},
    "speak empty": {"sends_no_sound": True},
    "speak cut": {"cut_after_bytes": 4000},
    "speak noise": {"sends_noise": True},
}
SECONDS = {"rate_limited": 2.0, "slow_answer": 6.0, "search_lag": 4.0, "list_lag": 4.0, "commit_delayed": 2.0, "slow": 1.5}  # fmt: skip  # noqa: E501
"""Of faults that take a time."""
LIKELY = 0.4
"""Of a help desk's fault at one request."""
WRITES = ("answer_lost", "error_after_commit", "error_before_commit", "commit_delayed", "search_lag", "list_lag")
MEND_WITHIN_S = 60.0


@dataclass(slots=True)
class Done:
    """A fault that happened, in seconds of the wall clock."""

    fault: Fault
    began: float
    ended: float
    mended: float | None = None
    """When what was killed was ready again."""
    note: str = ""


@dataclass
class Injector:
    """Whoever breaks things."""

    stage: Stage
    telephone: Telephone
    say: Callable[[str], None]
    seed: int
    done: list[Done] = field(default_factory=list)
    _tiers: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def run(self, faults: Sequence[Fault], began: float) -> None:
        """Each at its time; returns when all is mended."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as http, asyncio.TaskGroup() as tasks:
            for fault in faults:
                await asyncio.sleep(began + fault.at_s - time.monotonic())
                self.say(str(fault))
                tasks.create_task(self._one(fault, http))

    async def _one(self, fault: Fault, http: httpx.AsyncClient) -> None:
        done = Done(fault, time.time(), time.time())
        self.done.append(done)
        try:
            await self._carry_out(fault, done, http)
        except (OSError, httpx.HTTPError, AssertionError) as error:
            done.note = f"{type(error).__name__}: {error}"
            self.say(f"    {fault.what.value} {fault.target}: {done.note}")
        done.ended = max(done.ended, done.began + fault.lasts_s)

    async def _carry_out(self, fault: Fault, done: Done, http: httpx.AsyncClient) -> None:
        match fault.what:
            case What.KILL | What.STOP:
                await self._end(fault, done)
            case What.KILL_CHILD:
                self._kill_child(fault, done)
            case What.FREEZE:
                self.stage.signal_all(fault.target, signal.SIGSTOP)
                try:
                    await asyncio.sleep(fault.lasts_s)
                finally:
                    self.stage.signal_all(fault.target, signal.SIGCONT)
                    done.ended = done.mended = time.time()
            case What.CUT | What.DROP | What.SLOW:
                await self._wire(fault, done)
            case What.ILL:
                await self._ill(fault, done, http)
            case What.REPLAY:
                done.note = await self._replay(fault, http)

    async def _end(self, fault: Fault, done: Done) -> None:
        """Kill, or ask to leave, and wait until it has been started again."""
        tier, _, number = fault.target.rpartition("-")
        # one of several may be lost at a time: the next one goes when its neighbour is back
        async with self._tiers[tier]:
            await self._end_one(fault, done, tier, number)

    async def _end_one(self, fault: Fault, done: Done, tier: str, number: str) -> None:
        done.began = time.time()
        port = self.stage.ports.get(f"{tier}_{number}")
        wire = self.stage.wires.get(tier) if port is not None else None
        if fault.what is What.KILL:
            before = self.stage.signal_all(fault.target, signal.SIGKILL)
        else:
            before = self.stage.process_id(fault.target)
            # PostgreSQL's SIGTERM waits for its clients; its SIGINT is what a service manager sends
            self.stage.send(fault.target, self.stage.ready[fault.target].stop_signal)
            if wire is not None and port is not None:
                wire.leave_out(("127.0.0.1", port))
        try:
            await self.stage.until_again(fault.target, before, MEND_WITHIN_S)
            done.mended = time.time()
        finally:
            if wire is not None and port is not None:
                wire.take_back(("127.0.0.1", port))

    def _kill_child(self, fault: Fault, done: Done) -> None:
        children = descendants(self.stage.process_id(fault.target))
        if not children:
            done.note = "it had no child"
            return
        # which one is busy is not ours to know: the seed decides, as for everything
        one = random.Random(f"{self.seed}:{fault.at_s}").choice(children)
        with suppress(ProcessLookupError):
            self.stage.kill(one)

    async def _wire(self, fault: Fault, done: Done) -> None:
        wire = self.stage.wires[fault.target]
        if fault.what is What.DROP:
            wire.drop()
            return
        if fault.what is What.CUT:
            wire.cut()
        else:
            wire.delay_s = float(fault.detail.removesuffix(" ms")) / 1000
        try:
            await asyncio.sleep(fault.lasts_s)
        finally:
            wire.mend()
            done.ended = done.mended = time.time()

    async def _ill(self, fault: Fault, done: Done, http: httpx.AsyncClient) -> None:
        address = f"{self.stage.addresses[f'lab_{fault.target}']}/lab/faults"
        method, body = _wanted(fault)
        try:
            (await http.request(method, address, json=body)).raise_for_status()
            await asyncio.sleep(fault.lasts_s)
        finally:
            # a vendor that stays ill would spoil everything that follows
            with suppress(httpx.HTTPError):
                await http.request("DELETE", address)
            done.ended = done.mended = time.time()

    async def _replay(self, fault: Fault, http: httpx.AsyncClient) -> str:
        """Send what Twilio sent in a call that is over, as whoever has recorded it would."""
        calls = [call for call in self.telephone.lately if call.webhooks]
        if not calls:
            return "no call is over yet"
        call = random.Random(f"{self.seed}:{fault.at_s}").choice(calls)
        signer = RequestValidator(self.stage.environment["TWILIO_AUTH_TOKEN"])
        sent = [one for one in call.webhooks if "/twilio/" in one.url and one.status is not None and one.status < 400]
        answers = []
        for one in sent:
            signature = signer.compute_signature(one.url, dict(one.fields))
            headers = {"X-Twilio-Signature": signature}
            answer = await http.post(one.url, data=dict(one.fields), headers=headers)
            answers.append(str(answer.status_code))
        return f"{call.sid}: {len(sent)} webhooks, answered {' '.join(answers)}"

    def deaf(self) -> list[Spell]:
        """Times in which the recogniser heard nothing, because we wanted it so."""
        return [
            Spell(done.began, done.ended)
            for done in self.done
            if done.fault.target == "deepgram"
            and (done.fault.detail == "listen stalls" or done.fault.what in (What.CUT, What.SLOW))
        ]


def _wanted(fault: Fault) -> tuple[str, dict[str, Any]]:
    """The request that makes a vendor ill."""
    if fault.target == "deepgram":
        listens, speaks = LISTEN.get(fault.detail), SPEAK.get(fault.detail)
        return "PUT", {"listen": listens} if listens is not None else {"speak": speaks}
    one: dict[str, Any] = {"kind": fault.detail, "probability": LIKELY if fault.target == "kayako" else 1.0}
    if fault.detail in SECONDS:
        one["seconds"] = SECONDS[fault.detail]
    if fault.detail in WRITES:
        one["where"] = "POST /cases*"
    return "POST", {"faults": [one]}
