"""Addresses the platform gave us: what is signed, where the connection really goes, what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def signed_form(url: str) -> str:
    """The string a webhook is signed over: no user info, no fragment, and no port with https (plain http keeps it)."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme == "https":
        host = host.partition(":")[0] if not host.startswith("[") else host.partition("]")[0] + "]"
    return urlunsplit((parts.scheme, host, parts.path, parts.query, ""))


def is_on_this_desk(url: str) -> bool:
    """Whether an address without TLS may be used: Twilio itself would refuse it, on loopback nobody can listen in."""
    return urlsplit(url).hostname in LOOPBACK


def really(url: str, origins: Mapping[str, str]) -> str:
    """The address to connect to: another origin's when the settings name one, as a tunnel would."""
    parts = urlsplit(url)
    web = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
    given = origins.get(f"{web}://{parts.netloc.rpartition('@')[2]}")
    if given is None:
        return url
    target = urlsplit(given)
    scheme = {"https": "wss", "http": "ws"}[target.scheme] if parts.scheme in ("ws", "wss") else target.scheme
    return urlunsplit((scheme, target.netloc, parts.path, parts.query, ""))
