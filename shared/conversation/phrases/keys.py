"""What we have a sentence for. Those with values in braces name them here."""

from __future__ import annotations

from enum import StrEnum, auto


class Phrase(StrEnum):
    """A thing we say. Variants of one key ask or say the same in other words."""

    NOTICE = auto()
    """That an AI assistant answers: a legal duty, in every conversation."""
    NOTICE_AGAIN = auto()
    RECORDED = auto()
    """That the call is recorded: nothing is before this was heard."""
    REACH_PERSON = auto()
    REACH_CALL_BACK = auto()
    HOW_CAN_I_HELP = auto()
    WE_CALL = auto()
    """{name} and {company} of the agent: the first words of a call of ours"""
    RESUMED = auto()
    CLARIFY = auto()
    SAY_AGAIN = auto()
    CANNOT_UNDERSTAND = auto()
    ANYTHING_ELSE = auto()
    GO_AHEAD = auto()
    WELCOME = auto()
    FOUND_UNDER = auto()
    """{title}"""
    NOT_FOUND = auto()
    LOOK_UP_FAILED = auto()
    BROKEN_OFF = auto()
    NOT_HELPED = auto()
    CANNOT_DO = auto()
    PROMISE_FOLLOW_UP = auto()
    PROMISE_ADDED = auto()
    PROMISE_CALL_BACK = auto()
    ALREADY_CALL_BACK = auto()
    NO_PERSON = auto()
    TRANSFER = auto()
    IN_THIS_LANGUAGE = auto()
    """Said in the language that was asked for: we go on in it."""
    NOT_THAT_LANGUAGE = auto()
    YES_AI = auto()
    WHO = auto()
    """{name} and {company} of the agent"""
    OPT_OUT_ASK = auto()
    OPT_OUT_NOTED = auto()
    OPT_OUT_KEPT = auto()
    HEAR_YOU = auto()
    TAKE_YOUR_TIME = auto()
    STILL_HERE = auto()
    STILL_THERE = auto()
    SILENT_GOODBYE = auto()
    ASK_EMAIL = auto()
    BEFORE_WE_FINISH = auto()
    BACK_TO_EMAIL = auto()
    WHY_EMAIL = auto()
    GO_ON = auto()
    EMAIL_IMPOSSIBLE = auto()
    READ_EMAIL = auto()
    """{address} as it is said"""
    SPELL_EMAIL = auto()
    """{letters}"""
    EMAIL_RIGHT = auto()
    EMAIL_WRONG = auto()
    EMAIL_NOTED = auto()
    EMAIL_SKIPPED = auto()
    EMAIL_GIVEN_UP = auto()
    RECAP_FOLLOW_UP = auto()
    RECAP_CALL_BACK = auto()
    GOODBYE = auto()
    TIME_WARNING = auto()
    TIME_UP = auto()
    APOLOGY = auto()
    LOOKING_UP = auto()
    """While an answer is on its way: it is being searched for."""
    CHECKING = auto()
    """The same for a date, a time, an amount or a price."""
    THINKING = auto()
    """The same when there is nothing to search in."""
    STILL_LOOKING = auto()
    """The answer is still not there."""
