import re
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

from hub.sandbox.anhui import equipment_row, unit_row
from hub.sandbox.ecnu import instrument_row
from hub.sandbox.world import SORTS, World, owners
from schema.checks import check_division
from schema.codes.tables import country, is_known
from schema.identifiers import check_moe_school_code, check_ror, check_uscc

DAY = date(2026, 11, 24)
WORLD = World(DAY)


def test_there_are_more_than_five_thousand_instruments_in_four_provinces():
    assert len(WORLD.platform) >= 4500
    assert len(WORLD.platform) + len(WORLD.university) >= 5000
    provinces = Counter(one.owner.division[:2] for one in WORLD.platform)
    assert set(provinces) == {"31", "32", "33", "34"}
    assert min(provinces.values()) > 500


def test_numbers_are_unique_within_their_institution():
    keys = [(one.owner.ins_code, one.number) for one in (*WORLD.platform, *WORLD.university)]
    assert len(set(keys)) == len(keys)


def test_every_identifier_of_an_institution_is_sound():
    for owner in owners():
        assert check_division(owner.division) is None
        assert owner.uscc == "" or check_uscc(owner.uscc) is None
        assert owner.ror == "" or check_ror(owner.ror) is None
        assert owner.school_code == "" or check_moe_school_code(owner.school_code) is None
        assert owner.uscc or owner.ror or owner.school_code
    codes = [owner.ins_code for owner in owners()]
    assert len(set(codes)) == len(codes)


def test_every_kind_has_a_listed_class_subjects_and_country():
    for sort in SORTS:
        assert is_known("GB/T 32847-2016", sort.code)
        assert all(is_known("GB/T 13745-2009", one) for one in sort.subjects.split(","))
        assert country(sort.country) is not None
        assert 0 < sort.worth[0] < sort.worth[1]
        assert 0 < sort.hour[0] < sort.hour[1]


def test_the_same_day_gives_the_same_world():
    again = World(DAY)
    assert again.platform == WORLD.platform
    first = WORLD.platform[0]
    assert list(again.bookings(first)) == list(WORLD.bookings(first))


def test_the_next_day_shows_the_same_bookings_and_a_day_more():
    later = World(DAY + timedelta(days=1))
    for one in WORLD.university[:50]:
        today = {booking.id: booking for booking in WORLD.bookings(one)}
        tomorrow = {booking.id: booking for booking in later.bookings(one)}
        shared = today.keys() & tomorrow.keys()
        assert all(today[name] == tomorrow[name] for name in shared)
        assert today.keys() <= tomorrow.keys()


def test_bookings_reach_from_four_weeks_ago_to_three_weeks_ahead():
    starts = [each.start.date() for one in WORLD.platform for each in WORLD.bookings(one)]
    assert min(starts) <= DAY - timedelta(weeks=4)
    assert DAY + timedelta(days=20) <= max(starts) <= DAY + timedelta(weeks=3)
    assert len(starts) > 10_000


def test_bookings_of_one_instrument_do_not_overlap():
    for one in WORLD.platform[:300]:
        spans = sorted((each.start, each.end) for each in WORLD.bookings(one))
        for (_, end), (start, _) in pairwise(spans):
            assert end <= start


def test_of_some_instruments_nothing_is_known_about_their_calendar():
    share = sum(one.has_calendar for one in WORLD.platform) / len(WORLD.platform)
    assert 0.6 < share < 0.8


def test_no_person_is_in_the_rows():
    rows = [equipment_row(one) for one in WORLD.platform[:200]]
    rows += [instrument_row(one) for one in WORLD.university]
    for row in rows:
        assert row.get("contact", row.get("lxr")) in ("仪器共享服务台", "大型仪器平台值班室")
        assert not re.search(r"1[3-9]\d{9}", str(row))
    assert all("@" not in str(unit_row(owner)) for owner in owners())
