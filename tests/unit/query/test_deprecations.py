"""Whoever uses what will go is told so in the header of each answer."""

from __future__ import annotations

import pytest
from graphql import build_schema, parse

from hub.graphql.schema import interface
from hub.query.answer.respond import LEGACY_TYPE, Answer, respond
from hub.query.plan.deprecations import REASON, headers_of, notices_of, reasons_in
from hub.query.plan.documents import read_document
from hub.query.plan.limits import QueryLimits
from hub.store.records import standard_records

SCHEMA = build_schema("""
type Query {
  old: Int @deprecated(reason: "since 2026-12-01, sunset 2027-06-30 → use new")
  older: Int @deprecated(reason: "since 2026-11-01, sunset 2027-12-31 → use new")
  new(by: Int, was: Int @deprecated(reason: "since 2026-12-01, sunset 2027-06-30 → use by")): Int
  coloured(as: Colour): Int
}
enum Colour { RED GREY @deprecated(reason: "since 2026-12-01, sunset 2027-06-30 → use RED") }
""")
TOLD = (
    ("Deprecation", "@1796083200"),
    ("Sunset", "Wed, 30 Jun 2027 00:00:00 GMT"),
    ("Link", '</standard/CHANGELOG.md>; rel="deprecation"; type="text/markdown"'),
)


@pytest.mark.parametrize(
    "text",
    [
        "{ old }",
        "{ new(was: 1) }",
        "{ coloured(as: GREY) }",
        "query($n: Int) { ...F } fragment F on Query { x: old new(by: $n) }",
    ],
)
def test_the_headers_say_since_when_and_until_when(text: str) -> None:
    assert notices_of(parse(text), SCHEMA) == TOLD
    answer = respond(Answer(b"{}", notices=TOLD), LEGACY_TYPE)
    assert [(name, answer.headers[name]) for name, _ in TOLD] == list(TOLD)


def test_of_several_the_earliest_days_count() -> None:
    told = dict(notices_of(parse("{ old older }"), SCHEMA))
    assert (told["Deprecation"], told["Sunset"]) == ("@1793491200", TOLD[1][1])


@pytest.mark.parametrize("text", ["{ new }", "{ new(by: 1) }", "{ coloured(as: RED) }"])
def test_who_uses_nothing_that_goes_is_told_nothing(text: str) -> None:
    assert notices_of(parse(text), SCHEMA) == ()


def test_a_document_carries_what_its_answers_say() -> None:
    assert read_document("{ old }", SCHEMA, QueryLimits()).notices == TOLD
    assert headers_of(["no date"]) == ()


def test_every_reason_in_the_interface_states_both_days() -> None:
    assert len(reasons_in(SCHEMA)) == 4
    for reason in (*reasons_in(SCHEMA), *reasons_in(interface(standard_records()).schema)):
        assert REASON.fullmatch(reason), reason
