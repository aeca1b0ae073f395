"""`deltahub policy`: what an official reads."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from hub.cli.main import assemble
from hub.demo.vouchers import LAW_FOLDER
from hub.errors import RefusedError


def run(*arguments: str) -> str:
    done = CliRunner().invoke(assemble("policy"), ["policy", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_the_law_of_a_day_is_printed_with_its_basis() -> None:
    told = run("law", "--on", "2026-11-26", "--region", "330106")
    assert "customs.term_other = 3 year" in told
    assert "海关总署令第245号 第十四条" in told
    assert "UNDECIDED" in told
    assert "customs.term_other" not in run("law", "--on", "2016-01-01")


def test_a_deployment_s_own_values_are_printed_with_those_that_ship(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    region = ("law", "--on", "2026-11-26", "--region", "330106")
    assert "voucher.rate" not in run(*region)
    assert "voucher.rate (share): 没有取值 no value" in run("parameters")
    monkeypatch.setenv("HUB_LAW_DIR", str(LAW_FOLDER))
    assert "voucher.rate = 0.5 share" in run(*region)
    assert "voucher.rate (share): 330106" in run("parameters")


def test_a_region_that_is_none_is_refused_with_words() -> None:
    for region in ("33", "hangzhou"):
        try:
            run("law", "--region", region)
        except RefusedError as error:
            assert "GB/T 2260" in error.hint
        else:
            raise AssertionError(region)


def test_working_days_are_counted_and_a_year_without_paper_is_said() -> None:
    assert run("calendar", "2026-01-05", "30").strip() == "2026-02-14"
    assert "provisional" in run("calendar", "2026-11-23", "30")
