"""The stand-in of a customs office: its messages over real SFTP and through the adapter."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import asyncssh
import pytest

from adapters import discover
from hub.harvest.connections.files import FolderConnection, SftpConnection
from hub.harvest.report import HarvestReport, RunStatus
from hub.harvest.rerun import rerun
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.sandbox.customs import (
    APPLICANT,
    FAULTS,
    OFFICE,
    leave,
    leave_messages,
    message,
    sftp_server,
    supervised,
)
from schema.dates import local_date
from tests.integration.harvest.conftest import PARTY
from tests.standing_clock import StandingClock

pytestmark = pytest.mark.integration
CUSTOMS = "uscc:11330000MB0K29004F"
SCALE = 0.3


def source_of(connection) -> HarvestSource:
    return HarvestSource(
        id="customs",
        adapter=discover()["customs_relief"],
        connection=connection,
        owners=(CUSTOMS, f"uscc:{APPLICANT}"),
        authority=f"{CUSTOMS}/relief",
        facts={"customs_offices": {OFFICE: CUSTOMS}},
    )


@asynccontextmanager
async def over_sftp(folder: Path, key_file: Path) -> AsyncIterator[SftpConnection]:
    """Serve a folder to one key for as long as the block runs."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key_file.touch(mode=0o600)
    key_file.write_bytes(key.export_private_key())
    async with sftp_server(folder, key.export_public_key().decode()) as place:
        yield SftpConnection(
            host=place.host,
            port=place.port,
            user=place.user,
            key_file=str(key_file),
            host_key=place.host_key,
            folder="/",
        )


@pytest.fixture
def harvest(harvester: Harvester, tmp_path: Path, time: StandingClock):
    """Leave a message in a folder and harvest it."""

    async def harvested(name: str, content: bytes) -> HarvestReport:
        time.pass_by(minutes=1)
        leave(tmp_path, name, content)
        return await harvester.harvest(source_of(FolderConnection(path=str(tmp_path))))

    return harvested


async def count(database, table: str) -> int:
    statement = f"SELECT count(*) FROM {table}_source WHERE NOT withdrawn"
    ((found,),) = await database.reads.fetch_all(statement)
    return found


async def test_messages_come_over_sftp_and_what_customs_withdrew_is_withdrawn(
    harvester, database, time, tmp_path
):
    today = local_date(time())
    folder = tmp_path / "served"
    folder.mkdir()
    leave_messages(folder, today, SCALE)
    assert not list(folder.glob("*.part"))
    stock = supervised(today, SCALE)
    assert len(stock) >= 5
    async with over_sftp(folder, tmp_path / "key") as connection:
        report = await harvester.harvest(source_of(connection))
        assert report.status is RunStatus.OK, report.message
        assert report.collections[1].documents == 2
        time.pass_by(minutes=1)
        again = await harvester.harvest(source_of(connection))
        assert again.collections[1].rows == 0
    before = supervised(today - timedelta(days=1), SCALE)
    every = {(one.owner.name_zh, one.number) for one in (*before, *stock)}
    assert await count(database, "customs_supervision") == len(every)
    assert await count(database, "customs_approval") == 1
    assert await count(database, "duty_payment") == 1
    due = sum(today.year - one.booked_on.year for one in stock)
    assert await count(database, "customs_report") >= due > 0
    rows = await database.reads.fetch_all(
        "SELECT DISTINCT district, goods_kind, customs_key FROM customs_supervision_source"
    )
    assert rows == [("HANGZHOU", "OTHER", CUSTOMS)]


async def test_an_approval_that_stood_is_withdrawn_by_the_message_that_says_so(
    harvest, database, time
):
    today = local_date(time())
    stands = message(today, SCALE).replace(b"<state>2</state>", b"<state>1</state>")
    await harvest("one.xml", stands)
    assert await count(database, "customs_approval") == 2
    await harvest("two.xml", message(today, SCALE))
    assert await count(database, "customs_approval") == 1


