"""Takes out of a sentence what cannot be said, and writes the rest the way a voice should read it."""

from __future__ import annotations

import calendar
import html
import re
from collections.abc import Callable

from shared.conversation.spoken.reading import email_as_said, number_as_said, web_address_as_said
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
_PHONE = re.compile(
    r"(?<![\w.])(?:\+\d{1,3}[ .-]?|1[ .-](?=\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}))?(?:\(\d{2,5}\)[ .-]?)?\d{2,5}"
    r"(?:[ .-]\d{2,5}){1,4}(?![\w%]|\.\d)|\+\d{7,15}"
)
_DATE = re.compile(r"\b(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)\b")
_EUROPEAN_DATE = re.compile(r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>(?:19|20)\d\d)\b")
_AMERICAN_DATE = re.compile(r"\b(?P<month>\d{1,2})/(?P<day>1[3-9]|2\d|3[01])/(?P<year>(?:19|20)\d\d)\b")
"""Where the day cannot be the month; otherwise nobody knows which is which."""
_YEARS = re.compile(r"(?:19|20)\d\d[ -](?:19|20)\d\d")
_MONTHS = calendar.month_name
"""In the language of the process, which is English unless somebody sets a locale."""
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
_MONEY = re.compile(r"([$£€])\s?(\d[\d,]*)(?:\.(\d\d))?\b(?!\.?\d)|\b(\d[\d,]*)(?:\.(\d\d))?\s?([$£€])(?!\d)")
_MILLIONS = re.compile(r"([$£€])\s?(\d[\d,]*(?:\.\d+)?)\s?(thousand|million|billion|k|m|bn)\b", re.IGNORECASE)
_SIZES = {"k": "thousand", "m": "million", "bn": "billion"}
_CURRENCIES = {"$": ("dollar", "cent"), "£": ("pound", "pence"), "€": ("euro", "cent")}
_DAYS = {day[:3].lower(): day for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")}
_DAY = r"(mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)\b\.?"
_DAY_RANGE = re.compile(rf"\b{_DAY}\s?(?:[–—-]|to)\s?{_DAY}", re.IGNORECASE)
_UNITS = {
    "min": "minute", "mins": "minute", "hr": "hour", "hrs": "hour", "sec": "second", "secs": "second", "kg": "kilogram",
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "km/h": "kilometers per hour", "mph": "miles per hour",
    "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "MB/s": "megabytes per second",
    "Mbps": "megabits per second", "Mbit/s": "megabits per second", "Gbps": "gigabits per second",
    "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "kWh": "kilowatt hour",
}  # fmt: skip
_ALWAYS_SO = ("per ", "hertz")
"""In names of units that have no other form for more than one."""
_UNIT = re.compile(rf"\b(\d[\d,.]*)\s?({'|'.join(sorted(_UNITS, key=len, reverse=True))})\b(?!/)(\.(?=\s+[a-z]))?")
_LESS = re.compile(r"<\s?(?=\d)")
_REPLACED: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\be\.g\.,?", re.IGNORECASE), "for example"),
    (re.compile(r"\bi\.e\.,?", re.IGNORECASE), "that is"),
    (re.compile(r"\betc\.", re.IGNORECASE), "and so on"),
    (re.compile(r"\bvs\.?(?=\s)", re.IGNORECASE), "versus"),
    (re.compile(r"\bapprox\.", re.IGNORECASE), "approximately"),
    (re.compile(r"\b24/7\b"), "24 hours a day, 7 days a week"),
    (re.compile(r"\s*(?:→|->|=>|»|(?<=\w)\s>(?=\s\w))\s*"), ", then "),
    (re.compile(r"(?<=\d)\s?[–—-]\s?(?=\d)"), " to "),
    (re.compile(r"(?<=[ap]m)\s?[–—-]\s?(?=\d)|(?<=[ap]\.m\.)\s?[–—-]\s?(?=\d)", re.IGNORECASE), " to "),
    (re.compile(r"(?<![\w.])[-−](?=\d)"), "minus "),
    (re.compile(r"\bno\.\s?(?=\d)", re.IGNORECASE), "number "),
    (re.compile(r"#(?=\d)"), "number "),
    (re.compile(r"§\s?(?=\d)"), "section "),
    (re.compile(r"½|(?<![\d/])1/2(?![\d/])"), "one half"),
    (re.compile(r"\band/or\b"), "and or"),
    (re.compile(r"\bw/o\b"), "without"),
    (re.compile(r"(?<=\w)\+(?=\w)"), " plus "),
    (re.compile(r"(?<=[A-Za-z])\s?[–—]\s?(?=[A-Za-z])"), ", "),
    (re.compile(r"(?<=\d)\s?%"), " percent"),
    (re.compile(r"(?<=\d)\s?°\s?C\b"), " degrees Celsius"),
    (re.compile(r"(?<=\d)\s?°\s?F\b"), " degrees Fahrenheit"),
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
    for dates in (_DATE, _EUROPEAN_DATE, _AMERICAN_DATE):
        text = dates.sub(_date, text)
    text = _PHONE.sub(lambda found: _telephone(found.group()), text)
    text = _MONEY.sub(_amount, _MILLIONS.sub(_large_amount, text))
    text = _UNIT.sub(_measure, _DAY_RANGE.sub(_days, text))
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


def _telephone(number: str) -> str:
    """A telephone number digit by digit; shorter figures, dates and ranges stay as they are."""
    digits = sum(character.isdigit() for character in number)
    return number_as_said(number) if digits >= 7 and not _YEARS.fullmatch(number) else number


def _date(found: re.Match[str]) -> str:
    month, day = int(found["month"]), int(found["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return found.group()
    return f"{_MONTHS[month]} {day}, {found['year']}"


def _days(found: re.Match[str]) -> str:
    first, last = (_DAYS[found.group(place)[:3].lower()] for place in (1, 2))
    return f"{first} to {last}"


def _measure(found: re.Match[str]) -> str:
    unit = _UNITS[found.group(2)]
    plural = "" if found.group(1) == "1" or any(part in unit for part in _ALWAYS_SO) else "s"
    return f"{found.group(1)} {unit}{plural}"


def _large_amount(found: re.Match[str]) -> str:
    size = found.group(3).lower()
    return f"{found.group(2)} {_SIZES.get(size, size)} {_CURRENCIES[found.group(1)][0]}s"


def _amount(found: re.Match[str]) -> str:
    unit, part = _CURRENCIES[found.group(1) or found.group(6)]
    whole, hundredths = found.group(2) or found.group(4), found.group(3) or found.group(5)
    plural = "" if whole == "1" else "s"
    cents = f" {hundredths}" if hundredths and hundredths != "00" else ""
    return f"{whole} {unit}{plural}{cents and ' and' + cents + ' ' + part}{'s' if cents and part == 'cent' else ''}"


def count_words(text: str) -> int:
    """Words as a listener counts them."""
    return len(text.split())
