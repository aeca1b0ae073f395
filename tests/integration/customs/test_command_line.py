"""`deltahub customs`: the same answers, for the operator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli.main import assemble
from hub.clock import system_clock
from hub.store.roles import READ
from tests.databases import as_owner, as_role, lent_to_hub
from tests.integration.customs.customs_world import INSTRUMENT, USER, build

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def world(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder: Path = tmp_path_factory.mktemp("hub")
    with lent_to_hub(cluster, template) as url, pytest.MonkeyPatch.context() as patch:
        asyncio.run(build(url, system_clock()))
        patch.setenv("HUB_DATABASE_URL", url)
        patch.setenv("HUB_DATABASE_READ_URL", as_role(url, READ))
        patch.setenv("HUB_DATABASE_OWNER_URL", as_owner(url))
        patch.setenv("HUB_DATA_DIR", str(folder))
        yield


def deltahub(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(assemble("customs"), ["customs", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_a_use_is_answered_with_its_way_and_evidence(world: None) -> None:
    day = "2026-11-25"  # in term, whatever day it is when this runs
    asked = ("ask", INSTRUMENT, "--user", USER, "--purpose", "OTHER", "--from", day, "--until", day)
    code, told = deltahub(*asked)
    assert code == 1
    assert told.startswith(f"DENY · {INSTRUMENT}")
    assert "规则 5" in told
    assert "pay duty for the time of the use" in told
    assert "CustomsSupervision 290020240000000001/01 · customs" in told
    code, told = deltahub(*asked, "--json")
    answer = json.loads(told)
    assert (code, answer["answer"], answer["remedy"]) == (1, "DENY", "DUTY")
    assert answer["jws"].count(".") == 2


def test_items_in_term_are_listed_and_an_overdue_report_is_told_by_the_exit_code(
    world: None,
) -> None:
    code, told = deltahub("due", "--on", "2026-11-24")
    assert code == 1
    assert "逾期 overdue 2026 · 年报 report 2027-06-30" in told
    assert "3 项在监管期内" in told
    code, told = deltahub("due", "--on", "2026-11-24", "--instrument", INSTRUMENT)
    assert (code, "1 项在监管期内" in told) == (0, True)
