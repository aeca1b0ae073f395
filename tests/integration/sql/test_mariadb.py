"""A view of MariaDB: its types, its clocks, its texts, its rights."""

from __future__ import annotations

import asyncio
from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import make_url

from connectors.errors import PayloadError, SlowError, SourceRefusedError
from connectors.limits import Limits
from connectors.reader import Window
from connectors.sql.rights import probe_rights
from connectors.sql.session import open_sql
from connectors.sql.systems import Texts
from connectors.sql.view import SqlView
from schema.dates import SHANGHAI
from tests.contract.test_readers import Cancelling
from tests.eventually import until
from tests.integration.sql.conftest import PASSWORD

pytestmark = pytest.mark.integration


async def rows_of(unit, view, **more):
    async with unit.open(**more) as session:
        return [row async for document in view.read(session) for row in document.rows]


async def test_each_type_comes_as_what_it_means(mysql):
    mysql.execute(
        "CREATE TABLE t (id bigint unsigned PRIMARY KEY, price decimal(20,4), day date, "
        "at datetime(6), stamp timestamp(6) NULL, is_open tinyint(1), bits bit(1), level tinyint, "
        "ratio double, facts json, code char(6), clock time, year year)",
        "SET time_zone = '+08:00'",
        "INSERT INTO t VALUES (18446744073709551615, 12345678901234.5678, '2026-11-25', "
        "'2026-11-25 08:00:00.000001', '2026-11-25 08:00:00', 1, b'0', 7, 0.1, "
        "'{\"a\": 0.10, \"b\": [1, null]}', 'A1', '23:59:01', 2026)",
    )
    view = SqlView(
        view="t",
        zone="Asia/Shanghai",
        flags=frozenset({"is_open", "bits"}),
        json=frozenset({"facts"}),
    )
    (row,) = await rows_of(mysql, view)
    assert row == {
        "id": 18446744073709551615,
        "price": Decimal("12345678901234.5678"),
        "day": "2026-11-25",
        "at": "2026-11-25T08:00:00.000001+08:00",
        "stamp": "2026-11-25T00:00:00+00:00",
        "is_open": True,
        "bits": False,
        "level": 7,
        "ratio": Decimal("0.1"),
        "facts": {"a": Decimal("0.10"), "b": [1, None]},
        "code": "A1",
        "clock": "23:59:01",
        "year": 2026,
    }


async def test_a_zero_date_is_nothing_and_a_month_stays_as_it_is_written(mysql):
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, day date, at datetime)",
        "INSERT INTO t VALUES (1, '0000-00-00', '0000-00-00 00:00:00'), "
        "(2, '2026-05-00', '2026-05-01 00:00:00')",
    )
    first, second = await rows_of(mysql, SqlView(view="t", zone="Asia/Shanghai"))
    assert (first["day"], first["at"]) == (None, None)
    assert second["day"] == "2026-05-00"


async def test_a_zero_date_in_the_column_of_order_is_refused_in_words(mysql):
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, at datetime)",
        "INSERT INTO t VALUES (1, '0000-00-00 00:00:00')",
    )
    with pytest.raises(PayloadError, match="without at") as told:
        await rows_of(mysql, SqlView(view="t", changed_at="at", zone="Asia/Shanghai"))
    assert "COALESCE" in told.value.hint


async def test_a_moment_without_a_zone_is_refused_where_none_is_declared(mysql):
    mysql.execute("CREATE TABLE t (id int, at datetime)", "INSERT INTO t VALUES (1, now())")
    with pytest.raises(PayloadError, match="no zone"):
        await rows_of(mysql, SqlView(view="t"))


async def test_bytes_are_refused_with_the_name_of_their_column(mysql):
    mysql.execute("CREATE TABLE t (id int, scan blob)", "INSERT INTO t VALUES (1, 0x00ff)")
    with pytest.raises(PayloadError, match="row 1, column scan"):
        await rows_of(mysql, SqlView(view="t"))


async def test_texts_come_right_whatever_the_server_is_asked_to_write(mysql):
    mysql.execute(
        "CREATE TABLE t (id int, gbk varchar(20) CHARACTER SET gbk, "
        "latin varchar(20) CHARACTER SET latin1)",
        "INSERT INTO t VALUES (1, '电镜', 'Müller')",
    )
    for texts in (Texts(), Texts(charset="gbk")):
        (row,) = await rows_of(mysql, SqlView(view="t", columns=("id", "gbk")), texts=texts)
        assert row["gbk"] == "电镜"
    (row,) = await rows_of(mysql, SqlView(view="t", columns=("id", "latin")))
    assert row["latin"] == "Müller"


async def test_gbk_that_was_kept_in_a_latin_column_is_read_as_what_it_is(mysql):
    raw = "扫描电镜".encode("gbk").hex()
    mysql.execute(
        "CREATE TABLE t (id varchar(9), name varchar(40)) CHARACTER SET latin1",
        f"INSERT INTO t VALUES ('a', _latin1 x'{raw}'), ('b', 'x'), ('c', _latin1 x'8081ff')",
    )
    view = SqlView(view="t", rows=1)
    texts = Texts(encoding="gb18030")
    async with mysql.open(texts=texts) as session:
        reading = view.read(session)
        first = await anext(reading)
        second = await anext(reading)
        assert first.rows[0]["name"] == "扫描电镜"
        assert second.rows[0]["id"] == "b"
        with pytest.raises(PayloadError, match="column name: it is not gb18030"):
            await anext(reading)


