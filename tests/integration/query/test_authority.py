"""Scopes, agreements and row rules: who sees what.

A lets P see its asset data; B lets P see the original value only; C lets P see nothing.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.access.resource import ANONYMOUS, Caller
from hub.access.scopes import Scope
from hub.graphql.schema import interface
from hub.query.answer.respond import Answer
from hub.store.database import Database
from hub.store.records import standard_records
from schema.item import Grade
from schema.registry import standard
from tests.integration.query.conftest import (
    ALL,
    NOW,
    READ,
    A,
    Asker,
    B,
    C,
    P,
    agreement,
    caller,
    engine_on,
    instrument,
    money,
    put,
    register,
)

pytestmark = pytest.mark.integration

ASSETS = "{ instruments(orderBy: NAME_ASC) { nodes { key annualHours originalValue { amount } } } }"
RECORDS_QUERY = "{ serviceRecords { totalCount nodes { localId hours charge { amount } } } }"


def by_key(data: Any) -> dict[str, tuple[Any, Any]]:
    return {
        node["key"].partition("/")[2]: (
            node["annualHours"],
            node["originalValue"] and node["originalValue"]["amount"],
        )
        for node in data["instruments"]["nodes"]
    }


async def test_a_field_without_scope_is_null_and_told_once(ask: Asker) -> None:
    data = await ask(ASSETS, who=caller(A, READ))
    assert set(by_key(data).values()) == {(None, None)}
    assert [(e["path"], e["extensions"]["scope"]) for e in ask.last["errors"]] == [
        (["instruments", "nodes", "annualHours"], "asset:read"),
        (["instruments", "nodes", "originalValue"], "asset:read"),
    ]
    assert set(ask.codes) == {"SCOPE_MISSING"}


async def test_an_agreement_shows_one_owner_s_values_or_the_items_it_names(ask: Asker) -> None:
    found = by_key(await ask(ASSETS))
    assert ask.codes == []
    assert found["T1"] == (1500, "5125000.00")
    assert found["S1"] == (None, "3000000.00")
    assert found["X1"] == (None, None)
    # S1 and S2: hours; X1: hours and value
    assert ask.last["extensions"]["denied"] == 4


async def test_without_agreement_the_values_of_others_are_hidden(ask: Asker) -> None:
    found = by_key(await ask(ASSETS, who=caller(C)))
    assert set(found.values()) == {(None, None)}
    assert ask.last["extensions"]["denied"] == 10  # all but the caller's own instrument


async def test_an_institution_sees_its_own(ask: Asker) -> None:
    assert by_key(await ask(ASSETS, who=caller(B)))["S1"] == (9, "3000000.00")


async def test_no_scope_reads_past_agreements(ask: Asker) -> None:
    operator = {scope.value for scope in Scope if scope.value.startswith("operator:")}
    found = by_key(await ask(ASSETS, who=caller("hub:x", ALL | operator)))
    assert set(found.values()) == {(None, None)}
    assert ask.last["extensions"]["denied"] == 2 * len(found)


@pytest.mark.parametrize(
    ("party", "expected"),
    [(A, {"R1", "R2"}), (B, {"R1", "R3"}), (C, set()), (P, set()), (None, set())],
)
async def test_service_records_are_shown_to_owner_and_user(
    ask: Asker, party: str | None, expected: set[str]
) -> None:
    data = await ask(RECORDS_QUERY, who=caller(party))
    page = data["serviceRecords"]
    assert {node["localId"] for node in page["nodes"]} == expected
    assert page["totalCount"] == len(expected)
    assert all(node["hours"] == "4.0" for node in page["nodes"])


async def test_a_row_that_is_not_shown_is_not_shown_by_identity_or_relation(ask: Asker) -> None:
    data = await ask("{ serviceRecords { nodes { id localId } } }", who=caller(A))
    ids = [node["id"] for node in data["serviceRecords"]["nodes"]]
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } node(id: $id) { id } }".replace(
        "($ids: [ID!]!)", "($ids: [ID!]!, $id: ID!)"
    )
    data = await ask(query, {"ids": ids, "id": ids[0]}, who=caller(C))
    assert data == {"nodes": [None, None], "node": None}
    query = """{ instruments { nodes { serviceRecords { totalCount nodes { id } }
      usageRecords { totalCount } } } }"""
    data = await ask(query, who=caller(C))
    for node in data["instruments"]["nodes"]:
        assert node["serviceRecords"] == {"totalCount": 0, "nodes": []}
        assert node["usageRecords"] == {"totalCount": 0}


async def test_a_stricter_item_in_a_shown_row_needs_its_own_scope(ask: Asker) -> None:
    query = "{ serviceRecords { nodes { localId voucherFen userReference } } }"
    data = await ask(query, who=caller(B))
    found = {node["localId"]: node["voucherFen"] for node in data["serviceRecords"]["nodes"]}
    assert found["R1"] == 30000
    assert [e["extensions"]["scope"] for e in ask.last["errors"]] == ["person:read"]


@pytest.mark.parametrize(
    "arguments",
    ["filter: { originalValue: { gte: 1 } }", "orderBy: ORIGINAL_VALUE_DESC"],
)
async def test_what_may_not_be_read_may_not_be_filtered_or_sorted_by(
    ask: Asker, arguments: str
) -> None:
    query = f"{{ instruments({arguments}) {{ nodes {{ key }} }} }}"
    assert await ask(query, who=caller(A, READ)) is None
    assert ask.codes == ["SCOPE_MISSING"]
    assert ask.last["errors"][0]["extensions"]["scope"] == "asset:read"


async def test_a_filter_on_a_protected_value_finds_only_rows_that_show_it(ask: Asker) -> None:
    query = "{ instruments(filter: { originalValue: { gte: 1 } }) { totalCount nodes { key } } }"
    assert (await ask(query))["instruments"]["totalCount"] == 3
    assert (await ask(query, who=caller(B)))["instruments"]["nodes"] == [{"key": f"{B}/S1"}]
    assert (await ask(query, who=caller(C)))["instruments"]["totalCount"] == 0


async def test_a_hidden_value_does_not_decide_an_order(ask: Asker) -> None:
    query = "{ instruments(orderBy: ORIGINAL_VALUE_DESC) { nodes { key } } }"
    shown = [node["key"] for node in (await ask(query))["instruments"]["nodes"]]
    assert shown[:3] == [f"{A}/T2", f"{A}/T1", f"{B}/S1"]
    blind = [node["key"] for node in (await ask(query, who=caller(C)))["instruments"]["nodes"]]
    ids = await ask("{ instruments { nodes { key id } } }")
    order = sorted(ids["instruments"]["nodes"], key=lambda node: str(node["id"]), reverse=True)
    assert blind == [node["key"] for node in order]


async def test_agreements_begin_and_end_within_seconds(database: Database) -> None:
    await register(database)
    row = instrument(A, "T1", "电镜", [], originalValue=money("1.00"))
    await put(database, [("Instrument", row)], "alpha")
    moment = [NOW]
    engine = engine_on(database)
    engine._agreements._clock = lambda: moment[0]
    ask = Asker(engine)
    query = "{ instruments { nodes { originalValue { amount } } } }"
    assert (await ask(query))["instruments"]["nodes"] == [{"originalValue": None}]
    await put(database, [("Agreement", agreement(A, "ASSET", validFrom="2026-11-24"))], "alpha")
    from datetime import timedelta

    moment[0] = NOW + timedelta(seconds=6)
    assert (await ask(query))["instruments"]["nodes"] == [{"originalValue": {"amount": "1.00"}}]
    ended = agreement(A, "ASSET", validUntil="2026-11-23")
    await put(database, [("Agreement", ended)], "alpha")
    moment[0] = NOW + timedelta(seconds=12)
    assert (await ask(query))["instruments"]["nodes"] == [{"originalValue": None}]


async def test_an_anonymous_caller_sends_registered_documents_only(ask: Asker) -> None:
    assert await ask("{ instruments { totalCount } }", who=ANONYMOUS) is None
    assert ask.codes == ["DOCUMENT_REQUIRED"]


async def test_records_need_the_scope_of_the_catalogue(ask: Asker) -> None:
    who = Caller("v", P, None, frozenset({"voucher:verify", "graphql:adhoc"}))
    assert await ask("{ instruments { totalCount } }", who=who) is None
    assert ask.codes == ["SCOPE_MISSING"]
    answer: Answer = await ask.raw("{ me { scopes } }", who=who)
    assert json.loads(answer.body)["data"]["me"]["scopes"] == ["graphql:adhoc", "voucher:verify"]


def test_every_field_of_the_interface_has_a_policy() -> None:
    """An item, and what is seen like one, has its scope; any other field is listed as public."""
    public = {"id", "key", "provenance", "availability", "priceEstimate", "centre"}
    published = interface(standard_records())
    schema, model = published.schema, published.model
    for name, spec in standard().specs.items():
        kind = schema.type_map[name]
        items = {item.wire: item for item in spec.items}
        for field_name, field in kind.fields.items():  # type: ignore[attr-defined]
            assert field_name in model.fields[name], f"{name}.{field_name} is not in the model"
            directives = [
                getattr(each, "scope", None)
                for each in field.extensions["strawberry-definition"].directives
            ]
            item = items.get(field_name)
            if item is None:
                relation = model.fields[name][field_name]
                target = getattr(relation, "record", None)
                _, like = getattr(relation, "like", None) or (None, None)
                assert field_name in public or target is not None or like is not None
                scope = standard()[target].scope if target else "catalogue:read"
                scope = like.scope if like else scope
                assert directives == ([] if scope == "catalogue:read" else [scope])
                continue
            if item.grade is Grade.L1:
                assert directives == []
            else:
                assert directives == [item.scope], f"{name}.{field_name}"
                assert not str(field.type).endswith("!"), f"{name}.{field_name} must be nullable"


def test_what_stands_inside_a_value_needs_no_scope_of_its_own() -> None:
    for name, spec in standard().values().items():
        assert {item.grade for item in spec.items} == {Grade.L1}, name


def test_every_type_and_field_is_described_in_both_languages() -> None:
    def bilingual(text: str | None) -> bool:
        return bool(text) and any(c >= "一" for c in text) and any("a" <= c <= "z" for c in text)  # type: ignore[union-attr]

    for name, kind in interface(standard_records()).schema.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Boolean", "ID", "Float"):
            continue
        assert bilingual(kind.description), name
        for field_name, field in getattr(kind, "fields", {}).items():
            assert bilingual(field.description), f"{name}.{field_name}"
            for argument_name, argument in getattr(field, "args", {}).items():
                assert bilingual(argument.description), f"{name}.{field_name}({argument_name})"
        for value_name, value in getattr(kind, "values", {}).items():
            assert value.description, f"{name}.{value_name}"


BY_VALUE = 'instruments(filter: { originalValue: { gte: "0" } })'


@pytest.mark.parametrize(
    ("asked", "what", "dataset"),
    [
        (BY_VALUE, "Instrument.originalValue", "ASSET"),
        ("serviceRecords", "ServiceRecord", "SERVICE"),
    ],
)
async def test_a_total_without_an_agreement_says_that_it_is_missing(
    ask: Asker, asked: str, what: str, dataset: str
) -> None:
    data = await ask(f"{{ {asked} {{ totalCount }} }}", who=caller("moe:10247"))
    (total,) = data.values()
    assert total == {"totalCount": 0}
    (told,) = ask.last["extensions"]["narrowed"]
    assert (told["what"], told["dataset"], told["agreements"]) == (what, dataset, 0)
    assert "no agreement" in told["message"]


async def test_a_total_with_agreements_says_how_many_let_it_count(ask: Asker) -> None:
    data = await ask(f"{{ {BY_VALUE} {{ totalCount }} }}")
    assert data["instruments"]["totalCount"] == 3
    (told,) = ask.last["extensions"]["narrowed"]
    assert told["agreements"] == 2
    await ask("{ instruments { totalCount } }")
    assert "narrowed" not in ask.last["extensions"]
