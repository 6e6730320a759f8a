"""Takes contact data out of what a caller said, before it leaves for a search or a model."""

from __future__ import annotations

import re

from shared.conversation.understanding.answers import bare
from shared.conversation.understanding.words import Words
from shared.security.redaction import redact

HIDDEN = "[email]"
_SPELLED = re.compile(r"\b[^\W_](?:[\s,.-]+[^\W_]\b){2,}", re.IGNORECASE)


def without_contact_data(text: str, words: Words) -> str:
    """`text` with addresses and numbers replaced by their kind; beside an e-mail address, what was spelled too."""
    text = redact(text)
    if HIDDEN in text or words.questions.mentions_email.search(bare(text)):
        text = _SPELLED.sub(HIDDEN, text)
    return text
