"""From a question to sentences: passages first, then a model that answers from them, or sentences out of them.

Nothing here raises to the caller and nothing waits longer than the deadlines below: every outage ends in a finding.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from shared.clock import Clock
from shared.contracts.agents import AgentProfile
from shared.contracts.conversations import Speaker
from shared.contracts.knowledge import Lookup, Passage, SearchAnswer
from shared.conversation import tools
from shared.conversation.attribution import source_of
from shared.conversation.known_answers import asked_of, gist_of, is_impersonal
from shared.conversation.models.extractive import extract
from shared.conversation.outgoing import Rule, check
from shared.conversation.phrases import Phrase, phrase
from shared.conversation.ports import (
    Asked,
    ChatModel,
    Knowledge,
    KnownAnswer,
    KnownAnswers,
    ModelRequest,
    ModelUnavailable,
    Origin,
    Provenance,
    TextDelta,
    ToolCall,
)
from shared.conversation.prompts import builder
from shared.conversation.spoken.sentences import SentenceSplitter
from shared.conversation.spoken.speakable import count_words, speakable
from shared.conversation.state import ConversationState
from shared.conversation.turns import Answer, Finding, Findings
from shared.conversation.understanding.answers import bare
from shared.conversation.understanding.languages import words_of
from shared.errors import CallwrightError, Invalid
from shared.observability import metrics
from shared.observability.logs import get_logger

log = get_logger(__name__)

RETRIEVAL_S = 0.8
"""For all searches of a turn together; the knowledge room answers in 30 ms."""
FIRST_SENTENCE_S = 1.9
"""From the question to the first sentence, whoever writes it: with speech on top, silence stays under 2.5 s."""
NEXT_SENTENCE_S = 2.5
"""Between sentences: the one before is still being spoken."""
MOST_ANSWER_WORDS = 150
"""The rest of the 200 words of a reply is ours."""


@dataclass(slots=True)
class _Written:
    """What a model has written so far in this turn."""

    words: int = 0
    sentences: int = 0
    last: str = ""
    told: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)


class Answering:
    """Answers one question of a conversation. Made for one reply."""

    def __init__(
        self,
        profile: AgentProfile,
        knowledge: Knowledge,
        model: ChatModel | None,
        clock: Clock,
        provenance: Provenance,
        findings: Findings,
        known: KnownAnswers | None,
    ) -> None:
        self._profile = profile
        self._knowledge = knowledge
        self._model = model
        self._clock = clock
        self._provenance = provenance
        self._findings = findings
        self._words = words_of(profile.language)
        self._given: list[Passage] = []
        self._known = known
        self._asked: Asked | None = None
        """The question, when its answer is the same for everybody."""
        self._lookup: Lookup | None = None
        self._is_plain = True
        """Whether nothing in the model's answer was more than text from the passages."""
        self.fresh: tuple[Asked, KnownAnswer] | None = None
        """An answer that may be given again, once it is whole."""

    async def sentences(self, state: ConversationState, answer: Answer) -> AsyncGenerator[str]:
        """The answer, sentence by sentence. `findings` says how it ended once this has ended."""
        deadline = asyncio.get_running_loop().time() + FIRST_SENTENCE_S
        passages = await self._passages(answer)
        if answer.queries and not passages:
            return
        if (known := await self._known_answer(state, answer, passages)) is not None:
            for sentence in self._again(known):
                yield sentence
            return
        written = _Written()
        if self._model is not None:
            try:
                async with aclosing(self._from_model(self._model, state, answer, passages, written, deadline)) as told:
                    async for sentence in told:
                        yield sentence
            except ModelUnavailable:
                if written.sentences:
                    self._findings.result = Finding.BROKEN_OFF
                    return
        if written.sentences or self._findings.result is not None:
            return
        for sentence in self._extracted(state, answer, passages):
            yield sentence

    async def _passages(self, answer: Answer) -> Sequence[Passage]:
        """What the knowledge base has, best first. Nothing found, or nobody to ask, is written into the findings."""
        if not answer.queries:
            return ()
        started = self._clock.monotonic()
        found: SearchAnswer | None = None
        try:
            async with asyncio.timeout(RETRIEVAL_S):
                for query in answer.queries:
                    found = await self._knowledge.search(query)
                    if found.found:
                        break
        except (CallwrightError, TimeoutError) as error:
            log.warning("retrieval_failed", error=type(error).__name__)
        finally:
            self._provenance.stages_ms["retrieval"] = self._since(started)
        if found is None:
            self._findings.result = Finding.LOOK_UP_FAILED
            return ()
        if not found.found or not found.passages:
            self._findings.result = Finding.NOT_FOUND
            return ()
        self._use(found.passages)
        self._lookup = found if isinstance(found, Lookup) else None
        return found.passages

    async def _known_answer(
        self, state: ConversationState, answer: Answer, passages: Sequence[Passage]
    ) -> KnownAnswer | None:
        """What a model answered before, from an article that this search proposes too."""
        if self._lookup is None or self._known is None or self._model is None:
            return None
        lookup = self._lookup
        asked = asked_of(answer, state, self._words, lookup.version, lookup.question_vector)
        if asked is None or not is_impersonal(asked, self._profile, passages, self._words):
            return None
        if asked.gist in {gist_of(bare(question.text), self._words) for question in state.questions}:
            return None  # whoever asks the same once more wants another answer
        self._asked = asked
        known = await self._known.find(asked)
        proposed = {str(passage.article_id) for passage in passages}
        if known is None or not any(source["article_id"] in proposed for source in known.sources):
            return None
        return known

    def _again(self, known: KnownAnswer) -> Iterator[str]:
        """An answer that was given before."""
        self._provenance.origin = Origin.MODEL
        self._provenance.sources.extend(dict(source) for source in known.sources)
        self._findings.result = Finding.ANSWERED
        self._findings.is_whole = True
        self._findings.topic = known.topic
        yield from known.sentences

    def _use(self, passages: Sequence[Passage]) -> None:
        """These may be answered from."""
        self._findings.topic = passages[0].title
        self._given.extend(passages)

    def _attribute(self, sentence: str) -> None:
        """Name the article that a sentence came from; the best one found when the first sentence does not tell."""
        source = source_of(sentence, self._given, self._words.questions)
        if source is None and self._given and not self._provenance.sources:
            source = self._given[0]
        if source is not None:
            self._cite(source)

    def _cite(self, passage: Passage) -> None:
        article = str(passage.article_id)
        if all(source["article_id"] != article for source in self._provenance.sources):
            self._provenance.sources.append(
                {"article_id": article, "title": passage.title, "url": passage.url, "score": round(passage.score, 4)}
            )

    async def _from_model(
        self,
        model: ChatModel,
        state: ConversationState,
        answer: Answer,
        passages: Sequence[Passage],
        written: _Written,
        deadline: float,
    ) -> AsyncGenerator[str]:
        """Raises ModelUnavailable when there is no answer, or no end of it."""
        further: list[builder.Message] = []
        for _ in range(1 + tools.MOST_SEARCHES):
            request = builder.build(self._profile, state, passages, answer.question, *further)
            given = _given(self._profile, passages)
            async with aclosing(self._stream(model, request, given, written, deadline)) as sentences:
                async for sentence in sentences:
                    yield sentence
            self._is_plain = self._is_plain and not written.calls
            search = self._carry_out(written)
            if search is None or written.sentences:
                break
            call, query = search
            passages = await self._search_again(query, deadline) or passages
            further += _tool_messages(call, passages)
        self._conclude(answer, written)
        self._note_fresh(state, written)

    def _note_fresh(self, state: ConversationState, written: _Written) -> None:
        """An answer to the first words of a call, made of nothing but them and the passages, may serve others."""
        if self._asked is None or not self._is_plain or not self._findings.is_whole:
            return
        if any(utterance.speaker is Speaker.CALLER for utterance in state.history):
            return  # the model knew what this caller had said before
        if self._findings.asks_back or written.words >= MOST_ANSWER_WORDS or not self._provenance.sources:
            return
        sources = tuple(dict(source) for source in self._provenance.sources)
        self.fresh = self._asked, KnownAnswer(tuple(written.told), self._findings.topic, sources)

    async def _stream(
        self, model: ChatModel, request: ModelRequest, given: str, written: _Written, deadline: float
    ) -> AsyncGenerator[str]:
        """The speakable sentences of one stream, until it ends or has said enough; proposed tools are kept.

        The first sentence is waited for until the deadline, each further one for as long as one is spoken. Raises
        ModelUnavailable.
        """
        started = self._clock.monotonic()
        splitter = SentenceSplitter()
        async with aclosing(model.stream(request)) as parts:
            has_ended = False
            while not has_ended and written.words < MOST_ANSWER_WORDS:
                try:
                    async with asyncio.timeout_at(deadline):
                        raw = await self._next_sentences(parts, splitter, written, started)
                except TimeoutError as error:
                    raise ModelUnavailable(f"{model.name} is too slow for a caller") from error
                has_ended = not raw
                said = written.sentences
                for sentence in self._spoken(raw or splitter.flush(), given, written):
                    self._provenance.stages_ms.setdefault("first_sentence", self._since(started))
                    yield sentence
                if written.sentences > said:
                    deadline = asyncio.get_running_loop().time() + NEXT_SENTENCE_S

    async def _next_sentences(
        self,
        parts: AsyncGenerator[TextDelta | ToolCall],
        splitter: SentenceSplitter,
        written: _Written,
        started: float,
    ) -> list[str]:
        """What the next pieces of a stream complete; nothing when it has ended."""
        async for part in parts:
            if isinstance(part, ToolCall):
                written.calls.append(part)
                continue
            self._provenance.stages_ms.setdefault("first_token", self._since(started))
            if sentences := splitter.feed(part.text):
                return sentences
        return []

    def _since(self, started: float) -> float:
        """Milliseconds."""
        return round((self._clock.monotonic() - started) * 1000, 1)

    def _spoken(self, sentences: Iterable[str], given: str, written: _Written) -> Iterator[str]:
        """The sentences as they may be spoken; what must not be said is left out and becomes a finding."""
        for raw in sentences:
            checked = check(raw, given, self._words.claims)
            if checked.broken is None:
                self._provenance.origin = Origin.MODEL
                self._findings.result = Finding.ANSWERED
                written.sentences += 1
                written.words += count_words(checked.text)
                written.last = checked.text
                written.told.append(checked.text)
                self._attribute(checked.text)
                yield checked.text
                continue
            self._is_plain = False
            self._findings.wants_ticket = self._findings.wants_ticket or checked.broken is Rule.TICKET
            self._findings.cannot_do = self._findings.cannot_do or checked.broken is Rule.ACTION
            metrics.outputs_blocked_total.labels(checked.broken.value).inc()

    def _carry_out(self, written: _Written) -> tuple[ToolCall, str] | None:
        """What the model proposed: a search is given back, the rest becomes a finding. Nothing is done yet."""
        calls, written.calls = written.calls, []
        for call in calls:
            try:
                proposal = tools.checked(call, self._profile)
            except Invalid as refused:
                log.warning("tool_refused", reason=refused.detail)
                continue
            match proposal:
                case tools.SearchKnowledge(query=query):
                    return call, query
                case tools.OpenTicket():
                    self._findings.wants_ticket = True
                case tools.EndCall():
                    self._findings.ends_call = True
        return None

    async def _search_again(self, query: str, deadline: float) -> Sequence[Passage]:
        latest = min(asyncio.get_running_loop().time() + RETRIEVAL_S, deadline)
        try:
            async with asyncio.timeout_at(latest):
                found = await self._knowledge.search(query)
        except (CallwrightError, TimeoutError) as error:
            log.warning("retrieval_failed", error=type(error).__name__)
            return ()
        if not found.found:
            return ()
        self._use(found.passages)
        return found.passages

    def _conclude(self, answer: Answer, written: _Written) -> None:
        """The model has said what it had to say."""
        findings = self._findings
        if written.sentences:
            findings.is_whole = True
            findings.asks_back = written.last.endswith("?")
        elif findings.wants_ticket or findings.cannot_do:
            findings.result = Finding.NOT_FOUND
            findings.wants_ticket = findings.cannot_do = False
        elif findings.ends_call and not answer.is_sure:
            findings.result = Finding.DONE
        else:
            raise ModelUnavailable("nothing in the answer could be spoken")

    def _extracted(self, state: ConversationState, answer: Answer, passages: Sequence[Passage]) -> list[str]:
        """Sentences out of the passages; for a question that goes on about the last answer, those not yet said."""
        said = frozenset(state.last_reply) if answer.leans else frozenset()
        found = extract(answer.words, passages, self._words.questions, said)
        if found is None:
            self._findings.result = Finding.NOT_FOUND
            return []
        passage, sentences = found
        self._provenance.origin = Origin.RULES
        self._cite(passage)
        self._findings.result = Finding.ANSWERED
        self._findings.is_whole = True
        self._findings.topic = passage.title
        title = speakable(passage.title).rstrip(".!?")
        return [phrase(self._profile.language, Phrase.FOUND_UNDER, 0, {"title": title}), *sentences]


def _given(profile: AgentProfile, passages: Sequence[Passage]) -> str:
    """Everything a model may quote numbers, links and addresses from."""
    texts = [f"{passage.title} {passage.text} {passage.url or ''}" for passage in passages]
    return "\n".join((profile.greeting, profile.instructions, *texts))


def _tool_messages(call: ToolCall, passages: Sequence[Passage]) -> list[builder.Message]:
    """The model's call and its result, in the form of chat completions."""
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments))}
    return [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": call.id, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": call.id, "content": builder.as_data(passages)},
    ]
