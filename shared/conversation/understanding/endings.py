"""Whether a speaker is likely to be done: what the channel asks before it takes silence for the end of a turn."""

from __future__ import annotations

from shared.conversation.ports import Expectation
from shared.conversation.understanding.answers import bare, understand
from shared.conversation.understanding.email_address import Completeness, hear_email, is_end_of_address
from shared.conversation.understanding.words import Words

SHORT_ANSWER = 3
"""Words of an answer such as "yes it is", whatever it ends with."""


def sounds_complete(  # noqa: PLR0911  (a sign of an ending a line)
    text: str, pieces: str, expects: Expectation, words: Words
) -> bool:
    """Whether `text` may stand as a whole turn.

    `pieces` are the words of an e-mail address from the turns before.
    """
    if expects is Expectation.EMAIL:
        heard = hear_email(f"{pieces} {text}", words.spelling)
        if heard.completeness is Completeness.COMPLETE:
            return not heard.may_go_on
        if (told := understand(text, words)).refusal or told.why or told.done or told.goodbye:
            return True
        if heard.completeness is Completeness.PARTIAL:
            return not pieces and is_end_of_address(text, words.spelling)
    said = bare(text)
    if not said or text.rstrip().endswith("?"):
        return bool(said)
    meaning = understand(text, words)
    if expects is Expectation.YES_OR_NO and len(said.split()) == 1:
        return not meaning.no
    if len(said.split()) <= SHORT_ANSWER and (meaning.yes or meaning.no) and not meaning.is_question:
        return True
    if text.rstrip().endswith((",", "-", "…", "...")):
        return False
    return not words.questions.unfinished.search(said)
