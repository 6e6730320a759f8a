"""Whose bucket it is, without saying who that is: Redis is no place for telephone numbers and addresses."""

from __future__ import annotations

import hashlib
import hmac


class Pseudonyms:
    """Keyed, because numbers are few enough to try them all."""

    def __init__(self, pepper: str) -> None:
        self._pepper = pepper.encode()

    def of(self, identity: str) -> str:
        """Thirty-two hexadecimal digits, the same in every process of the deployment."""
        return hmac.new(self._pepper, b"limit:" + identity.encode(), hashlib.sha256).hexdigest()[:32]
