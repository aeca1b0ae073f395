"""The page of customs and of owners, in headless Chromium, against a hub that really runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.store.database import Database
from tests.browser.conftest import Browser
from tests.databases import lent_to_hub
from tests.integration.customs.customs_world import (
    CUSTOMS,
    INSTRUMENT,
    OWNER,
    USER,
    CustomsDays,
    build,
)
from tests.running_hub import running_hub

pytestmark = [pytest.mark.browser, pytest.mark.integration]
Seen = dict[str, Any]
CLIENTS = {
    "office": (CUSTOMS, ClientKind.CUSTOMS, ("catalogue:read", "customs:read", "service:read")),
    "unit": (OWNER, ClientKind.UNIVERSITY, ("catalogue:read", "customs:read", "service:read")),
    "narrow": (OWNER, ClientKind.UNIVERSITY, ("catalogue:read", "customs:read")),
    "other": (USER, ClientKind.PARTNER, ("catalogue:read",)),
}


@pytest.fixture(scope="module")
def seen(
    cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("keys")
    keys = {name: generate_key() for name in CLIENTS}
    for name, key in keys.items():
        (folder / f"{name}.pem").write_bytes(key.pem())
    with (
        lent_to_hub(cluster, template) as url,
        running_hub(url, tmp_path_factory.mktemp("hub")) as hub,
    ):
        days = asyncio.run(_prepare(url, keys))
        done = browser.tools.node(
            "customs.mjs",
            *(hub, browser.program, str(browser.pictures), str(folder), INSTRUMENT, USER),
            days.today.isoformat(),
        )
    assert done.returncode == 0, done.stderr
    yield {**json.loads(done.stdout), "days": days}


async def _prepare(url: str, keys: dict[str, SigningKey]) -> CustomsDays:
    days = await build(url, system_clock())
    async with Database(url) as database:
        for name, (party, kind, scopes) in CLIENTS.items():
            application = read_application(application_document(name, name, keys[name].public))
            grant = ClientGrant(party, kind, scopes)
            await admit(DatabaseClientStore(database), application, grant, system_clock())
    return days


def test_the_office_sees_what_is_in_term_with_a_strip_for_each(seen: Seen) -> None:
    office = seen["office"]
    assert office["errors"] == []
    assert office["session"] == "已进入：office"
    numbers = [row[0].rpartition("/")[2] for row in office["rows"]]
    assert numbers == ["TEM-3", "TEM-1", "TEM-2"], "what is out of term is not shown"
    assert office["figures"][0] == "3\n监管期内"
    assert "放行日期：没有来源说明" in office["rows"][0][1]
    assert len(office["strips"]) == len(numbers) - 1
    assert all(width.endswith("%") for _, width in office["strips"])


def test_a_report_that_is_overdue_stands_out(seen: Seen) -> None:
    (late,) = [row for row in seen["unit"]["rows"] if "TEM-2" in row[0]]
    years = ", ".join(map(str, seen["days"].reports(2)))
    assert late[2].startswith(f"逾期未交：{years}")


def test_services_to_others_are_shown_in_term_and_to_who_may_see_them(seen: Seen) -> None:
    for reader in ("office", "unit"):
        rows = seen[reader]["services"]
        assert [row[0].rpartition("/")[2] for row in rows] == ["TEM-1", "TEM-2"]
        assert [row[1] for row in rows] == ["另一大学", "另一大学"]
        assert rows[1][4] == "苏州校区"
        assert seen[reader]["servicesTold"] == "共 2 次。"
    assert seen["narrow"]["services"] == []
    assert "service:read" in seen["narrow"]["servicesTold"]


def test_an_answer_is_a_short_way_with_its_evidence(seen: Seen) -> None:
    allowed = seen["allowed"]
    assert allowed["errors"] == []
    assert allowed["answer"] == "可以使用"
    assert [each[:4] for each in allowed["way"]] == ["规则 8", "自 20", "简易程序"]
    assert "答复有效至" in allowed["validity"]
    assert len(allowed["evidence"]) == 3
    assert allowed["focus"] == "result"
    assert allowed["canKeep"]
    assert INSTRUMENT in allowed["question"]
    assert "海关核准的地点" in allowed["question"]
    assert len(allowed["told"]) == 1


def test_a_denial_says_what_would_be_needed(seen: Seen) -> None:
    assert seen["moved"]["answer"] == "不可使用"
    assert seen["moved"]["way"][-1] == "向主管海关办理异地监管手续"


def test_a_disposal_is_answered_with_an_estimate_that_says_what_it_is(seen: Seen) -> None:
    disposed = seen["disposed"]
    assert (disposed["answer"], disposed["errors"]) == ("不可处置", [])
    assert disposed["way"][-1] == "向主管海关申请批准"
    left = seen["days"].yuan_left(3_600_000)
    assert disposed["estimate"].startswith(f"补税完税价格估算 {left} 元")
    assert "不是海关核定" in disposed["estimate"]
    assert "customs.part_month_days" in disposed["validity"]
    assert disposed["canKeep"], "signed, as the decision about a use is"
    assert len(disposed["told"]) == 3, "what was asked on this visit stays"


def test_a_print_has_the_question_and_the_way_and_no_form(seen: Seen) -> None:
    printed = seen["printed"]
    assert printed == {"form": False, "heads": True, "question": True, "way": True}


def test_another_client_may_ask_and_sees_no_number(seen: Seen) -> None:
    assert not seen["other"]["shown"]
    assert seen["unknown"]["answer"] == "无法判断，不得视为可以"
    assert seen["unknown"]["way"][-1] == "服务协议是否已签：须由管理单位说明"
    assert seen["unknown"]["late"] == seen["unknown"]["way"][-1:], "what is missing stands out"
    assert seen["unknown"]["evidence"] == []
    (refused,) = seen["stated"]["errors"]
    assert refused.startswith("FORBIDDEN")


def test_axe_finds_nothing_serious_and_the_page_fits_a_phone(seen: Seen) -> None:
    assert seen["officeFaults"] == seen["allowedFaults"] == seen["darkFaults"] == []
    assert seen["disposedFaults"] == []
    assert seen["phone"] <= 0


def test_nothing_fails_and_nothing_leaves(seen: Seen) -> None:
    assert seen["failures"] == []
    assert set(seen["requests"]) == {"127.0.0.1"}
