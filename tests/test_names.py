"""A name means one thing: no two public classes share one."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("schema", "connectors", "adapters", "hub", "docs/partners/samples")


def homes_of_classes() -> dict[str, list[str]]:
    homes: dict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for module in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text("utf-8"))):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes[node.name].append(str(module.relative_to(ROOT)))
    return homes


def test_every_public_class_has_a_name_of_its_own() -> None:
    homes = homes_of_classes()
    assert len(homes) > 400
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}
