"""A view of PostgreSQL: its types, its order, what it refuses, and where a reading goes on."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from connectors.errors import PayloadError, SlowError, SourceRefusedError, SourceUnavailableError
from connectors.limits import SQL_SAME_MAX, Limits
from connectors.reader import Window
from connectors.sql.rights import probe_rights
from connectors.sql.view import SqlView
from schema.dates import SHANGHAI
from tests.integration.sql.conftest import PASSWORD

pytestmark = pytest.mark.integration


async def documents_of(unit, view, window=None, state=None, **more):
    async with unit.open(**more) as session:
        given = [] if window is None else [window]
        return [each async for each in view.read(session, *given, state=state)]


async def rows_of(unit, view, *args, **more):
    return [row for each in await documents_of(unit, view, *args, **more) for row in each.rows]


async def cut_after(unit, view, count):
    """Read so many documents; return their rows, and the state as it comes back from a table."""
    rows = []
    async with unit.open() as session, aclosing(view.read(session)) as reading:
        for _ in range(count):
            document = await anext(reading)
            rows += document.rows
    return rows, json.loads(json.dumps(document.state))


async def test_each_type_comes_as_what_it_means(postgresql):
    postgresql.execute(
        "CREATE TYPE state AS ENUM ('open', 'shut')",
        "CREATE TABLE t (id uuid PRIMARY KEY, price numeric(20,4), day date, at timestamp, "
        "zoned timestamptz, is_open boolean, facts jsonb, plain json, tags text[], nested int[], "
        "code char(6), ratio double precision, clock time, state state, big bigint, net inet)",
        "INSERT INTO t VALUES ('6f1d6a0e-0000-4000-8000-000000000001', 12345678901234.5678, "
        "'2026-11-25', '2026-11-25 08:00', '2026-11-25 08:00+08', true, "
        "'{\"a\": 0.10, \"b\": [1, null]}', '[1.5]', '{甲,乙}', '{{1,2},{3,4}}', 'A1', 0.1, "
        "'23:59:01', 'open', 9223372036854775807, '10.0.0.1')",
    )
    (row,) = await rows_of(postgresql, SqlView(view="t", zone="Asia/Shanghai"))
    assert row == {
        "id": "6f1d6a0e-0000-4000-8000-000000000001",
        "price": Decimal("12345678901234.5678"),
        "day": "2026-11-25",
        "at": "2026-11-25T08:00:00+08:00",
        "zoned": "2026-11-25T00:00:00+00:00",
        "is_open": True,
        "facts": {"a": Decimal("0.10"), "b": [1, None]},
        "plain": [Decimal("1.5")],
        "tags": ["甲", "乙"],
        "nested": [[1, 2], [3, 4]],
        "code": "A1",
        "ratio": Decimal("0.1"),
        "clock": "23:59:01",
        "state": "open",
        "big": 9223372036854775807,
        "net": "10.0.0.1",
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("'\\x00ff'::bytea", "bytes"),
        ("'NaN'::numeric", "not a number"),
        ("'Infinity'::float8", "not a number"),
        ("'1 month'::interval", "timedelta"),
        ("'[1,3)'::int4range", "Range"),
        ("ARRAY['2026-11-25'::timestamp]", "without a zone"),
    ],
)
async def test_what_has_no_agreed_meaning_is_refused_with_its_column(postgresql, value, words):
    postgresql.execute(f"CREATE TABLE t AS SELECT 1 AS id, {value} AS odd")
    with pytest.raises(PayloadError, match="row 1, column odd") as told:
        await rows_of(postgresql, SqlView(view="t", zone="Asia/Shanghai"))
    assert words in told.value.detail
    assert "CAST" in told.value.hint


async def test_a_moment_that_is_never_is_refused(postgresql):
    postgresql.execute("CREATE TABLE t AS SELECT 1 AS id, 'infinity'::timestamptz AS at")
    with pytest.raises(PayloadError):
        await rows_of(postgresql, SqlView(view="t"))


async def test_a_row_without_an_instant_is_refused_in_words(postgresql):
    postgresql.execute(
        "CREATE TABLE t (id int, at timestamptz)", "INSERT INTO t VALUES (1, now()), (2, NULL)"
    )
    with pytest.raises(PayloadError, match="without at"):
        await rows_of(postgresql, SqlView(view="t", changed_at="at"))


async def test_two_rows_that_cannot_be_told_apart_are_refused(postgresql):
    postgresql.execute("CREATE TABLE t (id int, n int)", "INSERT INTO t VALUES (7, 1), (7, 2)")
    for size in (1, 2, 500):
        with pytest.raises(PayloadError, match="two rows have the key 7"):
            await rows_of(postgresql, SqlView(view="t", rows=size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_rows_of_one_instant_come_once_whatever_the_page(postgresql, size):
    postgresql.execute(
        "CREATE TABLE t AS SELECT n AS id, now() + (n / 30) * interval '1 s' AS at "
        "FROM generate_series(1, 61) n"
    )
    view = SqlView(view="t", changed_at="at", rows=size)
    documents = await documents_of(postgresql, view)
    assert [row["id"] for each in documents for row in each.rows] == list(range(1, 62))
    assert all(each.doubt is None for each in documents)


async def test_a_row_that_comes_to_the_instant_of_a_cut_is_not_missed(postgresql):
    postgresql.execute(
        "CREATE TABLE t (id int, at timestamptz)",
        "INSERT INTO t SELECT n, '2026-11-25' FROM generate_series(10, 15) n",
    )
    view = SqlView(view="t", changed_at="at", rows=4)
    before, state = await cut_after(postgresql, view, 1)
    postgresql.execute("INSERT INTO t VALUES (1, '2026-11-25')")  # below what was read
    after = await rows_of(postgresql, view, state=state)
    assert [row["id"] for row in before] == [10, 11, 12, 13]
    assert [row["id"] for row in after] == [1, 14, 15]


async def test_an_instant_with_more_keys_than_are_kept_goes_on_behind_the_last(postgresql):
    count = SQL_SAME_MAX * 2
    postgresql.execute(
        f"CREATE TABLE t AS SELECT n AS id, '2026-11-25'::timestamptz AS at "
        f"FROM generate_series(1, {count}) n"
    )
    view = SqlView(view="t", changed_at="at", rows=SQL_SAME_MAX + 10)
    before, state = await cut_after(postgresql, view, 1)
    after = await rows_of(postgresql, view, state=state)
    assert [row["id"] for row in before + after] == list(range(1, count + 1))


@pytest.mark.parametrize(
    "values",
    ["'a'::text, 'B', 'ä', '电'", "1.5, 2.25, 3, 1e20", "'2026-11-25'::date, '2026-11-26'"],
)
async def test_it_goes_on_by_keys_of_every_type(postgresql, values):
    rows = ", ".join(f"({each})" for each in values.split(", "))
    postgresql.execute(f"CREATE TABLE t AS SELECT * FROM (VALUES {rows}) v(id)")
    view = SqlView(view="t", rows=1)
    whole = await rows_of(postgresql, view)
    before, state = await cut_after(postgresql, view, 1)
    assert before + await rows_of(postgresql, view, state=state) == whole
    assert len(whole) == len(values.split(", "))


async def test_it_goes_on_by_a_key_of_several_columns(postgresql):
    postgresql.execute(
        "CREATE TABLE t AS SELECT a, b, c FROM generate_series(1, 3) a, generate_series(1, 3) b, "
        "generate_series(1, 3) c"
    )
    view = SqlView(view="t", key=("a", "b", "c"), rows=2)
    rows = await rows_of(postgresql, view)
    assert len({tuple(row.values()) for row in rows}) == len(rows) == 27


async def test_a_reading_is_one_moment_however_the_view_changes_meanwhile(postgresql):
    postgresql.execute("CREATE TABLE t AS SELECT n AS id, now() AS at FROM generate_series(1, 7) n")
    view = SqlView(view="t", changed_at="at", rows=2)
    seen, doubts = [], []
    async with postgresql.open() as session:
        async for document in view.read(session):
            seen += [row["id"] for row in document.rows]
            doubts.append(document.doubt)
            postgresql.execute("UPDATE t SET at = now() WHERE id < 4", "DELETE FROM t WHERE id = 7")
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert doubts == [None] * 4


@pytest.mark.parametrize("column", ["at", "zoned", "day"])
async def test_a_window_bounds_the_instant_of_change_to_the_instant(postgresql, column):
    postgresql.execute(
        "SET timezone = 'Asia/Shanghai'; CREATE TABLE t AS SELECT n AS id, "
        "'2026-11-20'::timestamp + n * interval '1 day' AS at, "
        "'2026-11-20'::timestamptz + n * interval '1 day' AS zoned, '2026-11-20'::date + n AS day "
        "FROM generate_series(1, 5) n"
    )
    window = Window(
        since=datetime(2026, 11, 22, tzinfo=SHANGHAI), until=datetime(2026, 11, 24, tzinfo=SHANGHAI)
    )
    view = SqlView(view="t", changed_at=column, zone="Asia/Shanghai", rows=1)
    documents = await documents_of(postgresql, view, window)
    assert [row["id"] for each in documents for row in each.rows] == [2, 3]
    assert documents[-1].doubt is None


async def test_a_window_over_a_column_that_is_no_time_is_refused(postgresql):
    postgresql.execute("CREATE TABLE t AS SELECT 1 AS id, 2 AS version")
    window = Window(since=datetime(2026, 11, 22, tzinfo=SHANGHAI))
    with pytest.raises(PayloadError, match="holds no time"):
        await rows_of(postgresql, SqlView(view="t", changed_at="version"), window)
    with pytest.raises(PayloadError, match="holds no time"):
        await rows_of(postgresql, SqlView(view="t"), window)


async def test_a_statement_that_takes_too_long_is_stopped(postgresql):
    postgresql.execute("CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(30)::text AS s")
    with pytest.raises(SlowError):
        await rows_of(postgresql, SqlView(view="slow"), limits=Limits(total_s=0.3, read_s=5))


async def test_a_view_that_writes_is_refused(postgresql):
    postgresql.execute(
        "CREATE TABLE log (n int)",
        "CREATE FUNCTION note() RETURNS int LANGUAGE sql SECURITY DEFINER AS "
        "'INSERT INTO log VALUES (1) RETURNING n'",
        "CREATE VIEW writing AS SELECT note() AS id",
    )
    with pytest.raises(PayloadError, match="25006"):
        await rows_of(postgresql, SqlView(view="writing"))


async def test_the_reader_cannot_write_and_its_rights_are_told(postgresql):
    postgresql.execute("CREATE TABLE t AS SELECT 1 AS id")
    async with postgresql.open() as session:
        rights = await probe_rights(session, "t")
        assert rights.is_writing_refused
        assert rights.more_than_reading == ()
        postgresql.execute(f"GRANT DELETE, INSERT ON t TO {postgresql.role}")
        rights = await probe_rights(session, "t")
    assert rights.is_writing_refused
    assert rights.more_than_reading == ("DELETE, INSERT on public.t",)
    assert await rows_of(postgresql, SqlView(view="t")) == [{"id": 1}]


async def test_a_view_that_may_not_be_read_is_a_refusal(postgresql):
    postgresql.execute(
        "CREATE TABLE t AS SELECT 1 AS id", f"REVOKE ALL ON t FROM {postgresql.role}"
    )
    with pytest.raises(SourceRefusedError, match="42501") as told:
        await rows_of(postgresql, SqlView(view="t"))
    assert "SELECT" in told.value.hint


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (SqlView(view="t", key=("ID",)), "ID"),
        (SqlView(view="t", columns=("id", "gone")), "no such view or column"),
        (SqlView(view="T"), "no such view or column"),
        (SqlView(view='t" UNION SELECT 1 --'), "no such view or column"),
        (SqlView(view="t\x00"), "no name"),
        (SqlView(view="t" * 65), "no name"),
        (SqlView(view=""), "no name"),
    ],
)
async def test_a_name_that_is_not_there_is_told(postgresql, view, words):
    postgresql.execute("CREATE TABLE t AS SELECT 1 AS id")
    with pytest.raises(PayloadError, match=words):
        await rows_of(postgresql, view)


async def test_names_are_quoted_whatever_stands_in_them(postgresql):
    postgresql.execute(
        'CREATE SCHEMA "数据 %s"',
        f'GRANT USAGE ON SCHEMA "数据 %s" TO {postgresql.role}',
        'CREATE TABLE "数据 %s"."a""b; --" ("i d%" int, "选" int)',
        'INSERT INTO "数据 %s"."a""b; --" VALUES (1, 2), (2, 3)',
    )
    view = SqlView(view="list", key=("i d%",), columns=("选",), rows=1)
    rows = await rows_of(postgresql, view, schema="数据 %s", views={"list": 'a"b; --'})
    assert rows == [{"选": 2, "i d%": 1}, {"选": 3, "i d%": 2}]


async def test_a_database_that_is_away_is_told_without_the_password(postgresql):
    postgresql.url = (
        f"postgresql://reader:{PASSWORD.replace('@', '%40').replace('/', '%2F')}@/x?host=/nowhere"
    )
    with pytest.raises(SourceUnavailableError) as told:
        await rows_of(postgresql, SqlView(view="t"))
    assert PASSWORD not in repr(told.value) + told.value.hint


async def test_an_answer_is_bounded_by_its_bytes_and_not_only_by_its_rows(postgresql):
    postgresql.execute(
        "CREATE TABLE t AS SELECT n AS id, repeat('x', 1000) AS x FROM generate_series(1, 100) n"
    )
    with pytest.raises(PayloadError, match="over 50000 bytes"):
        await rows_of(postgresql, SqlView(view="t"), limits=Limits(response_bytes_max=50_000))


async def test_nothing_of_a_reading_is_left_behind_at_the_database(postgresql):
    postgresql.execute("CREATE TABLE t AS SELECT n AS id FROM generate_series(1, 9) n")
    async with postgresql.open() as session, aclosing(SqlView(view="t", rows=2).read(session)) as r:
        await anext(r)
    async with postgresql.open() as session, session.snapshot() as snapshot:
        own = text("SELECT count(*) FROM pg_stat_activity WHERE usename = current_user")
        assert await snapshot.one(own, "own") == 1
