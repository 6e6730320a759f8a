from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.knowledge.domain.chunking import Chunk, Sizes, chunks_of

STEPS = "\n".join(f"{n}. Step number {n} of the work." for n in range(1, 9))


def test_chunks_know_the_headings_above_them() -> None:
    body = "# Restart\n\nIntro.\n\n## At home\n\n### By hand\n\nPull the plug.\n\n## At work\n\nCall us."
    assert chunks_of("Restart", body) == [
        Chunk("", "Intro."),
        Chunk("At home > By hand", "Pull the plug."),
        Chunk("At work", "Call us."),
    ]


def test_a_list_stays_whole_and_beside_what_announces_it() -> None:
    filler = "This paragraph only fills the chunk up to where it has enough. " * 8
    body = f"{filler}\n\nFollow these steps:\n\n{STEPS}"
    chunks = chunks_of("T", body, Sizes(enough=500, most=1000))
    assert [chunk.text for chunk in chunks if "Follow these steps" in chunk.text] == [
        chunk.text for chunk in chunks if "Step number 8" in chunk.text
    ]
    assert sum("Step number" in chunk.text for chunk in chunks) == 1


def test_a_list_too_long_for_one_chunk_is_cut_between_items() -> None:
    body = "\n".join(f"{n}. {'word ' * 30}." for n in range(1, 30))
    chunks = chunks_of("T", body, Sizes(enough=400, most=600))
    lines = [line for chunk in chunks for line in chunk.text.splitlines()]
    assert [line.partition(".")[0] for line in lines] == [str(n) for n in range(1, 30)]
    assert all(len(chunk.text) <= 600 for chunk in chunks)


def test_every_line_of_code_is_marked_as_code_wherever_it_is_cut() -> None:
    body = "Do this:\n\n```python\nif `a`:\n    print(a)\n\n```\n\n    plain"
    assert chunks_of("T", body) == [Chunk("", "Do this:\n``if `a`:``\n`    print(a)`\n`plain`")]


def test_a_table_says_its_columns_in_every_row() -> None:
    body = "| Board | Module |\n|---|---|\n| UNO R4 | ESP32-S3 |\n| Nano 33 | NINA |"
    assert chunks_of("T", body) == [Chunk("", "Board: UNO R4; Module: ESP32-S3\nBoard: Nano 33; Module: NINA")]


def test_marks_links_footnotes_and_callouts_leave_only_their_words() -> None:
    body = "> [!NOTE]\n> Use **only** the [cable](https://example.com/cable) of `it`[^1].\n\n[^1]: In the box."
    assert chunks_of("T", body) == [Chunk("", "Use only the cable of it.\nIn the box.")]


def test_nested_items_keep_their_place() -> None:
    body = "1. Open the menu.\n   - Windows: File.\n   - macOS: Go.\n2. Choose Restart."
    assert chunks_of("T", body)[0].text == "1. Open the menu.\n  - Windows: File.\n  - macOS: Go.\n2. Choose Restart."


def test_an_article_without_text_is_its_title() -> None:
    assert chunks_of("Nothing here", "# Nothing here") == [Chunk("", "Nothing here")]


words = st.text(alphabet="abcdefgh é1", min_size=1, max_size=40).filter(str.strip)
parts = st.one_of(
    words,
    st.lists(words, min_size=1, max_size=12).map(lambda items: "\n".join(f"- {item.strip()}" for item in items)),
    st.tuples(st.integers(1, 6), words).map(lambda head: f"{'#' * head[0]} {head[1].strip()}"),
    st.integers(200, 2000).map(lambda length: "x" * length),
    st.integers(20, 300).map(lambda count: "One more sentence. " * count),
)


@given(st.lists(parts, max_size=12), st.integers(50, 400))
def test_no_chunk_is_too_long_and_no_word_is_lost(texts: list[str], enough: int) -> None:
    sizes = Sizes(enough=enough, most=2 * enough)
    body = "\n\n".join(texts)
    chunks = chunks_of("A title", body, sizes)
    assert all(chunk.text.strip() for chunk in chunks)
    assert all(len(chunk.text) <= sizes.most for chunk in chunks)
    kept = "".join(character for chunk in chunks for character in chunk.text if character.isalnum())
    spoken = "".join(line for line in body.splitlines() if not line.startswith("#"))
    if any(not text.startswith("#") for text in texts):
        assert kept == "".join(character for character in spoken if character.isalnum())
