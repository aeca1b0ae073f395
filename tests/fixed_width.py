"""Rows of the ministry's tables as the bytes that a school's program writes."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.mapping.moe_tables import moe_table_named


def fixed_width_bytes(
    name: str, rows: Sequence[Sequence[str]], *, ends: bytes = b"\r\n", edition: int = 0
) -> bytes:
    """Return rows of a table that the file name names, each cell padded with blanks, in GBK."""
    moe = moe_table_named(name)
    assert moe is not None
    columns = list(moe.editions.values())[edition]
    lines = []
    for row in rows:
        cells = [cell.encode("gbk") for cell in row]
        assert all(len(b) <= c.width for b, c in zip(cells, columns, strict=True))
        lines.append(b"".join(b.ljust(c.width) for b, c in zip(cells, columns, strict=True)))
    return b"".join(line + ends for line in lines)
