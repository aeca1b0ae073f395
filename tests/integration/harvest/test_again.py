"""After an adapter was mended: rows in quarantine are sent again, and kept documents read again."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from adapters._adapter import Mapped
from hub.demo.sources import write_sources
from hub.errors import ErrorCode, RefusedError
from hub.harvest.drift import DriftMode
from hub.harvest.raw import RawKeeping
from hub.harvest.replay import Replayer
from hub.harvest.report import ListStatus, RunStatus
from hub.harvest.rerun import rerun
from hub.harvest.service import Harvester
from hub.housekeeping import run_housekeeping
from hub.intake.batch import Outcome
from hub.intake.quarantine import QuarantineStatus, quarantined
from hub.operate.backup import backup
from hub.store.drifts import accept_drifts
from hub.store.raw_documents import packed, unpacked
from hub.store.sources import rename_source
from tests.eventually import until
from tests.integration.harvest.conftest import PARTY
from tests.integration.harvest.small_source import PAGE

pytestmark = pytest.mark.integration


def offer(row, context):
    """The mended mapping: it also takes offers that are not good."""
    row.drop("phone")
    row.optional_decimal("price")
    row.ignore("good", "sort", "note", "place")
    key = f"{context.institution_key}/{row.text('id')}"
    record = {"instrumentKey": key, "code": "a", "audience": "OUTSIDE", "priceNote": "面议"}
    yield Mapped("ServiceOffer", record)


def mended(source):
    lists = tuple(
        replace(each, map=offer) if each.name == "offers" else each
        for each in source.adapter.collections
    )
    return replace(source, adapter=replace(source.adapter, collections=lists))


async def waiting(database):
    return [row.quarantine_id for row in await quarantined(database, source="laboratory")]


async def offers(database):
    rows = await database.writes.fetch_all(
        "SELECT instrument_key, price_note FROM service_offer_source WHERE NOT withdrawn ORDER BY 1"
    )
    return [(key.rpartition("/")[2], note) for key, note in rows]


@pytest.fixture
def spoiled(laboratory):
    laboratory.bad = {"offers 2"}
    laboratory.members["offers"] = lambda number: {"phone": "13900000000", "price": int(number)}
    return laboratory


async def test_rows_go_in_after_the_mapping_was_mended_and_those_that_stay_say_why(
    harvester, spoiled, source, database, time
):
    spoiled.bad = {"offers 2", "bookings 5"}
    await harvester.harvest(source)
    assert await offers(database) == [("1", None)]
    before = await waiting(database)
    assert len(before) == 2

    unchanged = await rerun(database, source, PARTY, time)
    assert (unchanged.rows, unchanged.went_in, len(unchanged.stays)) == (2, 0, 2)
    assert await waiting(database) == before  # no row was added or lost

    done = await rerun(database, mended(source), PARTY, time)
    assert (done.rows, done.went_in) == (2, 1)
    (stays,) = done.stays
    assert [each.path for each in stays.problems] == ["good"]
    assert await offers(database) == [("1", None), ("2", "面议")]
    (settled,) = await quarantined(database, status=QuarantineStatus.RESUBMITTED)
    (entry,) = await database.writes.fetch_all(
        "SELECT q.entry_id = e.entry_id, e.run_id, e.evidence = q.evidence FROM quarantine q "
        "JOIN entry e USING (entry_id) WHERE quarantine_id = %s",
        (settled.quarantine_id,),
    )
    assert entry == (True, settled.run_id, True)


async def test_rows_that_wait_for_a_change_go_in_once_it_is_accepted(
    harvester, spoiled, source, database, time
):
    spoiled.bad = set()
    careful = replace(source, drift={"": DriftMode.QUARANTINE})
    await harvester.harvest(careful)
    spoiled.members["offers"] = lambda number: {"price": int(number), "colour": "red"}
    time.pass_by(hours=1)
    await harvester.harvest(careful)
    assert len(await waiting(database)) == 2
    early = await rerun(database, careful, PARTY, time)
    assert (early.went_in, len(early.stays)) == (0, 2)
    await accept_drifts(database, "laboratory", time.now)
    after = await rerun(database, careful, PARTY, time)
    assert (after.went_in, after.stays) == (2, [])
    assert await waiting(database) == []


@pytest.mark.parametrize("systems", [0.05], indirect=True)
async def test_a_row_that_needs_what_another_list_said_finds_it_in_kept_documents(
    harvester, systems, anhui, database, time
):
    systems.anhui.switchboard.set({"spoiled": True})
    await harvester.harvest(anhui)
    rows = await quarantined(database, source="anhui", limit=500)
    assert rows
    done = await rerun(database, anhui, PARTY, time)
    assert done.rows == len(rows)
    codes = {problem.code for each in done.stays for problem in each.problems}
    assert "UNIT_UNKNOWN" not in codes


async def test_a_run_is_read_again_from_what_was_kept_without_asking_the_source(
    harvester, spoiled, source, database, time
):
    first = await harvester.harvest(source)
    assert first.total(Outcome.QUARANTINED) == 1
    spoiled.asked.clear()
    began = time.now
    time.pass_by(hours=3)
    replayer = Replayer(database, PARTY, time)
    report = await replayer.replay(mended(source), first.run_id)
    assert spoiled.asked == []
    assert report.status is RunStatus.OK
    assert {each.status for each in report.collections} == {ListStatus.REPLAYED}
    assert await offers(database) == [("1", "面议"), ("2", "面议")]
    assert await waiting(database) == []  # what waited was read again
    entries = await database.writes.fetch_all(
        "SELECT DISTINCT as_of, run_id FROM entry WHERE record_type = 'ServiceOffer' "
        "AND run_id = %s",
        (report.run_id,),
    )
    assert entries == [(began, report.run_id)]
    # It says nothing of how the source stands, and is not taken for a reading of it.
    ((status, last_ok, mode),) = await database.writes.fetch_all(
        "SELECT s.last_status, s.last_ok_at, r.mode FROM source s, run r WHERE r.run_id = %s",
        (report.run_id,),
    )
    assert (status, last_ok, mode) == ("PARTIAL", began, "REPLAY")
    assert (await replayer.replay(mended(source), first.run_id)).total(Outcome.ACCEPTED) == 0


async def test_an_older_run_and_one_of_which_nothing_is_kept_are_refused(
    harvester, laboratory, source, database, time
):
    first = await harvester.harvest(source)
    time.pass_by(hours=1)
    second = await harvester.harvest(source)
    replayer = Replayer(database, PARTY, time)
    with pytest.raises(RefusedError) as refused:
        await replayer.replay(source, first.run_id)
    assert refused.value.code is ErrorCode.CONFLICT
    assert second.run_id in refused.value.message_en
    with pytest.raises(RefusedError) as refused:
        await replayer.replay(source, "run_nobody")
    assert refused.value.code is ErrorCode.NOT_FOUND


async def test_nothing_personal_is_kept_not_even_in_fields_that_nobody_knows(
    harvester, laboratory, source, database
):
    secret = {"phone": "13900000000", "unknown": "13912345678", "mail": "x@qq.com", "free": "red"}
    laboratory.members["offers"] = lambda number: {**secret, "nested": {"mobile": "13911111111"}}
    laboratory.bad = {"offers 1"}
    await harvester.harvest(source)
    bodies = await database.writes.fetch_all(
        "SELECT body FROM raw_document WHERE collection = 'offers'"
    )
    rows = [row for (body,) in bodies for row in unpacked(body)]
    assert len(rows) == PAGE
    assert all(row.keys() == {"id", "good", "free"} for row in rows)


async def documents(database):
    return await database.writes.fetch_all(
        "SELECT run_id, count(*), sum(octet_length(body))::int FROM raw_document "
        "GROUP BY run_id ORDER BY max(kept_at)"
    )


async def test_documents_are_bounded_by_age_and_by_size_and_none_are_kept_at_0_days(
    database, source, time
):
    runs = []
    for days, size in ((7, 10**6), (7, 10**6), (0, 10**6)):
        harvester = Harvester(database, PARTY, time, RawKeeping(days, size))
        runs.append((await harvester.harvest(source)).run_id)
        time.pass_by(days=1)
    kept = await documents(database)
    assert [run_id for run_id, _, _ in kept] == runs[:2]

    one = kept[0][2]
    tight = Harvester(database, PARTY, time, RawKeeping(7, int(one * 1.5)))
    newest = (await tight.harvest(source)).run_id
    assert [run_id for run_id, _, _ in await documents(database)] == [newest]

    tiny = Harvester(database, PARTY, time, RawKeeping(7, 1))
    time.pass_by(hours=1)
    await tiny.harvest(source)  # it alone takes more than it may: nothing of it stays
    assert await documents(database) == []

    await Harvester(database, PARTY, time).harvest(source)
    time.pass_by(days=8)
    stop = asyncio.Event()
    house = asyncio.create_task(run_housekeeping(database, time, stop, raw_days=7))

    async def are_gone():
        return await documents(database) == []

    await until(are_gone)
    stop.set()
    await house


async def test_what_is_kept_follows_its_source_when_it_is_renamed(harvester, source, database):
    await harvester.harvest(source)
    await rename_source(database, "laboratory", "lab")
    for table in ("raw_document", "list_field"):
        assert await database.writes.fetch_all(f"SELECT DISTINCT source FROM {table}") == [("lab",)]


async def test_no_backup_holds_the_documents(harvester, source, database, time, tmp_path):
    await harvester.harvest(source)
    assert await documents(database)
    manifest = await backup(database, tmp_path / "backup.zip", time.now)
    tables = {part.table for part in manifest.parts}
    assert "raw_document" not in tables
    assert {"run", "list_field", "drift"} <= tables


def test_rows_are_kept_as_exactly_as_they_came():
    rows = [
        {
            "price": Decimal("1.10"),
            "at": datetime(2026, 11, 24, 2, tzinfo=UTC),
            "on": date(2026, 11, 24),
            "many": [1, None, True, {"x": Decimal("1e-5")}],
            "half": "\ud83d",
            "odd": {"$decimal": "no number"},
        }
    ]
    assert unpacked(packed(rows)) == rows
    assert str(unpacked(packed(rows))[0]["price"]) == "1.10"


def test_the_commands_say_what_went_in_and_what_is_wrong(
    database_url, tmp_path, monkeypatch, capsys
):
    from hub.cli import main as command_line

    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HUB_SOURCE_SECRETS_DIR", str(write_sources(tmp_path / "sources", [])))
    (tmp_path / "sources" / "ecnu.toml").write_text(
        'adapter = "ecnu"\nbase_url = "http://127.0.0.1:9/"\nowners = ["moe:10269"]\n', "utf-8"
    )
    (tmp_path / "sources" / "ecnu.toml").chmod(0o600)
    for words, code in (
        (("harvest", "ecnu"), 1),
        (("harvest", "--list"), 0),
        (("harvest",), 2),
        (("harvest", "ecnu", "--list"), 2),
        (("harvest", "--replay", "run_x"), 2),
        (("quarantine", "rerun", "--source", "ecnu"), 0),
        (("quarantine", "rerun", "--source", "nobody"), 2),
        (("source", "cancel", "run_x"), 2),
        (("source", "drift", "ecnu"), 0),
        (("source", "drift", "nobody"), 2),
        (("source", "grade", "ecnu"), 0),
        (("source", "runs"), 0),
    ):
        monkeypatch.setattr(sys, "argv", ["deltahub", *words])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        told = capsys.readouterr()
        assert int(ended.value.code or 0) == code, (words, told)
        assert told.out + told.err
        assert "Traceback" not in told.out + told.err
