"""What happens next in a conversation. Pure: no clock, no network, no randomness.

`opening`, `heard` and `silence` decide a turn; `after_answer` decides how a turn goes on when its question has been
looked up; `settle` says what has become true when the reply was heard, or a part of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.contracts.agents import primary
from shared.contracts.conversations import Opening, Speaker
from shared.conversation import contact, steps
from shared.conversation.agent import Rules
from shared.conversation.phrases import Phrase
from shared.conversation.ports import Expectation, NextStep
from shared.conversation.state import (
    Ask,
    ConversationState,
    Phase,
    Promise,
    PromiseKind,
    Question,
    RecordingNotice,
    Utterance,
)
from shared.conversation.turns import Act, Again, Answer, Finding, Findings, Greet, Mark, Say, Turn
from shared.conversation.understanding.answers import Meaning, understand
from shared.conversation.understanding.asked_language import asked_language
from shared.conversation.understanding.email_address import hear_email
from shared.conversation.understanding.languages import words_of
from shared.conversation.understanding.questions import queries_for
from shared.conversation.understanding.words import Words
from shared.security.redaction import redact

LONGEST_WORDS = 1000
"""Characters of an utterance that are looked at, together with what came before it unanswered."""
MOST_AROUND_ADDRESS = 3
"""Content words beside an address that was given unasked; with more of them the caller wants something else too."""
ENOUGH_TO_TELL = 4
"""Words from which on a recogniser's word on their language is taken."""
MOST_SILENCES = 2
"""Prompts into silence before the call is ended."""
YES_OR_NO_KEYS = ("1", "2")
AFTER_ANSWER = frozenset({Phase.ANSWER, Phase.ANYTHING_ELSE, Phase.CLOSE})
"""Phases in which "no" and "thanks" mean that the caller wants no more."""


def beginning(rules: Rules) -> ConversationState:
    """What is true before the first word."""
    recording = RecordingNotice.UNTOLD if rules.records else RecordingNotice.NONE
    if rules.opening is Opening.WAIT:
        return ConversationState(phase=Phase.ISSUE, notice_heard=True, recording=recording)
    return ConversationState(recording=recording)


def opening(state: ConversationState, rules: Rules) -> Turn:
    """The first words, or, when this conversation was going on elsewhere, the way back into it."""
    resumed = Say(Phrase.RESUMED)
    if state.is_new:
        before = (resumed,) if state.heard_already else ()
        return Turn((*before, Greet()), replace(state.asking(Ask.ISSUE), phase=Phase.ISSUE), Phase.GREETING)
    if rules.opening is Opening.WAIT and state == beginning(rules):
        return Turn((), state, state.phase)
    if state.open_words:  # what the caller said last was never answered, and need not be said again
        unanswered = heard(state, "", rules)
        return replace(unanswered, acts=(resumed, *unanswered.acts))
    if state.wants_person and rules.can_transfer and not state.transferred:
        return _with_notice(state, steps.hand_over(state, rules, resumed))
    return _with_notice(state, steps.pending(state, rules, resumed))


def heard(state: ConversationState, said: str, rules: Rules) -> Turn:
    """The caller said something."""
    words = words_of(rules.language)
    text = f"{state.open_words} {said}".strip()[-LONGEST_WORDS:]
    meaning = understand(text, words)
    known = replace(
        _accepting(state, meaning), caller_spoke=True, silences=0, on_hold=False, open_words="", opting_out=False
    )
    turn = _about_being_called(known, meaning, rules, was_asked=state.opting_out)
    if turn is None and not contact.gives_address(known, text, words):
        turn = _about_language(known, text, rules) or _at_any_time(known, meaning, rules)
    if turn is None and known.phase is Phase.CONTACT:
        turn = contact.decide(known, text, meaning, rules, words)
    elif turn is None:
        before, known = known, _with_address(known, text, meaning, words)
        turn = _volunteered(before, known, text, words) or _open(known, meaning, rules)
    turn = turn or _look_up(known, text, meaning, rules, words)
    private = turn.is_private or (known.phase is Phase.CONTACT and turn.answer is None)
    return _with_notice(known, replace(turn, said=said, is_private=private))


