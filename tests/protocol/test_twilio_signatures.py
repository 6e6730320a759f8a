"""Our check of Twilio's signatures against other people's vectors, the documented ones, and every small lie."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from shared.security.twilio_signature import TwilioSignature, form_fields

DOCUMENTED = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675310",
    "Digits": "1234",
    "From": "+14158675310",
    "To": "+18005551212",
}
DOCUMENTED_URL = "https://example.com/myapp.php?foo=1&bar=2"
INCOMING = (
    "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01&CallSid=CA00000000000000000000000000000000"
    "&CallStatus=ringing&Called=%2B18005550101&CalledCity=&CalledCountry=US&CalledState=CA&CalledZip="
    "&Caller=%2B18005550100&CallerCity=SAN+FRANCISCO&CallerCountry=US&CallerState=CA&CallerZip=94105&Direction=inbound"
    "&From=%2B18005550100&FromCity=SAN+FRANCISCO&FromCountry=US&FromState=CA&FromZip=94105&To=%2B18005550101&ToCity="
    "&ToCountry=US&ToState=CA&ToZip="
)
INCOMING_URL = "https://example.com/voice/incoming"
INCOMING_SIGNATURE = "hQq+dxJ2ixUt+tbLwv7sxwrJWNk="
TOKEN = "test_auth_token"
WHATSAPP = (
    "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01&Body=Caf%C3%A9+at+5+%2B+tip"
    "&From=whatsapp%3A%2B18005550100&MediaContentType0=image%2Fjpeg&MediaUrl0=https%3A%2F%2Fapi.twilio.com%2F2010-04-01"
    "%2FAccounts%2FAC00000000000000000000000000000000%2FMessages%2FMM00000000000000000000000000000000%2FMedia"
    "%2FME00000000000000000000000000000000&MessageSid=MM00000000000000000000000000000000&MessageType=image&NumMedia=1"
    "&NumSegments=1&ProfileName=Zo%C3%AB&ReferralNumMedia=0&SmsMessageSid=MM00000000000000000000000000000000"
    "&SmsSid=MM00000000000000000000000000000000&SmsStatus=received&To=whatsapp%3A%2B18005550101&WaId=18005550100"
)
JSON_URL = "https://example.com/hook?bodySHA256=93a23971a914e5eacbf0a8d25154cda309c3c1c72fbb9914d47c60f3cb681588"
JSON_SIGNATURE = "CG6JbAQ4j/yoTFn8itrSzulXFDc="


def test_vectors_of_five_sdks_are_accepted_or_refused_as_marked(shared_data: Path) -> None:
    lines = (shared_data / "peer_fixtures/twilio_signatures.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) >= 11
    verdicts = {}
    for row in rows:
        check = TwilioSignature(row["token"])
        if row["body"] is not None:
            verdict = check.signs_json(row["url"], row["body"].encode(), row["signature"])
        elif row["url"].startswith(("ws:", "wss:")):
            verdict = check.signs_socket(row["url"], row["signature"])
        else:
            verdict = check.signs_form(row["url"], row["params"] or {}, row["signature"])
        verdicts[row["name"]] = verdict
    assert verdicts == {row["name"]: row["valid"] for row in rows}


@pytest.mark.parametrize(
    ("token", "url", "body", "signature"),
    [
        ("12345", DOCUMENTED_URL, urlencode(DOCUMENTED), "L/OH5YylLD5NRKLltdqwSvS0BnU="),
        ("12345", DOCUMENTED_URL, urlencode({**DOCUMENTED, "CallerName": ""}), "s5FAtmKhTrT6WqGnKxXyGSpLJCI="),
        (TOKEN, INCOMING_URL, INCOMING, INCOMING_SIGNATURE),
        (
            TOKEN,
            f"{INCOMING_URL}?CallSid=CA00000000000000000000000000000000&From=%2B18005550100",
            "",
            "MMeygMxkfrEtxowZXMKZSneAaIc=",
        ),
        (TOKEN, "https://example.com/messaging/incoming", WHATSAPP, "mkOabHaae0TCUIz7yCuAyqhsAmI="),
    ],
)
def test_documented_requests_are_accepted(token: str, url: str, body: str, signature: str) -> None:
    assert TwilioSignature(token).signs_form(url, form_fields(body), signature)


@pytest.mark.parametrize(
    ("url", "body", "signature"),
    [
        (INCOMING_URL, INCOMING, ""),
        (INCOMING_URL, INCOMING, "hQq+dxJ2ixUt+tbLwv7sxwrJWNk"),
        (INCOMING_URL, INCOMING, INCOMING_SIGNATURE.lower()),
        (INCOMING_URL, INCOMING, "é" * 28),
        (INCOMING_URL.replace("https", "http"), INCOMING, INCOMING_SIGNATURE),
        (INCOMING_URL + "/", INCOMING, INCOMING_SIGNATURE),
        (INCOMING_URL + "?a=1", INCOMING, INCOMING_SIGNATURE),
        (INCOMING_URL + "#rc=2", INCOMING, INCOMING_SIGNATURE),
        (INCOMING_URL.replace("example", "example2"), INCOMING, INCOMING_SIGNATURE),
        (INCOMING_URL, INCOMING.replace("&ToZip=", ""), INCOMING_SIGNATURE),  # the blank field is part of it
        (INCOMING_URL, INCOMING.replace("FRANCISCO", "FRANCISCO+"), INCOMING_SIGNATURE),
        (INCOMING_URL, INCOMING + "&CallStatus=completed", INCOMING_SIGNATURE),
        (INCOMING_URL, INCOMING + "&extra=", INCOMING_SIGNATURE),
        (INCOMING_URL, "", INCOMING_SIGNATURE),
    ],
)
def test_anything_else_is_refused(url: str, body: str, signature: str) -> None:
    assert not TwilioSignature(TOKEN).signs_form(url, form_fields(body), signature)


@given(place=st.integers(0, len(INCOMING) - 1), bit=st.integers(0, 6))
def test_one_changed_bit_of_the_body_is_refused(place: int, bit: int) -> None:
    character = chr(ord(INCOMING[place]) ^ 1 << bit)
    changed = INCOMING[:place] + character + INCOMING[place + 1 :]
    try:
        fields = form_fields(changed)
    except ValueError:
        return  # no form at all: refused before any signature is looked at
    if fields != form_fields(INCOMING):
        assert not TwilioSignature(TOKEN).signs_form(INCOMING_URL, fields, INCOMING_SIGNATURE)


@given(place=st.integers(0, len(INCOMING_SIGNATURE) - 2), other=st.sampled_from("ABCxyz019+/"))
def test_one_changed_character_of_the_signature_is_refused(place: int, other: str) -> None:
    changed = INCOMING_SIGNATURE[:place] + other + INCOMING_SIGNATURE[place + 1 :]
    if changed != INCOMING_SIGNATURE:
        assert not TwilioSignature(TOKEN).signs_form(INCOMING_URL, form_fields(INCOMING), changed)


@given(
    fields=st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda name: name.isprintable()),
        st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_twilio_signs_is_accepted_after_the_way_over_the_wire(fields: dict[str, str]) -> None:
    signature = RequestValidator(TOKEN).compute_signature(INCOMING_URL, fields)
    body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields.items())
    assert TwilioSignature(TOKEN).signs_form(INCOMING_URL, form_fields(body), signature)
    assert not TwilioSignature(TOKEN + "x").signs_form(INCOMING_URL, form_fields(body), signature)


def test_a_field_sent_twice_counts_each_value_once() -> None:
    fields = form_fields("A=2&A=1&A=2")
    assert fields == {"A": ["2", "1", "2"]}
    signature = RequestValidator(TOKEN).compute_signature(INCOMING_URL, {"A": "1A2"})  # A1 A2, joined
    assert TwilioSignature(TOKEN).signs_form(INCOMING_URL, fields, signature)


@pytest.mark.parametrize(
    ("url", "body", "signature", "accepted"),
    [
        (JSON_URL, b'{"hello":"world"}', JSON_SIGNATURE, True),
        (JSON_URL.replace("93a2", "93A2"), b'{"hello":"world"}', JSON_SIGNATURE, False),
        (JSON_URL, b'{"hello":"world!"}', JSON_SIGNATURE, False),
        (JSON_URL.partition("?")[0], b'{"hello":"world"}', JSON_SIGNATURE, False),
        (JSON_URL, b'{"hello":"world"}', "", False),
        (JSON_URL, b"\xff\xfe", JSON_SIGNATURE, False),
        (JSON_URL.partition("=")[0] + "=é", b'{"hello":"world"}', JSON_SIGNATURE, False),
    ],
)
def test_json_needs_the_signature_and_its_own_hash(url: str, body: bytes, signature: str, accepted: bool) -> None:
    assert TwilioSignature(TOKEN).signs_json(url, body, signature) is accepted


@pytest.mark.parametrize(
    ("url", "signature", "accepted"),
    [
        ("wss://example.com/media", "ClB8LehjMnGRx9MB1lTF8/cfHC8=", True),
        ("wss://example.com/media/", "u58m9FpMVAMVoc4Fh1zhqRsiqhQ=", True),
        ("wss://example.com/media", "u58m9FpMVAMVoc4Fh1zhqRsiqhQ=", True),  # with a slash, as Twilio's notes say
        ("wss://example.com/media/", "ClB8LehjMnGRx9MB1lTF8/cfHC8=", True),
        ("wss://example.com/media", "ILqzcrXopVVhiVQhYT+u8Sedufs=", False),  # signed for https
        ("https://example.com/media", "ILqzcrXopVVhiVQhYT+u8Sedufs=", False),
        ("wss://example.com/relay?tenant=t1", "UT0XaqU6TkUMEvBJaF3/EuJ5bKw=", True),  # the pair as a parameter
        ("wss://example.com/relay?tenant=t1", "YRRQ5RI8YgDb8sF4WaihEBksNLg=", True),
        ("wss://example.com/relay?tenant=t2", "YRRQ5RI8YgDb8sF4WaihEBksNLg=", False),
        ("wss://example.com/relay", "YRRQ5RI8YgDb8sF4WaihEBksNLg=", False),
        ("wss://example.com:443/media", "ClB8LehjMnGRx9MB1lTF8/cfHC8=", True),
        ("wss://example.org/media", "ClB8LehjMnGRx9MB1lTF8/cfHC8=", False),
        ("wss://example.com/media", "", False),
    ],
)
def test_handshakes_in_the_forms_twilio_signs(url: str, signature: str, accepted: bool) -> None:
    assert TwilioSignature(TOKEN).signs_socket(url, signature) is accepted


@pytest.mark.parametrize("body", ["a=%ff", "&".join(f"f{n}=1" for n in range(201))])
def test_forms_that_are_none_are_refused(body: str) -> None:
    with pytest.raises(ValueError):
        form_fields(body)
