"""Fills a JSON schema from what was said, by the names of its fields; invents nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from lab.openai.mind.dialogue import Line
from lab.openai.mind.words import sentences, shortened, stem, stems

SUBJECT = 80
"""Characters of a good subject line."""
MOST_POINTS = 5
MOST_QUOTED = 2
DEEPEST = 6
PROMISE = re.compile(
    r"\b(ticket|get back to you|call you back|colleague will|someone will|will contact you)\b", re.IGNORECASE
)
ANGRY = re.compile(r"\b(angry|ridiculous|terrible|unacceptable|furious|awful|fed up|complain\w*)\b", re.IGNORECASE)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
FIGURE = re.compile(r"\+?\d[\d -]{4,}\d|\b[A-Z]{0,4}-?\d[\w-]*")
UNDECIDED = ("unsure", "unknown", "other", "general", "neutral", "normal", "medium", "none")
"""Choices taken when nothing that was said speaks for another."""


OPENINGS = re.compile(
    r"^(?:(?:hi|hello|hey|good (?:morning|afternoon|evening)|and|so|well|um|uh|sorry)\b[, ]*)+", re.IGNORECASE
)
"""Words before the matter."""
HINTS = {
    "tech": "router modem wifi internet line light slow outage restart broken error connection signal",
    "bill": "bill invoice fee pay payment refund charge price cost paper",
    "cancel": "cancel terminate notice leave",
    "appointment": "engineer visit appointment reschedule",
    "account": "password login account",
}
"""Words that speak for a choice whose name holds the key."""


@dataclass(frozen=True)
class Facts:
    """What is known, each in words that were really said."""

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    """At most one sentence for each question."""
    promise: str
    said_by_caller: str
    meanings: Mapping[str, str] = field(default_factory=dict)
    """What the request says the choices mean, by choice."""

    @property
    def issue(self) -> str:
        """What it is about."""
        return self.questions[0] if self.questions else ""

    @property
    def summary(self) -> str:
        """At most three sentences."""
        if not self.issue:
            return "The caller said nothing about a matter."
        told = [f"The caller asked: {_quoted(self.questions)}"]
        if self.answers:
            told.append(f"The assistant answered: {_quoted(self.answers)}")
        if self.promise:
            told.append(f"The assistant promised: {_quoted([self.promise])}")
        return " ".join(told)


def facts_of(lines: Sequence[Line], meanings: Mapping[str, str] | None = None) -> Facts:
    """What the conversation holds."""
    said = [sentence for line in lines if line.by_caller for sentence in sentences(line.text)]
    matters = [sentence for sentence in said if len(stems(sentence)) >= 2]
    questions = [sentence for sentence in matters if sentence.endswith("?")] or matters or said
    replies = [sentence for line in lines if not line.by_caller for sentence in sentences(line.text)]
    useful = [sentence for sentence in replies if not sentence.endswith("?") and not PROMISE.search(sentence)]
    answers = [
        next((sentence for sentence in useful if _shares(sentence, question)), "")
        for question in dict.fromkeys(questions)
    ]
    return Facts(
        questions=tuple(dict.fromkeys(_matter(question) for question in questions)),
        answers=tuple(dict.fromkeys(found for found in answers if found)),
        promise=next((sentence for sentence in replies if PROMISE.search(sentence)), ""),
        said_by_caller=" ".join(said),
        meanings=meanings or {},
    )


def _matter(sentence: str) -> str:
    """The sentence without its greeting."""
    rest = OPENINGS.sub("", sentence) or sentence
    return rest[0].upper() + rest[1:]


def _shares(sentence: str, question: str) -> bool:
    """Whether at least half of the question's words are in it."""
    asked = set(stems(question))
    return bool(asked) and 2 * len(asked & set(stems(sentence))) >= len(asked)


def _quoted(texts: Sequence[str]) -> str:
    return " ".join(f"“{shortened(text, 200)}”" for text in texts[:MOST_QUOTED])


