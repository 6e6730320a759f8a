"""Templates, and the one place where foreign HTML is let through."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import nh3
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

FOLDER = Path(__file__).parent
TAGS = {
    "a", "b", "blockquote", "br", "code", "dd", "dl", "dt", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p",
    "pre", "strong", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
"""What a note or an article may be made of; no images: they would tell their owner who reads."""
ADDRESSES = {"http", "https", "mailto"}


def safe_html(html: str) -> Markup:
    """Foreign HTML without anything that acts, loads or disguises."""
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href"}},
        url_schemes=ADDRESSES,
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # noqa: S704  (cleaned one line above)


def clock_time(seconds: float) -> str:
    """Seconds of a call as `m:ss.t`."""
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}:{rest:04.1f}"


def moment(value: datetime) -> str:
    """A time of day, in UTC."""
    return value.astimezone(UTC).strftime("%d %b %Y, %H:%M:%S UTC")


def environment() -> Environment:
    """Templates escape everything; a name they do not know is an error."""
    found = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"safe_html": safe_html, "clock_time": clock_time, "moment": moment}
    return found