def _about_being_called(state: ConversationState, meaning: Meaning, rules: Rules, *, was_asked: bool) -> Turn | None:
    """Whoever we called may ask for no more calls. That is noted when they say yes to it, for it is hard to undo."""
    if was_asked and (meaning.no_calls or (meaning.yes and not meaning.no)):
        return steps.close(replace(state, opted_out=True), rules, Say(Phrase.OPT_OUT_NOTED))
    if was_asked and meaning.no:
        return steps.pending(state, rules, Say(Phrase.OPT_OUT_KEPT))
    if meaning.no_calls and rules.initial_message and not state.opted_out:
        return Turn((Say(Phrase.OPT_OUT_ASK),), replace(state, opting_out=True), state.phase)
    return None


def spoken_to(state: ConversationState, said: str, spoken: str, rules: Rules) -> ConversationState:
    """The state for words that were heard as a language: one of ours is taken up, but not for a word or two.

    `spoken` is a BCP 47 tag, its first part, or empty: names and a "no" sound alike in many languages.
    """
    heard_as = primary(spoken)
    if not heard_as or heard_as == primary(rules.language) or len(said.split()) < ENOUGH_TO_TELL:
        return state
    ours = next((code for code in rules.languages if primary(code) == heard_as), None)
    return state if ours is None else replace(state, language=ours)


def _about_language(state: ConversationState, text: str, rules: Rules) -> Turn | None:
    """The caller asks for another language: we go on in it, or say that we do not speak it."""
    asked = asked_language(text)
    if asked is None:
        return None
    spoken = next((code for code in rules.languages if primary(code) == asked), None)
    if spoken is None:
        return steps.pending(state, rules, Say(Phrase.NOT_THAT_LANGUAGE))
    return steps.pending(replace(state, language=spoken), rules, Say(Phrase.IN_THIS_LANGUAGE))


def key_says(key: str, rules: Rules, expects: Expectation) -> str | None:
    """What a key of the telephone says: 0 asks for a person, * to hear it again, 1 and 2 are yes and no when asked.

    None for every other key: an address cannot be typed on a telephone, and a stray key must not end a sentence.
    """
    if key in YES_OR_NO_KEYS and expects is not Expectation.YES_OR_NO:
        return None
    return words_of(rules.language).keys.get(key)


def silence(state: ConversationState) -> Turn:
    """The caller said nothing for a while after our last words."""
    if state.on_hold:
        then = replace(state, on_hold=False)
        return _with_notice(state, Turn((Say(Phrase.STILL_HERE),), then, state.phase))
    if state.silences >= MOST_SILENCES:
        farewell = Turn((Say(Phrase.SILENT_GOODBYE),), replace(state, phase=Phase.CLOSE), Phase.CLOSE)
        return replace(farewell, step=NextStep.HANG_UP)
    then = replace(state, silences=state.silences + 1)
    return _with_notice(state, Turn((Say(Phrase.STILL_THERE, state.silences),), then, state.phase))


def time_warning(state: ConversationState) -> Turn:
    """The longest time for a call is nearly over."""
    return _with_notice(state, Turn((Say(Phrase.TIME_WARNING),), state, state.phase))


def time_up(state: ConversationState, rules: Rules) -> Turn:
    """The longest time for a call is over."""
    return steps.close(state, rules, Say(Phrase.TIME_UP))


def _with_notice(state: ConversationState, turn: Turn) -> Turn:
    """The notices again, as long as the caller has not heard them to their end."""
    untold = () if state.notice_heard else (Say(Phrase.NOTICE_AGAIN),)
    recorded = (Say(Phrase.RECORDED),) if state.recording is RecordingNotice.UNTOLD else ()
    return replace(turn, acts=(*untold, *recorded, *turn.acts))


def _accepting(state: ConversationState, meaning: Meaning) -> ConversationState:
    """A caller who thanks, or wants no more, has had their answer even if they cut it short."""
    if not state.questions or state.phase not in AFTER_ANSWER or meaning.not_helped:
        return state
    last = state.questions[-1]
    if (
        not last.found
        or last.answered
        or last.rejected
        or not (meaning.thanks or meaning.acknowledges or meaning.wants_no_more)
    ):
        return state
    return replace(state, questions=(*state.questions[:-1], replace(last, answered=True)))


