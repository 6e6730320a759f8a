"""The tools a model may propose, and what becomes of a proposal: checked here, carried out elsewhere or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from shared.contracts.agents import AgentProfile
from shared.conversation.ports import ToolCall
from shared.errors import Invalid

MOST_SEARCHES = 1
"""Searches a model may ask for in one turn, beside the one that was made for it: each costs the caller time."""

Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")
]


class _Arguments(BaseModel):
    """Exactly these, nothing else: arguments are data from a stranger."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SearchKnowledge(_Arguments):
    """Look for other passages than those that were given."""

    query: Line


class OpenTicket(_Arguments):
    """Leave the matter to a person. What the caller is promised is our sentence, not the model's."""

    reason: Line
    promise: Line


class EndCall(_Arguments):
    """The caller is done."""


Proposal = SearchKnowledge | OpenTicket | EndCall

_TOOLS: Mapping[str, tuple[type[_Arguments], str]] = {
    "search_knowledge": (
        SearchKnowledge,
        "Search the company's help articles again, in better words, when the passages do not answer the question.",
    ),
    "open_ticket": (
        OpenTicket,
        "Leave the matter to a colleague when the passages do not answer it, or a person must do something.",
    ),
    "end_call": (EndCall, "End the call when the caller has said that they need nothing more."),
}
_DESCRIPTIONS = {
    "query": "What to look for, in a few words",
    "reason": "What the colleague should look into, in one sentence, without contact data",
    "promise": "What the caller expects to happen, in one sentence, without contact data",
}


def schemas(profile: AgentProfile) -> list[dict[str, Any]]:
    """The agent's tools in the form of chat completions, always in the same order: prompts keep their prefix."""
    return [_schema(name, *_TOOLS[name]) for name in _TOOLS if name in profile.tools]


def _schema(name: str, arguments: type[_Arguments], description: str) -> dict[str, Any]:
    """Strict form: every property required, none besides."""
    properties = {field: {"type": "string", "description": _DESCRIPTIONS[field]} for field in arguments.model_fields}
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
        },
    }


def checked(call: ToolCall, profile: AgentProfile) -> Proposal:
    """The proposal in typed form. Raises Invalid when the agent has no such tool or the arguments are not its own."""
    if call.name not in profile.tools or call.name not in _TOOLS:
        raise Invalid("the agent has no such tool")
    try:
        proposal = _TOOLS[call.name][0].model_validate(dict(call.arguments))
    except ValidationError as error:
        raise Invalid(f"arguments of {call.name} are not acceptable") from error
    if not isinstance(proposal, SearchKnowledge | OpenTicket | EndCall):
        raise Invalid("the agent has no such tool")
    return proposal
