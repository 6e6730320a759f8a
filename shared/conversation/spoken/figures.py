"""Dates, telephone numbers, amounts, ranges and units, written as people say them."""

from __future__ import annotations

import calendar
import re

from shared.conversation.spoken.reading import number_as_said

_DIGIT = re.compile(r"\d")
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
_MONEY = re.compile(r"([$£€])\s?(\d[\d,]*)(?:\.(\d\d))?\b(?!\.?\d)|\b(\d[\d,]*)(?:\.(\d\d))?\s?([$£€])(?!\d)")
_MILLIONS = re.compile(r"([$£€])\s?(\d[\d,]*(?:\.\d+)?)\s?(thousand|million|billion|k|m|bn)\b", re.IGNORECASE)
_SIZES = {"k": "thousand", "m": "million", "bn": "billion"}
_CURRENCIES = {"$": ("dollar", "cent"), "£": ("pound", "pence"), "€": ("euro", "cent")}
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
_REPLACED = (
    (re.compile(r"\b24/7\b"), "24 hours a day, 7 days a week"),
    (re.compile(r"(?<=\d)\s?[–—-]\s?(?=\d)"), " to "),
    (re.compile(r"(?<=[ap]m)\s?[–—-]\s?(?=\d)|(?<=[ap]\.m\.)\s?[–—-]\s?(?=\d)", re.IGNORECASE), " to "),
    (re.compile(r"(?<![\w.])[-−](?=\d)"), "minus "),
    (re.compile(r"\bno\.\s?(?=\d)", re.IGNORECASE), "number "),
    (re.compile(r"#(?=\d)"), "number "),
    (re.compile(r"§\s?(?=\d)"), "section "),
    (re.compile(r"(?<![\d/])1/2(?![\d/])"), "one half"),
    (re.compile(r"(?<=\d)\s?%"), " percent"),
    (re.compile(r"(?<=\d)\s?°\s?C\b"), " degrees Celsius"),
    (re.compile(r"(?<=\d)\s?°\s?F\b"), " degrees Fahrenheit"),
)


def figures_as_said(text: str) -> str:
    """`text` with its figures as a voice should read them; most sentences have none."""
    if not _DIGIT.search(text):
        return text
    for dates in (_DATE, _EUROPEAN_DATE, _AMERICAN_DATE):
        text = dates.sub(_date, text)
    text = _PHONE.sub(lambda found: _telephone(found.group()), text)
    text = _UNIT.sub(_measure, _MONEY.sub(_amount, _MILLIONS.sub(_large_amount, text)))
    for pattern, replacement in _REPLACED:
        text = pattern.sub(replacement, text)
    return text


def _telephone(number: str) -> str:
    """A telephone number digit by digit; shorter figures, dates and ranges stay as they are."""
    digits = sum(character.isdigit() for character in number)
    return number_as_said(number) if digits >= 7 and not _YEARS.fullmatch(number) else number


def _date(found: re.Match[str]) -> str:
    month, day = int(found["month"]), int(found["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return found.group()
    return f"{_MONTHS[month]} {day}, {found['year']}"


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
