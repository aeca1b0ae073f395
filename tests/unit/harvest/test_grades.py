"""Bronze, silver, gold: what counts reach which grade, and what is said to be missing."""

from __future__ import annotations

import pytest

from hub.harvest.grades import REQUIREMENTS, GradeFacts, Share, SourceGrade, grade, rules
from hub.store.records import standard_records

ALL, MOST, NONE = Share(100, 100), Share(93, 100), Share(0, 100)
NOTHING = Share(0, 0)


def facts(**given):
    shares = dict.fromkeys(REQUIREMENTS, ALL) | given
    return GradeFacts(**{"rows": 100, "declares_hours": True, **shares})


def graded(**given):
    found = grade(facts(**given), rules())
    return found.grade, found.codes


def test_a_source_that_reaches_everything_is_gold_and_lacks_nothing():
    assert graded() == (SourceGrade.GOLD, [])


def test_a_source_of_which_nothing_stands_has_no_grade():
    assert graded(rows=0) == (SourceGrade.NONE, ["COMPLETENESS"])


def test_the_worst_requirement_decides_and_the_next_grade_says_what_is_missing():
    assert graded(completeness=Share(85, 100)) == (SourceGrade.SILVER, ["COMPLETENESS"])
    assert graded(completeness=Share(85, 100), rejects=Share(97, 100)) == (
        SourceGrade.SILVER,
        ["COMPLETENESS", "REJECTS"],
    )
    assert graded(timeliness=Share(1, 2)) == (SourceGrade.BRONZE, ["TIMELINESS"])
    assert graded(warnings=NONE) == (SourceGrade.NONE, ["WARNINGS"])


def test_hours_that_no_sensor_knows_end_at_silver_and_say_that_they_are_unknown():
    assert graded(hours=NOTHING) == (SourceGrade.SILVER, ["HOURS_UNKNOWN"])
    assert graded(hours=NOTHING, declares_hours=False) == (SourceGrade.GOLD, [])
    assert graded(hours=Share(1, 10)) == (SourceGrade.BRONZE, ["HOURS"])


def test_a_source_without_feeds_is_not_late():
    assert graded(timeliness=NOTHING) == (SourceGrade.GOLD, [])


def test_every_threshold_rises_with_the_grade_and_has_its_reason():
    for each in rules().requirements:
        assert (
            each.least[SourceGrade.BRONZE]
            <= each.least[SourceGrade.SILVER]
            <= each.least[SourceGrade.GOLD]
            <= 1
        )
        assert each.why
        assert each.zh


def test_every_item_that_the_policy_wants_is_an_item_of_the_standard():
    registry = standard_records().registry
    for name, items in rules().items.items():
        known = {item.name for item in registry[name].items}
        assert set(items) <= known
        assert any(item.optional for item in registry[name].items if item.name in items)


@pytest.mark.parametrize(
    ("declared", "sensed", "agrees"),
    [
        (100, 100, True),
        (100, 81, True),
        (100, 79, False),
        (1, 2.9, True),
        (0, 0, True),
        (0, 9, False),
    ],
)
def test_hours_agree_within_a_share_or_a_few_hours(declared, sensed, agrees):
    assert rules().agreement.holds(declared, sensed) is agrees
