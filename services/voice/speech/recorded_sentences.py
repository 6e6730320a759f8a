"""Sentences that a person has recorded for an agent: fetched once in the background, and played in place of a voice.

A sentence whose recording is not here yet, or cannot be had, is spoken. Addresses come from an agent's profile and lead
out of the house: whoever may change a profile must not read our network with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Final

import httpx

from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.conversion import NotAudio
from services.voice.speech.sound_file import sound_of
from shared.clock import Clock
from shared.contracts.agents import AgentProfile, RecordedSentence
from shared.observability import metrics
from shared.observability.logs import get_logger
from shared.task_group import TaskSet

log = get_logger(__name__)

LONGEST_S: Final = 30.0
LARGEST: Final = 6 * 1024 * 1024
"""Bytes of a file: half a minute of a studio's WAV."""
FETCHED_WITHIN_S: Final = 10.0
AGAIN_S: Final = 60.0
"""After a failure, when the sentence is wanted again."""
FRESH_S: Final = 3600.0
"""Then it is fetched anew; the old one is played meanwhile."""
MOST_BYTES: Final = 16 * 1024 * 1024
AT_ONCE: Final = 2

Locate = Callable[[str], Awaitable[str]]


async def public_address(host: str) -> str:
    """An address of this host. Raises OSError when it has none, NotAudio when one is not on the public network."""
    found = [entry[4][0] for entry in await asyncio.get_running_loop().getaddrinfo(host, 443)]
    if not all(ip_address(address).is_global for address in found):
        raise NotAudio("not on the public network")
    return str(found[0])


class RecordedSentences:
    """One per process."""

    def __init__(self, clock: Clock, locate: Locate = public_address) -> None:
        self._clock = clock
        self._locate = locate
        self._sounds = AudioCache(MOST_BYTES)
        self._due: dict[str, float] = {}
        """When an address may be asked again."""
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks = TaskSet("recordings")
        self._http = httpx.AsyncClient(timeout=FETCHED_WITHIN_S, trust_env=False, follow_redirects=False)

    def of(self, profile: AgentProfile) -> Mapping[str, bytes]:
        """The μ-law of the sentences whose recordings are here; the others are fetched. Never waits."""
        found: dict[str, bytes] = {}
        for one in profile.recorded:
            sound = self._sounds.get(one.url, one.says)
            if sound is not None:
                found[one.says] = sound
            now = self._clock.monotonic()
            if now >= self._due.get(one.url, 0.0):
                self._due[one.url] = now + AGAIN_S
                self._tasks.start(self._fetch(one), "recording")
        return found

    async def _fetch(self, one: RecordedSentence) -> None:
        try:
            async with self._places, asyncio.timeout(FETCHED_WITHIN_S):
                sound = await asyncio.to_thread(sound_of, await self._file(one.url), LONGEST_S)
        except (httpx.HTTPError, OSError, TimeoutError, NotAudio) as error:
            metrics.recorded_sentences_total.labels(result="failed").inc()
            reason = str(error) if isinstance(error, NotAudio) else ""
            log.warning("recorded_sentence_not_had", error=type(error).__name__, reason=reason)
            return
        self._sounds.keep(one.url, one.says, sound)
        self._due[one.url] = self._clock.monotonic() + FRESH_S
        metrics.recorded_sentences_total.labels(result="fetched").inc()

    async def _file(self, url: str) -> bytes:
        there = httpx.URL(url)
        # At the very address that was judged: looked up once more, a name may lead elsewhere.
        at = there.copy_with(host=await self._locate(there.host))
        named = {"Host": there.netloc.decode("ascii")}
        file = bytearray()
        async with self._http.stream("GET", at, headers=named, extensions={"sni_hostname": there.host}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise NotAudio(f"answered {answer.status_code}")
            async for piece in answer.aiter_bytes():
                file += piece
                if len(file) > LARGEST:
                    raise NotAudio(f"larger than {LARGEST} bytes")
        return bytes(file)

    async def close(self) -> None:
        """Stop fetching."""
        await self._tasks.close()
        await self._http.aclose()
