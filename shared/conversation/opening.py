"""The first words of a conversation: the agent's greeting, that an AI answers, how to reach a person."""

from __future__ import annotations

from collections.abc import Iterator

from shared.conversation.agent import Rules
from shared.conversation.phrases import Phrase, phrase, phrases_without_values
from shared.conversation.spoken.sentences import SentenceSplitter
from shared.conversation.spoken.speakable import speakable
from shared.conversation.turns import Mark


def greeting(rules: Rules) -> list[tuple[str, Mark | None]]:
    """The sentences of the greeting, and what hearing each makes true.

    A question the agent greets with stays last, so that the caller answers it and not the notice.
    """
    if rules.initial_message:
        return _of_our_call(rules)
    own = _sentences(rules.greeting)
    asked = [own.pop()] if own and own[-1].endswith("?") else []
    reach = Phrase.REACH_PERSON if rules.can_transfer else Phrase.REACH_CALL_BACK
    ours: list[tuple[str, Mark | None]] = [(phrase(rules.language, Phrase.NOTICE), Mark.NOTICE)]
    if rules.records:
        ours.append((phrase(rules.language, Phrase.RECORDED), Mark.RECORDED))
    if rules.can_transfer or rules.can_open_ticket:
        ours.append((phrase(rules.language, reach), None))
    last = asked or [phrase(rules.language, Phrase.HOW_CAN_I_HELP)]
    return [*((text, None) for text in own), *ours, *((text, None) for text in last)]


def _of_our_call(rules: Rules) -> list[tuple[str, Mark | None]]:
    """Who calls and that it is an AI, before anything else; the message last, because it is what will be answered."""
    who = phrase(rules.language, Phrase.WE_CALL, 0, {"name": rules.name, "company": rules.company})
    reach = [(phrase(rules.language, Phrase.REACH_PERSON), None)] if rules.can_transfer else []
    recorded = [(phrase(rules.language, Phrase.RECORDED), Mark.RECORDED)] if rules.records else []
    return [(who, Mark.NOTICE), *recorded, *reach, *((text, None) for text in _sentences(rules.initial_message))]


def _sentences(text: str) -> list[str]:
    splitter = SentenceSplitter()
    return [said for raw in (*splitter.feed(text + "\n"), *splitter.flush()) if (said := speakable(raw))]


def fixed_sentences(rules: Rules) -> Iterator[str]:
    """Everything this agent says in the same words in every call, the greeting first: what an audio cache holds."""
    for text, _ in greeting(rules):
        yield text
    yield from phrases_without_values(rules.language)
