"""The stand-in's web application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from lab.caller.control import caller_routes
from lab.twilio.control import control_routes
from lab.twilio.network import PhoneNetwork
from lab.twilio.rest import RestInterface


def make_app(network: PhoneNetwork) -> Starlette:
    """The REST interface as Twilio serves it, and the lab's own control under `/lab`; closes the network at its end."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await network.close()

    return Starlette(
        routes=[*RestInterface(network).routes(), *caller_routes(network), *control_routes(network)], lifespan=lifespan
    )
