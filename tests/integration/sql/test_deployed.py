"""A unit's database as a deployed source: from its file to the records, and again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.errors import SettingsError
from hub.harvest import config
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from tests.integration.sql.conftest import PASSWORD
from tests.integration.sql.unit_source import ADAPTER, FILE, INSTITUTION, statements

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setattr(config, "discover", lambda: {ADAPTER.id: ADAPTER})


def deployed(folder, url, more=""):
    path = folder / "lims.toml"
    path.write_text(FILE.format(institution=INSTITUTION, url=url, more=more), "utf-8")
    path.chmod(0o600)
    return config.load_source(path)


async def shown(database):
    return await database.reads.fetch_all(
        "SELECT key, certainty, start_at FROM occupancy_source WHERE NOT withdrawn ORDER BY key"
    )


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
async def test_it_is_harvested_and_again_without_a_new_entry(request, kind, database, tmp_path):
    unit = request.getfixturevalue(kind)
    unit.execute(*statements(is_mysql=kind == "mysql"))
    source = deployed(tmp_path, unit.url)
    harvester = Harvester(database, "hub:test", lambda: NOW)
    first = await harvester.harvest(source)
    assert first.status is RunStatus.OK, first.message
    found = await shown(database)
    assert [(key, certainty) for key, certainty, _ in found] == [
        (f"{INSTITUTION}/A1/1", "FIRM"),
        (f"{INSTITUTION}/A1/2", "TENTATIVE"),
    ]
    assert found[0][2] == datetime(2026, 11, 25, 0, 0, tzinfo=UTC)
    assert first.collections[1].dropped == 2
    again = await harvester.harvest(source)
    assert (again.status, again.counts()["accepted"]) == (RunStatus.OK, 0)
    unit.execute("DELETE FROM equipment WHERE no = 'A3'")
    third = await harvester.harvest(source)
    assert dict(third.withdrawn) == {"Instrument": 1}


async def test_a_view_may_have_another_name_and_a_schema(postgresql, database, tmp_path):
    postgresql.execute(
        *statements(is_mysql=False),
        "CREATE SCHEMA share",
        f"GRANT USAGE ON SCHEMA share TO {postgresql.role}",
        "CREATE VIEW share.v_equipment_2026 AS SELECT * FROM equipment",
        "CREATE VIEW share.bookings AS SELECT * FROM bookings",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA share TO {postgresql.role}",
        f"REVOKE ALL ON equipment, bookings FROM {postgresql.role}",
    )
    more = 'schema = "share"\nviews = { equipment = "v_equipment_2026" }'
    source = deployed(tmp_path, postgresql.url, more)
    report = await Harvester(database, "hub:test", lambda: NOW).harvest(source)
    assert report.status is RunStatus.OK, report.message
    assert report.counts()["accepted"] == 6


async def test_a_database_that_is_away_fails_the_run_without_the_password(
    postgresql, database, tmp_path
):
    source = deployed(tmp_path, postgresql.url)
    source = replace(source, connection=replace(source.connection, url=away(postgresql.url)))
    report = await Harvester(database, "hub:test", lambda: NOW).harvest(source)
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_UNAVAILABLE")
    assert PASSWORD not in (report.message or "")
    assert source.connection.secrets[0] == PASSWORD
    assert PASSWORD not in source.connection.place


def away(url):
    return url.split("?")[0] + "?host=/nowhere"


@pytest.mark.parametrize(
    ("url", "more", "words"),
    [
        ("oracle://a:b@h/d", "", "begins with one of"),
        ("postgresql+asyncpg://a:b@h/d", "", "begins with one of"),
        ("postgresql://a:b@h", "", "names the database"),
        ("postgresql://a:s3cret@h:port/d", "", "cannot be read"),
        ("postgresql://a:s3cret@h/d?options=-cfoo", "", "knows no options"),
        ("mysql://a:b@h/d?local_infile=1", "", "knows no local_infile"),
        ("mysql://a:b@h/d", 'text_encoding = "klingon"', "text_encoding is not known"),
        ("mysql://a:b@h/d", 'tls_ca = "/nowhere.pem"', "no such file"),
        ("mysql://a:b@h/d", "views = { a = 1 }", "in quotes"),
        ("mysql://a:b@h/d", "pasword = 'x'", "does not know pasword"),
    ],
)
def test_a_mistake_in_the_file_is_told_without_a_secret(tmp_path, url, more, words):
    with pytest.raises(SettingsError) as told:
        deployed(tmp_path, url, more)
    said = "; ".join(told.value.problems)
    assert words in said
    assert "s3cret" not in said


def test_a_file_without_its_table_says_what_is_missing(tmp_path):
    path = tmp_path / "lims.toml"
    path.write_text('adapter = "unit-lims"\nowners = ["moe:10335"]\n', "utf-8")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=r"\[sql\] is a table"):
        config.load_source(path)
