"""What an utterance does in a conversation: agrees, refuses, thanks, takes leave, asks for a person, asks something."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.conversation.understanding.symbols import plain
from shared.conversation.understanding.words import AnswerWords, QuestionWords, Words

_NOT_A_WORD = re.compile(r"[^\w]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """Everything an utterance may mean at once; the phase of the conversation decides which part counts."""

    words: str
    """The utterance in lower case, without punctuation, accents and fillers. Empty when nothing was said with words."""
    substance: tuple[str, ...]
    """Content words that none of the flags explains."""
    asks: bool
    """It has the form of a question or states a problem."""
    interrogative: bool
    """It can be nothing but a question."""
    vague: bool
    """It names no problem, although it has one: "I have a question"."""
    yes: bool
    no: bool
    unsure: bool
    refusal: bool
    why: bool
    thanks: bool
    goodbye: bool
    done: bool
    greeting: bool
    person: bool
    repeat: bool
    wait: bool
    are_you_human: bool
    who_are_you: bool
    can_you_hear: bool
    not_helped: bool
    acknowledges: bool
    accepts: bool
    mentions_email: bool
    no_calls: bool
    """It asks never to be called again."""

    @property
    def is_empty(self) -> bool:
        """Whether there was no word in it: a cough, an "um"."""
        return not self.words

    @property
    def is_question(self) -> bool:
        """Whether it asks for something that may be looked up."""
        return bool(self.substance) and (self.asks or len(self.substance) >= 2)

    @property
    def is_substantial(self) -> bool:
        """Whether it says so much about something that a farewell or "once more" in it is part of that."""
        return self.asks and len(self.substance) > 2

    @property
    def wants_no_more(self) -> bool:
        """Whether it declines the offer of more help."""
        if self.not_helped or (self.asks and self.substance):
            return False
        return self.done or self.goodbye or (self.no and not self.substance)


def bare(text: str) -> str:
    """Lower case words only, for patterns."""
    return _NOT_A_WORD.sub(" ", plain(text)).strip()


def understand(said: str, words: Words) -> Meaning:
    """What `said` means, as far as tables can tell."""
    answers, questions = words.answers, words.questions
    everything = bare(said)
    text = " ".join(answers.fillers.sub(" ", everything).split())
    substance = _substance(text, answers, questions)
    asks = bool(questions.opens_question.search(text)) or "?" in said
    return Meaning(
        words=text,
        substance=substance,
        asks=asks,
        interrogative=bool(questions.interrogative.search(text)) or "?" in said,
        vague=asks and not substance and not _says_something_else(text, answers),
        yes=bool(answers.yes.search(text)) or (not text and bool(answers.yes.search(everything))),
        no=bool(answers.no.search(text)),
        unsure=bool(answers.unsure.search(text)),
        refusal=bool(answers.refusal.search(text)),
        why=bool(answers.why.search(text)),
        thanks=bool(answers.thanks.search(text)),
        goodbye=bool(answers.goodbye.search(text)),
        done=bool(answers.done.search(text)),
        greeting=bool(answers.greeting.search(text)),
        person=bool(answers.person.search(text)) or bool(answers.person_alone.fullmatch(text)),
        repeat=bool(answers.repeat.search(text)),
        wait=bool(answers.wait.search(text)),
        are_you_human=bool(answers.are_you_human.search(text)),
        who_are_you=bool(answers.who_are_you.search(text)),
        can_you_hear=bool(answers.can_you_hear.search(text)),
        not_helped=bool(answers.not_helped.search(text)),
        acknowledges=bool(answers.acknowledges.search(text)),
        accepts=bool(answers.accepts.search(text)),
        mentions_email=bool(questions.mentions_email.search(text)),
        no_calls=bool(answers.no_calls.search(text)),
    )


def _substance(text: str, answers: AnswerWords, questions: QuestionWords) -> tuple[str, ...]:
    for pattern in (answers.goodbye, answers.done, answers.thanks, answers.greeting):
        text = pattern.sub(" ", text)
    text = answers.polite.sub(" ", text)
    return tuple(
        word
        for word in text.split()
        if word not in questions.function_words and word not in questions.vague_words and len(word) > 1
    )


def _says_something_else(text: str, answers: AnswerWords) -> bool:
    """Whether a question without content is no vague problem but an answer, a farewell or a request to us."""
    others = (answers.acknowledges, answers.goodbye, answers.done, answers.repeat, answers.why, answers.not_helped,
              answers.person, answers.wait, answers.refusal)  # fmt: skip
    return any(pattern.search(text) for pattern in others)
