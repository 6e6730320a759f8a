"""The form of answers: names, empty values, flat mode, pages, errors, limits (21.10, 21.11, 21.13, 21.16 to 21.20)."""

from __future__ import annotations

import httpx

from lab.kayako.desk import DeskSettings
from tests.protocol.lab_desk import Watch, code, kayako


async def test_names_empty_values_and_flat_mode() -> None:
    async with kayako() as lab:
        case = await lab.new_case(tags="one")
        path = f"cases/{case['id']}.json"
        camel = (await lab.get(path, _case="camel")).json()["data"]
        assert (camel["lastPostType"], camel["resourceType"]) == ("NOTE", "case")
        pascal = (await lab.get(path, _case="pascal")).json()
        assert pascal["Data"]["LastPostType"] == "NOTE"
        full = (await lab.get(path)).json()["data"]
        short = (await lab.get(path, _empty="false")).json()["data"]
        assert "legacy_id" in full
        assert "legacy_id" not in short
        assert "sla_metrics" not in short
        asked = {"X-Options": "flat,no_empty"}
        both = (await lab.http.get(path, params={"include": "user,role"}, headers=asked)).json()
        assert both["data"]["requester"] == {"id": case["requester"]["id"], "resource_type": "user"}
        requester = both["resources"]["user"][str(case["requester"]["id"])]
        assert requester["role"] == {"id": 4, "resource_type": "role"}
        assert both["resources"]["role"]["4"]["type"] == "CUSTOMER"
        assert "legacy_id" not in requester
        assert code(await lab.get(path, _case="kebab")) == "FIELD_INVALID"


async def test_include_and_fields_go_as_deep_as_they_are_asked() -> None:
    async with kayako() as lab:
        case = await lab.new_case()
        path = f"cases/{case['id']}"
        nested = (await lab.get(path, include="user,role")).json()["data"]
        assert nested["requester"]["role"]["type"] == "CUSTOMER"
        assert nested["status"] == {"id": 11, "resource_type": "case_status"}
        everything = (await lab.get(path, include="*")).json()["data"]
        assert everything["status"]["label"] == "New"
        for fields in ("data(requester(full_name),subject)", "requester(full_name),subject"):
            few = (await lab.get(path, fields=fields)).json()["data"]
            assert few == {
                "subject": "Router",
                "requester": {"full_name": "Dana Reyes", "resource_type": "user"},
                "resource_type": "case",
            }
        without = (await lab.get(path, fields="-subject,+tags")).json()["data"]
        assert "subject" not in without
        assert without["tags"] == []
        assert code(await lab.get(path, fields="requester(full_name")) == "FIELD_INVALID"


async def test_offset_pages_link_to_each_other() -> None:
    watch = Watch()
    async with kayako(clock=watch) as lab:
        made = []
        for _ in range(23):
            watch.elapsed += 1
            made.append((await lab.new_case())["id"])
        first = (await lab.get("cases.json", fields="id")).json()
        assert [row["id"] for row in first["data"]] == made[:-11:-1], "ten by default, last update first"
        assert (first["offset"], first["limit"], first["total_count"]) == (0, 10, 23)
        assert "previous_url" not in first
        seen, page = [row["id"] for row in first["data"]], first
        while "next_url" in page:
            page = (await lab.http.get(page["next_url"])).json()
            seen += [row["id"] for row in page["data"]]
        assert seen == made[::-1]
        assert httpx.URL(page["previous_url"]).params["offset"] == "10"
        assert httpx.URL(first["last_url"]).params["offset"] == "20"
        assert httpx.URL(first["last_url"]).params["fields"] == "id"
        capped = (await lab.get("cases", limit=1000)).json()
        assert (capped["limit"], len(capped["data"])) == (100, 23)
        for wrong in ({"limit": 0}, {"limit": "many"}, {"offset": -1}):
            assert code(await lab.get("cases", **wrong)) == "FIELD_INVALID"


async def test_cursors_are_positions_in_the_listing() -> None:
    """The documented example: a descending list, `after_id=19` gives 15 … 5, `before_id=15` gives 43 … 19."""
    async with kayako() as lab:
        case = await lab.new_case()
        for number in range(6):
            await lab.post(f"cases/{case['id']}/reply", {"contents": f"{number}", "channel": "NOTE"})
        path = f"cases/{case['id']}/posts"
        ids = [post["id"] for post in await lab.rows(path)]
        assert [post["id"] for post in await lab.rows(path, after_id=ids[2])] == ids[3:]
        assert [post["id"] for post in await lab.rows(path, before_id=ids[3], limit=2)] == ids[1:3]
        assert [post["id"] for post in await lab.rows(path, before_id=ids[0])] == []
        assert [post["id"] for post in await lab.rows(path, after_id=ids[0] + 1000)] == ids, "it need not exist"
        middle = (await lab.get(path, after_id=ids[0], limit=2)).json()
        assert httpx.URL(middle["previous_url"]).params["before_id"] == str(ids[1])
        by_offset = (await lab.get(path, offset=5)).json()
        assert [post["id"] for post in by_offset["data"]] == ids[5:]
        users = [user["id"] for user in await lab.rows("users")]
        assert users == sorted(users)
        assert [user["id"] for user in await lab.rows("users", after_id=users[0])] == users[1:]


