"""All stand-ins in one process: `python -m lab.house`, with its settings in `LAB_*` variables.

The embedded stack starts it beside the platform. Each stand-in has a port of its own, because a vendor's sockets share
host and port with its base address.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import httpx
import uvloop
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.types import ASGIApp

from lab.caller.caller import SimulatedCaller
from lab.caller.scenario import load
from lab.deepgram.app import make_app as deepgram_app
from lab.deepgram.settings import Settings as DeepgramSettings
from lab.deepgram.state import Deepgram
from lab.elevenlabs.app import make_app as elevenlabs_app
from lab.elevenlabs.settings import Settings as ElevenLabsSettings
from lab.elevenlabs.state import ElevenLabs
from lab.kayako.app import make_app as kayako_app
from lab.kayako.desk import Desk, DeskSettings
from lab.kayako.folder import load_folder
from lab.openai.app import make_app as openai_app
from lab.pages.app import make_app as pages_app
from lab.pages.logs import HttpCallLog, HttpDeskLog
from lab.twilio.app import make_app as twilio_app
from lab.twilio.network import PhoneNetwork
from lab.twilio.settings import Callee, PhoneNumber, PhoneSettings
from lab.wire.serving import served
from shared.clock import SystemClock

STATUS_RETRIES = "#rc=5&rp=ct,rt,5xx"
"""Asks Twilio to repeat a status report that was not taken; without it, it is gone."""
COLLEAGUE = "+12025550180"
"""The person that the sample company's assistant can put a caller through to."""
BRIEFED_COLLEAGUE = "+12025550181"
"""Another one, who is told first what it is about and presses 1: for warm transfers."""
CUSTOMER = "+12025550182"
"""Somebody who picks up when the assistant calls."""
MACHINE = "+12025550183"
"""An answering machine."""


class HouseSettings(BaseSettings):
    """Ports, credentials and the platform's addresses."""

    model_config = SettingsConfigDict(env_prefix="LAB_")

    pages_port: int
    twilio_port: int
    deepgram_port: int
    elevenlabs_port: int
    openai_port: int
    kayako_port: int
    platform_url: str
    """Where Twilio's webhooks go."""
    numbers: str = "+12025550199"
    """The account's numbers, with commas between them."""
    account_sid: str
    auth_token: SecretStr
    kayako_email: str
    kayako_password: SecretStr
    articles: Path | None = None
    """A folder of Markdown files for the help centre."""
    speed: float = Field(default=1.0, gt=0, le=100)
    """How much faster than the wall clock calls run."""


def telephone(settings: HouseSettings) -> PhoneNetwork:
    """Twilio, its numbers pointed at the platform as the README tells one to point real ones."""
    base = f"{settings.platform_url}/twilio"
    number = PhoneNumber(
        voice_url=f"{base}/voice",
        fallback_url=f"{base}/voice/fallback",
        status_callback=f"{base}/status{STATUS_RETRIES}",
    )
    return PhoneNetwork(
        PhoneSettings(
            account_sid=settings.account_sid,
            auth_token=settings.auth_token.get_secret_value(),
            numbers=dict.fromkeys(settings.numbers.split(","), number),
            callees={
                COLLEAGUE: Callee(),
                BRIEFED_COLLEAGUE: Callee(presses="1"),
                CUSTOMER: Callee(make_person=lambda: SimulatedCaller(load("router"))),
                MACHINE: Callee(picks_up="machine", says="We are not at home. Please speak after the tone."),
            },
            speed=settings.speed,
            api_url=f"http://127.0.0.1:{settings.twilio_port}",
        )
    )


def help_desk(settings: HouseSettings) -> Desk:
    """Kayako, with the help centre's articles."""
    desk = Desk(
        DeskSettings(email=settings.kayako_email, password=settings.kayako_password.get_secret_value()), SystemClock()
    )
    if settings.articles is not None:
        load_folder(desk.help_centre, settings.articles)
    return desk


async def run(settings: HouseSettings) -> None:
    """Serve everything until a signal comes."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    pages_url = f"http://127.0.0.1:{settings.pages_port}"
    apps: list[tuple[ASGIApp, int]] = [
        (twilio_app(telephone(settings)), settings.twilio_port),
        (deepgram_app(Deepgram(DeepgramSettings(speed=settings.speed))), settings.deepgram_port),
        (elevenlabs_app(ElevenLabs(ElevenLabsSettings(speed=settings.speed))), settings.elevenlabs_port),
        (openai_app(), settings.openai_port),
        (kayako_app(help_desk(settings), pages_url), settings.kayako_port),
    ]
    async with contextlib.AsyncExitStack() as house:
        twilio, _, _, _, kayako = [await house.enter_async_context(served(app, port)) for app, port in apps]
        http = await house.enter_async_context(httpx.AsyncClient(trust_env=False))
        pages = pages_app(HttpCallLog(http, twilio), HttpDeskLog(http, kayako))
        await house.enter_async_context(served(pages, settings.pages_port))
        await stopped.wait()


def main() -> None:
    """The process."""
    uvloop.run(run(HouseSettings()))


if __name__ == "__main__":
    main()
