"""The page on which a university submits its tables, in headless Chromium, against a real hub.

`submit.mjs` visits once and writes down what was to be seen; each test reads it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.demo.records import SOURCE, UNIVERSITY
from hub.store.database import Database
from tests.browser.test_explorer import PROGRAMS
from tests.databases import lent_database
from tests.node_tools import node_tools
from tests.running_hub import running_hub
from tests.workbooks import workbook_of

pytestmark = [pytest.mark.browser, pytest.mark.integration]

Seen = dict[str, Any]
HEADER = [
    "institutionKey", "localNo", "name.zh", "status", "use", "sharing",
    "place.divisionCode", "originalValue.amount", "originalValue.currency", "commissionedOn",
]  # fmt: skip


def row(number: str, name: str, status: str = "在用", value: object = 3200000) -> list[Any]:
    return [
        UNIVERSITY, number, name, status, "GENERAL", "OUTSIDE", "330106", value, "CNY",
        datetime(2024, 3, 1),  # noqa: DTZ001 - a day of a workbook
    ]  # fmt: skip


MONTHLY = {
    "Instrument": [
        HEADER,
        row("P1", "扫描电子显微镜"),
        row("P2", "", "坏了", "三百万"),
        row("P3", "核磁共振波谱仪"),
        row("P4", "质谱仪", "修理中"),
    ],
    "本校备注": [["随便写写"]],
}
LEDGER = "编号,名称,状况\nL1,电镜,在用\nL2,光谱仪,不知道\n"
MAPPING = f'''title = "台账"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "{UNIVERSITY}"
use = "GENERAL"
sharing = "OUTSIDE"
place.divisionCode = "330106"
[record.items]
localNo = "编号"
name.zh = "名称"
status = "状况"
'''
PERSONAL = [HEADER, row("P9", "电镜，联系张三 13812345678")]
DOUBTED = [HEADER, row("D1", "冷冻电镜", value=999999999999)]


@pytest.fixture(scope="module")
def seen(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    program = next((found for name in PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium: run tests/browser/install.sh as root on Debian, or install it")
    tools = node_tools(Path(__file__).parent)
    pictures, folder = tools.folder / "screenshots", tmp_path_factory.mktemp("files")
    pictures.mkdir(exist_ok=True)
    keys = {name: generate_key() for name in ("university", "reader")}
    _write_files(folder, keys)
    with (
        lent_database(cluster, template) as url,
        running_hub(url, tmp_path_factory.mktemp("hub")) as hub,
    ):
        asyncio.run(_register(url, keys))
        done = tools.node("submit.mjs", hub, program, str(pictures), str(folder))
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)


def _write_files(folder: Path, keys: dict[str, SigningKey]) -> None:
    files = {
        **{f"{name}.pem": key.pem() for name, key in keys.items()},
        "monthly.xlsx": workbook_of(MONTHLY),
        "ledger.csv": LEDGER.encode("gb18030"),
        "ledger.toml": MAPPING.encode(),
        "empty.csv": b"",
        "page.xls": b"<html><table><tr><td>1</td></tr></table></html>",
        "header.xlsx": workbook_of(
            {"Instrument": [["localNo", "name.zh", "colour"], ["1", "x", "red"]]}
        ),
        "personal.xlsx": workbook_of({"Instrument": PERSONAL}),
        "doubted.xlsx": workbook_of({"Instrument": DOUBTED}),
        "large.csv": b"x" * (16 * 1024 * 1024 + 1),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


async def _register(url: str, keys: dict[str, SigningKey]) -> None:
    grants = {
        "university": ("records:push", "receipt:read", "catalogue:read"),
        "reader": ("catalogue:read",),
    }
    async with Database(url) as database:
        store = DatabaseClientStore(database)
        for name, scopes in grants.items():
            sources = (SOURCE,) if name == "university" else ()
            grant = ClientGrant(UNIVERSITY, ClientKind.PARTNER, scopes, sources)
            application = read_application(application_document(name, name, keys[name].public))
            await admit(store, application, grant, system_clock())


def test_dump(seen: Seen) -> None:
    Path("/tmp/seen.json").write_text(json.dumps(seen, ensure_ascii=False, indent=1))
