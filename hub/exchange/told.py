"""`told`: what a page of the change feed tells of records that not everybody may read; pure."""

from __future__ import annotations

from collections.abc import Iterable

from hub.audit.protected import ProtectedRead
from hub.exchange.page import Change
from hub.query.sql.marks import grade_of_rows
from schema.registry import Registry
from schema.visibility import DATASETS


def protected_in(registry: Registry, changes: Iterable[Change]) -> set[ProtectedRead]:
    """Return the rows of which a page tells more than that they are not to be seen any more."""
    return {
        ProtectedRead(grade_of_rows(spec), spec.scope, each.item_id, each.header.owner)
        for each in changes
        if each.header is not None and (spec := registry[each.record_type]).scope in DATASETS
    }
