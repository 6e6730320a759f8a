"""What a voice process must be told."""

from __future__ import annotations

from shared.settings import (
    DatabaseSettings,
    DeepgramSettings,
    ElevenLabsSettings,
    OpenAISettings,
    OpenAISpeechSettings,
    PublicSettings,
    RateSettings,
    RedisSettings,
    RoomSettings,
    SigningSettings,
    SocketLimitSettings,
    TwilioSettings,
    VoiceSettings,
)
from shared.web.app import ServerSettings


class VoiceRoomSettings(
    ServerSettings,
    DatabaseSettings,
    RedisSettings,
    PublicSettings,
    RateSettings,
    SigningSettings,
    TwilioSettings,
    DeepgramSettings,
    ElevenLabsSettings,
    OpenAISettings,
    OpenAISpeechSettings,
    RoomSettings,
    VoiceSettings,
    SocketLimitSettings,
):
    """Everything `python -m services.voice` reads."""
