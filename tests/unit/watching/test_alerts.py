"""The rules for Prometheus name figures that the hub gives, and labels that these have."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from hub.operate.exposition import figures_of, health_of
from hub.operate.figures import (
    DatabaseFigures,
    ExportFigures,
    FeedFigures,
    LogFigures,
    SensorFigures,
)
from hub.operate.health import PARTS, PartHealth
from hub.operate.voucher_figures import VoucherFigures
from hub.watching.metrics import Metrics
from hub.watching.notes import RequestNotes

PAGES = Path(__file__).parents[3] / "docs" / "operators"
RULE = re.compile(
    r"""      - alert: (?P<alert>\w+)
        expr: (?P<expr>.+)
        for: (?P<wait>\d+[mh])
        labels: \{severity: (?P<severity>\w+)\}
        annotations:
          summary: "(?P<summary>[^"]+)"
"""
)
HEAD = "groups:\n  - name: deltahub\n    rules:\n"
TEXT = (PAGES / "alerts.yml").read_text("utf-8")
RULES = [match.groupdict() for match in RULE.finditer(TEXT)]
POOLS = {"deltahub_pool_in_use", "deltahub_pool_waiting", "deltahub_pool_size"}


def given() -> dict[str, set[str]]:
    """Return what a hub gives: the names of its series with their labels."""
    metrics = Metrics()
    metrics.answered(RequestNotes("0", "graphql", "x", refused="NOT_FOUND"), "200", 0.1)
    metrics.rows_taken("s", [("ACCEPTED", 1)])
    metrics.list_heard("s", "all")
    metrics.asked_live("s", "OK")
    metrics.delivered("delivered")
    metrics.voucher_not_followed("NOT_FOUND")
    metrics.exported("CSV", "COMPLETED")
    metrics.export_part("CSV", 2, 30)
    figures = DatabaseFigures(
        log=LogFigures(
            leaves=1, signed=1, signed_at=datetime(2026, 1, 1, tzinfo=UTC), waiting=0, waiting_s=0
        ),
        states={"s": "OK"},
        feeds=(
            FeedFigures(source="s", record_type="Instrument", mode="PUSH", promised_s=1, age_s=2.0),
        ),
        quarantine={"s": 1},
        personal={("s", "CITIZEN_NUMBER"): 1},
        clock_ahead_s=0.0,
        sensors=(SensorFigures(source="s", bound=2, silent=1, messages={"TAKEN": 3}),),
        webhooks={"STOPPED": ["hook_1"]},
        vouchers=VoucherFigures(behind=1, behind_s=2.0, findings={"CLAIMED_TWICE": 1}),
        exports=(ExportFigures(status="COMPLETED", count=1, size=5),),
    )
    parts = {name: PartHealth() for name in PARTS}
    text = metrics.exposition([*health_of(parts), *figures_of(figures)]).decode()
    found: dict[str, set[str]] = {name: {"pool"} for name in POOLS}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_the_file_has_rules_and_nothing_else() -> None:
    rest = RULE.sub("", TEXT)
    assert re.sub(r"^#.*\n", "", rest, flags=re.MULTILINE) == HEAD
    assert len({rule["alert"] for rule in RULES}) == len(RULES) >= 10


def test_every_rule_names_what_the_hub_gives() -> None:
    names = given()
    for rule in RULES:
        used = set(re.findall(r"\bdeltahub_\w+", rule["expr"]))
        assert used <= names.keys(), rule["alert"]
        labels = {label for name in used for label in names[name]} | {"instance"}
        for group in re.findall(r"by \(([\w, ]+)\)", rule["expr"]):
            assert set(group.split(", ")) <= labels, rule["alert"]
        told = set(re.findall(r"\$labels\.(\w+)", rule["summary"]))
        assert told <= labels, rule["alert"]
        assert rule["severity"] in ("page", "ticket")
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_the_page_names_every_figure_and_no_other() -> None:
    page = (PAGES / "watching.md").read_text("utf-8")
    told = set(re.findall(r"`(deltahub_\w+)", page))
    names = {
        name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
        for name in given()
        if name.startswith("deltahub_") and not name.endswith("_created")
    }
    assert told == names
