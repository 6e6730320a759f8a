"""What both of Deepgram's speech sockets say beside the audio; only the fields we use are decoded."""

from __future__ import annotations

import msgspec


class Control(msgspec.Struct):
    """A message that is not sound. `code` names a warning or an error."""

    type: str
    code: str = ""


read_control = msgspec.json.Decoder(Control).decode
