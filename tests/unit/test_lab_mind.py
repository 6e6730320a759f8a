"""The rules that stand where a language model would."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.openai.chat_request import ChatRequest, read
from lab.openai.completion import Chunks, complete
from lab.openai.mind.answering import MOST_SENTENCES, MOST_WORDS, answer, plain_sentences
from lab.openai.mind.deciding import (
    SAY_GOODBYE,
    SAY_GREETING,
    SAY_NOT_FOUND,
    SAY_TICKET,
    SAY_WELCOME,
    Decision,
    Proposal,
    decide,
)
from lab.openai.mind.dialogue import Passage, documents
from lab.openai.mind.words import sentences
from lab.openai.tokens import count, pieces
from lab.sample import ARTICLES

LINE = {"type": "string"}


def tool(name: str, *properties: str) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": dict.fromkeys(properties, LINE),
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "parameters": parameters, "strict": True}}


TOOLS = [tool("search_knowledge", "query"), tool("open_ticket", "reason", "promise"), tool("end_call")]
RESTART = Passage(
    "Restart your router",
    "# Restart\n\nTo restart your router, unplug it, wait 30 seconds and plug it in. It keeps its settings.\n\n"
    "## What the lights mean\n\n- **White**: all is well.\n- **Orange**: no [line](https://x.example).",
)
BILLING = Passage("Change your billing date", "You can move your billing date to any day from the 1st to the 28th.")


def passages(*given_passages: Passage) -> str:
    rows = [{"id": n, "trust": "data", "title": p.title, "text": p.text} for n, p in enumerate(given_passages, 1)]
    return json.dumps(rows)


def request(*messages: dict[str, Any], **more: Any) -> ChatRequest:
    return read({"model": "gpt-6-luna", "messages": list(messages), "tools": TOOLS, **more})


def user(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content}


def proposed(decision: Decision) -> tuple[str, dict[str, Any]]:
    (proposal,) = decision.proposals
    return proposal.name, json.loads(proposal.arguments)


def called(name: str, result: str) -> list[dict[str, Any]]:
    call = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": "{}"}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]


class TestWhatItDoes:
    def test_it_searches_when_nobody_did(self) -> None:
        decision = decide(request(user("How do I restart my router?")))
        assert proposed(decision) == ("search_knowledge", {"query": "How do I restart my router?"})

    def test_it_answers_from_a_search_s_result(self) -> None:
        result = json.dumps({"found": True, "passages": json.loads(passages(BILLING, RESTART))})
        decision = decide(request(user("How do I restart my router?"), *called("search_knowledge", result)))
        assert decision.text.startswith("To restart your router, unplug it, wait 30 seconds")

    @pytest.mark.parametrize(
        "messages",
        [
            [user(f"Passages for the caller's next words:\n{passages(RESTART)}"), user("How do I restart my router?")],
            [user(f"PASSAGES: {passages(RESTART)}\n\nThe caller says: How do I restart my router?")],
            [user(f"<data>{passages(RESTART)}</data>\n<said>How do I restart my router?</said>")],
            [{"role": "developer", "content": passages(RESTART)}, user("How do I restart my router?")],
        ],
    )
    def test_it_finds_passages_wherever_they_stand(self, messages: list[dict[str, Any]]) -> None:
        assert decide(request(*messages)).text.startswith("To restart your router, unplug it")

    def test_what_was_found_for_an_earlier_question_is_not_for_this_one(self) -> None:
        earlier = [
            user(passages(RESTART)),
            user("How do I restart it?"),
            {"role": "assistant", "content": "Unplug it."},
        ]
        name, arguments = proposed(decide(request(*earlier, user("Can I change my billing date?"))))
        assert (name, arguments["query"]) == ("search_knowledge", "Can I change my billing date?")

    def test_a_follow_up_means_what_was_asked_before(self) -> None:
        dialogue = [user("How do I restart my router?"), {"role": "assistant", "content": "Unplug it."}]
        decision = decide(request(*dialogue, user(passages(RESTART)), user("And how long does it take?")))
        assert "30 seconds" in decision.text

    @pytest.mark.parametrize("result", [passages(BILLING), '{"found": false, "passages": []}', "[]"])
    def test_what_no_passage_answers_becomes_a_ticket(self, result: str) -> None:
        question = "Do you offer a static IP address for my business?"
        searched = [user(question), *called("search_knowledge", result)]
        name, arguments = proposed(decide(request(*searched)))
        assert name == "open_ticket"
        assert arguments == {"reason": question, "promise": "A colleague will get back to the caller."}
        assert decide(request(*searched, *called("open_ticket", "ok"))).text == SAY_TICKET
        assert decide(request(*searched, tools=TOOLS[:1])).text == SAY_NOT_FOUND

    @pytest.mark.parametrize("said", ["No thanks, goodbye!", "That's all, bye.", "Nothing else.", "That will be all"])
    def test_goodbye_ends_the_call(self, said: str) -> None:
        assert proposed(decide(request(user(said)))) == ("end_call", {})
        assert decide(request(user(said), tools=None)).text == SAY_GOODBYE
        assert decide(request(user(said), *called("end_call", "{}"))).text == SAY_GOODBYE

    @pytest.mark.parametrize("said", ["What happens when I say goodbye to my contract?", "Before you say bye, my bill"])
    def test_a_question_with_a_goodbye_in_it_is_none(self, said: str) -> None:
        assert proposed(decide(request(user(said))))[0] == "search_knowledge"

    def test_small_talk_needs_no_search(self) -> None:
        assert decide(request(user("Hello"))).text == SAY_GREETING
        assert decide(request(user("Thank you"))).text == SAY_WELCOME

    def test_tool_choice_is_obeyed(self) -> None:
        choice = {"type": "function", "function": {"name": "open_ticket"}}
        assert proposed(decide(request(user("Hello"), tool_choice=choice)))[0] == "open_ticket"
        assert proposed(decide(request(user("Hello"), tool_choice="required")))[0] == "search_knowledge"
        assert not decide(request(user("How do I restart it?"), tool_choice="none")).proposals


class TestAnswers:
    def test_the_sample_company_is_answered_from_the_right_article(self) -> None:
        articles = {
            path.stem: path.read_text(encoding="utf-8") for path in ARTICLES.glob("*.md") if "." not in path.stem
        }
        known = [
            Passage(text.partition("title: ")[2].partition("\n")[0], text.partition("\n---\n")[2])
            for name, text in articles.items()
            if name not in ("new-prices", "goodwill-limits")
        ]
        for question, expected in (
            ("How do I restart my router?", "unplug its power cable"),
            ("The light on my router is orange, what does it mean?", "no connection to our network"),
            ("My wifi is so slow in the bedroom", "place of the router"),
            ("Can I change my billing date?", "any day from the 1st to the 28th"),
            ("I want to cancel my contract", "30 days' notice"),
            ("What does it cost to cancel early?", "10 dollars for each month"),
            ("I'm moving house next month", "at least 14 days before"),
            ("Do I get a refund for the outage?", "3 dollars for each full day"),
            ("How do I set up parental controls for my kids?", "free and part of every plan"),
            ("Why did you charge me a late fee?", "7 dollars and 50 cents"),
            ("I would like a paper bill", "2 dollars a month"),
            ("I need to reschedule the engineer visit", "free of charge until 6"),
            ("How do I set up my new router?", "15 minutes"),
            ("How do I change the wifi password?", "open Home, then Wi-Fi"),
            ("When is your office open?", "Monday to Friday"),
        ):
            assert expected in (answer(question, known) or ""), question
        assert answer("Can I get a static IP address for my business?", known) is None

    def test_an_answer_is_speakable(self) -> None:
        said = answer("What do the lights on the router mean?", [RESTART])
        assert said == "White: all is well. Orange: no line."

    def test_code_is_left_out_and_no_answer_ends_with_what_announces_it(self) -> None:
        passage = Passage(
            "List the boards", "Listing the boards takes a terminal. Type this:\n`boards list`\nThen press enter."
        )
        assert answer("How do I list the boards?", [passage]) == "Listing the boards takes a terminal."

    def test_an_answer_is_short(self) -> None:
        long = Passage("Router", " ".join(f"The router does thing number {n} very well indeed." for n in range(40)))
        said = answer("What does the router do?", [long])
        assert said is not None
        assert len(sentences(said)) <= MOST_SENTENCES
        assert len(said.split()) <= MOST_WORDS

    @given(st.text(max_size=400), st.text(max_size=60))
    def test_no_text_breaks_it(self, text: str, question: str) -> None:
        found = answer(question, [Passage(question, text)])
        assert found is None or found[-1] in ".!?"
        assert all(sentence.text for sentence in plain_sentences(text))


MODEL_SUMMARY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "subject": {"type": "string", "maxLength": 80},
        "summary": LINE,
        "wish": LINE,
        "key_points": {"type": "array", "items": LINE, "maxItems": 3},
        "promise": {"anyOf": [LINE, {"type": "null"}]},
        "category": {"$ref": "#/$defs/Category"},
        "email": {"type": ["string", "null"]},
        "resolved": {"type": "boolean"},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "sentiment": {"enum": ["negative", "neutral", "positive"]},
        "matters": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"question": LINE},
                "required": ["question"],
                "additionalProperties": False,
            },
        },
    },
    "$defs": {"Category": {"type": "string", "enum": ["billing", "technical-problem", "unsure"]}},
    "additionalProperties": False,
}
MODEL_SUMMARY["required"] = list(MODEL_SUMMARY["properties"])
RULES = "category: one of billing (invoices, payments), technical-problem (something must be repaired), unsure (none)."
TURNS = [
    ("assistant", "Hello, this is Fern. How can I help you?"),
    ("caller", "My router must be repaired, this is ridiculous. How do I restart the router?"),
    ("assistant", "To restart your router, unplug it and wait 30 seconds. I have opened a ticket for you."),
]


class TestForms:
    def fill(self, *messages: dict[str, Any]) -> dict[str, Any]:
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": MODEL_SUMMARY}}
        filled: dict[str, Any] = json.loads(decide(request(*messages, tools=None, response_format=wanted)).text)
        return filled

    @pytest.mark.parametrize(
        "told",
        [
            json.dumps({"language": "en", "sources": ["a"], "dialogue": [{"who": w, "said": s} for w, s in TURNS]}),
            json.dumps([{"speaker": who, "text": said} for who, said in TURNS]),
            "\n".join(f"{who.capitalize()}: {said}" for who, said in TURNS),
        ],
    )
    def test_a_summary_is_made_of_what_was_said(self, told: str) -> None:
        filled = self.fill({"role": "system", "content": RULES}, user(told))
        assert list(filled) == MODEL_SUMMARY["required"]
        assert filled["subject"] == "How do I restart the router"
        assert filled["wish"] == "How do I restart the router?"
        assert "“To restart your router, unplug it and wait 30 seconds.”" in filled["summary"]
        assert filled["promise"] == "I have opened a ticket for you."
        assert filled["category"] == "technical-problem", "its meaning was in the instructions"
        assert filled["email"] is None
        assert (filled["resolved"], filled["confidence"], filled["sentiment"]) == (False, 0.5, "negative")
        assert len(filled["key_points"]) == 3
        assert filled["matters"][0] == {"question": "How do I restart the router?"}

    def test_a_call_without_a_matter(self) -> None:
        filled = self.fill(user('[{"who": "assistant", "said": "Hello, how can I help you?"}]'))
        assert filled["subject"] == "Call without a question"
        assert (filled["category"], filled["promise"], filled["key_points"]) == ("unsure", None, [])

    @pytest.mark.parametrize(
        ("schema", "filled"),
        [
            ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, None),
            ({"anyOf": [{"$ref": "#"}]}, None),
            ({"type": "array", "items": {"enum": []}}, []),
            ({"$ref": "#/nowhere"}, None),
            ({"const": 3}, 3),
            ({"type": "integer", "minimum": 2}, 2),
        ],
    )
    def test_odd_schemas_end(self, schema: dict[str, Any], filled: object) -> None:
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        assert json.loads(decide(request(user("Hello"), tools=None, response_format=wanted)).text) == filled

    def test_the_messages_themselves_are_a_transcript(self) -> None:
        filled = self.fill(
            user("My bill is wrong"), {"role": "assistant", "content": "I am sorry."}, user("12 dollars")
        )
        assert filled["wish"] == "My bill is wrong"
        assert filled["category"] == "billing"


def test_two_calls_stream_one_after_the_other() -> None:
    decision = Decision(proposals=(Proposal("get_order", '{"order_id":"7431"}'), Proposal("get_customer", "{}")))
    completion = complete(request(user("Hello")), decision, "none", 1795161601)
    documents: list[dict[str, Any]] = [
        dict(chunk.document) for chunk in Chunks(completion, with_usage=False, with_obfuscation=False)
    ]
    deltas = [document["choices"][0]["delta"] for document in documents]
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert [call["index"] for call in calls] == sorted(call["index"] for call in calls)
    heads = [call for call in calls if "id" in call]
    assert [head["function"] for head in heads] == [
        {"name": "get_order", "arguments": ""},
        {"name": "get_customer", "arguments": ""},
    ]
    assert deltas[0]["role"] == "assistant"
    assert "".join(call["function"]["arguments"] for call in calls) == '{"order_id":"7431"}{}'
    assert completion.finish_reason == "tool_calls"


class TestText:
    @given(st.text(max_size=300))
    def test_tokens_lose_nothing(self, text: str) -> None:
        assert "".join(pieces(text)) == text
        assert count(text) == len(pieces(text)) or len(pieces(text)) == 1

    def test_json_is_found_between_words(self) -> None:
        found, behind = documents('Here [not json] {"a": [1]} and [2, 3]: the rest')
        assert found == [{"a": [1]}, [2, 3]]
        assert behind == ": the rest"
