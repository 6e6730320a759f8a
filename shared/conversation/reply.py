"""One turn being spoken: carries out what the machine decided, sentence by sentence, and keeps what came of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from shared.conversation import machine
from shared.conversation.acknowledging import kind_of
from shared.conversation.agent import Rules
from shared.conversation.answering import Answering
from shared.conversation.begun import Begun
from shared.conversation.opening import greeting
from shared.conversation.phrases import Phrase, phrase
from shared.conversation.ports import Asked, KnownAnswer, NextStep, Provenance, Sentence
from shared.conversation.spoken.speakable import MOST_WORDS, count_words
from shared.conversation.state import ConversationState
from shared.conversation.turns import MARKS, Again, Answer, Finding, Findings, Greet, Mark, Say, Turn
from shared.conversation.understanding.answers import bare
from shared.conversation.understanding.languages import words_of
from shared.observability.logs import get_logger
from shared.task_group import TaskSet

log = get_logger(__name__)

MakeAnswering = Callable[[Provenance, Findings], Answering]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A sentence that was handed to the channel, and what hearing it makes true."""

    sentence: Sentence
    mark: Mark | None = None
    heard_before: bool = False
    """The caller heard it from the process that was lost: it is not said again, and counts as heard."""


class SpokenReply:
    """See `ports.Reply`. Does nothing until it is iterated; changes nothing until it is committed."""

    def __init__(self, before: ConversationState, turn: Turn, rules: Rules, make_answering: MakeAnswering) -> None:
        self.provenance = Provenance(phase=turn.phase.value)
        self._before = before
        self._turn = turn
        self._rules = rules
        self._findings = Findings()
        self._answering = make_answering(self.provenance, self._findings)
        self._begun: Begun | None = None
        self._spoken: list[_Spoken] = []
        self._words = 0
        self._following: Turn | None = None
        """How the turn goes on after its answer, once that is known."""
        self._answer_words = 0
        """Words of the reply up to the end of its answer."""

    @property
    def language(self) -> str:
        """BCP 47: what it is spoken in."""
        return self._rules.language

    @property
    def queries(self) -> tuple[str, ...]:
        """What its answer would be looked up by; empty when nothing is."""
        return self._turn.answer.queries if self._turn.answer is not None else ()

    @property
    def asks_others(self) -> bool:
        """Whether the knowledge base or a model is asked for it: everything else is there at once."""
        return self._turn.answer is not None

    @property
    def is_announced_as(self) -> Phrase | None:
        """What may be said while its answer is on its way; None when nothing of it has to be waited for."""
        answer = self._turn.answer
        return kind_of(answer, words_of(self._rules.language).questions) if answer is not None else None

    def begin(self, tasks: TaskSet) -> None:
        """Begin to think in a task of `tasks`: what comes of it waits until somebody iterates, or is dropped."""
        self._begun = Begun(self._think(), tasks)

    def drop(self) -> None:
        """Think no further: nobody wants to hear it. Never waits."""
        if self._begun is not None:
            self._begun.drop()

    def stands_for(self, decided: SpokenReply) -> bool:
        """Whether this reply, made on a guess, is what `decided` would be; if so it answers in its place.

        Punctuation and fillers make no difference; the words that count from now on are those of `decided`.
        """
        if self._before is not decided._before or _gist(self._turn) != _gist(decided._turn):
            return False
        self._turn = decided._turn
        if self._following is not None:
            self._following = machine.after_answer(self._turn, self._findings, self._rules)
        return True

    async def __aiter__(self) -> AsyncGenerator[Sentence]:
        sentences = self._think() if self._begun is None else self._begun.sentences()
        async with aclosing(sentences):
            async for sentence in sentences:
                yield sentence

    async def _think(self) -> AsyncGenerator[Sentence]:
        known = {*self._before.heard_already} - {phrase(self._rules.language, Phrase.RESUMED)}
        try:
            async with aclosing(self._all()) as sentences:
                async for spoken in sentences:
                    if spoken.sentence.text in known:
                        self._spoken.append(replace(spoken, heard_before=True))
                    else:
                        yield self._speak(spoken)
            if self._spoken and self._spoken[-1].heard_before:
                # somebody who was cut off and hears nothing to answer would wait with us
                yield self._speak(replace(self._spoken.pop(), heard_before=False))
        except Exception as error:
            # The last boundary before a caller: whatever broke, they hear a sentence and the call goes on.
            log.exception("reply_failed", error=type(error).__name__, phase=self._turn.phase.value)
            self._turn = replace(self._turn, acts=())
            yield self._speak(self._phrase(Say(Phrase.APOLOGY)))

    async def _all(self) -> AsyncGenerator[_Spoken]:
        """Everything the turn says, whether it was heard before or not."""
        for act in self._turn.acts:
            if isinstance(act, Answer):
                async with aclosing(self._answer(act)) as sentences:
                    async for spoken in sentences:
                        yield spoken
                continue
            for spoken in self._say(act):
                yield spoken

    async def _answer(self, act: Answer) -> AsyncGenerator[_Spoken]:
        """The answer, and then what follows from how it went."""
        async with aclosing(self._answering.sentences(self._before, act)) as sentences:
            async for text in sentences:
                yield _Spoken(Sentence(text), Mark.ANSWER)
        self._answer_words = self._words
        self._following = machine.after_answer(self._turn, self._findings, self._rules)
        for following in self._following.acts:
            for spoken in self._say(following):
                yield spoken

    def _say(self, act: Say | Greet | Again | Answer) -> Iterator[_Spoken]:
        match act:
            case Say():
                yield self._phrase(act)
            case Greet():
                for text, mark in greeting(self._rules):
                    # The message of one call of ours is nobody else's: its sound is not kept.
                    is_notice = mark is not None and mark.is_notice
                    is_fixed = not self._rules.initial_message or is_notice
                    yield _Spoken(Sentence(text, is_fixed=is_fixed, is_notice=is_notice), mark)
            case Again():
                yield from (_Spoken(Sentence(text)) for text in self._before.last_reply)

    def _phrase(self, act: Say) -> _Spoken:
        text = phrase(self._rules.language, act.key, act.variant, act.values)
        mark = MARKS.get(act.key)
        return _Spoken(
            Sentence(text, is_fixed=not act.is_personal, is_notice=mark is not None and mark.is_notice), mark
        )

    def _speak(self, spoken: _Spoken) -> Sentence:
        self._spoken.append(spoken)
        self._words += count_words(spoken.sentence.text)
        if self._words > MOST_WORDS:
            log.warning("reply_too_long", count=self._words, limit=MOST_WORDS)
        return spoken.sentence

    @property
    def fresh_answer(self) -> tuple[Asked, KnownAnswer] | None:
        """An answer of this reply that others may be given too, once it is whole."""
        return self._answering.fresh

    def in_flight(self, heard: int) -> ConversationState:
        """What somebody else would go on from if we were lost now: `heard` of its sentences were heard to their end.

        The caller's words are unanswered then; the reply is made again, without what was heard of it.
        """
        unanswered, _ = machine.settle(self._before, self._turn, "", (), (), complete=False)
        said = [spoken.sentence.text for spoken in self._spoken if not spoken.heard_before]
        return replace(unanswered, heard_already=(*self._before.heard_already, *said[:heard]))

    def settle(self, heard: str, *, complete: bool) -> tuple[ConversationState, NextStep]:
        """The state this reply leads to when `heard` of it was heard."""
        before = [spoken.sentence.text for spoken in self._spoken if spoken.heard_before] if heard else []
        return machine.settle(
            self._before,
            self._turn_as_heard(count_words(heard), complete=complete),
            " ".join([*before, heard]),
            list(self._heard_marks(heard, complete=complete)),
            tuple(spoken.sentence.text for spoken in self._spoken),
            complete=complete,
        )

    def _turn_as_heard(self, words: int, *, complete: bool) -> Turn:
        """What follows an answer counts only when some of it was heard: speech is written long before it is played."""
        if self._following is not None and (complete or words > self._answer_words):
            return self._following
        return machine.interrupted(self._turn, self._findings)

    def _heard_marks(self, heard: str, *, complete: bool) -> Iterator[tuple[Mark, str]]:
        """Marks of the sentences that lie wholly within what was heard.

        Words are counted, not compared: a channel may write the same words a little differently.
        """
        words = self._words if complete else count_words(heard)
        answered = False
        for spoken in self._spoken:
            if not spoken.heard_before:
                words -= count_words(spoken.sentence.text)
            is_whole = spoken.heard_before or words >= 0
            if spoken.mark is Mark.ANSWER:
                answered = is_whole
            elif spoken.mark is not None and is_whole:
                yield spoken.mark, spoken.sentence.text
        if answered and self._findings.is_whole and self._findings.result is Finding.ANSWERED:
            yield Mark.ANSWER, ""


def _gist(turn: Turn) -> Turn:
    """The turn without what punctuation and fillers make different."""
    acts = (
        replace(act, question="", queries=tuple(map(bare, act.queries))) if isinstance(act, Answer) else act
        for act in turn.acts
    )
    return replace(turn, acts=tuple(acts), said="")
