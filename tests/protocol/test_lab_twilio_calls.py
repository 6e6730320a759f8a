"""The stand-in for Twilio: webhooks, TwiML, status callbacks."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from email.utils import parsedate_to_datetime

import msgspec
import pytest
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from lab.speech.encoder import Speaker, encode
from lab.speech.wav import read_wav, wav
from lab.twilio.call import Plan
from lab.twilio.faults import Faults, WebhookFaults
from lab.twilio.interpreter import Given
from lab.twilio.network import NoSuchNumber, PhoneNetwork
from lab.twilio.people import Act, Voice
from lab.twilio.records import FINAL, CallEnded, CallRecord, Heard, VerbStarted, WebhookSent
from lab.twilio.settings import Callee
from lab.twilio.statuses import wanted
from tests.protocol.toy_platform import LINE, Answer, ToyPlatform, over, response, toy_platform, words_in, xml

CALLER = "+12025550123"
SAY = "<Say>Hello there.</Say>"


class Doing:
    """A person who does things at set seconds: says text, presses `#…`, or hangs up at `None`."""

    def __init__(self, *plan: tuple[float, str | None]) -> None:
        self._plan = list(plan)
        self._voice = Voice(Speaker.CALLER)
        self._ticks = 0
        self.heard = b""

    def tick(self, heard: bytes) -> Act:
        self._ticks += 1
        self.heard += heard
        if self._plan and self._ticks >= self._plan[0][0] * 50:
            action = self._plan.pop(0)[1]
            if action is None:
                return Act(hangs_up=True)
            if action[0] == "#":
                return Act(key=action[1:])
            self._voice.say(action)
        return Act(self._voice.frame())


async def called(
    network: PhoneNetwork, *plan: tuple[float, str | None], faults: Faults | None = None, from_number: str = CALLER
) -> CallRecord:
    """A call to the line, when it is over."""
    call = network.call_in(from_number, Doing(*plan), faults=faults)
    return await over(call.record, network)


def verbs(record: CallRecord) -> list[str]:
    return [event.verb for event in record.events if isinstance(event, VerbStarted)]


def heard_words(record: CallRecord) -> list[tuple[str, bool]]:
    return [(event.text, event.is_complete) for event in record.events if isinstance(event, Heard)]


# Webhooks


async def test_the_first_webhook_is_signed_and_complete() -> None:
    async with toy_platform({"/voice": response(SAY)}) as (platform, network):
        record = await called(network)
    (voice,) = platform.of("/voice")
    assert voice.is_signed
    assert voice.method == "POST"
    assert voice.headers["content-type"].startswith("application/x-www-form-urlencoded")
    assert voice.headers["i-twilio-idempotency-token"]
    assert voice.fields["CallSid"] == record.sid
    assert re.fullmatch("CA[0-9a-f]{32}", record.sid)
    assert (voice.fields["CallStatus"], voice.fields["Direction"]) == ("ringing", "inbound")
    assert (voice.fields["From"], voice.fields["Caller"], voice.fields["To"]) == (CALLER, CALLER, LINE)
    assert (voice.fields["CalledCity"], voice.fields["ToZip"], voice.fields["FromCountry"]) == ("", "", "US")
    assert record.heard == ["Hello there."]
    assert (record.status, record.ended_by) == ("completed", "twiml")


async def test_a_withheld_number_arrives_as_text_and_without_geography() -> None:
    async with toy_platform({"/voice": response(SAY)}) as (platform, network):
        await called(network, from_number="anonymous")
    assert platform.of("/voice")[0].fields["From"] == "anonymous"
    assert platform.of("/voice")[0].fields["FromCountry"] == ""


async def test_the_end_is_reported_once_with_seconds_and_minutes() -> None:
    async with toy_platform({"/voice": response(SAY, "<Pause length='3'/>")}) as (platform, network):
        await called(network)
    (status,) = platform.of("/status")
    assert status.is_signed
    assert status.fields["CallStatus"] == "completed"
    assert status.fields["CallDuration"] in ("3", "4")
    assert (status.fields["Duration"], status.fields["SequenceNumber"]) == ("1", "0")
    assert status.fields["CallbackSource"] == "call-progress-events"
    assert parsedate_to_datetime(status.fields["Timestamp"]).tzinfo is not None


async def test_signatures_are_made_for_the_public_address() -> None:
    """As behind a tunnel: https outside without a port, plain http to this desk inside."""
    async with toy_platform({"/voice": response(SAY)}, public="https://support.example") as (platform, network):
        await called(network)
    (voice,) = platform.of("/voice")
    assert voice.is_signed
    assert voice.headers["host"] == "support.example"


async def test_a_number_that_is_not_ours_cannot_be_called() -> None:
    async with toy_platform() as (_, network):
        with pytest.raises(NoSuchNumber):
            network.call_in(CALLER, Doing(), "+19995550000")


async def test_get_webhooks_carry_their_fields_in_the_signed_query() -> None:
    async with toy_platform({"/voice": response(SAY)}, number={"voice_method": "GET"}) as (platform, network):
        record = await called(network)
    (voice,) = platform.of("/voice")
    assert (voice.method, voice.is_signed) == ("GET", True)
    assert voice.fields["CallSid"] == record.sid


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Response(status_code=500), 11200),
        (Response(status_code=404), 11200),
        (Response('{"a": 1}', media_type="application/json"), 12300),
        (Response(b"<Response/>", headers={"content-type": ""}), 12300),
        (RedirectResponse("/voice", 307), 11215),
    ],
)
async def test_a_failing_address_is_replaced_by_the_fallback(answer: Response, code: int) -> None:
    documents: dict[str, Answer] = {"/voice": answer, "/fallback": response("<Say>One moment.</Say>")}
    async with toy_platform(documents, number={"fallback_url": "/fallback"}) as (platform, network):
        record = await called(network)
    (fallback,) = platform.of("/fallback")
    assert fallback.is_signed
    assert (fallback.fields["ErrorCode"], fallback.fields["ErrorUrl"]) == (str(code), f"{platform.public}/voice")
    assert record.heard == ["One moment."]
    assert record.problems == [code]


async def test_without_a_fallback_the_caller_hears_an_apology_and_the_call_ends() -> None:
    async with toy_platform({"/voice": Response(status_code=503)}) as (platform, network):
        record = await called(network)
    assert record.heard == ["We are sorry, an application error has occurred. Goodbye."]
    assert record.status == "completed"
    assert len(platform.of("/status")) == 1


async def test_a_document_that_does_not_parse_kills_the_call_without_a_fallback() -> None:
    documents: dict[str, Answer] = {"/voice": xml("<Response><Say>a\x0bb</Say></Response>"), "/fallback": response(SAY)}
    async with toy_platform(documents, number={"fallback_url": "/fallback"}) as (platform, network):
        record = await called(network)
    assert record.problems == [12100]
    assert platform.of("/fallback") == []


async def test_connections_are_tried_again_and_answers_only_when_asked() -> None:
    tries: list[int] = []

    def flaky(_: dict[str, str]) -> Response:
        tries.append(1)
        return Response(status_code=503) if len(tries) < 3 else xml(response(SAY))

    async with toy_platform({"/voice": flaky}, number={"voice_url": "/voice#rc=2&rp=5xx"}) as (platform, network):
        record = await called(network)
        assert record.heard == ["Hello there."]
        assert len({one.headers["i-twilio-idempotency-token"] for one in platform.of("/voice")}) == 1
        assert all(one.is_signed for one in platform.of("/voice"))
    attempts = [e.attempt for e in record.events if isinstance(e, WebhookSent) and e.purpose == "voice"]
    assert attempts == [1, 2, 3]
    closed = {"voice_url": "http://127.0.0.1:1/voice", "fallback_url": "/fallback"}
    async with toy_platform({"/fallback": response(SAY)}, number=closed) as (platform, network):
        record = await called(network)
        refused = [e.error_code for e in record.events if isinstance(e, WebhookSent) and e.purpose == "voice"]
        assert refused == [11202, 11202]
        assert record.heard == ["Hello there."]


async def test_an_answer_that_comes_too_late_is_none() -> None:
    async def slow(_: dict[str, str]) -> Response:
        await asyncio.sleep(0.5)
        return xml(response(SAY))

    async with toy_platform({"/voice": slow}, number={"voice_url": "/voice#rt=200"}) as (_, network):
        record = await called(network)
        assert record.problems == [11200]
    async with toy_platform({"/voice": slow}, number={"voice_url": "/voice#tt=200&rc=0"}) as (_, network):
        assert (await called(network)).problems == [11203]


async def test_redirects_are_followed_and_a_302_loses_the_form() -> None:
    documents: dict[str, Answer] = {"/voice": RedirectResponse("/moved", 302), "/moved": response(SAY)}
    async with toy_platform(documents) as (platform, network):
        record = await called(network)
    (moved,) = platform.of("/moved")
    assert (moved.method, moved.fields, moved.is_signed) == ("GET", {}, True)
    assert record.heard == ["Hello there."]


async def test_plain_text_is_read_aloud_and_sound_is_played() -> None:
    greeting = encode("A recording.", Speaker.NETWORK)
    documents: dict[str, Answer] = {"/voice": PlainTextResponse("Good & plain")}
    async with toy_platform(documents) as (platform, network):
        assert (await called(network)).heard == ["Good & plain"]
        platform.documents["/voice"] = Response(wav(greeting), media_type="audio/wav")
        assert (await called(network)).heard == ["A recording."]


# Verbs


async def test_words_are_spoken_played_and_paused_in_order() -> None:
    sound = wav(encode("From a file.", Speaker.NETWORK))
    documents: dict[str, Answer] = {
        "/voice": response(
            "<Say loop='2'>Hi.</Say>", "<Pause length='2'/>", "<Play>/file.wav</Play>", "<Hangup/>", SAY
        ),
        "/file.wav": Response(sound, media_type="audio/wav"),
    }
    async with toy_platform(documents) as (_, network):
        record = await called(network)
    assert record.heard == ["Hi.", "Hi.", "From a file."]
    assert verbs(record) == ["Say", "Pause", "Play", "Hangup"]
    began = [event.began_at for event in record.events if isinstance(event, Heard)]
    assert began[2] - began[1] >= 2.0


async def test_what_the_stand_in_cannot_do_it_says() -> None:
    async with toy_platform({"/voice": response("<Enqueue>support</Enqueue>")}) as (platform, network):
        record = await called(network)
        assert record.problems == [0]
        platform.documents["/voice"] = response("<Play>/song.mp3</Play>")
        platform.documents["/song.mp3"] = Response(b"ID3...", media_type="audio/mpeg")
        assert (await called(network)).problems == [0]
        platform.documents["/voice"] = response("<Say> </Say>", "<Shout/>")
        assert (await called(network)).problems == [12200, 13520]


@pytest.mark.parametrize(
    "verb",
    [
        "<Redirect>http://[</Redirect>",
        "<Redirect>http://host:99999/</Redirect>",
        "<Redirect>mailto:somebody</Redirect>",
        "<Redirect>#rc=9</Redirect>",
        "<Redirect/>",
        "<Play>//[</Play>",
        "<Play>/loop</Play>",
        "<Play/>",
        "<Connect/>",
        "<Connect action='http://['><Stream url='wss://['/></Connect>",
        "<Connect><Stream url='wss://host:99999/'/></Connect>",
        "<Connect><Stream/></Connect>",
        "<Connect><ConversationRelay url='wss://['/></Connect>",
        "<Gather timeout='soon'/>",
        "<Gather timeout='1' numDigits='-1' action='::'/>",
        "<Dial/>",
        "<Dial><Number statusCallback='http://['>+12025550180</Number></Dial>",
        "<Dial><Number>1</Number><Number>2</Number></Dial>",
        "<Dial><Conference>room</Conference></Dial>",
        "<Record timeout='1' action='http://['/>",
        "<Pause length='-5'/>",
        "<Say loop='many'>Hi.</Say>",
        "<Say>\U0001f600 \u4f60\u597d</Say>",
    ],
)
async def test_no_document_breaks_the_network(verb: str) -> None:
    documents: dict[str, Answer] = {"/voice": response(verb), "/loop": RedirectResponse("/loop", 307)}
    async with toy_platform(documents, speed=100) as (platform, network):
        record = await called(network, (30.0, None))
        assert record.status == "completed"
        assert 12400 not in record.problems
        assert len(platform.of("/status")) == 1


async def test_keys_are_gathered_and_the_prompt_stops() -> None:
    prompt = "<Say>Please enter your four digit number now, and take your time.</Say>"
    documents: dict[str, Answer] = {
        "/voice": response(f"<Gather numDigits='4' action='/digits'>{prompt}</Gather>", SAY),
        "/digits": response("<Say>Thanks.</Say>"),
    }
    async with toy_platform(documents) as (platform, network):
        record = await called(network, (0.5, "#1"), (0.7, "#2"), (0.9, "#3"), (1.1, "#4"))
    (digits,) = platform.of("/digits")
    assert (digits.fields["Digits"], digits.fields["CallStatus"]) == ("1234", "in-progress")
    cut, thanks = heard_words(record)
    assert cut[1] is False
    assert thanks == ("Thanks.", True)


async def test_speech_is_gathered_with_its_confidence() -> None:
    documents: dict[str, Answer] = {
        "/voice": response("<Gather input='speech' speechTimeout='auto' action='/said'/>"),
        "/said": response(),
    }
    async with toy_platform(documents) as (platform, network):
        record = await called(network, (0.5, "I want to talk to a person"))
    (said,) = platform.of("/said")
    assert said.fields["SpeechResult"] == "I want to talk to a person"
    assert 0 < float(said.fields["Confidence"]) <= 1
    assert record.said == ["I want to talk to a person"]


async def test_without_input_the_next_verb_follows_or_the_action_when_wanted() -> None:
    documents: dict[str, Answer] = {
        "/voice": response("<Gather timeout='1' action='/digits'/>", SAY),
        "/digits": response(),
    }
    async with toy_platform(documents) as (platform, network):
        assert (await called(network)).heard == ["Hello there."]
        assert platform.of("/digits") == []
        platform.documents["/voice"] = response(
            "<Gather timeout='1' actionOnEmptyResult='true' action='/digits'/>", SAY
        )
        assert (await called(network)).heard == []
        assert platform.of("/digits")[0].fields["Digits"] == ""


DIAL = "<Dial action='/dialled' timeout='10'><Number statusCallback='/leg' statusCallbackEvent='{}'>{}</Number></Dial>"
EVERY = "initiated ringing answered completed"


@pytest.mark.parametrize(
    ("callee", "outcome", "bridged"),
    [
        (Callee(talks_for_s=2, says="Colleague here."), "completed", "true"),
        (Callee(outcome="busy"), "busy", "false"),
        (Callee(outcome="failed"), "failed", "false"),
        (Callee(answers_after_s=20), "no-answer", "false"),
        (None, "no-answer", "false"),
    ],
)
async def test_a_number_is_dialled_with_a_scripted_outcome(callee: Callee | None, outcome: str, bridged: str) -> None:
    documents: dict[str, Answer] = {
        "/voice": response(DIAL.format(EVERY, "+12025550180"), "<Say>Never said.</Say>"),
        "/dialled": response("<Say>Goodbye.</Say>"),
        "/leg": Response(status_code=204),
    }
    callees = {"+12025550180": callee} if callee else {}
    async with toy_platform(documents, callees=callees, speed=40) as (platform, network):
        record = await called(network)
    (dialled,) = platform.of("/dialled")
    assert (dialled.fields["DialCallStatus"], dialled.fields["DialBridged"]) == (outcome, bridged)
    assert dialled.fields["CallSid"] == record.sid
    assert ("DialCallDuration" in dialled.fields) == (bridged == "true")
    states = [leg.fields["CallStatus"] for leg in platform.of("/leg")]
    assert states == (["initiated", "ringing", "in-progress", "completed"] if bridged == "true" else states)
    assert states[-1] == outcome
    assert {leg.fields["ParentCallSid"] for leg in platform.of("/leg")} == {record.sid}
    assert record.heard[-1] == "Goodbye."
    assert ("Colleague here." in record.heard) == (bridged == "true")


async def test_two_people_put_through_hear_each_other() -> None:
    colleague = Doing((0.5, "How can I help?"), (4.0, None))
    documents: dict[str, Answer] = {"/voice": response("<Dial>+12025550180</Dial>", SAY)}
    callees = {"+12025550180": Callee(answers_after_s=1, make_person=lambda: colleague)}
    async with toy_platform(documents, callees=callees) as (_, network):
        record = await called(network, (2.5, "My line is dead."))
    assert record.heard == ["How can I help?", "Hello there."]
    assert words_in(colleague.heard) == ["My line is dead."]


async def test_a_caller_who_leaves_during_a_transfer_ends_it_and_the_action_is_still_told() -> None:
    documents: dict[str, Answer] = {
        "/voice": response("<Dial action='/dialled'>+12025550180</Dial>"),
        "/dialled": response(SAY),
    }
    async with toy_platform(documents, callees={"+12025550180": Callee(talks_for_s=60)}) as (platform, network):
        record = await called(network, (4.0, None))
    (dialled,) = platform.of("/dialled")
    assert (dialled.fields["CallStatus"], dialled.fields["DialCallStatus"]) == ("completed", "completed")
    assert record.ended_by == "caller"
    assert "Hello there." not in record.heard


async def test_what_is_left_after_the_beep_is_recorded() -> None:
    documents: dict[str, Answer] = {
        "/voice": response("<Record action='/left' maxLength='30' timeout='2' recordingStatusCallback='/kept'/>"),
        "/left": response("<Say>Thank you.</Say>"),
        "/kept": Response(status_code=204),
    }
    async with toy_platform(documents) as (platform, network):
        record = await called(network, (1.0, "Please call me back."))
        (left,) = platform.of("/left")
        assert left.fields["RecordingUrl"].endswith(left.fields["RecordingSid"])
        recording = network.recording(left.fields["RecordingSid"])
    assert recording is not None
    assert words_in(read_wav(recording)) == ["Please call me back."]
    assert left.fields["RecordingDuration"] == "4"
    (kept,) = platform.of("/kept")
    assert (kept.fields["RecordingStatus"], kept.fields["RecordingSource"]) == ("completed", "RecordVerb")
    assert record.heard == ["Thank you."]


async def test_a_caller_who_hangs_up_while_recording_leaves_what_they_said() -> None:
    documents: dict[str, Answer] = {"/voice": response("<Record action='/left'/>"), "/left": response()}
    async with toy_platform(documents) as (platform, network):
        await called(network, (0.5, "Call me."), (2.0, None))
    (left,) = platform.of("/left")
    assert (left.fields["Digits"], left.fields["CallStatus"]) == ("hangup", "completed")


async def test_redirect_goes_on_elsewhere_and_nothing_behind_it_is_done() -> None:
    documents: dict[str, Answer] = {
        "/voice": response("<Redirect>/next</Redirect>", SAY),
        "/next": response("<Say>Elsewhere.</Say>"),
    }
    async with toy_platform(documents) as (platform, network):
        record = await called(network)
    assert record.heard == ["Elsewhere."]
    assert platform.of("/next")[0].fields["CallStatus"] == "in-progress"


@pytest.mark.parametrize(("reason", "status"), [("busy", "busy"), ("rejected", "no-answer")])
async def test_a_call_can_be_rejected_before_it_is_answered(reason: str, status: str) -> None:
    async with toy_platform({"/voice": response(f"<Reject reason='{reason}'/>", SAY)}) as (platform, network):
        record = await called(network)
    assert (record.status, record.answered_at, record.heard) == (status, None, [])
    assert platform.of("/status")[0].fields["CallStatus"] == status


async def test_an_empty_document_hangs_up() -> None:
    async with toy_platform({"/voice": response()}) as (_, network):
        record = await called(network)
    assert (record.status, record.problems) == ("completed", [])


# Outbound calls and status callbacks


def outbound(platform: ToyPlatform, *states: str) -> Plan:
    return Plan(
        first=Given(response(SAY)),
        status_callback=f"{platform.public}/status",
        status_states=wanted(states) if states else frozenset(FINAL),
    )


async def test_an_outbound_call_reports_its_progress_in_order() -> None:
    callees = {CALLER: Callee(answers_after_s=1, make_person=lambda: Doing((5.0, None)))}
    async with toy_platform(callees=callees) as (platform, network):
        call = network.call_out(LINE, CALLER, outbound(platform, "initiated", "ringing", "answered", "completed"))
        await over(call.record, network)
    reports = [one.fields for one in platform.of("/status")]
    assert [one["CallStatus"] for one in reports] == ["initiated", "ringing", "in-progress", "completed"]
    assert [one["SequenceNumber"] for one in reports] == ["0", "1", "2", "3"]
    assert "CallDuration" not in reports[2]
    assert call.record.heard == ["Hello there."]


@pytest.mark.parametrize(
    ("callee", "status"),
    [(Callee(outcome="busy"), "busy"), (Callee(outcome="failed"), "failed"), (None, "no-answer")],
)
async def test_an_outbound_call_nobody_takes(callee: Callee | None, status: str) -> None:
    async with toy_platform(callees={CALLER: callee} if callee else {}, speed=100) as (platform, network):
        call = network.call_out(LINE, CALLER, outbound(platform))
        record = await over(call.record, network)
    assert record.status == status
    assert [one.fields["CallStatus"] for one in platform.of("/status")] == [status]
    assert "CallDuration" not in platform.of("/status")[0].fields


async def test_webhook_faults_repeat_lose_delay_and_forge() -> None:
    documents: dict[str, Answer] = {"/voice": response(SAY)}
    async with toy_platform(documents) as (platform, network):

        async def after(**faults: object) -> list[str]:
            platform.received.clear()
            await called(network, faults=Faults(webhooks=msgspec.convert(faults, WebhookFaults)))
            return [one.path for one in platform.received]

        assert await after(repeats=3) == ["/voice"] * 4 + ["/status"]
        assert len({one.headers["i-twilio-idempotency-token"] for one in platform.of("/voice")}) == 1
        assert await after(status_repeats=2) == ["/voice", "/status", "/status", "/status"]
        assert await after(status_lost=True) == ["/voice"]
        await after(wrong_signature=True)
        assert not any(one.is_signed for one in platform.received)
        plan = replace(outbound(platform, "initiated", "ringing", "completed"), ring_s=1.0)
        platform.received.clear()
        network.faults.set(Faults(webhooks=WebhookFaults(status_backwards=True)))
        call = network.call_out(LINE, CALLER, plan)
        await over(call.record, network)
        assert [one.fields["CallStatus"] for one in platform.received] == ["no-answer", "ringing", "initiated"]


async def test_a_status_callback_that_fails_is_only_a_warning() -> None:
    documents: dict[str, Answer] = {"/voice": response(SAY), "/status": Response(status_code=500)}
    async with toy_platform(documents) as (_, network):
        record = await called(network)
    assert (record.status, record.problems) == ("completed", [15003])


async def test_a_person_who_breaks_does_not_hang_the_call() -> None:
    class Broken:
        def tick(self, heard: bytes) -> Act:
            raise ValueError(len(heard))

    async with toy_platform({"/voice": response(SAY)}) as (_, network):
        record = await over(network.call_in(CALLER, Broken()).record, network)
    assert (record.ended_by, record.problems) == ("error", [12400])
    assert isinstance(record.events[-1], CallEnded)


async def test_closing_the_network_ends_its_calls() -> None:
    async with toy_platform({"/voice": response("<Pause length='600'/>")}, speed=1) as (platform, network):
        call = network.call_in(CALLER, Doing())
        async with asyncio.timeout(5):
            async for event in call.follow():
                if isinstance(event, VerbStarted):
                    break
        await network.close()
        assert call.over.is_set()
        assert [one.fields["CallStatus"] for one in platform.of("/status")] == ["completed"]
