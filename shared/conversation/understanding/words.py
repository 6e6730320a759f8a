"""The tables a language consists of, for understanding. One file per language fills them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

PhraseIndex = Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]
"""By first word: the phrases that begin with it, longest first, each with the name of its table."""


@dataclass(frozen=True)
class SpellingWords:
    """How people say an address or spell a word. Keys are lower case, without accents and apostrophes."""

    at: frozenset[str]
    dot: frozenset[str]
    underscore: frozenset[str]
    dash: frozenset[str]
    plus: frozenset[str]
    leads: frozenset[str]
    """What comes right before an address: "is", "email", "its"."""
    spells: frozenset[str]
    """What announces that the word before is now spelled."""
    restarts: frozenset[str]
    """What takes back the words before."""
    noise: frozenset[str]
    """What means nothing inside an address: fillers, "all lower case", "and then"."""
    letter_sizes: frozenset[str]
    """Said before a letter and without meaning in an address: "capital", "small"."""
    explains: frozenset[str]
    """Between a letter and the word that makes it clear: "as in"."""
    explains_maybe: frozenset[str]
    """The same when the word really begins with that letter: "for", "like"."""
    repeats: Mapping[str, int]
    double_letter_w: frozenset[str]
    """The name of the letter W where it is two words."""
    units: Mapping[str, int]
    teens: Mapping[str, int]
    tens: Mapping[str, int]
    hundred: frozenset[str]
    alphabet: Mapping[str, str]
    """Words of the spelling alphabet to their letters."""
    names_in_alphabet: frozenset[str]
    """Those that are also people's names: a single one is a name."""
    letter_sounds: Mapping[str, str]
    """Words that a recogniser writes for the name of a letter."""
    digit_sounds: Mapping[str, str]
    """Words that a recogniser writes for a digit."""
    mishearings: Mapping[str, str]
    """What a recogniser writes for a part of a domain."""
    ordinals: Mapping[str, int]
    """"first" is 1; "last" is -1."""
    negation: str
    """"not", between what is right and what is wrong."""
    without: frozenset[str]
    """Before a sign that is not in the address."""
    instead: frozenset[str]
    """Between what is right and what it replaces."""
    between: str
    """After a sign and before the two words it stands between."""
    single: frozenset[str]
    """Before a letter that was doubled by mistake: "only one"."""

    @cached_property
    def phrases(self) -> PhraseIndex:
        """Everything that is said about an address and is no part of it."""
        tables = ("at", "dot", "underscore", "dash", "plus", "spells", "leads", "restarts", "noise")
        return _index({name: getattr(self, name) for name in tables})

    @cached_property
    def explanations(self) -> PhraseIndex:
        """What stands between a letter and the word that makes it clear."""
        return _index({"explains": self.explains, "explains_maybe": self.explains_maybe})


def _index(tables: Mapping[str, frozenset[str]]) -> PhraseIndex:
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for name, phrases in tables.items():
        for phrase in phrases:
            parts = tuple(phrase.split())
            found.setdefault(parts[0], []).append((parts, name))
    return {first: tuple(sorted(entries, key=lambda entry: -len(entry[0]))) for first, entries in found.items()}


@dataclass(frozen=True, slots=True)
class AnswerWords:
    """Patterns over a whole utterance; searched, not matched, unless they are anchored."""

    fillers: re.Pattern[str]
    """Taken out before anything else is looked at."""
    yes: re.Pattern[str]
    no: re.Pattern[str]
    unsure: re.Pattern[str]
    refusal: re.Pattern[str]
    why: re.Pattern[str]
    thanks: re.Pattern[str]
    goodbye: re.Pattern[str]
    done: re.Pattern[str]
    greeting: re.Pattern[str]
    person: re.Pattern[str]
    person_alone: re.Pattern[str]
    """Asks for a person when nothing else is said."""
    repeat: re.Pattern[str]
    wait: re.Pattern[str]
    are_you_human: re.Pattern[str]
    who_are_you: re.Pattern[str]
    can_you_hear: re.Pattern[str]
    not_helped: re.Pattern[str]
    acknowledges: re.Pattern[str]
    accepts: re.Pattern[str]
    """Takes up an offer of more help: "yes", "yes, one more thing"."""
    no_calls: re.Pattern[str]
    """Asks never to be called again."""
    polite: re.Pattern[str]
    """Words that carry no content beside the meanings above."""


@dataclass(frozen=True, slots=True)
class QuestionWords:
    """What tells a question from talk, and a vague one from a clear one."""

    opens_question: re.Pattern[str]
    """Beginnings that ask: "how do I", "can you"."""
    interrogative: re.Pattern[str]
    """Beginnings of which nothing but a question can come."""
    function_words: frozenset[str]
    """Words without content of their own."""
    vague_words: frozenset[str]
    """Content words that name no problem: "problem", "help", "account"."""
    follow_up: re.Pattern[str]
    """Beginnings that lean on what was said before: "and how long"."""
    pointers: frozenset[str]
    """"it", "that": words that stand for the last topic."""
    unfinished: re.Pattern[str]
    """Endings after which a speaker goes on."""
    asking_words: frozenset[str]
    """Words that say what a question asks for: "how", "when"."""
    telling_words: frozenset[str]
    """Words without content that make another question of the same content: "long", "without", "your"."""
    denying_words: frozenset[str]
    names_existence: re.Pattern[str]
    """"is there": the pointer in it points to nothing."""
    wants_figure: re.Pattern[str]
    """Asks for a date, a time, an amount or a price."""
    mentions_email: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class ClaimWords:
    """What a model must not say, whatever it was told."""

    ticket: re.Pattern[str]
    """That a ticket exists or somebody was informed."""
    action: re.Pattern[str]
    """That something was done for the caller."""
    human: re.Pattern[str]
    """That it is a person."""
    more: re.Pattern[str]
    """Asks whether there is anything else: that is asked for it."""


@dataclass(frozen=True, slots=True)
class Words:
    """Everything understanding knows about one language."""

    spelling: SpellingWords
    answers: AnswerWords
    questions: QuestionWords
    claims: ClaimWords
    keys: Mapping[str, str]
    """What pressing a key of the telephone says, by key."""
