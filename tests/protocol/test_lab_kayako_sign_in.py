"""Kayako's sign-in as its documentation and its clients describe it (golden samples 21.1 to 21.5)."""

from __future__ import annotations

import httpx
import pytest

from lab.kayako.desk import EMAIL, PASSWORD, DeskSettings
from lab.kayako.sessions import Account, SignInRule
from tests.protocol.lab_desk import Lab, Watch, code, kayako


async def anonymous(lab: Lab, method: str, path: str, **options: object) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"{lab.address}/api/v1/") as http:
        return await http.request(method, path, **options)  # type: ignore[arg-type]


def basic(password: str = PASSWORD) -> httpx.BasicAuth:
    return httpx.BasicAuth(EMAIL, password)


async def test_basic_opens_a_session_with_a_token_against_forgery() -> None:
    async with kayako() as lab:
        answer = await anonymous(lab, "GET", "me.json", auth=basic())
        assert answer.status_code == 200
        assert answer.headers["X-API-Version"] == "1"
        body = answer.json()
        assert set(body) == {"status", "data", "resource", "session_id"}
        assert body["resource"] == "user"
        assert body["data"]["role"] == {"id": 3, "resource_type": "role"}
        assert body["data"]["emails"][0]["resource_type"] == "identity_email"
        assert body["data"]["resource_url"] == f"{lab.address}/api/v1/users/9"

        session = {"X-Session-ID": body["session_id"]}
        assert (await anonymous(lab, "GET", "me.json", headers=session)).status_code == 200
        user = {"full_name": "Dana Reyes", "role_id": 4}
        refused = await anonymous(lab, "POST", "users.json", headers=session, json=user)
        assert (refused.status_code, code(refused)) == (403, "CSRF_FAILED")
        with_token = session | {"X-CSRF-Token": answer.headers["X-CSRF-Token"]}
        assert (await anonymous(lab, "POST", "users.json", headers=with_token, json=user)).status_code == 201


async def test_a_session_without_protection_needs_no_token() -> None:
    async with kayako() as lab:
        answer = await anonymous(lab, "GET", "session", auth=basic(), headers={"X-CSRF": "false"})
        assert "X-CSRF-Token" not in answer.headers
        session = {"X-Session-ID": answer.json()["session_id"]}
        user = {"full_name": "Dana Reyes", "role_id": 4}
        assert (await anonymous(lab, "POST", "users", headers=session, json=user)).status_code == 201
        assert (await anonymous(lab, "DELETE", "session", headers=session)).status_code == 200
        gone = await anonymous(lab, "GET", "me", headers=session)
        assert (gone.status_code, code(gone)) == (454, "SESSION_LOADING_FAILED")


async def test_credentials_beside_a_session_follow_the_tenant_s_rule() -> None:
    async with kayako() as lab:
        opened = await anonymous(lab, "GET", "me", auth=basic())
        session = {"X-Session-ID": opened.json()["session_id"]}
        assert code(await anonymous(lab, "GET", "me", auth=basic(), headers=session)) == "SESSION_LOADING_FAILED"
    async with kayako(DeskSettings(sign_in_rule=SignInRule.REPORTED)) as lab:
        opened = await anonymous(lab, "GET", "me", auth=basic())
        session = {"X-Session-ID": opened.json()["session_id"]}
        assert code(await anonymous(lab, "GET", "me", headers=session)) == "AUTHENTICATION_FAILED"
        assert (await anonymous(lab, "GET", "me", auth=basic(), headers=session)).status_code == 200


async def test_a_cookie_that_contradicts_the_header_is_inconsistent() -> None:
    async with kayako() as lab:
        opened = await anonymous(lab, "GET", "me", auth=basic())
        cookie = opened.headers["Set-Cookie"].partition(";")[0]
        headers = {"X-Session-ID": "sess-other", "Cookie": cookie}
        refused = await anonymous(lab, "GET", "me", headers=headers)
        assert (refused.status_code, code(refused)) == (400, "PARAMETERS_INCONSISTENT")


async def test_a_session_dies_of_old_age() -> None:
    watch = Watch()
    async with kayako(DeskSettings(session_lifetime_s=300), watch) as lab:
        opened = await anonymous(lab, "GET", "me", auth=basic())
        session = {"X-Session-ID": opened.json()["session_id"]}
        watch.elapsed += 299
        assert (await anonymous(lab, "GET", "me", headers=session)).status_code == 200
        watch.elapsed += 301
        assert (await anonymous(lab, "GET", "me", headers=session)).status_code == 454


async def test_refused_login_and_the_lock_after_five() -> None:
    watch = Watch()
    async with kayako(clock=watch) as lab:
        for _ in range(5):
            refused = await anonymous(lab, "GET", "me", auth=basic("wrong"))
            assert refused.status_code == 401
            assert "WWW-Authenticate" in refused.headers
            assert refused.json() == {
                "status": 401,
                "errors": [
                    {
                        "code": "AUTHENTICATION_FAILED",
                        "message": "Used authentication credentials are invalid or signature verification failed",
                        "more_info": "https://developer.kayako.com/api/v1/reference/errors/AUTHENTICATION_FAILED",
                    }
                ],
            }
        watch.elapsed += 599
        locked = await anonymous(lab, "GET", "me", auth=basic())
        assert (locked.status_code, code(locked)) == (429, "AUTHENTICATION_LOCKED")
        assert locked.headers["Retry-After"] == "600"
        watch.elapsed += 2  # the first ten minutes are over, but trying again began the lock anew
        assert (await anonymous(lab, "GET", "me", auth=basic())).status_code == 429
        watch.elapsed += 601
        assert (await anonymous(lab, "GET", "me", auth=basic())).status_code == 200


async def test_second_factor_and_expired_password_stop_half_way() -> None:
    async with kayako() as lab:
        lab.desk.sessions.add(Account(EMAIL, PASSWORD, 9, one_time_code="123456"))
        stopped = await anonymous(lab, "GET", "me", auth=basic())
        assert (stopped.status_code, code(stopped)) == (403, "OTP_EXPECTED")
        assert stopped.json()["notifications"][0]["type"] == "INFO"
        step = {"X-Token": stopped.json()["auth_token"], "X-OTP": "123456"}
        assert "session_id" in (await anonymous(lab, "GET", "me", headers=step)).json()
        assert (await anonymous(lab, "GET", "me", headers=step)).status_code == 401, "a step token works once"
        lab.desk.sessions.add(Account(EMAIL, PASSWORD, 9, password_expired=True))
        expired = await anonymous(lab, "GET", "me", auth=basic())
        assert (expired.status_code, code(expired)) == (403, "CREDENTIAL_EXPIRED")


@pytest.mark.parametrize("header", ["Basic ???", "Basic bm9jb2xvbg==", "Bearer x", ""])
async def test_credentials_that_cannot_be_read(header: str) -> None:
    async with kayako() as lab:
        refused = await anonymous(lab, "GET", "cases", headers={"Authorization": header})
        assert (refused.status_code, code(refused)) == (401, "AUTHENTICATION_FAILED")
