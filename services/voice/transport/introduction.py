"""What a socket says of the call it carries, before anybody believes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Introduction(Protocol):
    """The claims of a socket's first message; the token among the parameters proves them."""

    @property
    def call_sid(self) -> str:
        """The call."""
        ...

    @property
    def account_sid(self) -> str:
        """The account; empty when it was not said."""
        ...

    @property
    def custom_parameters(self) -> Mapping[str, str]:
        """The `<Parameter>`s of the TwiML."""
        ...
