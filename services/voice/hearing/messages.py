"""Reads a recogniser's messages: typed where we use them, passed over where we do not, refused where they are none."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, get_args

import msgspec

from services.voice.hearing.dialect import Garbage

Kind = TypeVar("Kind")


class Message(msgspec.Struct, tag_field="type", gc=False):
    """Told from others by its `type`."""


class _Typed(msgspec.Struct):
    type: str


_decode_type = msgspec.json.Decoder(_Typed).decode


class MessageReader(Generic[Kind]):
    """Reads the messages of one union of `Message` types."""

    def __init__(self, union: Any) -> None:
        self._decode = msgspec.json.Decoder(union).decode
        self._known = {kind.__struct_config__.tag for kind in get_args(union)}

    def __call__(self, data: bytes | str) -> Kind | None:
        """One message; None for a kind we have no use for. Raises Garbage."""
        try:
            message: Kind = self._decode(data)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            problem = error
        else:
            return message
        try:
            kind = _decode_type(data).type
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise Garbage from problem
        if kind in self._known:
            raise Garbage from problem
        return None
