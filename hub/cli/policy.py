"""`deltahub policy`: the law that the hub decides by, as dated data."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from hub.cli.context import settings
from hub.clock import system_clock
from hub.errors import ErrorCode, RefusedError
from hub.policy.law import EVERYWHERE, LawStatus, current_law, is_region
from hub.policy.working_days import current_calendar
from schema.dates import local_date

app = typer.Typer(help="The law that the hub decides by 规则参数", no_args_is_help=True)

STATUS_ZH = {
    LawStatus.IN_FORCE: "有效",
    LawStatus.DRAFT: "草案",
    LawStatus.UNDECIDED: "法无明文,本枢纽的默认值",
    LawStatus.ENDED: "已失效",
}
OnDay = Annotated[datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="day")]


@app.command("law")
def law(
    on: OnDay = None,
    region: Annotated[str, typer.Option(help="division of GB/T 2260, six digits")] = EVERYWHERE,
) -> None:
    """Print every parameter in force on a day in a region, with its legal basis."""
    if not is_region(region):
        raise RefusedError(
            ErrorCode.BAD_USER_INPUT, hint="--region 330106: six digits of GB/T 2260 行政区划代码."
        )
    day = _day(on)
    in_force = current_law(settings().law_dir).on(day, region).in_force()
    print(f"{day.isoformat()} · {region}")
    for parameter, value in in_force:
        print(f"{parameter.name} = {value.value} {parameter.unit}")
        print(f"    {parameter.title_zh} {parameter.title_en}")
        print(
            f"    {STATUS_ZH[value.status]} {value.status} · {value.region} · since {value.since}"
        )
        print(f"    {value.basis}")


@app.command("parameters")
def parameters() -> None:
    """Print every parameter, and where the law states it; `HUB_LAW_DIR` adds values."""
    for name, parameter in sorted(current_law(settings().law_dir).parameters.items()):
        regions = ", ".join(sorted({each.region for each in parameter.values}))
        print(f"{name} ({parameter.unit}): {regions or '没有取值 no value'}")
        print(f"    {parameter.title_zh} {parameter.title_en}")


@app.command("calendar")
def calendar(
    start: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="day, not counted")],
    days: Annotated[int, typer.Argument(min=1, max=1000, help="working days")],
) -> None:
    """Print the day that is some working days after another one."""
    counted = current_calendar().after(start.date(), days)
    note = " 暂定：该年放假安排尚未公布 provisional" if counted.provisional else ""
    print(f"{counted.day.isoformat()}{note}")


def _day(on: datetime | None) -> date:
    return local_date(system_clock()) if on is None else on.date()
