"""Counts of a run against the bounds of its metadata."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters._adapter import ConvertedRow, Mapped, Removed
from adapters._metadata import RowBounds
from connectors.errors import PayloadError
from hub.errors import SettingsError
from hub.harvest.check_rows import row_findings
from hub.harvest.config import load_source
from hub.harvest.connections.finding import CheckVerdict
from hub.harvest.row_counts import OverfullError, RowCounts
from schema.errors import Problem

BOUNDS = {"Instrument": RowBounds(2, 3), "Occupancy": RowBounds(0, 1)}
ROW = ConvertedRow(yielded=(Mapped("Instrument", {}), Mapped("ServiceOffer", {})))
REFUSED = ConvertedRow(
    withheld=(Mapped("Instrument", {}),), problems=(Problem("a", "MISSING", "缺", "is missing"),)
)
ENDED = ConvertedRow(yielded=(Removed("Occupancy", "k", "CANCELLED"),))


def counts(*, is_growth_approved: bool = False) -> RowCounts:
    made = RowCounts("shanghai")
    made.bound(BOUNDS, is_growth_approved=is_growth_approved)
    return made


def test_the_maximum_is_allowed_and_one_more_is_not_refused_ones_count_too() -> None:
    run = counts()
    run.take([ROW, ROW])
    run.take([REFUSED])
    with pytest.raises(OverfullError, match=r"Instrument: .*more than 3 records") as refused:
        run.take([ROW])
    assert refused.value.code == "SOURCE_OVERFULL"


def test_what_ended_and_what_has_no_bounds_is_not_counted_and_growth_may_be_approved() -> None:
    counts().take([ENDED, ENDED])
    RowCounts("shanghai").take([ROW] * 9)
    counts(is_growth_approved=True).take([ROW] * 9)


def test_too_few_are_told_of_types_that_were_read_whole() -> None:
    run = counts(is_growth_approved=True)
    run.require({})
    run.require({"Occupancy": 0, "ServiceOffer": 0})
    with pytest.raises(PayloadError, match=r"Instrument: .*1 records, at least 2"):
        run.require({"Instrument": 1})
    run.require({"Instrument": 2})


def source_file(folder: Path, adapter: str, rows: str) -> Path:
    file = folder / "zju.toml"
    reached = '[folder]\npath = "/srv/drop"' if adapter == "tables" else ""
    address = "" if adapter == "tables" else 'base_url = "https://api.example.edu.cn/"'
    text = f'adapter = "{adapter}"\nowners = ["moe:10335"]\n{address}\n{reached}\n{rows}\n'
    file.write_text(text, "utf-8")
    file.chmod(0o600)
    return file


def test_an_installation_states_bounds_of_its_own_in_its_file(tmp_path: Path) -> None:
    file = source_file(tmp_path, "lims_cf", "[rows.Instrument]\nmin = 0\nmax = 60_000")
    bounds = load_source(file).adapter.row_bounds
    assert bounds["Instrument"] == RowBounds(0, 60_000)
    assert bounds["UsageRecord"].most > 60_000


@pytest.mark.parametrize(
    ("adapter", "rows", "says"),
    [
        ("lims_cf", "[rows.Instrument]\nmin = 9\nmax = 1", "rows.Instrument.max"),
        ("lims_cf", "[rows.Voucher]\nmin = 0\nmax = 1", "rows.Voucher"),
        ("lims_cf", "rows = 5", "must be a table"),
        ("tables", "[rows.Instrument]\nmin = 0\nmax = 1", "rows.Instrument"),
    ],
)
def test_bounds_that_make_no_sense_are_named_with_the_file(
    tmp_path: Path, adapter: str, rows: str, says: str
) -> None:
    file = source_file(tmp_path, adapter, rows)
    if "=" in rows.partition("\n")[0]:  # a member of the file itself stands before its tables
        file.write_text(f"{rows}\n{file.read_text('utf-8').replace(rows, '')}", "utf-8")
    with pytest.raises(SettingsError) as refused:
        load_source(file)
    assert any("zju.toml" in each and says in each for each in refused.value.problems)


def test_a_check_names_types_of_which_a_harvest_would_be_held_or_fail() -> None:
    told = {each.about: each for each in row_findings({"Instrument": 4}, [], BOUNDS)}
    assert list(told) == ["rows Instrument"]
    assert told["rows Instrument"].verdict is CheckVerdict.FAIL
    assert "more than 3" in told["rows Instrument"].en
    few = list(row_findings({"Instrument": 1, "Occupancy": 1}, ["Instrument"], BOUNDS))
    assert ["fewer than 2" in each.en for each in few] == [True]
    assert list(row_findings({"Instrument": 1}, ["Occupancy"], BOUNDS)) == []
    assert list(row_findings({"Instrument": 3}, ["Instrument", "Occupancy"], BOUNDS)) == []
