"""Bounds of what is believed, each with its reason; the records name them (`plausible=`)."""

from __future__ import annotations

from schema.plausible import Plausible

NOT_AHEAD = Plausible(
    days_ahead=1,
    zh="日期在未来，请核对年份",
    en="lies in the future; check the year",
)
"""What was done cannot lie ahead; a day is left for clocks and zones."""

VALUE_OF_INSTRUMENT = Plausible(
    low=1_000,
    high=2_000_000_000,
    currency="CNY",
    zh="原值通常在 1 千元至 20 亿元之间，请核对单位（元、万元）",
    en="an instrument usually costs between 1,000 and 2,000,000,000 yuan; check the unit "
    "(yuan, ten thousand yuan)",
)
PRICE = Plausible(
    low=0.1,
    high=1_000_000,
    currency="CNY",
    zh="单价通常在 0.1 元至 100 万元之间，请核对单位（元、万元、分）",
    en="a price usually lies between 0.1 and 1,000,000 yuan; check the unit (yuan, fen)",
)
CHARGE = Plausible(
    low=0,
    high=10_000_000,
    currency="CNY",
    zh="一次服务的金额通常不超过 1 千万元，请核对单位（元、万元、分）",
    en="one service seldom costs more than 10,000,000 yuan; check the unit (yuan, fen)",
)
VOUCHER = Plausible(
    low=100,
    high=100_000_000,
    zh="一次抵扣通常在 1 元至 100 万元之间，单位是分，请核对",
    en="a voucher usually pays between 1 and 1,000,000 yuan at once, counted in fen; check it",
)
HOURS_OF_USE = Plausible(
    high=2_000,
    zh="一条记录的机时通常不超过 2000 小时，请核对单位（小时、分钟）",
    en="one record seldom has more than 2,000 hours; check the unit (hours, minutes)",
)
SAMPLES = Plausible(
    high=100_000,
    zh="一条记录的样品数通常不超过 10 万，请核对",
    en="one record seldom has more than 100,000 samples; check it",
)
HOURS_OF_YEAR = Plausible(
    high=8_784,
    zh="一年最多 8784 小时，请核对",
    en="a year has 8,784 hours at most; check it",
)
