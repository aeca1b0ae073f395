"""Agreement: who may see what of whom, for which purpose, how long."""

from __future__ import annotations

from datetime import date

from schema.codes import AgreementDataset
from schema.identifiers import check_institution_key
from schema.item import Grade, item, record
from schema.parties import Effect, party_in
from schema.records.rules import differ, interval_of
from schema.traits import Grants, Listable
from schema.values import KEY_PATTERN
from schema.visibility import between


@record(
    "共享约定",
    key=("provider_key", "consumer_key", "dataset"),
    prefix="agr",
    owner=party_in("provider_key"),
    effect=Effect.RIGHT,
    rows=between("consumer_key"),
    traits=(
        Listable(),
        Grants(
            consumer="consumer_key",
            dataset="dataset",
            fields="fields",
            since="valid_from",
            until="valid_until",
        ),
    ),
    checks=(differ("providerKey", "consumerKey"), interval_of("validFrom", "validUntil")),
)
class Agreement:
    """What one institution lets another read beyond the public items."""

    provider_key: str = item(
        "提供方",
        "Institution whose data it is",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    consumer_key: str = item(
        "使用方",
        "Party that may read",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    dataset: AgreementDataset = item("数据集", "What may be read", filterable=True)
    fields: tuple[str, ...] = item(
        "数据项",
        "Items covered; empty means the whole data set",
        grade=Grade.L2,
        names_key=True,
        default=(),
    )
    purpose: str | None = item("用途", "Purpose", grade=Grade.L2, length_max=300, default=None)
    valid_from: date | None = item("生效日期", "First day", grade=Grade.L2, default=None)
    valid_until: date | None = item("失效日期", "Last day", grade=Grade.L2, default=None)
