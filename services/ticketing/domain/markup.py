"""Small HTML for posts. Callers' and models' words pass through `safe` before they meet a tag."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from shared.security.redaction import without_card_numbers
from shared.security.xml_text import clean_xml_text

LONGEST_TEXT = 8_000
"""Characters of one piece of text; a single turn is far shorter."""
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def safe(text: str) -> str:
    """`text` for a post: no markup, no control or direction characters, no card number."""
    visible = _INVISIBLE.sub("", clean_xml_text(text, LONGEST_TEXT))
    return html.escape(without_card_numbers(visible))


def section(title: str, body: str) -> str:
    """A heading and what belongs to it; nothing when the body is empty."""
    return f"<h3>{title}</h3>{body}" if body else ""


def paragraph(text: str) -> str:
    """A paragraph of plain text; nothing when it is empty."""
    return f"<p>{safe(text)}</p>" if text.strip() else ""


def bullets(items: Iterable[str]) -> str:
    """A list of items that are HTML already; nothing when there are none."""
    lines = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def link(text: str, address: str | None) -> str:
    """A link, or the bare text when the address is none that a browser should open."""
    if address is None or not address.startswith(("https://", "http://")):
        return safe(text)
    return f'<a href="{html.escape(address)}">{safe(text)}</a>'


def time_of(moment: datetime) -> str:
    """A time as people in any zone can read it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def length(seconds: int) -> str:
    """A length of time, such as 3 min 05 s."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
