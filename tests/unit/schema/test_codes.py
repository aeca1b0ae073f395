"""Code lists travel by name, refuse what they do not hold, and code tables are whole."""

import json
import pickle
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

import schema.codes
from schema.codes import (
    Acquisition,
    CodeList,
    CustomsStatus,
    ExclusionReason,
    InstrumentStatus,
    InstrumentUse,
    Province,
    Rating,
    ServicePurpose,
    UnknownCodeError,
    UserKind,
    Weekday,
    code_lists,
    tables,
)

LISTS = list(code_lists().values())
FOLDER = Path(schema.codes.__file__).parent


@pytest.mark.parametrize("cls", LISTS, ids=lambda cls: cls.__name__)
def test_every_list_is_titled_sourced_and_named_in_two_languages(cls: type[CodeList]):
    assert cls.title_zh
    assert cls.title_en
    assert cls.source
    assert cls.__doc__
    assert getattr(schema.codes, cls.__name__) is cls
    for member in cls:
        assert member.value == member.name == str(member)
        assert re.fullmatch(r"[A-Z][A-Z0-9_]*", member.name)
        assert member.zh
        assert member.en
        assert cls(member.name) is member


@pytest.mark.parametrize("cls", LISTS, ids=lambda cls: cls.__name__)
def test_no_code_means_two_things_within_one_scheme(cls: type[CodeList]):
    official = [member.official for member in cls if member.official is not None]
    assert len(official) == len(set(official))
    other = [
        (scheme, code) for member in cls for scheme in member.also for code in member.also[scheme]
    ]
    assert len(other) == len(set(other))
    for member in cls:
        if member.official is not None:
            assert cls.by_official(member.official) is member
        for scheme, codes in member.also.items():
            assert all(cls.by_official(code, scheme) is member for code in codes)


def test_a_member_is_text_and_serialises_to_its_name():
    assert json.dumps({"status": InstrumentStatus.IN_SERVICE}) == '{"status": "IN_SERVICE"}'
    assert f"{Rating.FAIR}" == "FAIR"
    assert pickle.loads(pickle.dumps(Weekday.MONDAY)) is Weekday.MONDAY


def test_official_codes_are_those_of_the_standards():
    assert [m.official for m in InstrumentStatus][:9] == [str(n) for n in range(1, 10)]
    assert InstrumentStatus.by_official("6") is InstrumentStatus.SCRAPPED
    assert InstrumentStatus.by_official("6", "NRII running status").zh == "待修"
    assert [m.official for m in ServicePurpose] == ["135", "136", "137", "138"]
    assert UserKind.by_official("130") is UserKind.OUTSIDE
    assert InstrumentUse.by_official("1").zh == "专用"
    assert InstrumentUse.by_official("2").zh == "通用"
    assert Rating.by_official("1") is Rating.VERY_SATISFIED
    assert Province.by_official("33") is Province.ZHEJIANG
    assert [m.official for m in Weekday] == [str(n) for n in range(1, 8)]
    assert len(ExclusionReason) == 3


def test_the_same_digit_means_another_acquisition_at_the_ministry():
    assert Acquisition.by_official("2") is Acquisition.DEVELOPED
    assert Acquisition.by_official("2", "MOE SJ1") is Acquisition.DONATED
    assert Acquisition.by_official("4", "MOE SJ1") is Acquisition.TRANSFERRED_IN
    assert Acquisition.by_official("2", "MOF asset codes") is Acquisition.TRANSFERRED_IN


@pytest.mark.parametrize("code", ["0", "10", "", "01", "UNKNOWN", "在用"])
def test_an_unknown_code_raises_instead_of_becoming_other_or_unknown(code: str):
    with pytest.raises(UnknownCodeError, match="known: 1, 2, 3") as caught:
        InstrumentStatus.by_official(code)
    assert caught.value.code == "CODE_UNKNOWN"
    with pytest.raises(UnknownCodeError):
        InstrumentStatus.by_official("1", "a scheme nobody knows")


