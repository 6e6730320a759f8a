"""What a caller may say when asked for an e-mail address, or whether the one we heard is right. Pure."""

from __future__ import annotations

from dataclasses import replace

from shared.conversation import steps
from shared.conversation.agent import Rules
from shared.conversation.phrases import Phrase
from shared.conversation.state import Ask, ConversationState, Phase
from shared.conversation.turns import Say, Turn
from shared.conversation.understanding.answers import Meaning
from shared.conversation.understanding.corrections import correct_email
from shared.conversation.understanding.email_address import Completeness, HeardEmail, hear_email, is_end_of_address
from shared.conversation.understanding.words import Words

MOST_CORRECTIONS = 5
"""Addresses read back in one call before we go on without a confirmed one."""
LONGEST_PIECES = 300
"""Characters of an address dictated over several turns."""


def gives_address(state: ConversationState, said: str, words: Words) -> bool:
    """Whether a whole address is in it, so that no word of it is taken for anything else."""
    return state.phase is Phase.CONTACT and hear_email(said, words.spelling).completeness is Completeness.COMPLETE


def decide(state: ConversationState, said: str, meaning: Meaning, rules: Rules, words: Words) -> Turn | None:
    """The next turn, or None when the caller asks something else: answer that first."""
    if state.email.candidate is not None:
        return _about_candidate(state, state.email.candidate, said, meaning, rules, words)
    return _about_address(state, said, meaning, rules, words)


def _about_address(  # noqa: PLR0911  (a meaning a line, in the order they count)
    state: ConversationState, said: str, meaning: Meaning, rules: Rules, words: Words
) -> Turn | None:
    alone = hear_email(said, words.spelling)
    joined = hear_email(f"{state.email.pieces} {said}", words.spelling) if state.email.pieces else alone
    given = joined if _continues(alone, joined) else alone if alone.address else joined
    if given.address is not None:
        return steps.read_back(_hearing(state.settled(Ask.CONFIRM_EMAIL), given), given.address)
    if meaning.is_empty:
        return _go_on(state, state.email.pieces, rules)
    if meaning.why:
        return steps.ask_email(state, rules, Say(Phrase.WHY_EMAIL))
    if meaning.refusal or meaning.unsure or (meaning.no and len(meaning.words.split()) <= 3) or meaning.done:
        return _declined(state, rules)
    if meaning.interrogative and meaning.substance and not meaning.mentions_email:
        return None
    if Completeness.IMPOSSIBLE in (alone.completeness, joined.completeness):
        return steps.ask_email_again(state, rules, Say(Phrase.EMAIL_IMPOSSIBLE))
    if meaning.yes and not meaning.substance:
        return _go_on(state, "", rules)
    lacks_beginning = not state.email.pieces and is_end_of_address(said, words.spelling)
    if joined.completeness is Completeness.PARTIAL and not lacks_beginning:
        return _go_on(state, f"{state.email.pieces} {said}".strip()[-LONGEST_PIECES:], rules)
    return steps.ask_email_again(state, rules, Say(Phrase.EMAIL_WRONG))


def _continues(alone: HeardEmail, joined: HeardEmail) -> bool:
    """Whether a whole address is rather the end of one begun before: "jane dot", "doe at gmail dot com".

    One that begins with the same words again was said anew.
    """
    if alone.address is None or joined.address is None:
        return False
    before, again = joined.address.removesuffix(alone.address).strip("._-+"), alone.address
    return bool(before) and not again.startswith(before)


def _hearing(state: ConversationState, heard: HeardEmail) -> ConversationState:
    return replace(state, email=replace(state.email, spelled=state.email.spelled or heard.spelled))


def _go_on(state: ConversationState, pieces: str, rules: Rules) -> Turn:
    """A part was heard: let the caller finish, but not for ever."""
    times = state.times_asked(Ask.SAY_AGAIN)
    if not state.may_ask(Ask.SAY_AGAIN):
        return steps.ask_email_again(state, rules, Say(Phrase.EMAIL_WRONG))
    then = replace(state.asking(Ask.SAY_AGAIN), email=replace(state.email, pieces=pieces), phase=Phase.CONTACT)
    return Turn((Say(Phrase.GO_ON, times),), then, Phase.CONTACT)


def _declined(state: ConversationState, rules: Rules) -> Turn:
    """Accepted at once, and never asked again. What was heard of it so far is dropped."""
    dropped = replace(state, email=replace(state.email, candidate=None))
    return steps.after_contact(steps.without_email(dropped), rules, Say(Phrase.EMAIL_SKIPPED))


def _about_candidate(  # noqa: PLR0911  (a meaning a line, in the order they count)
    state: ConversationState, candidate: str, said: str, meaning: Meaning, rules: Rules, words: Words
) -> Turn | None:
    slot = state.email
    plain_yes = meaning.yes and not meaning.no and not meaning.substance
    corrected = None if plain_yes else correct_email(candidate, said, words.spelling)
    if corrected is not None and corrected != candidate:
        return _corrected(state, corrected, rules)
    agrees = meaning.yes or corrected == candidate
    if agrees and not meaning.no and slot.read_back:
        return steps.after_contact(steps.with_confirmed_email(state, candidate), rules, Say(Phrase.EMAIL_NOTED))
    if meaning.refusal or meaning.done:
        return _declined(state, rules)
    if meaning.no:
        wrong = replace(slot, candidate=None, corrections=slot.corrections + 1, spelled=True)
        return steps.ask_email_again(replace(state, email=wrong), rules, Say(Phrase.EMAIL_WRONG))
    if meaning.interrogative and meaning.substance:
        return None
    if not state.may_ask(Ask.CONFIRM_EMAIL):
        return steps.after_contact(steps.without_email(state), rules, Say(Phrase.EMAIL_GIVEN_UP))
    return steps.read_back(replace(state, email=replace(slot, spelled=slot.spelled or slot.read_back)), candidate)


def _corrected(state: ConversationState, address: str, rules: Rules) -> Turn:
    """Another address, or the same with a letter changed: it is read back like the first one."""
    slot = replace(state.email, candidate=address, corrections=state.email.corrections + 1)
    changed = replace(state.settled(Ask.CONFIRM_EMAIL), email=slot)
    if slot.corrections > MOST_CORRECTIONS:
        return steps.after_contact(steps.without_email(changed), rules, Say(Phrase.EMAIL_GIVEN_UP))
    return steps.read_back(changed, address)
