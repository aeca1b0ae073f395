"""The page of results: a run writes its own part and leaves the others."""

from __future__ import annotations

from pathlib import Path

from bench.gateway_report import GatewayResults, markdown
from bench.joins import HIVE, HUB, Joined
from bench.load import Measured
from bench.page import GATEWAYS, PARTS, SOURCES, parts_of, with_head, with_part
from bench.parted import Parted

PAGE = (Path(__file__).parents[3] / "bench/RESULTS.md").read_text("utf-8")
HEAD = "# Results\n\nfigures"


def test_each_run_leaves_the_parts_of_others() -> None:
    page = with_part("", SOURCES, "of sources")
    page = with_part(page, GATEWAYS, "of gateways\n\n### more\n\n| a |")
    page = with_head(page, HEAD)
    parts = (
        HEAD,
        f"## {SOURCES}",
        "of sources",
        f"## {GATEWAYS}",
        "of gateways",
        "### more",
        "| a |",
    )
    assert page == "\n\n".join(parts) + "\n"
    assert with_part(page, GATEWAYS, "anew").endswith(f"## {GATEWAYS}\n\nanew\n")
    assert with_part(page, SOURCES, "anew").count("anew") == 1
    assert parts_of(with_part(page, SOURCES, "anew"))[GATEWAYS] == parts_of(page)[GATEWAYS]
    assert with_head(with_head(page, "other"), HEAD) == page


def test_the_page_that_there_is_keeps_its_parts() -> None:
    head = min((PAGE.partition(f"\n## {title}\n")[0] for title in PARTS), key=len)
    assert with_head(PAGE, head) == PAGE
    assert with_part(PAGE, GATEWAYS, "x").startswith(head)


def measured(rps: float) -> Measured:
    return Measured(rps, 1.0, 1.0, 1.0, 2.0, 100.0, 0.1, 0.0)


def test_figures_stand_beside_their_targets() -> None:
    made = GatewayResults(seconds=1, rounds=1)
    for case, rps in (("ALL", 900.0), ("EACH", 160.0), ("SECOND", 400.0)):
        made.joins[case] = {
            HUB: Joined(measured(rps), 1.5),
            HIVE: Joined(measured(100.0), 3.0),
        }
    made.parted[HUB] = Parted(
        waits=[990.0, 1060.0], marked=2, whole=2, alone_rps=100, beside_rps=96
    )
    page = markdown(made)
    assert "| hub | 900 | 9.00x | - | 1.50 |" in page, "shared for half a second, so not all live"
    assert "| hub | 160 | 1.60x | 1.5x, met | 1.50 |" in page
    assert "| hub | 400 | 4.00x | 5x, MISSED | 1.50 |" in page
    assert "| hub | 2 | +60 | MISSED | 100% | 100% | 100 | 96 | 96% | met |" in page
    assert made.faults == []
    made.parted[HUB].marked = 1
    assert made.faults
