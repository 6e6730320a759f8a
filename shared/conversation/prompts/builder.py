"""Puts a request to a model together: rules, instructions, state, dialogue, passages, last words.

The order follows the security guide, section 6.2: only our rules and the company's instructions are system messages;
everything else is data. What never changes comes first, so that the vendor's prompt cache serves it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from shared.contracts.agents import AgentProfile
from shared.contracts.conversations import Speaker
from shared.contracts.knowledge import Passage
from shared.conversation import tools
from shared.conversation.ports import ModelRequest
from shared.conversation.state import ConversationState, Utterance
from shared.conversation.understanding.contact_data import without_contact_data
from shared.conversation.understanding.languages import words_of
from shared.security.foreign_text import clean

LATEST = 16
"""Utterances of the dialogue a model sees."""
LONGEST_INSTRUCTIONS = 6000
LONGEST_PASSAGE = 1500
"""Characters of one passage."""
MOST_TOKENS = 220
"""Of an answer: sixty words, with room for a tool call."""
MOST_SHOWN = 4096
"""Utterances whose shown form is kept in memory: the dialogues of a few hundred calls."""
CONTACT_DATA = "[contact data]"

Message = Mapping[str, Any]


@cache
def platform_rules() -> str:
    """The rules that hold for every agent."""
    return resources.files(__package__).joinpath("platform_rules.md").read_text(encoding="utf-8")


@cache
def rules_version() -> str:
    """Changes whenever the rules do; part of the cache key and of traces."""
    return hashlib.sha256(platform_rules().encode()).hexdigest()[:12]


def build(
    profile: AgentProfile, state: ConversationState, passages: Sequence[Passage], said: str, *further: Message
) -> ModelRequest:
    """The request that answers `said`. `further` are the messages of tool calls made since."""
    messages: list[Message] = [
        {"role": "system", "content": platform_rules()},
        {"role": "system", "content": _instructions(profile)},
        {"role": "user", "content": _state(state)},
        *_dialogue(_answered(state.history), profile.language),
    ]
    if passages:
        messages.append({"role": "user", "content": f"Passages for the caller's next words:\n{as_data(passages)}"})
    messages.append({"role": "user", "content": _shown(said, profile.language)})
    return ModelRequest(
        messages=[*messages, *further],
        tools=tools.schemas(profile),
        most_tokens=MOST_TOKENS,
        cache_key=f"{profile.id}-{rules_version()}",
    )


def _instructions(profile: AgentProfile) -> str:
    lines = (
        f"You are {profile.name}, the AI assistant of {profile.company}.",
        f"Language: {profile.language}. Tone: {profile.tone}.",
        clean(profile.instructions)[:LONGEST_INSTRUCTIONS],
    )
    return "\n".join(line for line in lines if line)


def _state(state: ConversationState) -> str:
    email = "confirmed" if state.email.confirmed else "heard" if state.email.candidate else "not known"
    facts = {
        "phase": state.phase.value,
        "email": email,
        "ticket": "promised" if state.promise else "none",
        "asked for a person": state.wants_person,
    }
    return f"State of the conversation: {json.dumps(facts)}"


def _answered(history: Sequence[Utterance]) -> Sequence[Utterance]:
    """The history up to our last words: what the caller said since is part of the question."""
    end = len(history)
    while end and history[end - 1].speaker is Speaker.CALLER:
        end -= 1
    return history[:end]


def _dialogue(history: Sequence[Utterance], language: str) -> list[Message]:
    """The latest utterances as they were heard, without contact data."""
    return [
        {
            "role": "user" if utterance.speaker is Speaker.CALLER else "assistant",
            "content": CONTACT_DATA if utterance.private else _shown(utterance.text, language),
        }
        for utterance in history[-LATEST:]
    ]


@lru_cache(maxsize=MOST_SHOWN)
def _shown(text: str, language: str) -> str:
    """An utterance as a model may see it. Each is asked for again in every turn that follows it."""
    return clean(without_contact_data(text, words_of(language)))


def as_data(passages: Sequence[Passage]) -> str:
    """Passages as a JSON array, so that no text in them can pass for a message of ours."""
    return json.dumps(
        [
            {
                "id": number,
                "trust": "company help article",
                "title": clean(passage.title),
                "text": clean(passage.text)[:LONGEST_PASSAGE],
            }
            for number, passage in enumerate(passages, start=1)
        ],
        ensure_ascii=False,
    )
