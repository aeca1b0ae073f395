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
from hub.errors import RefusedError
from hub.store.roles import READ
from tests.databases import as_owner, as_role, lent_to_hub
from tests.integration.customs.customs_world import (
    INSTRUMENT,
    OWNER,
    USER,
    CustomsDays,
    build,
)

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def world(
    cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CustomsDays]:
    folder: Path = tmp_path_factory.mktemp("hub")
    with lent_to_hub(cluster, template) as url, pytest.MonkeyPatch.context() as patch:
        days = asyncio.run(build(url, system_clock()))
        patch.setenv("HUB_DATABASE_URL", url)
        patch.setenv("HUB_DATABASE_READ_URL", as_role(url, READ))
        patch.setenv("HUB_DATABASE_OWNER_URL", as_owner(url))
        patch.setenv("HUB_DATA_DIR", str(folder))
        yield days


def deltahub(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(assemble("customs"), ["customs", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_a_use_is_answered_with_its_way_and_evidence(world: CustomsDays) -> None:
    day = world.today.isoformat()
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


def test_a_disposal_is_answered_with_an_estimate_that_says_so(world: CustomsDays) -> None:
    asked = ("dispose", INSTRUMENT, "--kind", "TRANSFER", "--on", world.today.isoformat())
    code, told = deltahub(*asked)
    assert code == 1
    assert told.startswith(f"DENY · {INSTRUMENT}")
    assert "第二十二条" in told
    assert f"never an assessment: {world.yuan_left(3_600_000)} CNY" in told
    code, told = deltahub(*asked, "--value", "36.00")
    assert f"never an assessment: {world.yuan_left(36)} CNY" in told
    pledge = ("dispose", f"{OWNER}/TEM-2", "--kind", "PLEDGE", "--on", world.today.isoformat())
    code, told = deltahub(*pledge)
    assert (code, told.startswith("ALLOW")) == (0, True)


@pytest.mark.parametrize("value", ["0.001", "x", "0", "NaN"])
def test_a_value_that_means_nothing_is_refused(world: CustomsDays, value: str) -> None:
    asked = ("dispose", INSTRUMENT, "--kind", "TRANSFER", "--value", value)
    done = CliRunner().invoke(assemble("customs"), ["customs", *asked])
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit | RefusedError)


def test_items_in_term_are_listed_and_an_overdue_report_is_told_by_the_exit_code(
    world: CustomsDays,
) -> None:
    code, told = deltahub("due")
    assert code == 1
    years = ", ".join(map(str, world.reports(2)))
    assert f"逾期 overdue {years} · 年报 report " in told
    assert "3 项在监管期内" in told
    code, told = deltahub("due", "--instrument", INSTRUMENT)
    assert (code, "1 项在监管期内" in told) == (0, True)


def test_services_to_others_are_those_of_the_page(world: CustomsDays) -> None:
    code, told = deltahub("services")
    lines = told.splitlines()
    assert code == 0
    assert [line.split()[1] for line in lines[:-1]] == ["s-1", "s-2"]  # as the page shows an office
    assert "校外 elsewhere: 苏州校区" in lines[1]
    assert "2 次对外服务" in lines[-1]
    assert "600" not in told  # no money
    one = deltahub("services", "--instrument", f"{OWNER}/TEM-2")[1].splitlines()
    assert [line.split()[1] for line in one[:-1]] == ["s-2"]
    assert deltahub("services", "--instrument", f"{OWNER}/TEM-4")[1].count("\n") == 1  # out of term


def test_a_disposal_is_told_with_its_signature(world: CustomsDays) -> None:
    asked = ("dispose", INSTRUMENT, "--kind", "TRANSFER", "--on", world.today.isoformat(), "--json")
    code, told = deltahub(*asked)
    answer = json.loads(told)
    assert (code, answer["answer"], answer["v"]) == (1, "DENY", "hub-customs-disposal-1")
    assert answer["jws"].count(".") == 2
