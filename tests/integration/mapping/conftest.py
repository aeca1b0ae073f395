"""Sources of the example mappings, and a way to submit a file through one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.mapping import parse_mapping
from hub.intake.files.submission import MappedFile, Sender, Submission, read_mapped, submit_read
from hub.store.database import Database
from tests.shared import SHARED

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PARTY = "hub:hub.delta.example/records"
ROOT = Path(__file__).parent.parent.parent.parent
MAPPINGS = ROOT / "docs" / "partners" / "mappings"
DATA = SHARED / "data"

Send = Callable[..., Awaitable[Submission]]


def mapping_text(name: str) -> str:
    return (MAPPINGS / f"{name}.toml").read_text("utf-8")


def real_file(path: str) -> bytes:
    if not DATA.is_dir():
        pytest.skip("the folder of real data sets is not beside this checkout")
    return (DATA / path).read_bytes()


@pytest.fixture
def workplace(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which a clerk gives commands to a hub with this database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture
def send(database: Database) -> Send:
    """Submit a file; the source is registered on the way."""

    async def submit(
        text: str, name: str, data: bytes, *, owners: list[str] | None = None, dry_run: bool = False
    ) -> Submission:
        mapping = parse_mapping(text)
        source = mapping.source or "some-unit"
        async with database.writes.transaction() as connection:
            await connection.execute(
                "INSERT INTO source (source_id, title, mode, authority, owners, created_at) "
                "VALUES (%s, %s, 'PUSH', 'platform:some/unit', %s, %s) ON CONFLICT DO NOTHING",
                (source, mapping.title, owners, NOW),
            )
        given = MappedFile(name=name, data=data, mapping=mapping, mapping_text=text, source=source)
        return await submit_read(
            database,
            read_mapped(given),
            sender=Sender(party=PARTY),
            clock=lambda: NOW,
            dry_run=dry_run,
        )

    return submit
