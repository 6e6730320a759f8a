"""How the Kayako stand-in reads `fields`, renames, and ends circles of references."""

from __future__ import annotations

import string
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.kayako.output import Body, Fields, Options, Reference, Writer, parse_fields, rename, snake
from lab.kayako.refusals import Refused

CASES: tuple[Literal["camel", "pascal"], ...] = ("camel", "pascal")
NAMES = st.lists(st.text(string.ascii_lowercase, min_size=2, max_size=6), min_size=1, max_size=4).map("_".join)


@given(st.text(alphabet="ab,()+-* _", max_size=40))
def test_any_argument_is_read_or_refused(argument: str) -> None:
    try:
        found = parse_fields(argument)
    except Refused as refused:
        reason: object = refused.code
    else:
        reason = type(found)
    assert reason in ("FIELD_INVALID", Fields)


def test_fields_go_deep_and_a_space_before_a_name_hides_it() -> None:
    found = parse_fields("id,data(requester(full_name),status),+tags,-subject, lost")
    assert set(found.only) == {"id", "data"}
    assert set(found.only["data"].only["requester"].only) == {"full_name"}
    assert found.added == frozenset({"tags"})
    assert found.removed == frozenset({"subject"})


@given(st.dictionaries(NAMES, st.integers(), max_size=5))
def test_names_come_back_from_every_case(document: dict[str, int]) -> None:
    for case in CASES:
        renamed = rename(dict(document), case)
        assert isinstance(renamed, dict)
        assert {snake(name): value for name, value in renamed.items()} == document


@pytest.mark.parametrize("flat", [True, False])
def test_a_circle_of_references_ends(flat: bool) -> None:
    bodies: dict[Reference, Body] = {
        Reference("a", 1): {"id": 1, "other": Reference("b", 2), "resource_type": "a"},
        Reference("b", 2): {"id": 2, "other": Reference("a", 1), "resource_type": "b"},
    }
    writer = Writer(bodies.get, Options(site="http://desk", include=frozenset({"*"}), flat=flat))
    written = writer.write({"it": Reference("a", 1)})
    mention = {"id": 1, "resource_type": "a"}
    if flat:
        assert written == {"it": mention}
        assert writer.resources["b"]["2"] == {"id": 2, "other": mention, "resource_type": "b"}
    else:
        inner = {"id": 2, "other": mention, "resource_type": "b"}
        assert written == {"it": {"id": 1, "other": inner, "resource_type": "a"}}
