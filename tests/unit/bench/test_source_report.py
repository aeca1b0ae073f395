"""The part of the page that sources have: figures beside bounds; nothing of the rest is lost."""

from __future__ import annotations

import os
from dataclasses import replace

from adapters.mapping import parse_mapping
from bench import service_rows
from bench.bare import CopiedTable
from bench.harvests import HarvestMeasured, ReadOnce
from bench.large import FileMeasured
from bench.memory import Peaks, held_mib, own_peak_mib, tree
from bench.meters import MetersMeasured
from bench.section import kept, replaced
from bench.source_report import SourceResults, appended, markdown
from bench.transports import TransportMeasured
from hub.intake.files.submission import MappedFile, read_mapped

OWNER = "moe:10335"


def reading(entries: int) -> ReadOnce:
    return ReadOnce(
        status="OK", message=None, rows=101, questions=3, entries=entries, withdrawn=0, seconds=2.0,
        cpu_s=1.0, peak_mib=150.0, postgres_s=0.5,
    )  # fmt: skip


def results() -> SourceResults:
    bare = [CopiedTable("entry", 2_000, 1.5), CopiedTable("leaf", 2_000, 0.5)]
    file = FileMeasured(form="csv", rows=2_000, file_mib=1.0, seconds=4.0, kept=1_998, bare=bare)
    harvest = HarvestMeasured(instruments=100, readings=[reading(101), reading(0)], bare=bare)
    meters = MetersMeasured(sent=9, kept=9, days=3, lags_s=[0.5, 4.0], elapsed_s=3.0)
    both = [
        TransportMeasured("own", 20, 100.0, 200.0),
        TransportMeasured("other", 20, 150.0, 300.0),
    ]
    return SourceResults(files=[file], harvest=harvest, meters=(3, meters), transports=both)


def test_every_figure_stands_beside_the_bare_cost_and_its_bound() -> None:
    page = markdown(results())
    assert "| 2,000 service rows, csv, 1 MiB | 4 | 500 | 0 | 0 | 2.0 | - | 0 | 0 | 0 |" in page
    assert "target 0, met" in page
    assert "| age of the oldest state, s (target 5) | 4.00, met |" in page
    assert "| other | 150 | 1.50x | 300 |" in page
    assert results().faults == []


def test_what_must_not_be_is_a_fault() -> None:
    made = results()
    assert made.harvest is not None
    assert made.meters is not None
    made.files[0].kept -= 1
    made.harvest.readings[1] = replace(made.harvest.readings[1], entries=1)
    made.meters[1].lags_s.append(5.1)
    assert [each.partition(":")[0] for each in made.faults] == [
        "csv",
        "meters",
        "unchanged, and 1 entries were written",
    ]


def test_a_run_replaces_its_own_part_of_the_page_and_no_other() -> None:
    page = appended("# Results\n\nothers\n", results())
    again = appended(page, results())
    assert again == page
    assert page.startswith("# Results\n\nothers\n\n## Every source\n")
    assert "# Results\n\nothers\n" + kept(page) == page
    assert kept("# Results\n") == ""
    both = replaced(page, "Customs answers", "figures")
    assert appended(both, results()) == both
    assert replaced(both, "Customs answers", "figures") == both
    assert "# Results\n\nothers\n" + kept(both) == both


def test_the_service_rows_fit_their_mapping_and_as_many_are_refused_as_is_said() -> None:
    text = service_rows.mapping(OWNER)
    lines = [",".join(each) for each in (service_rows.HEAD, *service_rows.rows_of(1_000))]
    file = MappedFile(
        name="t.csv",
        data="\n".join(lines).encode(),
        mapping=parse_mapping(text),
        mapping_text=text,
        source="s",
    )
    converted = read_mapped(file).converted
    refused = [each for each in converted if each.problems]
    assert len(refused) == 1_000 // service_rows.REFUSED_EVERY
    keys = {record["instrumentKey"] for each in converted for _, record in each.records}
    assert keys <= {
        f"{OWNER}/{row['record']['localNo']}" for row in service_rows.instruments(OWNER)
    }


def test_a_process_is_looked_at_with_all_that_it_has_begun() -> None:
    assert tree(2, {2: 1, 3: 2, 4: 3, 5: 1}) == {2, 3, 4}
    with Peaks(own=os.getpid()) as peaks:
        peaks.look()
    alone = held_mib({os.getpid()})
    assert 0 < alone <= own_peak_mib()
    assert peaks.mib["own"] > 0
