"""All voices of a process: which provider a voice belongs to, how each provider is doing, how fast each voice speaks.

A profile names its voices as the vendors do: `aura-2-thalia-en` and `flux-haley-en` are Deepgram's, and
`elevenlabs:<voice id>` and `openai:<voice>` say whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.voice.deepgram_socket import DeepgramSockets
from services.voice.settings import VoiceRoomSettings
from services.voice.speech import deepgram_flux, deepgram_phrases, deepgram_speak, elevenlabs, openai_speech
from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.last_resort import last_resort
from services.voice.speech.pace import Pace
from services.voice.speech.ports import Speaker, SpeakerTraits
from services.voice.speech.recorded_sentences import RecordedSentences
from services.voice.speech.standing import RULES, Standing
from services.voice.speech.voice import Candidate, Voice
from shared.clock import Clock
from shared.contracts.agents import AgentProfile
from shared.observability.logs import get_logger
from shared.rates.usage import Meter, Product
from shared.resilience.board import Board, Probe

log = get_logger(__name__)


class NoSuchVoice(Exception):
    """No provider that this deployment has a key for speaks with it."""


@dataclass(frozen=True, slots=True)
class _Provider:
    name: str
    traits: SpeakerTraits


_AURA = _Provider(deepgram_speak.PROVIDER, deepgram_speak.TRAITS)
_FLUX = _Provider(deepgram_flux.PROVIDER, deepgram_flux.TRAITS)
_ELEVENLABS = _Provider(elevenlabs.PROVIDER, elevenlabs.TRAITS)
_OPENAI = _Provider(openai_speech.PROVIDER, openai_speech.TRAITS)
_PREFIXES = {deepgram_flux.PREFIX: _FLUX, elevenlabs.PREFIX: _ELEVENLABS, openai_speech.PREFIX: _OPENAI}


def _provider_of(voice: str) -> _Provider:
    """Who speaks with it; a name without a prefix that we know is Aura's to judge."""
    return next((provider for prefix, provider in _PREFIXES.items() if voice.startswith(prefix)), _AURA)


def breaker_name(provider: str) -> str:
    """Under which name all processes know how a provider of speech is doing."""
    return f"speech:{provider}"


def voices_of(profile: AgentProfile) -> tuple[str, ...]:
    """An agent's voices in its order, each once."""
    return tuple(dict.fromkeys((profile.voice, *profile.other_voices)))


class Voices:
    """Makes voices for calls, for phrases that are kept, and for probes."""

    def __init__(
        self, settings: VoiceRoomSettings, deepgram: DeepgramSockets, cache: AudioCache, clock: Clock, board: Board
    ) -> None:
        self._settings = settings
        self._deepgram = deepgram
        key = settings.elevenlabs_api_key
        self._elevenlabs = elevenlabs.elevenlabs_sockets(settings, key.get_secret_value()) if key is not None else None
        self._openai = openai_speech.speech_client(settings, settings)
        self._phrases_http = deepgram_phrases.http_client()
        self._phrases = deepgram_phrases.audio_client(
            settings.deepgram_url, settings.deepgram_api_key.get_secret_value(), self._phrases_http
        )
        self._cache = cache
        self.recorded = RecordedSentences(clock)
        """What people have recorded for agents."""
        self._clock = clock
        self._board = board
        self._standings: dict[str, Standing] = {}
        self._paces: dict[str, Pace] = {}

    def standing(self, voice: str) -> Standing:
        """How the provider of this voice is doing."""
        provider = _provider_of(voice)
        found = self._standings.get(provider.name)
        if found is None:
            found = Standing(
                provider.name,
                provider.traits.first_sound_s,
                self._clock,
                self._board.breaker(breaker_name(provider.name), RULES),
            )
            self._standings[provider.name] = found
        return found

    def probe_with(self, voice: str, probe: Probe) -> None:
        """How the provider of this voice is tried when it was unwell."""
        self._board.probe_with(breaker_name(self.standing(voice).provider), probe)

    def speaker(self, voice: str) -> Speaker:
        """A new speaker with this voice; close it. Raises NoSuchVoice."""
        standing = self.standing(voice)
        match _provider_of(voice):
            case provider if provider is _AURA:
                return deepgram_speak.aura_speaker(self._deepgram, voice, self._clock, standing)
            case provider if provider is _FLUX:
                return deepgram_flux.flux_speaker(self._deepgram, voice, self._clock, standing)
            case provider if provider is _ELEVENLABS and self._elevenlabs is not None:
                sockets = self._elevenlabs
                return elevenlabs.elevenlabs_speaker(sockets, self._settings, voice, self._clock, standing)
            case provider if provider is _OPENAI and self._openai is not None:
                return openai_speech.OpenAISpeaker(self._openai, self._settings, voice, self._clock, standing)
            case provider:
                raise NoSuchVoice(provider.name)

    def phrase_speaker(self, voice: str) -> Speaker:
        """A new speaker with this voice for sentences that are kept; close it. Raises NoSuchVoice."""
        if _provider_of(voice) is _AURA:
            return deepgram_phrases.AuraPhrases(self._phrases, voice, self._clock, self.standing(voice))
        return self.speaker(voice)

    def product(self, voice: str) -> Product:
        """What the price list of its provider calls it."""
        match _provider_of(voice):
            case provider if provider is _ELEVENLABS:
                return Product(provider.name, self._settings.elevenlabs_model)
            case provider if provider is _OPENAI:
                return Product(provider.name, self._settings.openai_speech_model)
            case provider if provider is _FLUX:
                return Product(_AURA.name, "flux voice")
            case provider:
                return Product(provider.name, "aura-2" if voice.startswith("aura-2-") else "aura-1")

    def pace(self, voice: str) -> Pace:
        """How fast this voice speaks, learned from all calls."""
        return self._paces.setdefault(voice, Pace())

    def of(self, profile: AgentProfile, meter: Meter) -> Voice:
        """The voice of one call of this agent, whose characters are counted; close it."""
        candidates = list(self._candidates(voices_of(profile)))
        pace = self.pace(profile.voice)
        return Voice(
            candidates,
            profile.voice_preference,
            self._cache,
            self.recorded.of(profile),
            last_resort(profile.language),
            pace,
            self._clock,
            meter,
        )

    def _candidates(self, voices: Iterable[str]) -> Iterable[Candidate]:
        for voice in voices:
            try:
                speaker = self.speaker(voice)
            except NoSuchVoice as missing:
                log.error("voice_without_provider", provider=str(missing))  # noqa: TRY400  (a setting, not a fault)
                continue
            yield Candidate(speaker, self.pace(voice), self.standing(voice), self.product(voice))

    async def close(self) -> None:
        """Close the connections that calls share."""
        await self._phrases_http.aclose()
        await self.recorded.close()
        if self._openai is not None:
            await self._openai.close()
