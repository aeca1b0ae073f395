"""Record types of the standard, version 1, first part."""

from schema.records.agreement import Agreement
from schema.records.audit_day import AuditDay
from schema.records.erasure import Erasure
from schema.records.institution import Centre, Institution
from schema.records.instrument import Instrument, ServiceOffer
from schema.records.link import Link
from schema.records.occupancy import Occupancy, OccupancyCoverage, OpeningHours
from schema.records.usage import ServiceRecord, UsageRecord

__all__ = [
    "STANDARD",
    "Agreement",
    "AuditDay",
    "Centre",
    "Erasure",
    "Institution",
    "Instrument",
    "Link",
    "Occupancy",
    "OccupancyCoverage",
    "OpeningHours",
    "ServiceOffer",
    "ServiceRecord",
    "UsageRecord",
]

STANDARD = (
    Institution,
    Centre,
    Instrument,
    ServiceOffer,
    OpeningHours,
    Occupancy,
    OccupancyCoverage,
    UsageRecord,
    ServiceRecord,
    Agreement,
    Link,
    Erasure,
    AuditDay,
)
"""What the standard consists of, in the order in which a fresh source sends it."""
