"""What an agent may be told: profiles that no call could live with are refused, whether new or changed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from services.gateway.api.agent_profile import AgentChange, NewAgent, check_together
from services.voice.hearing.recognisers import recogniser_for
from shared.contracts.agents import HearingOptions
from shared.errors import Invalid
from shared.settings import DeepgramSettings

PROFILE = {"name": "Support line", "company": "Fernway Internet", "greeting": "Welcome to Fernway."}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"hearing": {"model": "whisper"}},
        {"hearing": {"eager_threshold": 0.9}},
        {"hearing": {"modell": "nova-3"}},
        {"transfer_digits": "204,5"},
        {"transfer_digits": ""},
        {"name": "   "},
        {"name": "x" * 201},
        {"name": "a\x00b"},
        {"company": None},
        {"greeting": ""},
        {"greeting": "x" * 601},
        {"instructions": "x" * 6001},
        {"instructions": "the key is sk-abcdefghijklmnopqrstuvwx"},
        {"instructions": "use AC0123456789abcdef0123456789abcdef"},
        {"greeting": "https://admin:hunter22@example.com"},
        {"tone": "\x0b"},
        {"language": "english"},
        {"language": "EN"},
        {"voice": "../../etc"},
        {"knowledge_collection": "Not A Name"},
        {"tools": ["search_knowledge", "rm_rf"]},
        {"tools": ["end_call", "end_call"]},
        {"tools": "end_call"},
        {"ticket_policy": "sometimes"},
        {"repeat_policy": "sometimes"},
        {"email_policy": 1},
        {"transfer_number": "0800 555"},
        {"transfer_number": "+19005551234"},
        {"transfer_number": "+18005550101;ext=5"},
        {"transfer_number": "sip:boss@example.com"},
        {"numbers": ["+18005550101", "+1 800 555 0101"]},
        {"numbers": ["911"]},
        {"numbers": [f"+1800555{index:04d}" for index in range(51)]},
        {"numbers": "+18005550101"},
        {"recorded": [{"says": "Welcome.", "url": "http://cdn.example.com/welcome.mp3"}]},
        {"recorded": [{"says": "Welcome.", "url": "https://user@cdn.example.com/welcome.mp3"}]},
        {"recorded": [{"says": "...", "url": "https://cdn.example.com/welcome.mp3"}]},
        {"recorded": [{"says": "Welcome.", "url": f"https://cdn.example.com/{n}.mp3"} for n in range(2)]},
        {"is_active": "maybe"},
        {"nmae": "typo"},
    ],
    ids=lambda wrong: repr(wrong)[:40],
)
def test_a_profile_no_call_could_live_with(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewAgent.model_validate({**PROFILE, **wrong})
    with pytest.raises(ValidationError):
        AgentChange.model_validate(wrong)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("+1 (800) 555-0101", "+18005550101"),
        ("+44 20 7946 0000", "+442079460000"),
        ("+15550100123", "+15550100123"),
        ("tel:+1-800-555-0101", "+18005550101"),
    ],
)
def test_numbers_are_kept_in_one_form(written: str, kept: str) -> None:
    assert NewAgent.model_validate({**PROFILE, "numbers": [written]}).numbers == [kept]


def test_what_is_not_named_is_not_changed() -> None:
    assert AgentChange.model_validate({"transfer_number": None}).model_dump(mode="json") == {"transfer_number": None}


@pytest.mark.parametrize(
    ("language", "voice", "fits"),
    [
        ("en", "aura-2-thalia-en", True),
        ("en-GB", "aura-2-draco-en", True),
        ("es", "aura-2-celeste-es", True),
        ("de", "aura-2-thalia-en", False),
        ("de", "21m00Tcm4TlvDq8ikWAM", True),
    ],
)
def test_a_voice_speaks_the_agents_language(language: str, voice: str, fits: bool) -> None:
    if fits:
        check_together(language, [voice], None, set())
    else:
        with pytest.raises(Invalid):
            check_together(language, [voice], None, set())


def test_an_agent_may_have_ears_of_its_own() -> None:
    settings = DeepgramSettings(deepgram_api_key=SecretStr("lab"), deepgram_endpointing_ms=400)
    usual = recogniser_for(settings, HearingOptions(), "en", "Fernway")
    assert usual.product.item == "nova-3"
    assert ("endpointing", "400") in usual.query
    hurried = recogniser_for(settings, HearingOptions(endpointing_ms=100), "en", "Fernway")
    assert ("endpointing", "100") in hurried.query
    flux = recogniser_for(settings, HearingOptions(model="flux-general-en", eager_threshold=0.4), "en", "Fernway")
    assert (flux.path, flux.product.item) == ("/v2/listen", "flux-general-en")
    assert ("eager_eot_threshold", "0.4") in flux.query


def test_a_recorded_sentence_is_kept_as_the_assistant_says_it() -> None:
    recorded = [{"says": "  Welcome to **Fernway**.", "url": "https://cdn.example.com/welcome.mp3"}]
    agent = NewAgent.model_validate({**PROFILE, "recorded": recorded})
    assert [one.says for one in agent.recorded] == ["Welcome to Fernway."]
