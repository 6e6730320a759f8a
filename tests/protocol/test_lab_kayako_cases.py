"""Cases, posts, tags and files (golden samples 21.9 to 21.15, 21.20, 21.21)."""

from __future__ import annotations

import httpx

from tests.protocol.lab_desk import BASIC, Lab, Watch, code, kayako, names

MARKER = "call-ca0f3e5b7c9d1e2f3a4b5c6d7e8f9012"
GOLDEN = {
    "subject": "Router keeps restarting after update",
    "contents": "<h3>Summary</h3><p>Caller's router restarts every hour since firmware 2.4.</p>"
    f"<p>Ref: {MARKER}</p><script>alert(1)</script>",
    "channel": "NOTE",
    "channel_options": {"html": True},
    "status_id": 11,
    "priority_id": "3",
    "type_id": 7,
    "assigned_team_id": 2,
    "form_id": 1,
    "tags": f"ai-call,{MARKER},lang-en",
    "field_values": {"product": "80", "external_call_id": "CA0f3e5b7c9d1e2f3a4b5c6d7e8f9012"},
}


async def test_a_case_as_the_samples_show_it() -> None:
    async with kayako() as lab:
        requester = lab.desk.add_user("Dana Reyes", 4, "dana@example.test")
        created = await lab.post("cases.json", GOLDEN | {"requester_id": requester.id})
        assert created.status_code == 201
        envelope = created.json()
        assert envelope["resource"] == "case"
        case = envelope["data"]
        assert case["requester"] == {"id": requester.id, "resource_type": "user"}
        assert case["creator"] == {"id": 9, "resource_type": "user"}
        assert case["identity"]["resource_type"] == "identity_email"
        assert case["assigned_agent"] is None
        assert case["assigned_team"] == {"id": 2, "resource_type": "team"}
        assert case["status"] == {"id": 11, "resource_type": "case_status"}
        assert case["priority"] == {"id": 3, "resource_type": "case_priority"}
        assert case["custom_fields"] == [
            {"field": {"id": 5, "resource_type": "case_field"}, "value": "80", "resource_type": "case_field_value"},
            {
                "field": {"id": 6, "resource_type": "case_field"},
                "value": "CA0f3e5b7c9d1e2f3a4b5c6d7e8f9012",
                "resource_type": "case_field_value",
            },
        ]
        assert (case["state"], case["post_count"], case["has_notes"]) == ("ACTIVE", 1, True)
        assert case["last_post_preview"].startswith("Summary Caller's router restarts every hour")
        assert case["resource_url"] == f"{lab.address}/api/v1/cases/{case['id']}"
        assert "tags" not in case, "off by default"

        (found,) = await lab.rows("cases.json", tags=MARKER.upper(), fields="id,subject,created_at", limit=10)
        assert found == {
            "id": case["id"],
            "subject": GOLDEN["subject"],
            "created_at": case["created_at"],
            "resource_type": "case",
        }
        assert await lab.rows("cases.json", tags="call-other") == []

        flat = (await lab.get(f"cases/{case['id']}.json", fields="+tags", include="case_status", _flat="true")).json()
        assert names(flat["data"]["tags"]) == ["ai-call", MARKER, "lang-en"]
        assert flat["data"]["status"] == {"id": 11, "resource_type": "case_status"}
        assert flat["resources"]["case_status"]["11"]["type"] == "NEW"
        # httpx escapes the plus; a client that does not, silently gets no tags.
        bare = await lab.http.get(f"cases/{case['id']}.json?fields=+tags")
        assert "tags" not in bare.json()["data"]


async def test_notes_carry_our_client_id_and_posts_come_newest_first() -> None:
    async with kayako(clock=Watch()) as lab:
        case = await lab.new_case()
        answer = await lab.post(
            f"cases/{case['id']}/reply.json",
            {
                "contents": "<p><b>Caller:</b> It restarts every hour.</p><p><b>Assistant:</b> Since when?</p>",
                "channel": "NOTE",
                "channel_options": {"html": True},
                "client_id": f"{MARKER}:transcript:1",
            },
        )
        assert (answer.status_code, answer.json()["resource"]) == (201, "case_reply")
        reply = answer.json()["data"]
        assert reply["case"] == {"id": case["id"], "resource_type": "case"}
        (written,) = reply["posts"]
        for number in range(2):
            await lab.post(f"cases/{case['id']}/reply", {"contents": f"note {number}", "channel": "NOTE"})

        page = (await lab.get(f"cases/{case['id']}/posts.json", filters="MESSAGES,NOTES", limit=2)).json()
        assert [post["contents"] for post in page["data"]] == ["note 1", "note 0"]
        assert (page["limit"], page["total_count"]) == (2, 4)
        assert "offset" not in page
        rest = (await lab.http.get(page["next_url"])).json()
        ours, first = rest["data"]
        assert ours["id"] == written["id"]
        assert ours["client_id"] == f"{MARKER}:transcript:1"
        assert ours["contents"] == "Caller: It restarts every hour. Assistant: Since when?"
        assert ours["source_channel"]["type"] == "NOTE"
        assert ours["original"]["resource_type"] == "note"
        assert (first["contents"], first["client_id"]) == ("It restarts.", None)
        assert "next_url" not in rest
        notes = await lab.rows(f"cases/{case['id']}/notes")
        assert notes[2]["body_html"].startswith("<p><b>Caller:</b>")
        assert lab.desk.mails == []


