"""The heard ledger against the lab's own record of what its caller heard, over ten thousand interrupted replies."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from functools import cache

import pytest

from lab.speech.decoder import Decoder
from lab.speech.encoder import Speaker, encode
from lab.speech.mulaw import FRAME, RATE
from lab.twilio.playout import Playout
from services.voice.playout.heard_ledger import HeardLedger, Segment
from services.voice.speech.pace import Pace

BARGE_INS = 10_000
UNEVEN_BARGE_INS = 1_500
SILENCE = b"\xff"
TICK_S = FRAME / RATE
LEAD_S = 1.0
PER_CHARACTER = 320
WORDS = ("a", "the", "router", "light", "is", "orange", "please", "wait", "unplug")
PACE = Pace()
"""Of a voice that has been heard before; a new one is taken for slower, and its words are counted later."""
PACE.learn(1000 * PER_CHARACTER, "x" * 1000)
DELAYS = (0, 0, 1, 3, 6)
"""Ticks through the network, one way."""


@cache
def audio_of(text: str, place: int) -> bytes:
    return encode(text, Speaker.ASSISTANT, place)


@dataclass
class Sentence:
    text: str
    audio: bytes
    is_known: bool
    """Whether the voice knows at once how long it will be."""
    chunk: int
    every: int
    """Ticks between two chunks of it that the voice delivers."""
    starts: tuple[int, ...] = ()
    """Where in the audio each character begins, when the voice reports that."""

    def characters_within(self, count: int) -> int | None:
        return max(0, bisect_right(self.starts, count) - 1) if self.starts else None


class Talk:
    """One reply over one line, in ticks of 20 ms: the sender's ledger on one side, the lab's telephone on the other."""

    pace = PACE

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.sentences = [self._sentence(place) for place in range(dice.randint(1, 3))]
        self.delay = dice.choice(DELAYS)
        self.ledger = HeardLedger(self.pace)
        self.telephone = Playout()
        self.ears = Decoder()
        self.heard: dict[int, set[int]] = defaultdict(set)
        """Positions of the characters that came out of the receiver, by sentence."""
        self.tick = 0
        self.paused = False
        self._out: deque[tuple[int, str, bytes | str]] = deque()
        self._back: deque[tuple[int, str]] = deque()
        self._segments: list[Segment] = []
        self._left = b""
        self._next = 0
        self._ready_at = 0

    def _sentence(self, place: int) -> Sentence:
        dice = self.dice
        words = [dice.choice(WORDS) + dice.choice(("", "", "", ",")) for _ in range(dice.randint(1, 6))]
        text = " ".join(words) + "."
        chunk = dice.choice((160, 400, 800, 1600))
        slowest = max(1, chunk // FRAME)
        return Sentence(text, audio_of(text, place), dice.random() < 0.5, chunk, dice.randint(0, slowest))

    @property
    def now(self) -> float:
        return self.tick * TICK_S

    @property
    def is_sent(self) -> bool:
        return not self._left and self._next == len(self.sentences)

    def step(self) -> None:
        """20 ms pass, for both."""
        if not self.paused:
            self._speak()
        self._deliver()
        sound, reached = self.telephone.play()
        for letter in self.ears.feed(sound):
            self.heard[letter.utterance].add(letter.position)
        for name in reached:
            self._echo(name)
        self.tick += 1
        while self._back and self._back[0][0] <= self.tick:
            self.ledger.echoed(self._back.popleft()[1], self.now)

    def _speak(self) -> None:
        while self.tick >= self._ready_at and self.ledger.lead(self.now) < LEAD_S:
            if not self._left:
                if self._next == len(self.sentences):
                    return
                self._begin(self.sentences[self._next])
                self._next += 1
            sentence, segment = self.sentences[self._next - 1], self._segments[-1]
            audio, self._left = self._left[: sentence.chunk], self._left[sentence.chunk :]
            is_first = segment.sent == 0
            self.ledger.sent(segment, len(audio), self.now)
            self._send("media", audio)
            if is_first:
                self._mark(segment, segment.begin_mark)
            if not self._left:
                self.ledger.completed(segment)
                self._mark(segment, segment.end_mark)
            self._ready_at = self.tick + sentence.every

    def _begin(self, sentence: Sentence) -> None:
        segment = self.ledger.queue(1, sentence.text)
        segment.total = len(sentence.audio) if sentence.is_known else None
        segment.characters_within = sentence.characters_within
        self._segments.append(segment)
        self._left = sentence.audio

    def _mark(self, segment: Segment, name: str) -> None:
        self.ledger.marked(name, segment)
        self._send("mark", name)

    def _send(self, kind: str, what: bytes | str) -> None:
        self._out.append((self.tick + self.delay, kind, what))

    def _deliver(self) -> None:
        while self._out and self._out[0][0] <= self.tick:
            _, kind, what = self._out.popleft()
            if isinstance(what, bytes):
                self.telephone.add(what)
            elif kind == "mark" and self.telephone.mark(what):
                self._echo(what)
            elif kind == "clear":
                for name in self.telephone.clear()[1]:
                    self._echo(name)

    def _echo(self, name: str) -> None:
        self._back.append((self.tick + self.delay, name))

    def pause(self) -> None:
        self.paused = True
        self.ledger.paused(self.now)
        self._send("clear", "")

    def resume(self) -> None:
        assert self.ledger.held_at is not None
        said = b"".join(sentence.audio for sentence in self.sentences)
        for again in self.ledger.resumed(self.ledger.clause_at(max(0, self.ledger.held_at - 800)), self.now):
            self._send("media", said[again.begins : again.ends])
            if again.mark:
                self._send("mark", again.mark)
        self.paused = False

    def stop(self) -> str:
        """The barge-in: what the ledger says was heard."""
        if not self.paused:
            self._send("clear", "")
        self.ledger.cleared(self.now)
        heard = self.ledger.heard(1, self.now)
        self.paused = True
        for _ in range(2 * self.delay + 3):
            self.step()
        assert self.ledger.heard(1, self.now) == heard, "it changed its mind afterwards"
        return heard

    def agree(self, heard: str) -> None:
        """The ledger says no more than the caller heard, and no more than a word and the line's delay less."""
        told = [sentence.text for sentence in self.sentences]
        assert " ".join(told).startswith(heard)
        really = 0
        for place in range(len(told)):
            heard_here = self.heard[place]
            assert heard_here == set(range(len(heard_here))), "a hole, or sound from nowhere"
            if heard_here:
                really = sum(len(one) + 1 for one in told[:place]) + len(heard_here)
                if place:
                    assert len(self.heard[place - 1]) == len(told[place - 1])
        assert len(heard) <= really + 1
        longest = max(len(word) for text in told for word in text.split())
        guesses = (one for one in self.sentences if not one.is_known and not one.starts)
        guessed = max((0.2 * len(one.text) for one in guesses), default=0)
        late = 2 * self.delay * FRAME / PER_CHARACTER
        assert len(heard) >= really - longest - guessed - late - 4


