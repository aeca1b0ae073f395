"""Words of a source become codes by its metadata alone, and nothing stands there for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from runpy import run_path
from typing import Any

import pytest

from adapters._metadata import CodeLookUp, LookUps
from adapters._metadata_files import FOLDER
from adapters._row import Row
from tests.contract.test_adapters import ADAPTERS, Harvested


async def looked_up(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the fields that recorded rows of a source look up, and in which tables."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for method in ("code", "codes"):
        real = getattr(Row, method)

        def noting(row: Row, field: str, table: Any, real: Any = real) -> Any:
            found.append((field, table))
            return real(row, field, table)

        monkeypatch.setattr(Row, method, noting)
    await Harvested(name).made()
    return found


JSON_FLAG = ("true", "false")


@pytest.mark.parametrize("name", ADAPTERS)
async def test_words_for_yes_and_no_stand_in_the_metadata_unless_they_are_json_s(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, real = [], Row.flag

    def noting(row: Row, field: str, yes: str, no: str) -> bool | None:
        found.append((field, yes, no))
        return real(row, field, yes, no)

    monkeypatch.setattr(Row, "flag", noting)
    await Harvested(name).made()
    look_ups = ADAPTERS[name].metadata.look_ups
    for field, *words in found:
        known = [list(each.words) for each in look_ups if field in each.at]
        assert tuple(words) == JSON_FLAG or any(set(words) == set(each) for each in known), field


NO_CODES = {
    ("elabftw", "status_title"),
    ("power_meters", "unit"),
    ("nemo_sensors", "data_suffix"),
}
"""Words of one team, which the facts of its deployment explain; and units, which are arithmetic."""


@pytest.mark.parametrize("name", ADAPTERS)
async def test_every_word_of_a_source_is_looked_up_in_its_metadata(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_ups = ADAPTERS[name].metadata.look_ups
    for field, table in await looked_up(name, monkeypatch):
        if (name, field) in NO_CODES:
            continue
        at = [each for each in look_ups if field in {place.rpartition(".")[2] for place in each.at}]
        known = [{**each.known, **dict.fromkeys(each.ended)}.keys() for each in at]
        assert any(table is each.words for each in at) or table.keys() in known, (
            f"{name}: the words of {field} are in no look-up of its metadata"
        )


@pytest.mark.parametrize("name", ADAPTERS)
async def test_no_look_up_of_a_source_is_left_unused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, asked, real = ADAPTERS[name].metadata.codes, set(), LookUps.__getitem__

    def noting(these: LookUps, look_up: str) -> CodeLookUp:
        if these is own:
            asked.add(look_up)
        return real(these, look_up)

    monkeypatch.setattr(LookUps, "__getitem__", noting)
    run_path(str(FOLDER / f"{name}.py"))  # what it asks for when it is loaded
    await Harvested(name).made()  # and what with its rows
    assert asked == set(own.by_name)
