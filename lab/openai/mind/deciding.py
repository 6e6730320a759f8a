"""What to do with a request: speak, call a tool, or fill a form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from pydantic import JsonValue

from lab.openai.chat_request import ChatRequest, ToolChoice
from lab.openai.mind.answering import answer
from lab.openai.mind.dialogue import Situation, meanings, read, transcript
from lab.openai.mind.forms import Facts, Form, facts_of
from lab.openai.mind.words import stems

SEARCH, TICKET, END = "search_knowledge", "open_ticket", "end_call"

GOODBYE = re.compile(
    r"\b(good ?bye|bye(?:[- ]bye)?|that(?:['’]s| is|['’]ll be| will be) all|nothing else|have a (?:nice|good) \w+)\b",
    re.IGNORECASE,
)
NOT_YET = re.compile(r"\?\s*$|\bbefore (?:you|we|i)\b", re.IGNORECASE)
THANKS = re.compile(r"\b(thanks|thank you|cheers|great|perfect)\b", re.IGNORECASE)

SAY_GOODBYE = "Thank you for calling. Goodbye."
SAY_WELCOME = "You are welcome. Is there anything else I can help you with?"
SAY_GREETING = "How can I help you today?"
SAY_NOT_FOUND = "I could not find that in our help articles."
SAY_TICKET = "I could not find that in our help articles. I have opened a ticket, and a colleague will get back to you."
SAY_DONE = "That is done."
PROMISE = "A colleague will get back to the caller."


@dataclass(frozen=True)
class Proposal:
    """A tool call."""

    name: str
    arguments: str
    """JSON, as text."""


@dataclass(frozen=True)
class Decision:
    """What to answer: words, or tool calls."""

    text: str = ""
    proposals: tuple[Proposal, ...] = ()


def decide(request: ChatRequest) -> Decision:
    """The rules, in their order."""
    schema = request.schema_wanted
    if schema is not None:
        facts = facts_of(transcript(request.messages), meanings(request.messages))
        filled = Form(schema, facts).fill()
        return Decision(orjson.dumps(filled).decode())
    situation = read(request.messages)
    offered = {tool.function.name: tool.function.parameters for tool in request.tools or ()}
    if isinstance(request.tool_choice, ToolChoice):
        return _call(request.tool_choice.function.name, offered, situation)
    if request.tool_choice == "none":
        offered = {}
    decision = _react(situation, offered)
    if request.tool_choice == "required" and not decision.proposals:
        decision = _call(next(iter(offered)), offered, situation)
    if request.response_format is not None and request.response_format.type == "json_object" and decision.text:
        return Decision(orjson.dumps({"answer": decision.text}).decode())
    return decision


def _react(situation: Situation, offered: Mapping[str, Mapping[str, JsonValue]]) -> Decision:  # noqa: PLR0911
    if situation.results and situation.results[-1] != SEARCH:
        return Decision({END: SAY_GOODBYE, TICKET: SAY_TICKET}.get(situation.results[-1], SAY_DONE))
    if is_goodbye(situation.last_words):
        if END in offered and END not in situation.used:
            return _call(END, offered, situation)
        return Decision(SAY_GOODBYE)
    if situation.passages is not None:
        found = answer(situation.last_words, situation.passages, situation.before)
        return Decision(found) if found is not None else _not_found(situation, offered)
    if not stems(situation.last_words):
        return Decision(SAY_WELCOME if THANKS.search(situation.last_words) else SAY_GREETING)
    if SEARCH in offered and SEARCH not in situation.used:
        return _call(SEARCH, offered, situation)
    return _not_found(situation, offered)


def is_goodbye(said: str) -> bool:
    """Whether the caller takes leave; a question is none, whatever words it holds."""
    return bool(GOODBYE.search(said)) and not NOT_YET.search(said)


def _not_found(situation: Situation, offered: Mapping[str, Mapping[str, JsonValue]]) -> Decision:
    if TICKET in offered and TICKET not in situation.used:
        return _call(TICKET, offered, situation)
    return Decision(SAY_NOT_FOUND)


def _call(name: str, offered: Mapping[str, Mapping[str, JsonValue]], situation: Situation) -> Decision:
    """A call whose arguments are filled from the caller's last words."""
    words = situation.last_words
    facts = Facts(questions=(words,), answers=(), promise=PROMISE, said_by_caller=words)
    arguments = Form({"type": "object", **offered[name]}, facts).fill()
    return Decision(proposals=(Proposal(name, orjson.dumps(arguments).decode()),))
