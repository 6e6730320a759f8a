"""The ticket that agents read: whole, in order, safe."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ticketing.domain.conversation import Source
from services.ticketing.domain.draft import CaseStatus, CaseType, mentions, summary_note, write_draft
from services.ticketing.domain.markup import LONGEST_TEXT
from services.ticketing.domain.transcript import LONGEST_NOTE
from shared.contracts.conversations import Outcome, Priority
from tests.unit.ticketing.heard import BEGAN, MARKER, assistant, caller, conversation, router_call, summary

FIRST_POST = (
    "<h3>Summary</h3><p>The router restarts every hour &amp; a reset did not help.</p>"
    "<h3>What the caller wants</h3><p>An engineer today.</p>"
    "<h3>Key points</h3><ul><li>Reset was tried.</li><li>Wants a visit &lt;today&gt;.</li></ul>"
    '<h3>Answers given from</h3><ul><li><a href="https://help.example/articles/54">Restart your router</a></li></ul>'
    "<h3>Not found in the knowledge base</h3><ul><li>Can you send an engineer today?</li></ul>"
    "<h3>Promised to the caller</h3><p>A colleague will call back.</p>"
    "<h3>Caller</h3><ul><li>Number: +13125550142 (as reported by the network)</li>"
    "<li>Name: Dana &lt;b&gt;Reyes&lt;/b&gt; (heard)</li><li>E-mail: dana@example.test (confirmed)</li></ul>"
    "<h3>Call</h3><ul><li>Began: 2026-11-20 08:31:00 UTC, took 1 min 35 s</li>"
    "<li>Outcome: a person must follow up</li><li>Language: en-US</li>"
    "<li>Sentiment of the caller&#x27;s words: neutral</li>"
    "<li>Answered by: Fern, the AI assistant of Fernway Internet</li>"
    "<li>Call: CA0f3e5b7c9d1e2f3a4b5c6d7e8f9012</li>"
    "<li>Conversation: 11111111-2222-4333-8444-555555555555</li>"
    "<li>Summary: version 2, written by the model gpt-6-luna</li></ul>"
    f"<p>Ref: {MARKER}</p>"
)
TRANSCRIPT = (
    "<p><b>Transcript</b> (what was heard; minutes and seconds from the start)</p>"
    "<p>00:00 <b>Assistant:</b> Fernway Internet, I am an AI assistant. How can I help?</p>"
    "<p>00:06 <b>Caller:</b> Hi, my router keeps restarting every hour. Can you send an engineer &lt;today&gt;?</p>"
    "<p>00:12 <b>Assistant:</b> Hold the reset button for ten seconds, then <i>[interrupted here]</i></p>"
    "<p>00:20 <b>Caller:</b> I did that.</p>"
    "<p>00:24 <b>Assistant:</b> <i>not heard</i> <i>[interrupted here]</i></p>"
    "<p>00:30 <b>Assistant:</b> I could not find that. I will open a ticket and a colleague will call you back.</p>"
    "<p>00:44 <b>Caller:</b> dana at example dot test</p>"
    "<p>01:00 <b>Caller:</b> Card [card], thanks, bye.</p>"
    f"<p>Ref: {MARKER}:transcript:1</p>"
)


def test_the_ticket_of_a_call() -> None:
    draft = write_draft(router_call(), summary(), MARKER)
    assert draft.subject == "Router restarts every hour"
    assert draft.first_post.replace("&#x27;", "'") == FIRST_POST.replace("&#x27;", "'")
    assert [(note.client_id, note.html) for note in draft.notes] == [(f"{MARKER}:transcript:1", TRANSCRIPT)]
    assert draft.tags == ("ai-call", MARKER, "lang-en", "follow-up", "technical-problem")
    assert (draft.status, draft.type, draft.priority) == (CaseStatus.NEW, CaseType.PROBLEM, Priority.HIGH)


def test_an_improvement_is_a_note_of_its_own() -> None:
    note = summary_note(router_call(), summary(), MARKER)
    assert note.client_id == f"{MARKER}:summary:2"
    assert note.html.startswith("<p><b>Better summary</b>")
    assert note.html.endswith(f"<p>Ref: {MARKER}:summary:2</p>")


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.ANSWERED, CaseStatus.COMPLETED),
        (Outcome.FOLLOW_UP, CaseStatus.NEW),
        (Outcome.TRANSFERRED, CaseStatus.OPEN),
        (Outcome.ABANDONED, CaseStatus.NEW),
        (Outcome.REFUSED, CaseStatus.NEW),
    ],
)
def test_the_status_says_whether_somebody_must_act(outcome: Outcome, status: CaseStatus) -> None:
    assert write_draft(router_call(outcome=outcome), summary(), MARKER).status is status


def test_an_unconfirmed_address_is_marked_as_heard() -> None:
    known = router_call()
    heard = router_call(caller=type(known.caller)("+13125550142", None, "dana@example.test"))
    assert "dana@example.test (heard, not confirmed)" in write_draft(heard, summary(), MARKER).first_post


def test_a_link_that_is_none_stays_text() -> None:
    odd = conversation(assistant("So.", sources=(Source("Odd", "javascript:alert(1)"),)))
    assert "javascript" not in write_draft(odd, summary(), MARKER).first_post


def test_a_long_transcript_comes_in_parts_that_lose_nothing() -> None:
    turns = [caller(f"Sentence number {number}. " + "word " * 100, number) for number in range(300)]
    notes = write_draft(conversation(*turns), summary(), MARKER).notes
    assert len(notes) > 5
    assert [note.client_id for note in notes] == [f"{MARKER}:transcript:{n}" for n in range(1, len(notes) + 1)]
    assert all(len(note.html) <= LONGEST_NOTE for note in notes)
    together = "".join(note.html for note in notes)
    assert [int(n) for n in re.findall(r"Sentence number (\d+)", together)] == list(range(300))


def test_a_silent_call_has_no_transcript() -> None:
    assert write_draft(conversation(outcome=Outcome.REFUSED), summary(), MARKER).notes == ()


@given(st.text(max_size=LONGEST_TEXT + 200))
def test_no_words_of_a_caller_become_markup(words: str) -> None:
    draft = write_draft(conversation(caller(words)), summary(text=words, wish=words), MARKER)
    for html in (draft.first_post, *(note.html for note in draft.notes)):
        tags = set(re.findall(r"<[^>]*>", html))
        assert all(re.fullmatch(r"</?(?:h3|p|b|i|ul|li)>", tag) for tag in tags)
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", html)
        assert len(html) <= 3 * LONGEST_NOTE


def test_a_reference_is_recognised_exactly() -> None:
    assert mentions(MARKER, f"… Ref: {MARKER}")
    assert mentions(f"{MARKER}:transcript:1", f"<p>Ref: {MARKER}:transcript:1</p>")
    assert not mentions(f"{MARKER}:transcript:1", f"<p>Ref: {MARKER}:transcript:10</p>")
    assert not mentions(MARKER, f"<p>Ref: {MARKER}:transcript:1</p>")
    assert not mentions(MARKER, "Ref: call-other")


def test_times_count_from_the_beginning() -> None:
    late = conversation(caller("Hello again, it is me.", 3725), ended_at=BEGAN + timedelta(hours=2))
    assert "<p>62:05 <b>Caller:</b>" in write_draft(late, summary(), MARKER).notes[0].html
