"""The stand-in of a customs office: its messages over real SFTP and through the adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import asyncssh
import pytest

from adapters import discover
from connectors.limits import Limits
from connectors.sheet import FileSession
from hub.harvest.report import RunStatus
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

pytestmark = pytest.mark.integration
CUSTOMS = "uscc:11330000MB0K29004F"
SCALE = 0.3


@dataclass
class Fetched:
    """A connection to one message that was fetched; the reader of folders comes in its place."""

    name: str
    content: bytes
    secrets: tuple[str, ...] = ()
    place: str = "sftp"

    @asynccontextmanager
    async def session(self, source: str, limits: Limits) -> AsyncIterator[FileSession]:
        yield FileSession(source=source, content=self.content, name=self.name, limits=limits)


def source_of(name: str, content: bytes) -> HarvestSource:
    return HarvestSource(
        id="customs",
        adapter=discover()["customs_relief"],
        connection=Fetched(name, content),
        owners=(CUSTOMS, f"uscc:{APPLICANT}"),
        authority=f"{CUSTOMS}/relief",
        facts={"customs_offices": {OFFICE: CUSTOMS}},
    )


async def fetch_all(folder) -> dict[str, bytes]:
    """Fetch what an SFTP server shows of a folder, as a client with one key does."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    public = key.export_public_key().decode()
    async with sftp_server(folder, public) as place:
        known = f"[{place.host}]:{place.port} {place.host_key}"
        async with (
            asyncssh.connect(
                place.host,
                place.port,
                username=place.user,
                client_keys=[key],
                known_hosts=asyncssh.import_known_hosts(known),
                config=None,
            ) as connection,
            connection.start_sftp_client() as client,
        ):
            found = {}
            for name in sorted(str(each) for each in await client.listdir("/")):
                if name.endswith(".xml"):
                    async with client.open(f"/{name}", "rb") as file:
                        found[name] = await file.read()
            return found


async def count(database, table: str) -> int:
    statement = f"SELECT count(*) FROM {table}_source WHERE NOT withdrawn"
    ((found,),) = await database.reads.fetch_all(statement)
    return found


async def test_messages_come_over_sftp_and_what_customs_withdrew_is_withdrawn(
    harvester, database, time, tmp_path
):
    today = local_date(time())
    leave_messages(tmp_path, today, SCALE)
    assert not list(tmp_path.glob("*.part"))
    fetched = await fetch_all(tmp_path)
    assert len(fetched) == 2
    stock = supervised(today, SCALE)
    assert len(stock) >= 5
    for name, content in fetched.items():
        time.pass_by(minutes=1)
        report = await harvester.harvest(source_of(name, content))
        assert report.status is RunStatus.OK, report.message
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
    harvester, database, time
):
    today = local_date(time())
    stands = message(today, SCALE).replace(b"<state>2</state>", b"<state>1</state>")
    await harvester.harvest(source_of("one.xml", stands))
    assert await count(database, "customs_approval") == 2
    time.pass_by(minutes=1)
    await harvester.harvest(source_of("two.xml", message(today, SCALE)))
    assert await count(database, "customs_approval") == 1


async def test_a_message_that_comes_twice_or_late_writes_nothing_that_stands_already(
    harvester, database, time
):
    today = local_date(time())
    first, second = message(today - timedelta(days=1), SCALE), message(today, SCALE)
    for name, content in (("2", second), ("2-again", second), ("1-late", first)):
        time.pass_by(minutes=1)
        await harvester.harvest(source_of(name, content))
    revisions = await database.reads.fetch_all(
        "SELECT DISTINCT revision FROM customs_supervision_source"
    )
    assert revisions == [(1,)]


async def test_messages_with_the_faults_of_senders_change_nothing_that_stands(
    harvester, database, time
):
    today = local_date(time())
    await harvester.harvest(source_of("well.xml", message(today, SCALE)))
    tables = ("customs_supervision", "customs_approval", "customs_report", "duty_payment")
    before = [await count(database, table) for table in tables]
    wanted = {
        "lost-zero": "itemNumber",
        "rounded": "declarationNumber",
        "new-element": "onlyOn",
        "expired": "CERTIFICATE_EXPIRED",
    }
    for fault in FAULTS:
        time.pass_by(minutes=1)
        report = await harvester.harvest(source_of(fault, message(today, SCALE, fault)))
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


async def test_another_key_or_another_server_key_ends_the_connection(tmp_path):
    mine, other = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    async with sftp_server(tmp_path, mine.export_public_key().decode()) as place:
        known = f"[{place.host}]:{place.port} {place.host_key}"
        wrong = f"[{place.host}]:{place.port} {other.export_public_key().decode().strip()}"
        for key, hosts in ((other, known), (mine, wrong)):
            with pytest.raises((asyncssh.PermissionDenied, asyncssh.HostKeyNotVerifiable)):
                await asyncssh.connect(
                    place.host, place.port, username=place.user, client_keys=[key],
                    known_hosts=asyncssh.import_known_hosts(hosts), config=None,
                )  # fmt: skip
