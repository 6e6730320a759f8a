"""A simulated caller: hears 20 ms, does something for 20 ms. No clock, no network, no chance."""

from __future__ import annotations

from lab.caller import email
from lab.caller.asked import Asked, asked
from lab.caller.scenario import EmailStyle, Question, Scenario
from lab.speech.decoder import Decoder, Letter
from lab.speech.encoder import Speaker
from lab.speech.mulaw import FRAME_S, RATE
from lab.twilio.people import QUIET, Act, Voice

STATEMENT_PAUSE_S = 1.6
"""Silence after something that was no question before a caller takes the turn: another sentence may come."""
BROKEN_OFF_PAUSE_S = 2.5
"""The same after a sentence that stopped in the middle."""
TALKS_OVER_AFTER_S = 0.8
KEY_EVERY_S = 0.3
MOST_HELLOS = 2
MOST_FAREWELLS = 3
"""How often they say that this was all before they hang up on somebody who goes on."""
_STYLES: tuple[EmailStyle, ...] = ("spoken", "spelled", "alphabet")


class SimulatedCaller:
    """Plays one scenario. A Person of the phone network."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._persona = scenario.persona
        self._voice = Voice(Speaker.CALLER)
        self._ears = Decoder()
        self._now = 0.0
        """Seconds since the call was answered."""
        self._turn: list[Letter] = []
        """What the other side has said since we last spoke."""
        self._asked_so_far = 0
        self._last_said = ""
        self._spoken_frames = 0
        self._waiting_since = 0.0
        self._hellos = 0
        self._emails = 0
        self._farewells = 0
        self._greeted = False
        self._may_interrupt = False
        """Whether what is heard now is the answer to the question asked last."""
        self._keys = ""
        self._key_at = 0.0
        self._leaves_at: float | None = None
        self._note: str | None = None

    def tick(self, heard: bytes) -> Act:
        """What the caller does now."""
        self._now += FRAME_S
        letters = self._ears.feed(heard)
        if self._now > self._scenario.longest_s or (self._leaves_at is not None and self._now >= self._leaves_at):
            return Act(hangs_up=True, note="hangs up")
        if self._voice.speaks:
            return self._go_on_speaking()
        self._turn += letters
        if self._keys:
            return self._press()
        if not self._scenario.speaks:
            return QUIET
        if self._hangs_up_listening():
            return Act(hangs_up=True, note="hangs up in the middle of what is said")
        self._consider()
        note, self._note = self._note, None
        return Act(note=note) if note is not None else QUIET

    # --- speaking

    def _say(self, text: str, why: str) -> None:
        self._may_interrupt = False
        self._note = f"{why}: {text}"
        self._last_said = text
        self._voice.say(text)
        self._spoken_frames = 0
        self._turn = []

    def _go_on_speaking(self) -> Act:
        sound = self._voice.frame()
        self._spoken_frames += 1
        plan = self._scenario.hangs_up
        is_planned = plan is not None and plan.during == "question" and plan.question == self._asked_so_far
        if plan is not None and is_planned and self._spoken_frames > 2 * plan.after_characters:
            return Act(sound, hangs_up=True, note="hangs up in the middle of the sentence")
        if not self._voice.speaks:
            self._waiting_since = self._now
        return Act(sound)

    def _press(self) -> Act:
        if self._now < self._key_at:
            return QUIET
        key, self._keys = self._keys[0], self._keys[1:]
        self._key_at = self._now + KEY_EVERY_S
        self._waiting_since = self._now
        return Act(key=key, note=f"presses {key}")

    # --- listening

    def _heard(self) -> str:
        """The words of the turn so far; a new utterance begins a new word."""
        text, utterance = "", None
        for letter in self._turn:
            text += letter.character if utterance in (None, letter.utterance) else f" {letter.character}"
            utterance = letter.utterance
        return text

    def _hangs_up_listening(self) -> bool:
        plan = self._scenario.hangs_up
        if plan is None or plan.during == "question" or len(self._turn) < plan.after_characters:
            return False
        question = plan.question if plan.during == "answer" else 0
        return self._asked_so_far == question

    def _consider(self) -> None:
        """Take the turn, when it is ours or we do not care."""
        quiet_s = self._ears.quiet / RATE
        if self._scenario.talks_over_greeting and not self._greeted and self._now >= TALKS_OVER_AFTER_S:
            self._go_on("talks over the greeting")
        elif self._wants_to_interrupt():
            self._go_on("breaks in")
        elif not self._turn:
            if self._now - self._waiting_since >= self._persona.patience_s:
                self._say_hello()
        elif quiet_s >= self._persona.pause_s:
            kind = asked(self._heard())
            if quiet_s >= self._pause_after(kind):
                self._answer(kind)

    def _wants_to_interrupt(self) -> bool:
        after = self._question.interrupts_answer_after if self._question else None
        return after is not None and self._may_interrupt and len(self._turn) >= after

    @property
    def _question(self) -> Question | None:
        """The question asked last."""
        return self._scenario.questions[self._asked_so_far - 1] if self._asked_so_far else None

    def _pause_after(self, kind: Asked) -> float:
        if not self._turn[-1].is_last:
            return BROKEN_OFF_PAUSE_S
        return STATEMENT_PAUSE_S if kind is Asked.STATEMENT else self._persona.pause_s

    def _say_hello(self) -> None:
        self._hellos += 1
        self._waiting_since = self._now
        if self._hellos > MOST_HELLOS:
            self._note = "has lost patience"
            self._leaves_at = self._now
        else:
            self._say("Hello? Are you still there?", "hears nothing")

    # --- answering

    def _answer(self, kind: Asked) -> None:
        heard, self._turn = self._heard(), []
        self._waiting_since = self._now
        is_greeting, self._greeted = not self._greeted, True
        keys = self._scenario.keys
        if self._leaves_at is not None:
            return  # goodbye was said; whatever comes now, we wait for the end
        if is_greeting and keys is not None and keys.after == "greeting":
            self._start_pressing(keys.keys)
        else:
            self._react(kind, heard, f"hears that somebody {kind}")

    def _react(self, kind: Asked, heard: str, why: str) -> None:
        match kind:
            case Asked.GOODBYE:
                self._note = why
                self._leaves_at = self._now + self._scenario.waits_for_hang_up_s
            case Asked.TRANSFER:
                self._note = why
            case Asked.READ_BACK:
                self._confirm(heard, why)
            case Asked.EMAIL:
                self._give_email(why)
            case Asked.NAME:
                self._say(f"My name is {self._persona.name}.", why)
            case Asked.AGAIN | Asked.DETAILS:
                self._say(self._in_other_words(), why)
                self._may_interrupt = self._emails == 0
            case Asked.PRESENCE:
                self._say(f"Yes, I'm here. {self._last_said}".strip(), why)
            case Asked.MORE | Asked.OPENING | Asked.STATEMENT:
                self._go_on(why)

    def _in_other_words(self) -> str:
        """The question said another way, or whatever was said last once more."""
        question = self._question
        if question is not None and question.otherwise is not None and self._last_said == question.ask:
            return question.otherwise
        return self._last_said or "Hello?"

    def _go_on(self, why: str) -> None:
        """Say what comes next: a question, keys, or that this was all."""
        self._greeted = True
        keys = self._scenario.keys
        if self._asked_so_far < len(self._scenario.questions):
            self._asked_so_far += 1
            self._say(self._scenario.questions[self._asked_so_far - 1].ask, why)
            self._may_interrupt = True
        elif keys is not None and keys.after == "answer" and self._asked_so_far:
            self._start_pressing(keys.keys)
        elif self._farewells < MOST_FAREWELLS:
            self._farewells += 1
            self._say("No, thank you. That's all.", why)
        else:
            self._note = f"{why} and has had enough"
            self._leaves_at = self._now

    def _start_pressing(self, keys: str) -> None:
        self._keys, self._key_at = keys, self._now

    def _give_email(self, why: str) -> None:
        address, mistake = self._persona.email, self._persona.misspeaks_email_as
        if not self._persona.gives_email:
            self._say("I'd rather not give my e-mail address.", why)
            return
        if mistake is not None and self._emails == 0:
            address = mistake
        self._say(f"It's {email.said(address, self._style())}.", why)
        self._emails += 1

    def _style(self) -> EmailStyle:
        """Clearer each time they are asked again."""
        first = _STYLES.index(self._persona.email_style)
        return _STYLES[min(first + self._emails, len(_STYLES) - 1)]

    def _confirm(self, heard: str, why: str) -> None:
        address = self._persona.email
        if not self._persona.gives_email or email.is_read_back(address, heard):
            self._say("Yes, that's right.", why)
        else:
            self._say(f"No. It's {email.said(address, self._style())}.", f"{why} and it is wrong")
            self._emails += 1
