"""The pages that everybody may open, in headless Chromium, against a hub that really runs."""

from __future__ import annotations

import asyncio
import base64
import json
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
from tests.browser.conftest import Browser
from tests.databases import lent_to_hub
from tests.running_hub import running_hub

pytestmark = [pytest.mark.browser, pytest.mark.integration]
Seen = dict[str, Any]
ENTRY = "5"
PAGES = (
    *("front", "explorer", "submit", "verify", "customs", "attestation", "guide"),
    "quickstart",
)
SCOPES = ("catalogue:read", "receipt:read")


@pytest.fixture(scope="module")
def seen(
    cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("files")
    with (
        lent_to_hub(cluster, template) as url,
        running_hub(url, tmp_path_factory.mktemp("hub")) as hub,
    ):
        _write_files(folder, *asyncio.run(_proof(url, hub)))
        done = browser.tools.node(
            "pages.mjs", hub, browser.program, str(browser.pictures), str(folder)
        )
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


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_on_a_page_by_day_or_night(seen: Seen, name: str) -> None:
    assert seen["pages"][name]["faults"] == []
    assert seen["pages"][name]["darkFaults"] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_window_and_the_phone(seen: Seen, name: str) -> None:
    assert seen["pages"][name]["wide"] <= 0
    assert seen["pages"][name]["phone"] <= 0


def test_the_front_page_says_in_figures_what_is_here_and_how_old_it_is(seen: Seen) -> None:
    front = seen["front"]
    figures = dict(reversed(each.split("\n")) for each in front["figures"])
    assert (figures["管理单位"], figures["大型仪器"], figures["日志条目"]) == ("2", "4", "38")
    assert "上海市 1; 浙江省 3" in front["provinces"]
    assert "透射电镜 010101 3" in front["classes"]
    rows = {row.split("\t")[0]: row.split("\t")[1:3] for row in front["sources"]}
    assert rows["复旦大学共享平台"] == ["已过期", "3 天"]
    assert rows["尚未应答的来源"] == ["从未应答", "—"]
    assert front["doors"] == ["/explore", "/submit", "/verify"]
    assert front["told"].endswith("+08:00")


def test_a_table_is_sorted_by_a_click_and_back_by_a_key(seen: Seen) -> None:
    assert seen["front"]["sorted"] == list(reversed(seen["front"]["sortedBack"]))
    assert seen["front"]["sorted"][-1] == "浙江大学推送"
    assert seen["front"]["order"] == "descending"


def test_the_keyboard_leads_past_the_navigation_to_doors_and_tables(seen: Seen) -> None:
    assert seen["tabbed"] == [
        *("#main", "/", "/", "/explore", "/submit", "/verify", "/customs", "/vouchers"),
        *("/guide", "?lang=en"),
        *("/explore", "/submit", "/verify", "DIV"),
    ]


def test_a_page_is_chinese_until_its_reader_chooses_english_which_is_remembered(
    seen: Seen,
) -> None:
    assert {each["lang"] for each in seen["pages"].values()} == {"zh"}
    assert seen["english"]["lang"] == seen["kept"] == "en"
    assert seen["english"]["heading"] == "Yangtze Delta Instrument Exchange Hub"
    assert "4\ninstruments" in seen["english"]["figures"]
    assert seen["keptInGuide"] == "Guide"
    (cookie,) = seen["cookies"]
    assert (cookie["name"], cookie["value"], cookie["httpOnly"]) == ("hub-language", "en", True)


def test_a_receipt_that_holds_is_told_with_what_it_proves(seen: Seen) -> None:
    for name in ("good", "pinned"):
        verdict = seen["verdicts"][name]
        assert verdict["verdict"] == "相符：记录在日志中，未被更改"
        assert "HUB_OBSERVED" in verdict["facts"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("record", "记录与回执不属于同一条目"),
        ("reformatted", "可能被重新排版"),
        ("salt", "记录与回执不属于同一条目"),
        ("party", "叶子不在日志树中"),
        ("path", "叶子不在日志树中"),
        ("index", "叶子不在日志树中"),
        ("root", "日志签名不对"),
        ("other log", "日志签名不对，或不是策略中的日志"),
        ("cut", "回执不完整或不是回执"),
        ("none", "回执不完整或不是回执"),
    ],
)
def test_what_was_changed_is_refused_by_name(seen: Seen, changed: str, words: str) -> None:
    assert seen["verdicts"][changed]["verdict"].startswith("不符，请勿采信")
    assert words in seen["verdicts"][changed]["verdict"]
    assert seen["verdicts"][changed]["facts"] == ""


def test_a_receipt_is_sent_nowhere(seen: Seen) -> None:
    assert set(seen["sentByVerifier"]) == {"GET /log/policy"}
    assert set(seen["requests"]) == {"127.0.0.1"}


def test_nothing_fails_on_the_pages(seen: Seen) -> None:
    assert seen["failures"] == []
    assert seen["console"] == []
    assert "default-src 'none'" in seen["policy"]
    assert "unsafe" not in seen["policy"]
