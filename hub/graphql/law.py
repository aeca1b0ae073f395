"""`law`: the parameters of the law on a day in a region, as a GraphQL field."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry
from strawberry.types import Info

from hub.errors import ErrorCode
from hub.graphql.scalars import Date
from hub.policy.law import LawValue, Parameter, current_law, is_region
from hub.query.plan.errors import QueryError
from schema.dates import local_date


@strawberry.type(
    name="PolicyParameter",
    description="一条规则参数在某日某地的取值及依据。A value of the law on a day, with its basis.",
)
class PolicyParameterType:
    """A value of the law on a day in a region."""

    name: str = strawberry.field(description="名称。Name.")
    title_zh: str = strawberry.field(description="中文含义。Meaning in Chinese.")
    title_en: str = strawberry.field(description="英文含义。Meaning in English.")
    value: str = strawberry.field(description="取值，数字也写作文本。Value; numbers as text too.")
    unit: str = strawberry.field(description="单位。Unit.")
    region: str = strawberry.field(description="出自哪一级区划。Division that states it.")
    since: Date = strawberry.field(description="起始日。First day.")
    until: Date | None = strawberry.field(description="最后一日。Last day.")
    status: str = strawberry.field(
        description="效力：IN_FORCE、DRAFT、UNDECIDED、ENDED。"
        "How firm it is; of DRAFT and UNDECIDED "
        "follows advice only."
    )
    basis: str = strawberry.field(description="依据。Document and clause.")


def list_parameters(
    info: Info,
    region: Annotated[
        str, strawberry.argument(description="GB/T 2260 六位区划。Division, six digits.")
    ],
    on: Annotated[
        Date | None, strawberry.argument(description="哪一天，缺省今天。Day; today.")
    ] = strawberry.UNSET,
) -> list[PolicyParameterType]:
    """Return the parameters in force; one that no region states is not in the list."""
    context = info.context
    if context.caller.anonymous:
        raise QueryError(
            ErrorCode.UNAUTHENTICATED, "policyParameters：须以接入方询问", "say who asks"
        )
    if not is_region(region):
        raise QueryError(
            ErrorCode.BAD_USER_INPUT,
            "policyParameters：region 为六位行政区划代码，如 330106",
            "policyParameters: region is a division of six digits, such as 330106",
        )
    day = date.fromisoformat(on) if on else local_date(context.now)
    law = current_law() if context.customs is None else context.customs.law
    in_force = law.on(day, region).in_force()
    return [_parameter(parameter, value) for parameter, value in in_force]


def _parameter(parameter: Parameter, value: LawValue) -> PolicyParameterType:
    return PolicyParameterType(
        name=parameter.name,
        title_zh=parameter.title_zh,
        title_en=parameter.title_en,
        value=str(value.value),
        unit=parameter.unit,
        region=value.region,
        since=Date(value.since.isoformat()),
        until=None if value.until is None else Date(value.until.isoformat()),
        status=value.status.value,
        basis=value.basis,
    )
