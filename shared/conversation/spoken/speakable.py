"""Takes out of a sentence what cannot be said, and writes the rest the way a voice should read it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from shared.conversation.spoken.figures import figures_as_said
from shared.conversation.spoken.reading import email_as_said, web_address_as_said
from shared.conversation.understanding.domains import TOP_LEVEL

MOST_WORDS = 200
"""Of a whole reply; nobody listens to more."""

_EMAIL = re.compile(r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}\b")
_WEB = re.compile(
    r"\b(?:https?://|www\.)[^\s<>()\"']+[^\s<>()\"'.,;:!?]|"
    r"\b(?:[a-z0-9-]{1,63}\.){1,4}(?P<ending>[a-z]{2,12})\b(?:/[^\s<>()\"',;]*[^\s<>()\"'.,;:!?])?"
)
_ENDINGS = TOP_LEVEL | {"example"}
"""Of addresses written without their scheme; other words with a dot inside are file names."""
_CODE_FENCE = re.compile(r"```[a-z]*\n?|```|`")
_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
_CITATION = re.compile(
    r"\[(?:\d{1,3}|\^\w+|source[^\]]*)\]|【[^】]*】|\((?:source|see)?:? ?https?://[^)]*\)", re.IGNORECASE
)
_TEMPLATE = re.compile(r"<\|[^|>]{0,80}\|?>?|\[/?INST\]|<<?/?SYS>?>", re.IGNORECASE)
_TAG = re.compile(r"<[/!?]?[A-Za-z][^<>]{0,300}>|<[/!?]?[A-Za-z][\w:-]*$")
_LINE_MARK = re.compile(r"^\s*(?:#{1,6}\s+|>\s+|[-*•+]\s+|\|)", re.MULTILINE)
_RULE = re.compile(r"^\s*(?:[-*_=]\s*){3,}$", re.MULTILINE)
_EMPHASIS = re.compile(r"(\*{1,3}|~~|(?<!\w)_{1,3})(?=\S)(.+?)(?<=\S)\1(?!\w)")
_SYMBOLS = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\ufe0e\ufe0f\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f"
    "\u0000-\u0008\u000b-\u001f\u007f]"
)
_DAYS = {day[:3].lower(): day for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")}
_DAY = r"(mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)\b\.?"
_DAY_RANGE = re.compile(rf"\b{_DAY}\s?(?:[–—-]|to)\s?{_DAY}", re.IGNORECASE)
_LESS = re.compile(r"<\s?(?=\d)")
_REPLACED: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\be\.g\.,?", re.IGNORECASE), "for example"),
    (re.compile(r"\bi\.e\.,?", re.IGNORECASE), "that is"),
    (re.compile(r"\betc\.", re.IGNORECASE), "and so on"),
    (re.compile(r"\bvs\.?(?=\s)", re.IGNORECASE), "versus"),
    (re.compile(r"\bapprox\.", re.IGNORECASE), "approximately"),
    (re.compile(r"\s*(?:→|->|=>|»|(?<=\w)\s>(?=\s\w))\s*"), ", then "),
    (re.compile(r"½"), "one half"),
    (re.compile(r"\band/or\b"), "and or"),
    (re.compile(r"\bw/o\b"), "without"),
    (re.compile(r"(?<=\w)\+(?=\w)"), " plus "),
    (re.compile(r"(?<=[A-Za-z])\s?[–—]\s?(?=[A-Za-z])"), ", "),
    (re.compile(r"\s&\s|(?<=\b[A-Z])&(?=[A-Z]\b)"), " and "),
    (re.compile(r"(?<=\w)\s/\s(?=\w)"), " or "),
    (re.compile(r"@"), " at "),
    (re.compile(r"[|\\{}\[\]<>^~=_*#]+"), " "),
)
_SPACE_BEFORE_MARK = re.compile(r"\s+([,.;:!?])(?!\w)")
_DOUBLED_COMMA = re.compile(r"([,;:.!?])(?:\s*,)+")


def speakable(text: str) -> str:
    """`text` without markup, tags, emoji and control characters; addresses, amounts and ranges as people say them.

    An empty result means that there was nothing to say.
    """
    text = _LESS.sub("less than ", html.unescape(_TEMPLATE.sub(" ", text)))
    text = _TAG.sub(" ", _TEMPLATE.sub(" ", text))
    text = _CODE_FENCE.sub("", _LINK.sub(_link_text, _CITATION.sub(" ", _IMAGE.sub(" ", text))))
    text = _SYMBOLS.sub(" ", _LINE_MARK.sub("", _RULE.sub("", text)))
    text = _EMPHASIS.sub(r"\2", _EMPHASIS.sub(r"\2", text))
    text = _EMAIL.sub(lambda found: email_as_said(found.group()), text)
    text = _WEB.sub(_web_address, text)
    text = figures_as_said(_DAY_RANGE.sub(_days, text))
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    text = _DOUBLED_COMMA.sub(r"\1", _SPACE_BEFORE_MARK.sub(r"\1", " ".join(text.split())))
    return text if re.search(r"\w", text) else ""


def _link_text(link: re.Match[str]) -> str:
    """What a link is called; an address only when it has no other name."""
    return link.group(1).strip() or link.group(2)


def _web_address(found: re.Match[str]) -> str:
    ending = found["ending"]
    return found.group() if ending and ending not in _ENDINGS else web_address_as_said(found.group())


def _days(found: re.Match[str]) -> str:
    first, last = (_DAYS[found.group(place)[:3].lower()] for place in (1, 2))
    return f"{first} to {last}"


def count_words(text: str) -> int:
    """Words as a listener counts them."""
    return len(text.split())
