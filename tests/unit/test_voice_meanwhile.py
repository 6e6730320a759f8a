"""What is said while an answer is on its way: when, in which words, and never over the answer. On virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import cast

import pytest

from services.voice.session.line import Line
from services.voice.session.meanwhile import AGAIN_S, WRITING_S, Meanwhile, Progress, Waiting
from services.voice.session.media_line import MediaLine
from services.voice.session.speaking import Road, Speaking
from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.pace import Pace
from services.voice.speech.standing import Standing
from services.voice.speech.voice import Candidate, Voice
from services.voice.transport.media_stream import MediaStream
from shared.contracts.agents import VoicePreference
from shared.conversation.acknowledging import choose, kind_of
from shared.conversation.phrases import Phrase, phrases_without_values, variants
from shared.conversation.ports import Provenance, Sentence
from shared.conversation.turns import Answer
from shared.conversation.understanding.answers import bare
from shared.conversation.understanding.languages import words_of
from shared.rates.usage import Meter, Product
from tests.unit.test_voice_dead_air import Ears, Mouth, Telephone, Vendor, one_language
from tests.unit.test_voice_playout import PER_CHARACTER, RATE, now
from tests.virtual_time import LoopClock, on_virtual_time

KINDS = (Phrase.LOOKING_UP, Phrase.CHECKING, Phrase.THINKING, Phrase.STILL_LOOKING)
EARLY = Progress(waits_s=0.0, has_sentence=False, is_written=False, may_speak=True, said=0)
ANSWER = ("Hold the button for ten seconds.", "Then wait two minutes.")
VOICE_S = 0.1
"""Until a sentence that is not kept has its sound."""


@pytest.mark.parametrize(
    ("progress", "wait_s"),
    [
        (EARLY, 0.4),
        (replace(EARLY, waits_s=0.4), 0.0),
        (replace(EARLY, waits_s=0.5, has_sentence=True), None),
        (replace(EARLY, waits_s=0.5, is_written=True), WRITING_S - 0.1),
        (replace(EARLY, waits_s=0.4 + WRITING_S, is_written=True), 0.0),
        (replace(EARLY, waits_s=0.5, said=1), AGAIN_S - 0.5),
        (replace(EARLY, waits_s=AGAIN_S, said=1), 0.0),
        (replace(EARLY, waits_s=60.0, said=2), None),
    ],
)
def test_when_something_is_said(progress: Progress, wait_s: float | None) -> None:
    assert Meanwhile("en", 0.4).wait_s(progress) == (wait_s if wait_s is None else pytest.approx(wait_s))


def test_nobody_is_talked_over_and_it_can_be_turned_off() -> None:
    late = replace(EARLY, waits_s=0.5, may_speak=False)
    assert (Meanwhile("en", 0.4).wait_s(late) or 0.0) > 0
    assert Meanwhile("en", 0.0).wait_s(replace(EARLY, waits_s=9.0)) is None


@pytest.mark.parametrize(
    ("question", "queries", "kind"),
    [
        ("How do I restart my router?", ("restart",), Phrase.LOOKING_UP),
        ("When is my bill due?", ("bill",), Phrase.CHECKING),
        ("How much does the fast one cost?", ("cost",), Phrase.CHECKING),
        ("What are your opening hours?", ("hours",), Phrase.CHECKING),
        ("Can you tell me a story?", (), Phrase.THINKING),
    ],
)
def test_the_words_fit_what_is_being_done(question: str, queries: tuple[str, ...], kind: Phrase) -> None:
    answer = Answer(question, bare(question), queries, leans=False, is_sure=True)
    assert kind_of(answer, words_of("en").questions) is kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_hears_all_of_them_before_it_hears_one_again(kind: Phrase) -> None:
    meanwhile = Meanwhile("en-US", 0.4)
    said = [meanwhile.sentence(kind) for _ in variants("en", kind)]
    assert sorted(said) == sorted(variants("en", kind))
    assert meanwhile.sentence(kind) == said[0]
    assert choose("en", kind, said[1:]) == said[0]


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_short_and_kept_ready(kind: Phrase) -> None:
    assert all(len(text) <= 40 for text in variants("en", kind))
    assert set(variants("en", kind)) <= set(phrases_without_values("en"))


class SlowReply:
    """Says its first sentence after some time, and shows its first word before that."""

    def __init__(self, first_s: float, word_s: float | None = None) -> None:
        self.provenance = Provenance()
        self._first_s, self._word_s = first_s, first_s if word_s is None else word_s

    async def __aiter__(self) -> AsyncGenerator[Sentence]:
        await asyncio.sleep(self._word_s)
        self.provenance.stages_ms["first_token"] = self._word_s * 1000
        await asyncio.sleep(self._first_s - self._word_s)
        for text in ANSWER:
            yield Sentence(text)


@dataclass
class Told:
    """What came of a reply."""

    speaking: Speaking
    telephone: Telephone
    line: Line

    @property
    def begins(self) -> list[float]:
        """When each stretch of unbroken sound began, to the tenth of a second."""
        sounds = self.telephone.sounded
        pairs = zip(sounds, [(-1.0, -1.0), *sounds], strict=False)
        return [round(begins, 1) for (begins, _), (_, before) in pairs if begins > before + 0.01]


def a_line(telephone: Telephone, *, is_warm: bool = True) -> MediaLine:
    clock, cache, pace = LoopClock(), AudioCache(), Pace()
    for text in phrases_without_values("en") if is_warm else ():
        cache.keep("a voice", text, bytes(len(text) * PER_CHARACTER))
    mouth = Mouth(Vendor([VOICE_S], [False]))
    candidate = Candidate(mouth, pace, Standing("test", 0.1, clock), Product("test", "voice"))
    voice = Voice([candidate], VoicePreference.QUALITY, cache, {}, {}, pace, clock, Meter())
    return MediaLine(cast("MediaStream", telephone), Ears([], breaks=False), voice, clock, one_language)


async def speak(reply: SlowReply, *, cut_at: float | None = None, free_at: float = 0.0, is_warm: bool = True) -> Told:
    telephone = Telephone(echoes=True, hangs_up_at=None)
    line, floor = a_line(telephone, is_warm=is_warm), asyncio.Event()
    telephone.echo = line._playout.echoed
    asyncio.get_running_loop().call_later(free_at, floor.set)
    waiting = Waiting(Meanwhile("en", 0.4), now(), Phrase.LOOKING_UP)
    speaking = Speaking(reply, 1, Road(line, floor, lambda: 0.0), LoopClock(), waiting)
    if cut_at is not None:
        asyncio.get_running_loop().call_later(cut_at, speaking.interrupt)
    await speaking.run()
    return Told(speaking, telephone, line)


def test_a_slow_answer_is_announced_and_follows_at_once() -> None:
    async def work() -> None:
        told = await speak(SlowReply(1.0))
        (first,) = told.speaking.meanwhile
        assert first in variants("en", Phrase.LOOKING_UP)
        assert told.speaking.acknowledged_at == pytest.approx(0.4)
        lasts = len(first) * PER_CHARACTER / RATE
        assert lasts > 0.7  # it is still being heard when the answer's first sound is there
        assert told.begins == [0.4]  # no gap between it and the answer, and nothing over anything
        assert told.speaking.text == told.speaking.heard(now()) == " ".join((first, *ANSWER))
        assert told.speaking.heard_of_reply(now()) == " ".join(ANSWER)
        assert told.speaking.heard_whole(now())

    on_virtual_time(work())


@pytest.mark.parametrize(("first_s", "word_s"), [(0.3, None), (0.39, None), (0.7, 0.35)])
def test_an_answer_that_is_about_to_come_is_not_announced(first_s: float, word_s: float | None) -> None:
    async def work() -> None:
        told = await speak(SlowReply(first_s, word_s))
        assert told.speaking.meanwhile == []
        assert told.begins[0] == pytest.approx(first_s + VOICE_S, abs=0.06)

    on_virtual_time(work())


def test_who_waits_long_is_told_once_more_and_not_again() -> None:
    async def work() -> None:
        told = await speak(SlowReply(9.0))
        first, second = told.speaking.meanwhile
        assert second in variants("en", Phrase.STILL_LOOKING)
        assert told.begins == [0.4, 3.4, 9.1]
        assert told.speaking.heard(now()) == " ".join((first, second, *ANSWER))

    on_virtual_time(work())


def test_a_caller_who_cuts_it_off_has_heard_nothing_of_the_answer() -> None:
    async def work() -> None:
        told = await speak(SlowReply(2.0), cut_at=0.8)
        assert told.speaking.began_at == pytest.approx(0.4)
        await told.line.clear()
        heard = told.speaking.heard(now())
        assert told.speaking.meanwhile[0].startswith(heard)
        assert heard
        assert told.speaking.heard_of_reply(now()) == ""

    on_virtual_time(work())


def test_nothing_is_announced_while_the_caller_speaks() -> None:
    async def work() -> None:
        told = await speak(SlowReply(2.0), free_at=1.0)
        assert told.speaking.acknowledged_at == pytest.approx(1.0, abs=0.11)

    on_virtual_time(work())


def test_what_is_not_kept_ready_is_not_said() -> None:
    async def work() -> None:
        told = await speak(SlowReply(2.0), is_warm=False)
        assert told.speaking.meanwhile == []
        assert told.begins[0] == pytest.approx(2.0 + VOICE_S, abs=0.06)

    on_virtual_time(work())
