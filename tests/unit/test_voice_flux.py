"""The turn-taking dialect alone: the vendor's documented and recorded messages, and what they mean to a call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.voice.hearing.dialect import Failed, Garbage
from services.voice.hearing.end_of_turn import Expects, TurnSoFar, Verdict, begin_anew, on_heard, on_time
from services.voice.hearing.flux import Flux, flux
from services.voice.hearing.heard_audio import LONGEST
from services.voice.hearing.ports import Final, Heard, Interim, LikelyEnd, SpeechStarted, WentOn
from services.voice.hearing.timeline import Timeline
from shared.conversation.ports import Expectation
from shared.settings import DeepgramSettings
from tests.virtual_time import LoopClock, on_virtual_time

SETTINGS = DeepgramSettings(deepgram_api_key="lab", deepgram_listen_model="flux-general-en")
ANYTHING = Expects(Expectation.ANYTHING, lambda _: True)


def info(event: str, end: float, text: str, **others: object) -> bytes:
    words = [{"word": word, "confidence": 0.99} for word in text.split()]
    told = {"event": event, "turn_index": 0, "audio_window_start": 0.0, "audio_window_end": end, "transcript": text}
    message = {"type": "TurnInfo", "request_id": "7f0e2c9a", "sequence_id": 1, **told, "words": words, **others}
    return json.dumps(message).encode()


GOLDEN = [
    b'{"type":"Connected","request_id":"7f0e2c9a","sequence_id":0}',
    info("Update", 0.24, "", end_of_turn_confidence=0.0),
    info("StartOfTurn", 0.8, "I need"),
    info("EagerEndOfTurn", 1.6, "I need help"),
    info("TurnResumed", 2.0, "I need help with"),
    info("EagerEndOfTurn", 2.8, "I need help with billing."),
]


def heard(*messages: bytes) -> list[Heard]:
    """What these messages mean, ten seconds of audio having been heard."""

    async def work() -> list[Heard]:
        timeline = Timeline(LoopClock())
        dialect = Flux(timeline)
        dialect.begin()
        timeline.connect(0)
        timeline.hear(bytes(LONGEST))
        return [event for message in messages for event in dialect.understand(message)]

    return on_virtual_time(work())


@pytest.mark.parametrize("trigger", ["model", "timeout", "manual", "something newer"])
def test_the_golden_turn_is_likely_over_goes_on_and_ends(trigger: str) -> None:
    events = heard(*GOLDEN, info("EndOfTurn", 3.0, "I need help with billing.", trigger=trigger))
    assert [type(event) for event in events] == [SpeechStarted, Interim, LikelyEnd, WentOn, Interim, LikelyEnd, Final]
    final = events[-1]
    assert isinstance(final, Final)
    assert (final.text, final.ends_utterance) == ("I need help with billing.", True)
    assert final.spoken_until == pytest.approx(2.8 - 10)  # where the words came to be complete, not the silence after


def test_control_answers_and_newer_messages_mean_nothing() -> None:
    quiet = [
        b'{"type":"ConfigureSuccess","request_id":"7f","sequence_id":7,"thresholds":{"eot_threshold":0.85}}',
        b'{"type":"ConfigureFailure","request_id":"7f","sequence_id":8,"code":"INVALID","description":"rejected"}',
        b'{"type":"Warning","sequence_id":8,"code":"SOMETHING","description":"odd"}',
        b'{"type":"SomethingNew","x":1}',
        info("SomethingNewer", 0.5, ""),
    ]
    assert heard(*quiet) == []


def test_an_error_is_fatal_and_garbage_is_none() -> None:
    with pytest.raises(Failed, match="INTERNAL_SERVER_ERROR"):
        heard(b'{"type":"Error","sequence_id":9,"code":"INTERNAL_SERVER_ERROR","description":"unexpected error"}')
    for garbage in (b'{"type":"TurnInfo","ev', b'{"type":"TurnInfo"}', b"\x00\x01", b"[]"):
        with pytest.raises(Garbage):
            heard(garbage)


def test_a_word_that_noise_was_taken_for_is_nothing_until_a_turn_starts() -> None:
    assert heard(info("Update", 2.6, "The")) == []
    started = heard(info("Update", 2.6, "The"), info("StartOfTurn", 2.9, "This is"))
    assert [type(event) for event in started] == [SpeechStarted, Interim]


def test_only_english_goes_to_the_english_model() -> None:
    german = dict(flux(SETTINGS, "de-DE", "").query)
    assert (german["model"], german["language_hint"]) == ("flux-general-multi", "de")
    english = dict(flux(SETTINGS, "en-GB", "Fernway").query)
    assert (english["model"], english["keyterm"]) == ("flux-general-en", "Fernway")
    assert "language_hint" not in english


@pytest.mark.parametrize("name", ["yes-deepgram-flux.json", "vad-deepgram-flux.json"])
def test_recorded_turns_of_the_vendor_give_back_the_transcript(shared_data: Path, name: str) -> None:
    recorded = json.loads((shared_data / "peer_fixtures" / "stt_events" / name).read_text(encoding="utf-8"))

    async def work() -> list[str]:
        timeline = Timeline(LoopClock())
        dialect = Flux(timeline)
        dialect.begin()
        timeline.connect(0)
        turn, said = TurnSoFar(), []
        for row in recorded["events"]:
            now = row["timestamp"]
            timeline.hear(bytes(int(now * 8000) - timeline.audio.end))
            while (due := turn.due_at) is not None and due < now:
                turn, verdict = on_time(turn, ANYTHING, due)
                assert verdict is Verdict.LISTEN, "we took a turn that the recogniser had not ended"
            for event in dialect.understand(json.dumps(row["data"]).encode()):
                turn, verdict = on_heard(turn, event, ANYTHING, now)
                if verdict is Verdict.OVER:
                    said.append(turn.text)
                    turn = begin_anew(turn)
        return said

    assert on_virtual_time(work()) == [recorded["transcript"]]