class Form:
    """Fills one schema."""

    def __init__(self, schema: Mapping[str, JsonValue], facts: Facts) -> None:
        self._root = schema
        self._facts = facts

    def fill(self) -> JsonValue:
        """A value that follows the schema."""
        return self._value(dict(self._root), "", self._facts, 0)

    def _value(self, schema: JsonValue, name: str, facts: Facts, depth: int) -> JsonValue:  # noqa: PLR0911
        if not isinstance(schema, dict) or depth > DEEPEST:
            return None
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if isinstance(values := schema.get("enum"), list) and values:
            return _choice(values, facts)
        kinds = _kinds(schema)
        if "null" in kinds and not _text(name, facts):
            return None
        if "object" in kinds:
            return self._object(schema, facts, depth)
        if "array" in kinds:
            return self._array(schema, name, facts, depth)
        if "boolean" in kinds:
            return _yes(name, facts)
        if "integer" in kinds or "number" in kinds:
            return _number(schema, whole="integer" in kinds)
        if "string" in kinds:
            return _fitted(_text(name, facts), schema)
        return None

    def _resolved(self, schema: dict[str, JsonValue], hops: int = 0) -> dict[str, JsonValue]:
        """Behind `$ref`; of alternatives, the first that is not null, marked as nullable when null is another."""
        for _ in range(DEEPEST):
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                break
            found: JsonValue = dict(self._root)
            for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
                found = found.get(step) if isinstance(found, dict) else None
            schema = found if isinstance(found, dict) else {}
        alternatives = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(alternatives, list) and hops < DEEPEST:
            options = [self._resolved(option, hops + 1) for option in alternatives if isinstance(option, dict)]
            real = [option for option in options if _kinds(option) != {"null"}]
            if real and len(real) < len(options):
                return real[0] | {"type": [*sorted(_kinds(real[0])), "null"]}
            return real[0] if real else {"type": "null"}
        return schema

    def _object(self, schema: Mapping[str, JsonValue], facts: Facts, depth: int) -> JsonValue:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        return {name: self._value(below, name, facts, depth + 1) for name, below in properties.items()}

    def _array(self, schema: Mapping[str, JsonValue], name: str, facts: Facts, depth: int) -> JsonValue:
        most = schema.get("maxItems")
        points = _points(name, facts)[: most if isinstance(most, int) else MOST_POINTS]
        items = schema.get("items")
        if isinstance(items, dict) and "object" in _kinds(self._resolved(items)):
            return [self._value(items, name, replace(facts, questions=(point,)), depth + 1) for point in points]
        if isinstance(items, dict) and isinstance(choices := self._resolved(items).get("enum"), list):
            return [_choice(choices, facts)] if choices else []
        return [_fitted(point, items if isinstance(items, dict) else {}) for point in points]


def _kinds(schema: Mapping[str, JsonValue]) -> set[str]:
    kind = schema.get("type")
    if isinstance(kind, str):
        return {kind}
    if isinstance(kind, list):
        return {str(one) for one in kind}
    return {"object"} if "properties" in schema else set()


NAMES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("subject", "title", "headline"), "subject"),
    (("promise", "commitment", "follow", "next"), "promise"),
    (("answer", "resolution", "outcome", "solution", "result", "tried", "steps", "advice"), "answer"),
    (("language", "locale"), "language"),
    (("email",), "email"),
    (("phone", "number", "id"), "figure"),
    (("name", "address", "contact"), "nothing"),
    (("summary", "description", "overview", "abstract"), "summary"),
)
"""Words in a field's name, and what such a field holds; any other field holds the matter."""


def _text(name: str, facts: Facts) -> str:
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    meaning = next((held for parts, held in NAMES if any(part in words for part in parts)), "matter")
    return {
        "subject": shortened(facts.issue.rstrip("?.! "), SUBJECT) or "Call without a question",
        "promise": facts.promise,
        "answer": " ".join(facts.answers),
        "language": "en",
        "email": _said(EMAIL, facts),
        "figure": _said(FIGURE, facts),
        "nothing": "",
        "summary": facts.summary,
        "matter": facts.issue,
    }[meaning]


def _said(pattern: re.Pattern[str], facts: Facts) -> str:
    """What the caller really said of this form, or nothing."""
    found = pattern.search(facts.said_by_caller)
    return found[0] if found is not None else ""


def _points(name: str, facts: Facts) -> list[str]:
    """The items of a list: the answers or the promise when its name says so, else all that was of weight."""
    text = _text(name, facts)
    if text == facts.promise and text:
        return [text]
    if text == " ".join(facts.answers) and text:
        return list(facts.answers)
    found = [*facts.questions, *facts.answers, facts.promise]
    return [point for point in dict.fromkeys(found) if point]


def _choice(values: Sequence[JsonValue], facts: Facts) -> JsonValue:
    """The value that shares most words with what was said; a cautious one when none does."""
    said = set(stems(facts.said_by_caller))
    said |= {stem(word) for word in (("follow", "open", "unresolved") if facts.promise else ("answered", "resolved"))}
    if ANGRY.search(facts.said_by_caller):
        said |= {stem(word) for word in ("angry", "negative", "frustrated", "upset")}

    def fit(value: JsonValue) -> int:
        own = {stem(word) for word in re.split(r"[^A-Za-z]+", str(value)) if word}
        hinted = " ".join(words for key, words in HINTS.items() if key in str(value).lower())
        return 2 * len(said & own) + len(said & set(stems(f"{hinted} {facts.meanings.get(str(value), '')}")))

    best = max(values, key=fit)
    if fit(best):
        return best
    return next((value for word in UNDECIDED for value in values if word in str(value).lower()), values[0])


def _yes(name: str, facts: Facts) -> bool:
    words = re.split(r"[^a-z]+", name.lower())
    if any(word in ("resolved", "answered", "solved") for word in words):
        return bool(facts.answers) and not facts.promise
    return bool(facts.promise) and any(word in ("follow", "needs", "open", "ticket", "escalate") for word in words)


def _number(schema: Mapping[str, JsonValue], *, whole: bool) -> int | float:
    least, most = schema.get("minimum"), schema.get("maximum")
    if isinstance(least, int | float) and isinstance(most, int | float):
        middle = (least + most) / 2
        return int(middle) if whole else middle
    return least if isinstance(least, int | float) else 0


def _fitted(text: str, schema: Mapping[str, JsonValue]) -> str:
    most = schema.get("maxLength")
    return shortened(text, most) if isinstance(most, int) and most > 1 else text
