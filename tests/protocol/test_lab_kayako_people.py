"""Finding and creating requesters (golden samples 21.6 to 21.8 and 21.22)."""

from __future__ import annotations

import httpx

from tests.protocol.lab_desk import code, kayako

DANA = {"full_name": "Dana Reyes", "email": "dana@example.test", "role_id": 4, "time_zone": "America/Chicago"}


async def test_a_requester_is_created_found_and_given_a_number() -> None:
    async with kayako() as lab:
        miss = (await lab.get("autocomplete/emails.json", address="dana@example.test")).json()
        assert miss == {"status": 200, "data": [], "resource": "autocomplete_email", "total_count": 0, **_session(miss)}

        created = await lab.post("users.json", DANA)
        assert (created.status_code, created.json()["resource"]) == (201, "user")
        user = created.json()["data"]
        assert user["full_name"] == "Dana Reyes"
        assert user["time_zone"] == "America/Chicago"
        assert user["phones"] == []
        assert user["role"] == {"id": 4, "resource_type": "role"}

        hit = await lab.rows("autocomplete/emails.json", address="dana@example.test")
        assert hit == [{"identity": user["emails"][0], "parent": {"id": user["id"], "resource_type": "user"}}]
        (whole,) = await lab.rows("autocomplete/emails", address="DANA@", include="identity_email,user")
        assert whole["identity"]["email"] == "dana@example.test"
        assert whole["identity"]["is_notification_enabled"] is False
        assert whole["parent"]["full_name"] == "Dana Reyes"

        phone = await lab.post(
            "identities/phones.json", {"user_id": user["id"], "number": "+13125550142", "is_primary": True}
        )
        assert phone.status_code == 201
        identity = phone.json()["data"]
        assert identity["number"] == "+13125550142"
        assert identity["resource_url"].endswith(f"/api/v1/identities/phones/{identity['id']}")
        (mine,) = await lab.rows("identities/phones", user_id=user["id"])
        assert mine["id"] == identity["id"]
        case = await lab.new_case(requester_id=user["id"])
        (by_phone,) = await lab.rows("cases", identity_type="PHONE", identity_value="+13125550142")
        assert by_phone["id"] == case["id"]
        assert await lab.rows("cases", identity_type="PHONE", identity_value="312 555 0142") == [], "kept as typed"


async def test_an_organisation_turns_up_among_addresses() -> None:
    async with kayako() as lab:
        rows = await lab.rows("autocomplete/emails", address="tilda@tildas-bakery.example", include="user,organization")
        assert [row["parent"]["resource_type"] for row in rows] == ["organization", "user"]
        (company,) = await lab.rows("organizations")
        assert company["name"] == "Tilda's Bakery"


async def test_users_that_cannot_be_created() -> None:
    async with kayako() as lab:
        assert (await lab.post("users", DANA)).status_code == 201
        twice = (await lab.post("users", DANA | {"email": "Dana@Example.test"})).json()
        assert twice["errors"][0] == {
            "code": "FIELD_DUPLICATE",
            "parameter": "email",
            "message": "The value of the field must be unique",
            "more_info": "https://developer.kayako.com/api/v1/reference/errors/FIELD_DUPLICATE",
        }
        for wrong, expected, parameter in (
            ({"full_name": None}, "FIELD_REQUIRED", "full_name"),
            ({"full_name": "  "}, "FIELD_EMPTY", "full_name"),
            ({"role_id": None}, "FIELD_REQUIRED", "role_id"),
            ({"role_id": 99}, "FIELD_INVALID", "role_id"),
            ({"email": "dana"}, "FIELD_INVALID", "email"),
            ({"role_id": 3, "email": None}, "FIELD_REQUIRED", "email"),
            ({"email": "d@example.test", "team_ids": "2,2"}, "PARAMETERS_INCONSISTENT", "team_ids"),
        ):
            refused = await lab.post("users", {**DANA, **wrong})
            error = refused.json()["errors"][0]
            assert (refused.status_code, error["code"], error["parameter"]) == (400, expected, parameter)
        nobody = await lab.post("identities/emails", {"email": "x@example.test"})
        assert nobody.json()["errors"][0]["parameters"] == ["user_id", "organization_id"]
        assert code(nobody) == "ANY_FIELD_REQUIRED"


async def test_a_customer_needs_no_address_and_people_have_notes() -> None:
    async with kayako() as lab:
        caller = (await lab.post("users", {"full_name": "Caller +1555", "roleId": "4"})).json()["data"]
        assert caller["emails"] == []
        note = await lab.post(f"users/{caller['id']}/notes", {"contents": "Prefers mornings"})
        assert note.status_code == 201
        assert [row["body_text"] for row in await lab.rows(f"users/{caller['id']}/notes")] == ["Prefers mornings"]
        changed = await lab.put(f"users/{caller['id']}", {"full_name": "Dana Reyes"})
        assert changed.json()["data"]["full_name"] == "Dana Reyes"
        assert (await lab.get("users/999999")).status_code == 404


async def test_the_incoming_webhook_finds_or_creates_the_user() -> None:
    async with kayako() as lab:
        event = {
            "event": "ai_call_resolved",
            "user": {"phone": "+13125550142", "full_name": "Dana Reyes"},
            "properties": {"summary": "AI answered a call about router restarts", "color": "#2e7d32"},
            "triggered_at": "2026-11-20T08:31:00+00:00",
        }
        lab.http.auth = httpx.Auth()  # the token in the path is all it takes
        first = await lab.post("webhook/fernway-hook/incoming.json", event)
        again = await lab.post("webhook/fernway-hook/incoming.json", event)
        assert (first.status_code, again.status_code) == (201, 201)
        assert len({one.user_id for one in lab.desk.events}) == 1
        assert (await lab.post("webhook/wrong/incoming", event)).status_code == 404
        nobody = await lab.post("webhook/fernway-hook/incoming", event | {"user": {"full_name": "Nobody"}})
        assert code(nobody) == "ANY_FIELD_REQUIRED"
        odd = await lab.post("webhook/fernway-hook/incoming", event | {"event": "ai-call!"})
        assert code(odd) == "FIELD_INVALID"


def _session(envelope: dict[str, object]) -> dict[str, object]:
    """Basic alone opens a session with every request; its id is no part of the sample."""
    return {"session_id": envelope["session_id"]}
