"""A voice room as a process of its own, on a house's stores and its lab."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from lab.stack.ports import free_ports
from tests.voice_house import SIGNING_KEY, VoiceHouse
from tests.waiting import wait_for_async

ROOT = Path(__file__).resolve().parents[1]


class VoiceProcess:
    """`python -m services.voice`, and what it says about itself."""

    def __init__(self, process: asyncio.subprocess.Process, address: str) -> None:
        self.process = process
        self.address = address

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def ready(self) -> int:
        """The status of its readiness, 0 while nobody answers."""
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                return (await http.get(f"{self.address}/health/ready")).status_code
            except httpx.TransportError:
                return 0

    async def status(self, within_s: float) -> int:
        """Its exit status."""
        async with asyncio.timeout(within_s):
            return await self.process.wait()


@asynccontextmanager
async def a_process(house: VoiceHouse, **settings: str) -> AsyncIterator[VoiceProcess]:
    """A voice process beside the house, on its database and its lab; calls of the house go to the process."""
    port = free_ports(1)[0]
    chosen = house.settings
    environment = {
        "PATH": os.environ["PATH"],
        "LISTEN_PORT": str(port),
        "DATABASE_URL": chosen.database_url.get_secret_value(),
        "REDIS_URL": chosen.redis_url.get_secret_value(),
        "PUBLIC_URL": chosen.public_url,
        "VOICE_PUBLIC_URL": str(chosen.voice_public_url),
        "SIGNING_KEY": SIGNING_KEY,
        "API_KEY_PEPPER": chosen.api_key_pepper.get_secret_value(),
        "TWILIO_ACCOUNT_SID": chosen.twilio_account_sid,
        "TWILIO_AUTH_TOKEN": chosen.twilio_auth_token.get_secret_value(),
        "DEEPGRAM_API_KEY": "lab",
        "DEEPGRAM_URL": chosen.deepgram_url,
        "KNOWLEDGE_URL": chosen.knowledge_url,
        "TICKETING_URL": chosen.ticketing_url,
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.voice", env=environment, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
    )
    running = VoiceProcess(process, f"http://127.0.0.1:{port}")
    try:

        async def is_ready() -> bool:
            return await running.ready() == 200

        await wait_for_async(is_ready, 60, "the voice process to be ready")
        house.send_calls_to(running.address)
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
