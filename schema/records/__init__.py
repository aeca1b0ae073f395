"""Record types of the standard, version 1, first part."""

from schema.item import RecordSpec, describe
from schema.records.agreement import Agreement
from schema.records.institution import Centre, Institution
from schema.records.instrument import Instrument, ServiceOffer
from schema.records.occupancy import Occupancy, OccupancyCoverage, OpeningHours
from schema.records.usage import ServiceRecord, UsageRecord

__all__ = [
    "RECORDS",
    "Agreement",
    "Centre",
    "Institution",
    "Instrument",
    "Occupancy",
    "OccupancyCoverage",
    "OpeningHours",
    "ServiceOffer",
    "ServiceRecord",
    "UsageRecord",
]

RECORDS: dict[str, RecordSpec] = {
    cls.__name__: describe(cls)
    for cls in (
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
    )
}
"""Every record type by name, in the order in which a fresh source sends them."""
