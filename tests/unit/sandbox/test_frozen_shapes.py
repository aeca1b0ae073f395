"""What stand-ins answer has the shape of the frozen answers of their wire formats.

They are made from them (`hub/sandbox/wire.py`), here it is seen from outside, through the readers:
the members of each row of each list and their order, the kind of each value, and how moments and
days in texts are spelled. A member that the frozen rows have only in part may be absent.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from adapters import discover
from connectors.limits import Limits
from hub.harvest.connections import HttpConnection
from hub.sandbox.customs import message
from hub.sandbox.serve import serving
from tests.contract.test_adapters import Harvested
from tests.unit.sandbox.subjects import DAY, SUBJECTS

ROWS_MAX = 60
"""Rows of a list that are looked at."""
SPELLINGS = {
    "day": r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "hour": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{1,2}",
    "moment": r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?",
    "instant": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{5,8}([+-][0-9]{2}:[0-9]{2}|Z)",
    "number": r"-?[0-9]+(\.[0-9]+)?",
    "nothing": r"",
}
ABSENT = {"null", "nothing"}
TIMES = {"day", "hour", "moment", "instant"}
Shape = dict[str, set[str]]


def kind_of(value: Any) -> str:
    """Return what a value is: its JSON type, and of a text how it is spelled."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list | tuple):
        return "list"
    if not isinstance(value, str):
        return "NUMBER"
    return next((name for name, form in SPELLINGS.items() if re.fullmatch(form, value)), "text")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each member of a row with what it is, members of lists and objects too."""
    yield path, kind_of(value)
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from leaves(each, f"{path}.#" if name.isdigit() else f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for each in value:
            yield from leaves(each, f"{path}[]")


def shape_of(rows: Iterable[Mapping[str, Any]]) -> Shape:
    shape: Shape = defaultdict(set)
    for row in rows:
        for path, kind in leaves(row):
            shape[path].add(kind)
    return dict(shape)


def misshapen(frozen: list[Mapping[str, Any]], given: list[Mapping[str, Any]]) -> list[str]:
    """Return what of the rows given is not as in the frozen ones."""
    known, came = shape_of(frozen), shape_of(given)
    needed = set.intersection(*({path for path, _ in leaves(row)} for row in frozen))
    told = [f"lacks {path}" for path in needed - came.keys() if not path.endswith("[]")]
    told += [f"has {path}" for path in came.keys() - known.keys()]
    for path in known.keys() & came.keys():
        spellings, kinds = known[path] - ABSENT, came[path] - ABSENT
        if spellings and {each for each in kinds if of_json(each) not in map(of_json, spellings)}:
            told.append(f"{path}: {kinds}, frozen {spellings}")
        if spellings and spellings <= TIMES and not kinds <= spellings:
            told.append(f"{path}: {kinds}, frozen {spellings}")
    return sorted(told)


def disordered(
    frozen: list[Mapping[str, Any]], given: list[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the rows whose members stand in another order than those of the first frozen row."""
    first = frozen[0]
    return [
        row
        for row in given
        if [name for name in first if name in row] != [name for name in row if name in first]
    ]


def of_json(kind: str) -> str:
    """Return the JSON type of a kind."""
    return "text" if kind in SPELLINGS else kind


@pytest.mark.parametrize("name", SUBJECTS)
async def test_a_stand_in_answers_in_the_shape_of_its_frozen_documents(name: str) -> None:
    subject, adapter, harvested = SUBJECTS[name], discover()[name], Harvested(name)
    people = {each for each in await harvested.personal() if len(each) > 2}
    frozen = defaultdict(list)
    for each in await harvested.rows():
        frozen[each.place.name].append(each.fields)
    made = subject.make(lambda: DAY)
    context = subject.context(adapter)
    async with serving(made.app) as url:
        connection = HttpConnection(base_url=url, auth=subject.auth(made))
        async with connection.session(name, Limits(attempts_max=1)) as session:
            for collection in adapter.collections:
                window = collection.window(context)
                documents = [each async for each in collection.reader.read(session, window, None)]
                rows = [row for each in documents for row in each.rows][:ROWS_MAX]
                assert rows, f"{collection.name} is empty: nothing was compared"
                assert misshapen(frozen[collection.name], rows) == [], collection.name
                assert disordered(frozen[collection.name], rows) == [], collection.name
                told = json.dumps([dict(row) for row in rows], ensure_ascii=False, default=str)
                assert {each for each in people if each in told} == set(), collection.name


async def test_a_message_of_customs_has_the_shape_of_the_frozen_message() -> None:
    harvested = Harvested("customs_relief")
    frozen = defaultdict(list)
    for each in await harvested.rows():
        frozen[each.place.name].append(each.fields)
    content = message(DAY, 0.3)
    for collection in harvested.adapter.collections:
        rows = [dict(row) for row in collection.reader.parse(content)]  # type: ignore[attr-defined]
        assert bool(rows) == bool(frozen[collection.name]), collection.name
        if rows:
            assert misshapen(frozen[collection.name], rows) == [], collection.name


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"no": 1}, [".no: {'NUMBER'}, frozen {'text'}"]),
        ({"on": "2026-11-24 08:00"}, [".on: {'moment'}, frozen {'day'}"]),
        ({"more": 1}, ["has .more"]),
        ({"on": None}, []),
        ({"note": "absent from one frozen row"}, []),
        ({"by": {"9": "x"}}, []),
    ],
)
def test_another_shape_is_seen(changed: dict[str, Any], told: list[str]) -> None:
    row = {"no": "A", "on": "2026-11-24", "by": {"7": "x"}}
    assert misshapen([row, {**row, "note": ""}], [{**row, **changed}]) == told


def test_a_member_that_is_gone_is_seen() -> None:
    row = {"no": "A", "on": "2026-11-24"}
    assert misshapen([row], [{"no": "B"}]) == ["lacks .on"]
