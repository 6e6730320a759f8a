"""What the messages hold: the caller's last words, passages, which tools were used, perhaps a transcript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pydantic import JsonValue

from lab.openai.chat_request import Message

SPEAKER_KEYS = ("speaker", "role", "who", "from", "author")
TEXT_KEYS = ("text", "said", "content", "words", "utterance")
CALLERS = re.compile(r"caller|customer|user|visitor|client", re.IGNORECASE)
LINE = re.compile(
    r"^\W*(?:\[[^\]]*\]\s*)?(?P<who>[A-Za-z][\w ]{1,20}?)(?:\s*\([^)]*\))?:\s+(?P<text>\S.*)$", re.MULTILINE
)
SPEAKERS = re.compile(r"^(caller|customer|user|visitor|client|assistant|agent|bot|ai)$", re.IGNORECASE)


@dataclass(frozen=True)
class Passage:
    """A part of an article."""

    title: str
    text: str


@dataclass(frozen=True)
class Line:
    """Something that was said."""

    by_caller: bool
    text: str


@dataclass(frozen=True)
class Situation:
    """What a request leaves to be decided."""

    last_words: str
    before: str
    """What the caller said before that."""
    passages: tuple[Passage, ...] | None
    """None when nobody has searched for this turn; empty when a search found nothing."""
    results: tuple[str, ...]
    """Names of the tools whose results are the newest messages."""
    used: frozenset[str]
    """Names of the tools called since the caller spoke."""


def read(messages: Sequence[Message]) -> Situation:
    """Find it in the messages."""
    turn = _present_turn(messages)
    called = {call.id: call.function.name for message in messages for call in message.tool_calls or ()}
    said = list(islice(_said(messages), 2))
    results: list[str] = []
    for message in reversed(messages):
        if message.role != "tool":
            break
        results.append(called.get(message.tool_call_id or "", ""))
    return Situation(
        last_words=said[0] if said else "",
        before=said[1] if len(said) > 1 else "",
        passages=_passages(turn),
        results=tuple(reversed(results)),
        used=frozenset(call.function.name for message in turn for call in message.tool_calls or ()),
    )


def _present_turn(messages: Sequence[Message]) -> Sequence[Message]:
    """Everything after the assistant last spoke."""
    for number in range(len(messages) - 1, -1, -1):
        if messages[number].role == "assistant" and not messages[number].tool_calls:
            return messages[number + 1 :]
    return messages


def _said(messages: Sequence[Message]) -> Iterator[str]:
    """What the caller said, newest first: of a user message with data in it, the text behind the data."""
    for message in reversed(messages):
        if message.role != "user":
            continue
        _, rest = documents(message.text)
        said = re.sub(r"</?[\w-]+>", " ", rest).strip()
        if said:
            yield re.sub(r"^[\w ’']{1,40}:\s*", "", said.rpartition("\n\n")[2].strip())


def _passages(messages: Sequence[Message]) -> tuple[Passage, ...] | None:
    for message in reversed(messages):
        if message.role == "assistant":
            continue
        found, _ = documents(message.text)
        lists = [rows for document in found for rows in _lists(document)]
        passages = [passage for rows in lists for passage in _as_passages(rows)]
        if passages:
            return tuple(passages)
        if any(not rows for rows in lists):
            return ()
    return None


def _as_passages(rows: list[JsonValue]) -> list[Passage]:
    return [
        Passage(str(row["title"]), str(row["text"]))
        for row in rows
        if isinstance(row, dict) and isinstance(row.get("text"), str) and isinstance(row.get("title"), str)
    ]


def _lists(document: JsonValue) -> Iterator[list[JsonValue]]:
    """The document itself when it is a list, else the lists directly in it."""
    if isinstance(document, list):
        yield document
    elif isinstance(document, dict):
        yield from (value for value in document.values() if isinstance(value, list))


def documents(text: str) -> tuple[list[JsonValue], str]:
    """The JSON arrays and objects in a text, and the text behind the last one (all of it when there is none)."""
    decoder = json.JSONDecoder()
    found: list[JsonValue] = []
    position, behind = 0, 0
    while (match := re.compile(r"[\[{]").search(text, position)) is not None:
        try:
            document, position = decoder.raw_decode(text, match.start())
        except ValueError:
            position = match.start() + 1
            continue
        found.append(document)
        behind = position
    return found, text[behind:]


def transcript(messages: Sequence[Message]) -> list[Line]:
    """The conversation that the messages tell of: a JSON list of turns, lines such as `Caller: …`, or themselves."""
    told: list[Line] = []
    for message in messages:
        if message.role in ("user", "system", "developer"):
            found, _ = documents(message.text)
            rows = [row for document in found for rows in _lists(document) for row in rows]
            told += [line for row in rows if (line := _as_line(row)) is not None]
    if told:
        return told
    for message in messages:
        if message.role == "user":
            told += [
                Line(bool(CALLERS.search(match["who"])), match["text"].strip())
                for match in LINE.finditer(message.text)
                if SPEAKERS.match(match["who"])
            ]
    if told:
        return told
    return [Line(message.role == "user", message.text) for message in messages if message.role in ("user", "assistant")]


def _as_line(row: JsonValue) -> Line | None:
    """A turn of a transcript: who and what, under whichever of the usual names."""
    if not isinstance(row, dict) or "title" in row:
        return None
    who = next((row[key] for key in SPEAKER_KEYS if isinstance(row.get(key), str)), None)
    said = next((row[key] for key in TEXT_KEYS if isinstance(row.get(key), str)), None)
    return Line(bool(CALLERS.search(str(who))), str(said)) if who is not None and said is not None else None


def meanings(messages: Sequence[Message]) -> dict[str, str]:
    """What instructions say of words, in the form `word (what it means)`."""
    return {
        match[1]: match[2]
        for message in messages
        if message.role in ("system", "developer")
        for match in re.finditer(r"([A-Za-z][\w-]*) \(([^()]{3,300})\)", message.text)
    }
