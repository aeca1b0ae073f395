from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.identity.ids import item_id, revision_id
from hub.intake.batch import Outcome, Outcomes, RowOutcome
from hub.intake.masked import raw_text
from hub.intake.prepare import System, prepare
from schema.canonical import canonical
from schema.errors import Problem
from schema.registry import standard

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SYSTEM = System("moe:10335/lims")
HOURS = {"instrumentKey": "moe:10335/A1", "weekday": "MONDAY"}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_a_prepared_row_holds_the_bytes_that_its_producer_can_compute() -> None:
    made = prepare(1, {"type": "OpeningHours", "record": HOURS}, standard(), NOW, SYSTEM)
    assert made.problems == []
    assert made.key == "moe:10335/A1/MONDAY"
    assert made.canon == canonical(HOURS)


def test_a_withdrawal_without_a_time_is_dated_by_the_hub() -> None:
    raw = {"type": "OpeningHours", "withdraw": {"key": "moe:10335/A1/MONDAY", "reason": "closed"}}
    made = prepare(1, raw, standard(), NOW, SYSTEM)
    assert made.problems == []
    assert json.loads(made.canon)["at"] == "2026-11-23T08:00:00Z"


def test_a_withdrawal_of_a_key_that_cannot_be_is_told_with_all_else_that_is_wrong() -> None:
    stated = {"key": "moe:10335/A\u20661", "reason": "", "at": "1850-01-01T00:00:00Z"}
    made = prepare(1, {"type": "OpeningHours", "withdraw": stated}, standard(), NOW, SYSTEM)
    assert [(each.path, each.code) for each in made.problems] == [
        ("withdraw.key", "KEY_CHARACTER"),
        ("withdraw.reason", "ROW_SHAPE"),
        ("withdraw.at", "ROW_SHAPE"),
    ]
    assert made.problems[0].value == "moe:10335/A[U+2066]1"


def test_the_key_of_a_refused_row_is_shown_by_what_can_be_seen() -> None:
    row = {"type": "Occupancy", "record": {"instrumentKey": "moe:10335/A1", "localId": "1\u0430"}}
    assert prepare(1, row, standard(), NOW, SYSTEM).key == "moe:10335/A1/1[U+0430]"


def test_problems_never_show_personal_data() -> None:
    record = {"instrumentKey": "moe:10335/A1", "localId": "1", "userReference": "张三\x07"}
    made = prepare(1, {"type": "UsageRecord", "record": record}, standard(), NOW, SYSTEM)
    told = next(each for each in made.problems if each.path == "userReference")
    assert told.value is None


@given(JSON, JSON)
def test_any_row_is_either_right_or_has_problems_that_can_be_stored(raw: Any, inner: Any) -> None:
    for row in (raw, {"type": "Instrument", "record": inner}, {"type": raw, "record": inner}):
        made = prepare(1, row, standard(), NOW, SYSTEM)
        assert made.problems or made.canon
        for each in made.problems:
            assert (each.path + each.en + each.zh + (each.value or "")).isprintable()
        assert raw_text(row).isascii()


def test_a_row_nested_without_end_is_still_kept() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert raw_text(nested).startswith('"a row nested')


def test_outcomes_survive_being_stored() -> None:
    told = Problem("status", "CODE_UNKNOWN", "未知", "unknown", "?")
    rows = (
        RowOutcome(row=1, outcome=Outcome.QUARANTINED, record_type="Instrument", problems=(told,)),
        RowOutcome(
            row=2,
            outcome=Outcome.ACCEPTED,
            record_type="Instrument",
            key="k",
            item_id="instr_x",
            entry_id=2**60,
            revision=1,
            revision_id="r1_x",
        ),
    )
    made = Outcomes(rows=rows)
    again = Outcomes.from_text(made.to_text(), replayed=True)
    assert again.rows == rows
    assert again.counts[Outcome.QUARANTINED] == 1


def test_identities_are_what_the_standard_says() -> None:
    made = item_id("instr", "Instrument", "", "moe:10335/A1", "moe:10335")
    assert made.startswith("instr_")
    assert len(made) == len("instr_") + 24
    shard = sha256(b"moe:10335").hexdigest()[:2]
    named = sha256(b"Instrument\x1f\x1fmoe:10335/A1").digest()[:16]
    assert made == f"instr_{shard}{urlsafe_b64encode(named).decode().rstrip('=')}"
    assert made != item_id("instr", "Instrument", "moe:10335/lims", "moe:10335/A1", "moe:10335")
    assert revision_id(b"\x00" * 32) == "r1_" + "A" * 43
