"""BusinessStatus: whether an enterprise was in business, as the register of businesses says it.

Departments of market regulation keep the register and publish it, so everybody may read this:
Interim Regulations on the publicity of enterprise information (State Council order 654), article 6;
Regulations on the registration of market entities (order 746), article 35.
"""

from __future__ import annotations

from datetime import date

from schema.codes import BusinessState
from schema.identifiers import check_institution_key
from schema.item import item, record
from schema.parties import Effect, party_in
from schema.records.bounds import NOT_AHEAD
from schema.records.rules import differ, interval_of, not_before
from schema.traits import Listable
from schema.values import KEY_PATTERN


@record(
    "经营主体登记状态",
    key=("registrar_key", "enterprise_key", "valid_from"),
    prefix="biz",
    owner=party_in("enterprise_key"),
    issuer=party_in("registrar_key"),
    effect=Effect.DECISION,
    traits=(Listable(),),
    checks=(
        differ("registrarKey", "enterpriseKey"),
        interval_of("validFrom", "validUntil"),
        not_before("statedOn", "validFrom"),
        not_before("statedOn", "validUntil"),
    ),
)
class BusinessStatus:
    """The state of an enterprise in a register, from one day on.

    It says nothing of days after the one on which the register was read, unless the enterprise had
    ended by then.
    """

    registrar_key: str = item(
        "登记机关",
        "Department of market regulation that keeps the register",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
    )
    enterprise_key: str = item(
        "经营主体",
        "Enterprise",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        names="Institution",
        filterable=True,
        identifies=True,
    )
    valid_from: date = item("起始日期", "First day of the state", plausible=(NOT_AHEAD,))
    state: BusinessState = item("登记状态", "State", filterable=True)
    stated_on: date = item(
        "核验日期",
        "Day on which the register said so; of later days it says nothing",
        plausible=(NOT_AHEAD,),
    )
    valid_until: date | None = item(
        "终止日期",
        "Last day of the state; absent: it stood on the day of the reading",
        default=None,
    )