async def test_a_public_channel_mails_the_first_post_to_the_customer() -> None:
    async with kayako() as lab:
        requester = lab.desk.add_user("Dana Reyes", 4, "dana@example.test")
        assert (
            code(await lab.post("cases", {**GOLDEN, "channel": "MAIL", "requester_id": requester.id}))
            == "FIELD_REQUIRED"
        ), "a mailbox is needed"
        await lab.new_case(channel="MAIL", channel_id=26, requester_id=requester.id)
        assert [(mail.to, mail.text) for mail in lab.desk.mails] == [("dana@example.test", "It restarts.")]


async def test_html_is_cleaned_and_plain_text_is_left_alone() -> None:
    async with kayako() as lab:
        requester = lab.desk.add_user("Dana Reyes", 4)
        await lab.post("cases", GOLDEN | {"requester_id": requester.id})
        await lab.new_case(contents="1 < 2 <b>not html</b>")
        golden, plain = (case.posts[0].original for case in lab.desk.cases.values())
        assert golden.html is not None
        assert "<script" not in golden.html
        assert plain.text == "1 < 2 <b>not html</b>"


REFUSED: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"subject": None}, "FIELD_REQUIRED", "subject"),
    ({"contents": ""}, "FIELD_EMPTY", "contents"),
    ({"channel": "PHONE"}, "FIELD_INVALID", "channel"),
    ({"requester_id": None}, "FIELD_REQUIRED", "requester_id"),
    ({"requester_id": "dana@example.test"}, "FIELD_INVALID", "requester_id"),
    ({"requester_id": 999999}, "FIELD_INVALID", "requester_id"),
    ({"priority_id": 1}, "FIELD_INVALID", "priority_id"),
    ({"status_id": "new"}, "FIELD_INVALID", "status_id"),
    ({"field_values": {"product": "Router"}}, "FIELD_INVALID", "product"),
    ({"field_values": {"no_such_key": "1"}}, "FIELD_INVALID", "no_such_key"),
    ({"form_id": 18}, "FIELD_REQUIRED", "visit_window"),
    ({"attachment_file_ids": "1"}, "FIELD_INVALID", "attachment_file_ids"),
)


async def test_a_case_that_cannot_be_created_leaves_nothing() -> None:
    async with kayako() as lab:
        good = GOLDEN | {"requester_id": lab.desk.add_user("Dana Reyes", 4).id}
        for change, expected, parameter in REFUSED:
            refused = await lab.post("cases", good | change)
            error = refused.json()["errors"][0]
            assert (refused.status_code, error["code"], error["parameter"]) == (400, expected, parameter)
        assert lab.desk.cases == {}
        assert (await lab.post("cases", good)).status_code == 201


async def test_change_trash_and_tags() -> None:
    async with kayako() as lab:
        case = await lab.new_case(tags="one,two")
        path = f"cases/{case['id']}"
        changed = await lab.put(path, {"status_id": 14, "assigned_agent_id": 15})
        assert changed.json()["data"]["assigned_agent"] == {"id": 15, "resource_type": "user"}
        assert code(await lab.put(path, {"status_id": 12, "type_id": 1})) == "FIELD_INVALID"
        assert lab.desk.cases[case["id"]].status_id == 14, "all or nothing"

        appended = await lab.post(f"{path}/tags.json", {"tags": "three,Two"})
        assert names(appended.json()["data"]) == ["one", "two", "three"]
        await lab.put(path, {"tags": "four"})
        assert names(await lab.rows(f"{path}/tags")) == ["four"], "a PUT replaces the list"
        assert await lab.rows("cases", tags="one") == []

        trashed = await lab.put(f"{path}/trash", {})
        assert trashed.json()["data"]["state"] == "TRASH"
        assert await lab.rows("cases", tags="four") == []
        assert (await lab.get(path)).json()["data"]["state"] == "TRASH"
        await lab.put(f"{path}/restore", {})
        assert len(await lab.rows("cases", tags="four")) == 1

        other = await lab.new_case()
        bulk = await lab.http.put("cases", params={"ids": f"{case['id']},{other['id']}"}, json={"priority_id": 2})
        assert (bulk.status_code, bulk.json()["total_count"]) == (200, 2)
        assert {one.priority_id for one in lab.desk.cases.values()} == {2}


