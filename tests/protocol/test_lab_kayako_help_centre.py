"""The help centre, its loader, and what visitors and staff see of it (golden sample 21.16)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from lab.kayako.desk import Desk
from lab.kayako.folder import ArticleUnreadable, load_folder
from lab.kayako.help_centre import ArticleStatus, Visibility
from tests.protocol.lab_desk import Watch, kayako

ENGLISH = """---
id: "54"
title: "Restart your router"
section: Devices
keywords: reboot, reset
tags: router,wifi
---

# Restart your router

Hold the button for **10&nbsp;seconds**. <script>track()</script>
"""
FILES = {
    "restart.md": ENGLISH,
    "restart.es.md": "---\nid: 54\nlocale: es\ntitle: Reinicie su router\n---\nMantenga el botón 10 segundos.\n",
    "restart.de.md": "---\nid: 54\nlocale: de\ntitle: Router neu starten\n---\nTaste 10 Sekunden halten.\n",
    "draft.md": "---\nid: 55\ntitle: New prices\nsection: Billing\nstatus: DRAFT\n---\nNot yet.\n",
    "limits.md": "---\nid: 56\ntitle: Refund limits\nsection: Inside\nvisibility: AGENTS\n---\nUp to 40 dollars.\n",
    "gone.md": "---\nid: 57\ntitle: Dial-up\nsection: Devices\n---\nNo longer offered.\n",
    "fees.md": "---\ntitle: Late fee\nsection: Accounts/Billing\n---\nFive dollars.\n",
}


def folder_of(tmp_path: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


async def test_visitors_read_what_is_public_and_staff_everything(tmp_path: Path) -> None:
    watch = Watch()
    async with kayako(clock=watch) as lab:
        assert load_folder(lab.desk.help_centre, folder_of(tmp_path, FILES)) == 5
        lab.desk.help_centre.remove(57)
        visitor = httpx.AsyncClient(base_url=f"{lab.address}/api/v1/")
        arguments: dict[str, str | int] = {"limit": 1, "include": "locale_field,section,category"}
        page = (await visitor.get("articles.json", params=arguments)).json()
        assert (page["total_count"], page["limit"], page["resource"]) == (2, 1, "article")
        late_fee = (await visitor.get(page["next_url"])).json()["data"][0]
        article = next(row for row in [*page["data"], late_fee] if row["id"] == 54)
        titles = {title["locale"]: title["translation"] for title in article["titles"]}
        assert titles == {"en-us": "Restart your router", "es": "Reinicie su router", "de": "Router neu starten"}
        english = next(text for text in article["contents"] if text["locale"] == "en-us")
        assert english["translation"].startswith("<p>Hold the button for <strong>10")
        assert "<script>" in english["translation"], "real help centres are full of it"
        assert english["resource_url"] == f"{lab.address}/api/v1/locale/fields/{english['id']}"
        assert article["slugs"][0]["translation"] == "54-restart-your-router"
        assert article["section"]["visibility"] == "PUBLIC"
        assert article["section"]["category"]["titles"][0]["translation"] == "Help"
        assert (article["keywords"], article["status"]) == ("reboot, reset", "PUBLISHED")
        assert article["helpcenter_url"] == f"{lab.address}/en-us/article/54-restart-your-router"
        for hidden in (55, 56, 57):
            assert (await visitor.get(f"articles/{hidden}.json")).status_code == 404
        bare = (await visitor.get("articles/54")).json()["data"]
        assert bare["titles"][0] == {"id": bare["titles"][0]["id"], "resource_type": "locale_field"}
        assert len((await visitor.get("sections")).json()["data"]) == 3
        await visitor.aclose()

        staff = {row["id"]: row for row in await lab.rows("articles.json", include="section")}
        assert staff[55]["status"] == "DRAFT"
        assert staff[55]["published_at"] is None
        assert staff[56]["section"]["visibility"] == "AGENTS"
        assert 57 not in staff
        assert 55 not in {row["id"] for row in await lab.rows("articles", filter="PUBLISHED")}
        assert [row["id"] for row in await lab.rows("articles", tags="WIFI")] == [54]
        section = staff[54]["section"]["id"]
        assert [row["id"] for row in await lab.rows("articles", section_id=section)] == [54]
        assert len(await lab.rows("locales.json")) == 3
        assert len(await lab.rows("categories")) == 2


async def test_an_edited_text_is_newer_than_its_article(tmp_path: Path) -> None:
    watch = Watch()
    async with kayako(clock=watch) as lab:
        load_folder(lab.desk.help_centre, folder_of(tmp_path, FILES))
        before = await lab.get("articles", include="locale_field")
        watch.elapsed += 3600
        change = {"locale": "en-us", "html": "<p>Hold it for 20 seconds.</p>"}
        assert (await lab.http.put(f"{lab.address}/lab/articles/54", json=change)).status_code == 200
        article = (await lab.get("articles/54", include="locale_field")).json()["data"]
        changed, *others = article["contents"]
        assert changed["translation"] == "<p>Hold it for 20 seconds.</p>"
        assert changed["updated_at"] > article["updated_at"]
        assert all(text["updated_at"] == article["updated_at"] for text in others)
        unchanged = await lab.http.get("articles", headers={"If-None-Match": before.headers["ETag"]})
        assert unchanged.status_code == 304, "the list's tag covers the ids only"
        assert (await lab.http.delete(f"{lab.address}/lab/articles/54")).status_code == 204
        assert (await lab.get("articles/54")).status_code == 404
        assert (await lab.http.get("articles", headers={"If-None-Match": before.headers["ETag"]})).status_code == 200
        for answer in (
            await lab.http.put(f"{lab.address}/lab/articles/54", json=change),
            await lab.http.delete(f"{lab.address}/lab/articles/54"),
        ):
            assert answer.status_code == 404
        no_such_text = await lab.http.put(f"{lab.address}/lab/articles/56", json={"locale": "fr", "title": "x"})
        assert no_such_text.status_code == 422


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.md": "---\ntitle: x\n"}, "has no closing ---"),
        ({"a.md": "---\ntitle: x\n---\n  \n"}, "has no text"),
        ({"a.md": "words only"}, "has no title"),
        ({"a.md": "---\ncolour: red\n---\n# T\nwords"}, "colour: Extra inputs"),
        ({"a.md": "---\nstatus: HIDDEN\n---\n# T\nwords"}, "status: Input should be"),
        ({"a.md": "---\nno colon\n---\n# T\nwords"}, "a.md:2: expected 'name: value'"),
        ({"a.md": "---\nid: 1\n---\n# T\nx", "b.md": "---\nid: 1\n---\n# T\nx"}, "twice in one language"),
    ],
)
def test_a_folder_that_cannot_be_loaded_changes_nothing(
    tmp_path: Path, files: Mapping[str, str], complaint: str
) -> None:
    desk = Desk()
    with pytest.raises(ArticleUnreadable, match=complaint):
        load_folder(desk.help_centre, folder_of(tmp_path, {"good.md": ENGLISH, **files}))
    assert desk.help_centre.articles == {}


def test_a_folder_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    desk = Desk()
    with pytest.raises(ArticleUnreadable, match="no such folder"):
        load_folder(desk.help_centre, tmp_path / "nowhere")
    (tmp_path / "image.md").write_bytes(b"\x89PNG\xff\x00")
    with pytest.raises(ArticleUnreadable, match=r"image\.md: is not a readable UTF-8 file"):
        load_folder(desk.help_centre, tmp_path)


def test_the_open_help_centre_loads_whole(shared_data: Path) -> None:
    desk = Desk()
    assert load_folder(desk.help_centre, shared_data / "kb_arduino" / "articles") == 414
    ids = {article.id for article in desk.help_centre.articles.values()}
    assert 10083505965468 in ids
    published = [article for article in desk.help_centre.articles.values() if desk.help_centre.is_public(article)]
    assert len(published) == 414
    assert {article.status for article in published} == {ArticleStatus.PUBLISHED}
    assert {section.visibility for section in desk.help_centre.sections.values()} == {Visibility.PUBLIC}
