"""The moves a conversation is made of: ask, clarify, promise, hand over, read back, close. Pure."""

from __future__ import annotations

from dataclasses import replace

from shared.contracts.conversations import EmailPolicy
from shared.conversation.agent import Rules
from shared.conversation.phrases import Phrase
from shared.conversation.ports import NextStep
from shared.conversation.spoken.reading import email_as_said, email_in_alphabet, email_spelled
from shared.conversation.state import Ask, ConversationState, EmailSlot, Phase, PromiseKind
from shared.conversation.turns import Act, Say, Turn

MOST_REPHRASED = 2
"""How often a caller is asked to say it in other words before a person has to listen."""


def ask_issue(state: ConversationState, *before: Act) -> Turn:
    """Ask what the call is about."""
    if not state.may_ask(Ask.ISSUE):
        return Turn(before or (Say(Phrase.GO_AHEAD),), replace(state, phase=Phase.ISSUE), Phase.ISSUE)
    question = Say(Phrase.HOW_CAN_I_HELP, state.times_asked(Ask.ISSUE))
    return Turn((*before, question), replace(state.asking(Ask.ISSUE), phase=Phase.ISSUE), Phase.ISSUE)


def anything_else(state: ConversationState, rules: Rules, *before: Act) -> Turn:
    """Ask whether there is more. Asked in vain too often, the conversation comes to its end."""
    if not state.may_ask(Ask.ANYTHING_ELSE):
        return wind_up(state, rules, *before)
    question = Say(Phrase.ANYTHING_ELSE, min(len(state.questions), 3) - 1 if state.questions else 0)
    then = replace(state.asking(Ask.ANYTHING_ELSE), phase=Phase.ANYTHING_ELSE)
    return Turn((*before, question), then, Phase.ANYTHING_ELSE)


def clarify(state: ConversationState, rules: Rules) -> Turn:
    """Ask what a vague problem is about."""
    times = state.times_asked(Ask.CLARIFY)
    if times >= MOST_REPHRASED:
        return give_to_person(state, rules)
    then = replace(state.asking(Ask.CLARIFY), phase=Phase.CLARIFY)
    return Turn((Say(Phrase.CLARIFY, times),), then, Phase.CLARIFY)


def say_again(state: ConversationState, rules: Rules) -> Turn:
    """Ask for other words."""
    times = state.times_asked(Ask.SAY_AGAIN)
    if times >= MOST_REPHRASED:
        return give_to_person(state, rules)
    then = state.asking(Ask.SAY_AGAIN)
    phase = Phase.ISSUE if state.phase is Phase.GREETING else state.phase
    return Turn((Say(Phrase.SAY_AGAIN, times),), replace(then, phase=phase), phase)


def give_to_person(state: ConversationState, rules: Rules) -> Turn:
    """We cannot understand this caller: somebody else must."""
    sorry = Say(Phrase.CANNOT_UNDERSTAND)
    if state.promise is not None and not rules.can_transfer:
        return wind_up(state, rules, sorry)
    return hand_over(state, rules, sorry)


def hand_over(state: ConversationState, rules: Rules, *before: Act) -> Turn:
    """Put the caller through, or promise that somebody calls back."""
    asked = replace(state, wants_person=True)
    if rules.can_transfer:
        return Turn(
            (*before, Say(Phrase.TRANSFER)), replace(asked, phase=Phase.CLOSE), Phase.CLOSE, step=NextStep.TRANSFER
        )
    if not rules.can_open_ticket:
        return anything_else(asked, rules, *before, Say(Phrase.NO_PERSON))
    if state.promise is not None and state.promise.kind is PromiseKind.CALL_BACK:
        return anything_else(asked, rules, *before, Say(Phrase.ALREADY_CALL_BACK))
    return anything_else(asked, rules, *before, Say(Phrase.PROMISE_CALL_BACK))


def promise_acts(state: ConversationState, rules: Rules) -> tuple[Act, ...]:
    """What tells the caller that a person will look into it; nothing when the agent opens no tickets."""
    if not rules.can_open_ticket:
        return ()
    return (Say(Phrase.PROMISE_FOLLOW_UP if state.promise is None else Phrase.PROMISE_ADDED),)


def wants_email(state: ConversationState, rules: Rules) -> bool:
    """Whether an address should be asked for before the end."""
    slot = state.email
    if slot.confirmed or slot.closed or not state.may_ask(Ask.EMAIL):
        return False
    match rules.email_policy:
        case EmailPolicy.NEVER:
            return False
        case EmailPolicy.FOLLOW_UP_ONLY:
            return state.needs_follow_up
        case EmailPolicy.ALWAYS:
            return bool(state.questions) or state.promise is not None