def test_a_list_without_official_codes_finds_nothing_by_code():
    with pytest.raises(UnknownCodeError, match="known: none"):
        CustomsStatus.by_official("1")


def test_codes_beside_the_official_one_cannot_be_changed():
    with pytest.raises(TypeError):
        Acquisition.PURCHASED.also["MOE SJ1"] = ("9",)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.tsv")), ids=lambda path: path.name)
def test_every_code_file_cites_its_standard_and_has_whole_rows(file: Path):
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert text.endswith("\n")
    assert "\r" not in text
    head = [line for line in lines if line.startswith("#")]
    is_of_the_trade = file.stem.endswith("_words") and "source" in "".join(head).casefold()
    assert lines[0].startswith(("# GB/T", "# ISO")) or is_of_the_trade
    body = [line for line in lines if not line.startswith("#")]
    width = len(body[0].split("\t"))
    for line in body[1:]:
        cells = line.split("\t")
        assert len(cells) == width, line
        assert cells[0], line
        assert all(cell == cell.strip() for cell in cells), line


def test_instrument_classes_hold_the_documented_repeats_and_no_more():
    rows = tables.rows(tables.INSTRUMENT_CLASSES)
    assert len(rows) == 750
    assert len({row.code for row in rows}) == 739
    pairs = Counter((row.parent, row.code) for row in rows)
    assert [pair for pair, count in pairs.items() if count > 1] == [("990000", "990000")]
    assert sum(1 for row in rows if row.parent == "") == 15
    codes = {row.code for row in rows}
    assert all(row.parent == "" or row.parent in codes for row in rows)


def test_asset_and_subject_tables_are_complete_and_unique_but_for_one_code():
    assets = Counter(row.code for row in tables.rows(tables.FIXED_ASSETS_2010))
    assert sum(assets.values()) == 3742
    assert [code for code, count in assets.items() if count > 1] == ["2020100"]
    subjects = [row.code for row in tables.rows(tables.SUBJECTS)]
    assert len(subjects) == len(set(subjects)) == 62


@pytest.mark.parametrize("scheme", sorted(tables.TABLED_SCHEMES))
def test_every_row_has_the_shape_of_its_scheme_and_a_path_that_ends(scheme: str):
    for row in tables.rows(scheme):
        assert tables.well_formed(scheme, row.code)
        path = tables.parents(scheme, row.code)
        assert path[0] == row.code
        assert len(path) == len(set(path)) <= 3


def test_class_path_runs_from_the_class_to_the_top():
    scheme = tables.INSTRUMENT_CLASSES
    assert tables.parents(scheme, "010101") == ("010101", "010100", "010000")
    assert [tables.lookup(scheme, each).name for each in tables.parents(scheme, "010101")][-1] == (
        "分析仪器"
    )
    assert tables.parents(scheme, "019900") == ("019900", "010000")
    assert tables.parents(scheme, "990000") == ("990000",)
    assert tables.parents(scheme, "777777") == ()
    assert tables.parents(tables.FIXED_ASSETS_2010, "1010101") == ("1010101", "1010100", "1010000")
    assert tables.parents(tables.SUBJECTS, "140") == ("140",)


def test_a_repeated_code_answers_with_the_row_nearest_to_the_top():
    assert tables.lookup(tables.INSTRUMENT_CLASSES, "030900").name == "电子学计量仪器"


def test_the_same_digits_are_asked_under_their_scheme_only():
    assert tables.is_known(tables.SUBJECTS, "140")
    assert not tables.is_known(tables.INSTRUMENT_CLASSES, "140")
    assert tables.scheme_name("GB/T 32847", "2016") == tables.INSTRUMENT_CLASSES


def test_a_scheme_without_a_table_raises_instead_of_answering_no():
    assert tables.well_formed(tables.MOE_ASSETS, "03030101")
    assert not tables.well_formed(tables.MOE_ASSETS, "0303")
    for ask in (tables.lookup, tables.is_known, tables.parents):
        with pytest.raises(tables.UnknownSchemeError, match="GB/T 32847-2016"):
            ask(tables.MOE_ASSETS, "03030101")
    with pytest.raises(tables.UnknownSchemeError):
        tables.well_formed("GB/T 1", "1")


