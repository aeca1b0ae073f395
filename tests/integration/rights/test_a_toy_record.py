"""Records that no code knows: declared here, they go the whole way, from a push to a check.

`Grading` has a key that does not begin with its owner, and an issuer who is not its owner. `Seat`
has a life of its own: a guard, and a record that the guard looks at.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.access.resource import Caller
from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.schema import interface
from hub.graphql.service import Engine, Parts
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcomes, RequestSignature
from hub.intake.service import submit
from hub.store.check import check
from hub.store.database import Database
from hub.store.rebuild import rebuild
from hub.store.records import stored
from schema.codes import AgreementDataset
from schema.identifiers import Flaw
from schema.item import Grade, item, record
from schema.parties import Effect, owner_of_key_in, party_in
from schema.records import STANDARD
from schema.registry import build
from schema.traits import Findable, Guarded, GuardedChange, Listable
from schema.values import KEY_PATTERN
from schema.visibility import by_agreement
from tests.databases import make_tables, opened

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
GRADED, OTHER, DEPARTMENT = "moe:10335", "moe:10246", "moe:10001"


@record(
    "评级",
    key=("year", "number"),
    prefix="toygrade",
    owner=party_in("graded_key"),
    issuer=party_in("department_key"),
    effect=Effect.DECISION,
    scope="asset:read",
    rows=by_agreement(AgreementDataset.ASSET),
    traits=(Listable(), Findable(("id", "key"))),
)
class Grading:
    """What a department thinks of an institution."""

    year: str = item("年度", "Year")
    number: str = item("编号", "Number")
    graded_key: str = item(
        "被评单位", "Who is graded", ref="Institution", inverse="gradings", pattern=KEY_PATTERN
    )
    department_key: str = item("评定部门", "Who grades", pattern=KEY_PATTERN)
    grade: str | None = item(
        "等级", "Grade", grade=Grade.L2, filterable=True, sortable=True, default=None
    )


FORWARD = {(None, "FREE"), ("FREE", "TAKEN"), ("TAKEN", "FREE")}
CLOSED = Flaw("SEAT_STATE", "状态不能这样改变", "a seat does not go from this state to that")
NO_HALL = Flaw("SEAT_HALL", "会场未开放", "the hall is not open")


def seat_guard(change: GuardedChange) -> Flaw | None:
    """A seat is taken once, and only while its hall stands."""
    if change.next is None:
        return None
    before = change.previous["state"] if change.previous else None
    if (before, change.next["state"]) not in FORWARD:
        return CLOSED
    return None if change.rows["Hall", change.next["hallKey"]] else NO_HALL


@record(
    "会场",
    key=("hall_key",),
    prefix="toyhall",
    owner=owner_of_key_in("hall_key"),
    traits=(Guarded(guard=lambda _: None, locks=lambda _: ()),),
)
class Hall:
    """A room with seats."""

    hall_key: str = item("会场", "Hall")


@record(
    "座位",
    key=("hall_key", "number"),
    prefix="toyseat",
    owner=owner_of_key_in("hall_key"),
    traits=(Guarded(guard=seat_guard, locks=lambda seat: [("Hall", seat["hallKey"])]),),
)
class Seat:
    """A seat that one may take."""

    hall_key: str = item("会场", "Hall")
    number: str = item("座号", "Number")
    state: str = item("状态", "State")
    taken_by: str | None = item("占用者", "Who took it", default=None)


TOYS = stored(build([*STANDARD, Grading, Hall, Seat]))


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Database]:
    make_tables(database_url, TOYS.metadata)
    async with opened(database_url, records=TOYS) as database:
        for source, owners in (
            ("department", [DEPARTMENT]),
            ("university", [GRADED, OTHER]),
            ("platform", None),
        ):
            async with database.writes.transaction() as connection:
                await connection.execute(
                    "INSERT INTO source (source_id, title, mode, kind, owners, created_at) "
                    "VALUES (%s, 'x', 'PUSH', 'OWN', %s, %s)",
                    (source, owners, NOW),
                )
        yield database


async def push(
    hub: Database, source: str, rows: Sequence[dict[str, Any]], party: str | None = None
) -> Outcomes:
    named = {"department": DEPARTMENT, "university": GRADED, "platform": OTHER}
    batch = Batch(
        source=source,
        party=party or named[source],
        channel=Channel.PUSH,
        rows=rows,
        evidence=Evidence(
            assurance=Assurance.REQUEST_SIGNED, request=RequestSignature("base", b"s", "k" * 43)
        ),
        as_of=NOW,
    )
    return await submit(hub, batch, clock=lambda: NOW)


def grading(number: str = "1", **changes: Any) -> dict[str, Any]:
    record = {
        "year": "2026",
        "number": number,
        "gradedKey": GRADED,
        "departmentKey": DEPARTMENT,
        "grade": "A",
        **changes,
    }
    return {"type": "Grading", "record": record}


def seat(state: str, hall: str = f"{GRADED}/hall", **changes: Any) -> dict[str, Any]:
    return {
        "type": "Seat",
        "record": {"hallKey": hall, "number": "1", "state": state, **changes},
    }


def codes(outcomes: Outcomes) -> list[str]:
    return [row.problems[0].code if row.problems else row.outcome.value for row in outcomes.rows]


async def ask(hub: Database, text: str, party: str | None, *scopes: str) -> dict[str, Any]:
    facts = ServiceFacts(version="1", standard_version="1", sandbox=True)
    engine = Engine(hub, lambda: NOW, Parts(facts=facts))
    caller = Caller("c", party, None, frozenset({"catalogue:read", "graphql:adhoc", *scopes}))
    answer = await engine.answer(GraphRequest(query=text), Asking(caller=caller))
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def test_a_toy_record_goes_from_a_push_to_a_check(hub: Database) -> None:
    institution = {
        "type": "Institution",
        "record": {"institutionKey": GRADED, "name": {"zh": "大学"}, "kind": "UNIVERSITY"},
    }
    await push(hub, "university", [institution])
    assert codes(await push(hub, "department", [grading("1"), grading("2", grade="B")])) == [
        "ACCEPTED",
        "ACCEPTED",
    ]
    owned = await hub.reads.fetch_all("SELECT owner, issuer, party FROM grading_source")
    assert owned == [(GRADED, DEPARTMENT, DEPARTMENT)] * 2

    text = """{ gradings(orderBy: [GRADE_DESC]) { totalCount nodes { key grade
      provenance { owner issuer party } institution: graded { name { zh } } } } }"""
    for party in (GRADED, DEPARTMENT):
        found = (await ask(hub, text, party, "asset:read"))["data"]["gradings"]
        assert [node["grade"] for node in found["nodes"]] == ["B", "A"]
        assert found["nodes"][0]["institution"] == {"name": {"zh": "大学"}}
    assert (await ask(hub, text, OTHER, "asset:read"))["data"]["gradings"]["totalCount"] == 0
    denied = await ask(hub, text, GRADED)
    assert denied["data"] == {"gradings": None}
    assert [error["extensions"]["code"] for error in denied["errors"]] == ["SCOPE_MISSING"]
    nested = '{ institution(by: {key: "moe:10335"}) { gradings { nodes { grade } } } }'
    found = await ask(hub, nested, GRADED, "asset:read")
    assert len(found["data"]["institution"]["gradings"]["nodes"]) == 2

    withdraw = {"type": "Grading", "withdraw": {"key": "2026/2", "reason": "appeal"}}
    assert codes(await push(hub, "department", [withdraw])) == ["WITHDRAWN"]
    assert codes(await push(hub, "department", [withdraw])) == ["DUPLICATE"]
    again = {"type": "Grading", "withdraw": {"key": "2026/2", "reason": "once more"}}
    assert codes(await push(hub, "department", [again])) == ["ALREADY_WITHDRAWN"]
    found = (await ask(hub, text, GRADED, "asset:read"))["data"]["gradings"]
    assert [node["key"] for node in found["nodes"]] == ["2026/1"]

    assert (await check(hub)).differences == []
    before = await hub.reads.fetch_all("SELECT * FROM grading_source ORDER BY key")
    rebuilt = {each.record_type: each.rows for each in await rebuild(hub)}
    assert rebuilt["Grading"] == 2
    assert await hub.reads.fetch_all("SELECT * FROM grading_source ORDER BY key") == before
    assert (await check(hub)).differences == []


async def test_who_is_graded_neither_states_nor_changes_nor_withdraws_the_grade(
    hub: Database,
) -> None:
    assert codes(await push(hub, "university", [grading()])) == ["OWNER_MISMATCH"]
    await push(hub, "department", [grading()])
    withdraw = {"type": "Grading", "withdraw": {"key": "2026/1", "reason": "wrong"}}
    assert codes(await push(hub, "university", [withdraw])) == ["WITHDRAW_UNKNOWN"]
    (row,) = await hub.reads.fetch_all("SELECT source, grade, withdrawn FROM grading_source")
    assert row == ("department", "A", False)


async def test_nobody_decides_on_himself(hub: Database) -> None:
    for row in (grading(gradedKey=DEPARTMENT), grading(departmentKey=GRADED)):
        outcomes = await push(hub, "department", [row])
        assert "DECIDES_ON_ITSELF" in [each.code for each in outcomes.rows[0].problems]


async def test_a_platform_does_not_decide_for_anybody(hub: Database) -> None:
    assert codes(await push(hub, "platform", [grading()])) == ["ISSUER_NOT_NAMED"]


async def test_who_pushes_for_the_issuer_does_not_vouch_for_its_decision(hub: Database) -> None:
    outcomes = await push(hub, "department", [grading()], party=GRADED)
    assert codes(outcomes) == ["ISSUER_MUST_VOUCH"]


async def test_a_grade_does_not_move_to_another_institution_by_a_revision(hub: Database) -> None:
    await push(hub, "department", [grading()])
    assert codes(await push(hub, "department", [grading(gradedKey=OTHER)])) == ["OWNER_CHANGED"]
    withdraw = {"type": "Grading", "withdraw": {"key": "2026/1", "reason": "wrong one"}}
    outcomes = await push(hub, "department", [withdraw, grading(gradedKey=OTHER)])
    assert codes(outcomes) == ["WITHDRAWN", "ACCEPTED"]
    assert await hub.reads.fetch_all("SELECT owner FROM grading_source") == [(OTHER,)]


async def test_a_guarded_record_moves_only_as_its_guard_lets_it(hub: Database) -> None:
    hall = {"type": "Hall", "record": {"hallKey": f"{GRADED}/hall"}}
    assert codes(await push(hub, "university", [seat("FREE")])) == ["SEAT_HALL"]
    await push(hub, "university", [hall])
    steps = ["TAKEN", "FREE", "FREE", "TAKEN", "LOST"]
    found = [codes(await push(hub, "university", [seat(step)]))[0] for step in steps]
    assert found == ["SEAT_STATE", "ACCEPTED", "DUPLICATE", "ACCEPTED", "SEAT_STATE"]


async def test_guarded_records_come_one_a_batch(hub: Database) -> None:
    hall = {"type": "Hall", "record": {"hallKey": f"{GRADED}/hall"}}
    assert codes(await push(hub, "university", [hall, seat("FREE")])) == ["GUARDED_ALONE"] * 2


async def test_of_many_who_take_one_seat_at_once_one_gets_it(hub: Database) -> None:
    hall = {"type": "Hall", "record": {"hallKey": f"{GRADED}/hall"}}
    for row in (hall, seat("FREE")):
        assert codes(await push(hub, "university", [row])) == ["ACCEPTED"]
    wanted = [seat("TAKEN", takenBy=f"guest {n}") for n in range(20)]
    found = await asyncio.gather(*(push(hub, "university", [row]) for row in wanted))
    outcomes = [codes(each)[0] for each in found]
    assert outcomes.count("ACCEPTED") == 1
    assert outcomes.count("SEAT_STATE") == 19


def test_the_toys_are_no_part_of_the_standard() -> None:
    assert "gradings" in interface(TOYS).schema.query_type.fields  # type: ignore[union-attr]
    from hub.store.records import standard_records

    assert "gradings" not in interface(standard_records()).schema.query_type.fields  # type: ignore[union-attr]
