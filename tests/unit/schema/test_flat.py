from __future__ import annotations

from schema.flat import columns
from schema.registry import standard


def test_required_items_are_required_columns() -> None:
    required = {column.path for column in columns(standard()["Instrument"]) if column.required}
    assert required == {"institutionKey", "localNo", "name.zh", "status"}