async def test_a_reading_is_one_moment_however_the_view_changes_meanwhile(mysql):
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, at datetime) ENGINE=InnoDB",
        *(f"INSERT INTO t VALUES ({n}, '2026-11-25 08:00:0{n // 3}')" for n in range(1, 8)),
    )
    view = SqlView(view="t", changed_at="at", zone="Asia/Shanghai", rows=2)
    seen = []
    async with mysql.open() as session:
        async for document in view.read(session):
            seen += [row["id"] for row in document.rows]
            mysql.execute(
                "UPDATE t SET at = at + INTERVAL 1 HOUR WHERE id < 4", "DELETE FROM t WHERE id = 7"
            )
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert document.doubt is None


async def test_a_table_without_transactions_that_moves_is_doubted(mysql):
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY) ENGINE=MyISAM",
        "INSERT INTO t VALUES (1), (2), (3), (4), (5)",
    )
    view = SqlView(view="t", rows=2)
    async with mysql.open() as session:
        reading = view.read(session)
        documents = [await anext(reading)]
        mysql.execute("DELETE FROM t WHERE id = 1")
        documents += [each async for each in reading]
    assert "counted at the end" in documents[-1].doubt


@pytest.mark.parametrize("column", ["at", "stamp", "day"])
async def test_a_window_bounds_the_instant_of_change_to_the_instant(mysql, column):
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY, at datetime, stamp timestamp NULL, day date)",
        "SET time_zone = '+08:00'",
        *(
            f"INSERT INTO t VALUES ({n}, '2026-11-{20 + n} 00:00', '2026-11-{20 + n} 00:00', "
            f"'2026-11-{20 + n}')"
            for n in range(1, 6)
        ),
    )
    window = Window(
        since=datetime(2026, 11, 22, tzinfo=SHANGHAI), until=datetime(2026, 11, 24, tzinfo=SHANGHAI)
    )
    view = SqlView(view="t", changed_at=column, zone="Asia/Shanghai", rows=1)
    async with mysql.open() as session:
        documents = [each async for each in view.read(session, window)]
    assert [row["id"] for each in documents for row in each.rows] == [2, 3]


async def test_a_statement_that_takes_too_long_is_stopped(mysql):
    mysql.execute(
        "CREATE TABLE t (id int PRIMARY KEY)",
        "INSERT INTO t VALUES (1)",
        "CREATE VIEW slow AS SELECT id, sleep(30) AS s FROM t",
    )
    with pytest.raises(SlowError):
        await rows_of(mysql, SqlView(view="slow"), limits=Limits(total_s=0.3, read_s=5))


async def test_the_reader_cannot_write_and_its_rights_are_told(mysql, mariadb_server):
    mysql.execute("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    async with mysql.open() as session:
        rights = await probe_rights(session, "t")
        assert rights.is_writing_refused
        assert rights.more_than_reading == ()
        mariadb_server.execute(f"GRANT DELETE ON {mysql.role}.* TO {mysql.role}@'127.0.0.1'")
        rights = await probe_rights(session, "t")
    assert rights.is_writing_refused
    (line,) = rights.more_than_reading
    assert "DELETE" in line
    assert mariadb_server.rows(f"SELECT count(*) FROM {mysql.role}.t") == ((1,),)


async def test_a_wrong_password_is_told_without_it(mysql):
    wrong = mysql.url.replace("p%40ss", "other-p%40ss")
    assert wrong != mysql.url
    mysql.url = wrong
    with pytest.raises(SourceRefusedError) as told:
        await rows_of(mysql, SqlView(view="t"))
    assert "Access denied" in told.value.detail
    assert PASSWORD not in repr(told.value) + told.value.hint


async def test_cancelled_wherever_it_waits_no_connection_is_left(mysql, mariadb_server):
    mysql.execute("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t VALUES (1), (2), (3)")
    view = SqlView(view="t", rows=2)
    count = f"SELECT count(*) FROM information_schema.processlist WHERE user = '{mysql.role}'"

    async def is_gone():
        return mariadb_server.rows(count) == ((0,),)

    for suspension in range(1, 200):

        async def run(suspension=suspension):
            work = Cancelling(rows_of(mysql, view), suspension)
            found = await work
            return found if not work.is_cancelled else None

        task = asyncio.create_task(run())
        await asyncio.wait([task])
        await until(is_gone)
        if not task.cancelled():
            assert [row["id"] for row in task.result()] == [1, 2, 3]
            break
    assert suspension > 10


async def test_a_server_without_tls_is_told_nothing_where_tls_is_wanted(mysql):
    mysql.execute("CREATE TABLE t (id int)")
    url = make_url(mysql.url)
    async with open_sql("lims", url, Limits(), is_tls=True) as session:
        with pytest.raises(SourceRefusedError, match="no TLS") as told:
            await anext(SqlView(view="t").read(session))
    assert 'tls = "off"' in told.value.hint


async def test_names_are_quoted_whatever_stands_in_them(mysql):
    name = "a`b%s; DROP TABLE x --"
    quoted = name.replace("`", "``")
    mysql.execute(f"CREATE TABLE `{quoted}` (`i d%` int PRIMARY KEY, `选` int)")
    mysql.execute(f"INSERT INTO `{quoted}` VALUES (1, 2)")
    rows = await rows_of(mysql, SqlView(view=name, key=("i d%",), columns=("选",)))
    assert rows == [{"选": 2, "i d%": 1}]
    with pytest.raises(PayloadError, match="no such view"):
        await rows_of(mysql, SqlView(view="x` UNION SELECT 1 --"))
    with pytest.raises(PayloadError, match="no name"):
        await rows_of(mysql, SqlView(view="x\x00y"))