class UnevenTalk(Talk):
    """A voice that dwells on some words and says where: no share of its sound tells how much was said."""

    def __init__(self, dice: random.Random) -> None:
        self.pace = Pace()
        super().__init__(dice)

    def _sentence(self, place: int) -> Sentence:
        plain = super()._sentence(place)
        audio, starts = b"", []
        for position, character in enumerate(plain.text):
            if character == " ":
                audio += SILENCE * FRAME * self.dice.choice((0, 0, 0, 5, 40))
            starts.append(len(audio))
            audio += plain.audio[position * PER_CHARACTER : (position + 1) * PER_CHARACTER]
        return replace(plain, audio=audio, starts=tuple(starts))


def interrupted_talk(seed: int, kind: type[Talk] = Talk) -> None:
    dice = random.Random(seed)
    talk = kind(dice)
    for _ in range(dice.choice((0, 0, 0, 1, 2))):
        for _ in range(dice.randint(1, 60)):
            talk.step()
        if talk.ledger.lead(talk.now) == 0:
            break  # nothing is being heard that could be paused
        talk.pause()
        for _ in range(dice.randint(0, 30)):
            talk.step()
        if dice.random() < 0.2:
            break  # the words that follow make the pause a barge-in
        talk.resume()
    else:
        for _ in range(dice.randint(0, 200)):
            talk.step()
    talk.agree(talk.stop())


