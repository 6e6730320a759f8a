"""Which recogniser hears an agent's calls."""

from __future__ import annotations

from services.voice.hearing.dialect import Recogniser
from services.voice.hearing.flux import flux, is_flux
from services.voice.hearing.nova import nova
from shared.settings import DeepgramSettings


def recogniser_for(settings: DeepgramSettings, language: str, company: str) -> Recogniser:
    """The model that was chosen, for an agent of this language and company."""
    return (flux if is_flux(settings.deepgram_listen_model) else nova)(settings, language, company)
