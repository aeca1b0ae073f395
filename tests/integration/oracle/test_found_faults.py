"""Faults that the interpreter found, each with its smallest document, so that they stay mended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.oracle.claims import Registered
from tests.integration.oracle.comparing import Who, ask, compare
from tests.integration.oracle.conftest import World, standing_world
from tests.integration.oracle.worlds import NOW, History, Said

pytestmark = pytest.mark.integration

OWNER = "moe:10335"
NAMES = ("扫描电镜", "扫描电镜室", "透射电镜")
"""In the order of a Chinese index: what is the beginning of another name comes first."""
EVERYTHING: Who = (OWNER, frozenset({"catalogue:read", "graphql:adhoc", "asset:read"}))
NOTHING: Who = (OWNER, frozenset({"graphql:adhoc"}))
PUBLIC: Who = (OWNER, frozenset({"catalogue:read", "graphql:adhoc"}))


def _instrument(number: str, name: str, classes: list[tuple[str, str]]) -> dict[str, Any]:
    listed = [{"scheme": scheme, "version": "1", "code": code} for scheme, code in classes]
    row = {"institutionKey": OWNER, "localNo": number, "name": {"zh": name}, "classes": listed}
    return {"type": "Instrument", "record": {**row, "status": "IDLE"}}


@pytest.fixture(scope="module")
def world(cluster: str, template: str) -> Iterator[World]:
    """Three instruments."""
    rows = [
        _instrument("1", "扫描电镜室", [("GB/T 32847", "010101"), ("GB/T 32847", "020101")]),
        _instrument("2", "扫描电镜", [("local", "a:01")]),
        _instrument("3", "透射电镜", [("local:a", "02")]),
    ]
    alpha = Registered("OWN", (OWNER,), f"{OWNER}/lims")
    history = History(0, {"alpha": alpha}, [OWNER], [Said("alpha", NOW, NOW, rows)])
    with standing_world(cluster, template, history, NAMES) as found:
        yield found


def _same(world: World, text: str, who: Who = EVERYTHING) -> None:
    (answer,) = ask(world, text, {}, [who])
    compare(world, text, {}, who, answer, {})


def test_what_is_not_at_fault_is_the_same(world: World) -> None:
    _same(world, "{ instruments(orderBy: JOINED_ON_ASC) { totalCount edges { node { key } } } }")


FOUND = {
    "a page of which only hasPreviousPage is asked ends in INTERNAL": (
        "{ instruments { pageInfo { hasPreviousPage } } }",
        EVERYTHING,
    ),
    "a denied field below edges under another name is told at the wrong path": (
        "{ instruments { e: edges { node { serialNo } } } }",
        PUBLIC,
    ),
    "parts of a second of an instant that is asked for are cut": (
        '{ instruments(filter: { updatedSince: "2026-11-23T16:30:00.5Z" }) { totalCount } }',
        EVERYTHING,
    ),
    "a small decimal is refused when it is written as a number": (
        "{ instruments(filter: { originalValue: { gte: 0.00001 } }) { totalCount } }",
        EVERYTHING,
    ),
    "code and under of one class are found in two": (
        '{ instruments(filter: { classes: { scheme: "GB/T 32847", code: "020101", under: "01" } })'
        " { totalCount } }",
        EVERYTHING,
    ),
    "a scheme and a code that are cut elsewhere are taken for another class": (
        '{ instruments(filter: { classes: { scheme: "local:a", under: "01" } }) { totalCount } }',
        EVERYTHING,
    ),
    "an identity is looked up for whoever may read no record at all": (
        '{ node(id: "inst_none") { id } nodes(ids: ["inst_none"]) { id } }',
        NOTHING,
    ),
    "a name comes after the names that begin with it": (
        "{ instruments(orderBy: NAME_ASC) { nodes { name { zh } } } }",
        EVERYTHING,
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_once_differed_is_the_same(world: World, name: str) -> None:
    text, who = FOUND[name]
    _same(world, text, who)
