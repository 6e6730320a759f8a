"""What the telephone itself says when hearing or speech fails, per language.

Everything else is said by the conversation. These sentences are only ever played from kept audio.
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
}
"""By the first part of a BCP 47 tag. A language that is not here apologises in English."""


def apologies_in(language: str) -> Apologies:
    """The apologies of a language."""
    return LANGUAGES.get(language.partition("-")[0].lower(), LANGUAGES["en"])
