"""A token serves its purpose, for its time, and nothing else."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.security.purpose_tokens import InvalidToken, Purpose, TokenSigner, audience

SEED = bytes(range(32))
SIGNER = TokenSigner(base64.b64encode(SEED).decode())
CALL = "CA" + "0" * 32


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def test_it_is_read_back() -> None:
    token = SIGNER.issue(Purpose.STREAM, CALL, f"{CALL}:1", now())
    claims = SIGNER.read(Purpose.STREAM, token)
    assert claims["sub"] == CALL
    assert claims["jti"] == f"{CALL}:1"


def test_the_same_claims_make_the_same_token() -> None:
    issued = now()
    assert SIGNER.issue(Purpose.STREAM, CALL, "x", issued) == SIGNER.issue(Purpose.STREAM, CALL, "x", issued)


def test_it_is_worthless_for_another_purpose_or_room() -> None:
    stream = SIGNER.issue(Purpose.STREAM, CALL, "x", now())
    knowledge = SIGNER.issue(Purpose.SERVICE, "voice", "y", now(), room="knowledge")
    for purpose, token, room in [
        (Purpose.SERVICE, stream, ""),
        (Purpose.STREAM, knowledge, ""),
        (Purpose.SERVICE, knowledge, "ticketing"),
        (Purpose.SERVICE, knowledge, ""),
    ]:
        with pytest.raises(InvalidToken):
            SIGNER.read(purpose, token, room=room)
    assert SIGNER.read(Purpose.SERVICE, knowledge, room="knowledge")["sub"] == "voice"


def test_it_ends() -> None:
    token = SIGNER.issue(Purpose.STREAM, CALL, "x", now() - timedelta(seconds=70))
    with pytest.raises(InvalidToken):
        SIGNER.read(Purpose.STREAM, token)


def test_another_key_signs_nothing_for_us() -> None:
    other = TokenSigner(base64.b64encode(bytes(32)).decode())
    with pytest.raises(InvalidToken):
        SIGNER.read(Purpose.STREAM, other.issue(Purpose.STREAM, CALL, "x", now()))


def forged(header: dict[str, str], **changes: object) -> str:
    claims: dict[str, object] = {
        "iss": "callwright",
        "aud": audience(Purpose.STREAM),
        "sub": CALL,
        "jti": "x",
        "iat": now(),
        "nbf": now(),
        "exp": now() + timedelta(seconds=60),
    }
    claims.update(changes)
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, Ed25519PrivateKey.from_private_bytes(SEED), algorithm="EdDSA", headers=header)


TYPE = {"typ": "stream+jwt"}


@pytest.mark.parametrize("missing", ["exp", "nbf", "iat", "iss", "aud", "sub", "jti"])
def test_every_claim_is_required(missing: str) -> None:
    assert SIGNER.read(Purpose.STREAM, forged(TYPE))
    with pytest.raises(InvalidToken):
        SIGNER.read(Purpose.STREAM, forged(TYPE, **{missing: None}))


def test_the_type_is_required() -> None:
    with pytest.raises(InvalidToken):
        SIGNER.read(Purpose.STREAM, forged({"typ": "at+jwt"}))


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "\x00", "é.é.é"])
def test_rubbish_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        SIGNER.read(Purpose.STREAM, token)


def test_unsigned_and_symmetric_tokens_are_refused() -> None:
    claims = jwt.decode(forged(TYPE), options={"verify_signature": False})
    for token in (
        jwt.encode(claims, "", algorithm="none", headers=TYPE),
        jwt.encode(claims, "k" * 40, algorithm="HS256", headers=TYPE),
    ):
        with pytest.raises(InvalidToken):
            SIGNER.read(Purpose.STREAM, token)


@pytest.mark.parametrize("key", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="signing key"):
        TokenSigner(key)
