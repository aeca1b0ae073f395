"""`export_desk`: who makes exports, put together for one hub.

Whether a document may be run is judged as for a request; the plans are its own, since a whole list
is another statement than a page of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.access.agreements import Agreements
from hub.audit.service import Audit
from hub.clock import Clock
from hub.exchange.exports.service import ExportDesk, ExportParts
from hub.graphql.documents import ClientDocuments, registered_for
from hub.graphql.schema import interface
from hub.query.answer.execute import Statements
from hub.query.plan.limits import QueryLimits
from hub.query.sql.planner import Planner
from hub.state import State
from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class HubNames:
    """The hub's own address, and the name of its log."""

    base: str
    origin: str


def export_desk(
    database: Database,
    state: State,
    clock: Clock,
    agreements: Agreements,
    audit: Audit,
    names: HubNames,
) -> ExportDesk:
    """Return who makes exports."""
    limits = QueryLimits()
    planner = Planner(interface(database.records), limits)
    parts = ExportParts(
        planner=planner,
        statements=Statements(database, planner.interface.model, clock, limits, state),
        agreements=agreements,
        is_registered=registered_for(ClientDocuments(database)),
        base=names.base,
        origin=names.origin,
        audit=audit,
    )
    return ExportDesk(database, clock, parts)
