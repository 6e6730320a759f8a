"""What the telephone itself says when hearing or speech fails, per language.

Everything else is said by the conversation. These sentences are only ever played from kept audio: in the agent's voice
when it could be had, and else, in English, from a recording that comes with the program (`last_resort.py`).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass


@dataclass(frozen=True, slots=True)
class Apologies:
    """One language's. Afterwards the gateway takes the line: it puts the caller through or promises a call back."""

    cannot_speak: str
    cannot_hear: str

    @property
    def all(self) -> tuple[str, ...]:
        """Every sentence, to have its audio ready before it is needed."""
        return astuple(self)


LANGUAGES = {
    "en": Apologies(
        cannot_speak="I'm sorry, I have trouble with my voice at the moment. Please stay on the line.",
        cannot_hear="I'm sorry, I can't hear you at the moment. Please stay on the line.",
    ),
    "de": Apologies(
        cannot_speak="Es tut mir leid, meine Stimme macht gerade Schwierigkeiten. Bitte bleiben Sie am Apparat.",
        cannot_hear="Es tut mir leid, ich kann Sie gerade nicht hören. Bitte bleiben Sie am Apparat.",
    ),
}
"""By the first part of a BCP 47 tag. A language that is not here apologises in English. Only English is recorded: in
another language the gateway says it, when nobody has spoken it before."""


def language_of(language: str) -> str:
    """The language in which an agent of this one apologises."""
    primary = language.partition("-")[0].lower()
    return primary if primary in LANGUAGES else "en"


def apologies_in(language: str) -> Apologies:
    """The apologies of a language."""
    return LANGUAGES[language_of(language)]
