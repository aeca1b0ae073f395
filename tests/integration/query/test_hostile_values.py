"""Values are values: no text of a caller becomes text of a statement."""

from __future__ import annotations

import json
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type, get_nullable_type, is_list_type

from hub.graphql.schema import interface
from hub.graphql.service import Engine
from hub.query.sql.authorise import Authority
from hub.store.records import standard_records
from tests.integration.query.conftest import ALL, Asker

pytestmark = pytest.mark.integration

HOSTILE = [
    "'; DROP TABLE instrument; --",
    "\\'; SELECT pg_sleep(10); --",
    "$1",
    "%s %(x)s",
    '"}{"',
    "{a,b}",
    "NULL",
    "\t\n\r\u2028",
    "\u202e電鏡",
    "😀" * 50,
    "a" * 4000,
]
STRINGS = {"String", "ID"}


def values(kind: Any, text: str, deep: int = 4) -> list[Any]:
    """Make values of an input type that carry `text` wherever a text is taken, one at a time."""
    plain = get_nullable_type(kind)
    if is_list_type(plain):
        return [[each] for each in values(plain.of_type, text, deep)]
    named = get_named_type(plain)
    if named.name in STRINGS:
        return [text]
    if not isinstance(named, GraphQLInputObjectType) or deep == 0:
        return []
    made: list[Any] = []
    fields = named.fields
    required = {
        name: values(field.type, "x", deep - 1)[0]
        for name, field in fields.items()
        if str(field.type).endswith("!") and values(field.type, "x", deep - 1)
    }
    if any(str(f.type).endswith("!") and name not in required for name, f in fields.items()):
        return []  # needs an instant or a number: not a place for text
    for name, field in fields.items():
        made += [{**required, name: each} for each in values(field.type, text, deep - 1)]
    return made


EXECUTED = {
    *("receipt", "receipts", "changes", "policyParameters", "verifyService", "bulkExport"),
    *("voucherCases", "voucherCase"),
    *("useDecision", "disposalDecision", "customsReportsDue"),
    *("attestation", "claimState", "claimsProof"),
    *("bookingOrder", "claimFastTrack"),
}
"""Fields that are no statements: their own tests send them hostile values."""


def places() -> list[tuple[str, str, str]]:
    """List (field, argument, type) of every argument of the root that takes a text somewhere."""
    query = interface(standard_records()).schema.query_type
    assert query is not None
    return [
        (name, argument_name, str(argument.type))
        for name, field in query.fields.items()
        for argument_name, argument in field.args.items()
        if values(argument.type, "x") and name not in EXECUTED
    ]


def document(name: str, argument: str, kind: str) -> str:
    body = dict.fromkeys(("node", "nodes", "instrument", "institution", "serviceOrder"), "{ id }")
    inside = body.get(name, "{ nodes { id } pageInfo { endCursor } totalCount }")
    return f"query ($v: {kind}) {{ {name}({argument}: $v) {inside} }}"


def sql_of(engine: Engine, text: str, value: Any) -> str:
    planner = engine.planner
    plan = planner.plan(planner.keep(planner.read(text)), None, {"v": value}, Authority(ALL))
    assert plan.compiled is not None
    return plan.compiled.sql.decode()


@pytest.mark.parametrize("place", places(), ids=lambda place: ".".join(place[:2]))
async def test_no_text_of_a_caller_enters_a_statement(
    ask: Asker, place: tuple[str, str, str]
) -> None:
    name, argument, _ = place
    declared = interface(standard_records()).schema.query_type.fields[name].args[argument].type  # type: ignore[union-attr]
    text = document(*place)
    for hostile in HOSTILE:
        like = "x" if hostile.strip() else ""  # a blank search narrows nothing
        for value, plain in zip(values(declared, hostile), values(declared, like), strict=True):
            ask.engine.planner._documents.clear()
            made = sql_of(ask.engine, text, value)
            ask.engine.planner._documents.clear()
            assert made == sql_of(ask.engine, text, plain)
            answer = await ask.raw(text, {"v": value})
            document_ = json.loads(answer.body)
            codes = {error["extensions"]["code"] for error in document_.get("errors", [])}
            assert codes <= {"BAD_CURSOR", "BAD_USER_INPUT"}, (value, document_)
            assert answer.error is None or answer.error.code.status == 400


async def test_a_literal_is_a_parameter_like_a_variable(ask: Asker) -> None:
    planner = ask.engine.planner

    def sql(text: str) -> str:
        plan = planner.plan(planner.read(text), None, {}, Authority(ALL))
        assert plan.compiled is not None
        return plan.compiled.sql.decode()

    template = (
        "{{ instruments(search: {0}, filter: {{ localNo: {{ eq: {0} }} }}) {{ nodes {{ id }} }} }}"
    )
    hostile = "'; DROP TABLE instrument; --"
    assert sql(template.format(json.dumps(hostile))) == sql(template.format('"x"'))
    assert hostile not in sql(template.format(json.dumps(hostile)))


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "x\udfff"])
async def test_what_postgresql_cannot_hold_is_refused_by_name(ask: Asker, text: str) -> None:
    for query in (
        "query ($v: String) { instruments(search: $v) { totalCount } }",
        "query ($v: String) { instruments(filter: { localNo: { eq: $v } }) { totalCount } }",
        "query ($v: String!) { instrument(by: { key: $v }) { id } }",
        "query ($v: ID!) { node(id: $v) { id } }",
    ):
        assert await ask(query, {"v": text}) is None
        assert ask.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Decimal", "1e9"),
        ("Decimal", "NaN"),
        ("Decimal", True),
        ("Decimal", "9" * 40),
        ("DateTime", "2026-12-01"),
        ("DateTime", "2026-12-01T00:00:00"),
        ("DateTime", "2026-13-01T00:00:00Z"),
        ("DateTime", "infinity"),
        ("DateTime", 5),
    ],
)
async def test_a_scalar_of_the_wrong_form_is_refused(ask: Asker, kind: str, value: Any) -> None:
    member = "originalValue: { gte: $v }" if kind == "Decimal" else "updatedSince: $v"
    query = f"query ($v: {kind}) {{ instruments(filter: {{ {member} }}) {{ totalCount }} }}"
    assert await ask(query, {"v": value}) is None
    assert ask.codes == ["BAD_USER_INPUT"]
