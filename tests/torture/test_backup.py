"""A backup is whole or refused, and an old one never makes the log sign again."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.app import Hub, build
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.errors import RefusedError
from hub.ledger.checkpoint import cosign
from hub.ledger.note import WITNESS_KEY, Signer, parse_note
from hub.ledger.witnessed import add_cosignature
from hub.operate.backup import MANIFEST, backup, read_manifest, restore
from hub.settings import Settings
from hub.store.check import check
from hub.store.database import Database
from hub.store.migrations import differences, migrate
from hub.store.sources import register_source
from tests.databases import as_owner, lent_database

pytestmark = pytest.mark.integration
BASE = "http://127.0.0.1:8000"
PARTY = "uscc:12100000470095016Q"
SOURCE = "zju-push"
POLLS = 600


@pytest.fixture
def bare(cluster: str) -> Iterator[Callable[[], str]]:
    """Makes databases that hold nothing, not even tables."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(lent_database(cluster))


def row(number: int, **changed: Any) -> dict[str, Any]:
    record = {
        "institutionKey": PARTY,
        "localNo": f"B{number}",
        "name": {"zh": "透射电子\\N 显微镜"},  # what COPY text must escape
        "status": "IN_SERVICE",
        **changed,
    }
    return {"type": "Instrument", "record": record}


@pytest.fixture
def key() -> SigningKey:
    return generate_key()


@pytest.fixture
async def filled(database: Database, key: SigningKey) -> Database:
    """A database with a registered client that may push."""
    await register_source(
        database, SOURCE, "浙江大学推送", mode="PUSH", owners=[PARTY], now=system_clock()
    )
    application = read_application(application_document("zju", "zju", key.public))
    scopes = ("records:push", "receipt:read")
    grant = ClientGrant(PARTY, ClientKind.UNIVERSITY, scopes, (SOURCE,))
    await admit(DatabaseClientStore(database), application, grant, system_clock())
    return database


class Running:
    """A hub in this process with its one client."""

    def __init__(self, hub: Hub, client: HubClient, http: httpx.AsyncClient) -> None:
        self.hub, self.client, self.http = hub, client, http

    async def push(self, *numbers: int) -> list[str]:
        answer = await self.client.push([row(number) for number in numbers], source=SOURCE)
        assert answer.body["counts"]["accepted"] == len(numbers)
        return [each["entryId"] for each in answer.body["rows"]]

    async def health(self, want: Callable[[httpx.Response], bool]) -> dict[str, str]:
        for _ in range(POLLS):
            answer = await self.http.get("/healthz")
            if want(answer):
                return dict(answer.json())
            await asyncio.sleep(0.02)
        raise AssertionError(answer.text)


Start = Callable[..., Any]


@pytest.fixture
def running(tmp_path: Path, key: SigningKey) -> Start:
    """Runs a hub on a database, always with the same data folder."""

    @asynccontextmanager
    async def start(url: str, **other: Any) -> AsyncIterator[Running]:
        settings = Settings(data_dir=tmp_path / "data", **other)
        async with Database(url) as database:
            hub = await build(settings, database, system_clock)
            transport = httpx.ASGITransport(hub.asgi)
            async with (
                hub.running(),
                HubClient(BASE, "zju", key, transport=transport) as client,
                httpx.AsyncClient(transport=transport, base_url=BASE) as http,
            ):
                yield Running(hub, client, http)

    return start


async def restored(url: str, file: Path) -> None:
    async with Database(url) as database:
        await restore(database, file)
        report = await check(database)
    assert report.is_right


