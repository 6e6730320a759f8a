"""Which recogniser hears an agent's calls."""

from __future__ import annotations

from services.voice.hearing.dialect import Recogniser
from services.voice.hearing.flux import flux, is_flux
from services.voice.hearing.nova import nova
from shared.contracts.agents import HearingOptions
from shared.settings import DeepgramSettings


def recogniser_for(settings: DeepgramSettings, options: HearingOptions, language: str, company: str) -> Recogniser:
    """The model that was chosen, for this agent or for all, for an agent of this language and company."""
    chosen = options.over(settings)
    return (flux if is_flux(chosen.deepgram_listen_model) else nova)(chosen, language, company)
