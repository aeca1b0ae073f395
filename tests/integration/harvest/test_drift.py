"""The form of a list changes: it is told, held back or stops the list, and can be accepted."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from adapters._adapter import ConvertedRow
from hub.errors import SettingsError
from hub.harvest.config import load_source
from hub.harvest.drift import Drift, DriftKind, DriftMode, FormWatch
from hub.harvest.report import ListStatus, RunStatus
from hub.intake.batch import Outcome
from hub.store.drifts import accept_drifts, drifts_of
from tests.integration.harvest.small_source import source_of

pytestmark = pytest.mark.integration
OFFERS = [f"{n}" for n in range(1, 13)]
PAGE_OF_OFFERS = 6


def plain(number):
    row = {"price": 100 * int(number), "sort": "a", "note": "text", "phone": "13900000000"}
    return {**row, "place": "A1"}


def spoiled(number):
    """A row that shows a change of every kind."""
    row = {**plain(number), "note": int(number), "price": 1_000_000 * int(number)}
    del row["place"]
    return {**row, "colour": "red", "sort": "b" if number == "3" else "a"}


EVERY_KIND = [
    ("CODE", "sort", "b"),
    ("FIELD_GONE", "place", ""),
    ("FIELD_NEW", "colour", ""),
    ("TYPE", "note", "TEXT -> NUMBER"),
    ("UNIT", "price", "×10000"),
]


@pytest.fixture
def offers(laboratory):
    laboratory.rows |= {"instruments": OFFERS[:1], "offers": OFFERS}
    laboratory.members["offers"] = plain
    return laboratory


@pytest.fixture
def source(offers):
    """The small source with two lists only, of longer pages."""
    made = source_of(offers)
    instruments, priced = made.adapter.collections[:2]
    paging = replace(priced.reader.paging, rows=PAGE_OF_OFFERS)
    priced = replace(priced, reader=replace(priced.reader, paging=paging))
    return replace(made, adapter=replace(made.adapter, collections=(instruments, priced)))


async def told(database):
    found = await drifts_of(database, "laboratory")
    return sorted((each.kind, each.field, each.detail) for each in found)


async def done(database):
    return {each.done for each in await drifts_of(database, "laboratory")}


def in_mode(source, mode):
    return replace(source, drift={"": mode})


def offers_part(report):
    return next(each for each in report.collections if each.name == "offers")


async def standing(database):
    (row,) = await database.writes.fetch_all(
        "SELECT count(*) FROM service_offer_source WHERE NOT withdrawn"
    )
    return row[0]


async def test_changes_are_recorded_by_source_and_list_told_in_the_report_and_then_expected(
    harvester, offers, source, database, time
):
    first = await harvester.harvest(source)
    assert (first.status, first.message) == (RunStatus.OK, None)
    assert await told(database) == []
    offers.members["offers"] = spoiled
    time.pass_by(hours=1)
    report = await harvester.harvest(source)
    assert await told(database) == EVERY_KIND
    assert await done(database) == {"EVOLVED"}
    changed_at, run_id = time.now, report.run_id
    for each in await drifts_of(database, "laboratory"):
        assert (each.collection, list(each.record_types)) == ("offers", ["ServiceOffer"])
        assert (each.run_id, each.first_at) == (run_id, changed_at)
    assert len(offers_part(report).drift) == len(EVERY_KIND)
    assert "drift" in str(report.counts())
    # From then on its new form is expected; what the adapter does not know goes on being told.
    time.pass_by(hours=1)
    again = await harvester.harvest(source)
    assert {words.split()[1] for words in offers_part(again).drift} == {"CODE", "FIELD_NEW"}
    assert await told(database) == EVERY_KIND


async def test_a_list_that_is_to_stop_takes_nothing_in_until_it_is_accepted_and_each_time_anew(
    harvester, offers, source, database, time
):
    strict = in_mode(source, DriftMode.STOP)
    await harvester.harvest(strict)
    entries = "SELECT count(*) FROM entry WHERE record_type = 'ServiceOffer'"
    before = await database.writes.fetch_all(entries)
    offers.members["offers"] = spoiled
    offers.rows["offers"] = [*OFFERS[:-1], "99"]
    for _ in range(2):  # it goes on being told
        time.pass_by(hours=1)
        report = await harvester.harvest(strict)
        part = offers_part(report)
        assert (part.status, part.error_code) == (ListStatus.FAILED, "SOURCE_BAD_DATA")
        assert "its form changed" in part.message
        assert await told(database) == EVERY_KIND
        assert await done(database) == {"STOPPED"}
        assert await standing(database) == len(OFFERS)
        assert await database.writes.fetch_all(entries) == before
    assert await accept_drifts(database, "laboratory", time.now) == len(EVERY_KIND)
    time.pass_by(hours=1)
    after = offers_part(await harvester.harvest(strict))
    assert (after.status, after.drift) == (ListStatus.OK, {})
    # Back again: another unit and another kind are changes once more.
    offers.members["offers"] = plain
    time.pass_by(hours=1)
    assert offers_part(await harvester.harvest(strict)).status is ListStatus.FAILED


async def test_rows_that_show_a_change_wait_and_take_nothing_away(
    harvester, offers, source, database, time
):
    careful = in_mode(source, DriftMode.QUARANTINE)
    await harvester.harvest(careful)
    offers.members["offers"] = spoiled
    time.pass_by(hours=1)
    report = await harvester.harvest(careful)
    assert report.total(Outcome.QUARANTINED) == len(OFFERS)
    assert await told(database) == EVERY_KIND
    assert await done(database) == {"QUARANTINED"}
    assert await standing(database) == len(OFFERS)
    waiting = await database.writes.fetch_all(
        "SELECT raw, problems FROM quarantine WHERE status = 'OPEN'"
    )
    assert len(waiting) == len(OFFERS)
    codes = {each["code"] for _, found in waiting for each in found}
    assert codes == {*(f"DRIFT_{kind}" for kind, _, _ in EVERY_KIND), "CODE_UNKNOWN"}
    assert all("13900000000" not in raw for raw, _ in waiting)


async def test_a_mode_holds_for_the_record_types_it_names(
    harvester, offers, source, database, time
):
    elsewhere = replace(source, drift={"Instrument": DriftMode.STOP})
    await harvester.harvest(elsewhere)
    offers.members["offers"] = lambda number: {**plain(number), "colour": "red"}
    time.pass_by(hours=1)
    assert offers_part(await harvester.harvest(elsewhere)).status is ListStatus.OK
    strict = replace(source, drift={"ServiceOffer": DriftMode.STOP, "": DriftMode.EVOLVE})
    time.pass_by(hours=1)
    assert offers_part(await harvester.harvest(strict)).status is ListStatus.FAILED


async def test_of_personal_and_of_unknown_fields_no_value_is_kept(
    harvester, offers, source, database
):
    offers.members["offers"] = lambda n: {**plain(n), "mobile": f"1390000{int(n):04d}"}
    await harvester.harvest(source)
    fields = await database.writes.fetch_all(
        "SELECT field, median FROM list_field WHERE collection = 'offers'"
    )
    medians = dict(fields)
    assert medians["price"] is not None
    assert medians["phone"] is None
    assert medians["mobile"] is None


def form_of(rows, before=None):
    watch = FormWatch(before or {}, (), DriftMode.EVOLVE)
    watch.document([(row, ConvertedRow()) for row in rows])
    return watch


ROWS = [{"price": 10 * n, "note": "x", "rare": "y" if n == 1 else None} for n in range(1, 11)]


def seen_after(change):
    """The kinds of change that a whole reading shows after one of the plain rows."""
    watch = form_of(map(change, ROWS), form_of(ROWS).form.fields())
    watch.close()
    return {each.kind for each in watch.seen}


def test_what_is_a_change_and_what_is_none():
    assert seen_after(lambda row: row) == set()
    assert seen_after(lambda row: {**row, "price": row["price"] * 3}) == set()
    assert seen_after(lambda row: {**row, "note": "x" if row["price"] == 10 else None}) == set()
    assert seen_after(lambda row: {**row, "note": " "}) == {DriftKind.FIELD_GONE}
    assert seen_after(lambda row: {"price": row["price"], "rare": row["rare"]}) == {
        DriftKind.FIELD_GONE
    }
    assert seen_after(lambda row: {**row, "note": 5}) == {DriftKind.TYPE}
    assert seen_after(lambda row: {**row, "price": str(row["price"])}) == {DriftKind.TYPE}
    assert seen_after(lambda row: {**row, "price": row["price"] * 10_000}) == {DriftKind.UNIT}
    assert seen_after(lambda row: {**row, "price": row["price"] / 100}) == {DriftKind.UNIT}


def test_no_source_can_make_the_memory_of_its_form_grow():
    rows = [{f"field {n}": n for n in range(at, at + 100)} for at in range(0, 100_000, 100)]
    assert len(form_of(rows).form.fields()) == 500


def test_reordered_rows_and_small_growth_are_never_a_unit():
    """A property over drawn lists: only factors of units are told."""
    draw = random.Random(20261126)
    for _ in range(200):
        values = [round(draw.lognormvariate(6, 2), 2) + 0.01 for _ in range(draw.randint(5, 60))]
        before = form_of([{"price": each} for each in values]).form.fields()
        mixed = draw.sample(values, len(values))
        factor = draw.choice([1, 1.0, 10_000, 0.0001, 3_600, 1 / 60])
        after = FormWatch(before, (), DriftMode.EVOLVE)
        for each in mixed:
            after.form.add({"price": each * factor}, ())
        told = after.close()
        assert bool(told) == (factor != 1)
        assert all(each.kind is DriftKind.UNIT for each in told)


def test_the_strictest_mode_of_the_types_of_a_list_counts():
    from hub.harvest.drift import strictest

    assert strictest([DriftMode.QUARANTINE, DriftMode.STOP, DriftMode.EVOLVE]) is DriftMode.STOP
    assert Drift(DriftKind.TYPE, "a", "b").words == "a TYPE b"


FILE = """adapter = "ecnu"
base_url = "http://127.0.0.1:9/"
owners = ["moe:10269"]
"""


def written(folder, text):
    path = folder / "ecnu.toml"
    path.write_text(FILE + text, "utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        ("", {}),
        ('drift = "stop"', {"": "stop"}),
        (
            '[drift]\nInstrument = "quarantine"\nothers = "evolve"',
            {"Instrument": "quarantine", "": "evolve"},
        ),
    ],
)
def test_the_file_of_a_source_says_what_is_done(tmp_path, text, modes):
    assert load_source(written(tmp_path, text)).drift == modes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('drift = "halt"', "evolve, quarantine, stop"),
        ("drift = 3", "evolve, quarantine, stop"),
        ('[drift]\nInstrumnet = "stop"', "no such record type"),
        ("[drift]\nInstrument = true", "evolve, quarantine, stop"),
    ],
)
def test_a_mistake_there_is_named_with_what_is_known(tmp_path, text, words):
    with pytest.raises(SettingsError) as refused:
        load_source(written(tmp_path, text))
    assert any(words in each for each in refused.value.problems)
