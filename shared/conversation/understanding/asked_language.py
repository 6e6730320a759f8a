"""A caller asks for another language: "do you speak German", "Deutsch bitte", in any of them."""

from __future__ import annotations

import re

from shared.conversation.tables import phrases
from shared.conversation.understanding.answers import bare

_NAMES = {
    "en": phrases("english, englisch, anglais, ingles, inglese, engels"),
    "de": phrases("german, deutsch, doitsch, deutsche, allemand, aleman, tedesco, duits"),
    "fr": phrases("french, franzosisch, francais, frances, francese, frans"),
    "es": phrases("spanish, spanisch, espanol, espagnol, spagnolo, spaans"),
    "it": phrases("italian, italienisch, italiano, italien, italiaans"),
    "nl": phrases("dutch, niederlandisch, hollandisch, nederlands, neerlandais"),
    "pt": phrases("portuguese, portugiesisch, portugues, portugais"),
    "pl": phrases("polish, polnisch, polski"),
    "tr": phrases("turkish, turkisch, turkce"),
    "ru": phrases("russian, russisch, russe"),
    "uk": phrases("ukrainian, ukrainisch"),
    "ar": phrases("arabic, arabisch, arabe"),
    "zh": phrases("chinese, mandarin, cantonese, chinesisch"),
    "ja": phrases("japanese, japanisch"),
    "hi": phrases("hindi"),
    "sv": phrases("swedish, schwedisch, svenska"),
    "da": phrases("danish, danisch, dansk"),
}
"""Languages by their names in English, German and themselves, in the form of `bare`."""
_CODE_OF = {name: code for code, names in _NAMES.items() for name in names}
_NAME = rf"(?P<name>{'|'.join(sorted(_CODE_OF, key=len, reverse=True))})"


def _any(*alternatives: str) -> str:
    return f"(?:{'|'.join(alternatives)})"


_POLITE = _any(
    "please|bitte|thanks|thank you|danke|instead|lieber|hello|hi|hey|hallo|guten tag|yes|no|ja|nein|okay|ok|so",
    "um+|uh|ah|ahm|sorry|excuse me|entschuldigung|with me|to me|mit mir|here|now|jetzt|only|just|nur|auch|also|maybe",
    "vielleicht|today|is that possible|geht das",
)
_SPEAK = "speak|talk|continue|go on|proceed|do this|have this|switch|change"
_ASKS = _any(
    r"(?:do|can|could|would|will|does) (?:you|we|i|someone|somebody|anyone|anybody)(?: please| also| maybe| all)? "
    rf"(?:{_SPEAK})(?: to me| with me| this)?(?: in| to| into)?",
    r"(?:i|we)(?:d| would)? (?:like|prefer|want|need|only|rather|just)(?: to)?(?: only)?"
    r"(?: speak| talk| continue| have this| go on)?(?: in)?",
    r"i (?:speak|only speak|just speak|dont speak english i speak)",
    r"(?:lets|let us|please)? ?(?:speak|talk|continue|switch|change|go on)(?: in| to)?",
    r"is there (?:someone|anyone) who speaks",
    r"(?:sprechen|spreken|speak) (?:sie|see|zee|si|du)(?: auch| bitte)?",
    r"sprichst du",
    r"(?:konnen|konnten|wollen) (?:sie|wir)(?: bitte| auch)?(?: auf)?",
    r"(?:ich )?(?:spreche|mochte|kann)(?: nur| lieber| bitte)?(?: auf)?",
    r"(?:wir )?(?:sprechen|reden)(?: wir)?(?: bitte)?(?: auf)?",
    r"geht (?:das|es)(?: auch)?(?: auf)?",
    r"in|auf|en",
)
_ENDS = _any("sprechen|reden|weitermachen|weiterreden|fortfahren")
_WHOLE = re.compile(rf"(?:{_POLITE} )*(?:{_ASKS} )?{_NAME}(?: (?:{_POLITE}|{_ENDS}))*")
_ASKS_WITHIN = _any(
    r"(?:do|can|could|would) (?:you|we|i) (?:please |also )?(?:speak|talk|switch to|continue in|talk in|speak in)",
    r"(?:sprechen|speak) (?:sie|see|zee|si)(?: auch)?",
    r"konnen (?:sie|wir)(?: bitte| auch)?",
)
_WITHIN = re.compile(rf"\b{_ASKS_WITHIN} {_NAME}\b")


def asked_language(said: str) -> str | None:
    """The first part of the BCP 47 tag of the language that is asked for; None when none is.

    A language's name alone asks for it; a question about something else that names one ("is the manual in German")
    does not.
    """
    text = bare(said)
    found = _WHOLE.fullmatch(text) or _WITHIN.search(text)
    return _CODE_OF[found["name"]] if found else None
