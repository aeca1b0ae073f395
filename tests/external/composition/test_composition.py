"""Apollo's and the Guild's composition take the hub's subgraph, alone and with another one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.external.supergraph import CALIBRATIONS, Compositions, hub_subgraph

pytestmark = pytest.mark.external
HUB, OTHER = "http://hub.invalid/federation/graphql", "http://calibrations.invalid/"
BOTH = ("apollo", "guild")


def test_the_hub_alone_is_a_supergraph(compositions: Compositions, tmp_path: Path) -> None:
    found = compositions.of(tmp_path, {"hub": (HUB, hub_subgraph())})
    assert {name: found[name]["errors"] for name in BOTH} == {name: [] for name in BOTH}
    for name in BOTH:
        text = (tmp_path / f"{name}.graphql").read_text("utf-8")
        assert '@join__type(graph: HUB, key: "key")' in text
        sizes = re.findall(r"@listSize\(([^)]*)\)", text)
        assert any("assumedSize: 20" in each and "first" in each for each in sizes)
        assert "@cost(weight: 5)" in text
        assert "_entities" not in text


def test_another_subgraph_adds_to_instruments_and_institutions(
    compositions: Compositions, tmp_path: Path
) -> None:
    other = CALIBRATIONS.read_text("utf-8")
    found = compositions.of(tmp_path, {"hub": (HUB, hub_subgraph()), "cal": (OTHER, other)})
    assert {name: found[name]["errors"] for name in BOTH} == {name: [] for name in BOTH}
    for name in BOTH:
        text = (tmp_path / f"{name}.graphql").read_text("utf-8")
        instrument = text.partition("\ntype Instrument ")[2].partition("\n}")[0]
        assert "calibratedOn: String @join__field(graph: CAL)" in instrument
        assert '@join__type(graph: CAL, key: "key")' in instrument


def test_another_subgraph_that_states_what_is_the_hub_s_is_refused(
    compositions: Compositions, tmp_path: Path
) -> None:
    other = CALIBRATIONS.read_text("utf-8").replace("calibratedOn: String", "model: String")
    found = compositions.of(tmp_path, {"hub": (HUB, hub_subgraph()), "cal": (OTHER, other)})
    for name in BOTH:
        (error,) = found[name]["errors"]
        assert error.startswith("INVALID_FIELD_SHARING"), error
        assert "Instrument.model" in error
