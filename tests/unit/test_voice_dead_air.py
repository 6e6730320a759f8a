"""No state of a call in which nobody will ever speak again: whole calls on virtual time, anything at their edges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.voice.conversations import Carried
from services.voice.hearing.dialect import Recogniser
from services.voice.hearing.ports import (
    Final,
    Heard,
    Interim,
    LikelyEnd,
    Lost,
    SpeechStarted,
    UtteranceEnded,
    WentOn,
)
from services.voice.model_wait import TimedModel
from services.voice.record.call_rows import ClaimedCall
from services.voice.record.notes import Ending
from services.voice.record.recorder import Recorder
from services.voice.searches_ahead import SearchesAhead
from services.voice.session.call import MOST_FAREWELLS, Call, CallParts
from services.voice.session.media_line import MediaLine, Tongue
from services.voice.session.silence import ON_HOLD, CallLimits
from services.voice.session.speaking import DEAD_AIR_S
from services.voice.speech.apologies import apologies_in
from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.pace import Pace
from services.voice.speech.ports import SpeakerTraits, SpeechUnavailable
from services.voice.speech.standing import Standing
from services.voice.speech.voice import Candidate, Voice
from services.voice.transport.media_socket import SocketClosed
from services.voice.transport.media_stream import MediaStream, StreamEnd
from shared.clients.knowledge_search import KnowledgeOverHttp
from shared.contracts.agents import AgentProfile, VoicePreference
from shared.contracts.calls import MediaState
from shared.contracts.conversations import EmailPolicy, TicketPolicy
from shared.contracts.knowledge import SearchAnswer
from shared.conversation.assistant import Assistant
from shared.conversation.phrases import Phrase, phrase, variants
from shared.degradation.ladder import Ladder
from shared.degradation.levels import Health
from shared.rates.card import packaged_card
from shared.rates.usage import Meter, Product
from tests.text_channel import Pause, ScriptedModel
from tests.unit.test_voice_playout import PER_CHARACTER, RATE, FarEnd, Sound, now
from tests.virtual_time import BEGAN, LoopClock, on_virtual_time
from tests.voice_house import a_passage

LIMITS = CallLimits(silence=3.0, longest=120.0)
LONGEST_SILENCE_S = 2 * ON_HOLD * LIMITS.silence + DEAD_AIR_S
"""On hold, with noises that postpone the question as long as they can, and then a reply that hangs."""
LONGEST_END_S = MOST_FAREWELLS * (DEAD_AIR_S + 20.0)

SAID = st.sampled_from(
    [
        "How do I restart my router?",
        "mm-hm",
        "okay",
        "no",
        "Yes please.",
        "wait a moment",
        "Can I talk to a person?",
        "jane dot doe at",
        "my e-mail is j a n e",
        "It blinks and",
        "Thanks, goodbye.",
        "this is Fernway",
        "ʘ‿ʘ ¤¤",
        "",
    ]
)
AT = st.just(0.0)
REPORT = st.one_of(
    st.just(SpeechStarted()),
    st.builds(Interim, SAID, AT),
    st.builds(Final, SAID, st.booleans(), AT),
    st.builds(LikelyEnd, SAID.filter(bool), AT),
    st.just(WentOn()),
    st.builds(UtteranceEnded, AT),
)
WAIT = st.sampled_from([0.0, 0.02, 0.3, 1.0, 2.5, 6.0])
NEVER = 1e6
SCRIPT = st.lists(st.tuples(WAIT, REPORT), max_size=25)


@dataclass(frozen=True)
class Vendor:
    """How the voice's sentences turn out, one after another, and then again from the first."""

    waits_s: list[float]
    """Until the sound of each begins."""
    breaks: list[bool]
    """Whether it breaks off in the middle."""


VENDOR = st.builds(
    Vendor,
    st.lists(st.sampled_from([0.1, 0.1, 0.1, 1.5, NEVER]), min_size=1, max_size=4),
    st.lists(st.sampled_from([False, False, True]), min_size=1, max_size=4),
)


class Ears:
    """A recogniser that reports a script and then nothing more."""

    def __init__(self, script: list[tuple[float, Heard]], *, breaks: bool) -> None:
        self.worded: list[float] = []
        self._script = script
        self._breaks = breaks

    def hear(self, audio: bytes) -> None:
        pass

    def hear_with(self, recogniser: Recogniser) -> None:
        raise AssertionError(f"nobody asked for another language: {recogniser}")

    def finalize(self) -> None:
        pass

    async def events(self) -> AsyncGenerator[Heard, None]:
        for wait, event in self._script:
            await asyncio.sleep(wait)
            self.worded.append(now())
            yield replace(event, spoken_until=now()) if hasattr(event, "spoken_until") else event  # type: ignore[arg-type]
        if self._breaks:
            yield Lost("the script is over")
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass


class Spoken:
    """A sentence's sound, as the vendor's mood has it."""

    def __init__(self, text: str, wait_s: float, *, breaks: bool) -> None:
        self.sent_at = now()
        self.sounded_at: float | None = None
        self._wait_s, self._breaks = wait_s, breaks
        self._sound = Sound(len(text) * PER_CHARACTER)
        self.total: int | None = None

    async def read(self, most: int) -> bytes:
        if self.sounded_at is None:
            await asyncio.sleep(self._wait_s)
            self.sounded_at = now()
        elif self._breaks:
            raise SpeechUnavailable("it broke off")
        return await self._sound.read(most)

    def characters_within(self, count: int) -> int | None:  # noqa: ARG002
        return None


class Mouth:
    """A `Speaker` of this vendor."""

    name = "a voice"
    traits = SpeakerTraits(native_mulaw=True, word_timing=False, first_sound_s=0.12)

    def __init__(self, vendor: Vendor) -> None:
        self.told: list[tuple[float, str]] = []
        """Every sentence, and when it was begun."""
        self._vendor = vendor
        self._begun = 0

    def prepare(self) -> None:
        pass

    async def begin(self, text: str) -> Spoken:
        self.told.append((now(), text))
        place, vendor = self._begun, self._vendor
        self._begun += 1
        wait_s = vendor.waits_s[place % len(vendor.waits_s)]
        return Spoken(text, wait_s, breaks=vendor.breaks[place % len(vendor.breaks)])

    async def stop(self) -> None:
        pass

    async def close(self) -> None:
        pass


class Telephone(FarEnd):
    """The far end, and when something came out of it."""

    def __init__(self, *, echoes: bool, hangs_up_at: float | None) -> None:
        super().__init__(0.04)
        self.sounded: list[tuple[float, float]] = []
        self._echoes = echoes
        self._hangs_up_at = hangs_up_at

    async def run(self, caller: Any) -> StreamEnd:
        if self._echoes:
            self.echo = caller.mark
        if self._hangs_up_at is None:
            await asyncio.Event().wait()
        else:
            await asyncio.sleep(self._hangs_up_at)
            self.gone = True
        return StreamEnd.STOPPED

    gone = False

    async def media(self, audio: bytes) -> None:
        if self.gone:
            raise SocketClosed(1006)
        await super().media(audio)

    def _queue(self, size: int) -> None:
        begins = max(self._free_at, now())
        super()._queue(size)
        self.sounded.append((begins, self._free_at))


class Library:
    """Knowledge that answers, finds nothing, or hangs."""

    def __init__(self, mood: str) -> None:
        self._mood = mood

    async def search(self, query: str) -> SearchAnswer:  # noqa: ARG002
        if self._mood == "hangs":
            await asyncio.sleep(NEVER)
        return SearchAnswer(found=self._mood == "finds", passages=[a_passage()] if self._mood == "finds" else [])


PROFILE = AgentProfile(
    id=uuid4(),
    name="Ada",
    company="Fernway",
    language="en",
    voice="a voice",
    greeting="Hello, this is Fernway.",
    instructions="",
    tone="",
    knowledge_collection="default",
    tools=("search_knowledge", "open_ticket", "end_call"),
    ticket_policy=TicketPolicy.FOLLOW_UP_ONLY,
    email_policy=EmailPolicy.ALWAYS,
    transfer_number="+12025550100",
)


async def no_sessions() -> AsyncIterator[None]:
    """The record's database is away for the whole call."""
    raise OSError
    yield


def one_language(language: str) -> Tongue:
    """Of an agent that speaks no other."""
    raise AssertionError(f"nobody asked for {language}")


async def a_call(
    ears: Ears,
    vendor: Vendor | Mouth,
    telephone: Telephone,
    mood: str,
    *,
    protects: bool = False,
    limits: CallLimits = LIMITS,
    writes_after_s: float | None = None,
) -> Ending:
    """`writes_after_s`: there is a model, and its first word comes so late; it may be asked on a guess."""
    mouth = Mouth(vendor) if isinstance(vendor, Vendor) else vendor
    clock, pace, cache, meter = LoopClock(), Pace(), AudioCache(), Meter()
    searches = SearchesAhead(Library(mood), clock)
    model = None
    if writes_after_s is not None:
        script = ScriptedModel([Pause(writes_after_s), "Hold the power button. ", Pause(0.4), "Then wait."])
        model = TimedModel(script, clock, meter)
    candidate = Candidate(mouth, pace, Standing("test", mouth.traits.first_sound_s, clock), Product("test", "voice"))
    meanwhile = (text for kind in (Phrase.LOOKING_UP, Phrase.STILL_LOOKING) for text in variants("en", kind))
    for kept in (*apologies_in("en").all, *meanwhile):
        cache.keep("a voice", kept, bytes(len(kept) * PER_CHARACTER))
    claimed = ClaimedCall(uuid4(), "CA1", uuid4(), 1, "inbound", "t" * 32, BEGAN, {}, PROFILE)
    call = Call(
        CallParts(
            claimed=claimed,
            line=MediaLine(
                cast("MediaStream", telephone),
                ears,
                Voice([candidate], VoicePreference.QUALITY, cache, {}, {}, pace, clock, meter),
                clock,
                one_language,
            ),
            conversation=Carried(
                Assistant(PROFILE, searches, model, clock),
                searches,
                model,
                Ladder(cast("Any", None), Health, clock),
                KnowledgeOverHttp(cast("Any", None), "default", "en"),
            ),
            recorder=Recorder(cast("Any", no_sessions), clock, packaged_card()),
            limits=limits,
            protects_notice=protects,
            answers_ahead=True,
            acknowledges_after_s=0.4,
            clock=clock,
            meter=meter,
        )
    )
    return await call.run()