def test_hangzhou_districts_of_2020_are_gone_in_2022_and_new_ones_hold():
    assert tables.division("330103", on=date(2020, 6, 1)).name == "下城区"
    assert tables.division("330103", on=date(2022, 6, 1)) is None
    assert tables.division("330103").valid_until.text == "2021-04"
    assert tables.division("330104", on=date(2022, 6, 1)) is None
    assert tables.division("330113", on=date(2020, 6, 1)) is None
    assert tables.division("330113", on=date(2022, 6, 1)).name == "临平区"
    assert tables.division("330114", on=date(2022, 6, 1)).name == "钱塘区"


def test_in_the_month_of_a_change_the_old_and_the_new_code_hold():
    for code in ("330103", "330113"):
        assert tables.division(code, on=date(2021, 4, 1))
        assert tables.division(code, on=date(2021, 4, 30))
    assert tables.division("330103", on=date(2021, 5, 1)) is None
    assert tables.division("330113", on=date(2021, 3, 31)) is None


def test_divisions_cover_the_four_provinces_and_know_their_parents():
    found = tables.divisions()
    assert {code[:2] for code in found} == {"31", "32", "33", "34"}
    for code in ("310000", "320100", "330100", "340100", "330106", "310115"):
        assert tables.division(code, on=date(2026, 1, 1)).register == "GB/T 2260"
    for code, row in found.items():
        assert re.fullmatch(r"[1-9][0-9]{5}", code)
        assert f"{code[:2]}0000" in found
        assert f"{code[:4]}00" in found
        assert (row.register == "NBS") == (code[4] == "7")
        if row.valid_from and row.valid_until:
            assert row.valid_from <= row.valid_until
    assert tables.division("110101") is None


def test_a_country_is_found_by_every_spelling_of_the_same_fact():
    japan = tables.country("JP")
    assert japan.zh == "日本"
    assert all(tables.country(each) is japan for each in ("jpn", "392", "日本", " JP "))
    assert tables.country("中华人民共和国").alpha3 == "CHN"
    assert tables.country("德意志联邦共和国").alpha2 == "DE"
    assert tables.country("004").alpha2 == "AF"
    assert tables.country("000") is None
    assert tables.country("n1") is None


def test_no_spelling_names_two_countries():
    countries = tables.countries()
    assert len(countries) == 249
    spellings = Counter(
        key
        for each in countries
        for key in {each.alpha2, each.alpha3, each.numeric, each.zh, *each.aliases}
    )
    assert [key for key, count in spellings.items() if count > 1] == []
    for each in countries:
        assert re.fullmatch(r"[A-Z]{2}", each.alpha2)
        assert re.fullmatch(r"[A-Z]{3}", each.alpha3)
        assert re.fullmatch(r"[0-9]{3}", each.numeric)


def test_country_letters_agree_with_the_time_zone_database():
    tzdata = pytest.importorskip("tzdata", reason="the tzdata package is not installed")
    listing = Path(tzdata.__file__).parent / "zoneinfo" / "iso3166.tab"
    if not listing.exists():
        pytest.skip("this tzdata has no iso3166.tab")
    lines = listing.read_text(encoding="utf-8").splitlines()
    letters = {line.split("\t")[0] for line in lines if line and not line.startswith("#")}
    assert {each.alpha2 for each in tables.countries()} == letters


def test_currencies_know_their_minor_digits():
    wanted = ["CNY", "USD", "EUR", "GBP", "JPY", "CHF", "HKD", "AUD", "CAD", "SEK", "NOK"]
    wanted += ["DKK", "SGD", "KRW"]
    assert all(tables.currency(code) for code in wanted)
    assert tables.currency("CNY").digits == 2
    assert tables.currency("JPY").digits == 0
    assert tables.currency("RMB") is None