def _at_any_time(  # noqa: PLR0911  (a meaning a line, in the order they count)
    state: ConversationState, meaning: Meaning, rules: Rules
) -> Turn | None:
    """What counts in every phase."""
    if meaning.is_empty and state.phase is not Phase.CONTACT:
        return steps.say_again(state, rules)
    if meaning.are_you_human:
        return steps.pending(state, rules, Say(Phrase.YES_AI))
    if meaning.person or _still_wants_person(state, meaning):
        return steps.hand_over(state, rules)
    if meaning.goodbye and not meaning.interrogative and not meaning.is_substantial:
        return _leave(state, meaning, rules)
    if meaning.repeat and not meaning.is_substantial and state.last_reply:
        return steps.pending(state, rules) if state.phase is Phase.CONTACT else Turn((Again(),), state, state.phase)
    if meaning.wait and not meaning.asks:
        return Turn((Say(Phrase.TAKE_YOUR_TIME),), replace(state, on_hold=True), state.phase)
    if meaning.can_you_hear:
        return steps.pending(state, rules, Say(Phrase.HEAR_YOU))
    if meaning.who_are_you:
        who = Say(Phrase.WHO, 0, {"name": rules.name, "company": rules.company})
        return steps.pending(state, rules, who)
    return None


def _still_wants_person(state: ConversationState, meaning: Meaning) -> bool:
    """They asked for one, interrupted the sentence that says so, and agree."""
    return state.phase is Phase.CLOSE and state.wants_person and not state.transferred and meaning.accepts


def _leave(state: ConversationState, meaning: Meaning, rules: Rules) -> Turn:
    """Goodbye at any time. An address is asked for once, when a promise needs it or the caller answers our offer."""
    answers_offer = state.phase is Phase.ANYTHING_ELSE and (meaning.no or meaning.done)
    never_asked = state.phase is not Phase.CONTACT and not state.times_asked(Ask.EMAIL)
    if never_asked and (answers_offer or state.promise is not None):
        return steps.wind_up(state, rules)
    return steps.close(state, rules)


def _with_address(state: ConversationState, text: str, meaning: Meaning, words: Words) -> ConversationState:
    """The state with an address that was given without being asked for, or a new one for the one we have."""
    if not (meaning.mentions_email or "@" in text):
        return state
    given = hear_email(text, words.spelling)
    if given.address is None or given.address in (state.email.confirmed, state.email.candidate):
        return state
    slot = replace(state.email, candidate=given.address, spelled=given.spelled, closed=False, corrections=0)
    return replace(state.settled(Ask.CONFIRM_EMAIL), email=slot)


def _volunteered(before: ConversationState, state: ConversationState, text: str, words: Words) -> Turn | None:
    """Read an address back that was just given, unless it came with a question: that is answered first."""
    address = state.email.candidate
    if address is None or address == before.email.candidate:
        return None
    rest = understand(redact(text), words)
    if rest.interrogative or len(rest.substance) > MOST_AROUND_ADDRESS:
        return None
    return steps.read_back(replace(state, winding_up=False), address)


def _open(  # noqa: PLR0911  (a meaning a line, in the order they count)
    state: ConversationState, meaning: Meaning, rules: Rules
) -> Turn | None:
    """The caller may talk about anything; None when it is something to look up."""
    if meaning.not_helped and state.questions:
        return _not_helped(state, rules)
    if meaning.wants_no_more and not (state.phase is Phase.CLARIFY and rules.has_model and not meaning.done):
        return steps.wind_up(state, rules)
    if state.phase in AFTER_ANSWER and not meaning.substance:
        return _after_offer(state, meaning, rules)
    if state.phase is Phase.CLARIFY and rules.has_model and (meaning.yes or meaning.no):
        return None
    if meaning.vague and not meaning.greeting:
        return steps.clarify(state, rules)
    if meaning.substance:
        return None
    if meaning.thanks:
        return steps.ask_issue(state, Say(Phrase.WELCOME))
    if meaning.greeting or meaning.yes or meaning.acknowledges:
        return steps.ask_issue(state)
    return steps.clarify(state, rules) if meaning.unsure else steps.say_again(state, rules)


