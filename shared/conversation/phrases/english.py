"""English."""

from __future__ import annotations

from collections.abc import Mapping

from shared.conversation.phrases.keys import Phrase

PHRASES: Mapping[Phrase, tuple[str, ...]] = {
    Phrase.NOTICE: ("I am an AI assistant.",),
    Phrase.NOTICE_AGAIN: ("Just so you know, I am an AI assistant.",),
    Phrase.REACH_PERSON: ("To talk to a person, just say so at any time.",),
    Phrase.REACH_CALL_BACK: ("To have a person call you back, just say so at any time.",),
    Phrase.HOW_CAN_I_HELP: (
        "How can I help?",
        "What can I do for you?",
        "Please tell me in one sentence what you need help with.",
    ),
    Phrase.WE_CALL: ("Hello, I am {name}, the AI assistant of {company}.",),
    Phrase.RESUMED: ("Sorry, we were cut off for a moment.",),
    Phrase.CLARIFY: (
        "I'm happy to help. What is it about, and what happens exactly?",
        "So that I find the right answer: which product or service is it about, and what would you like to do?",
    ),
    Phrase.SAY_AGAIN: (
        "Sorry, I didn't quite get that. Could you say it in other words?",
        "I'm having trouble understanding. Could you put it into one short sentence?",
    ),
    Phrase.CANNOT_UNDERSTAND: ("I'm sorry, I can't make out what you need.",),
    Phrase.ANYTHING_ELSE: (
        "Is there anything else I can help you with?",
        "Anything else?",
        "What else can I do for you?",
    ),
    Phrase.GO_AHEAD: ("Sure, go ahead.",),
    Phrase.WELCOME: ("You're welcome.",),
    Phrase.FOUND_UNDER: ("Here is what I found under {title}.",),
    Phrase.NOT_FOUND: ("I could not find that in our help articles.", "I could not find that one either."),
    Phrase.LOOK_UP_FAILED: ("I'm sorry, I can't look that up right now.",),
    Phrase.BROKEN_OFF: ("I'm sorry, I can't finish that explanation right now.",),
    Phrase.NOT_HELPED: ("I'm sorry that this didn't help.",),
    Phrase.CANNOT_DO: ("I can't do that for you myself.",),
    Phrase.PROMISE_FOLLOW_UP: ("I will open a ticket, and a colleague will look into it and get back to you.",),
    Phrase.PROMISE_ADDED: ("I will add it to your ticket, so that my colleague deals with it too.",),
    Phrase.PROMISE_CALL_BACK: ("I will open a ticket and ask a colleague to call you back.",),
    Phrase.ALREADY_CALL_BACK: ("I have noted that a colleague will call you back.",),
    Phrase.NO_PERSON: ("I'm sorry, I can't put you through to anybody right now.",),
    Phrase.TRANSFER: ("Of course. I will put you through to a colleague now. One moment, please.",),
    Phrase.YES_AI: ("Yes, I am an AI assistant, not a person.",),
    Phrase.WHO: ("I am {name}, the AI assistant of {company}.",),
    Phrase.HEAR_YOU: ("Yes, I can hear you.",),
    Phrase.TAKE_YOUR_TIME: ("Of course, take your time.",),
    Phrase.STILL_HERE: ("I'm still here. Just tell me when you are ready.",),
    Phrase.STILL_THERE: ("Are you still there?", "I can't hear you. If you are there, please say something."),
    Phrase.SILENT_GOODBYE: (
        "I still can't hear anything, so I will end the call now. Please call again at any time. Goodbye.",
    ),
    Phrase.ASK_EMAIL: (
        "At which e-mail address can we reach you?",
        "Could you spell your e-mail address for me, letter by letter?",
        "Let's try once more. Please say it slowly, for example: a as in alpha, b as in bravo, at, gmail dot com.",
    ),
    Phrase.BEFORE_WE_FINISH: ("One more thing.",),
    Phrase.BACK_TO_EMAIL: ("Now, back to where we were.",),
    Phrase.WHY_EMAIL: ("We only use it to get back to you about this call, and you don't have to give it.",),
    Phrase.GO_ON: ("Yes, go on.", "I'm listening.", "And the rest?"),
    Phrase.EMAIL_IMPOSSIBLE: (
        "That can't be a whole e-mail address. It needs a name, then at, and then a domain such as gmail dot com.",
    ),
    Phrase.READ_EMAIL: ("I heard {address}.", "Now I have {address}."),
    Phrase.SPELL_EMAIL: ("That is {letters}.",),
    Phrase.EMAIL_RIGHT: ("Is that right?", "Is it right now?"),
    Phrase.EMAIL_WRONG: ("I'm sorry.",),
    Phrase.EMAIL_NOTED: ("Thank you, I have noted it.",),
    Phrase.EMAIL_SKIPPED: ("That's fine, we can go on without it.",),
    Phrase.EMAIL_GIVEN_UP: ("I can't get the address quite right, so we will go on without it.",),
    Phrase.RECAP_FOLLOW_UP: ("A colleague will get back to you about your question.",),
    Phrase.RECAP_CALL_BACK: ("A colleague will call you back.",),
    Phrase.GOODBYE: ("Thank you for calling. Goodbye!", "Thank you for your time. Goodbye!"),
    Phrase.TIME_WARNING: ("Just to let you know, we have about five minutes left on this call.",),
    Phrase.TIME_UP: ("I'm sorry, we have reached the longest time for one call, so I have to end it here.",),
    Phrase.LOOKING_UP: (
        "Let me look that up.",
        "Let me see what I can find.",
        "One moment, I'll look.",
        "Let me find that for you.",
    ),
    Phrase.CHECKING: (
        "Let me check that.",
        "One moment, let me check.",
        "I'll just check that for you.",
        "Let me have a look.",
    ),
    Phrase.THINKING: ("Let me see.", "One moment.", "Let me think.", "Just a second."),
    Phrase.STILL_LOOKING: ("I'm still looking.", "Just a moment longer.", "Still on it, one moment please."),
    Phrase.APOLOGY: ("I'm sorry, something went wrong on my side. Could you say that again?",),
}
