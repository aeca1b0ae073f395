"""`note_unused_keys`: keys of a rule that would have no effect beside the others.

`remove` takes something away from a cell; beside a template that names its columns itself there is
no cell to take it from. What would be passed over in silence is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.mapping.model import MappingRule
from adapters.mapping.notes import Notes

OF_A_CELL = frozenset(
    {*("remove", "match", "split", "part", "without", "codes", "scheme", "lookup")}
)
"""Keys that do something with the cell of the rule's own column."""
USED_BESIDE: Mapping[str, frozenset[str]] = {
    "first": frozenset({"first"}),
    "between": frozenset({"between", "format", "zone", "round"}),
    "row_number": frozenset({"row_number", "template"}),
}
"""All that means something beside a source other than a column."""


def note_unused_keys(
    notes: Notes, rule: MappingRule, stated: Mapping[str, Any], at: tuple[str, ...]
) -> None:
    """Note each key that would be passed over."""
    source = next((name for name in USED_BESIDE if name in stated), None)
    unused: frozenset[str] | set[str] = frozenset()
    if source is not None:
        unused = stated.keys() - USED_BESIDE[source]
    elif rule.template is not None and not _uses_own_cell(rule):
        source, unused = "template", stated.keys() & OF_A_CELL
    for key in sorted(unused):
        zh = "；请写 column，并在 template 中用 {} 表示该列的值" if source == "template" else ""
        en = "; name the column, and write {} for its value" if source == "template" else ""
        notes.add(
            "RULE_UNFIT",
            f"{key} 在 {source} 旁不起作用{zh}",
            f"{key} has no effect beside {source}{en}",
            *at,
        )
    is_key = rule.slot.items[0].name.startswith("local") or rule.slot.path in ("code",)
    if "row_number" in stated and not (stated["row_number"] is True and is_key):
        notes.add(
            "RULE_UNFIT",
            "row_number = true 只能用于编号（localNo、localId、code）",
            "row_number = true is for the number of a record alone: localNo, localId, code",
            *at,
        )


def _uses_own_cell(rule: MappingRule) -> bool:
    return bool(rule.columns or rule.header_of) and "{}" in (rule.template or "")
