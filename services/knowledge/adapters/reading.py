"""Reads an uploaded file beside the service, never in its way: a small one in a thread, a large one in a process.

A large file takes seconds of pure computing, and one that was written to be slow takes minutes. In a thread that would
make every caller wait; a process can be ended, and one that reads a stranger's file needs none of our secrets.
"""

from __future__ import annotations

import asyncio
import os
import sys

import msgspec

from services.knowledge.adapters.readers import read_file
from services.knowledge.domain.chunking import CutArticle, cut
from shared.errors import Invalid, TooLarge, Transient

SMALL = 64 * 1024
"""Bytes; such a file takes a twentieth of a second, two seconds at the very worst."""
LONGEST_S = 12.0
"""An ordinary file of five megabytes takes half of it. The gateway waits fifteen."""
PROGRAM = ("-m", "services.knowledge.adapters.reading_process")


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What the process is to read; the file's bytes follow after a line feed."""

    name: str
    locale: str


class Outcome(msgspec.Struct, forbid_unknown_fields=True):
    """What came of it: an article, or why not."""

    article: CutArticle | None = None
    invalid: str = ""
    too_large: str = ""


class FileReader:
    """Reads and cuts files, one large one at a time. Belongs to one event loop."""

    def __init__(self, longest_s: float = LONGEST_S) -> None:
        self._longest_s = longest_s
        self._one_large = asyncio.Semaphore(1)

    async def read(self, name: str, data: bytes, locale: str) -> CutArticle:
        """The file's article, cut into passages. Raises Invalid, TooLarge, and Transient when others are in the way."""
        if len(data) <= SMALL:
            return await asyncio.to_thread(read_here, name, data, locale)
        try:
            async with asyncio.timeout(self._longest_s):
                await self._one_large.acquire()
        except TimeoutError:
            raise Transient("other large files are being read; send this one again in a moment") from None
        try:
            return await self._read_apart(name, data, locale)
        finally:
            self._one_large.release()

    async def _read_apart(self, name: str, data: bytes, locale: str) -> CutArticle:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *PROGRAM,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_bare_environment(),
        )
        try:
            async with asyncio.timeout(self._longest_s):
                order = msgspec.json.encode(Order(name, locale)) + b"\n"
                answer, _ = await process.communicate(order + data)
        except TimeoutError:
            raise Invalid(f"the file takes longer than {self._longest_s:g} s to read: split it into several") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _result(answer)


def _bare_environment() -> dict[str, str]:
    """What Python needs to find our code; no settings, and so no secrets."""
    known = {name: value for name in ("PATH", "LANG", "LC_ALL", "HOME") if (value := os.environ.get(name))}
    return {**known, "PYTHONPATH": os.pathsep.join(folder for folder in sys.path if folder)}


def _result(answer: bytes) -> CutArticle:
    try:
        outcome = msgspec.json.decode(answer, type=Outcome)
    except msgspec.DecodeError:
        raise Invalid("the file could not be read: it is damaged or far too complex") from None
    if outcome.article is not None:
        return outcome.article
    raise TooLarge(outcome.too_large) if outcome.too_large else Invalid(outcome.invalid)


def read_here(name: str, data: bytes, locale: str) -> CutArticle:
    """Read and cut in this process. Raises Invalid and TooLarge."""
    return cut(read_file(name, data, locale))
