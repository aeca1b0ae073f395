"""`deltahub client submit`: a clerk sends a table under the university's own key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.cli.main import assemble
from hub.client import create_key
from hub.client.profile import Profile
from hub.clock import system_clock
from hub.demo.records import SOURCE
from hub.errors import HubError
from hub.store.database import Database
from tests.integration.app.test_files import MAPPING, ROWS
from tests.running_hub import running_hub
from tests.workbooks import workbook_of

pytestmark = pytest.mark.integration
UNIVERSITY = "uscc:12100000470095016Q"


@pytest.fixture
def folder(database_url: str, tmp_path: Path) -> Iterator[Path]:
    """A folder with the university's profile, before a hub that really runs."""
    key = create_key(tmp_path / "key.pem")

    async def register() -> None:
        application = read_application(application_document("clerk", "clerk", key.public))
        grant = ClientGrant(UNIVERSITY, ClientKind.UNIVERSITY, ("records:push",), (SOURCE,))
        async with Database(database_url) as database:
            await admit(DatabaseClientStore(database), application, grant, system_clock())

    with running_hub(database_url, tmp_path) as base:
        asyncio.run(register())
        Profile(base, "clerk", tmp_path / "key.pem").write(tmp_path / "profile.toml")
        yield tmp_path


def submit(folder: Path, file: Path, *more: str) -> Result:
    profile = str(folder / "profile.toml")
    words = ["client", "submit", "--as", profile, "--source", SOURCE, str(file), *more]
    return CliRunner().invoke(assemble("client"), words)


def test_a_clerk_sends_tables_and_gets_back_what_was_refused(folder: Path) -> None:
    book, back = folder / "月报.xlsx", folder / "back.xlsx"
    book.write_bytes(workbook_of({"Instrument": ROWS}))
    dry = submit(folder, book, "--dry-run")
    assert (dry.exit_code, "试运行" in dry.output) == (1, True), dry.output
    sent = submit(folder, book, "--rejects", str(back))
    assert sent.exit_code == 1, sent.output
    assert "accepted                       1" in sent.output
    assert back.read_bytes().startswith(b"PK")
    again = submit(folder, book, "--rejects", str(back))
    assert "submitted before" in again.output

    mapping, table = folder / "ledger.toml", folder / "台账.csv"
    mapping.write_text(MAPPING, "utf-8")
    table.write_text("编号,名称,状况\nB1,电镜,IN_SERVICE\n", "utf-8")
    assert submit(folder, table, "--mapping", str(mapping)).exit_code == 0
    table.write_text("编号,名称,状况\nB2,电镜,IN_SERVICE\n", "utf-8")
    assert submit(folder, table, "--mapping", "ledger").exit_code == 0, "the hub keeps it"

    mapping.write_text(MAPPING.replace("localNo", "number"), "utf-8")
    wrong = submit(folder, table, "--mapping", str(mapping))
    assert wrong.exit_code == 1
    assert "行 line" in wrong.output
    unknown = submit(folder, table, "--mapping", "nothing")
    assert (unknown.exit_code, "MAPPING_UNKNOWN" in unknown.output) == (2, True)
    for name in ("absent.csv", "."):
        missing = submit(folder, folder / name)
        assert isinstance(missing.exception, HubError | SystemExit), missing.output
    (folder / "empty.csv").write_bytes(b"")
    empty = submit(folder, folder / "empty.csv")
    assert (empty.exit_code, "文件是空的" in empty.output) == (2, True), empty.output


def push(folder: Path, file: Path, *more: str) -> Result:
    profile = str(folder / "profile.toml")
    words = ["client", "push", "--as", profile, "--source", SOURCE, str(file), *more]
    return CliRunner().invoke(assemble("client"), words)


def test_a_producer_signs_as_the_party_that_it_is_registered_for(folder: Path) -> None:
    file = folder / "rows.ndjson"
    record = {
        "institutionKey": UNIVERSITY,
        "localNo": "P-1",
        "name": {"zh": "透射电子显微镜"},
        "status": "IN_SERVICE",
    }
    file.write_text(json.dumps({"type": "Instrument", "record": record}), "utf-8")
    assert '"ACCEPTED"' in push(folder, file).output
    signed = push(folder, file, "--sign")
    assert (signed.exit_code, '"PROVEN"' in signed.output) == (0, True), signed.output
    other = push(folder, file, "--sign", "--party", "moe:10246")
    assert (other.exit_code, "QUARANTINED" in other.output) == (1, True), other.output
