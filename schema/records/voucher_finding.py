"""VoucherFinding: what a hub found about a voucher or a claim, for a person to look at."""

from __future__ import annotations

from datetime import datetime

from schema.codes import AgreementDataset, VoucherFindingKind, VoucherFindingState
from schema.identifiers import check_institution_key
from schema.item import Grade, item, record
from schema.parties import OPERATOR, Effect, party_in
from schema.records.voucher import FEN_MAX, VOUCHER_PATTERN
from schema.traits import Listable
from schema.values import KEY_PATTERN, LogEvidence
from schema.visibility import by_agreement


@record(
    "创新券核查",
    key=("issuer_key", "code", "number"),
    prefix="vfind",
    owner=party_in("issuer_key"),
    issuer=OPERATOR,
    effect=Effect.DECISION,
    scope="voucher:read",
    rows=by_agreement(AgreementDataset.VOUCHER, "holder_key", "provider_key"),
    traits=(Listable(),),
)
class VoucherFinding:
    """Something about a voucher that does not fit; the hub states it and corrects nothing by it.

    It is open until what it says no longer holds. The same finding is stated once, and again when
    it changes.
    """

    issuer_key: str = item(
        "发放单位",
        "Department that granted the voucher",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    code: str = item(
        "券编号",
        "Number of the voucher",
        pattern=VOUCHER_PATTERN,
        filterable=True,
        identifies=True,
    )
    number: str = item(
        "核查编号",
        "What is found, and after a point the claim that it is about",
        pattern=r"[A-Z_]{1,40}(\.[^\s/\x00-\x1f]{1,60})?",
    )
    kind: VoucherFindingKind = item("核查事项", "What is found", filterable=True)
    state: VoucherFindingState = item("核查状态", "Whether it still holds", filterable=True)
    claim_no: str | None = item(
        "申兑编号",
        "Claim that it is about; absent: the whole voucher",
        grade=Grade.L3,
        pattern=VOUCHER_PATTERN,
        default=None,
    )
    holder_key: str | None = item(
        "持券单位",
        "Enterprise that holds the voucher",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        default=None,
    )
    provider_key: str | None = item(
        "服务机构",
        "Institution that gave the service",
        grade=Grade.L3,
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        default=None,
    )
    fen: int | None = item(
        "涉及金额，单位分",
        "Amount that it is about, in fen",
        unit="fen CNY",
        grade=Grade.L3,
        minimum=0,
        maximum=FEN_MAX,
        default=None,
    )
    detail: str | None = item(
        "说明", "Codes that say more: checks that fail, a missing fact", grade=Grade.L3,
        length_max=200, default=None,
    )  # fmt: skip
    evidence: tuple[LogEvidence, ...] = item(
        "依据", "Entries of the log that it rests on", grade=Grade.L3, default=()
    )
    since: datetime = item(
        "发现依据时间", "When the newest of these entries was accepted", sortable=True
    )
