from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker, encode
from services.voice.loudness import between_words
from services.voice.playout.heard_ledger import HeardLedger
from services.voice.playout.playout import CHUNK, GRACE_S, KEPT, LEAD_S, Playout
from services.voice.session.media_line import MediaSentence
from services.voice.speech.pace import Pace, words_within
from tests.virtual_time import LoopClock, on_virtual_time

RATE = 8000
PER_CHARACTER = 320
"""Bytes; the lab's voice, 25 characters a second."""


class FarEnd:
    """A telephone: plays in real time, echoes marks when they are reached, drops everything on `clear`."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        """One way."""
        self.messages: list[tuple[float, str, int]] = []
        """When each message was sent, its kind, its bytes of audio."""
        self.echo: Callable[[str], object] = lambda _: None
        self.queued = 0
        self.dropped = 0
        self._free_at = 0.0
        self._clears = 0
        self._under_way: deque[Callable[[], object]] = deque()

    @property
    def played(self) -> int:
        """Bytes that came out of the receiver, once everything is quiet."""
        return self.queued - self.dropped

    async def media(self, audio: bytes) -> None:
        self._note("media", len(audio))
        self._arrive(self._queue, len(audio))

    async def mark(self, name: str) -> None:
        self._note("mark", 0)
        self._arrive(self._mark, name)

    async def clear(self) -> None:
        self._note("clear", 0)
        self._arrive(self._drop)

    def _note(self, kind: str, size: int) -> None:
        self.messages.append((now(), kind, size))

    def _arrive(self, act: Callable[..., object], *values: object) -> None:
        """After the way through the network, in the order of sending: timers of one moment have none."""
        self._under_way.append(partial(act, *values))
        asyncio.get_running_loop().call_later(self.delay_s, self._next)

    def _next(self) -> None:
        self._under_way.popleft()()

    def _queue(self, size: int) -> None:
        self.queued += size
        self._free_at = max(self._free_at, now()) + size / RATE

    def _mark(self, name: str) -> None:
        reached_at = max(self._free_at, now())
        asyncio.get_running_loop().call_at(reached_at, self._reached, name, self._clears)

    def _reached(self, name: str, clears: int) -> None:
        if clears == self._clears:
            self._arrive(self.echo, name)

    def _drop(self) -> None:
        self._clears += 1
        self.dropped += int(max(0.0, self._free_at - now()) * RATE)
        self._free_at = now()


class Sound:
    """Audio that is there at once, or comes in pieces of its own pace."""

    def __init__(self, size: int, piece: int = CHUNK, wait_s: float = 0.0) -> None:
        self.total: int | None = None if wait_s else size
        self._left, self._piece, self._wait_s = size, piece, wait_s

    def characters_within(self, count: int) -> int | None:  # noqa: ARG002
        return None

    async def read(self, most: int) -> bytes:
        if self._left and self._wait_s:
            await asyncio.sleep(self._wait_s)
        size = min(self._left, most, self._piece)
        self._left -= size
        return b"\x00" * size


def a_playout(delay_s: float = 0.0) -> tuple[Playout, FarEnd]:
    far_end = FarEnd(delay_s)
    playout = Playout(far_end, Pace(), LoopClock())
    far_end.echo = playout.echoed
    return playout, far_end


def now() -> float:
    return asyncio.get_running_loop().time()


async def say(playout: Playout, turn: int, *sentences: str) -> None:
    for text in sentences:
        await playout.play(playout.ledger.queue(turn, text), Sound(len(text) * PER_CHARACTER))


def test_the_first_sound_leaves_at_once_and_the_rest_a_second_ahead_of_the_ear() -> None:
    async def work() -> None:
        playout, far_end = a_playout()
        await playout.play(playout.ledger.queue(1, "x" * 250), Sound(10 * RATE))
        assert far_end.messages[0][:2] == (0.0, "media")
        sent = 0
        for at, _, size in far_end.messages:
            sent += size
            assert sent / RATE - at <= LEAD_S + CHUNK / RATE + 1e-6
        assert sent == 10 * RATE
        assert now() >= 10 - LEAD_S - 0.5

    on_virtual_time(work())


def test_ten_seconds_of_sound_are_few_messages_and_never_run_dry() -> None:
    async def work() -> None:
        playout, far_end = a_playout()
        await playout.play(playout.ledger.queue(1, "x" * 250), Sound(10 * RATE))
        media = [(at, size) for at, kind, size in far_end.messages if kind == "media"]
        assert len(media) <= 10 * RATE / CHUNK + 6
        buffered, last = 0.0, 0.0
        for at, size in media[1:]:
            buffered -= at - last
            assert buffered > -CHUNK / RATE, "the far end had nothing to play"
            buffered, last = max(buffered, 0.0) + size / RATE, at

    on_virtual_time(work())


def test_a_voice_that_tells_its_times_is_heard_by_them() -> None:
    """Two words in the first tenth of its sound, two in the last: through all that lies between voice and ledger."""

    class Timed(Sound):
        sent_at = 0.0
        sounded_at: float | None = 0.0

        def characters_within(self, count: int) -> int | None:
            return 8 if RATE // 2 <= count < 9 * RATE // 2 else 18 if count else 0

    async def nobody_speaks() -> None:
        return None

    async def work() -> None:
        playout, _ = a_playout()
        segment = playout.ledger.queue(1, "one two three four")
        playing = asyncio.create_task(MediaSentence(segment, Timed(5 * RATE), playout).play(nobody_speaks))
        await asyncio.sleep(3)
        assert playout.ledger.heard(1, now()) == "one two"
        playing.cancel()

    on_virtual_time(work())


def test_sound_that_comes_slowly_goes_on_as_it_comes() -> None:
    async def work() -> None:
        playout, far_end = a_playout()
        await playout.play(playout.ledger.queue(1, "x" * 25), Sound(RATE, piece=160, wait_s=0.018))
        assert [size for _, kind, size in far_end.messages if kind == "media"][:20] == [160] * 20

    on_virtual_time(work())


def test_a_reply_that_was_played_to_its_end_was_heard_whole() -> None:
    async def work() -> None:
        playout, far_end = a_playout(delay_s=0.08)
        await say(playout, 1, "Hello there.", "How can I help?")
        assert playout.ledger.heard(1, now()) != "Hello there. How can I help?"
        await playout.until_played(1)
        assert playout.ledger.heard(1, now()) == "Hello there. How can I help?"
        assert playout.ledger.heard_whole(1, now())
        assert far_end.played == len("Hello there.How can I help?") * PER_CHARACTER

    on_virtual_time(work())


def test_marks_that_never_come_back_do_not_hold_the_call() -> None:
    async def work() -> None:
        playout, far_end = a_playout()
        far_end.echo = lambda _: None
        await say(playout, 1, "Hello there.")
        await playout.until_played(1)
        assert now() == pytest.approx(12 * PER_CHARACTER / RATE + GRACE_S, abs=0.1)
        assert playout.ledger.heard_whole(1, now())

    on_virtual_time(work())


def test_a_mark_that_comes_back_after_clear_proves_nothing() -> None:
    ledger = HeardLedger(Pace())
    segment = ledger.queue(1, "You will not hear this.")
    ledger.sent(segment, 23 * PER_CHARACTER, 0.0)
    ledger.completed(segment)
    ledger.marked(segment.end_mark, segment)
    ledger.cleared(0.0)
    assert not ledger.echoed(segment.end_mark, 0.01)
    assert ledger.heard(1, 5.0) == ""
    assert not ledger.heard_whole(1, 5.0)


def test_while_the_length_is_a_guess_words_are_counted_late() -> None:
    ledger = HeardLedger(Pace())
    segment = ledger.queue(1, "one two three four five six seven")
    ledger.sent(segment, 10 * 530, 0.0)
    assert ledger.heard(1, 10 * 530 / RATE) == "one two"
    segment.total = 33 * 530
    assert ledger.heard(1, 10 * 530 / RATE) == "one two"
    assert ledger.heard(1, 13 * 530 / RATE) == "one two"
    ledger.sent(segment, 3 * 530, 10 * 530 / RATE)
    assert ledger.heard(1, 13 * 530 / RATE) == "one two three"


def test_a_mark_of_a_stranger_or_twice_changes_nothing() -> None:
    ledger = HeardLedger(Pace())
    segment = ledger.queue(1, "Yes.")
    ledger.sent(segment, 4 * PER_CHARACTER, 0.0)
    assert not ledger.echoed("7:7", 0.0)
    ledger.completed(segment)
    ledger.marked(segment.end_mark, segment)
    assert ledger.echoed(segment.end_mark, 0.2)
    assert not ledger.echoed(segment.end_mark, 0.3)


class Receiver(FarEnd):
    """A telephone that remembers what came out of it, as numbers of samples in the order they were played."""

    def __init__(self, delay_s: float) -> None:
        super().__init__(delay_s)
        self.pieces: list[bytes] = []

    async def media(self, audio: bytes) -> None:
        await super().media(audio)
        self._arrive(lambda: self.pieces.append(audio))

    def _drop(self) -> None:
        before = self.dropped
        super()._drop()
        left = sum(map(len, self.pieces)) - (self.dropped - before)
        self.pieces = [b"".join(self.pieces)[:left]]


class Speech:
    """The lab's speech, which carries its own words; all of it is there at once."""

    def __init__(self, text: str, place: int) -> None:
        self._audio = encode(text, Speaker.ASSISTANT, place)
        self.total: int | None = len(self._audio)

    def characters_within(self, count: int) -> int | None:  # noqa: ARG002
        return None

    async def read(self, most: int) -> bytes:
        piece, self._audio = self._audio[:most], self._audio[most:]
        return piece


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.1, 3.0), st.floats(0.0, 1.0)), max_size=4),
    st.sampled_from([0.0, 0.02, 0.12]),
)
def test_speech_that_was_paused_goes_on_from_its_clause_and_none_of_it_is_lost(
    pauses: list[tuple[float, float]], delay_s: float
) -> None:
    sentences = ["Unplug the router, wait ten seconds, and plug it in again.", "It is ready after two minutes."]

    async def speak(playout: Playout) -> None:
        for place, text in enumerate(sentences):
            await playout.play(playout.ledger.queue(1, text), Speech(text, place))
        await playout.until_played(1)

    async def work() -> None:
        receiver = Receiver(delay_s)
        playout = Playout(receiver, Pace(), LoopClock())
        receiver.echo = playout.echoed
        speaking = asyncio.ensure_future(speak(playout))
        for after_s, for_s in pauses:
            await asyncio.sleep(after_s)
            if speaking.done() or not playout.has_more(now()):
                break
            heard = playout.ledger.heard(1, now())
            await playout.pause()
            await asyncio.sleep(for_s)
            assert playout.ledger.heard(1, now()) == heard
            playout.resume()
            await asyncio.sleep(0)
            assert playout.ledger.heard(1, now()).startswith(heard)
        await speaking
        assert playout.ledger.heard(1, now()) == " ".join(sentences)
        expected = [(place, at) for place, text in enumerate(sentences) for at in range(len(text))]
        came = [(one.utterance, one.position) for one in Decoder().feed(b"".join(receiver.pieces))]
        assert set(came) == set(expected)
        reached = -1
        for letter in came:  # back by a clause at most, and never forward over something unheard
            assert expected.index(letter) <= reached + 1
            reached = max(reached, expected.index(letter))

    on_virtual_time(work())


