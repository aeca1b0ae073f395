"""Metadata of sources: every shipped file loads, and what is wrong in one has its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters import discover
from adapters._adapter import Collection, Context, Mode
from adapters._metadata import MetadataError, RowBounds
from adapters._metadata_files import FOLDER, metadata_of, shared_look_ups
from adapters._metadata_text import parse_bounds, parse_metadata, parse_shared
from connectors.mqtt import Messages
from connectors.rest import PagedJson
from hub.harvest.connections import PROTOCOLS
from hub.harvest.described import description_of
from hub.harvest.feed import harvested, lists_harvested
from schema.codes import Certainty, InstrumentStatus, SharingMode

GOOD = """
id = "jiangsu"
title = { zh = "江苏平台", en = "Jiangsu platform" }
publisher = { zh = "某厅", en = "Some department" }
authority = { zh = "平台", en = "the platform" }
interface = "not public"
basis = { zh = "国家填报表", en = "the national form" }
protocol = "http"
purpose = "OTHER"
institutions = "many"
additions = "warn"

[feed.Instrument]
mode = "HARVEST"
every = "6 h"
promised = "24 h"
lookback = "7 d"
rows = { min = 1, max = 1_000 }

[codes.state]
at = ["runState"]
of = "InstrumentStatus"
words = { ok = "IN_SERVICE", "坏" = "AWAITING_REPAIR" }
ended = { gone = "DELETED" }
nothing = ["new"]
"""


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(MetadataError) as refused:
        parse_metadata(text, file="jiangsu.toml")
    return refused.value.problems


def test_metadata_say_how_often_is_read_how_many_rows_are_right_and_what_words_mean() -> None:
    made = parse_metadata(GOOD)
    feed = made.feed_of("Instrument")
    assert (feed.every, feed.promised_freshness) == (timedelta(hours=6), timedelta(days=1))
    assert feed.lookback == timedelta(days=7)
    assert feed.rows is not None
    assert (feed.rows.least, feed.rows.most) == (1, 1_000)
    assert made.many_institutions
    state = made.codes["state"]
    assert state.known == {
        "new": None,
        "ok": InstrumentStatus.IN_SERVICE,
        "坏": InstrumentStatus.AWAITING_REPAIR,
    }
    assert state.ended == {"gone": "DELETED"}


@pytest.mark.parametrize(
    ("find", "put", "place", "says"),
    [
        ('title = { zh = "江苏平台", en', "title = { en", "title.zh", "missing"),
        ('en = "Some department"', 'en = " "', "publisher.en", "says something"),
        ('interface = "not public"', 'interface = "secret"', "interface", "partly public"),
        ('purpose = "OTHER"', 'purpose = "LABORATORY"', "purpose", "LAB"),
        ('institutions = "many"', "institutions = true", "institutions", "one, many"),
        ('protocol = "http"', "", "protocol", "missing"),
        ('protocol = "http"', 'protocol = "http"\nurl = "x"', "url", "no member"),
        ('id = "jiangsu"', 'id = "Jiangsu"', "id", "a-z"),
        ("[feed.Instrument]", "[feed.Instruments]", "feed.Instruments", "no record type"),
        ('every = "6 h"', 'every = "6"', "feed.Instrument.every", "15 min"),
        ('every = "6 h"', 'every = "0 h"', "feed.Instrument.every", "15 min"),
        ('every = "6 h"', 'every = "32 d"', "feed.Instrument.every", "at most 31 d"),
        ('every = "6 h"', 'every = "24 h"', "feed.Instrument.promised", "longer than"),
        ('mode = "HARVEST"', 'mode = "ASKED"', "feed.Instrument.mode", "HARVEST, LIVE, PUSH"),
        ('mode = "HARVEST"', 'mode = "PUSH"', "feed.Instrument.every", "unless the source sends"),
        ('mode = "HARVEST"', "", "feed.Instrument.mode", "missing"),
        ('every = "6 h"', 'often = "6 h"', "feed.Instrument.often", "no member"),
        ('promised = "24 h"', "", "feed.Instrument.promised", "missing"),
        ('promised = "24 h"', 'promised = "400 d"', "feed.Instrument.promised", "at most 366 d"),
        ('lookback = "7 d"', 'lookback = "6 h"', "feed.Instrument.lookback", "something is missed"),
        ("min = 1,", "min = 1_001,", "feed.Instrument.rows.max", "less than min"),
        ("min = 1, max = 1_000", "min = 0, max = 0", "feed.Instrument.rows.max", "more than 0"),
        ("min = 1,", "min = -1,", "feed.Instrument.rows.min", "0 to"),
        ("min = 1,", "min = true,", "feed.Instrument.rows.min", "0 to"),
        ("min = 1, ", "", "feed.Instrument.rows.min", "missing"),
        ("rows = { min = 1, max = 1_000 }", "", "feed.Instrument.rows", "missing"),
        ("rows = { min = 1, max = 1_000 }", "rows = 5", "feed.Instrument.rows", "must be a table"),
        ('of = "InstrumentStatus"', 'of = "Status"', "codes.state.of", "no code list"),
        ('of = "InstrumentStatus"', "", "codes.state.of", "of which list"),
        ('"IN_SERVICE"', '"WORKING"', "codes.state.words.ok", "IN_SERVICE"),
        ('at = ["runState"]', "at = []", "codes.state.at", "fields of the source"),
        ('nothing = ["new"]', 'nothing = ["ok"]', "codes.state.ok", "two places"),
        ('nothing = ["new"]', 'nothing = ["new", "new"]', "codes.state.nothing", "twice"),
        ('nothing = ["new"]', 'nothing = [" new"]', "codes.state.' new'", "never met"),
        ('gone = "DELETED"', 'gone = "it left"', "codes.state.ended.gone", "A-Z"),
        ('nothing = ["new"]', 'standard = ["en"]', "codes.state.standard", "official, zh"),
        (
            'nothing = ["new"]',
            'standard = ["official"]\nleave_out = ["NO"]',
            "codes.state.leave_out",
            "no code of",
        ),
        ('ok = "IN_SERVICE"', '"在用" = "IN_SERVICE"', "codes.state", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_place(find: str, put: str, place: str, says: str) -> None:
    assert GOOD.count(find) >= 1
    text = GOOD.replace(find, put, 1)
    if not says:  # a word of the standard itself, stated once more
        text = text.replace('nothing = ["new"]', 'standard = ["zh"]')
        place, says = "codes.state.words.在用", "already"
    told = problems(text)
    assert any(each.startswith(f"jiangsu.toml: {place}: ") and says in each for each in told), told


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD.replace('"6 h"', '"6"').replace("IN_SERVICE", "WORKING").replace("OTHER", "X")
    assert len(problems(text)) == 3


def test_a_text_that_is_no_toml_names_file_and_line() -> None:
    (told,) = problems(GOOD.replace('protocol = "http"', "protocol = http"))
    assert told.startswith("jiangsu.toml: ")
    assert "line 8" in told


def test_without_any_feed_or_look_up_that_exists_nothing_loads() -> None:
    (told,) = problems(GOOD.partition("[feed")[0])
    assert told.startswith("jiangsu.toml: feed: ")
    (told,) = problems(GOOD.replace('additions = "warn"', 'additions = "warn"\nshared = ["_x"]'))
    assert "_x.toml" in told


def test_rows_of_what_a_source_sends_by_itself_have_no_bounds() -> None:
    told = problems(GOOD.replace('mode = "HARVEST"\nevery = "6 h"\n', 'mode = "PUSH"\n'))
    assert ["feed.Instrument.rows" in each for each in told] == [True]


UNKEPT = 'mode = "LIVE"\nkeeping = "FORBIDDEN"\nstale_max = "10 min"\n'


def test_what_must_not_be_kept_is_only_asked_and_shown_for_a_while() -> None:
    head, _, rest = GOOD.partition('mode = "HARVEST"\n')
    read = 'every = "6 h"\n'
    bounds = "rows = { min = 1, max = 1_000 }\n"
    text = (head + UNKEPT + rest).replace(read, "").replace(bounds, "")
    feed = parse_metadata(text).feed_of("Instrument")
    assert (feed.mode, feed.every, feed.stale_max) == (Mode.LIVE, None, timedelta(minutes=10))
    assert parse_metadata(GOOD).feed_of("Instrument").stale_max is None
    for wrong, place in (
        (text.replace(UNKEPT, UNKEPT + read), "feed.Instrument.every"),
        (text.replace('"LIVE"', '"PUSH"'), "feed.Instrument.keeping"),
        (text.replace('stale_max = "10 min"\n', ""), "feed.Instrument.stale_max"),
        (text.replace('"10 min"', '"25 h"'), "feed.Instrument.stale_max"),
        (text.replace("FORBIDDEN", "ALLOWED"), "feed.Instrument.keeping"),
        (GOOD.replace(read, read + 'stale_max = "1 h"\n'), "feed.Instrument.stale_max"),
    ):
        told = problems(wrong)
        assert any(place in each for each in told), (place, told)


def test_a_list_of_what_must_not_be_kept_is_never_harvested_and_holds_nothing_else() -> None:
    known = discover()["ecnu"]
    feeds = dict(known.metadata.feeds)
    unkept = {"mode": Mode.LIVE, "every": None, "rows": None, "stale_max": timedelta(minutes=5)}
    feeds["Occupancy"] = replace(feeds["Occupancy"], **unkept)
    mixed = replace(known, metadata=replace(known.metadata, feeds=feeds))
    with pytest.raises(MetadataError, match=r"yyjl: .*may be kept"):
        mixed.check()
    feeds["OccupancyCoverage"] = replace(feeds["OccupancyCoverage"], **unkept)
    whole = replace(known, metadata=replace(known.metadata, feeds=feeds))
    whole.check()
    assert [each.name for each in lists_harvested(whole)] == ["dxyq", "sfbz", "kfsj"]
    assert lists_harvested(known) == list(known.collections)
    assert not {"Occupancy", "OccupancyCoverage"} & harvested(whole).keys()
    with pytest.raises(MetadataError, match=r"feed\.Occupancy\.keeping"):
        replace(whole, live=None).check()
    described = "\n".join(description_of(whole.metadata))
    assert "10 min" not in described
    assert "5 min" in described
    assert "must not be kept" in described


def test_a_currency_that_is_none_is_refused() -> None:
    of_money = GOOD.replace('of = "InstrumentStatus"', 'of = "ISO 4217"')
    told = problems(of_money.replace('"AWAITING_REPAIR"', '"CNY"'))
    assert ["codes.state.words.ok" in each for each in told] == [True]
    made = parse_metadata(
        of_money.replace('"AWAITING_REPAIR"', '"CNY"').replace("IN_SERVICE", "USD")
    )
    assert made.codes["state"].words == {"ok": "USD", "坏": "CNY"}


def test_a_mapping_that_needs_another_list_or_look_up_is_told() -> None:
    codes = parse_metadata(GOOD).codes
    with pytest.raises(MetadataError, match="needs Certainty"):
        codes.words("state", Certainty)
    with pytest.raises(MetadataError, match=r"codes\.phase"):
        codes.words("phase", InstrumentStatus)


def test_metadata_and_lists_speak_of_the_same_record_types() -> None:
    known = discover()["ecnu"]
    without = dict(known.metadata.feeds)
    del without["Occupancy"]
    with pytest.raises(MetadataError, match=r"ecnu\.toml: feed\.Occupancy"):
        replace(known, metadata=replace(known.metadata, feeds=without)).check()
    with pytest.raises(MetadataError, match=r"ecnu\.toml: feed\.Instrument: .*no list makes it"):
        replace(known, collections=known.collections[1:2]).check()
    sent = Collection(name="sent", reader=Messages(), map=lambda *_: (), types=("Instrument",))
    asked = replace(sent, reader=PagedJson(path="x"))
    one = replace(known.metadata, feeds={"Instrument": known.metadata.feeds["Instrument"]})
    replace(known, metadata=one, collections=(asked,), live=None).check()
    with pytest.raises(MetadataError, match=r"feed\.Instrument\.mode: .*PUSH"):
        replace(known, metadata=one, collections=(sent,), live=None).check()
    live = replace(known, metadata=one, collections=(asked,), live=None)
    with pytest.raises(MetadataError, match=r"feed\.Instrument\.mode: .*LIVE"):
        replace(live, live=replace(known.live, record_type="Instrument")).check()
    with pytest.raises(MetadataError, match=r"feed\.Occupancy\.mode: .*HARVEST"):
        replace(known, live=None).check()


def test_every_adapter_has_metadata_beside_it_and_every_file_there_is_somebody_s() -> None:
    files = {path.stem for path in FOLDER.glob("*.toml")}
    adapters = discover()
    assert {name for name in files if not name.startswith("_")} == set(adapters)
    used = {each.id for one in adapters.values() for each in one.metadata.shared}
    assert {name for name in files if name.startswith("_")} == used
    for name, adapter in adapters.items():
        assert adapter.metadata is metadata_of(name)
        assert adapter.protocol in PROTOCOLS


def test_the_words_of_the_national_form_are_those_that_senders_mix() -> None:
    codes = shared_look_ups("_nrii").codes
    assert codes.words("sharing", SharingMode)["2"] is SharingMode.OUTSIDE
    assert codes.words("sharing", SharingMode)["外部共享"] is SharingMode.OUTSIDE
    assert set(codes["acquisition"].words) == {*"1234", "购置", "研制", "赠送", "其他"}
    assert codes["carrier"].words["4"] == codes["carrier"].words["无"] == "NONE"
    assert "服务单元" not in codes["carrier"].words
    assert len(codes["running_status"].words) == 14


def test_a_shared_file_without_look_ups_and_names_of_other_places_are_refused() -> None:
    with pytest.raises(MetadataError, match="no look-up"):
        parse_shared('id = "_a"\ntitle = { zh = "甲", en = "A" }\n')
    for name in ("nrii", "_none", "_../nemo", "_nrii.toml"):
        with pytest.raises(LookupError):
            shared_look_ups(name)


def test_a_file_is_called_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters._metadata_files.FOLDER", tmp_path)
    (tmp_path / "anywhere.toml").write_text(GOOD, "utf-8")
    with pytest.raises(MetadataError, match=r"anywhere\.toml: id"):
        metadata_of("anywhere")
    with pytest.raises(MetadataError, match=r"nowhere\.toml"):
        metadata_of("nowhere")


@pytest.mark.parametrize(
    ("stated", "place"),
    [
        (5, "rows: "),
        ({"Instrument": 5}, "rows.Instrument: "),
        ({"Instrument": {"min": 2, "max": 1}}, "rows.Instrument.max: "),
        ({"Instrument": {"min": 0}}, "rows.Instrument.max: "),
        ({"Instrument": {"min": 0, "max": 1, "every": "1 h"}}, "rows.Instrument.every: "),
    ],
)
def test_bounds_of_one_installation_are_as_strict(stated: Any, place: str) -> None:
    with pytest.raises(MetadataError) as refused:
        parse_bounds(stated)
    assert any(each.startswith(place) for each in refused.value.problems)


def test_an_installation_has_bounds_of_its_own_for_types_that_are_bounded() -> None:
    known = metadata_of("nemo")
    wider = known.with_bounds(parse_bounds({"Instrument": {"min": 0, "max": 9}}))
    assert wider.feeds["Instrument"].rows == RowBounds(0, 9)
    assert wider.feeds["Instrument"].every == known.feeds["Instrument"].every
    assert wider.feeds["Occupancy"] is known.feeds["Occupancy"]
    assert known.with_bounds({}) == known
    with pytest.raises(MetadataError, match=r"rows\.Voucher.*UsageRecord"):
        known.with_bounds({"Voucher": RowBounds(0, 9)})
    with pytest.raises(MetadataError, match=r"rows\.PowerDay"):
        metadata_of("power_meters").with_bounds({"PowerDay": RowBounds(0, 9)})


@pytest.mark.parametrize("name", discover())
def test_how_far_back_is_read_is_stated_where_a_list_is_read_by_it_and_nowhere_else(
    name: str,
) -> None:
    adapter, now = discover()[name], datetime(2026, 11, 26, tzinfo=UTC)
    windows = [
        {
            each.name: each.window(Context(source=name, now=now, lookback=timedelta(days=days)))
            for each in adapter.collections
        }
        for days in (1, 2)
    ]
    back = {
        record_type
        for each in adapter.collections
        for record_type in each.types
        if windows[0][each.name] != windows[1][each.name]
    }
    feeds = adapter.metadata.feeds.values()
    assert back == {each.record_type for each in feeds if each.lookback is not None}


@pytest.mark.parametrize("words", ['{ "0" = "yes" }', '{ a = "yes", b = "yes" }', '{ a = "y" }'])
def test_a_flag_has_one_word_for_yes_and_one_for_no(words: str) -> None:
    flagged = GOOD.replace('{ ok = "IN_SERVICE", "坏" = "AWAITING_REPAIR" }', "{WORDS}")
    flagged = flagged.replace('"InstrumentStatus"', '"yes or no"')
    made = parse_metadata(flagged.replace("{WORDS}", '{ "1" = "no", "0" = "yes" }'))
    assert made.codes.flag("state") == ("0", "1")
    (told,) = problems(flagged.replace("{WORDS}", words))
    assert "codes.state.words" in told
    with pytest.raises(MetadataError, match="needs 'yes or no'"):
        parse_metadata(GOOD).codes.flag("state")
