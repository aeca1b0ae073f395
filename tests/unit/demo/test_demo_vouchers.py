"""The demo's voucher case: rows that the standard takes, by values that are told as examples."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.demo.vouchers import FEN, HOURS, INSTRUMENT, LAW_FOLDER, PRICE, SERVICE, stated
from hub.policy.law import LawStatus, LawValue, current_law
from hub.policy.vouchers.amount import Spent, voucher_part
from schema.conform import conform
from schema.dates import local_date
from schema.registry import standard

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
REGION = "330106"


def test_every_row_of_the_case_conforms_and_hangs_together() -> None:
    rows = [row for rows in stated(NOW).values() for row in rows]
    problems = [each for row in rows for each in conform(standard()[row["type"]], row["record"])[1]]
    assert problems == []
    by_type = {row["type"]: row["record"] for row in rows}
    assert by_type["ServiceOrder"]["serviceId"] == by_type["ServiceRecord"]["localId"] == SERVICE
    assert by_type["UsageRecord"]["orderId"] == by_type["ServiceOrder"]["localId"]
    keys = {by_type[name]["instrumentKey"] for name in ("ServiceOrder", "ServiceRecord")}
    assert keys == {INSTRUMENT}


def test_the_values_of_the_demo_say_that_they_are_examples_and_hold_nowhere_else() -> None:
    law, day = current_law(LAW_FOLDER), local_date(NOW)
    shipped = current_law().parameters
    values = [
        value
        for name, parameter in law.parameters.items()
        for value in parameter.values
        if value not in shipped[name].values
    ]
    assert {value.region for value in values} == {REGION}
    assert {value.status for value in values} == {LawStatus.DRAFT}
    assert all("示例值" in value.basis for value in values)
    rate = law.on(day, REGION).value("voucher.rate")
    assert isinstance(rate, LawValue)
    for name, parameter in current_law().parameters.items():
        for region in {value.region for value in parameter.values}:
            assert law.on(day, region).value(name) == parameter.on(day, region), name
    charge = PRICE * HOURS * 100
    spent = Spent(used_in_year=0, available=2_000_000)
    assert voucher_part(charge, spent, law.on(day, REGION)) == FEN
