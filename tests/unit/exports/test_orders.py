"""What an export may be asked to hold, and how its statement is written."""

from __future__ import annotations

from typing import Any

import pytest

from hub.access.resource import ANONYMOUS
from hub.exchange.exports.formats import ExportFormat
from hub.exchange.exports.order import ExportOrder, asked_for, document_of, lists_of
from hub.graphql.schema import interface
from hub.intake.batch import Idempotency
from hub.query.plan.errors import QueryError
from hub.query.plan.limits import QueryLimits
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.query.sql.streaming import ColumnKind, RowStream
from hub.store.records import standard_records
from schema.visibility import DATASETS, PUBLIC_SCOPE

EVERYTHING = Authority(frozenset({PUBLIC_SCOPE, *DATASETS}))


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner(interface(standard_records()), QueryLimits())


def order(**asked: Any) -> ExportOrder:
    key = Idempotency(key="k", body_hash=b"")
    return ExportOrder(caller=ANONYMOUS, idempotency=key, format=ExportFormat.CSV, **asked)


def stream(
    planner: Planner, text: str, authority: Authority = EVERYTHING, **values: Any
) -> RowStream:
    return planner.stream(planner.read(text), values, authority)[0]


def test_every_list_can_be_exported_whole(planner: Planner) -> None:
    names = list(lists_of(planner.interface))
    assert {"instruments", "serviceRecords", "vouchers"} <= set(names)
    for name in names:
        made = stream(planner, document_of(planner.interface, name))
        columns = {column.name: column.kind for column in made.columns}
        assert {"id", "key", "provenance.source"} <= columns.keys()
        assert b"LIMIT" not in made.compiled.sql.split(b"ORDER BY")[-1]


def test_columns_follow_the_document(planner: Planner) -> None:
    text = (
        "{ instruments { nodes { no: localNo name { zh } annualHours isDutyFree: __typename "
        "classes { code } institution { name { en } } } } }"
    )
    made = stream(planner, text)
    assert made.record == "Instrument"
    assert [(each.name, each.kind) for each in made.columns] == [
        ("no", ColumnKind.TEXT),
        ("name.zh", ColumnKind.TEXT),
        ("annualHours", ColumnKind.INTEGER),
        ("isDutyFree", ColumnKind.TEXT),
        ("classes", ColumnKind.JSON),
        ("institution.name.en", ColumnKind.TEXT),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{ instruments { totalCount } }",
        "{ instruments { nodes { key } pageInfo { hasNextPage } } }",
        "{ instruments(first: 3) { nodes { key } } }",
        '{ instruments(after: "x") { nodes { key } } }',
        "{ instruments(orderBy: [NAME_ASC]) { nodes { key } } }",
        "{ instruments { nodes { key } } institutions { nodes { key } } }",
        '{ instrument(by: {key: "x"}) { key } }',
        "{ serviceInfo { version } }",
        'mutation { withdrawRecord(input: {source: "a", type: "b", key: "c", reason: "d"})'
        " { dryRun } }",
    ],
)
def test_what_is_no_whole_list_is_refused(planner: Planner, text: str) -> None:
    with pytest.raises(QueryError) as caught:
        stream(planner, text)
    assert caught.value.hint and caught.value.hint_zh


def test_a_list_that_scopes_do_not_open_is_refused(planner: Planner) -> None:
    with pytest.raises(QueryError) as caught:
        stream(
            planner,
            document_of(planner.interface, "serviceRecords"),
            Authority(frozenset({PUBLIC_SCOPE})),
        )
    assert caught.value.code.name == "SCOPE_MISSING"


def test_a_field_without_its_scope_is_withheld_and_told(planner: Planner) -> None:
    text = "{ instruments { nodes { key originalValue { amount } } } }"
    made = stream(planner, text, Authority(frozenset({PUBLIC_SCOPE})))
    assert [(each.path[-1], each.scope) for each in made.compiled.denied] == [
        ("originalValue", "asset:read")
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"query": "{ x }", "list": "instruments"},
        {"query": "{ x }", "filter": {}},
        {"list": "instruments", "variables": {"a": 1}},
        {"list": "instrument"},
        {"list": "no } such"},
    ],
)
def test_an_order_names_one_thing(planner: Planner, asked: dict[str, Any]) -> None:
    with pytest.raises(QueryError):
        asked_for(order(**asked), planner.interface)


def test_a_list_takes_its_filter(planner: Planner) -> None:
    text, variables = asked_for(
        order(list="instruments", filter={"status": {"eq": "IN_SERVICE"}}), planner.interface
    )
    made = stream(planner, text, **variables)
    assert b"status" in made.compiled.sql
