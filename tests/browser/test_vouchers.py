"""The page of voucher offices and enterprises, in headless Chromium, against a hub that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.locks import SessionLock
from tests.browser.conftest import Browser
from tests.databases import lent_to_hub
from tests.integration.vouchers.case_world import INVOICE, PROVIDER, STATED, build_cases
from tests.integration.vouchers.voucher_world import CODE, HOLDER, HUB, ISSUER
from tests.running_hub import running_hub

pytestmark = [pytest.mark.browser, pytest.mark.integration]
Seen = dict[str, Any]
READS = ("catalogue:read", "service:read", "voucher:read", "receipt:read")
CLIENTS = {
    "office": (ISSUER, (*READS, "voucher:verify", "voucher:claim")),
    "enterprise": (HOLDER, (*READS, "voucher:verify", "voucher:claim")),
    "proposer": (ISSUER, (*READS, "voucher:claim")),
    "stranger": ("moe:10246", (*READS, "voucher:verify", "voucher:claim")),
}


@pytest.fixture(scope="module")
def seen(
    cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("keys")
    keys = {name: generate_key() for name in CLIENTS}
    for name, key in keys.items():
        (folder / f"{name}.pem").write_bytes(key.pem())

    async def seed(url: str) -> None:
        # As if another worker followed the log: services here are claimed by what a test states,
        # and the hub would hold them by what it finds itself.
        other.execute("SELECT pg_advisory_lock(%s)", (SessionLock.VOUCHERS,))
        await _prepare(url, keys)

    with (
        lent_to_hub(cluster, template) as url,
        psycopg.connect(url, autocommit=True) as other,
        running_hub(
            url, tmp_path_factory.mktemp("hub"), {"HUB_VOUCHER_ISSUERS": ISSUER}, seed
        ) as hub,
    ):
        done = browser.tools.node(
            "vouchers.mjs",
            *(hub, browser.program, str(browser.pictures), str(folder), INVOICE, CODE),
        )
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)


async def _prepare(url: str, keys: dict[str, SigningKey]) -> None:
    """Build the world of cases; its voucher is good until long after today."""
    async with Database(url) as database:
        await build_cases(database, until=date(2099, 6, 30))
        await _agree(database)
        for name, (party, scopes) in CLIENTS.items():
            application = read_application(application_document(name, name, keys[name].public))
            grant = ClientGrant(party, ClientKind.VOUCHER, scopes)
            await admit(DatabaseClientStore(database), application, grant, system_clock())


async def _agree(database: Database) -> None:
    """State that the provider shows its services to the office."""
    agreement = {"providerKey": PROVIDER, "consumerKey": ISSUER, "dataset": "SERVICE"}
    batch = Batch(
        source="all",
        party=HUB,
        channel=Channel.FILE,
        rows=[{"type": "Agreement", "record": agreement}],
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\1" * 32, run_id="2"),
        as_of=STATED,
    )
    outcomes = (await submit(database, batch, clock=lambda: STATED)).rows
    assert [each.outcome for each in outcomes] == [Outcome.ACCEPTED], outcomes


def test_what_waits_for_the_office_stands_first(seen: Seen) -> None:
    office = seen["office"]
    assert office["errors"] == []
    assert office["session"] == f"已进入：office（{ISSUER}）"
    assert [each.split("\n") for each in office["figures"]] == [
        ["1", "暂缓待核对"],
        ["1", "待区县审核"],
        ["0", "待市级审核"],
        ["0", "待兑付"],
    ]
    assert [row[:3] for row in office["claims"]] == [
        [f"{CODE} / B", "已使用 暂缓", "¥4,000.00"],
        [f"{CODE} / A", "已申请兑付", "¥4,000.00"],
    ]


def test_a_case_is_found_by_an_invoice_in_any_writing(seen: Seen) -> None:
    assert len(seen["all"]["rows"]) == 2
    assert seen["byInvoice"]["told"] == "找到 1 个案卷。"
    assert seen["byInvoice"]["rows"][0][0] == "A"
    assert seen["nothing"]["told"].startswith("没有您可查看的案卷")
    assert not seen["nothing"]["isShown"], "the case of an earlier search is no answer to this one"
    assert (seen["badInvoice"]["told"], seen["badInvoice"]["isShown"]) == ("", False)
    (refused,) = seen["badInvoice"]["errors"]
    assert "6 位数字" in refused


def test_a_case_says_first_what_is_wrong(seen: Seen) -> None:
    case = seen["case"]
    assert case["errors"] == []
    assert case["verdict"] == "已申请兑付 · 核验未通过"
    assert case["wrong"][0] == "未通过： 没有时间重叠的其他服务"
    assert case["focus"] == "case"
    assert any("企业当日在业" in line and "没有记录" in line for line in case["late"])
    results = [row[0][0] for row in case["checks"]]
    assert results == sorted(results, key="✗?✓".index), "what is wrong stands first"
    assert len(results) == 16
    amount = next(row for row in case["checks"] if "比例与上限" in row[1])
    assert (amount[0], amount[3]) == ("✓ 通过", "voucher.rate")
    assert "服务记录" in amount[2]
    assert ["voucher.rate", "没有值"] in [row[:2] for row in case["parameters"]]
    power = next(row for row in case["checks"] if "仪器已开机" in row[1])
    assert power[3].startswith("申报机时中通电时间的最低比例: 0.9")
    assert case["stations"] == [
        "订单", "预约", "机时", "计费", "发票与支付", "评价", "海关监管", "登记与声明", "券与申兑",
    ]  # fmt: skip


def test_institutions_have_their_names_beside_their_keys(seen: Seen) -> None:
    assert [row[3] for row in seen["office"]["claims"]] == [f"大学 {PROVIDER}"] * 2
    assert f"大学 {PROVIDER}" in seen["case"]["facts"]
    assert HOLDER in seen["case"]["facts"], "nobody named it: its key alone"
    assert seen["case"]["movements"][0][5] == f"大学 {PROVIDER}"


def test_the_money_is_a_picture_that_says_the_same_in_words(seen: Seen) -> None:
    (label,) = seen["case"]["ledger"]
    assert label.startswith("券的额度: 可用 ¥12,000.00; 已预留 ¥0.00; 已使用 ¥8,000.00")
    widths = dict(seen["case"]["parts"])
    assert (widths["part-0"], widths["part-2"]) == ("60%", "40%")
    assert [row[2] for row in seen["case"]["movements"]] == [
        "申请兑付", "使用", "预留", "使用", "预留",
    ]  # fmt: skip
    assert "已预留 → 已使用 ¥4,000.00" in seen["case"]["movements"][1][4]


def test_a_pack_and_receipts_are_downloaded(seen: Seen) -> None:
    assert seen["pack"] == {"name": f"voucher-case-{CODE}-A.zip", "head": "PK\x03\x04"}
    assert [each.rpartition(".")[2] for each in seen["receipts"]] == ["tlog-proof", "json"]


def test_the_office_decides_step_by_step_and_is_told_why_not(seen: Seen) -> None:
    assert seen["case"]["choices"] == ["区县审核通过", "驳回"]
    assert seen["sure"] == [f"确定要区县审核通过：{CODE} / A ？", "yes"]
    assert seen["county"]["decided"] == "已办理，申兑现为：区县审核通过。"
    assert seen["county"]["choices"] == ["市级审核通过", "驳回"]
    assert seen["city"]["choices"] == ["兑付", "驳回"]
    assert seen["settled"]["decided"].startswith("没有办理，额度未变动")
    assert "企业当日在业" in seen["settled"]["decided"]
    assert seen["settled"]["verdict"].startswith("市级审核通过")


def test_a_hold_is_lifted_with_a_reason(seen: Seen) -> None:
    assert seen["held"]["wrong"][0] == "暂缓：与另一申兑的仪器、时间、单位、金额相同"
    assert seen["held"]["choices"] == ["解除暂缓", "驳回"]
    assert seen["noReason"]["decided"] == "请先写明原因。"
    assert seen["noReason"]["focus"] == "reason"
    assert seen["cleared"]["decided"] == "已办理，申兑现为：已使用。"
    assert "两次服务实为先后进行" in seen["cleared"]["movements"][0][6]
    assert not any("暂缓" in line for line in seen["cleared"]["wrong"])


def test_an_enterprise_sees_its_own_and_decides_nothing(seen: Seen) -> None:
    own = seen["enterprise"]
    assert (own["errors"], own["session"]) == ([], f"Signed in: enterprise ({HOLDER})")
    assert {row[0] for row in own["vouchers"]} == {CODE, "ZJ-2026-0002"}
    assert seen["own"]["choices"] == []
    assert seen["own"]["verdict"].endswith("a check fails")
    assert seen["own"]["ledger"][0].startswith("The voucher's money: available ¥12,000.00")
    assert seen["own"]["missing"], "what is not its own to see is named as missing"


def test_an_office_without_the_right_to_verify_may_still_reject(seen: Seen) -> None:
    assert "voucher:verify" in seen["proposer"]["checksTold"]
    assert seen["proposer"]["decided"] == "Done. The claim is now: Rejected."


def test_a_stranger_sees_nothing(seen: Seen) -> None:
    stranger = seen["stranger"]
    assert (stranger["claims"], stranger["vouchers"], stranger["shown"]) == ([], [], False)
    assert stranger["found"]["rows"] == []
    assert PROVIDER not in json.dumps(stranger)


def test_axe_finds_nothing_serious_and_the_page_fits_a_phone(seen: Seen) -> None:
    assert seen["officeFaults"] == seen["caseFaults"] == seen["darkFaults"] == []
    assert seen["ownFaults"] == []
    assert (seen["phone"] <= 0, seen["ownPhone"] <= 0) == (True, True)


def test_nothing_fails_and_nothing_leaves(seen: Seen) -> None:
    assert seen["failures"] == []
    assert set(seen["requests"]) == {"127.0.0.1"}
