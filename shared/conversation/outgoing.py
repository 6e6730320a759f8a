"""What a model wrote, sentence by sentence, before it is spoken: what must not be said is taken out here.

The last lock, after the prompt: security guide, section 6.5. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from shared.conversation.spoken.speakable import speakable
from shared.conversation.understanding.answers import bare
from shared.conversation.understanding.words import ClaimWords
from shared.security.redaction import holds_secret

_CONTACT = re.compile(
    r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,200}|(?:https?://|www\.)[^\s<>\"')]+|"
    r"\b(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|io|co|app|info|biz|example)\b(?:/[^\s<>\"')]*)?|\+?\d(?:[ "
    r"().-]{0,2}\d){6,18}",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\{\{|\}\}|\{[a-z_.]+\}|\[contact data\]|\[(?:email|phone|digits|card|secret)\]", re.IGNORECASE
)
_ASIDE = re.compile(r"^\s*\*?[(\[](?!\d)[^)\]]*[)\]]\*?\s*$")


class Rule(StrEnum):
    """Why a sentence is not spoken."""

    CONTACT = "contact"
    """A number, link or address that nobody gave it."""
    PLACEHOLDER = "placeholder"
    CREDENTIAL = "credential"
    ACTION = "action"
    """It claims to have done, or to be about to do, what it cannot."""
    TICKET = "ticket"
    """It speaks of a ticket or a call-back, and quotes no passage: our own sentence does that, and then it is true."""
    HUMAN = "human"
    MORE = "more"
    EMPTY = "empty"
    """Nothing speakable in it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What to say, or why not."""

    text: str
    broken: Rule | None = None


def check(sentence: str, given: str, claims: ClaimWords) -> Checked:
    """`sentence` as it may be spoken. `given` are the passages and instructions, which it may quote."""
    if (rule := _broken(sentence, given, claims)) is not None:
        return Checked("", rule)
    text = speakable(sentence)
    return Checked(text) if text else Checked("", Rule.EMPTY)


def _broken(sentence: str, given: str, claims: ClaimWords) -> Rule | None:  # noqa: PLR0911  (a rule a line)
    if _PLACEHOLDER.search(sentence) or _ASIDE.match(sentence):
        return Rule.PLACEHOLDER
    if holds_secret(sentence):
        return Rule.CREDENTIAL
    if not all(_is_given(found.group(), given) for found in _CONTACT.finditer(sentence)):
        return Rule.CONTACT
    told = bare(sentence)
    if claims.human.search(told):
        return Rule.HUMAN
    if claims.ticket.search(told) and told not in bare(given):
        return Rule.TICKET
    if claims.action.search(told):
        return Rule.ACTION
    return Rule.MORE if claims.more.search(told) else None


def _is_given(found: str, given: str) -> bool:
    """Whether it stands in what the model was given; figures are compared by their digits."""
    if found.strip(".,").casefold() in given.casefold():
        return True
    digits = re.sub(r"\D", "", found)
    return len(digits) >= 7 and not re.search(r"[a-z@]", found, re.IGNORECASE) and digits in re.sub(r"[^\d]", "", given)