async def test_an_old_backup_refuses_to_sign_and_the_newest_goes_on(
    filled: Database, bare: Callable[[], str], running: Start, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.zip", tmp_path / "new.zip"
    async with running(filled.url) as hub:
        for entry in await hub.push(1, 2):
            await hub.client.receipt(entry)
        await backup(filled, old, system_clock())
        for entry in await hub.push(3, 4, 5):
            await hub.client.receipt(entry)
        signed = (await hub.http.get("/log/checkpoint")).content
    await backup(filled, new, system_clock())

    url = bare()
    await restored(url, old)
    async with running(url) as hub:
        health = await hub.health(lambda answer: answer.json()["log"] == "LOG_STORE_BEHIND")
        assert health["database"] == "ok"
        assert (await hub.http.get("/healthz")).status_code == 503
        page = (await hub.http.get("/")).text
        assert 'class="bad"' in page
        assert "LOG_STORE_BEHIND" in page
        await hub.push(6)
        assert hub.hub.sequencer.health.signed_at is None
    async with Database(url) as database:
        assert await database.reads.fetch_all("SELECT max(size) FROM checkpoint") == [(2,)]
    assert (tmp_path / "data/log/hub.delta.example_records/checkpoint").read_bytes() == signed

    url = bare()
    await restored(url, new)
    async with running(url) as hub:
        await hub.health(lambda answer: answer.status_code == 200)
        (entry,) = await hub.push(6)
        assert int(entry) == 6
        receipt = await hub.client.receipt(entry)
        assert "index 5\n" in receipt


async def test_a_backup_of_a_log_that_goes_on_is_one_snapshot(
    filled: Database, bare: Callable[[], str], running: Start, tmp_path: Path
) -> None:
    file = tmp_path / "b.zip"
    async with running(filled.url) as hub:
        await hub.push(0)

        async def load() -> None:
            for number in range(1, 40):
                await hub.push(number)

        pushing = asyncio.create_task(load())
        manifest = await backup(filled, file, system_clock())
        await pushing
    counted = {part.table: part.rows for part in manifest.parts}
    assert counted["entry"] == counted["entry_body"] == counted["instrument_source"]
    assert counted["leaf"] == manifest.logs[0]["size"]
    await restored(bare(), file)


async def test_a_restored_database_has_every_row_table_and_next_id(
    filled: Database, bare: Callable[[], str], running: Start, tmp_path: Path
) -> None:
    file, url = tmp_path / "b.zip", bare()
    async with running(filled.url) as hub:
        await hub.client.receipt((await hub.push(1, 2, 3))[0])
    manifest = await backup(filled, file, system_clock())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_manifest(file) == manifest
    await restored(url, file)
    assert differences(url) == []
    async with Database(url) as database:
        for part in manifest.parts:
            if part.table == "feed_state":  # a restored database is followed anew
                continue
            statement = f"SELECT t::text FROM {part.table} t ORDER BY 1"
            assert await database.writes.fetch_all(statement) == await filled.writes.fetch_all(
                statement
            )


async def test_a_backup_carries_every_log_with_its_keys_and_cosignatures(
    filled: Database, bare: Callable[[], str], running: Start, tmp_path: Path
) -> None:
    file, url, second = tmp_path / "b.zip", bare(), "hub.delta.example/second"
    witness = Signer("sh.example/w", Ed25519PrivateKey.from_private_bytes(b"w" * 32), WITNESS_KEY)
    async with running(filled.url) as hub:
        (early,) = await hub.push(1)
        kept = await hub.client.receipt(early)
        note = parse_note((await hub.http.get("/log/checkpoint")).content)
        origin, size = note.text.split("\n")[:2]
        line = cosign(note.text, witness, 1795420000).line().removesuffix("\n")
        await add_cosignature(filled, origin, int(size), line, [witness.key])
    async with running(filled.url, log_origin=second) as hub:
        (late,) = await hub.push(2)
        assert (await hub.client.receipt(late)).split("\n\n")[1].startswith(f"{second}\n1\n")
        policy = await hub.client.policy()
    manifest = await backup(filled, file, system_clock())
    assert [log["origin"] for log in manifest.logs] == [origin, second]
    await restored(url, file)
    async with running(url, log_origin=second) as hub:
        await hub.health(lambda answer: answer.status_code == 200)
        again = await hub.client.receipt(early)
        assert again == f"{kept}{line}\n"
        (last,) = await hub.push(3)
        assert "index 1\n" in await hub.client.receipt(last)
        assert await hub.client.policy() == policy
        assert policy.count("log ") == 2


async def test_a_backup_holds_neither_keys_nor_the_checkpoint_file(
    filled: Database, running: Start, tmp_path: Path
) -> None:
    file = tmp_path / "b.zip"
    async with running(filled.url) as hub:
        await hub.client.receipt((await hub.push(1))[0])
    await backup(filled, file, system_clock())
    with ZipFile(file) as archive:
        names = set(archive.namelist())
        whole = b"".join(archive.read(name) for name in names)
    assert {name for name in names if not name.startswith("tables/")} == {MANIFEST}
    for secret in (tmp_path / "data/keys").glob("*.pem"):
        assert secret.read_bytes().splitlines()[1] not in whole


async def test_restoring_never_overwrites(filled: Database, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    await backup(filled, file, system_clock())
    async with Database(as_owner(filled.url)) as owners:
        for database, why in ((owners, "not empty"), (filled, "may not restore")):
            with pytest.raises(RefusedError, match=why) as refused:
                await restore(database, file)
            assert refused.value.code.name == "CONFLICT"
    with pytest.raises(RefusedError) as refused:
        await backup(filled, file, system_clock())
    assert refused.value.code.name == "CONFLICT"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip"]


async def test_migrated_tables_without_a_row_count_as_empty(
    filled: Database, bare: Callable[[], str], tmp_path: Path
) -> None:
    file, url = tmp_path / "b.zip", bare()
    await backup(filled, file, system_clock())
    migrate(url)
    await restored(url, file)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _other_row(wire: dict[str, Any]) -> None:
    wire["parts"][0]["sha256"] = "00" * 32


def _other_table(wire: dict[str, Any]) -> None:
    wire["parts"][0]["columns"] = ['x"; DROP TABLE entry; --']


def _other_log(wire: dict[str, Any]) -> None:
    wire["logs"] = [{"origin": "hub.delta.example/records", "size": 7, "root": ""}]


def _other_format(wire: dict[str, Any]) -> None:
    wire["format"] = "hub-backup-1"


Change = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize("change", [_other_row, _other_table, _other_log, _other_format])
async def test_a_backup_that_contradicts_its_manifest_is_refused_and_nothing_is_written(
    filled: Database, bare: Callable[[], str], tmp_path: Path, change: Change
) -> None:
    file, changed, url = tmp_path / "b.zip", tmp_path / "changed.zip", bare()
    await backup(filled, file, system_clock())
    with ZipFile(file) as source, ZipFile(changed, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == MANIFEST:
                wire = json.loads(data)
                change(wire)
                data = json.dumps(wire).encode()
            target.writestr(name, data)
    await _refused(url, changed)
    await restored(url, file)


async def test_half_a_backup_is_refused(
    filled: Database, bare: Callable[[], str], tmp_path: Path
) -> None:
    file, url = tmp_path / "b.zip", bare()
    await backup(filled, file, system_clock())
    file.write_bytes(_cut(file.read_bytes()))
    await _refused(url, file)


async def test_a_byte_changed_in_a_part_is_refused(
    filled: Database, bare: Callable[[], str], tmp_path: Path
) -> None:
    file, url = tmp_path / "b.zip", bare()
    await backup(filled, file, system_clock())
    with ZipFile(file) as archive:
        part = archive.getinfo("tables/client")
        (following,) = [
            other.header_offset
            for before, other in zip(archive.infolist(), archive.infolist()[1:], strict=False)
            if before.filename == part.filename
        ]
    data = bytearray(file.read_bytes())
    data[following - part.compress_size // 2] ^= 1
    file.write_bytes(bytes(data))
    await _refused(url, file)


async def _refused(url: str, file: Path) -> None:
    async with Database(url) as database:
        with pytest.raises(RefusedError) as refused:
            await restore(database, file)
        assert refused.value.code.name == "BAD_USER_INPUT"
        found = await database.reads.fetch_all("SELECT to_regclass('client')::text")
        if found != [(None,)]:
            assert await database.reads.fetch_all("SELECT count(*) FROM client") == [(0,)]
