"""What both kinds of socket do alike: refuse a handshake, close with the vendor's codes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.websockets import WebSocket

from lab.deepgram.faults import ListenFaults, SpeakFaults
from lab.deepgram.refusals import Refused
from lab.wire.sockets import Closed, Left, Outgoing, end, until_left

__all__ = ["DATA_0000", "NET_0000", "NET_0001", "NET_0003", "Closed", "Left", "Outgoing"]
__all__ += ["deny", "end", "obstruct", "until_left"]

NET_0000 = (1011, "NET-0000: the service could not go on with this stream")
NET_0001 = (1011, "NET-0001: no audio or text message came within the timeout window")
NET_0003 = (1011, "NET-0003: the time limit of the session is over")
DATA_0000 = (1008, "DATA-0000: the payload cannot be decoded")


async def obstruct(faults: ListenFaults | SpeakFaults, connection: WebSocket | Request) -> None:
    """Refuse or hang before the answer, when the faults say so. Raises Refused, or Left when the client gave up."""
    if faults.hangs_before_answer:
        await until_left(connection)
    if faults.refuse is not None:
        raise Refused(faults.refuse)


async def deny(socket: WebSocket, refusal: Refused, request_id: str) -> None:
    """Answer the handshake with the refusal's status, headers and body."""
    await socket.send_denial_response(refusal.response(request_id))