def _after_offer(  # noqa: PLR0911  (a meaning a line, in the order they count)
    state: ConversationState, meaning: Meaning, rules: Rules
) -> Turn | None:
    """Words without content after an answer or after "anything else?"."""
    if meaning.thanks and state.phase is not Phase.ANSWER:
        return steps.wind_up(state, rules, Say(Phrase.WELCOME))
    if meaning.thanks:
        return steps.anything_else(state, rules, Say(Phrase.WELCOME))
    if meaning.accepts and state.phase is not Phase.ANSWER:
        return Turn((Say(Phrase.GO_AHEAD),), replace(state, phase=Phase.ISSUE), Phase.ISSUE)
    if meaning.vague:
        return steps.clarify(state, rules)
    if meaning.acknowledges and state.phase is Phase.ANYTHING_ELSE:
        return steps.wind_up(state, rules)
    if meaning.acknowledges or meaning.yes or meaning.greeting:
        return steps.anything_else(state, rules)
    return None if meaning.asks else steps.say_again(state, rules)


def _not_helped(state: ConversationState, rules: Rules) -> Turn:
    """An answer that was none: somebody else has to find a better one."""
    last = replace(state.questions[-1], answered=False, rejected=True)
    kept = replace(state, questions=(*state.questions[:-1], last))
    sorry = Say(Phrase.NOT_HELPED)
    if not rules.can_open_ticket:
        return steps.anything_else(kept, rules, sorry)
    return steps.anything_else(kept, rules, sorry, *steps.promise_acts(kept, rules))


def _look_up(state: ConversationState, text: str, meaning: Meaning, rules: Rules, words: Words) -> Turn:
    last = state.questions[-1].text if state.questions else ""
    about = state.clarifying or state.topic or last
    continues = bool(state.clarifying)
    queries = queries_for(text, meaning, about, words, continues=continues) if rules.can_search else ()
    sentence = len(meaning.words.split()) > len(meaning.substance)
    leans = bool(about) and len(queries) > 1 and queries[0].startswith(about)
    act = Answer(
        text, meaning.words, queries, leans=leans, is_sure=meaning.asks or (sentence and len(meaning.substance) > 1)
    )
    in_contact = state.phase is Phase.CONTACT
    then = state if in_contact else replace(state, phase=Phase.ANSWER, winding_up=False)
    then = replace(then, clarifying="")
    return Turn((act,), then, Phase.ANSWER)


def after_answer(turn: Turn, findings: Findings, rules: Rules) -> Turn:
    """How the turn goes on when its question was looked up: the acts still to come, and the state they lead to."""
    answer = turn.answer
    state = turn.then
    if answer is None:
        return replace(turn, acts=())
    if findings.result is Finding.DONE:
        return _going_on(turn, steps.wind_up(state, rules))
    rephrase = findings.result is Finding.NOT_FOUND and not answer.is_sure
    if rephrase and state.phase is not Phase.CONTACT and state.times_asked(Ask.SAY_AGAIN) < steps.MOST_REPHRASED:
        return _going_on(turn, steps.say_again(replace(state, phase=Phase.ISSUE), rules))
    noted = _noting(state, answer, findings)
    before = _about_result(state, findings, rules)
    if findings.asks_back and not before and state.phase is not Phase.CONTACT:
        return replace(turn, acts=(), then=replace(noted, phase=Phase.CLARIFY, clarifying=answer.question))
    if findings.ends_call and not answer.is_sure:
        return _going_on(turn, steps.wind_up(noted, rules, *before))
    return _going_on(turn, steps.pending(noted, rules, *before))


def interrupted(turn: Turn, findings: Findings) -> Turn:
    """The turn as it stands when the caller spoke before its answer had come to an end."""
    answer = turn.answer
    if answer is None:
        return turn
    if findings.result is None:
        # Nothing was found yet: the question is still open, whatever the caller says next.
        return replace(turn, acts=(), then=replace(turn.then, open_words=answer.question))
    return replace(turn, acts=(), then=_noting(turn.then, answer, findings))


