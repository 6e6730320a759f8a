"""Whether a call is about a problem that has an open case already. Pure; when in doubt it is a new problem.

A second case for one problem costs an agent a minute; a call hidden in a stranger's case costs a customer. So all must
fit: the same caller, the same category, the same language, and at least two words and half of the matter in common.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.ticketing.domain.category import Category
from services.ticketing.domain.conversation import Caller, Conversation
from services.ticketing.domain.requester import same_address
from services.ticketing.domain.summary import Summary

REPEATS_WITHIN = timedelta(days=7)
"""After this long a call is a new problem even when it sounds like the old one."""
FEWEST_SHARED = 2
LEAST_OVERLAP = 0.5
"""Of the shorter of the two matters."""

_WORD = re.compile(r"[a-z]+|\d[\d.,/-]*")
_SMALL = """
a about after again all also am an and any are as at back be because been before being but by call called caller
can cannot could did do does doing down for from get gets got had has have having he hello help her here hi him
his how i if in into is it its just know like me more my need needs new no not now of off on once one only or
other our out over please problem question s she should since so some still t thank thanks that the their them
then there these they this those to too try trying up us very want wants was we were what when where which while
who why will with wondering would yes yet you your don doesn didn isn won can t ve re ll m d keep keeps
"""
_DAYS_AND_MONTHS = """
january february april june july august september october november december
monday tuesday wednesday thursday friday saturday sunday
"""
_SMALL_WORDS = frozenset(_SMALL.split())
_DATES = frozenset(_DAYS_AND_MONTHS.split())


@dataclass(frozen=True, slots=True)
class EarlierTicket:
    """A ticket of ours whose case may still be open."""

    ticket_id: UUID
    case_id: int
    case_url: str | None
    requester_id: int
    caller: Caller
    language: str
    summary: Summary


def is_repeat(conversation: Conversation, summary: Summary, earlier: EarlierTicket) -> bool:
    """Whether this conversation is about the earlier ticket's problem."""
    return (
        bool(conversation.caller_words)
        and _same_caller(conversation.caller, earlier.caller)
        and _is_english(conversation.language)
        and _is_english(earlier.language)
        and summary.category is earlier.summary.category is not Category.UNSURE
        and _same_matter(summary, earlier.summary)
    )


def _same_caller(one: Caller, other: Caller) -> bool:
    """The same confirmed address; without two of them the same number. A family shares a line, not an address."""
    if one.confirmed_email is not None and other.confirmed_email is not None:
        return same_address(one.confirmed_email, other.confirmed_email)
    return one.number is not None and one.number == other.number


def _is_english(language: str) -> bool:
    """Of other languages we do not know which words say nothing."""
    return language.partition("-")[0].lower() == "en"


def _same_matter(one: Summary, other: Summary) -> bool:
    ours, theirs = _words(one), _words(other)
    named, named_before = _names(ours), _names(theirs)
    if named and named_before and not named & named_before:
        return False  # another order, another invoice, another day
    shared = len(ours & theirs)
    return shared >= FEWEST_SHARED and shared >= LEAST_OVERLAP * min(len(ours), len(theirs))


def _words(summary: Summary) -> frozenset[str]:
    words = _WORD.findall(f"{summary.subject} {summary.wish}".lower().replace("\u2019", "'"))
    return frozenset(_stem(word.rstrip(".,/-")) for word in words if word not in _SMALL_WORDS)


def _names(words: frozenset[str]) -> frozenset[str]:
    """What says which one of several: numbers and days."""
    return frozenset(word for word in words if word[0].isdigit() or word in _DATES)


def _stem(word: str) -> str:
    """A word without its ending, roughly: restarts, restarted and restarting are one."""
    if word in _DATES or len(word) < 5:
        return word.removesuffix("s") if len(word) > 3 else word
    for ending in ("ing", "ed", "s"):
        if word.endswith(ending):
            word = word.removesuffix(ending)
            break
    if len(word) > 3 and word[-1] == word[-2]:
        return word[:-1]
    return word.removesuffix("e")
