"""`WS /v1/text-to-speech/{voice_id}/multi-stream-input`: several contexts on one socket."""

from __future__ import annotations

from typing import Any

from lab.elevenlabs.context import Context
from lab.elevenlabs.messages import Message
from lab.elevenlabs.session import Session
from lab.wire.sockets import Closed

FULL = (
    "Maximum simultaneous contexts per WebSocket connection exceeded ({most}). "
    "Please close an existing context before opening a new one."
)
UNNAMED = "default"


class MultiSession(Session):
    """Contexts come into being with the first message that names them, even a flush or a keepalive."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._open: dict[str, Context] = {}
        """Contexts that take text."""
        self._unfinished: list[Context] = []
        """Contexts whose `isFinal` was not sent."""

    def is_text(self, message: Message) -> bool:  # noqa: ARG002
        return True

    async def obey(self, message: Message) -> None:
        if message.close_socket:
            await self._close_all()
            return
        if message.text == "" and message.context_id is None:
            return  # a keepalive
        name = message.context_id or UNNAMED
        if message.close_context:
            self._close(name)
            return
        context = self._open.get(name)
        if context is None:
            context = await self._create(name, message)
        elif message.has_settings:
            raise await self.error("invalid_message", "Settings can only be set in a context's first message.")
        if message.text:
            context.add(message.text if message.text != " " else "")
        if message.flush:
            context.flush()

    async def _create(self, name: str, message: Message) -> Context:
        if len(self._unfinished) >= self.lab.settings.most_contexts:
            most = self.lab.settings.most_contexts
            raise await self.error("max_active_conversations", FULL.format(most=most))
        if message.text is None or message.text == "":
            self.lab.counts["phantom_context"] += 1
        self.lab.counts["contexts"] += 1
        context = self._open[name] = self.new_context(message)
        self._unfinished.append(context)
        self.lab.counts["most_contexts"] = max(self.lab.counts["most_contexts"], len(self._unfinished))
        self.start(context, name)
        return context

    def _close(self, name: str) -> None:
        context = self._open.pop(name, None)
        if context is None:
            self.lab.counts["close_of_unknown_context"] += 1
        else:
            context.close()

    def final(self, context: Context, message: dict[str, Any]) -> None:
        self._unfinished.remove(context)
        self.outgoing.put(message)

    async def _close_all(self) -> None:
        for name in list(self._open):
            self._close(name)
        await self.spoken()
        await self.outgoing.sent()
        raise Closed(1000)
