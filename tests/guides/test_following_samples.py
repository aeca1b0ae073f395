"""The samples that follow changes do so: by events, and as a webhook that is challenged."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import create_key
from hub.client.profile import Profile
from hub.clock import system_clock
from hub.demo import records
from hub.store.database import Database
from tests.guides.conftest import RunningHub
from tests.running_hub import state_instrument

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "docs/partners/samples"
SCOPES = ("catalogue:read", "changes:read", "graphql:adhoc")
WAIT_S = 40


@asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """Run a sample; give what it prints."""
    kept = {word: value for word, value in os.environ.items() if not word.startswith("HUB_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SAMPLES / name), *arguments),
        env={**kept, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def until_said(lines: asyncio.StreamReader, wanted: str) -> str:
    """Read lines until one begins so; return the rest of it."""
    async with asyncio.timeout(WAIT_S):
        while text := (await lines.readline()).decode().strip():
            if text.startswith(wanted):
                return text.removeprefix(wanted).strip()
    pytest.fail(f"it ended before it said {wanted}")


async def test_the_samples_hear_of_a_change(hub: RunningHub, tmp_path: Path) -> None:
    key = create_key(tmp_path / "key.pem")
    url = f"http://127.0.0.1:{hub.hook_port}/hook"
    profile = tmp_path / "profile.toml"
    Profile(hub.base, "follower", tmp_path / "key.pem").write(profile)
    async with Database(hub.database_url) as database:
        document = application_document("follower", "follower", key.public)
        grant = ClientGrant("moe:10246", ClientKind.PARTNER, SCOPES, ())
        store = DatabaseClientStore(database)
        await admit(store, read_application(document), grant, system_clock())
        hooked = program("webhook.py", str(profile), url, str(hub.hook_port))
        async with program("follow.py", str(profile)) as events, hooked as messages:
            await until_said(messages, "ACTIVE")
            await until_said(events, "CURSOR")
            await state_instrument(database, "TOLD-AT-ONCE")
            await until_said(events, f"CHANGED {records.UNIVERSITY}/TOLD-AT-ONCE")
            cursor = await until_said(events, "CURSOR")
            await until_said(messages, "CHANGED Instrument")
        async with program("follow.py", str(profile), cursor) as events:
            await state_instrument(database, "TOLD-AFTERWARDS")
            await until_said(events, f"CHANGED {records.UNIVERSITY}/TOLD-AFTERWARDS")
    assert (tmp_path / "webhook.json").stat().st_mode & 0o077 == 0