def test_a_clause_longer_than_what_is_kept_goes_on_from_what_is() -> None:
    async def work() -> None:
        text = "and then " * 60  # twenty seconds without a comma
        receiver = Receiver(0.0)
        playout = Playout(receiver, Pace(), LoopClock())
        receiver.echo = playout.echoed
        speaking = asyncio.ensure_future(playout.play(playout.ledger.queue(1, text), Speech(text, 0)))
        await asyncio.sleep(15)
        await playout.pause()
        held = playout.ledger.held_at or 0
        playout.resume()
        await speaking
        await playout.until_played(1)
        came = [letter.position for letter in Decoder().feed(b"".join(receiver.pieces))]
        assert sorted(set(came)) == list(range(len(text)))
        assert len(came) - len(text) <= KEPT / PER_CHARACTER
        assert held > KEPT

    on_virtual_time(work())


def test_a_pause_that_becomes_an_interruption_is_one_clear_on_the_wire() -> None:
    async def work() -> None:
        playout, far_end = a_playout()
        speaking = asyncio.ensure_future(say(playout, 1, "Unplug the router, wait ten seconds."))
        await asyncio.sleep(0.5)
        await playout.pause()
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        await playout.clear()
        assert [kind for _, kind, _ in far_end.messages].count("clear") == 1
        await say(playout, 2, "Yes?")
        await playout.until_played(2)
        assert playout.ledger.heard(2, now()) == "Yes?"

    on_virtual_time(work())


