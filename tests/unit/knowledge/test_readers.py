from __future__ import annotations

import codecs
import random

import pytest

from services.knowledge.adapters.readers import MOST_BYTES, read_file
from services.knowledge.domain.article import ArticleText
from shared.errors import Invalid, TooLarge


def read(text: str | bytes, name: str = "restart-router.md", locale: str = "en") -> ArticleText:
    return read_file(name, text.encode() if isinstance(text, str) else text, locale)


def test_front_matter_names_the_article_and_its_place() -> None:
    article = read(
        '---\nid: 54\ntitle: "Restart your \\"router\\""\nsection: Devices/Home\nlocale: de-DE\n'
        "url: https://help.example.com/54\nkeywords: reboot, reset\nnested:\n  - x\n---\n\n# Other\n\nText.\n"
    )
    assert (article.title, article.section, article.locale) == ('Restart your "router"', "Devices/Home", "de-de")
    assert (article.url, article.keywords, article.external_id) == (
        "https://help.example.com/54",
        "reboot, reset",
        "restart-router.md",
    )


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("a.md", "# Heading\n\nText.", "Heading"),
        ("restart-your_router.md", "Only text.", "restart your router"),
        ("a.html", "<title>Page</title><h1>Shown</h1><p>x</p>", "Shown"),
        ("a.html", "<title>Page</title><p>x</p>", "Page"),
        ("a.txt", "Restarting\n\nPull the plug.", "Restarting"),
        ("folder\\pull-the-plug.txt", "Pull the plug.", "pull the plug"),
    ],
)
def test_every_article_has_a_title(name: str, text: str, title: str) -> None:
    assert read(text, name).title == title


def test_markdown_and_html_of_the_same_words_are_the_same_article() -> None:
    markdown = read("# T\n\nOne *two*.\n\n- a\n- b\n", "x.md")
    html = read("<h1>T</h1><p>One <em>two</em>.</p><ul><li>a</li><li>b</li></ul>", "x.html")
    assert markdown.body == html.body


def test_raw_html_in_markdown_is_read_as_a_page_would_show_it() -> None:
    article = read("# T\n\nA<!-- b --> c <span style='display:none'>d</span> e\n\n<div hidden>f</div>\n\n<b>g</b>")
    assert article.body == "# T\n\nA c e\n\ng"


def test_the_hash_follows_what_is_searched() -> None:
    first = read("# T\n\nText.")
    assert read("# T\n\n\nText.   \n").content_hash == first.content_hash
    assert read("# T\n\nText!").content_hash != first.content_hash
    assert read("---\nkeywords: reset\n---\n# T\n\nText.").content_hash != first.content_hash


GERMAN = "Die Rückerstattung dauert höchstens fünf Tage. Wählen Sie das Gerät und öffnen Sie die Übersicht."
POLISH = "Jak zresetować hasło? Proszę nacisnąć przycisk i poczekać, aż urządzenie się uruchomi."
RUSSIAN = "Как перезагрузить роутер? Нажмите кнопку питания и подождите десять секунд."


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "cp1252"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-8-sig"),
        (POLISH, "cp1250"),
        (RUSSIAN, "cp1251"),
        ("It’s “simple” – restart your router.", "cp1252"),
        ("ルーターを再起動する方法。電源ボタンを十秒間押してください。", "shift_jis"),
    ],
)
def test_other_encodings_are_recognised(text: str, encoding: str) -> None:
    assert text.split(maxsplit=1)[0] in read(text.encode(encoding), "x.txt").body


def test_html_may_name_its_encoding() -> None:
    data = '<meta charset="windows-1252"><p>Größe</p>'.encode("cp1252")
    assert read(data, "x.html").body == "Größe"


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("a.md", b"", "empty"),
        ("a.md", b" \r\n\t ", "empty"),
        ("a.md", codecs.BOM_UTF8, "empty"),
        ("a.md", b"<!-- nothing -->", "no visible text"),
        ("a.md", b"---\ntitle: T\n---\n", "no visible text"),
        ("a.html", b"<html><body><script>x</script></body></html>", "no visible text"),
        ("a.md", b"%PDF-1.7\n\xe2\xe3", "a PDF"),
        ("a.txt", b"PK\x03\x04\x14\x00", "ZIP"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", "an image"),
        ("a.md", b"text with \x00 in it", "binary"),
        ("a.md", b"text with \x07\x08 in it", "binary"),
        ("a.md", random.Random(1).randbytes(4000), "binary"),
        ("a.md", "Übergang über die Brücke".encode()[:-1] + b"\xc3", "damaged"),
        ("a.md", bytes(byte | 0x80 for byte in random.Random(2).randbytes(3000)), "cannot be told"),
        ("a.html", b'<meta charset="utf-99"><p>\xff\xfe\xfa</p>', "cannot be told"),
        ("a.md", b"<!DOCTYPE html><html><p>x</p></html>", "name it .html"),
        ("a.docx", b"text", "send Markdown"),
        ("a", b"text", "send Markdown"),
        ("", b"text", "needs a name"),
        ("x" * 300 + ".md", b"text", "needs a name"),
    ],
)
def test_what_is_no_article_is_refused_with_a_reason(name: str, data: bytes, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        read(data, name)


def test_a_huge_file_is_refused() -> None:
    with pytest.raises(TooLarge, match="5 MiB"):
        read(b"x" * (MOST_BYTES + 1))


def test_a_locale_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid, match="en-us"):
        read("text", locale="english!")
