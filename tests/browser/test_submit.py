"""The page on which a university submits its tables, in headless Chromium, against a real hub.

`submit.mjs` visits once and writes down what was to be seen; each test reads it.
"""

from __future__ import annotations

import asyncio
import io
import json
from base64 import b64decode
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zipfile import ZipFile

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import HubClient
from hub.client.files import keep_mapping
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.demo.records import SOURCE, UNIVERSITY
from hub.store.database import Database
from hub.store.homes import keep_homes
from hub.store.sources import register_source
from schema.codes import SourceKind
from tests.browser.conftest import Browser
from tests.databases import lent_database, opened
from tests.running_hub import free_port, running_hub
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


NJU = "moe:10284"
ELSEWHERE = [HEADER, row("E1", "扫描电子显微镜"), [NJU, *row("E2", "透射电子显微镜")[1:]]]
UNITS = [HEADER, *(row(f"U{n}", "显微镜", value=n) for n in (320, 480, 95, 260))]
MARKUP = [HEADER, row("<img src=x onerror=alert(1)>", "<script>alert(2)</script>", "<b>坏</b>")]
LOW = "某大学,,\n2026 年台账,,\n编号,名称,状况\n" + "".join(f"N{n},电镜{n},坏\n" for n in range(60))


@pytest.fixture(scope="module")
def seen(
    cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("files")
    keys = {name: generate_key() for name in ("university", "reader")}
    _write_files(folder, keys)
    home = f"http://127.0.0.1:{free_port()}"
    settings = {"HUB_SOURCE_SECRETS_DIR": str(_peer_file(folder, home, keys["reader"]).parent)}
    with (
        lent_database(cluster, template) as url,
        running_hub(url, tmp_path_factory.mktemp("hub"), settings) as hub,
    ):
        asyncio.run(_register(url, keys))
        asyncio.run(_at_home_elsewhere(url, home))
        asyncio.run(_keep_mapping(hub, keys["university"]))
        done = browser.tools.node(
            "submit.mjs", hub, browser.program, str(browser.pictures), str(folder)
        )
    assert done.returncode == 0, done.stderr
    yield {**json.loads(done.stdout), "home": home}


def _write_files(folder: Path, keys: dict[str, SigningKey]) -> None:
    files = {
        **{f"{name}.pem": key.pem() for name, key in keys.items()},
        "monthly.xlsx": workbook_of(MONTHLY),
        "ledger.csv": LEDGER.encode("gb18030"),
        "ledger.toml": MAPPING.encode(),
        "empty.csv": b"",
        "page.xls": "<html><p>登录已过期</p></html>".encode(),
        "header.xlsx": workbook_of(
            {"Instrument": [["localNo", "name.zh", "colour"], ["1", "x", "red"]]}
        ),
        "personal.xlsx": workbook_of({"Instrument": PERSONAL}),
        "doubted.xlsx": workbook_of({"Instrument": DOUBTED}),
        "elsewhere.xlsx": workbook_of({"Instrument": ELSEWHERE}),
        "units.xlsx": workbook_of({"Instrument": UNITS}),
        "markup.xlsx": workbook_of({"Instrument": MARKUP}),
        "台账 一月 (1)+.csv": LOW.encode(),
        "large.csv": b"x" * (16 * 1024 * 1024 + 1),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _peer_file(folder: Path, home: str, key: SigningKey) -> Path:
    """Say how another hub is reached, which is away, and for whom it is the home."""
    (folder / "sources").mkdir()
    file, secret = folder / "sources" / "jiangsu.toml", folder / "peer.pem"
    for each in (file, secret):
        each.touch(mode=0o600)
    secret.write_bytes(key.pem())
    file.write_text(
        f'adapter = "peer_hub"\nowners = "any"\nkind = "PEER"\nauthority = "hub:js/records"\n'
        f'[hub]\nurl = "{home}"\nclient_id = "hub-here"\nkey_file = "{secret}"\n'
        f'homes = {{ "{NJU}" = "nju" }}\n',
        "utf-8",
    )
    return file


async def _at_home_elsewhere(url: str, home: str) -> None:
    """Know the home of a university whose instruments the source may speak for as well."""
    now = system_clock()
    async with opened(url) as database:
        both, peer = [UNIVERSITY, NJU], SourceKind.PEER
        await register_source(database, SOURCE, SOURCE, mode="PUSH", now=now, owners=both)
        await register_source(
            database, "jiangsu", "江苏枢纽", mode="HARVEST", now=now, owners=None, kind=peer
        )
        async with database.writes.transaction() as connection:
            await keep_homes(connection, "jiangsu", [NJU], home)


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


async def _keep_mapping(hub: str, key: SigningKey) -> None:
    """A mapping whose header stands in the third row."""
    text = MAPPING.replace("[[record]]", "[file]\nheader_row = 3\n[[record]]", 1)
    async with HubClient(hub, "university", key) as client:
        await keep_mapping(client, SOURCE, "low", text)


def test_a_stranger_is_told_what_it_takes(seen: Seen) -> None:
    assert seen["stranger"]["session"].startswith("尚未进入")
    assert seen["stranger"]["canCheck"] is False


def test_a_key_that_may_not_submit_is_told_what_to_ask_for(seen: Seen) -> None:
    assert "records:push" in seen["reader"]["lacking"]
    assert seen["reader"]["sources"] == []
    assert seen["university"]["lacking"] == ""
    assert seen["university"]["sources"] == [SOURCE]


def test_a_check_says_row_by_row_what_would_happen_and_marks_the_cells(seen: Seen) -> None:
    checked = seen["checked"]
    assert figures(checked) == {"读入行": 4, "将接收": 2, "退回": 2}
    assert [row["kind"] for row in checked["rows"]] == ["refused", "refused"]
    first, second = checked["rows"]
    assert set(first["bad"]) == {"name.zh (3)", "status (3)", "originalValue.amount (3)"}
    assert second["bad"] == ["status (5)"]
    assert "“三百万”不是数字" in first["told"]
    assert checked["taken"] == [
        ["2", f"Instrument {UNIVERSITY}/P1", "新增"],
        ["4", f"Instrument {UNIVERSITY}/P3", "新增"],
    ]
    assert [row[2] for row in seen["anew"]["taken"]] == ["与现有相同", "与现有相同"]
    assert "原值·数额" in first["told"], "columns are called as people call them"
    assert seen["hint"] == "仪器名称·中文名称: 必填项缺失"
    assert seen["described"] == "必填项缺失"
    assert seen["afterFile"] == "check", "the keyboard leads from the file to its check"
    assert seen["marked"] == {"name": "monthly-marked.xlsx", "head": "PK"}


def test_a_check_writes_nothing(seen: Seen) -> None:
    assert len(seen["dry"]) == 2
    assert [sent(each)["dryRun"] for each in seen["dry"]] == ["true", "true"]


def test_corrected_rows_are_checked_before_they_are_sent(seen: Seen) -> None:
    assert "检查改过的行（2）" in seen["edited"]["buttons"]
    assert seen["unchecked"] == ["有改过的行还没有检查：请先检查改过的行"]
    assert figures(seen["rechecked"]) == {"读入行": 4, "将接收": 4, "已改正": 2}
    assert [row["kind"] for row in seen["rechecked"]["rows"]] == ["fixed", "fixed"]


def test_a_double_click_sends_the_file_once_and_what_was_corrected_after_it(seen: Seen) -> None:
    assert [sent(each)["name"] for each in seen["posted"]] == [
        "monthly.xlsx",
        "monthly-corrected.xlsx",
    ]
    assert "dryRun" not in sent(seen["posted"][0])
    assert figures(seen["submitted"]) == {"读入行": 4, "已接收": 4, "已改正": 2}
    assert seen["submitted"]["verdict"].startswith("已提交：4 行接收")


def test_the_receipts_are_kept_and_can_be_taken_away(seen: Seen) -> None:
    assert len(seen["receipts"]) == 4
    assert all(row.split("\t")[4] == "已在日志中" for row in seen["receipts"])
    assert all(row.split("\t")[0].endswith("+08:00") for row in seen["receipts"])
    assert seen["receiptFile"]["text"].startswith("c2sp.org/tlog-proof@v1\n")
    kept = json.loads(seen["allReceipts"]["text"])["receipts"]
    assert {one["key"] for one in kept} == {f"{UNIVERSITY}/P{n}" for n in range(1, 5)}
    assert all(one["receipt"].startswith("c2sp.org/") for one in kept)
    assert {json.loads(one["record"])["localNo"] for one in kept} == {"P1", "P2", "P3", "P4"}
    assert seen["reloaded"]["receipts"] == seen["receipts"]
    assert seen["reloaded"]["session"].startswith("尚未进入"), "a key from a file is forgotten"


def test_the_same_file_after_a_reload_is_written_once_and_can_be_sent_anew(seen: Seen) -> None:
    assert seen["again"]["verdict"].startswith("这份文件以前提交过")
    assert "按现在的情况重新提交" in seen["again"]["buttons"]
    assert figures(seen["anew"]) == {"读入行": 4, "与现有相同": 2, "退回": 2}


def test_a_table_that_the_hub_does_not_know_gets_a_draft_that_is_kept_when_it_is_right(
    seen: Seen,
) -> None:
    assert "[[record]]" in seen["unknown"]["draft"]
    assert seen["unknown"]["name"] == "ledger"
    assert seen["unknown"]["errors"] == []
    assert any("ITEM_MISSING 第 10 行" in line for line in seen["wrongMapping"])
    assert seen["mapped"]["chosen"] == "映射：ledger（第 1 版）"
    assert figures(seen["mapped"]) == {"读入行": 2, "将接收": 1, "退回": 1}
    assert seen["mapped"]["rows"][0]["bad"] == ["状况 (3)"]
    assert figures(seen["mappedSubmitted"]) == {"读入行": 2, "已接收": 2, "已改正": 1}


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("empty.csv", "文件是空的"),
        ("page.xls", "这是网页，其中没有表格"),
        ("large.csv", 'deltahub client submit "large.csv"'),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(seen: Seen, file: str, words: str) -> None:
    (error,) = seen["refused"][file]["errors"]
    assert words in error


def test_a_wrong_header_and_a_person_s_number_are_told_in_their_place(seen: Seen) -> None:
    (header,) = seen["refused"]["header.xlsx"]["rows"]
    assert "colour: 标准中没有该列" in header
    assert "表头有误" in seen["refused"]["header.xlsx"]["notes"][0]
    assert "个人手机号码" in seen["refused"]["personal.xlsx"]["rows"][0]


def test_markup_in_a_file_is_shown_and_not_run(seen: Seen) -> None:
    shown = seen["refused"]["markup.xlsx"]
    assert {"<img src=x onerror=alert(1)>", "<script>alert(2)</script>"} <= set(shown["cells"])
    assert shown["made"] == 0
    assert seen["failures"] == []


def test_a_column_of_another_unit_is_told_before_anything_is_written(seen: Seen) -> None:
    assert any("UNIT_DOUBTED" in line for line in seen["units"]["errors"])
    assert seen["units"]["box"] is True
    assert figures(seen["unitsMeant"]) == {"读入行": 4, "将接收": 4, "存疑": 4}


def test_many_rows_stand_on_pages_that_are_turned_by_keyboard(seen: Seen) -> None:
    pages = seen["many"]["pages"]
    assert figures(seen["many"]) == {"读入行": 60, "退回": 60}
    assert [page["rows"][0] for page in pages] == ["4", "29", "54"]
    assert pages[2]["told"] == ["第 51–60 行，共 60 行"]


def test_a_corrected_row_is_read_where_the_mapping_says_that_the_header_stands(
    seen: Seen,
) -> None:
    assert seen["manyRechecked"]["errors"] == []
    assert figures(seen["manyRechecked"]) == {
        "读入行": 60,
        "将接收": 1,
        "退回": 59,
        "已改正": 1,
    }


def test_what_still_comes_back_is_corrected_and_sent_without_the_file(seen: Seen) -> None:
    sent_once, afterwards = seen["manySubmitted"], seen["manyAfterwards"]
    assert figures(sent_once) == {"读入行": 60, "已接收": 1, "退回": 59, "已改正": 1}
    assert [sent(each)["name"] for each in afterwards["posted"]] == [
        "台账 一月 (1)+-corrected.xlsx"
    ]
    assert figures(afterwards) == {"读入行": 60, "已接收": 2, "退回": 58, "已改正": 2}


def test_a_row_whose_home_is_away_is_told_in_words_and_sent_again_as_it_is(seen: Seen) -> None:
    told, home = seen["elsewhere"], seen["home"]
    checked, submitted, again = told["checked"], told["submitted"], told["again"]
    assert figures(checked) == {"读入行": 2, "将接收": 1, "等待归属枢纽": 1}
    assert [row["kind"] for row in checked["rows"]] == ["unsettled"]
    assert f"{home} 现在连不上，没有送到" in checked["rows"][0]["told"]
    assert "Idempotency-Key" not in checked["rows"][0]["told"]
    assert checked["rows"][0]["cells"] == [], "there is nothing to correct"
    assert figures(submitted) == {"读入行": 2, "已接收": 1, "等待归属枢纽": 1}
    assert "1 行等待归属枢纽" in "".join(submitted["buttons"])
    assert home in submitted["verdict"]
    assert figures(again) == figures(submitted), "what was written is not written twice"
    assert [sent(each)["name"] for each in again["posted"]] == ["elsewhere.xlsx"]
    marked = ZipFile(io.BytesIO(b64decode(told["marked"])))
    assert home in marked.read("xl/comments1.xml").decode()


@pytest.mark.parametrize(
    ("between", "words"),
    [("no network", "连不上枢纽"), ("a proxy", "HTTP_502"), ("revoked", "密钥或令牌已撤销")],
)
def test_what_comes_between_page_and_hub_is_told_in_words(
    seen: Seen, between: str, words: str
) -> None:
    (error,) = seen["between"][between]
    assert words in error
    assert "undefined" not in error
    assert "Failed to fetch" not in error


def test_who_has_typed_is_asked_before_he_leaves(seen: Seen) -> None:
    assert seen["leaving"] == "beforeunload"
    assert seen["stayed"] == "still here"


def test_a_dropped_file_is_checked_on_a_phone_in_english_and_doubts_are_yellow(
    seen: Seen,
) -> None:
    assert seen["phone"]["session"].startswith("You have not signed in")
    assert seen["dropped"]["rows"][0]["kind"] == "doubted"
    assert seen["dropped"]["rows"][0]["doubted"] == ["originalValue.amount (2)"]
    assert seen["dropped"]["errors"] == []


def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_window(seen: Seen) -> None:
    looked_at = ("checked", "dropped")
    assert [fault for name in looked_at for fault in seen[name]["faults"]] == []
    assert seen["submittedFaults"] == []
    for name in ("stranger", "checked", "rechecked", "submitted", "phone", "dropped"):
        assert seen[name]["overflow"] <= 0, name


def test_nothing_fails_and_no_request_leaves_the_host(seen: Seen) -> None:
    assert set(seen["requests"]) == {"127.0.0.1"}
    assert seen["failures"] == []
    provoked = ("the server responded with a status of", "net::ERR_CONNECTION_REFUSED")
    rest = [line for line in seen["console"] if not any(each in line for each in provoked)]
    assert rest == []


def figures(shown: Seen) -> dict[str, int]:
    """The figures of a result that are not 0, by their words."""
    pairs = (each.split("\n") for each in shown["figures"])
    return {name: int(value) for value, name in pairs if value != "0"}


def sent(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
