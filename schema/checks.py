"""Checks of single items against the long code tables of the standard."""

from __future__ import annotations

from schema.codes.tables import country, currency, division
from schema.identifiers import Flaw

__all__ = ["check_country", "check_currency", "check_division"]

DELTA_PREFIXES = ("31", "32", "33", "34")
"""Provinces whose divisions the standard lists to county level."""


def check_division(code: str) -> Flaw | None:
    """Check a GB/T 2260 code: one of the four provinces must be listed, ended ones included."""
    if not code.startswith(DELTA_PREFIXES) or division(code) is not None:
        return None
    return Flaw(
        "DIVISION_UNKNOWN",
        f"GB/T 2260 中没有行政区划代码 {code}",
        f"GB/T 2260 has no division {code}",
    )


def check_country(code: str) -> Flaw | None:
    """Check a three-letter country code."""
    known = country(code)
    if known is not None and known.alpha3 == code:
        return None
    return Flaw(
        "COUNTRY_UNKNOWN",
        f"没有国家代码 {code}，应为三位字母，例如 DEU",
        f"no country {code}; send three letters, such as DEU",
    )


def check_currency(code: str) -> Flaw | None:
    """Check a currency code."""
    if currency(code) is not None:
        return None
    return Flaw(
        "CURRENCY_UNKNOWN",
        f"币种 {code} 不在标准中",
        f"currency {code} is not in the standard (ISO 4217)",
    )
