"""Twilio's own form posts, signed for our addresses, through the whole gateway."""

from __future__ import annotations

from urllib.parse import parse_qsl

import httpx
import pytest

from shared.contracts.calls import CallStatus
from shared.contracts.conversations import Outcome
from tests.gateway_house import PUBLIC, House, form_headers, spoken, verbs
from tests.protocol.gateway.golden_posts import BODIES, CALL_SID

VOICE, AFTER, DIALLED = "/twilio/voice", "/twilio/voice/after?generation=1", "/twilio/voice/after/dial"
FALLBACK, STATUS = "/twilio/voice/fallback", "/twilio/status"


async def replay(house: House, name: str, path: str) -> httpx.Response:
    """The body byte for byte as documented; only the address, and with it the signature, is ours."""
    fields = dict(parse_qsl(BODIES[name], keep_blank_values=True))
    return await house.http.post(path, content=BODIES[name], headers=form_headers(PUBLIC + path, fields))


async def test_a_call_from_its_first_request_to_its_end(house: House) -> None:
    await house.agent("+18005550101")
    assert verbs(await replay(house, "G1", VOICE)) == ["Connect", "Redirect"]
    assert (await replay(house, "G5", STATUS)).status_code == 204
    assert (await replay(house, "G6", STATUS)).status_code == 204
    call = await house.call(CALL_SID)
    assert call is not None
    assert (call.status, call.duration_seconds) == (CallStatus.COMPLETED, 82)
    assert call.answered_at is not None
    assert (await house.conversation(CALL_SID)).closed_at is not None


async def test_the_fallback_speaks_although_the_first_request_never_came(house: House) -> None:
    await house.agent("+18005550101")
    answered = await replay(house, "G2", FALLBACK)
    assert verbs(answered) == ["Say", "Hangup"]
    assert "call you back" in spoken(answered)
    assert (await house.conversation(CALL_SID)).outcome == Outcome.REFUSED


@pytest.mark.parametrize("name", ["G3", "G4", "G10", "G11", "G12"])
async def test_fields_we_do_not_know_disturb_nothing(house: House, name: str) -> None:
    await house.agent("+18005550101")
    await replay(house, "G1", VOICE)
    assert verbs(await replay(house, name, AFTER)) == ["Connect", "Redirect"]


async def test_a_caller_who_hung_up_is_not_connected_again(house: House) -> None:
    await house.agent("+18005550101")
    await replay(house, "G1", VOICE)
    assert verbs(await replay(house, "G13", AFTER)) == ["Hangup"]
    call = await house.call(CALL_SID)
    assert call is not None
    assert call.stream_generation == 1


async def test_nobody_answered_the_dial(house: House) -> None:
    await house.agent("+18005550101", transfer_number="+18005550199")
    await replay(house, "G1", VOICE)
    await house.set_call(CALL_SID, media_state="finished", next_step="transfer")
    assert verbs(await replay(house, "G3", AFTER)) == ["Say", "Dial"]
    assert "nobody is free" in spoken(await replay(house, "G9", DIALLED))
    assert (await house.conversation(CALL_SID)).outcome == Outcome.FOLLOW_UP


async def test_a_status_without_a_status_changes_nothing(house: House) -> None:
    await house.agent("+18005550101")
    await replay(house, "G1", VOICE)
    assert (await replay(house, "G7", STATUS)).status_code == 204
    call = await house.call(CALL_SID)
    assert call is not None
    assert call.status == CallStatus.RINGING
