"""What the stand-in for Deepgram hears, in audio time: guesses, finals, ends of utterances, and what faults change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from lab.deepgram import listen_options, speak_options
from lab.deepgram.faults import FaultBox, Faults, ListenFaults
from lab.deepgram.intake import Intake, Undecodable
from lab.deepgram.listen_options import ListenOptions
from lab.deepgram.refusals import Refused
from lab.deepgram.settings import Settings
from lab.deepgram.transcriber import Transcriber
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import FRAME, SILENCE, to_linear16

TELEPHONE = ListenOptions(
    model="nova-3",
    encoding="mulaw",
    interim_results=True,
    endpointing_s=0.3,
    utterance_end_s=1.0,
    vad_events=True,
    keeps_form=True,
)
SECOND = SILENCE * 50


def transcriber(options: ListenOptions = TELEPHONE, faults: ListenFaults | None = None) -> Transcriber:
    return Transcriber(options, Settings(), faults or ListenFaults(), "an-id")


def said(text: str, utterance: int = 0) -> bytes:
    return encode(text, Speaker.CALLER, utterance)


def transcript(message: dict[str, Any]) -> str:
    return str(message["channel"]["alternatives"][0]["transcript"])


def results(messages: list[dict[str, Any]], **wanted: bool) -> list[dict[str, Any]]:
    return [one for one in messages if one["type"] == "Results" and wanted.items() <= one.items()]


def test_one_utterance_brings_start_guesses_one_final_and_its_end() -> None:
    messages = transcriber().feed(SILENCE * 5 + said("Hello, my router is broken.") + SECOND + SILENCE * 10)
    assert messages[0] == {"type": "SpeechStarted", "channel": [0, 1], "timestamp": 0.1}
    guesses = [transcript(one) for one in results(messages, is_final=False) if transcript(one)]
    assert guesses == ["Hello, my", "Hello, my router", "Hello, my router is broken."]
    (final,) = results(messages, speech_final=True)
    assert (transcript(final), final["is_final"], final["start"]) == ("Hello, my router is broken.", True, 0.0)
    assert final["duration"] == pytest.approx(0.1 + 27 * 0.04 + 0.3)
    assert final["channel"]["alternatives"][0]["words"][1] == {
        "word": "my",
        "start": pytest.approx(0.38),
        "end": pytest.approx(0.46),
        "confidence": 0.99,
        "punctuated_word": "my",
    }
    (end,) = [one for one in messages if one["type"] == "UtteranceEnd"]
    assert end["last_word_end"] == pytest.approx(1.18)
    assert messages.index(end) > messages.index(final)


@given(chunk=st.integers(1, 900))
def test_the_size_of_messages_changes_nothing(chunk: int) -> None:
    audio = SILENCE * 3 + said("Where is my refund?") + SECOND
    whole, pieces = transcriber(), transcriber()
    expected = whole.feed(audio)
    found = [one for place in range(0, len(audio), chunk) for one in pieces.feed(audio[place : place + chunk])]
    assert found == expected


def test_without_formatting_words_come_bare() -> None:
    options = ListenOptions(encoding="mulaw", endpointing_s=0.3)
    (final,) = results(transcriber(options).feed(said("It's Jane, really!") + SECOND), speech_final=True)
    assert transcript(final) == "it's jane really"
    assert "punctuated_word" not in final["channel"]["alternatives"][0]["words"][0]


def test_the_vendors_default_endpointing_chops_and_false_never_ends() -> None:
    audio = said("One two", 1) + SILENCE * 2 + said("three", 2) + SECOND
    eager = results(transcriber(ListenOptions(encoding="mulaw")).feed(audio), speech_final=True)
    assert [transcript(one) for one in eager] == ["one two", "three"]
    never = transcriber(ListenOptions(encoding="mulaw", endpointing_s=None)).feed(audio + SECOND * 3)
    assert results(never, speech_final=True) == []
    assert [transcript(one) for one in results(never, is_final=True)] == ["one two three"]


def test_a_long_sentence_becomes_final_piece_by_piece() -> None:
    text = (
        "This sentence is so long that it cannot wait for its end because nobody could speak as long as this one does."
    )
    finals = results(transcriber().feed(said(text) + SECOND), is_final=True)
    assert len(finals) == 2
    assert " ".join(transcript(one) for one in finals) == text
    assert [one["speech_final"] for one in finals] == [False, True]
    assert finals[1]["start"] == pytest.approx(finals[0]["duration"], abs=0.001)


def test_silence_is_reported_with_empty_transcripts() -> None:
    messages = transcriber().feed(SECOND * 8)
    assert {transcript(one) for one in messages} == {""}
    assert len(results(messages, is_final=True)) == 2


def test_foreign_sound_is_speech_without_words() -> None:
    messages = transcriber().feed(b"\x10\x90" * (80 * 30) + SECOND)
    assert messages[0]["type"] == "SpeechStarted"
    (final,) = results(messages, speech_final=True)
    assert transcript(final) == ""


def test_finalize_makes_final_what_is_buffered_and_nothing_when_nothing_is() -> None:
    ears = transcriber()
    assert ears.finalize() == []
    ears.feed(said("my order"))
    (final,) = ears.finalize()
    assert (transcript(final), final["is_final"], final["from_finalize"], final["speech_final"]) == (
        "my order",
        True,
        True,
        False,
    )
    assert ears.finalize() == []
    ears.feed(SILENCE)
    (empty,) = ears.finalize()
    assert transcript(empty) == ""


def test_the_end_of_the_stream_brings_the_words_still_open() -> None:
    ears = transcriber()
    ears.feed(said("good b"))
    assert [transcript(one) for one in ears.close()] == ["good b"]
    assert transcriber().close() == []


def test_noise_leaves_only_utterance_end_to_tell_the_turn() -> None:
    messages = transcriber(faults=ListenFaults(never_speech_final=True)).feed(said("Not arrived.") + SECOND * 2)
    assert results(messages, speech_final=True) == []
    assert [one["type"] for one in messages if one["type"] == "UtteranceEnd"] == ["UtteranceEnd"]


def test_a_transcript_in_no_language_stands_for_whatever_was_said() -> None:
    faults = ListenFaults(hears="blorf gib wuzzle")
    finals = results(transcriber(faults=faults).feed(said("Hello there, help!") + SECOND), speech_final=True)
    assert [transcript(one) for one in finals] == ["blorf gib wuzzle"]
    quiet = transcriber(faults=faults).feed(SECOND * 2)
    assert {transcript(one) for one in quiet} == {""}


@pytest.mark.parametrize(
    "query",
    [
        "encoding=mulaw&sample_rate=8k",
        "encoding=wax&sample_rate=8000",
        "encoding=mulaw",
        "interim_results=True",
        "endpointing=soon",
        "language=english",
        "model=nova-9",
        "model=nova-3&keywords=snuffle:2",
        "model=nova-2&keyterm=Kayako",
        "model=nova-3&keyterm=" + "word%20" * 501,
        "channels=2",
        "diarize_model=v2",
        "utterance_end_ms=-1",
    ],
)
def test_parameters_the_vendor_refuses(query: str) -> None:
    with pytest.raises(Refused) as refusal:
        listen_options.read(QueryParams(query))
    assert refusal.value.status == 400


def test_the_telephone_baseline_is_understood() -> None:
    query = (
        "model=nova-3&language=en&encoding=mulaw&sample_rate=8000&channels=1&interim_results=true&endpointing=300"
        "&utterance_end_ms=1000&vad_events=true&smart_format=true&punctuate=true&numerals=true&keyterm=Acme&tag=t"
    )
    options = listen_options.read(QueryParams(query + "&colour=blue"))
    assert options == ListenOptions(
        model="nova-3",
        encoding="mulaw",
        interim_results=True,
        endpointing_s=0.3,
        utterance_end_s=1.0,
        vad_events=True,
        keeps_form=True,
        keyterms=("Acme",),
    )
    assert listen_options.unknown(QueryParams(query + "&colour=blue")) == ["colour"]


@pytest.mark.parametrize(
    "query",
    [
        "model=flux-haley-en&encoding=mulaw",
        "model=aura-2-nobody-en&encoding=mulaw",
        "model=aura-2-thalia-en&encoding=mulaw&sample_rate=44100",
        "model=aura-2-thalia-en&encoding=opus",
        "model=aura-2-thalia-en&encoding=linear16&sample_rate=11025",
    ],
)
def test_voices_and_formats_the_vendor_refuses(query: str) -> None:
    with pytest.raises(Refused) as refusal:
        speak_options.read(QueryParams(query), is_socket=True)
    assert refusal.value.status == 400


def test_the_default_format_of_a_request_is_one_the_lab_cannot_make_and_says_so() -> None:
    with pytest.raises(Refused, match="speaks mulaw and linear16, not mp3"):
        speak_options.read(QueryParams("model=aura-2-thalia-en"), is_socket=False)


@given(st.lists(st.integers(1, 500), max_size=10))
def test_linear_sound_is_heard_whatever_its_chunks(sizes: list[int]) -> None:
    audio = said("Linear.") + SILENCE
    linear, intake, heard = to_linear16(audio, 16000), Intake("linear16", 16000), b""
    for size in [*sizes, len(linear)]:
        heard += intake.take(linear[:size])
        linear = linear[size:]
    assert heard == audio


@pytest.mark.parametrize(("encoding", "rate"), [("opus", 48000), ("mulaw", 16000), ("linear16", 11025), (None, 8000)])
def test_what_cannot_be_decoded_is_refused(encoding: str | None, rate: int) -> None:
    with pytest.raises(Undecodable):
        Intake(encoding, rate).take(b"\x00" * FRAME)


def test_faults_can_be_for_the_next_sockets_only() -> None:
    box = FaultBox(Faults(listen=ListenFaults(sockets=2, refuse=503)))
    assert [box.for_listening().refuse for _ in range(4)] == [503, 503, None, None]
    assert box.for_speaking().refuse is None
    box.set(Faults())
    assert box.now == Faults()
