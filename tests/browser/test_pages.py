"""The pages that everybody may open, in headless Chromium, against a hub that really runs."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.demo.records import UNIVERSITY
from hub.store.database import Database
from tests.browser.test_explorer import PROGRAMS
from tests.databases import lent_to_hub
from tests.node_tools import node_tools
from tests.running_hub import running_hub

pytestmark = [pytest.mark.browser, pytest.mark.integration]
Seen = dict[str, Any]
ENTRY = "5"
PAGES = ("front", "explorer", "submit", "verify", "guide", "quickstart", "wire")
SCOPES = ("catalogue:read", "receipt:read")


@pytest.fixture(scope="module")
def seen(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium: run tests/browser/install.sh as root on Debian, or install it")
    tools = node_tools(Path(__file__).parent)
    pictures, folder = tools.folder / "screenshots", tmp_path_factory.mktemp("files")
    pictures.mkdir(exist_ok=True)
    with (
        lent_to_hub(cluster, template) as url,
        running_hub(url, tmp_path_factory.mktemp("hub")) as hub,
    ):
        _write_files(folder, *asyncio.run(_proof(url, hub)))
        done = tools.node("pages.mjs", hub, program, str(pictures), str(folder))
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)


async def _proof(url: str, hub: str) -> tuple[str, bytes, str]:
    """A receipt, its record, and the policy that it is checked by."""
    key = generate_key()
    application = read_application(application_document("verifier", "verifier", key.public))
    async with Database(url) as database:
        grant = ClientGrant(UNIVERSITY, ClientKind.PARTNER, SCOPES)
        await admit(DatabaseClientStore(database), application, grant, system_clock())
    async with HubClient(hub, "verifier", key) as client:
        receipt, record = await client.receipt(ENTRY), await client.record(ENTRY)
        policy = await client.relay("GET", "/log/policy", {}, b"")
    return receipt, record, policy.text


def _write_files(folder: Path, receipt: str, record: bytes, policy: str) -> None:
    """The receipt as it is, and changed in every way that a page can tell apart."""
    lines = receipt.split("\n")
    blank = lines.index("")
    evidence = json.loads(base64.b64decode(lines[1].removeprefix("extra ")))

    def stating(**changed: str) -> str:
        canon = json.dumps({**evidence, **changed}, separators=(",", ":"), sort_keys=True)
        extra = base64.b64encode(canon.encode()).decode()
        return "\n".join([lines[0], f"extra {extra}", *lines[2:]])

    def with_line(at: int, text: str) -> str:
        return "\n".join([*lines[:at], text, *lines[at + 1 :]])

    no_hash = base64.b64encode(bytes(32)).decode()
    (log,) = [line for line in policy.splitlines() if line.startswith("log ")]
    texts = {
        "good.tlog-proof": receipt,
        "salt.tlog-proof": stating(salt=base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")),
        "party.tlog-proof": stating(p=f"{evidence['p']}x"),
        "path.tlog-proof": with_line(3, no_hash),
        "index.tlog-proof": with_line(2, "index 0"),
        "root.tlog-proof": with_line(blank + 3, no_hash),
        "cut.tlog-proof": receipt[: len(receipt) // 2],
        "good.json": record.decode(),
        "changed.json": json.dumps(
            {**json.loads(record), "opens": "07:00"}, separators=(",", ":"), sort_keys=True
        ),
        "reformatted.json": json.dumps(json.loads(record), ensure_ascii=False, indent=1),
        "policy": policy,
        "other_policy": policy.replace(log, log.replace("log ", "log other.")),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")


def test_dump(seen: Seen) -> None:
    Path("/tmp/seen2.json").write_text(json.dumps(seen, ensure_ascii=False, indent=1))
