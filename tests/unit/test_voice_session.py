from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voice.hearing.heard_audio import LONGEST, UNWORDED, HeardAudio
from services.voice.hearing.ports import Final, Heard, Interim, Lost, SpeechStarted, UtteranceEnded
from services.voice.session.barge_in import has_words
from services.voice.session.silence import SOUND_S, CallLimits, patience, silent_until
from services.voice.session.stages import AnswerTimes, stages_of
from services.voice.speech.apologies import LANGUAGES, apologies_in
from services.voice.speech.audio_cache import AudioCache
from services.voice.speech.pace import USUAL_BYTES_PER_CHARACTER, Pace
from services.voice.transport.limits import BURST, FRAMES_PER_SECOND, FrameAllowance
from shared.conversation.ports import Expectation
from shared.observability.names import STAGES

LIMITS = CallLimits(silence=3.0, longest=1800.0)


WORDS: list[Heard] = [Interim("so", 0.0), Final("so", ends_utterance=False, spoken_until=0.0)]
SOUNDS: list[Heard] = [
    SpeechStarted(),
    UtteranceEnded(0.0),
    Interim("", 0.0),
    Final("", ends_utterance=True, spoken_until=0.0),
    Lost("x"),
]


@pytest.mark.parametrize("event", WORDS)
def test_words_interrupt(event: Heard) -> None:
    assert has_words(event)


@pytest.mark.parametrize("event", SOUNDS)
def test_sounds_interrupt_nothing(event: Heard) -> None:
    assert not has_words(event)


def test_we_are_more_patient_with_those_who_look_something_up() -> None:
    assert patience(LIMITS, Expectation.ANYTHING, on_hold=False) == 3.0
    assert patience(LIMITS, Expectation.EMAIL, on_hold=False) == 6.0
    assert patience(LIMITS, Expectation.ANYTHING, on_hold=True) == 15.0


@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 30))
def test_a_sound_postpones_the_prompt_but_not_for_ever(quiet: int, sound: int, wait: int) -> None:
    until = silent_until(wait, quiet, sound)
    assert quiet + wait <= until <= quiet + 2 * wait
    if sound + SOUND_S <= quiet + wait:
        assert until == quiet + wait


def test_short_calls_get_no_warning_and_long_ones_five_minutes() -> None:
    assert LIMITS.warn_after == 1500
    assert CallLimits(silence=3, longest=500).warn_after is None


def times(**changes: float) -> AnswerTimes:
    usual = {
        "spoken_until": 9.65,
        "decided_at": 10.0,
        "model_wait_s": 0.5,
        "text_sent_at": 10.511,
        "sounded_at": 10.641,
        "began_at": 10.642,
        "played_at": 13.0,
        "held_s": 0.0,
    }
    return AnswerTimes(**usual | changes)


def test_what_the_platform_adds_is_what_nobody_else_was_waited_for() -> None:
    stages = stages_of(times(), {"retrieval": 6.0, "first_token": 300.0, "first_sentence": 500.0})
    assert stages["hearing"] == pytest.approx(350)
    assert stages["answer"] == pytest.approx(642)
    assert stages["first_audio"] == pytest.approx(130)
    assert stages["overhead"] == pytest.approx(12)
    assert set(stages) <= set(STAGES)


def test_a_sentence_of_our_own_before_the_models_waits_for_nobody() -> None:
    early = times(model_wait_s=0.0, text_sent_at=10.002, sounded_at=10.002, began_at=10.003)
    stages = stages_of(early, {"first_sentence": 500.0})
    assert stages["overhead"] == pytest.approx(3)


def test_waiting_for_the_caller_is_nobodys_fault() -> None:
    held = stages_of(times(began_at=11.642, held_s=1.0), {"first_sentence": 500.0})
    assert held["overhead"] == pytest.approx(12)
    assert held["answer"] == pytest.approx(1642)


def test_the_cache_forgets_what_was_not_used_for_longest() -> None:
    cache = AudioCache(most_bytes=300)
    for name in ("a", "b", "c"):
        cache.keep("voice", name, bytes(100))
    assert cache.get("voice", "a") is not None
    cache.keep("voice", "d", bytes(100))
    assert [name for name in "abcd" if cache.get("voice", name)] == ["a", "c", "d"]
    cache.keep("voice", "a", bytes(50))
    assert cache.size == 250
    cache.keep("voice", "too long", bytes(301))
    cache.keep("voice", "empty", b"")
    assert cache.size == 250
    assert cache.get("another voice", "a") is None


@given(st.lists(st.tuples(st.text(max_size=2), st.integers(0, 120)), max_size=40))
def test_the_cache_never_grows_over_its_limit(kept: list[tuple[str, int]]) -> None:
    cache = AudioCache(most_bytes=200)
    for text, size in kept:
        cache.keep("voice", text, bytes(size))
        assert cache.size <= 200
        assert cache.size == sum(len(cache.get("voice", name) or b"") for name in {name for name, _ in kept})


def test_what_was_never_given_to_a_recogniser_is_replayed_whole() -> None:
    audio = HeardAudio()
    audio.append(bytes(40_000), LONGEST)
    assert audio.replay_from(0, words_pending=False) == 0
    assert audio.replay_from(40_000, words_pending=False) == 40_000 - UNWORDED
    assert audio.replay_from(39_000, words_pending=False) == 40_000 - UNWORDED
    audio.forget(35_000)
    assert audio.replay_from(40_000, words_pending=True) == 35_000
    assert audio.replay_from(40_000, words_pending=False) == 35_000


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 200_000)), max_size=60))
def test_kept_audio_is_bounded_and_its_positions_stay_true(steps: list[tuple[int, int]]) -> None:
    audio, whole = HeardAudio(), bytearray()
    for size, settled in steps:
        piece = bytes((len(whole) + offset) % 251 for offset in range(size))
        whole += piece
        audio.append(piece, LONGEST)
        audio.forget(min(settled, len(whole)))
        begins, kept = audio.since(0)
        assert audio.end == len(whole)
        assert len(kept) <= LONGEST
        assert kept == bytes(whole[begins:])


def test_a_flood_gets_no_more_than_its_rate() -> None:
    allowance = FrameAllowance(0.0)
    assert sum(allowance.take(second / 1000) for second in range(10_000)) <= BURST + 10 * FRAMES_PER_SECOND


def test_a_pace_is_learned_from_whole_sentences() -> None:
    pace = Pace()
    assert pace.bytes_per_character == USUAL_BYTES_PER_CHARACTER
    pace.learn(3200, "ten chars.")
    pace.learn(0, "")
    assert pace.bytes_per_character == 320


def test_every_language_can_apologise() -> None:
    assert apologies_in("en-GB") is LANGUAGES["en"]
    assert apologies_in("xx") is LANGUAGES["en"]
    assert all(text for apologies in LANGUAGES.values() for text in apologies.all)
