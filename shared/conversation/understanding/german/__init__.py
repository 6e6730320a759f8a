"""German, as it is spoken on the telephone and as recognisers write it.

Umlauts and ß are bare in the tables: "schon" is "schön", "strasse" is "Straße".
"""

from __future__ import annotations

from shared.conversation.understanding.german.answers import ANSWERS
from shared.conversation.understanding.german.claims import CLAIMS
from shared.conversation.understanding.german.questions import QUESTIONS
from shared.conversation.understanding.german.spelling import SPELLING
from shared.conversation.understanding.words import Words

KEYS = {"0": "ich möchte mit einem Menschen sprechen", "1": "ja", "2": "nein", "*": "können Sie das wiederholen"}
WORDS = Words(spelling=SPELLING, answers=ANSWERS, questions=QUESTIONS, claims=CLAIMS, keys=KEYS)
