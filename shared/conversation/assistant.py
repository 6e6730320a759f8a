"""The assistant a channel talks to: one object for one conversation.

A channel opens it, hands it what the caller said, plays the reply it gets, and commits what was heard of it. Nothing
that a reply does counts before that: it may be made on a guess, and thrown away.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from shared.clock import Clock
from shared.contracts.agents import AgentProfile
from shared.contracts.conversations import Outcome
from shared.conversation import machine
from shared.conversation.agent import Rules, rules_of
from shared.conversation.answering import Answering
from shared.conversation.ports import ChatModel, Expectation, Knowledge, KnownAnswers, NextStep, Provenance
from shared.conversation.reply import SpokenReply
from shared.conversation.state import ConversationState, Phase
from shared.conversation.turns import Findings, Turn
from shared.conversation.understanding.answers import understand
from shared.conversation.understanding.endings import sounds_complete
from shared.conversation.understanding.languages import words_of
from shared.conversation.understanding.questions import may_be_question
from shared.conversation.understanding.words import Words


class Assistant:
    """Leads one conversation. Not shared between conversations; its model and knowledge are."""

    def __init__(
        self,
        profile: AgentProfile,
        knowledge: Knowledge,
        model: ChatModel | None,
        clock: Clock,
        state: ConversationState | None = None,
        initial_message: str = "",
        known: KnownAnswers | None = None,
    ) -> None:
        """`initial_message` is what we have to say when it is us who called; `known` are answers given before."""
        self.profile = profile
        self._knowledge = knowledge
        self._model = model
        self._clock = clock
        self._known = known
        rules = rules_of(profile, has_model=model is not None, initial_message=initial_message)
        self._rules_in = {code: replace(rules, language=code) for code in profile.codes}
        goes_on = state is not None and not (state.is_new and not state.heard_already)
        self.state = state if state is not None and goes_on else machine.beginning(rules)

    @property
    def language(self) -> str:
        """BCP 47: what we speak at present."""
        return self._in(self.state.language).language

    def _in(self, language: str) -> Rules:
        """The rules in a language, or in the agent's own when it does not speak that one any more."""
        return self._rules_in.get(language) or self._rules_in[self.profile.language]

    @property
    def _rules(self) -> Rules:
        return self._in(self.state.language)

    @property
    def _words(self) -> Words:
        return words_of(self.language)

    def open(self) -> SpokenReply:
        """The greeting, or the way back into a conversation that was going on in another process."""
        return self._reply(machine.opening(self.state, self._rules))

    def reply_to(self, said: str, spoken: str = "") -> SpokenReply:
        """The answer to what the caller said. Free of side effects until it is committed.

        `spoken` is the language that a recogniser of several has heard: one of ours is gone over to.
        """
        state = machine.spoken_to(self.state, said, spoken, self._rules)
        return self._reply(machine.heard(state, said, self._in(state.language)), state)

    def key_says(self, key: str) -> str | None:
        """What the caller says by pressing a key, to be replied to like words; None when it means nothing now."""
        return machine.key_says(key, self._rules, self.expects)

    def caller_is_silent(self) -> SpokenReply:
        """What to say when the caller has been silent for a while: a prompt, and in the end a goodbye."""
        return self._reply(machine.silence(self.state))

    def time_is_nearly_up(self) -> SpokenReply:
        """A warning before the longest time for a call is over."""
        return self._reply(machine.time_warning(self.state))

    def time_is_up(self) -> SpokenReply:
        """The end of a call that has reached its longest time."""
        return self._reply(machine.time_up(self.state, self._rules))

    def _reply(self, turn: Turn, before: ConversationState | None = None) -> SpokenReply:
        rules = self._in(turn.then.language)
        return SpokenReply(before or self.state, turn, rules, partial(self._answering, rules.language))

    def _answering(self, language: str, provenance: Provenance, findings: Findings) -> Answering:
        profile = self.profile.speaking(language)
        # What is known was answered in the agent's own language.
        known = self._known if language == self.profile.language else None
        return Answering(profile, self._knowledge, self._model, self._clock, provenance, findings, known)

    def commit(self, reply: SpokenReply, heard: str, *, complete: bool) -> NextStep:
        """Make the turn real: the caller heard `heard` of `reply`, and all of it if `complete`.

        Only what was heard enters the history. The next step is to hang up or transfer only when the sentence that says
        so was heard to its end.
        """
        self.state, step = reply.settle(heard, complete=complete)
        if self._known is not None and reply.fresh_answer is not None:
            self._known.keep(*reply.fresh_answer)
        return step

    @property
    def expects(self) -> Expectation:
        """What the caller was asked for."""
        if self.state.opting_out:
            return Expectation.YES_OR_NO
        if self.state.phase is Phase.CONTACT:
            return Expectation.YES_OR_NO if self.state.email.candidate else Expectation.EMAIL
        return Expectation.YES_OR_NO if self.state.phase is Phase.ANYTHING_ELSE else Expectation.ANYTHING

    def sounds_complete(self, text: str) -> bool:
        """Whether `text` may stand as a whole turn: an unfinished sentence or half an address may not."""
        return sounds_complete(text, self.state.email.pieces, self.expects, self._words)

    def may_be_question(self, text: str) -> bool:
        """Whether words that are still being spoken look like something to look up; never while contact is taken."""
        may_look_up = self._rules.can_search and self.state.phase is not Phase.CONTACT
        return may_look_up and may_be_question(text, self._words)

    def outcome(self) -> Outcome:
        """How the conversation would be recorded if it ended now."""
        state = self.state
        if state.transferred:
            return Outcome.TRANSFERRED
        if not state.caller_spoke:
            return Outcome.SILENT
        if state.needs_follow_up or state.wants_person:
            return Outcome.FOLLOW_UP
        if state.said_goodbye and (state.questions or not state.silences):
            return Outcome.ANSWERED
        waiting = understand(state.open_words, self._words).is_question
        answered = bool(state.questions) and state.questions[-1].answered and not waiting
        return Outcome.ANSWERED if answered else Outcome.ABANDONED
