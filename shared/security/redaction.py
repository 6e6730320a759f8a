"""Takes personal data and secrets out of text, before logs and traces and before what must not leave.

Pure and idempotent: `redact(redact(text)) == redact(text)`. Every pattern runs in linear time; longer texts are cut
first. What it cannot know (a name without a context, an address in prose) it does not find: it is the last net, not the
rule. The rule is that log fields are a closed list without any field for people's data.
"""

from __future__ import annotations

import re
from collections.abc import Callable

LONGEST = 20_000
"""Characters looked at; what comes after is dropped, never passed through unread."""

_SECRET_FORMS = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    r"\bcw[sr]?_[A-Za-z0-9_]{20,}",
    r"\b(?:SK|AC)[0-9a-fA-F]{32}\b",
    r"\bsk-[A-Za-z0-9_-]{16,}",
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
    r"\b(?:Bearer|Basic|Token) +[A-Za-z0-9._~+/=-]{8,}",
    r"(?<=://)[^/\s:@]{1,200}:[^/\s@]{1,200}(?=@)",
    r"(?<=token=)[^&\s]{4,200}",
    r"(?<=password=)[^&\s]{1,200}",
)
_SECRETS = re.compile("|".join(_SECRET_FORMS))
_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}")
_SPOKEN_EMAIL = re.compile(
    r"\b(?:[A-Za-z0-9]{1,64} +){1,8}at +"
    r"[A-Za-z0-9]{1,63}(?: +dot +[A-Za-z]{2,63}){1,4}\b",
    re.IGNORECASE,
)
_PHONE = re.compile(r"\+[0-9](?:[ ().-]{0,2}[0-9]){6,14}")
_DIGITS = re.compile(r"(?<![0-9A-Za-z-])[0-9](?:[ .-]?[0-9]){8,40}(?![0-9A-Za-z-])")

_SPOKEN_DIGIT = (
    "(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple"
    "|null|eins|zwei|drei|vier|fünf|sechs|sieben|acht|neun|[0-9])"
)
_SPOKEN_DIGITS = re.compile(rf"\b{_SPOKEN_DIGIT}(?:[ ,-]{{1,2}}{_SPOKEN_DIGIT}){{6,40}}\b", re.IGNORECASE)

_STEPS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (_SECRETS, "[secret]"),
    (_EMAIL, "[email]"),
    (_SPOKEN_EMAIL, "[email]"),
    (_PHONE, "[phone]"),
    (_DIGITS, lambda found: "[card]" if is_card_number(found.group()) else "[digits]"),
    (_SPOKEN_DIGITS, "[digits]"),
)


def is_card_number(text: str) -> bool:
    """Whether the digits of `text` have a card's length and pass the Luhn check."""
    digits = [int(character) for character in text if character.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def redact(text: str) -> str:
    """`text` with secrets, e-mail addresses, telephone numbers and long runs of digits replaced by their kind."""
    text = text[:LONGEST]
    for pattern, replacement in _STEPS:
        text = pattern.sub(replacement, text)
    return text


def holds_secret(text: str) -> bool:
    """Whether something in `text` has the form of a key, a token or a password in an address."""
    return _SECRETS.search(text) is not None


def without_card_numbers(text: str) -> str:
    """`text` with card numbers replaced, and nothing else: for the record and the ticket, which keep contact data."""
    return _DIGITS.sub(lambda found: "[card]" if is_card_number(found.group()) else found.group(), text)
