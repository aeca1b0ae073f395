"""What follows from the answer of a source about one instrument."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters import discover
from adapters._adapter import (
    Adapter,
    Collection,
    Context,
    Live,
    LiveList,
    Mapped,
    Removed,
    covered,
)
from adapters._feed import Mode
from adapters._platform import remember_unit
from adapters._row import Row
from connectors.document import Document, digest_of
from connectors.reader import EVERYTHING
from connectors.rest import PagedJson
from hub.federation.live_answer import Conclusion, LiveAnswer
from schema.registry import standard
from tests.source_metadata import metadata

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
KEY, OTHER = "moe:1/A", "moe:1/B"
LONG_AGO = NOW - timedelta(days=1)
LIST = "bookings"


def booked(row: Row, context: Context) -> Any:
    """One booking; `gone` says that it was cancelled, a `start` that is none is a flaw."""
    del context
    key, number = row.text("of"), row.text("no")
    start, gone = row.instant("start"), row.optional_text("gone")
    if gone:
        yield Removed("Occupancy", f"{key}/{number}", gone)
        return
    yield Mapped(
        "Occupancy",
        {
            "instrumentKey": key,
            "localId": number,
            "kind": "RESERVATION",
            "certainty": row.optional_text("certainty") or "FIRM",
            "startAt": start,
            "endAt": row.text("end"),
        },
    )


def reported(row: Row, context: Context) -> Any:
    """A statement that the calendar of an instrument is known, or one that makes no sense."""
    end = row.optional_text("end") or ""
    coverage = context.coverage(row.text("of"))
    yield replace(coverage, record={**coverage.record, **({"endAt": end} if end else {})})


COLLECTION = Collection(
    name=LIST, reader=PagedJson(path="x"), map=booked, types=("Occupancy",), closes=covered
)
OF_COVERAGE = Collection(
    name="calendars", reader=PagedJson(path="x"), map=reported, types=("OccupancyCoverage",)
)


def answer(
    *rows: dict[str, str],
    doubt: str | None = None,
    is_complete: bool = False,
    calendars: list[dict[str, str]] | None = None,
) -> LiveAnswer:
    """What the toy said; `calendars`: of whom it reports, where it tells that in a list."""
    booked_list = COLLECTION if calendars is None else replace(COLLECTION, closes=lambda *_: ())
    live = Live(
        record_type="Occupancy",
        accepts=lambda *_: True,
        question=lambda *_: [LiveList(collection=LIST, window=EVERYTHING)],
        complete_within=is_complete,
    )
    adapter = Adapter(
        metadata=metadata("toy", {"Occupancy": ("15 min", "1 h")}, live="Occupancy"),
        collections=(booked_list,),
        live=live,
    )
    made = LiveAnswer(adapter, live, standard(), Context(source="toy", now=NOW), KEY)
    document = Document(place="x", number=1, digest=digest_of(b"x"), rows=rows, doubt=doubt)
    made.take(booked_list, document)
    if calendars is not None:
        made.take(OF_COVERAGE, replace(document, rows=calendars))
    return made


def row(number: str, of: str = KEY, **more: str) -> dict[str, str]:
    times = {"start": "2026-12-01T01:00:00Z", "end": "2026-12-01T02:00:00Z"}
    return {"of": of, "no": number, **times, **more}


def test_what_the_store_has_and_the_answer_lacks_is_withdrawn() -> None:
    known = {f"{KEY}/1": LONG_AGO, f"{KEY}/2": LONG_AGO}
    conclusion = answer(row("1"), row("3")).conclude(known)
    assert [one.record["localId"] for one in conclusion.records] == ["1", "3"]
    assert list(conclusion.withdrawn) == [f"{KEY}/2"]
    assert conclusion.is_whole


def test_what_was_stated_after_the_question_is_not_missed() -> None:
    known = {f"{KEY}/1": NOW, f"{KEY}/2": NOW + timedelta(seconds=1)}
    conclusion = answer(row("3"), row("2", gone="CANCELLED")).conclude(known)
    assert list(conclusion.withdrawn) == [f"{KEY}/1"]


def test_what_the_source_calls_ended_is_withdrawn_with_its_reason() -> None:
    known = {f"{KEY}/1": LONG_AGO}
    conclusion = answer(row("1", gone="CANCELLED"), row("9", gone="CANCELLED")).conclude(known)
    assert conclusion.withdrawn == {f"{KEY}/1": "CANCELLED"}
    assert conclusion.is_whole


def test_rows_of_other_instruments_are_left_out_whatever_is_wrong_with_them() -> None:
    rows = (row("1"), row("7", OTHER), row("8", OTHER, gone="MOVED"), row("9", OTHER, start="?"))
    conclusion = answer(*rows).conclude({f"{KEY}/1": LONG_AGO})
    assert [one.record["localId"] for one in conclusion.records] == ["1"]
    assert conclusion.withdrawn == {}
    assert conclusion.is_whole


@pytest.mark.parametrize(
    "bad",
    [
        row("2", start="?"),
        {"of": KEY},
        {**row("2"), "end": "2026-11-30T00:00:00Z"},  # ends before it begins: no such record
    ],
)
def test_a_row_that_cannot_be_read_leaves_the_rest_in_and_nothing_out(bad: dict[str, str]) -> None:
    conclusion = answer(row("1"), bad).conclude({f"{KEY}/5": LONG_AGO})
    assert [one.record["localId"] for one in conclusion.records] == ["1"]
    assert conclusion.withdrawn == {}
    assert not conclusion.is_whole


def test_a_list_that_may_not_be_whole_withdraws_nothing() -> None:
    conclusion = answer(row("1"), doubt="it moved").conclude({f"{KEY}/5": LONG_AGO})
    assert (conclusion.withdrawn, conclusion.is_whole) == ({}, False)


def test_coverage_is_what_the_source_says_of_it_and_ends_where_it_says_none() -> None:
    by_list = answer(row("1")).conclude({}, ["old"])
    assert [one.record["instrumentKey"] for one in by_list.coverage] == [KEY]
    assert by_list.uncovered == ()
    told = answer(row("1"), calendars=[{"of": OTHER}, {"of": KEY}]).conclude({}, ["old"])
    assert (told.coverage, told.uncovered) == (by_list.coverage, ())
    silent = answer(row("1"), calendars=[{"of": OTHER}]).conclude({}, ["old"])
    assert (silent.is_whole, silent.coverage, silent.uncovered) == (True, (), ("old",))
    unread = answer(row("1"), calendars=[{"of": KEY, "end": "2020-01-01T00:00:00Z"}])
    assert unread.conclude({}, ["old"]) == Conclusion(tuple(silent.records))
    doubted = answer(row("1"), row("2", start="?")).conclude({}, ["old"])
    assert (doubted.coverage, doubted.uncovered) == ((), ())


def test_time_is_told_by_how_certain_it_is() -> None:
    made = answer(row("1"), row("2", certainty="TENTATIVE"), calendars=[{"of": KEY}])
    spans = made.spans(made.conclude({}))
    hour = (datetime(2026, 12, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, 2, tzinfo=UTC))
    context = Context(source="toy", now=NOW)
    cover = [(context.window_start, context.window_end)]
    assert spans == {"firm": [hour], "tentative": [hour], "cover": cover}


def test_an_answer_without_rows_is_believed_only_where_the_adapter_says_so() -> None:
    known = {f"{KEY}/1": LONG_AGO}
    assert answer(is_complete=True).conclude(known).withdrawn.keys() == known.keys()
    doubted = answer().conclude(known)
    assert (doubted.withdrawn, doubted.is_whole) == ({}, False)
    assert answer().conclude({}).is_whole
    covering = answer(calendars=[{"of": KEY}]).conclude(known)
    assert covering.withdrawn.keys() == known.keys()
    assert not answer(calendars=[{"of": OTHER}]).conclude(known).is_whole


def test_a_question_that_asked_nothing_says_nothing() -> None:
    adapter = discover()["ecnu"]
    assert adapter.live is not None
    context = Context(source="x", now=NOW)
    asked_nothing = LiveAnswer(adapter, adapter.live, standard(), context, "moe:10269/A")
    assert not asked_nothing.conclude({}).is_whole


def test_every_live_question_names_lists_of_its_adapter() -> None:
    live = {name: each for name, each in discover().items() if each.live is not None}
    provinces = dict.fromkeys(("shanghai", "jiangsu", "anhui"), "uscc:1/A1")
    hub = {"peer_hub": "moe:2/A1"}
    keys = {"ecnu": "moe:10269/A1", "nemo": "moe:1/nemo-5", **provinces, **hub}
    assert live.keys() == keys.keys()
    for adapter in live.values():
        assert adapter.live is not None
        context = Context(source="x", now=NOW, institution={"institutionKey": "moe:1"})
        context.remember("tool", "7", "nemo-5")
        remember_unit(context, "u1", "uscc:1", None)
        key = keys[adapter.id]
        assert adapter.live.accepts(context, key)
        # A platform or a hub may be asked about instruments of any institution.
        assert adapter.live.accepts(context, "moe:2/A2") is (adapter.id in {*hub, *provinces})
        names = {each.collection for each in adapter.live.question(context, key)}
        known = {each.name: each for each in (*adapter.collections, *adapter.live.lists)}
        assert names
        assert {*names, *adapter.live.look_ups} <= known.keys()
        # What a harvest reads of the record type, a question reads too: else it would be missed.
        gives = {name for name, each in known.items() if adapter.live.record_type in each.types}
        assert names >= gives
        if adapter.id not in hub:  # the calendars of hubs are only asked
            modes = {each.record_type: each.mode for each in adapter.feeds}
            assert modes[adapter.live.record_type] is Mode.LIVE


@pytest.mark.parametrize("name", ["shanghai", "jiangsu", "anhui"])
def test_a_unit_with_two_codes_is_asked_by_both_and_one_that_is_gone_not_at_all(name: str) -> None:
    live = discover()[name].live
    assert live is not None
    context = Context(source="x", now=NOW)
    assert list(live.question(context, "uscc:1/A1")) == []
    remember_unit(context, "u1", "uscc:1", None)
    once = list(live.question(context, "uscc:1/A1"))
    remember_unit(context, "u2", "uscc:1", None)
    remember_unit(context, "u2", "uscc:1", None)
    twice = list(live.question(context, "uscc:1/A1"))
    assert len(twice) == 2 * len(once) > 0
    assert all("A1" in each.window.filters.values() for each in twice)
    assert {code for each in twice for code in each.window.filters.values()} >= {"u1", "u2"}