def _going_on(turn: Turn, following: Turn) -> Turn:
    """`following` as the rest of `turn`."""
    return replace(turn, acts=following.acts, then=following.then, step=following.step, is_private=following.is_private)


def _noting(state: ConversationState, answer: Answer, findings: Findings) -> ConversationState:
    found = findings.result in (Finding.ANSWERED, Finding.BROKEN_OFF)
    noted = state.noting(Question(answer.question, found=found, answered=False))
    if findings.result is Finding.ANSWERED:
        noted = noted.settled(Ask.ISSUE, Ask.CLARIFY, Ask.SAY_AGAIN, Ask.ANYTHING_ELSE)
    elif answer.is_sure:
        noted = noted.settled(Ask.ANYTHING_ELSE)
    return replace(noted, topic=findings.topic)


def _about_result(state: ConversationState, findings: Findings, rules: Rules) -> tuple[Act, ...]:
    """What is said about the answer itself before the conversation goes on."""
    promise = steps.promise_acts(state, rules)
    match findings.result:
        case Finding.NOT_FOUND:
            missed = any(not question.found for question in state.questions)
            return (Say(Phrase.NOT_FOUND, 1 if missed else 0), *promise)
        case Finding.LOOK_UP_FAILED:
            return (Say(Phrase.LOOK_UP_FAILED), *promise)
        case Finding.BROKEN_OFF:
            return (Say(Phrase.BROKEN_OFF), *promise)
    if findings.cannot_do:
        return (Say(Phrase.CANNOT_DO), *promise)
    return promise if findings.wants_ticket else ()


def settle(
    before: ConversationState,
    turn: Turn,
    heard_text: str,
    heard_marks: Sequence[tuple[Mark, str]],
    sentences: tuple[str, ...],
    *,
    complete: bool,
) -> tuple[ConversationState, NextStep]:
    """What is true now that the caller has heard `heard_text` of the reply, and what the channel does next.

    `heard_marks` are the marks of the sentences that were heard to their end, with those sentences. Nothing heard means
    that the turn did not happen: the caller went on talking, and what they said is still to be answered.
    """
    caller = Utterance(Speaker.CALLER, turn.said, private=turn.is_private)
    if not heard_text.strip():
        open_words = f"{before.open_words} {turn.said}".strip()[-LONGEST_WORDS:]
        unanswered = replace(
            before,
            caller_spoke=before.caller_spoke or bool(turn.said),
            open_words=open_words,
            opted_out=turn.then.opted_out,
            language=turn.then.language,
        )
        return unanswered.remembering(caller), NextStep.LISTEN
    state = replace(turn.then, heard_already=())
    state = state.remembering(caller, Utterance(Speaker.ASSISTANT, heard_text, private=turn.is_private))
    if sentences:
        state = replace(state, last_reply=sentences)
    for mark, sentence in heard_marks:
        state = _marked(state, mark, sentence)
    if complete:
        step = turn.step
        ended = replace(
            state,
            said_goodbye=state.said_goodbye or step is NextStep.HANG_UP,
            transferred=state.transferred or step is NextStep.TRANSFER,
        )
        return ended, step
    return state, NextStep.LISTEN


def _marked(state: ConversationState, mark: Mark, sentence: str) -> ConversationState:
    if (kind := mark.promise) is not None:
        known = state.promise
        keeps = known is not None and (known.kind is PromiseKind.CALL_BACK or kind is known.kind)
        return state if keeps else replace(state, promise=Promise(kind, sentence))
    match mark:
        case Mark.NOTICE:
            return replace(state, notice_heard=True)
        case Mark.RECORDED:
            return replace(state, recording=RecordingNotice.TOLD)
        case Mark.READ_BACK:
            return replace(state, email=replace(state.email, read_back=True))
        case Mark.ANSWER if state.questions:
            answered = replace(state.questions[-1], answered=True)
            return replace(state, questions=(*state.questions[:-1], answered))
        case _:
            return state
