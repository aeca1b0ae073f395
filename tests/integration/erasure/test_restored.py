"""What was erased stays so, whichever copy of the database comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hub.embedded.server import EmbeddedPostgres
from hub.erasure.finding import Wanted
from hub.erasure.register import FILE, ErasureRegister
from hub.erasure.service import Erasing
from hub.errors import HubError
from hub.intake.batch import Assurance, Batch, Channel, Evidence
from hub.intake.service import submit
from hub.operate.backup import backup, restore
from hub.store.check import check
from hub.store.database import Database
from hub.store.migrations import migrate
from hub.store.sources import register_source
from tests.databases import lent_database
from tests.integration.erasure.conftest import (
    HUB,
    NAME,
    NOW,
    ORDER,
    UNIVERSITY,
    Send,
    holding,
    instrument,
    spellings,
    usage,
)

pytestmark = pytest.mark.integration
KEY = f"{UNIVERSITY}/A1"
TEXT = Wanted(text=NAME)


@pytest.fixture
def empty(cluster: str) -> Iterator[str]:
    with lent_database(cluster) as url:
        yield url


@pytest.fixture
async def restored(empty: str) -> AsyncIterator[Database]:
    async with Database(empty) as database:
        yield database


def erasing_on(database: Database, folder: Path) -> Erasing:
    return Erasing(database, lambda: NOW + timedelta(days=2), HUB, ErasureRegister(folder))


async def test_a_backup_that_was_taken_before_does_not_bring_it_back(
    database: Database, restored: Database, send: Send, erasing: Erasing, tmp_path: Path
) -> None:
    await send(instrument(contact=NAME), instrument("A2", status=NAME), key="k")
    await send(instrument("A3"))
    file = tmp_path / "old.zip"
    await backup(database, file, NOW)
    await erasing.erase(TEXT, **ORDER)
    await restore(restored, file, erasing_on(restored, tmp_path / "data"))
    assert holding(restored.url, NAME) == set()
    assert (await check(restored)).differences == []
    rows = await restored.reads.fetch_all("SELECT key FROM instrument")
    assert rows == [(f"{UNIVERSITY}/A3",)]
    of_both = [
        await each.reads.fetch_all("SELECT record_type, key FROM entry ORDER BY 1, 2")
        for each in (database, restored)
    ]
    assert of_both[0] == of_both[1]


async def test_a_hub_that_starts_on_an_old_copy_erases_again_once(
    database: Database, restored: Database, send: Send, erasing: Erasing, tmp_path: Path
) -> None:
    await send(instrument(contact=NAME))
    await backup(database, tmp_path / "old.zip", NOW)
    await erasing.erase(TEXT, **ORDER)
    await restore(restored, tmp_path / "old.zip")
    assert holding(restored.url, NAME)
    starting = erasing_on(restored, tmp_path / "data")
    assert await starting.bring_up() == 1
    assert holding(restored.url, NAME) == set()
    assert await starting.bring_up() == 0


async def test_other_rows_under_the_same_numbers_are_left_alone(
    database: Database, restored: Database, send: Send, erasing: Erasing, tmp_path: Path
) -> None:
    """After a restored backup the same entry ids are given to other entries."""
    await send(instrument("A3"))
    await backup(database, tmp_path / "old.zip", NOW)
    await send(instrument(contact=NAME), instrument("A2", status=NAME), key="k")
    await erasing.erase(TEXT, **ORDER)
    await restore(restored, tmp_path / "old.zip", erasing_on(restored, tmp_path / "data"))
    batch = Batch(
        source="zju",
        party=HUB,
        channel=Channel.HARVEST,
        rows=[instrument(str(number), model="new") for number in range(9)],
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"d" * 32, run_id="r"),
        as_of=NOW,
    )
    await submit(restored, batch, clock=lambda: NOW + timedelta(days=2))
    assert await erasing_on(restored, tmp_path / "data").bring_up() == 0
    count = await restored.reads.fetch_all("SELECT count(*) FROM instrument WHERE model = 'new'")
    assert count == [(9,)]


async def test_an_order_that_was_listed_and_not_committed_is_carried_out_at_the_start(
    database: Database,
    send: Send,
    erasing: Erasing,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await send(instrument(contact=NAME))
    add = ErasureRegister.add

    def add_and_die(self: ErasureRegister, line: object) -> None:
        add(self, line)  # type: ignore[arg-type]
        raise ConnectionError("the process ends here")

    monkeypatch.setattr(ErasureRegister, "add", add_and_die)
    with pytest.raises(ConnectionError):
        await erasing.erase(TEXT, **ORDER)
    monkeypatch.undo()
    assert holding(database.url, NAME)
    assert await erasing.bring_up() == 1
    assert holding(database.url, NAME) == set()
    count = await database.reads.fetch_all("SELECT count(*) FROM entry WHERE record_type='Erasure'")
    assert count == [(1,)]


async def test_a_lost_list_is_written_again_from_the_database(
    database: Database, send: Send, erasing: Erasing, tmp_path: Path
) -> None:
    await send(instrument(contact=NAME))
    await erasing.erase(TEXT, **ORDER)
    listed = erasing_on(database, tmp_path / "another")
    assert await listed.bring_up() == 0
    ((line,), (again,)) = (ErasureRegister(tmp_path / name).lines() for name in ("data", "another"))
    assert again.targets.entries == line.targets.entries
    assert await listed.bring_up() == 0
    assert len(ErasureRegister(tmp_path / "another").lines()) == 1


async def test_a_list_that_cannot_be_read_stops_the_start_and_a_cut_line_does_not(
    database: Database, send: Send, erasing: Erasing, tmp_path: Path
) -> None:
    await send(instrument(contact=NAME))
    await erasing.erase(TEXT, **ORDER)
    path = tmp_path / "data" / FILE
    whole = path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(whole + whole[:40])
    assert await erasing.bring_up() == 0
    await send(instrument("A2", contact=NAME))
    await erasing.erase(TEXT, **ORDER)
    assert len(ErasureRegister(tmp_path / "data").lines()) == 2
    assert [json.loads(each)["v"] for each in path.read_bytes().splitlines()] == [1, 1]
    path.write_bytes(b"{}\n" + whole)
    with pytest.raises(HubError):
        await erasing.bring_up()


async def test_the_files_of_the_data_folder_hold_nothing_of_it(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    """All but PostgreSQL's write-ahead log, which PostgreSQL writes over by itself."""
    url = await asyncio.to_thread(server.start)
    migrate(url)
    word = "Zzyzx-Quux-4711"
    async with Database(url) as database:
        await database.writes.fetch_all("SELECT 1")
        await register_source(database, "zju", "zju", mode="PUSH", owners=[UNIVERSITY], now=NOW)
        seen = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"d" * 32, run_id="r")
        rows = [
            *(instrument(str(number), contact=word, model=word) for number in range(50)),
            usage(userReference=word),
            instrument("bad", status=word),
        ]
        batch = Batch(
            source="zju",
            party=HUB,
            channel=Channel.HARVEST,
            rows=rows,
            evidence=seen,
            as_of=NOW,
        )
        await submit(database, batch, clock=lambda: NOW)
        async with database.writes.connection() as connection:
            await connection.execute(b"ANALYZE")
            await connection.execute(b"CHECKPOINT")
        assert _files_with(server.folder, word)
        await erasing_on(database, tmp_path).erase(Wanted(text=word), **ORDER)
        async with database.writes.connection() as connection:
            await connection.execute(b"CHECKPOINT")
    assert _files_with(server.folder, word) == []
    assert _files_with(tmp_path, word) == []


def _files_with(folder: Path, text: str) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and "pg_wal" not in path.parts
        and any(each in path.read_bytes() for each in spellings(text))
    ]
