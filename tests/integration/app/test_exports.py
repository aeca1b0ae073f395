"""A partner exports what it may read, through the real client: the files equal the answers."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import pytest
from python_calamine import CalamineWorkbook

from adapters.catalogue.uniquip import plain_cell
from hub.access.clients import ClientKind
from hub.access.registration import (
    ClientGrant,
    admit,
    application_document,
    read_application,
)
from hub.access.store import DatabaseClientStore
from hub.app import Hub, build
from hub.client import ClientError, HubClient
from hub.client.exports import MANIFEST, ExportAsked, ExportFiles, export_files
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.exchange.exports import making, service
from hub.exchange.exports.formats import has_parquet
from hub.exchange.exports.limits import OF_CLIENT_MAX
from hub.settings import Settings
from hub.store.database import Database
from hub.watching.metrics import Metrics
from tests.databases import lent_to_hub, opened
from tests.eventually import until
from tests.integration.app.conftest import BASE
from tests.integration.query.conftest import A, B, P, agreement, put, seed

pytestmark = pytest.mark.integration
READING = (
    *("catalogue:read", "asset:read", "service:read"),
    *("graphql:adhoc", "export:read", "receipt:read"),
)
ROWS = {
    "instruments": """key localNo name { zh en } annualHours originalValue { amount currency }
        acceptedOn classes { scheme version code } institution { key name { zh } }
        place { divisionCode address } provenance { source asOf owner }""",
    "serviceRecords": "key localId userKey startedAt hours charge { amount } voucherFen",
    "serviceOffers": "key price { amount } minimumCharge { amount } validUntil",
}
LEAVER = "moe:10247"
"""A party whose agreement ends."""
MARK = "=cmd|'/c calc'!A1"


@dataclass(frozen=True)
class Delta:
    """A hub over the small delta, and a way to register partners with it."""

    hub: Hub
    register: Callable[..., Awaitable[HubClient]]


@pytest.fixture(scope="module")
async def delta(
    cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Delta]:
    """One hub for all tests of this file; each registers a client of its own."""
    with lent_to_hub(cluster, template) as url:
        await asyncio.to_thread(lambda: asyncio.run(seed(url)))
        async with opened(url) as database, AsyncExitStack() as stack:
            odd = {"institutionKey": A, "localNo": "F1", "name": {"zh": MARK}, "status": "IDLE"}
            await put(database, [("Instrument", odd)], "alpha")
            await put(database, [("Agreement", agreement(A, "SERVICE"))], "alpha")
            await put(database, [("Agreement", agreement(A, "ASSET", consumer=LEAVER))], "alpha")
            folder = tmp_path_factory.mktemp("hub")
            hub = await build(Settings(data_dir=folder, sandbox=True), database, system_clock)
            transport, store = httpx.ASGITransport(hub.asgi), DatabaseClientStore(database)
            numbers = count(1)

            async def register(party: str = P, scopes: tuple[str, ...] = READING) -> HubClient:
                key, name = generate_key(), f"partner-{next(numbers)}"
                application = read_application(application_document(name, name, key.public))
                grant = ClientGrant(party, ClientKind.PARTNER, scopes, ())
                await admit(store, application, grant, system_clock())
                client = HubClient(BASE, name, key, transport=transport)
                return await stack.enter_async_context(client)

            async with hub.running():
                yield Delta(hub, register)


@pytest.fixture
async def partner(delta: Delta) -> HubClient:
    """A partner to whom the small delta has opened some of its data."""
    return await delta.register()


@pytest.fixture
def database(delta: Delta) -> Database:
    return delta.hub.database


async def exported(hub: HubClient, folder: Path, **asked: Any) -> ExportFiles:
    return await export_files(hub, ExportAsked(input=asked, folder=folder), pause=_soon)


async def _soon(_: float) -> None:
    await asyncio.sleep(0.02)


async def answered(hub: HubClient, name: str) -> tuple[list[Any], dict[str, Any]]:
    told = await hub.query(f"{{ {name}(first: 100) {{ nodes {{ {ROWS[name]} }} }} }}")
    return told["data"][name]["nodes"], told["extensions"]


def flat(row: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        row = row.get(key) if isinstance(row, dict) else None
    return row


def cells(rows: list[Any], names: list[str]) -> list[list[str]]:
    """Return rows of an answer as texts, in the columns of a file."""
    table = []
    for row in rows:
        values = [flat(row, tuple(name.split("."))) for name in names]
        table.append([_text(value) for value in values])
    return sorted(table)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def read_back(form: str, data: bytes) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a file as texts, read by a library of others."""
    if form == "CSV":
        table = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
        return table[0], sorted([plain_cell(cell) for cell in row] for row in table[1:])
    if form == "XLSX":
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0)
        table = [[_whole(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
        return table[0], sorted(table[1:])
    parquet = pytest.importorskip("pyarrow.parquet")
    found = parquet.read_table(io.BytesIO(data))
    rows = [[_text(row[name]) for name in found.column_names] for row in found.to_pylist()]
    return found.column_names, sorted(rows)


def _whole(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


@pytest.mark.parametrize("name", ROWS)
async def test_lines_are_what_the_same_caller_is_answered(
    partner: HubClient, tmp_path: Path, name: str
) -> None:
    rows, extensions = await answered(partner, name)
    text = f"{{ {name} {{ nodes {{ {ROWS[name]} }} }} }}"
    made = await exported(partner, tmp_path, query=text, format="NDJSON")
    lines = [json.loads(line) for file in made.files for line in file.read_bytes().splitlines()]
    assert sorted(lines, key=str) == sorted(rows, key=str)
    assert len(rows) > 1
    assert made.manifest["hidden"] == extensions.get("denied", 0)
    assert made.manifest["rows"] == len(rows)


@pytest.mark.parametrize("form", ["CSV", "XLSX", "PARQUET"])
async def test_a_table_is_what_the_same_caller_is_answered(
    partner: HubClient, tmp_path: Path, form: str
) -> None:
    if form == "PARQUET" and not has_parquet():
        with pytest.raises(ClientError, match="pyarrow"):
            await exported(partner, tmp_path, list="instruments", format=form)
        pytest.skip("Parquet itself needs pyarrow: `make suites` installs it")
    rows, _ = await answered(partner, "instruments")
    text = f"{{ instruments {{ nodes {{ {ROWS['instruments']} }} }} }}"
    made = await exported(partner, tmp_path, query=text, format=form)
    (file,) = made.files
    names, table = read_back(form, file.read_bytes())
    assert names == [field["name"] for field in made.manifest["fields"]]
    assert table == cells(rows, names)
    assert any(MARK in row for row in table)


async def test_the_manifest_says_what_the_files_are(partner: HubClient, tmp_path: Path) -> None:
    made = await exported(partner, tmp_path, list="instruments", format="NDJSON")
    manifest = json.loads((tmp_path / MANIFEST).read_text("utf-8"))
    (part,), (file,) = manifest["parts"], made.files
    assert part["sha256"] == sha256(file.read_bytes()).hexdigest()
    assert (part["bytes"], part["rows"]) == (file.stat().st_size, manifest["rows"])
    assert (manifest["status"], manifest["record"]) == ("COMPLETED", "Instrument")
    assert manifest["scopes"] == ["asset:read", "catalogue:read", "service:read"]
    assert "withheld" in manifest
    states = {each["id"]: each["status"] for each in manifest["sources"]}
    assert states["beta"] == "STALE", "how old each source was is part of what was said"
    assert manifest["snapshot"].keys() == {"at", "xid", "epoch", "newestEntryId"}
    assert manifest["hidden"] > 0, "beta lets one item of its assets be seen"
    assert {"provenance.entryId", "originalValue.amount"} <= {
        field["name"] for field in manifest["fields"]
    }


async def test_the_checkpoint_of_the_log_is_in_the_manifest(
    delta: Delta, partner: HubClient, tmp_path: Path
) -> None:
    async def is_signed() -> bool:
        found = await delta.hub.database.reads.fetch_all("SELECT max(size) FROM checkpoint")
        return bool(found[0][0])

    await until(is_signed)
    made = await exported(partner, tmp_path, list="institutions", format="CSV")
    note = made.manifest["checkpoint"]
    (stored,) = await delta.hub.database.reads.fetch_all(
        "SELECT count(*) FROM checkpoint WHERE note = %s", (note,)
    )
    assert stored[0] == 1


async def test_a_field_without_its_scope_is_null_and_named(
    delta: Delta, partner: HubClient, tmp_path: Path
) -> None:
    public = await delta.register(scopes=("catalogue:read", "export:read"))
    made = await exported(public, tmp_path, list="instruments", format="NDJSON")
    withheld = {each["path"]: each["scope"] for each in made.manifest["withheld"]}
    assert withheld["instruments.nodes.originalValue"] == "asset:read"
    assert {
        json.loads(line)["originalValue"] for line in made.files[0].read_bytes().splitlines()
    } == {None}
    with pytest.raises(ClientError, match="service:read"):
        await exported(public, tmp_path / "2", list="serviceRecords", format="NDJSON")
    with pytest.raises(ClientError, match="DOCUMENT_REQUIRED"):
        await exported(public, tmp_path / "3", query="{ instruments { nodes { key } } }")


async def test_exports_are_counted_by_how_they_ended(
    partner: HubClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    for module in (making, service):
        monkeypatch.setattr(module, "METRICS", metrics)
    made = await exported(partner, tmp_path / "whole", list="instruments", format="NDJSON")
    monkeypatch.setattr(making, "SIZE_MAX", 1)
    with pytest.raises(ClientError, match="EXPORT_TOO_LARGE"):
        await exported(partner, tmp_path / "large", list="instruments", format="CSV")
    told = metrics.exposition().decode()
    (part,) = made.manifest["parts"]
    for each in (
        'deltahub_exports_total{format="NDJSON",outcome="COMPLETED"} 1.0',
        'deltahub_exports_total{format="CSV",outcome="EXPORT_TOO_LARGE"} 1.0',
        f'deltahub_export_rows_total{{format="NDJSON"}} {part["rows"]}.0',
        f'deltahub_export_bytes_total{{format="NDJSON"}} {part["bytes"]}.0',
        "deltahub_exports_in_hand 0.0",
    ):
        assert each in told, each


async def test_a_file_is_read_in_ranges(partner: HubClient, tmp_path: Path) -> None:
    made = await exported(partner, tmp_path, list="instruments", format="NDJSON")
    whole = made.files[0].read_bytes()
    (part,) = made.manifest["parts"]
    path, tag = part["url"].partition("8000")[2], f'"{part["sha256"]}"'

    async def asked(method: str = "GET", **headers: str) -> Any:
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        return await partner.relay(method, path, sent, b"")

    one = await asked(range="bytes=10-19", if_range=tag)
    assert (one.status_code, one.content) == (206, whole[10:20])
    assert one.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    rest = await asked(range=f"bytes={len(whole) - 5}-")
    assert rest.content == whole[-5:]
    other = await asked(range="bytes=10-19", if_range='"of-another-file"')
    assert (other.status_code, other.content) == (200, whole)
    for start in (len(whole), "9" * 20):
        beyond = await asked(range=f"bytes={start}-")
        assert (beyond.status_code, beyond.json()["code"]) == (416, "RANGE_EMPTY")
        assert beyond.headers["content-range"] == f"bytes */{len(whole)}"
    assert (await asked(if_none_match=tag)).status_code == 304
    head = await asked("HEAD", range="bytes=10-19")
    assert head.status_code == 200  # a HEAD has no ranges
    assert (head.content, head.headers["content-length"]) == (b"", str(len(whole)))
    assert head.headers["etag"] == tag
    assert "content-encoding" not in head.headers


async def test_a_download_goes_on_where_it_broke(partner: HubClient, tmp_path: Path) -> None:
    made = await exported(partner, tmp_path, list="instruments", format="CSV")
    (file,) = made.files
    whole, before = file.read_bytes(), made.manifest["id"]
    file.unlink()
    (tmp_path / f"{file.name}.part").write_bytes(whole[:100])
    again = await exported(partner, tmp_path, list="instruments", format="CSV")
    assert (again.manifest["id"], file.read_bytes()) == (before, whole)
    file.unlink()
    (tmp_path / f"{file.name}.part").write_bytes(b"x" * 100)
    with pytest.raises(ClientError, match="FILE_DAMAGED"):
        await exported(partner, tmp_path, list="instruments", format="CSV")
    await exported(partner, tmp_path, list="instruments", format="CSV")
    assert file.read_bytes() == whole
    with pytest.raises(ClientError, match="FOLDER_IN_USE"):
        await exported(partner, tmp_path, list="institutions", format="CSV")


async def test_another_client_does_not_learn_that_it_is_there(
    delta: Delta, partner: HubClient, tmp_path: Path
) -> None:
    made = await exported(partner, tmp_path, list="instruments", format="CSV")
    export_id = made.manifest["id"]
    other = await delta.register()
    for path in (f"/exports/{export_id}", f"/exports/{export_id}/parts/1"):
        assert (await other.relay("GET", path, {}, b"")).status_code == 404
        assert (await partner.relay("GET", path, {}, b"")).status_code == 200
    for path in ("/exports/export_x", "/exports/%00", f"/exports/{export_id}/parts/2"):
        assert (await partner.relay("GET", path, {}, b"")).status_code == 404
    for odd in (export_id, "", "export_", "\u0000", "x" * 4000, "export_' OR 1=1"):
        found = await other.query("query($id: ID!) { bulkExport(id: $id) { id } }", {"id": odd})
        assert found["data"]["bulkExport"] is None
    bare = await delta.register(scopes=("catalogue:read",))
    assert (await bare.relay("GET", "/exports", {}, b"")).status_code == 403


async def test_rights_that_end_close_what_was_exported(
    delta: Delta, database: Database, tmp_path: Path
) -> None:
    leaver = await delta.register(LEAVER)
    made = await exported(leaver, tmp_path, list="instruments", format="CSV")
    path = made.manifest["parts"][0]["url"].partition("8000")[2]
    assert (await leaver.relay("HEAD", path, {}, b"")).status_code == 200
    ended = agreement(A, "ASSET", consumer=LEAVER, validUntil="2026-01-01")
    await put(database, [("Agreement", ended)], "alpha")
    delta.hub.exports._parts.agreements._cached.clear()  # what five seconds do
    answer = await leaver.relay("GET", path, {}, b"")
    assert (answer.status_code, answer.json()["code"]) == (409, "EXPORT_RIGHTS_CHANGED")
    manifest = await leaver.relay("GET", f"/exports/{made.manifest['id']}", {}, b"")
    assert manifest.status_code == 200


async def test_who_exported_what_is_protected_is_in_the_audit(
    partner: HubClient, tmp_path: Path
) -> None:
    made = await exported(partner, tmp_path, list="serviceRecords", format="CSV")
    await exported(partner, tmp_path / "2", list="institutions", format="CSV")
    rows = (await partner.audit())["rows"]
    own = [each for each in rows if each["clientId"] == partner.client_id]
    (row,) = [each for each in own if each["action"] == "export"]
    ids = [one for each in row["detail"]["reads"] for one in each["ids"]]
    assert (row["grade"], len(ids)) == ("L3", made.manifest["rows"])


async def test_all_rows_are_of_one_moment_and_come_in_parts(
    partner: HubClient, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "PART_ROWS", 2)
    monkeypatch.setattr(making, "ROWS_AT_ONCE", 1)
    keep, held = making._Maker._keep, asyncio.Event()

    async def slowly(maker: Any, part: Any) -> None:
        await held.wait()
        await keep(maker, part)

    monkeypatch.setattr(making._Maker, "_keep", slowly)
    before, _ = await answered(partner, "instruments")
    text = f"{{ instruments {{ nodes {{ {ROWS['instruments']} }} }} }}"
    task = asyncio.create_task(exported(partner, tmp_path, query=text, format="NDJSON"))

    async def has_begun() -> bool:
        rows = await database.writes.fetch_all(
            "SELECT facts->'snapshot' FROM export WHERE client_id = %s", (partner.client_id,)
        )
        return bool(rows and rows[0][0])

    await until(has_begun)
    late = {"institutionKey": B, "localNo": "Z9", "name": {"zh": "晚到"}, "status": "IDLE"}
    await put(database, [("Instrument", late)], "beta")
    held.set()
    made = await task
    assert len(made.manifest["parts"]) == ceil(len(before) / 2)
    lines = [json.loads(line) for file in made.files for line in file.read_bytes().splitlines()]
    assert sorted(lines, key=str) == sorted(before, key=str)
    after, _ = await answered(partner, "instruments")
    assert len(after) == len(before) + 1


ORDER = """mutation($input: BulkExportInput!) { bulkExportCreate(input: $input) {
  export { id status url partialUrl parts { number url } errorCode expiresAt }
  userErrors { code path message } } }"""


async def ordered(hub: HubClient, key: str, **asked: Any) -> dict[str, Any]:
    body = json.dumps({"query": ORDER, "variables": {"input": asked}}).encode()
    headers = {"content-type": "application/json", "idempotency-key": key}
    told = (await hub.relay("POST", "/graphql", headers, body)).json()
    return dict(told["data"]["bulkExportCreate"]) if "data" in told else told


async def test_the_same_request_is_the_same_export(partner: HubClient) -> None:
    first = await ordered(partner, "k1", list="instruments", format="CSV")
    again = await ordered(partner, "k1", list="instruments", format="CSV")
    assert first["export"]["id"] == again["export"]["id"]
    other = await ordered(partner, "k1", list="institutions", format="CSV")
    assert other["userErrors"][0]["code"] == "IDEMPOTENCY_CONFLICT"
    unlike = await ordered(partner, "k2", list="institutions", idempotencyKey="k3")
    assert unlike["userErrors"][0]["code"] == "IDEMPOTENCY_CONFLICT"
    wrong = await ordered(partner, "k4", list="nothing")
    assert wrong["userErrors"][0]["code"] == "BAD_USER_INPUT"
    assert await finished(partner, first["export"]["id"])
    right = await ordered(partner, "k4", list="institutions")
    assert right["export"]["status"] == "RUNNING", "what was refused keeps no key"


async def finished(hub: HubClient, export_id: str) -> dict[str, Any]:
    while True:
        manifest = (await hub.relay("GET", f"/exports/{export_id}", {}, b"")).json()
        if manifest["status"] != "RUNNING":
            return dict(manifest)
        await asyncio.sleep(0.02)


async def test_so_many_are_kept_until_some_are_removed(partner: HubClient) -> None:
    made = []
    for n in range(OF_CLIENT_MAX):
        told = await ordered(partner, f"n{n}", list="institutions", format="NDJSON")
        made.append(told["export"]["id"])
        assert (await finished(partner, made[-1]))["status"] == "COMPLETED"
    full = await ordered(partner, "full", list="institutions", format="NDJSON")
    assert full["userErrors"][0]["code"] == "CONFLICT"
    removed = await partner._change_keys("DELETE", f"/exports/{made[0]}", b"")
    assert removed == {"removed": made[0]}
    assert (await finished(partner, made[0]))["status"] == "EXPIRED"
    answer = await partner.relay("GET", f"/exports/{made[0]}/parts/1", {}, b"")
    assert (answer.status_code, answer.json()["code"]) == (410, "EXPORT_EXPIRED")
    again = await ordered(partner, "full", list="institutions", format="NDJSON")
    assert again["userErrors"] == []
    listed = (await partner.relay("GET", "/exports", {}, b"")).json()["exports"]
    assert len(listed) == OF_CLIENT_MAX + 1


async def test_one_is_made_at_a_time_and_the_next_is_told_to_come_back(
    partner: HubClient, monkeypatch: pytest.MonkeyPatch, delta: Delta
) -> None:
    held = asyncio.Event()

    async def slowly(*_: Any) -> None:
        await held.wait()

    monkeypatch.setattr(making._Maker, "_keep", slowly)
    first = (await ordered(partner, "k1", list="institutions"))["export"]
    told = await ordered(partner, "k2", list="institutions")
    assert told["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert told["errors"][0]["extensions"]["retryable"]
    await delta.hub.exports.aclose()
    ended = await finished(partner, first["id"])
    assert (ended["status"], ended["errorCode"]) == ("FAILED", "EXPORT_CUT_OFF")
