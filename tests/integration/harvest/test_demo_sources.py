"""The demo's five sources: the manifest says how each stands, and goes on saying so."""

from __future__ import annotations

import json

import pytest

from hub.demo import story
from hub.demo.sources import write_sources
from hub.demo.stands import stands
from hub.demo.systems import SILENT, running, state_silent
from hub.explorer.samples import document
from hub.harvest.config import load_source, sources_in
from hub.harvest.report import RunStatus
from hub.harvest.service import Harvester
from hub.intake.batch import Outcome
from hub.printer import Printer
from hub.query.answer.manifest import Manifest
from hub.query.sql.model import build_model
from schema.dates import format_instant, local_date
from tests.integration.harvest.conftest import PARTY

pytestmark = pytest.mark.integration
STANDS = {
    "ecnu": ("OK", None),
    "anhui": ("OK", None),
    "shanghai": ("ERROR", "SOURCE_TIMEOUT"),
    "jiangsu": ("ERROR", "SOURCE_UNAVAILABLE"),
    SILENT: ("STALE", None),
}


async def test_a_slow_a_dead_and_a_silent_source_are_named_and_stay_so_as_time_passes(
    database, time, tmp_path, capsys
):
    manifest = Manifest(database, build_model(database.records), time)
    harvester = Harvester(database, PARTY, time)
    async with running(time, tmp_path / "customs", scale=0.02) as systems:
        await state_silent(database, PARTY, time)
        ages = []
        for _ in range(2):
            for source in systems.sources:
                await harvester.harvest_if_due(source, None)
            sources = json.loads((await manifest.now()).text(frozenset({"Instrument"})))
            assert {one["id"]: (one["status"], one["errorCode"]) for one in sources} == STANDS
            ages.append({one["id"]: one["asOf"] for one in sources})
            story.print_sources(Printer(), sources, time.now)
            time.pass_by(days=2)
        await state_silent(database, PARTY, time)  # a second start of the demo: it stays silent
        now = format_instant(time.now)
    assert [each["shanghai"] for each in ages] == [None, None]
    assert len({each["ecnu"] for each in ages}) == 2
    assert len({each[SILENT] for each in ages}) == 1 and ages[0][SILENT] < now
    printed = capsys.readouterr().out
    assert printed.count("SOURCE_TIMEOUT") == printed.count("SOURCE_UNAVAILABLE") == 2
    assert [line.split()[-2:] for line in printed.splitlines() if SILENT in line] == [
        ["9", "d"],
        ["11", "d"],
    ]


async def test_every_other_stand_in_is_read_whole_from_the_file_an_operator_would_write(
    database, time, tmp_path
):
    harvester = Harvester(database, PARTY, time)
    async with stands(lambda: local_date(time()), tmp_path / "customs") as others:
        folder = write_sources(tmp_path / "sources", [each.source for each in others])
        assert len({each.source.connection.place for each in others}) == len(others) == 7
        for name, path in sources_in(folder).items():
            report = await harvester.harvest(load_source(path))
            assert report.status is RunStatus.OK, (name, report.message)
            assert report.total(Outcome.ACCEPTED) > 10, name


def test_the_question_of_the_demo_asks_why_a_source_is_not_well():
    assert "errorCode" in document(story.QUESTION).partition("sources {")[2]
