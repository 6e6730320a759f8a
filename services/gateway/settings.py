"""What the gateway must be told."""

from __future__ import annotations

from shared.settings import (
    DatabaseSettings,
    LimitSettings,
    OutboundSettings,
    PublicSettings,
    RateSettings,
    RedisSettings,
    RoomSettings,
    SigningSettings,
    TwilioSettings,
)
from shared.web.app import ServerSettings


class GatewaySettings(
    ServerSettings,
    DatabaseSettings,
    RedisSettings,
    PublicSettings,
    SigningSettings,
    TwilioSettings,
    OutboundSettings,
    LimitSettings,
    RateSettings,
    RoomSettings,
):
    """Everything `python -m services.gateway` reads."""


class KeySettings(DatabaseSettings, SigningSettings):
    """Everything `python -m services.gateway.keys` reads."""
