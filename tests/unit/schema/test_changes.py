"""What changed between two versions of the standard, and the version that it needs."""

from __future__ import annotations

from typing import Any

import pytest

from schema.changes import Level, StandardChange, code_changes, record_changes, version_needed


def schemas(**properties: dict[str, Any]) -> dict[str, Any]:
    """One record type, whose items are required unless they say `absent`."""
    required = [name for name, each in properties.items() if not each.pop("absent", False)]
    body = {"required": required, "properties": properties, "x-scope": "catalogue:read"}
    return {"toy.schema.json": body}


def found(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[Level, str]]:
    return [(each.level, each.what) for each in record_changes(old, new)]


TEXT = {"type": "string", "maxLength": 10}


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ({"a": TEXT}, {}, Level.BREAKING),
        ({}, {"a": TEXT}, Level.BREAKING),
        ({}, {"a": {**TEXT, "absent": True}}, Level.ADDED),
        ({"a": {**TEXT, "absent": True}}, {"a": TEXT}, Level.BREAKING),
        ({"a": TEXT}, {"a": {**TEXT, "absent": True}}, Level.DANGEROUS),
        ({"a": TEXT}, {"a": {**TEXT, "maxLength": 9}}, Level.BREAKING),
        ({"a": TEXT}, {"a": {**TEXT, "maxLength": 11}}, Level.DANGEROUS),
        ({"a": TEXT}, {"a": {"type": "string"}}, Level.DANGEROUS),
        ({"a": {"type": "string"}}, {"a": TEXT}, Level.BREAKING),
        ({"a": TEXT}, {"a": {**TEXT, "type": "integer"}}, Level.BREAKING),
        ({"a": TEXT}, {"a": {**TEXT, "pattern": "^x$"}}, Level.BREAKING),
        ({"a": TEXT}, {"a": {**TEXT, "x-unit": "h"}}, Level.BREAKING),
        ({"a": TEXT}, {"a": {**TEXT, "x-grade": "L2"}}, Level.DANGEROUS),
        ({"a": {"enum": ["A", "B"]}}, {"a": {"enum": ["A"]}}, Level.BREAKING),
        ({"a": {"enum": ["A"]}}, {"a": {"enum": ["A", "B"]}}, Level.DANGEROUS),
        ({"a": {"items": {"enum": ["A"]}}}, {"a": {"items": {"enum": []}}}, Level.BREAKING),
    ],
)
def test_a_change_of_an_item_is_as_grave_as_it_is_for_senders(
    old: dict[str, Any], new: dict[str, Any], level: Level
) -> None:
    copied = [{name: dict(each) for name, each in part.items()} for part in (old, new)]
    assert {each for each, _ in found(*(schemas(**part) for part in copied))} == {level}


def test_other_words_are_no_change() -> None:
    assert (
        found(schemas(a={**TEXT, "description": "x"}), schemas(a={**TEXT, "description": "y"}))
        == []
    )


def test_records_come_and_go() -> None:
    old, new = schemas(a=dict(TEXT)), {"other.schema.json": {"required": [], "properties": {}}}
    assert found(old, new) == [(Level.ADDED, "record added"), (Level.BREAKING, "record removed")]


def test_what_records_nest_is_compared_too() -> None:
    def nested(**items: dict[str, Any]) -> dict[str, Any]:
        name = {"required": [], "properties": items}
        return {"toy.schema.json": {"required": [], "properties": {}, "$defs": {"Name": name}}}

    changes = record_changes(nested(zh=TEXT), nested())
    assert changes == [StandardChange(Level.BREAKING, "toy: Name.zh", "item removed")]


def codes(**lists: dict[str, str]) -> dict[str, Any]:
    return {
        "lists": {
            name: {"codes": [{"name": each, "official": official} for each, official in of.items()]}
            for name, of in lists.items()
        }
    }


def test_codes_that_end_break_and_codes_that_come_do_not() -> None:
    changes = code_changes(
        codes(State={"OK": "1", "BAD": "2"}), codes(State={"OK": "3", "NEW": "4"})
    )
    assert {(each.level, each.where) for each in changes} == {
        (Level.BREAKING, "State.BAD"),
        (Level.BREAKING, "State.OK"),
        (Level.ADDED, "State.NEW"),
    }


@pytest.mark.parametrize(
    ("level", "version"),
    [
        (Level.BREAKING, "3.0.0"),
        (Level.DANGEROUS, "2.5.0"),
        (Level.ADDED, "2.5.0"),
    ],
)
def test_a_breaking_change_needs_a_major_version_and_any_other_a_minor_one(
    level: Level, version: str
) -> None:
    assert (
        version_needed(
            "2.4.7", [StandardChange(Level.ADDED, "", ""), StandardChange(level, "", "")]
        )
        == version
    )
    assert version_needed("2.4.7", []) == "2.4.7"