async def test_look_up_tables_are_resolved_by_meaning() -> None:
    async with kayako() as lab:
        statuses = (await lab.get("cases/statuses.json")).json()
        assert "offset" not in statuses
        assert {row["type"]: row["id"] for row in statuses["data"]}["COMPLETED"] == 19
        assert {row["level"]: row["id"] for row in await lab.rows("cases/priorities")} == {1: 8, 2: 3, 3: 5, 4: 2}
        assert {row["type"]: row["id"] for row in await lab.rows("cases/types")}["QUESTION"] == 7
        assert {row["type"]: row["id"] for row in await lab.rows("roles")}["CUSTOMER"] == 4
        assert {row["title"] for row in await lab.rows("teams")} == {"Support", "Billing"}
        assert [row["id"] for row in await lab.rows("mailboxes") if row["is_default"] and row["is_enabled"]] == [26]
        (default,) = [form for form in await lab.rows("cases/forms") if form["is_default"]]
        assert default["id"] == 1
        channels = {row["type"]: row for row in await lab.rows("cases/channels", include="mailbox")}
        assert channels["MAIL"]["account"]["address"] == "support@fernway.example"
        product = (await lab.get("cases/fields/5", include="field_option,locale_field")).json()["data"]
        labels = {option["id"]: option["values"][0]["translation"] for option in product["options"]}
        assert labels[80] == "Router"
        assert (await lab.get("locale/fields/80")).json()["data"]["translation"] == "Router"
        # The vendor answers 400 to outside callers here.
        assert (await lab.get("base/field/option/80")).status_code == 400


async def test_what_does_not_exist_and_what_is_not_allowed() -> None:
    async with kayako() as lab:
        missing = await lab.get("cases/999999.json")
        assert missing.json() == {
            "status": 404,
            "errors": [
                {
                    "code": "RESOURCE_NOT_FOUND",
                    "message": "The resource does not exist or has been removed",
                    "more_info": "https://developer.kayako.com/api/v1/reference/errors/RESOURCE_NOT_FOUND",
                }
            ],
        }
        wrong = await lab.get("tickets/1.json")
        assert (wrong.status_code, code(wrong)) == (400, "APP_NOT_FOUND")
        method = await lab.http.delete("cases/1.json")
        assert (method.status_code, code(method)) == (405, "METHOD_NOT_SUPPORTED")
        xml = await lab.http.get("me", headers={"Accept": "text/xml"})
        assert xml.status_code == 406
        for content, kind in (
            (b"{", "application/json"),
            (b"[]", "application/json"),
            (b"\xff\xfe", "application/json"),
            (b"x", "text/plain"),
            (b"x", "multipart/form-data"),
            (b"x", "multipart/form-data; boundary=y"),
        ):
            refused = await lab.http.post("cases", content=content, headers={"Content-Type": kind})
            assert (refused.status_code, code(refused)) == (400, "REQUEST_MALFORMED")
        portal = await lab.http.get("me", params={"_portal": "a"}, headers={"X-Portal": "b"})
        assert code(portal) == "PARAMETERS_INCONSISTENT"
        form = await lab.http.post("users", data={"FullName": "Dana Reyes", "role_id": "4"})
        assert form.status_code == 201, "forms are the documentation's default"


async def test_limits_per_minute_and_action() -> None:
    watch = Watch()
    async with kayako(DeskSettings(requests_per_minute=3), watch) as lab:
        for _ in range(3):
            assert (await lab.get("cases")).status_code == 200
            watch.elapsed += 1
        limited = await lab.get("cases")
        assert (limited.status_code, code(limited)) == (429, "RATE_LIMIT_REACHED")
        assert limited.headers["Retry-After"] == "57"
        assert (await lab.get("users")).status_code == 200, "another resource has its own count"
        watch.elapsed += 57
        assert (await lab.get("cases")).status_code == 200


async def test_search_finds_words_late() -> None:
    watch = Watch()
    async with kayako(DeskSettings(search_lag_s=20), watch) as lab:
        case = await lab.new_case(subject="Router keeps restarting after update", tags="call-ca0f")
        assert await lab.rows("search.json", query="router", resources="CASES") == []
        watch.elapsed += 20
        (row,) = await lab.rows("search.json", query="router in:conversations", resources="CASES", limit=1)
        assert row == {
            "id": case["id"],
            "title": "Router keeps restarting after update",
            "data": {"id": case["id"], "resource_type": "case"},
            "relevance": 1.0,
            "resource": "case",
            "resource_url": f"{lab.address}/api/v1/cases/{case['id']}",
            "snippet": "<em>Router</em> keeps restarting after update",
        }
        (by_tag,) = await lab.rows("search", query="'call-ca0f'", fields="*")
        assert by_tag["data"]["subject"] == case["subject"]
        (deep,) = await lab.rows("search", query="call-ca0f", fields="data(requester(full_name))")
        assert deep["data"]["requester"]["full_name"] == "Dana Reyes"
        (user,) = await lab.rows("search", query='"dana reyes"', resources="USERS")
        assert user["resource"] == "user"
        assert await lab.rows("search", query="modem") == []
        assert code(await lab.get("search", query="x", resources="ARTICLES")) == "FIELD_INVALID"