def made_at(content: bytes, moment: str) -> bytes:
    """Return a message as if it had been made at a moment."""
    return re.sub(rb"(<createTime>)[^<]+", rb"\g<1>" + moment.encode(), content)


def approvals(time: StandingClock, state: str, moment: str) -> bytes:
    """Return a message whose second approval is in a state, 1 stands or 2 revoked."""
    content = message(local_date(time()), SCALE)
    return made_at(content.replace(b"<state>2</state>", f"<state>{state}</state>".encode()), moment)


MORNING, NOON, EVENING = (f"2026-11-23 {hour}:00:00" for hour in ("08", "12", "20"))


@pytest.mark.parametrize("before", [(), (("1", MORNING),)], ids=["never told", "stood"])
@pytest.mark.parametrize("late", [MORNING, "2026-11-23 11:59:59"])
async def test_a_late_message_never_states_a_revoked_approval_anew(
    harvest, database, time, before, late
):
    for number, (state, moment) in enumerate((*before, ("2", NOON))):
        await harvest(f"{number}.xml", approvals(time, state, moment))
        assert await count(database, "customs_approval") == (2 if state == "1" else 1)
    report = await harvest("late.xml", approvals(time, "1", late).replace(b"135,136", b"135"))
    assert await count(database, "customs_approval") == 1
    assert report.status is RunStatus.PARTIAL
    told = await database.writes.fetch_all("SELECT problems::text FROM quarantine")
    assert any("STATE_OLDER" in text for (text,) in told)
    again = await harvest("again.xml", approvals(time, "1", EVENING))
    assert again.collections[1].outcomes["QUARANTINED"] == 0
    assert await count(database, "customs_approval") == 2, "customs allows it again"


@pytest.mark.parametrize("names", ["12", "21"], ids=["in their order", "the other way round"])
async def test_two_messages_of_one_run_count_by_their_own_times(
    harvest, database, time, tmp_path, names
):
    first, second = (tmp_path / f"{name}.xml" for name in names)
    leave(tmp_path, first.name, approvals(time, "1", MORNING))
    await harvest(second.name, approvals(time, "2", NOON))
    assert await count(database, "customs_approval") == 1


async def test_an_older_message_never_widens_what_a_newer_one_narrowed(harvest, database, time):
    wide = approvals(time, "1", MORNING)
    narrow = approvals(time, "1", NOON).replace(b"135,136", b"135")
    for name, content in (("narrow", narrow), ("wide", wide)):
        await harvest(f"{name}.xml", content)
    rows = await database.reads.fetch_all(
        "SELECT DISTINCT cardinality(purposes) FROM customs_approval_source"
    )
    assert rows == [(1,)]


def declared(time: StandingClock, ended: str, moment: str) -> bytes:
    """Return a message whose declarations say that supervision goes on, or ended on a day."""
    content = made_at(message(local_date(time()), SCALE), moment)
    if not ended:
        return content
    state = b"<state>2</state><endDate>" + ended.encode() + b"</endDate>"
    return re.sub(rb"<state>1</state>\s*<endDate ?/>", state, content)


@pytest.mark.parametrize("before", [True, False], ids=["told before", "never told before"])
async def test_a_late_message_never_undoes_the_end_of_supervision(harvest, database, time, before):
    ended = "SELECT count(settled_on), count(*) FROM customs_supervision_source"
    if before:
        await harvest("before.xml", declared(time, "", MORNING))
        ((settled, every),) = await database.reads.fetch_all(ended)
        assert settled == 0 < every
    await harvest("ended.xml", declared(time, "2026-11-20", NOON))
    ((settled, every),) = await database.reads.fetch_all(ended)
    assert settled == every > 0
    late = await harvest("late.xml", declared(time, "", "2026-11-23 11:59:59"))
    assert late.collections[1].outcomes["QUARANTINED"] == every
    assert await database.reads.fetch_all(ended) == [(every, every)]
    await harvest("again.xml", declared(time, "", EVENING))
    assert await database.reads.fetch_all(ended) == [(0, every)], "customs corrects itself"


