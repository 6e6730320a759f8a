"""English, as it is spoken on the telephone and as recognisers write it. Apostrophes are taken out before matching."""

from __future__ import annotations

from shared.conversation.understanding.english.answers import ANSWERS
from shared.conversation.understanding.english.claims import CLAIMS
from shared.conversation.understanding.english.questions import QUESTIONS
from shared.conversation.understanding.english.spelling import SPELLING
from shared.conversation.understanding.words import Words

KEYS = {"0": "I want to talk to a person", "1": "yes", "2": "no", "*": "could you repeat that"}
WORDS = Words(spelling=SPELLING, answers=ANSWERS, questions=QUESTIONS, claims=CLAIMS, keys=KEYS)
