"""Record types of the standard, version 1, in the order in which a fresh source sends them."""

from schema.records.agreement import Agreement
from schema.records.audit_day import AuditDay
from schema.records.business import BusinessStatus
from schema.records.claim_map import ClaimMap
from schema.records.consent import SharingConsent
from schema.records.erasure import Erasure
from schema.records.institution import Centre, Institution
from schema.records.instrument import Instrument, ServiceOffer
from schema.records.link import Link
from schema.records.observation import Observation
from schema.records.occupancy import (
    Occupancy,
    OccupancyCoverage,
    OpeningException,
    OpeningHours,
)
from schema.records.sensing import PowerDay, SensorBinding
from schema.records.service_order import ServiceOrder
from schema.records.supervision import (
    CustomsApproval,
    CustomsReport,
    CustomsSupervision,
    DutyPayment,
)
from schema.records.topic import Topic
from schema.records.usage import ServiceRecord, UsageRecord
from schema.records.voucher import Voucher, VoucherClaim, VoucherMovement
from schema.records.voucher_finding import VoucherFinding
from schema.records.voucher_parties import ProviderRegistration, RelationStatement

__all__ = [
    "STANDARD",
    "Agreement",
    "AuditDay",
    "BusinessStatus",
    "Centre",
    "ClaimMap",
    "CustomsApproval",
    "CustomsReport",
    "CustomsSupervision",
    "DutyPayment",
    "Erasure",
    "Institution",
    "Instrument",
    "Link",
    "Observation",
    "Occupancy",
    "OccupancyCoverage",
    "OpeningException",
    "OpeningHours",
    "PowerDay",
    "ProviderRegistration",
    "RelationStatement",
    "SensorBinding",
    "ServiceOffer",
    "ServiceOrder",
    "ServiceRecord",
    "SharingConsent",
    "Topic",
    "UsageRecord",
    "Voucher",
    "VoucherClaim",
    "VoucherFinding",
    "VoucherMovement",
]

STANDARD = (
    Institution,
    Centre,
    Topic,
    Instrument,
    SharingConsent,
    ServiceOffer,
    OpeningHours,
    OpeningException,
    Occupancy,
    OccupancyCoverage,
    SensorBinding,
    PowerDay,
    ServiceOrder,
    UsageRecord,
    ServiceRecord,
    CustomsSupervision,
    CustomsApproval,
    CustomsReport,
    DutyPayment,
    Voucher,
    VoucherClaim,
    VoucherMovement,
    ProviderRegistration,
    RelationStatement,
    BusinessStatus,
    VoucherFinding,
    Agreement,
    Link,
    Erasure,
    AuditDay,
    ClaimMap,
    Observation,
)
"""What the standard consists of."""
