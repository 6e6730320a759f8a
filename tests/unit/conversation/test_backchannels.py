from __future__ import annotations

import pytest

from shared.conversation.understanding.backchannels import only_listens
from shared.conversation.understanding.languages import words_of


@pytest.mark.parametrize(
    "said", ["Mm-hm.", "mhm", "Okay.", "okay, okay", "Yeah.", "Uh-huh", "Right.", "I see.", "Hmm.", "Um", "Got it.", ""]
)
def test_a_listener_asks_for_nothing(said: str) -> None:
    assert only_listens(said, words_of("en"))


@pytest.mark.parametrize(
    "said",
    ["No.", "Stop.", "Wait.", "Okay, thank you.", "Thanks", "Bye.", "Okay?", "My router", "Hello?",
     "okay but the light", "Yes yes yes I know that already", "That's all.", "A person please", "okay stop", "five"],
)  # fmt: skip
def test_everything_else_is_meant_for_us(said: str) -> None:
    assert not only_listens(said, words_of("en"))
