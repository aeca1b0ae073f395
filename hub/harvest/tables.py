"""`TablesRoad`: a deployed source that leaves tables in a folder: which mapping reads which file.

    adapter = "tables"              # the files that people send, fetched instead
    every_s = 300                   # how often the folder is looked at

    [mappings]                      # the first pattern that fits a name counts
    "台账*.xlsx" = "ledger"          # a mapping that this source keeps here (POST /mappings)
    "机时*.csv" = "/etc/hub/mappings/hours.toml"   # outside the folder of sources

A file that no pattern fits is read by a mapping that ships: a table SJ1 or SJ3 of the ministry by
its name, anything else as the monthly workbook.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from adapters import Adapter
from adapters._metadata import ANY_TYPE
from adapters._metadata_text import parse_metadata
from hub.intake.limits import MAPPING_BYTES_MAX
from hub.store.database import Database
from hub.store.mappings import kept_mapping

__all__ = ["TABLES", "TablesRoad", "tables_adapter", "tables_road"]

TABLES = "tables"
"""What stands for an adapter in the operator's file."""
MEMBERS = frozenset({"mappings", "every_s", "units_are_right"})
EVERY_S_MIN, EVERY_S_MAX = 5, 86_400
_METADATA = parse_metadata(
    Path(__file__).with_name("tables.toml").read_text("utf-8"), file="tables.toml"
)
_ADAPTER = Adapter(metadata=_METADATA, collections=())


@dataclass(frozen=True, kw_only=True)
class TablesRoad:
    """Which mapping reads which file."""

    mappings: tuple[tuple[str, str], ...] = ()
    """Pattern of names, and a kept mapping or the path of one."""
    units_are_right: bool = False
    """Whether columns whose unit is doubted are taken all the same."""

    async def mapping_of(self, database: Database, source: str, name: str) -> str | None:
        """Return the text of the mapping that reads a file; None: one that ships.

        Raises `RefusedError` MAPPING_UNKNOWN, `OSError` or `ValueError`, where it cannot be read.
        """
        named = next((m for pattern, m in self.mappings if fnmatchcase(name, pattern)), None)
        if named is None:
            return None
        if not named.endswith(".toml"):
            return await kept_mapping(database, source, named)
        return await asyncio.to_thread(_text, Path(named))


def _text(path: Path) -> str:
    with path.open("rb") as file:
        text = file.read(MAPPING_BYTES_MAX + 1)
    if len(text) > MAPPING_BYTES_MAX:
        raise ValueError(f"{path}: over {MAPPING_BYTES_MAX} bytes")
    return text.decode("utf-8-sig")


def tables_road(content: Mapping[str, Any]) -> TablesRoad:
    """Read it from the operator's file; `ValueError` says what is wrong with that."""
    stated = content.get("mappings", {})
    if not isinstance(stated, Mapping) or not all(
        isinstance(each, str) and each for each in stated.values()
    ):
        raise ValueError('[mappings] has lines like "台账*.xlsx" = "ledger"')
    for each in stated.values():
        if each.endswith(".toml") and not Path(each).is_absolute():
            raise ValueError(f"[mappings] {each}: the path of a mapping begins with /")
    doubted = content.get("units_are_right", False)
    if not isinstance(doubted, bool):
        raise ValueError("units_are_right is true or false")  # noqa: TRY004 - a mistake in a file
    return TablesRoad(mappings=tuple(stated.items()), units_are_right=doubted)


def tables_adapter(content: Mapping[str, Any]) -> Adapter:
    """Return what stands for an adapter, as often as the file says."""
    every = content.get("every_s", _ADAPTER.every.total_seconds())
    if isinstance(every, bool) or not isinstance(every, int | float):
        raise ValueError("every_s is a number of seconds")  # noqa: TRY004 - a mistake in a file
    if not EVERY_S_MIN <= every <= EVERY_S_MAX:
        raise ValueError(f"every_s is {EVERY_S_MIN} to {EVERY_S_MAX} seconds")
    feed = replace(_METADATA.feed_of(ANY_TYPE), every=timedelta(seconds=every))
    return replace(_ADAPTER, metadata=replace(_METADATA, feeds={ANY_TYPE: feed}))