@pytest.mark.parametrize("part", range(4))
def test_ten_thousand_barge_ins_agree_with_what_the_caller_heard(part: int) -> None:
    for seed in range(part, BARGE_INS, 4):
        try:
            interrupted_talk(seed)
        except AssertionError as error:
            error.add_note(f"barge-in {seed}")
            raise


def test_with_word_times_an_uneven_voice_is_heard_to_the_word() -> None:
    """The pauses of such a voice are longer than its words: by shares of its sound this fails at once."""
    for seed in range(UNEVEN_BARGE_INS):
        try:
            interrupted_talk(seed, UnevenTalk)
        except AssertionError as error:
            error.add_note(f"barge-in {seed}")
            raise


def test_what_is_played_to_its_end_after_pauses_was_heard_whole() -> None:
    for seed in range(300):
        talk = Talk(random.Random(seed))
        while not talk.is_sent:
            for _ in range(talk.dice.randint(1, 60)):
                talk.step()
            if talk.ledger.lead(talk.now) > 0:
                talk.pause()
                talk.step()
                talk.resume()
        while talk.ledger.lead(talk.now) > 0:
            talk.step()
        for _ in range(2 * talk.delay + 3):
            talk.step()
        assert talk.ledger.confirmed(1)
        assert talk.ledger.heard(1, talk.now) == " ".join(sentence.text for sentence in talk.sentences)
        assert all(len(talk.heard[place]) == len(one.text) for place, one in enumerate(talk.sentences))


def test_a_voice_that_reports_its_words_is_believed() -> None:
    ledger = HeardLedger(Pace())
    segment = ledger.queue(1, "one two three four")
    segment.characters_within = lambda count: 7 if count >= 4000 else 3
    ledger.sent(segment, 8000, 0.0)
    assert ledger.heard(1, 0.4) == "one"
    assert ledger.heard(1, 0.6) == "one two"
    ledger.cleared(0.6)
    assert ledger.heard(1, 9.0) == "one two"


def test_an_echo_of_a_mark_from_before_a_pause_proves_nothing_after_it() -> None:
    ledger = HeardLedger(Pace())
    segment = ledger.queue(1, "Unplug the router.")
    ledger.sent(segment, 18 * PER_CHARACTER, 0.0)
    ledger.completed(segment)
    ledger.marked(segment.end_mark, segment)
    ledger.paused(0.2)
    (again,) = ledger.resumed(0, 0.3)
    assert not ledger.echoed(segment.end_mark, 0.31)
    assert not ledger.confirmed(1)
    assert ledger.echoed(again.mark, 1.1)
    assert ledger.confirmed(1)


def test_speech_goes_on_from_the_clause_that_was_cut() -> None:
    ledger = HeardLedger(Pace())
    segment = ledger.queue(1, "Unplug the router, wait ten seconds, and plug it in again.")
    segment.total = len(segment.text) * PER_CHARACTER
    ledger.sent(segment, segment.total, 0.0)
    ledger.completed(segment)
    ledger.paused(segment.text.index("seconds") * PER_CHARACTER / RATE)
    assert ledger.held_at is not None
    assert ledger.clause_at(ledger.held_at) == segment.text.index("wait") * PER_CHARACTER
    assert ledger.heard(1, 99.0) == "Unplug the router, wait ten"


def test_a_clause_is_said_again_once() -> None:
    ledger = HeardLedger(Pace())
    segment = ledger.queue(1, "Unplug the router, wait ten seconds, and plug it in again.")
    segment.total = len(segment.text) * PER_CHARACTER
    ledger.sent(segment, segment.total, 0.0)
    ledger.paused(20 * PER_CHARACTER / RATE)
    clause = ledger.clause_at(ledger.held_at or 0)
    assert clause == segment.text.index("wait") * PER_CHARACTER
    ledger.resumed(clause, 2.0)
    ledger.paused(2.0 + 5 * PER_CHARACTER / RATE)
    again = ledger.held_at
    assert again is not None
    assert again == pytest.approx(clause + 5 * PER_CHARACTER, abs=1)
    assert ledger.clause_at(again) == again
