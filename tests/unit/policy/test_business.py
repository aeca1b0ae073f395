"""Whether an enterprise was in business on the day of a service, by what registers said."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hub.policy.bounds import Missing
from hub.vouchers.services.business import was_in_business

DAY = date(2026, 5, 4)


def said(state: str, since: str, read: str, until: str | None = None) -> dict[str, Any]:
    return {
        "state": state,
        "valid_from": date.fromisoformat(since),
        "stated_on": date.fromisoformat(read),
        "valid_until": None if until is None else date.fromisoformat(until),
    }


IN = said("IN_BUSINESS", "2019-01-01", "2026-05-04")
CASES: dict[str, tuple[list[dict[str, Any]], bool | str]] = {
    "read on the day": ([IN], True),
    "begun on the day": ([said("IN_BUSINESS", "2026-05-04", "2026-05-04")], True),
    "begun a day later": (
        [said("IN_BUSINESS", "2026-05-05", "2026-06-01")],
        "NO_STATEMENT_OF_THAT_DAY",
    ),
    "read a day before": (
        [said("IN_BUSINESS", "2019-01-01", "2026-05-03")],
        "NO_STATEMENT_OF_THAT_DAY",
    ),
    "nobody said anything": ([], "NO_STATEMENT_OF_THAT_DAY"),
    "ended a day before, and nothing since": (
        [said("IN_BUSINESS", "2019-01-01", "2026-06-01", "2026-05-03")],
        "NO_STATEMENT_OF_THAT_DAY",
    ),
    "last day": ([said("IN_BUSINESS", "2019-01-01", "2026-06-01", "2026-05-04")], True),
    "a gap between two": (
        [
            said("IN_BUSINESS", "2019-01-01", "2026-06-01", "2026-05-03"),
            said("IN_BUSINESS", "2026-05-05", "2026-06-01"),
        ],
        "NO_STATEMENT_OF_THAT_DAY",
    ),
    "deregistered long before, read then": (
        [said("DEREGISTERED", "2021-01-01", "2021-01-02")],
        False,
    ),
    "revoked for a time that is over": (
        [said("REVOKED", "2021-01-01", "2022-01-02", "2021-06-30")],
        "NO_STATEMENT_OF_THAT_DAY",
    ),
    "being wound up": ([said("IN_LIQUIDATION", "2026-01-01", "2026-05-04")], False),
    "revoked, then deregistered": (
        [
            said("REVOKED", "2021-01-01", "2022-01-02"),
            said("DEREGISTERED", "2023-01-01", "2023-01-02"),
        ],
        False,
    ),
    "two registers contradict each other": (
        [IN, said("DEREGISTERED", "2025-01-01", "2025-01-02")],
        "CONTRADICTED",
    ),
    "suspended": ([said("SUSPENDED", "2026-01-01", "2026-05-04")], "SUSPENDED"),
    "moved out, to nobody knows where": (
        [said("MOVED_OUT", "2026-01-01", "2026-05-04")],
        "MOVED_OUT",
    ),
    "moved out, and in business elsewhere": (
        [said("MOVED_OUT", "2026-01-01", "2026-05-04"), IN],
        True,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_day_that_no_register_speaks_of_is_not_known(case: str) -> None:
    statements, expected = CASES[case]
    for rows in (statements, statements[::-1]):
        found = was_in_business(rows, DAY)
        assert found == (Missing("status", expected) if isinstance(expected, str) else expected)
