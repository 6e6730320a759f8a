"""What of a passage is turned into a vector: the mean of its title's, its headings' and its whole text's.

A caller asks in the length and the words of a title; the text decides between passages of similar subject. Against the
whole text alone, the vectors' hit@1 on the open help centre rises from 0.68 to 0.73 (docs/benchmarks.md, Knowledge).
"""

from __future__ import annotations

RECIPE = "1"
"""Part of the name of every space of vectors: another recipe needs another name, and everything is embedded anew."""
LONGEST_KEYWORDS = 300
"""Characters; an author's search words are few, and a list of hundreds would drown the title."""


def views(title: str, heading: str, text: str, keywords: str | None) -> tuple[str, ...]:
    """The texts whose vectors are averaged, all different; a list of steps says nothing without the task's name.

    The author's search words stand beside the title: they are what callers say instead of it.
    """
    named = f"{title} ({keywords[:LONGEST_KEYWORDS]})" if keywords else title
    subject = f"{title}: {heading}" if heading else title
    whole = "\n".join(part for part in (title, heading, text) if part)
    return tuple(dict.fromkeys((named, subject, whole)))