async def test_what_was_said_again_counts_as_of_then(harvest, database, time):
    narrow = approvals(time, "1", MORNING).replace(b"135,136", b"135")
    await harvest("narrow.xml", narrow)
    again = await harvest("again.xml", made_at(narrow, EVENING))
    assert again.collections[1].outcomes["ACCEPTED"] == 0
    await harvest("wide.xml", approvals(time, "1", NOON))
    rows = await database.reads.fetch_all(
        "SELECT DISTINCT cardinality(purposes) FROM customs_approval_source"
    )
    assert rows == [(1,)]


async def test_a_message_from_a_clock_ahead_counts_as_of_the_run(harvest, database, time):
    await harvest("ahead.xml", approvals(time, "1", "2026-11-25 09:00:00"))
    await harvest("ends.xml", made_at(approvals(time, "2", NOON), "2026-11-24 10:02:30"))
    assert await count(database, "customs_approval") == 1
    late = await harvest("late.xml", approvals(time, "1", NOON))
    assert late.status is RunStatus.PARTIAL
    assert await count(database, "customs_approval") == 1


async def test_what_waited_ends_with_the_time_of_its_message(harvester, database, time, tmp_path):
    known = source_of(FolderConnection(path=str(tmp_path)))
    leave(tmp_path, "ends.xml", approvals(time, "2", NOON))
    time.pass_by(minutes=1)
    await harvester.harvest(replace(known, facts={}))
    assert await count(database, "customs_approval") == 0
    done = await rerun(database, known, PARTY, time)
    assert (done.went_in, done.stays) == (2, [])
    assert await count(database, "customs_approval") == 1
    leave(tmp_path, "late.xml", approvals(time, "1", MORNING))
    time.pass_by(minutes=1)
    await harvester.harvest(known)
    assert await count(database, "customs_approval") == 1


async def test_a_message_that_does_not_say_when_it_was_made_is_refused(harvest, database, time):
    report = await harvest("none.xml", approvals(time, "1", ""))
    assert report.status is RunStatus.PARTIAL
    assert await count(database, "customs_approval") == 0


async def test_a_message_that_comes_twice_or_late_writes_nothing_that_stands_already(
    harvest, database, time
):
    today = local_date(time())
    first, second = message(today - timedelta(days=1), SCALE), message(today, SCALE)
    for name, content in (("2.xml", second), ("2-again.xml", second), ("1-late.xml", first)):
        await harvest(name, content)
    revisions = await database.reads.fetch_all(
        "SELECT DISTINCT revision FROM customs_supervision_source"
    )
    assert revisions == [(1,)]


async def test_messages_with_the_faults_of_senders_change_nothing_that_stands(
    harvest, database, time
):
    today = local_date(time())
    await harvest("well.xml", message(today, SCALE))
    tables = ("customs_supervision", "customs_approval", "customs_report", "duty_payment")
    before = [await count(database, table) for table in tables]
    wanted = {
        "lost-zero": "itemNumber",
        "rounded": "declarationNumber",
        "new-element": "onlyOn",
        "expired": "CERTIFICATE_EXPIRED",
    }
    for fault in FAULTS:
        report = await harvest(f"{fault}.xml", message(today, SCALE, fault))
        if fault in wanted:
            assert report.status is RunStatus.PARTIAL, fault
            told = await database.writes.fetch_all("SELECT problems::text FROM quarantine")
            assert any(wanted[fault] in text for (text,) in told), fault
        else:
            assert report.status is RunStatus.FAILED, fault
            assert "SOURCE_BAD_DATA" in {part.error_code for part in report.collections}
        assert [await count(database, table) for table in tables] == before, fault


async def test_a_file_is_whole_before_it_has_its_name_and_then_marked(tmp_path):
    content = message(date(2026, 11, 24), SCALE)
    file = leave(tmp_path, "a.xml", content)
    assert file.read_bytes() == content
    mark = tmp_path / "a.xml.ok"
    assert mark.exists()
    assert mark.stat().st_mtime >= file.stat().st_mtime