def wind_up(state: ConversationState, rules: Rules, *before: Act) -> Turn:
    """The caller wants no more: contact first when it is wanted, then goodbye."""
    if not wants_email(state, rules):
        return close(state, rules, *before)
    state = replace(state, winding_up=True)
    if state.email.candidate is not None:
        return read_back(state, state.email.candidate, *before, Say(Phrase.BEFORE_WE_FINISH))
    return ask_email(state, rules, *before, Say(Phrase.BEFORE_WE_FINISH))


def ask_email(state: ConversationState, rules: Rules, *before: Act) -> Turn:
    """Ask for the address, in a way that is the easier to understand the more often it went wrong."""
    if not state.may_ask(Ask.EMAIL):
        return after_contact(without_email(state), rules, *before, Say(Phrase.EMAIL_GIVEN_UP))
    failures = state.email.failures
    slot = replace(state.email, candidate=None, pieces="", read_back=False, spelled=state.email.spelled or failures > 0)
    then = replace(state.settled(Ask.SAY_AGAIN).asking(Ask.EMAIL), email=slot, phase=Phase.CONTACT)
    return Turn((*before, Say(Phrase.ASK_EMAIL, failures)), then, Phase.CONTACT)


def ask_email_again(state: ConversationState, rules: Rules, *before: Act) -> Turn:
    """What was said was no address, or the wrong one."""
    failed = replace(state, email=replace(state.email, failures=state.email.failures + 1))
    return ask_email(failed, rules, *before)


def read_back(state: ConversationState, address: str, *before: Act) -> Turn:
    """Read an address back, more slowly each time, and ask whether it is right."""
    slot = replace(state.email, candidate=address, pieces="", read_back=False)
    again = 1 if slot.corrections else 0
    if slot.corrections >= 2:
        reading = email_in_alphabet(address)
    elif slot.spelled:
        reading = email_spelled(address)
    else:
        reading = email_as_said(address)
    acts = [*before, Say(Phrase.READ_EMAIL, again, {"address": reading}, is_personal=True)]
    if not slot.spelled and slot.corrections < 2:
        acts.append(Say(Phrase.SPELL_EMAIL, 0, {"letters": email_spelled(address)}, is_personal=True))
    acts.append(Say(Phrase.EMAIL_RIGHT, again))
    then = replace(state.asking(Ask.CONFIRM_EMAIL), email=slot, phase=Phase.CONTACT)
    return Turn(tuple(acts), then, Phase.CONTACT, is_private=True)


def after_contact(state: ConversationState, rules: Rules, *before: Act) -> Turn:
    """The address is settled one way or the other: go on where the caller was."""
    if state.winding_up:
        return close(state, rules, *before)
    return anything_else(state, rules, *before) if state.questions else ask_issue(state, *before)


def without_email(state: ConversationState) -> ConversationState:
    """The state in which no address is asked for again. A candidate stays, as heard and not confirmed."""
    return replace(state, email=replace(state.email, closed=True, pieces=""))


def with_confirmed_email(state: ConversationState, address: str) -> ConversationState:
    """The state in which the address is a fact."""
    return replace(state, email=EmailSlot(confirmed=address, spelled=state.email.spelled))


def close(state: ConversationState, rules: Rules, *before: Act) -> Turn:
    """Say what was promised, and goodbye. The call ends when that was heard."""
    recap: tuple[Act, ...] = ()
    if state.promise is not None:
        called = state.promise.kind is PromiseKind.CALL_BACK
        recap = (Say(Phrase.RECAP_CALL_BACK if called else Phrase.RECAP_FOLLOW_UP),)
    elif state.needs_follow_up:
        recap = promise_acts(state, rules)
    acts = (*before, *recap, Say(Phrase.GOODBYE, 1 if rules.initial_message else 0))
    return Turn(acts, replace(state, phase=Phase.CLOSE), Phase.CLOSE, step=NextStep.HANG_UP)


def pending(state: ConversationState, rules: Rules, *before: Act) -> Turn:
    """Say something, then ask again what was being asked."""
    match state.phase:
        case Phase.GREETING | Phase.ISSUE | Phase.CLARIFY:
            return ask_issue(state, *before)
        case Phase.CONTACT if state.email.candidate is not None and state.may_ask(Ask.CONFIRM_EMAIL):
            return read_back(state, state.email.candidate, *before)
        case Phase.CONTACT:
            return ask_email(state, rules, *before, Say(Phrase.BACK_TO_EMAIL))
        case Phase.ANSWER | Phase.ANYTHING_ELSE | Phase.CLOSE:
            return anything_else(state, rules, *before)
