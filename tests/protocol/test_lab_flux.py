"""The stand-in for Deepgram's turn-taking protocol, as the vendor's SDK and a bare socket see it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from deepgram.listen.v2.types import ListenV2Configure, ListenV2ConfigureThresholds
from websockets.exceptions import InvalidStatus

from lab.deepgram.faults import Faults, ListenFaults
from lab.deepgram.flux_options import Thresholds
from lab.deepgram.turn_taker import TurnTaker
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import SILENCE
from tests.protocol.test_lab_deepgram import KEY, all_of, bench, texts_until

# The vendor's SDK builds on deprecated parts of websockets.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

PAUSE = SILENCE * 9
"""180 ms: enough for a likely end, not for a sure one."""
SECOND = SILENCE * 50
FLUX = "/v2/listen?model=flux-general-en&encoding=mulaw&sample_rate=8000&eager_eot_threshold=0.5"
TURN_INFO = {
    "type",
    "request_id",
    "sequence_id",
    "event",
    "turn_index",
    "audio_window_start",
    "audio_window_end",
    "transcript",
    "words",
    "end_of_turn_confidence",
}


def said(text: str, utterance: int = 0) -> bytes:
    return encode(text, Speaker.CALLER, utterance)


def events_of(thresholds: Thresholds, sound: bytes, **faults: Any) -> list[tuple[str, str]]:
    """Every change of state with its transcript; updates left out."""
    told = TurnTaker(thresholds, ListenFaults(**faults)).feed(sound)
    return [(event["event"], event["transcript"]) for event in told if event["event"] != "Update"]


async def test_sdk_hears_a_turn_that_was_likely_over_go_on_and_end() -> None:
    async with bench() as b, httpx.AsyncClient(verify=False) as http:
        listening = b.sdk(http).listen.v2.connect(
            model="flux-general-en", encoding="mulaw", sample_rate=8000, eager_eot_threshold=0.5, keyterm=["Fernway"]
        )
        async with listening as socket:
            first = await socket.recv()
            assert first.type == "Connected"
            await socket.send_media(said("I need help.") + PAUSE + said("With billing.", 1) + SECOND)
            turn: list[Any] = []
            while not turn or turn[-1].event != "EndOfTurn":
                turn.append(await socket.recv())
            thresholds = ListenV2ConfigureThresholds(eot_threshold=0.85, eot_timeout_ms=8000)
            await socket.send_configure(ListenV2Configure(thresholds=thresholds, keyterms=["invoice"]))
            while (answer := await socket.recv()).type != "ConfigureSuccess":
                pass
            await socket.send_close_stream()
    assert {type(one).__name__ for one in turn} == {"ListenV2TurnInfo"}
    changes = [(one.event, one.transcript) for one in turn if one.event != "Update"]
    assert [event for event, _ in changes] == [
        "StartOfTurn",
        "EagerEndOfTurn",
        "TurnResumed",
        "EagerEndOfTurn",
        "EndOfTurn",
    ]
    assert [text for event, text in changes if event == "EagerEndOfTurn"] == [
        "I need help.",
        "I need help. With billing.",
    ]
    assert (turn[-1].trigger, turn[-1].transcript) == ("model", "I need help. With billing.")
    assert answer.thresholds.eot_threshold == 0.85
    assert answer.keyterms == ["invoice"]


async def test_messages_have_the_golden_shape_and_are_numbered() -> None:
    async with bench() as b, b.socket(FLUX) as socket:
        await socket.send(SECOND + said("Good day.") + SECOND)
        await socket.send('{"type":"CloseStream"}')
        messages = [json.loads(one) for one in await all_of(socket)]
        assert socket.close_code == 1000
    assert messages[0].keys() == {"type", "request_id", "sequence_id"}
    assert [one["sequence_id"] for one in messages] == list(range(len(messages)))
    quiet = messages[1]
    assert (quiet["event"], quiet["transcript"], quiet["audio_window_end"]) == ("Update", "", 0.24)
    for one in messages[1:]:
        assert one.keys() - {"trigger"} == TURN_INFO
        assert ("trigger" in one) == (one["event"] == "EndOfTurn")
    after = messages[[one.get("event") for one in messages].index("EndOfTurn") + 1]
    assert after["turn_index"] == 1
    assert after["audio_window_start"] > 1


async def test_recorded_messages_of_the_vendor_have_the_fields_of_ours(shared_data: Any) -> None:
    recorded = json.loads((shared_data / "peer_fixtures/stt_events/vad-deepgram-flux.json").read_text())
    for row in recorded["events"]:
        if row["event_type"] == "TurnInfo":
            assert row["data"].keys() - {"trigger"} == TURN_INFO


def test_a_turn_ends_by_confidence_by_silence_or_by_order() -> None:
    assert events_of(Thresholds(), said("Yes.") + SECOND) == [("StartOfTurn", "Yes."), ("EndOfTurn", "Yes.")]
    unfinished = said("My number is") + SECOND * 4
    assert events_of(Thresholds(), unfinished) == [("StartOfTurn", "My")]
    assert events_of(Thresholds(eot_timeout_ms=3000), unfinished)[-1] == ("EndOfTurn", "My number is")
    by_hand = TurnTaker(Thresholds(eot_threshold=1.0), ListenFaults())
    by_hand.feed(said("Yes.") + SECOND)
    (end,) = by_hand.force()
    assert (end["event"], end["trigger"], end["transcript"]) == ("EndOfTurn", "manual", "Yes.")
    assert by_hand.force() == []


def test_without_a_threshold_nothing_is_likely() -> None:
    sound = said("I need help.") + PAUSE + said("With billing.", 1) + SECOND
    assert "EagerEndOfTurn" not in {event for event, _ in events_of(Thresholds(), sound)}


@pytest.mark.parametrize(
    "query",
    [
        "encoding=mulaw&sample_rate=8000",
        "model=nova-3&encoding=mulaw&sample_rate=8000",
        "model=flux-general-en&encoding=mulaw&sample_rate=11025",
        "model=flux-general-en&encoding=mulaw&sample_rate=8000&eot_threshold=0.4",
        "model=flux-general-en&encoding=mulaw&sample_rate=8000&eager_eot_threshold=0.8",
        "model=flux-general-en&encoding=mulaw&sample_rate=8000&eot_timeout_ms=100",
        "model=flux-general-en&encoding=mulaw&sample_rate=8000&eot_threshold=high",
        "model=flux-general-en&encoding=mulaw&sample_rate=8000&language_hint=de",
    ],
)
async def test_refused_upgrades(query: str) -> None:
    async with bench() as b:
        with pytest.raises(InvalidStatus) as refusal:
            await b.socket(f"/v2/listen?{query}", KEY)
    assert refusal.value.response.status_code == 400


async def test_bad_messages_and_thresholds_are_answered() -> None:
    async with bench() as b, b.socket(FLUX) as socket:
        await texts_until(socket, "Connected")
        for wrong in ({"eot_threshold": 2.0}, {"patience": 1}):
            await socket.send(json.dumps({"type": "Configure", "thresholds": wrong}))
            (failure,) = await texts_until(socket, "ConfigureFailure")
            assert failure["code"] == "INVALID"
        await socket.send('{"type":"KeepAlive"}')  # of the other protocol
        (error,) = await texts_until(socket, "Error")
        assert error["code"]
        assert await all_of(socket) == []
        assert b.lab.counts["flux_bad_message"] == 1


async def test_a_stream_that_stalls_stays_open() -> None:
    faults = Faults(listen=ListenFaults(stalls_after_characters=5))
    async with bench(faults=faults) as b, b.socket(FLUX) as socket:
        await socket.send(said("Good day to you.") + SECOND)
        assert len(await texts_until(socket, "Connected")) == 1
        await socket.send(SECOND)
        pong = await socket.ping()
        await pong
        assert socket.close_code is None
