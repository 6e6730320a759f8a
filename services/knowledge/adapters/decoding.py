"""Bytes of a text file to characters, or a sentence that says why not."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from shared.errors import Invalid

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"\x1f\x8b": "a compressed archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"SQLite format 3": "a database",
}
_DECLARED = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{2,40})", re.IGNORECASE)
DECLARED_WITHIN = 4096
"""Bytes of an HTML document in which its own declaration of an encoding is looked for."""
LOOKED_AT = 65_536
"""Bytes from which an undeclared encoding is guessed."""
WESTERN = "cp1252"
USUAL = (WESTERN, "cp1250", "cp1251", "cp1253", "cp1254", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr")
MOST_CHAOS = 0.15
"""Share of unlikely characters above which a guess is not a text."""
SURE = 0.4
"""Likeness to a known language from which a guess among several is believed."""
_CONTROLS = re.compile("[\u0000-\u0008\u000e-\u001a\u001c-\u001f]")

NOT_TEXT = "its encoding cannot be told with certainty: save it as UTF-8"


def decode(data: bytes) -> str:
    """The text of a file in UTF-8, or in an encoding that it declares or that can be told with confidence.

    Raises Invalid when the file is empty, is another kind of file, or cannot be read without guessing wildly.
    """
    if not data.strip(b"\0 \t\r\n\x0b\x0c"):
        raise Invalid("it is empty")
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            raise Invalid(f"it is {kind}, not Markdown, HTML or plain text")
    text = _text_of(data)
    if _CONTROLS.search(text):
        raise Invalid("it holds binary data, not text")
    if not text.strip():
        raise Invalid("it is empty")
    return text


def _text_of(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if b"\0" in data:
        raise Invalid("it holds binary data, not text")
    if declared := _DECLARED.search(data[:DECLARED_WITHIN]):
        return _decoded(data, declared[1].decode("ascii"))
    if _is_damaged_utf8(data):
        raise Invalid("it is UTF-8 with damaged characters in it: save it again")
    return _decoded(data, _guessed(_whole_lines(data)))


def _is_damaged_utf8(data: bytes) -> bool:
    """More characters that only UTF-8 can explain than bytes it cannot."""
    text = data.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) - broken > broken


def _guessed(data: bytes) -> str:
    """An encoding that reads like a language. Western European wins a tie: it is what most editors write."""
    found = list(from_bytes(data, cp_isolation=list(USUAL), threshold=MOST_CHAOS))
    if not found:
        raise Invalid(NOT_TEXT)
    best = max(found, key=lambda guess: (guess.coherence, WESTERN in guess.could_be_from_charset))
    if len(found) > 1 and best.coherence < SURE and WESTERN not in best.could_be_from_charset:
        raise Invalid(NOT_TEXT)
    return WESTERN if WESTERN in best.could_be_from_charset else str(best.encoding)


def _whole_lines(data: bytes) -> bytes:
    """The beginning, cut at a line end so that no character is cut in two."""
    if len(data) <= LOOKED_AT:
        return data
    end = data.rfind(b"\n", 0, LOOKED_AT)
    return data[: end if end > 0 else LOOKED_AT]


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise Invalid(NOT_TEXT) from error
