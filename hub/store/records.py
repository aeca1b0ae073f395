"""`records`: the tables of the record types of a registry, and the statements that write them.

- Built from a registry, once for each; a hub's `Database` carries the one that it serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from sqlalchemy import MetaData

from hub.store.derive import RecordTables, derive
from hub.store.former import FORMER_ID
from hub.store.metadata import NAMES
from hub.store.projection import Projection
from schema.registry import Registry, standard


@dataclass(frozen=True, slots=True, eq=False)
class StoredRecords:
    """The tables of every record type of a registry."""

    registry: Registry
    metadata: MetaData
    tables: Mapping[str, RecordTables]
    _projections: dict[str, Projection] = field(default_factory=dict)

    @property
    def former(self) -> str:
        """The name of the table of ids that links have replaced."""
        return FORMER_ID.name

    def projection(self, record_type: str) -> Projection:
        """Return the statements that write a record type."""
        projection = self._projections.get(record_type)
        if projection is None:
            projection = self._projections[record_type] = Projection(self.tables[record_type])
        return projection


def stored(registry: Registry) -> StoredRecords:
    """Derive the tables of a registry."""
    metadata = MetaData(naming_convention=NAMES)
    FORMER_ID.to_metadata(metadata)
    tables = {spec.name: derive(spec, metadata) for spec in registry}
    return StoredRecords(registry, metadata, MappingProxyType(tables))


@lru_cache(maxsize=1)
def standard_records() -> StoredRecords:
    """Return the tables of the published standard."""
    return stored(standard())
