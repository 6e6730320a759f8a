"""What a ticket is about, from a short list of our own; `unsure` sends it to a person who knows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum


class Category(StrEnum):
    """The desk's categories; the value is the tag a case carries."""

    TECHNICAL = "technical-problem"
    BILLING = "billing"
    ACCOUNT = "account"
    ORDER = "order"
    APPOINTMENT = "appointment"
    CANCELLATION = "cancellation"
    PRODUCT = "product-information"
    COMPLAINT = "complaint"
    UNSURE = "unsure"


MEANINGS: dict[Category, str] = {
    Category.TECHNICAL: "something does not work or must be set up or repaired",
    Category.BILLING: "invoices, charges, payments, refunds, prices on a bill",
    Category.ACCOUNT: "sign-in, password, personal data, contract data",
    Category.ORDER: "an order, a delivery, a return of goods",
    Category.APPOINTMENT: "making, moving or calling off a visit or an appointment",
    Category.CANCELLATION: "ending a contract, a subscription or a service",
    Category.PRODUCT: "what the company offers, how something works, opening hours",
    Category.COMPLAINT: "dissatisfaction with how the company acted",
    Category.UNSURE: "none of these, or not clear",
}

_WORDS: dict[Category, str] = {
    Category.TECHNICAL: (
        r"broken|crash\w*|error\w*|fault\w*|fix|install\w*|not work\w*|(?:does|did|do|is|are)n't work\w*|offline"
        r"|outage|repair\w*|reset\w*|restart\w*|reboot\w*|slow\w*|stopp?ed working|connect\w*|signal|wi-?fi|router"
        r"|modem|light|update\w*|upload\w*|compil\w*|driver\w*|no internet|down|configur\w*|set(?:ting)? up|setup"
    ),
    Category.BILLING: (
        r"bill(?:s|ed|ing)?|invoice\w*|charg\w*|pay(?:s|ing|ments?|able)?|paid|refund\w*|fees?|credit(?:ed)?|price\w*"
        r"|direct debit|overcharg\w*|receipt\w*|tax|statement|transaction\w*"
    ),
    Category.ACCOUNT: (
        r"account|log ?in|log ?on|sign ?in|password\w*|passcode|user ?name|profile|my (?:address|name|number|details)"
        r"|locked out|verif\w*|identity|pin"
    ),
    Category.ORDER: (
        r"order\w*|deliver\w*|ship(?:ped|ping|ment)?|parcel\w*|package\w*|track\w*|return(?:ed|ing|s)?|exchang\w*"
        r"|arriv\w*"
    ),
    Category.APPOINTMENT: (
        r"appointment\w*|book(?:ed|ing)?|reschedul\w*|schedul\w*|engineer|technician|visit\w*|reserv\w*|slot"
    ),
    Category.CANCELLATION: (
        r"cancel\w*|terminat\w*|end my (?:contract|subscription|service)|close my account|unsubscrib\w*"
    ),
    Category.PRODUCT: (
        r"opening hours|(?:are|when do) you open|do you (?:offer|sell|have|provide)|how much (?:is|are|does)|available"
        r"|compatib\w*|support(?:s|ed)?|difference between|features?|plans?|coverage"
    ),
    Category.COMPLAINT: (
        r"complain\w*|unacceptable|disappoint\w*|rude|third time|again and again|fed up|terrible|awful|manager"
        r"|nobody (?:called|came|helps?)"
    ),
}
_PATTERNS = {category: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for category, words in _WORDS.items()}

STRONGER: dict[Category, int] = {Category.CANCELLATION: 3, Category.COMPLAINT: 2, Category.APPOINTMENT: 2}
"""Words of these say what a caller wants, even among more words about the thing it concerns."""


def category_by_words(texts: Iterable[str]) -> Category:
    """The category whose words occur most; UNSURE when none does, or when two are level."""
    scores: Counter[Category] = Counter()
    for text in texts:
        for category, pattern in _PATTERNS.items():
            different = {found.lower() for found in pattern.findall(text)}
            scores[category] += len(different) * STRONGER.get(category, 1)
    (best, most), (_, second) = scores.most_common(2) or [(Category.UNSURE, 0), (Category.UNSURE, 0)]
    return best if most > second else Category.UNSURE
