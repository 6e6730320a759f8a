"""TwiML that always parses, whatever a line reports."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.gateway.webhooks import twiml
from services.gateway.webhooks.caller import caller_address, is_e164
from services.gateway.webhooks.phrases import phrases_for
from services.gateway.webhooks.relay_noun import Relay
from services.gateway.webhooks.report import read_report
from services.gateway.webhooks.twiml import Addresses
from shared.contracts.relay import ElevenLabsVoice, RelayLanguage, RelayOptions
from shared.errors import Invalid

ADDRESSES = Addresses("https://support.example.com", "wss://voice.example.com")
anything = st.text(st.characters(exclude_categories=()), max_size=300) | st.sampled_from(
    ["\x00\x0b\x1f", "\ud800", "</Say><Dial>+1900</Dial>", "Zoë & <Sons> \"'", "\ufffe\uffff", "]]>"]
)


@given(st.lists(anything, max_size=3), anything, st.none() | anything)
def test_hostile_text_never_breaks_a_document(sentences: list[str], number: str, shown: str | None) -> None:
    for built in (
        twiml.put_through(ADDRESSES, phrases_for("en"), sentences, number, shown),
        twiml.hang_up(phrases_for("en"), sentences),
    ):
        root = fromstring(built.encode())
        assert {verb.tag for verb in root} <= {"Say", "Dial", "Hangup"}
        assert all(len(list(verb)) == 0 for verb in root)
        for say in root.iter("Say"):
            assert say.text
            assert say.text.strip()
            assert len(say.text) <= 3000


@given(anything, anything, anything)
def test_any_report_can_be_stored_and_written(caller: str, dialled: str, direction: str) -> None:
    fields = {"CallSid": "CA" + "0" * 32, "From": caller, "To": dialled, "Direction": direction}
    report = read_report(fields)
    for value in (report.from_number, report.to_number, report.direction):
        assert len(value.encode()) >= len(value)
        assert "\x00" not in value
        assert len(value) <= 254
    address = caller_address(report.from_number)
    assert address is None or (address == report.from_number and address.isascii())


def test_the_stream_document_as_twilio_reads_it() -> None:
    built = twiml.connect(ADDRESSES, 2, "signed.token.value")
    assert built == (
        '<?xml version="1.0" encoding="UTF-8"?><Response>'
        '<Connect action="https://support.example.com/twilio/voice/after?generation=2" method="POST">'
        '<Stream url="wss://voice.example.com/twilio/media"><Parameter name="token" value="signed.token.value" />'
        "</Stream></Connect>"
        '<Redirect method="POST">https://support.example.com/twilio/voice/after?generation=2</Redirect></Response>'
    )


@pytest.mark.parametrize("language", ["en", "de-AT", "es", "fr-CA", "nl"])
def test_every_sentence_of_every_language_fits_one_say(language: str) -> None:
    phrases = phrases_for(language)
    root = fromstring(twiml.hang_up(phrases, [phrases.trouble, phrases.will_call_back]).encode())
    say = root.find("Say")
    assert say is not None
    assert (say.get("voice") or "").startswith("Polly.")
    assert say.get("language") == phrases.code
    assert say.get("language") == phrases.code
    assert phrases.code.startswith(language[:2])


def test_a_language_without_sentences_is_answered_in_english() -> None:
    assert phrases_for("zz").code == "en-US"


@pytest.mark.parametrize(
    "reported",
    ["", "anonymous", "Anonymous", "unknown", "Restricted", "+266696687", "+7378742833", "+2562533", "+8656696", "12"],
)
def test_a_withheld_number_is_nobodys_address(reported: str) -> None:
    assert caller_address(reported) is None


@pytest.mark.parametrize("reported", ["+18005550100", "+442079460000", "client:jane", "sip:jane@example.com"])
def test_an_address_is_kept_as_it_came(reported: str) -> None:
    assert caller_address(reported) == reported


@pytest.mark.parametrize("number", ["18005550100", "+0800555010", "+1800555010a", "+1800555010\n", "+٣٨٠٠٥٥٥٠١٠٠"])
def test_what_is_no_e164(number: str) -> None:
    assert not is_e164(number)


@pytest.mark.parametrize(
    "call_sid", ["", "CA", "ca" + "0" * 32, "CA" + "0" * 31, "CA" + "g" * 32, "CA" + "0" * 32 + "\n"]
)
def test_a_call_sid_has_one_form(call_sid: str) -> None:
    with pytest.raises(Invalid):
        read_report({"CallSid": call_sid})


def test_the_relay_document_as_twilio_reads_it() -> None:
    built = twiml.connect(ADDRESSES, 1, "signed.token.value", relay=Relay(RelayOptions(), "en-US", None))
    assert built == (
        '<?xml version="1.0" encoding="UTF-8"?><Response>'
        '<Connect action="https://support.example.com/twilio/voice/after?generation=1" method="POST">'
        '<ConversationRelay dtmfDetection="true" events="speaker-events tokens-played" ignoreBackchannel="true" '
        'interruptible="speech" language="en-US" partialPromptOnHangup="true" partialPrompts="false" '
        'reportInputDuringAgentSpeech="any" speechTimeout="auto" transcriptionProvider="Deepgram" '
        'ttsProvider="ElevenLabs" url="wss://voice.example.com/twilio/relay">'
        '<Parameter name="token" value="signed.token.value" /></ConversationRelay></Connect>'
        '<Redirect method="POST">https://support.example.com/twilio/voice/after?generation=1</Redirect></Response>'
    )


def test_every_option_has_the_name_that_twilio_knows() -> None:
    options = RelayOptions(
        voice="NYC9WEgkq1u4jiqBseQ9",
        elevenlabs=ElevenLabsVoice(speed=1.1, stability=0.5, similarity=0.75),
        speech_model="flux",
        eot_threshold=0.8,
        eager_eot_threshold=0.4,
        partial_prompts=True,
        speech_timeout_ms=1200,
        turn_detection=True,
        hints=("Fernway", "fibre & copper"),
        profanity_filter=False,
        smart_format=True,
        text_normalization="on",
        background_noise_reduction=True,
        echo_prompt_filtering=True,
        interruptible="any",
        interrupt_sensitivity="low",
        ignore_backchannel=False,
        report_input_during_speech="speech",
        dtmf_detection=False,
        languages=(
            RelayLanguage(code="nl-NL", tts_provider="Google", voice="nl-NL-Standard-A", hints=("fiets",)),
            RelayLanguage(code="multi"),
        ),
    )
    root = fromstring(twiml.connect(ADDRESSES, 1, "t", relay=Relay(options, "en-GB", 'Hello & "welcome" <there>.')))
    noun = root.find("Connect/ConversationRelay")
    assert noun is not None
    assert noun.attrib == {
        "url": "wss://voice.example.com/twilio/relay",
        "language": "en-GB",
        "ttsProvider": "ElevenLabs",
        "voice": "NYC9WEgkq1u4jiqBseQ9-flash_v2_5-1.1_0.5_0.75",
        "transcriptionProvider": "Deepgram",
        "speechModel": "flux",
        "eotThreshold": "0.8",
        "eagerEotThreshold": "0.4",
        "partialPrompts": "true",
        "partialPromptOnHangup": "true",
        "speechTimeout": "1200",
        "turnDetection": "true",
        "hints": "Fernway,fibre & copper",
        "profanityFilter": "false",
        "asrSmartFormat": "true",
        "ttsTextNormalization": "on",
        "backgroundNoiseReduction": "true",
        "echoPromptFiltering": "true",
        "interruptible": "any",
        "interruptSensitivity": "low",
        "ignoreBackchannel": "false",
        "reportInputDuringAgentSpeech": "speech",
        "dtmfDetection": "false",
        "welcomeGreeting": 'Hello & "welcome" <there>.',
        "welcomeGreetingInterruptible": "any",
        "events": "speaker-events tokens-played",
    }
    assert [(child.tag, dict(child.attrib)) for child in noun] == [
        ("Language", {"code": "nl-NL", "ttsProvider": "Google", "voice": "nl-NL-Standard-A", "hints": "fiets"}),
        ("Language", {"code": "multi"}),
        ("Parameter", {"name": "token", "value": "t"}),
        ("Parameter", {"name": "greeted", "value": "yes"}),
    ]


@given(anything)
def test_no_greeting_breaks_a_relay_document(text: str) -> None:
    root = fromstring(twiml.connect(ADDRESSES, 1, "t", relay=Relay(RelayOptions(), text, text)).encode())
    assert [verb.tag for verb in root] == ["Connect", "Redirect"]
    assert [noun.tag for noun in root[0]] == ["ConversationRelay"]
    assert {child.tag for child in root[0][0]} == {"Parameter"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"hints": ["a,b"]}, {"hints": [""]}, {"hints": ["\x00"]}, {"voice": "x y\n"}, {"elevenlabs": {}},
        {"voice": "v", "elevenlabs": {"speed": 2}}, {"voice": "v", "tts_provider": "Google", "elevenlabs": {}},
        {"partial_prompts": True}, {"eot_threshold": 0.8}, {"speech_model": "flux", "eot_threshold": 0.2},
        {"speech_timeout_ms": 100}, {"interruptible": "sometimes"}, {"bogus_attr": "x"},
        {"languages": [{"code": "nl-NL"}, {"code": "nl-NL"}]}, {"languages": [{"code": "dutch"}]},
    ],
)  # fmt: skip
def test_what_twilio_would_drop_or_refuse_is_refused_before(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RelayOptions.model_validate(wrong)