@pytest.mark.parametrize("quiet", [b"\xff", b"\x7e", b"\x7f\xff"])
def test_between_words_is_where_it_is_quiet(quiet: bytes) -> None:
    loud = b"\x00\x80" * 400
    pause = quiet * (160 // len(quiet))
    assert between_words(loud + pause + loud) == 800
    assert between_words(loud + loud) is None
    assert between_words(b"") is None


SENTENCES = st.lists(
    st.lists(st.sampled_from(["a", "router", "light", "is", "orange.", "please"]), min_size=1, max_size=12).map(
        " ".join
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(SENTENCES, st.floats(0.0, 12.0), st.sampled_from([0.0, 0.02, 0.12]), st.floats(0, 0.3))
def test_an_interrupted_reply_says_what_was_heard_to_the_word(
    sentences: list[str], at: float, delay_s: float, synthesis_s: float
) -> None:
    """The far end counts what came out of it; the ledger may know a word less, and never one more."""

    async def speak(playout: Playout) -> None:
        for text in sentences:
            await asyncio.sleep(synthesis_s)
            await playout.play(playout.ledger.queue(1, text), Sound(len(text) * PER_CHARACTER))
        await playout.until_played(1)

    async def work() -> tuple[str, int]:
        playout, far_end = a_playout(delay_s)
        speaking = asyncio.ensure_future(speak(playout))
        await asyncio.wait({speaking}, timeout=at)
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        await playout.clear()
        heard = playout.ledger.heard(1, now())
        await asyncio.sleep(1)
        return heard, far_end.played

    heard, played = on_virtual_time(work())
    assert " ".join(sentences).startswith(heard)
    known, really = len(heard.replace(" ", "")), _characters_of(sentences, played)
    assert known <= really + 1
    longest = max(len(word) for text in sentences for word in text.split())
    assert known >= really - longest - int(4 * delay_s * RATE / PER_CHARACTER) - 1


@settings(max_examples=150, deadline=None)
@given(SENTENCES, st.floats(0.0, 12.0), st.integers(160, 2000), st.floats(0, 0.3))
def test_after_clear_nothing_of_the_reply_leaves_whoever_goes_on_playing(
    sentences: list[str], at: float, piece: int, wait_s: float
) -> None:
    """A cancelled task may run once more before it learns of it; here nobody is cancelled at all."""

    async def work() -> None:
        playout, far_end = a_playout()

        async def speak() -> None:
            for text in sentences:
                await playout.play(playout.ledger.queue(1, text), Sound(len(text) * PER_CHARACTER, piece, wait_s))

        speaking = asyncio.ensure_future(speak())
        await asyncio.sleep(at)
        await playout.clear()
        await asyncio.gather(speaking)
        kinds = [kind for _, kind, _ in far_end.messages]
        cleared = kinds.index("clear")
        if "media" in kinds[:cleared]:
            assert "media" not in kinds[cleared:]
        await playout.play(playout.ledger.queue(2, "Yes."), Sound(4 * PER_CHARACTER))
        assert "media" in [kind for _, kind, _ in far_end.messages[len(kinds) :]]

    on_virtual_time(work())


@settings(max_examples=100, deadline=None)
@given(SENTENCES, st.integers(160, 2000), st.floats(0, 0.3), st.sampled_from([0.0, 0.02, 0.12]))
def test_a_reply_nobody_interrupts_arrives_to_the_byte(
    sentences: list[str], piece: int, wait_s: float, delay_s: float
) -> None:
    async def work() -> None:
        playout, far_end = a_playout(delay_s)
        for text in sentences:
            await playout.play(playout.ledger.queue(1, text), Sound(len(text) * PER_CHARACTER, piece, wait_s))
        await playout.until_played(1)
        assert far_end.played == sum(map(len, sentences)) * PER_CHARACTER
        assert playout.ledger.heard_whole(1, now())

    on_virtual_time(work())


def _characters_of(sentences: list[str], played: int) -> int:
    """Characters without spaces within the first `played` bytes of these sentences."""
    count = 0
    for text in sentences:
        here = min(played, len(text) * PER_CHARACTER)
        count += len(text[: here // PER_CHARACTER].replace(" ", ""))
        played -= here
    return count


@given(st.text(alphabet="ab .,", max_size=60), st.integers(-2, 70))
def test_a_cut_never_leaves_half_a_word(text: str, characters: int) -> None:
    cut = words_within(text, characters)
    assert text.startswith(cut)
    assert len(cut) <= max(0, characters) or cut == text
    assert cut == text or not cut or not text[len(cut) :][:1].isalpha()
