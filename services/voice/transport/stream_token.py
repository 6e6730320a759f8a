"""The stream token: who may speak for a call, once.

A handshake's signature proves that the address is ours and never that it is fresh; the token in `start` or `setup`
does: it is short-lived, names its CallSid and the call's generation, and is burnt on first use.
"""

from __future__ import annotations

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.voice.transport.introduction import Introduction
from services.voice.transport.media_stream import StreamRefused
from shared.clock import Clock
from shared.observability.logs import get_logger
from shared.security.purpose_tokens import InvalidToken, Purpose, TokenSigner

log = get_logger(__name__)

BURNT_FOR_S = 120
"""Longer than any token lives."""
PARAMETER = "token"
"""The `<Parameter>` that carries it."""


class StreamTokens:
    """Reads and burns stream tokens.

    Without Redis a token is burnt in this process alone; the row of the call, which only one process can claim, then
    holds against the others.
    """

    def __init__(self, signer: TokenSigner, redis: Redis, account_sid: str, clock: Clock) -> None:
        self._signer = signer
        self._redis = redis
        self._account_sid = account_sid
        self._clock = clock
        self._burnt_here: dict[str, float] = {}

    async def accept(self, details: Introduction) -> int:
        """The generation this stream was admitted for. Raises StreamRefused."""
        if details.account_sid != self._account_sid:
            raise StreamRefused("another account")
        try:
            claims = self._signer.read(Purpose.STREAM, details.custom_parameters.get(PARAMETER, ""))
        except InvalidToken as error:
            raise StreamRefused(f"no valid token ({error.detail})") from error
        token_id = str(claims["jti"])
        call_sid, _, generation = token_id.rpartition(":")
        if claims["sub"] != details.call_sid or call_sid != details.call_sid or not generation.isdecimal():
            raise StreamRefused("a token of another call")
        if not await self._burn(token_id):
            raise StreamRefused("a token that was used before")
        return int(generation)

    async def _burn(self, token_id: str) -> bool:
        """True the first time only."""
        now = self._clock.monotonic()
        self._burnt_here = {name: until for name, until in self._burnt_here.items() if until > now}
        if token_id in self._burnt_here:
            return False
        self._burnt_here[token_id] = now + BURNT_FOR_S
        try:
            return bool(await self._redis.set(f"callwright:stream-token:{token_id}", 1, nx=True, ex=BURNT_FOR_S))
        except RedisError as error:
            log.warning("token_burnt_here_only", error=type(error).__name__)
            return True