def longest_silence(ears: Ears, telephone: Telephone, ended_at: float) -> float:
    """The longest time in which neither side was to be heard."""
    heard = sorted([*telephone.sounded, *((at, at) for at in ears.worded), (ended_at, ended_at)])
    quiet, until = 0.0, 0.0
    for begins, ends in heard:
        quiet, until = max(quiet, begins - until), max(until, ends)
    return quiet


@settings(max_examples=250, deadline=None)
@given(
    SCRIPT,
    VENDOR,
    st.sampled_from(["finds", "finds nothing", "hangs"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, None, None, 5.0, 40.0]),
    st.sampled_from([None, 0.1, 1.0, NEVER]),
)
def test_whatever_happens_somebody_speaks_until_the_call_has_ended(
    script: list[tuple[float, Heard]],
    vendor: Vendor,
    mood: str,
    echoes: bool,
    protects: bool,
    ears_break: bool,
    hangs_up_at: float | None,
    writes_after_s: float | None,
) -> None:
    async def work() -> None:
        ears = Ears(script, breaks=ears_break)
        telephone = Telephone(echoes=echoes, hangs_up_at=hangs_up_at)
        async with asyncio.timeout(LIMITS.longest + LONGEST_END_S):
            ending = await a_call(ears, vendor, telephone, mood, protects=protects, writes_after_s=writes_after_s)
        assert ending.media_state is MediaState.FINISHED
        assert longest_silence(ears, telephone, now()) <= LONGEST_SILENCE_S

    on_virtual_time(work())


def test_a_silent_caller_is_asked_twice_and_then_told_goodbye() -> None:
    async def work() -> None:
        ears, telephone = Ears([], breaks=False), Telephone(echoes=True, hangs_up_at=None)
        ending = await a_call(ears, Vendor([0.1], [False]), telephone, "finds")
        assert (ending.next_step, ending.outcome) == ("hang_up", "silent")
        quiets = [later[0] - before[1] for before, later in zip(telephone.sounded, telephone.sounded[1:], strict=False)]
        pauses = [round(quiet) for quiet in quiets if quiet > 1]
        assert pauses == [3, 3, 3]  # the greeting, two questions, and the goodbye, three seconds apart

    on_virtual_time(work())


def test_a_long_call_is_warned_and_then_ended_politely() -> None:
    async def work() -> None:
        question = Final("How do I restart my router?", ends_utterance=True, spoken_until=0.0)
        ears = Ears([(12.0, question)] * 70, breaks=False)
        telephone, mouth = Telephone(echoes=True, hangs_up_at=None), Mouth(Vendor([0.1], [False]))
        limits = CallLimits(silence=3.0, longest=700.0)
        ending = await a_call(ears, mouth, telephone, "finds", limits=limits)
        assert ending.next_step == "hang_up"
        (warned_at,) = [at for at, text in mouth.told if text == phrase("en", Phrase.TIME_WARNING)]
        assert 400 <= warned_at < 420
        assert 700 <= now() < 730

    on_virtual_time(work())


@pytest.mark.parametrize("event", [SpeechStarted(), Interim("mm-hm", 0.0)])
def test_a_voice_that_fails_while_we_are_paused_still_apologises(event: Heard) -> None:
    async def work() -> None:
        ears = Ears([(0.25, event)], breaks=False)
        telephone = Telephone(echoes=True, hangs_up_at=None)
        ending = await a_call(ears, Vendor([0.1], [True]), telephone, "finds")
        assert ending.next_step == "apologise"
        apology = len(apologies_in("en").cannot_speak) * PER_CHARACTER
        assert apology <= telephone.played <= apology + 0.4 * RATE
        assert now() < 12

    on_virtual_time(work())


@pytest.mark.parametrize(("likely", "heard_after_s"), [(True, 0.6), (False, 1.0)])
def test_an_answer_begun_on_a_guess_is_heard_sooner(likely: bool, heard_after_s: float) -> None:
    async def work() -> None:
        question = "How do I restart my router?"
        end = LikelyEnd(question, 0.0) if likely else Interim("How do I restart", 0.0)
        final = Final(question, ends_utterance=True, spoken_until=0.0)
        ears = Ears([(15.0, end), (0.4, final)], breaks=False)
        telephone, mouth = Telephone(echoes=True, hangs_up_at=None), Mouth(Vendor([0.1], [False]))
        await a_call(ears, mouth, telephone, "finds", writes_after_s=1.0)
        (told_at,) = [at for at, text in mouth.told if text == "Hold the power button."]
        assert told_at - 15.4 == pytest.approx(heard_after_s, abs=0.01)

    on_virtual_time(work())
