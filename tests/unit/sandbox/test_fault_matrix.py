"""Every stand-in with every switch that it has: it shows on the wire, and who reads it says so.

Of each system its main list is read over HTTP by its own reader and adapter, in pages of a few
rows, and what that list needs before it; for `stale` the list that changes from day to day as well.
Nothing is stored: what a hub makes of half a list or of none, `tests/integration/harvest` holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from adapters import discover
from adapters._adapter import Adapter, Collection
from connectors.errors import ConnectorError
from connectors.limits import Limits
from connectors.reader import Session
from hub.harvest.connections import HttpConnection
from hub.harvest.drift import DriftKind, DriftMode, FormWatch
from hub.sandbox.faults import NAMES, Switchboard
from hub.sandbox.serve import serving
from hub.store.drifts import FieldForm
from tests.unit.sandbox.subjects import DAY, SUBJECTS, Subject

ROOT = Path(__file__).parents[3]
PAGE_OF_SOURCES = (ROOT / "docs/standard/mappings/README.md").read_text("utf-8")
SLOW_S, WAIT_S = 60.0, 0.2


UNAVAILABLE, BAD_DATA = "SOURCE_UNAVAILABLE", "SOURCE_BAD_DATA"
REFUSALS = {
    "dead": UNAVAILABLE,
    "limited": UNAVAILABLE,
    "cut": UNAVAILABLE,
    "denied": "SOURCE_DENIED",
    "html": BAD_DATA,
    "slow": "SOURCE_TIMEOUT",
}
"""Nothing of a list comes."""
DOUBTS = ("repeated", "dropped", "moved")
"""What comes is not taken for the whole list."""
UNCOUNTED = ("elabftw",)
"""It says no total that could be a lie."""
Forms = dict[str, dict[str, FieldForm]]


@dataclass
class Said:
    """What the reader and the adapter say of the lists of a system."""

    code: str | None = None
    rows: int = 0
    """Of the main list."""
    refused: int = 0
    digests: list[bytes] = field(default_factory=list)
    drift: set[DriftKind] = field(default_factory=set)
    forms: Forms = field(default_factory=dict)


def short(collection: Collection, page: int) -> Collection:
    """Read a list in pages of so many rows."""
    reader: Any = collection.reader
    if hasattr(reader, "paging"):
        shorter = replace(reader, paging=replace(reader.paging, rows=page))
    else:
        shorter = replace(reader, rows=page)
    return replace(collection, reader=shorter)


async def said_of(
    subject: Subject, adapter: Adapter, session: Session, lists: Iterable[str], before: Forms
) -> Said:
    """Read some lists to their end, or to the error that ends them."""
    said = Said()
    context = subject.context(adapter)
    for collection in adapter.collections:
        if collection.name not in lists:
            continue
        is_main = collection.name == subject.lists[-1]
        if is_main:
            collection = short(collection, subject.page)  # noqa: PLW2901 - the same list
        watch = FormWatch(before.get(collection.name, {}), (), DriftMode.EVOLVE)
        window = collection.window(context)
        try:
            async for document in collection.reader.read(session, window, None):
                said.code = said.code or (BAD_DATA if document.doubt else None)
                said.digests.append(document.digest)
                pairs = [(row, adapter.convert(collection, row, context)) for row in document.rows]
                said.rows += len(pairs) * is_main
                said.refused += sum(bool(converted.problems) for _, converted in pairs)
                watch.document(pairs)
        except ConnectorError as error:
            said.code = said.code or error.code
        watch.close()
        said.drift |= {drift.kind for drift in watch.seen}
        said.forms[collection.name] = watch.form.fields()
    return said


def shows(fault: str, said: Said, well: Said, name: str) -> bool:
    """Whether what is said is what must be said of a fault."""
    if fault in REFUSALS:
        return (said.code, said.rows) == (REFUSALS[fault], 0)
    if fault in DOUBTS:
        return said.code == BAD_DATA and said.digests != well.digests
    expected: dict[str, Callable[[], bool]] = {
        "spoiled": lambda: said.code is None and 0 < said.refused < well.rows,
        "lying": lambda: said.refused > 0 and (said.code == BAD_DATA or name in UNCOUNTED),
        "schema": lambda: DriftKind.FIELD_GONE in said.drift and said.refused >= well.rows,
        "units": lambda: said.code is None and DriftKind.UNIT in said.drift,
        "shrunk": lambda: said.code is None and 0 < said.rows < well.rows,
        "empty": lambda: (said.code, said.rows) == (None, 0),
        "stale": lambda: said.code is None and said.digests != well.digests,
        "expired": lambda: (said.code, said.rows) == (None, well.rows),
    }
    return expected[fault]()


def missing_in_the_page(name: str) -> set[str]:
    """Return the switches that a system lacks as the page of all sources says."""
    (row,) = (line for line in PAGE_OF_SOURCES.splitlines() if f"[{name}]({name}.md)" in line)
    found = re.search(r"all switches(?: but ([a-z ]+))?", row)
    assert found is not None, row
    return set((found[1] or "").split())


@pytest.mark.parametrize("name", SUBJECTS)
async def test_every_fault_that_a_system_has_shows_and_is_named(name: str) -> None:
    subject, adapter = SUBJECTS[name], discover()[name]
    made = subject.make(lambda: DAY)
    board: Switchboard = made.switchboard
    silent = []
    async with serving(made.app) as url:
        connection = HttpConnection(base_url=url, auth=subject.auth(made))

        async def read(lists: Iterable[str], before: Forms, wait_s: float = 30) -> Said:
            limits = Limits(attempts_max=1, read_s=wait_s)
            async with connection.session(name, limits) as session:
                return await said_of(subject, adapter, session, lists, before)

        well = await read(subject.lists, {})
        daily = await read((*subject.lists, *subject.daily), {})
        assert (well.code, well.refused, daily.refused) == (None, 0, 0)
        assert len(well.digests) >= len(subject.lists) + 1, "a page fault needs a second page"
        for fault in sorted(board.known):
            board.set({fault: SLOW_S if fault == "slow" else True})
            lists = (*subject.lists, *(subject.daily if fault == "stale" else ()))
            wait_s = WAIT_S if fault == "slow" else 30
            said = await read(lists, well.forms, wait_s)
            if not shows(fault, said, daily if fault == "stale" else well, name):
                silent.append((fault, said.code, said.rows, said.refused, said.drift))
            board.set({})
        assert silent == []
        again = await read(subject.lists, well.forms)
        assert (again.digests, again.drift) == (well.digests, set())
    assert missing_in_the_page(name) == NAMES - board.known
    for fault in NAMES - board.known:
        with pytest.raises(ValueError, match=fault):
            board.set({fault: True})