async def test_a_closed_case_takes_notes_but_no_reply() -> None:
    async with kayako() as lab:
        case = await lab.new_case(status_id=23)
        public = {"contents": "Hello", "channel": "MAIL", "channel_id": 26}
        assert (await lab.post(f"cases/{case['id']}/reply", public)).status_code == 403
        note = {"contents": "Hello", "channel": "NOTE", "tags": "late", "status_id": 23}
        assert (await lab.post(f"cases/{case['id']}/reply", note)).status_code == 201
        assert names(await lab.rows(f"cases/{case['id']}/tags")) == ["late"]


async def test_lists_by_meaning_and_by_requester() -> None:
    watch = Watch()
    async with kayako(clock=watch) as lab:
        requester = lab.desk.add_user("Dana Reyes", 4, "dana@example.test").id
        low = await lab.new_case(requester_id=requester, priority_id=8)
        watch.elapsed += 1
        urgent = await lab.new_case(requester_id=requester, priority_id=2, status_id=19)
        watch.elapsed += 1
        await lab.new_case(status_id=14)

        async def ids(**arguments: str | int) -> list[int]:
            return [row["id"] for row in await lab.rows("cases", **arguments)]

        assert await ids(status="COMPLETED,CLOSED") == [urgent["id"]]
        assert await ids(identity_type="EMAIL", identity_value="dana@example.test") == [urgent["id"], low["id"]]
        assert low["id"] in await ids(priority=1)
        assert urgent["id"] not in await ids(priority=3)
        assert await ids(ids=str(low["id"])) == [low["id"]]
        assert [row["id"] for row in await lab.rows(f"users/{requester}/cases")] == [urgent["id"], low["id"]]
        watch.elapsed += 1
        await lab.put(f"cases/{low['id']}", {"subject": "Changed"})
        assert (await ids())[0] == low["id"], "last update first"


async def test_if_match_guards_a_change_and_etags_save_reading() -> None:
    async with kayako() as lab:
        case = await lab.new_case()
        path = f"cases/{case['id']}"
        read = await lab.get(path)
        same = await lab.http.get(path, headers={"If-None-Match": read.headers["ETag"]})
        assert (same.status_code, same.content) == (304, b"")
        refused = await lab.put(path, {"subject": "Mine"}, **{"If-Match": "1653fb55"})
        assert (refused.status_code, code(refused)) == (412, "RESOURCE_MODIFIED")
        assert (await lab.put(path, {"subject": "Mine"}, **{"If-Match": read.headers["ETag"]})).status_code == 200
        assert (await lab.http.get(path, headers={"If-None-Match": read.headers["ETag"]})).status_code == 200


async def test_an_upload_belongs_to_its_session() -> None:
    async with kayako() as lab:
        opened = (await lab.get("me")).json()["session_id"]
        lab.http.auth = httpx.Auth()
        session = {"X-Session-ID": opened}
        headers = {"Content-Type": "audio/wav", "Content-Disposition": 'attachment; filename="call.wav"', **session}
        uploaded = await lab.http.post("files.json", content=b"RIFF....", headers=headers)
        assert uploaded.status_code == 201
        file = uploaded.json()["data"]
        assert (file["name"], file["size"], file["content_type"]) == ("call.wav", 8, "audio/wav")
        assert file["group_hash"] == f"s:{opened}"
        assert (await lab.http.get(file["content_url"], headers=session)).content == b"RIFF...."

        note = {"contents": "The recording", "channel": "NOTE", "attachment_file_ids": str(file["id"])}
        case = await _case_in_session(lab, session)
        lab.http.auth = BASIC
        assert code(await lab.post(f"cases/{case}/reply", note)) == "FIELD_INVALID", "another session"
        lab.http.auth = httpx.Auth()
        assert (await lab.http.post(f"cases/{case}/reply", json=note, headers=session)).status_code == 201
        posts = (await lab.http.get(f"cases/{case}/posts", params={"include": "attachment"}, headers=session)).json()
        assert posts["data"][0]["attachments"][0]["name"] == "call.wav"


async def test_an_attachment_in_one_step() -> None:
    async with kayako() as lab:
        case = await lab.new_case()
        files = {"files": ("call.txt", b"words", "text/plain")}
        fields = {"contents": "The transcript", "channel": "NOTE", "channel_options[html]": "false"}
        answer = await lab.http.post(f"cases/{case['id']}/reply", data=fields, files=files)
        assert answer.status_code == 201, answer.text
        assert lab.desk.cases[case["id"]].posts[-1].attachments[0].file.content == b"words"


async def _case_in_session(lab: Lab, session: dict[str, str]) -> int:
    requester = lab.desk.add_user("Dana Reyes", 4).id
    body = {"subject": "Router", "contents": "It restarts.", "channel": "NOTE", "requester_id": requester}
    created = await lab.http.post("cases", json=body, headers=session)
    number: int = created.json()["data"]["id"]
    return number
