"""`WS /v1/text-to-speech/{voice_id}/stream-input`: one stream of text, one stream of sound; empty text ends both."""

from __future__ import annotations

from typing import Any

from lab.elevenlabs.context import Context
from lab.elevenlabs.messages import Message
from lab.elevenlabs.session import Session
from lab.wire.sockets import Closed


class SingleSession(Session):
    """The first message is a space with the settings."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._context: Context | None = None

    def is_text(self, message: Message) -> bool:
        return bool(message.text)

    async def obey(self, message: Message) -> None:
        if message.text is None or message.context_id is not None or message.close_context or message.close_socket:
            raise await self.error("invalid_message", "Every message of this socket is a text without a context.")
        if self._context is None:
            if message.text != " ":
                raise await self.error("invalid_message", "The first message must be a single space.")
            self._context = self.new_context(message)
            self.start(self._context, None)
            return
        if message.has_settings:
            raise await self.error("invalid_message", "Settings can only be set in the first message.")
        if message.text == "":
            await self._end(self._context)
        if message.text != " ":
            self._context.add(message.text)
        if message.flush or message.try_trigger_generation:
            self._context.flush()

    async def _end(self, context: Context) -> None:
        context.flush()
        context.close()
        await self.spoken()
        await self.outgoing.sent()
        raise Closed(1000)

    def final(self, context: Context, message: dict[str, Any]) -> None:  # noqa: ARG002
        self.outgoing.put({"audio": None, "normalizedAlignment": None, "alignment": None} | message)
