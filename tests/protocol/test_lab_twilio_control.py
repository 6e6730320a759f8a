"""The stand-in for Twilio: machine detection, whispers, recordings; asked and told by the vendor's own SDK."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.twiml.voice_response import Dial, Gather, Start, VoiceResponse

from lab.speech.mulaw import FRAME
from lab.twilio.people import Colleague
from lab.twilio.records import Heard
from lab.twilio.settings import DETECTED_S, Callee
from tests.protocol.test_lab_twilio_calls import Doing
from tests.protocol.test_lab_twilio_rest import CALLER, Rest, rest
from tests.protocol.toy_platform import LINE, over, response, toy_platform

COLLEAGUE = "+12025550177"
GREETING = "You have reached nobody. Please speak after the tone."


def whispering(**attributes: Any) -> str:
    document = VoiceResponse()
    dial = Dial(action="/dialled", timeout=10)
    dial.number(COLLEAGUE, url="/whisper", **attributes)
    document.append(dial)
    return str(document)


def asking() -> str:
    document = VoiceResponse()
    gather = Gather(num_digits=1, timeout=2, action="/pressed")
    gather.say("A caller waits. Press 1 to take the call.")
    document.append(gather)
    document.hangup()
    return str(document)


async def placed(r: Rest, **asked: Any) -> Any:
    r.platform.documents["/outbound"] = response("<Say>It is us.</Say>", "<Pause length='20'/>")
    return await r.ask(r.client.calls.create, to=CALLER, from_=LINE, url=f"{r.platform.public}/outbound", **asked)


MACHINE = Callee(answers_after_s=1, picks_up="machine", says=GREETING)
HUMAN = Callee(answers_after_s=1, make_person=lambda: Doing((5.0, None)))


@pytest.mark.parametrize(
    ("callee", "detection", "answered_by", "after_ms"),
    [
        (MACHINE, "Enable", "machine_start", round(DETECTED_S * 1000)),
        (MACHINE, "DetectMessageEnd", "machine_end_beep", 2620),
        (HUMAN, "Enable", "human", round(DETECTED_S * 1000)),
        (Callee(answers_after_s=1, picks_up="fax"), "Enable", "fax", round(DETECTED_S * 1000)),
    ],
)
async def test_machine_detection_beside_the_call(
    callee: Callee, detection: str, answered_by: str, after_ms: int
) -> None:
    async with rest(callees={CALLER: callee}, speed=20) as r:
        created = await placed(
            r,
            machine_detection=detection,
            async_amd="true",
            async_amd_status_callback=f"{r.platform.public}/machine",
        )
        await r.until(lambda: r.platform.of("/machine"))
        (told,) = r.platform.of("/machine")
        assert told.is_signed
        assert set(told.fields) == {"AccountSid", "CallSid", "AnsweredBy", "MachineDetectionDuration"}
        assert (told.fields["CallSid"], told.fields["AnsweredBy"]) == (created.sid, answered_by)
        assert int(told.fields["MachineDetectionDuration"]) == after_ms
        assert "AnsweredBy" not in r.platform.of("/outbound")[0].fields
        assert (await r.ask(r.client.calls(created.sid).fetch)).answered_by == answered_by
        call = r.network.call(created.sid)
        assert call is not None
        call.hang_up()
        await over(call.record, r.network)


async def test_machine_detection_before_the_first_document() -> None:
    async with rest(callees={CALLER: MACHINE}, speed=20) as r:
        created = await placed(r, machine_detection="Enable")
        await r.until(lambda: r.platform.of("/outbound"))
        assert r.platform.of("/outbound")[0].fields["AnsweredBy"] == "machine_start"
        await r.ask(r.client.calls(created.sid).update, status="completed")
        with pytest.raises(TwilioRestException):
            await placed(r, machine_detection="Always")


@pytest.mark.parametrize(
    ("presses", "answer", "bridged"),
    [("1", response(), "true"), ("2", response("<Hangup/>"), "false"), (None, response(), "false")],
    ids=["taken", "declined", "nobody presses"],
)
async def test_whoever_is_dialled_hears_the_numbers_own_document_first(
    presses: str | None, answer: str, bridged: str
) -> None:
    callee = Callee(answers_after_s=1, talks_for_s=4, says="Hello, hello, a colleague here.", presses=presses)
    documents: dict[str, Any] = {
        "/voice": whispering(),
        "/whisper": asking(),
        "/pressed": answer,
        "/dialled": response(),
    }
    async with toy_platform(documents, callees={COLLEAGUE: callee}) as (platform, network):
        call = network.call_in(CALLER, Doing())
        record = await over(call.record, network)
    (leg,) = call.children
    heard = [event.text for event in leg.events if isinstance(event, Heard)]
    assert heard[0].startswith("A caller waits.")
    assert "waits" not in " ".join(record.heard)
    assert record.heard[-1:] == [] if bridged == "false" else "colleague here." in record.heard[-1]
    (whisper,) = platform.of("/whisper")
    assert (whisper.fields["CallSid"], whisper.fields["ParentCallSid"]) == (leg.sid, record.sid)
    (dialled,) = platform.of("/dialled")
    assert (dialled.fields["DialBridged"], dialled.fields["DialCallStatus"]) == (bridged, "completed")
    assert ("DialCallDuration" in dialled.fields) == (bridged == "true")


async def test_a_person_who_hangs_up_while_they_are_told_is_not_put_through() -> None:
    callee = Callee(answers_after_s=1, make_person=lambda: Colleague("What?", 0.5))
    documents: dict[str, Any] = {"/voice": whispering(), "/whisper": asking(), "/dialled": response()}
    async with toy_platform(documents, callees={COLLEAGUE: callee}) as (platform, network):
        await over(network.call_in(CALLER, Doing()).record, network)
    assert platform.of("/dialled")[0].fields["DialBridged"] == "false"


async def test_a_call_is_recorded_on_two_channels_and_listed() -> None:
    document = VoiceResponse()
    start = Start()
    start.recording(
        channels="dual", track="both", recording_status_callback="/kept", recording_status_callback_event="completed"
    )
    document.append(start)
    document.say("Hello there.")
    async with rest() as r:
        r.platform.documents |= {"/voice": str(document), "/kept": response()}
        call = r.network.call_in(CALLER, Doing((0.1, "Good day.")))
        record = await over(call.record, r.network)
        (kept,) = r.platform.of("/kept")
        assert (kept.fields["RecordingSource"], kept.fields["RecordingChannels"]) == ("StartCallRecordingTwiML", "2")
        sid = kept.fields["RecordingSid"]
        fetched = await r.ask(r.client.recordings(sid).fetch)
        assert (fetched.call_sid, fetched.channels, fetched.status) == (record.sid, 2, "completed")
        listed = await r.ask(r.client.recordings.list, call_sid=record.sid)
        of_call = await r.ask(r.client.calls(record.sid).recordings.list)
        assert [one.sid for one in listed] == [one.sid for one in of_call] == [sid]
        assert await r.ask(r.client.recordings.list, call_sid="CA" + "9" * 32) == []
        sound = r.network.recording(sid)
        assert sound is not None
        samples = sound[sound.index(b"data") + 8 :]
        caller, network = samples[0::2], samples[1::2]
        assert len(caller) == len(network)
        assert len(caller) % FRAME == 0
        assert caller.strip(b"\xff")
        assert network.strip(b"\xff")
        assert await r.ask(r.client.recordings(sid).delete)
        with pytest.raises(TwilioRestException):
            await r.ask(r.client.recordings(sid).fetch)
    assert record.problems == []
