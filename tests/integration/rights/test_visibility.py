"""One rule, two ways: what SQL lets through is what Python lets through, whatever the rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql as literal

from hub.access.grants import Grant, PartyGrants, SupervisedKeys, grants_on
from hub.access.supervision import ALWAYS
from hub.access.visibility import Subject, holds, implies, sql
from schema.codes import AgreementDataset
from schema.item import Item, RecordSpec, camel
from schema.records import STANDARD
from schema.registry import Registry, build
from schema.visibility import HISTORY, PUBLIC, Rule
from tests.integration.rights.test_a_toy_record import Grading

pytestmark = pytest.mark.integration

REGISTRY: Registry = build([*STANDARD, Grading])
PARTIES = ["moe:10335", "moe:10246", "uscc:12100000470095016Q", 'it\'s \\ a "party"']
TODAY = date(2026, 11, 25)
DAYS = [None, *(TODAY + timedelta(days=n) for n in (-400, -1, 0, 1, 400))]


def rules() -> list[tuple[RecordSpec, Item | None, Rule]]:
    """Every rule of every record: of its rows, of its history, of each of its items."""
    found: list[tuple[RecordSpec, Item | None, Rule]] = []
    for spec in REGISTRY:
        found += [(spec, None, spec.rows), (spec, None, HISTORY)]
        found += [(spec, item, spec.rule(item)) for item in spec.items]
    return found


RULES = rules()


class Literals:
    """Parameters of a statement, written into it."""

    def __init__(self, grants: PartyGrants) -> None:
        self._grants = grants

    def bind_party(self) -> str:
        return f"{literal.quote(self._grants.party)}::text"

    def bind_owners(self, dataset: AgreementDataset, item: str | None) -> str:
        members = ",".join(literal.quote(each) for each in self._grants.owners(dataset, item))
        return f"ARRAY[{members}]::text[]"

    def bind_supervised(self) -> str:
        return f"{literal.quote(self._grants.supervised.text)}::jsonb"


@st.composite
def stated_grants(draw: st.DrawFn) -> list[Grant]:
    names = st.sampled_from(["hours", "charge", "originalValue", "voucherFen", "grade"])
    one = st.builds(
        Grant,
        provider=st.sampled_from(PARTIES),
        dataset=st.sampled_from(list(AgreementDataset)),
        items=st.frozensets(names, max_size=2),
        since=st.sampled_from(DAYS),
        until=st.sampled_from(DAYS),
    )
    return draw(st.lists(one, max_size=5))


MIDNIGHT = datetime(2026, 5, 31, 16, tzinfo=UTC)
"""The first instant of 1 June in Shanghai: what was released then is under supervision from it."""
FACTS = {
    "instrument_key": ["moe:10335/1", "moe:10335/2"],
    "declaration_no": ["000000000000000001", "000000000000000002"],
    "item_no": ["1", "01"],
    "started_at": ["2026-05-31T15:59:59Z", "2026-05-31T16:00:00Z", "2026-06-02T08:00:00Z"],
    "user_side": ["OUTSIDE", "INSIDE", "UNKNOWN"],
}
"""What rows may state of the items by which supervision is judged."""
SUPERVISED = ["moe:10335/1", "moe:10335/2", "000000000000000001/1", "000000000000000002/01"]
supervised_keys = st.dictionaries(
    st.sampled_from(SUPERVISED),
    st.sampled_from([MIDNIGHT, MIDNIGHT + timedelta(days=1), ALWAYS]),
    max_size=4,
).map(SupervisedKeys.of)


def judged(spec: RecordSpec) -> list[str]:
    """Return the items that a row is judged by."""
    items = [name for term in spec.rows.supervised for name in term.items]
    return [*spec.rows.named, *dict.fromkeys(items)]


@st.composite
def subjects(draw: st.DrawFn, spec: RecordSpec) -> list[Subject]:
    party = st.sampled_from(PARTIES)
    made = []
    for _ in range(draw(st.integers(1, 8))):
        stated = {
            camel(item): draw(
                st.none() | (st.sampled_from(FACTS[item]) if item in FACTS else party)
            )
            for item in judged(spec)
        }
        wire = {name: value for name, value in stated.items() if value is not None}
        owner = draw(party)
        # A record without an issuer of its own is issued by its owner.
        made.append(
            Subject(owner=owner, issuer=owner if spec.issuer is None else draw(party), wire=wire)
        )
    return made


@pytest.fixture(scope="module")
def server(cluster: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(cluster, autocommit=True) as connection:
        yield connection


def seen_by_sql(
    server: psycopg.Connection[Any],
    spec: RecordSpec,
    rule: Rule,
    rows: list[Subject],
    grants: PartyGrants,
) -> list[bool]:
    columns = ["owner", "issuer", *judged(spec)]
    condition = sql(rule, spec, "t", Literals(grants), grants.limited)
    values = []
    for number, row in enumerate(rows):
        cells = [row.owner, row.issuer, *(row.wire.get(camel(each)) for each in judged(spec))]
        typed = [
            f"{literal.quote(cell)}::{'timestamptz' if name.endswith('_at') else 'text'}"
            for name, cell in zip(columns, cells, strict=True)
        ]
        values.append(f"({number},{','.join(typed)})")
    statement = (
        f"SELECT coalesce({condition or 'true'}, false) FROM (VALUES {','.join(values)})"
        f" t(n,{','.join(columns)}) ORDER BY n"
    )
    return [shown for (shown,) in server.execute(statement.encode()).fetchall()]


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    data=st.data(),
    rule=st.sampled_from(RULES),
    party=st.none() | st.sampled_from(PARTIES),
    stated=stated_grants(),
    day=st.sampled_from([each for each in DAYS if each is not None]),
)
def test_sql_and_python_agree_on_rows_and_items(
    server: psycopg.Connection[Any],
    data: st.DataObject,
    rule: tuple[RecordSpec, Item | None, Rule],
    party: str | None,
    stated: list[Grant],
    day: date,
) -> None:
    spec, _, wanted = rule
    rows, supervised = data.draw(subjects(spec)), data.draw(supervised_keys)
    grants = grants_on(day, party, stated)
    if party is not None:
        grants = replace(grants, supervised=supervised)
    in_python = [holds(wanted, row, grants) for row in rows]
    assert seen_by_sql(server, spec, wanted, rows, grants) == in_python
    if party is None:
        assert in_python == [wanted.is_public] * len(rows)
    if not supervised:
        fewer = wanted.without_supervision()
        assert [holds(fewer, row, grants) for row in rows] == in_python
    if implies(spec.rows, wanted, grants.limited):
        assert all(holds(wanted, row, grants) for row in rows if holds(spec.rows, row, grants))


@given(stated=stated_grants(), party=st.sampled_from(PARTIES))
def test_a_grant_counts_from_its_first_day_to_its_last_and_no_longer(
    stated: list[Grant], party: str
) -> None:
    for day in (each for each in DAYS if each is not None):
        grants = grants_on(day, party, stated)
        for dataset in AgreementDataset:
            expected = {
                each.provider
                for each in stated
                if each.dataset is dataset
                and (each.since is None or each.since <= day)
                and (each.until is None or each.until >= day)
            }
            assert set(grants.owners(dataset)) == expected | {party}


def test_nobody_s_party_sees_what_is_public_and_nothing_else() -> None:
    row = Subject(owner="moe:10335", issuer="moe:10335", wire={"userKey": "moe:10335"})
    for _, _, rule in RULES:
        assert holds(rule, row, PartyGrants(None)) is rule.is_public
    assert holds(PUBLIC, row, PartyGrants(None))


def test_an_office_reads_of_a_service_what_the_customs_form_asks_and_nothing_else() -> None:
    spec = REGISTRY["ServiceRecord"]
    wire = {"instrumentKey": SUPERVISED[0], "startedAt": "2026-05-31T16:00:00Z"}
    office = replace(
        PartyGrants("moe:10246"), supervised=SupervisedKeys.of({SUPERVISED[0]: MIDNIGHT})
    )

    def read(**changed: str) -> set[str]:
        row = Subject(
            owner="moe:10335",
            issuer="moe:10335",
            wire={**wire, "userSide": "OUTSIDE", **changed},
        )
        if not holds(spec.rows, row, office):
            return set()
        return {item.wire for item in spec.items if holds(spec.rule(item), row, office)}

    kept = {"charge", "voucherFen", "invoiceNo", "content", "project", "review", "userReference"}
    kept |= {"offerCode", "originals", "exclusions", "samplesCount"}
    assert not read() & kept
    assert {"userKey", "startedAt", "customsNoticeNo", "taxRecord", "purpose"} <= read()
    assert read(userSide="INSIDE") == read(startedAt="2026-05-31T15:59:59Z") == set()
    assert read(instrumentKey=SUPERVISED[1]) == set()


def test_personal_items_are_not_for_the_other_party_that_a_row_names() -> None:
    for name in ("UsageRecord", "ServiceRecord"):
        spec = REGISTRY[name]
        row = Subject(owner="moe:10335", issuer="moe:10335", wire={"userKey": "moe:10246"})
        user = PartyGrants("moe:10246")
        assert holds(spec.rule(spec.item("hours")), row, user)
        assert not holds(spec.rule(spec.item("user_reference")), row, user)
