"""When a recogniser with an open socket is asked for words, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from services.voice.hearing.patience import ORDINARY, SPOKEN, Look, Patience

CLOSE_S = 0.15
FRAME_S = 0.02


@dataclass
class Socket:
    """A socket of a line on which time passes: what was asked of it, and when it was given up."""

    patience: Patience
    answers_when_asked: bool = True
    is_ready: bool = True
    now: float = 100.0
    asked_at: list[float] | None = None
    given_up_at: float | None = None

    def __post_init__(self) -> None:
        self.asked_at = []
        self.patience.begin(self.now, self.position)

    @property
    def position(self) -> int:
        return int(self.now * 8000)

    def passes(self, seconds: float, *, loud: bool = False, answers: bool = False) -> Socket:
        """So much time; the caller is loud in it, and the socket answers what it is asked."""
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            if loud:
                self.patience.sound(self.now, 160)
            look = self.patience.look(
                self.now, self.position, answers_when_asked=self.answers_when_asked, is_ready=self.is_ready
            )
            if look is Look.ASK and self.asked_at is not None:
                self.asked_at.append(self.now - 100.0)
                if answers:
                    self.patience.message(self.now, self.position, worded=False)
            if look is Look.REPLACE and self.given_up_at is None:
                self.given_up_at = self.now - 100.0
        return self

    def says(self, *, words: bool) -> Socket:
        self.patience.message(self.now, self.position, worded=words)
        return self


def near(seconds: float) -> object:
    return pytest.approx(seconds, abs=CLOSE_S)


def test_a_silent_line_is_asked_after_long_and_an_answer_is_enough() -> None:
    socket = Socket(Patience(ORDINARY)).passes(20, answers=True)
    assert socket.asked_at == [near(ORDINARY.quiet), near(2 * ORDINARY.quiet)]
    assert socket.given_up_at is None


def test_words_that_are_not_reported_give_a_socket_up_within_two_seconds() -> None:
    socket = Socket(Patience(ORDINARY)).passes(0.6, loud=True).passes(2)
    assert socket.asked_at == [near(ORDINARY.unanswered)]
    assert socket.given_up_at == near(ORDINARY.unanswered + ORDINARY.answer)


def test_a_click_is_no_word() -> None:
    assert SPOKEN > 0.1 * 8000
    assert Socket(Patience(ORDINARY)).passes(0.1, loud=True).passes(5).asked_at == []


def test_a_noisy_line_is_asked_ever_less_until_there_are_words() -> None:
    socket = Socket(Patience(ORDINARY)).passes(16, loud=True, answers=True)
    assert socket.asked_at == [near(1.2), near(1.2 + 2.4), near(1.2 + 2.4 + 4.8)]
    socket.says(words=True).passes(1.3, loud=True)
    assert socket.asked_at is not None
    assert socket.asked_at[-1] == near(16 + 1.2)


def test_what_one_socket_did_not_hear_is_expected_of_the_next() -> None:
    patience = Patience(ORDINARY)
    Socket(patience).passes(0.6, loud=True).passes(2)
    assert Socket(patience).passes(3).asked_at == [near(2 * ORDINARY.unanswered)]


def test_a_recogniser_that_always_has_something_to_say_is_not_asked() -> None:
    socket = Socket(Patience(ORDINARY), answers_when_asked=False).passes(1).says(words=False).passes(3)
    assert (socket.asked_at, socket.given_up_at) == ([], near(1 + ORDINARY.stalled))


def test_a_socket_that_never_gets_ready_is_given_up() -> None:
    assert Socket(Patience(ORDINARY), is_ready=False).passes(3).given_up_at == near(ORDINARY.stalled)


def test_time_in_which_we_were_late_ourselves_does_not_count() -> None:
    socket = Socket(Patience(ORDINARY)).passes(0.6, loud=True)
    socket.now += 5  # nobody looked
    assert socket.passes(0.2).asked_at == []
    assert socket.passes(0.5).asked_at == [near(ORDINARY.unanswered + 5 - ORDINARY.look)]
