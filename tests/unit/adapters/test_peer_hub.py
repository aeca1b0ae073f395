"""What is taken of a record of another hub: what its receipt proves, what it shows, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters._adapter import Context, ConvertedRow, Mapped, Removed
from adapters._live import WantedCalendar
from adapters._proof import Disproved, Judge, LogProof
from adapters.peer_hub import ADAPTER, LIVE, questions
from schema.canonical import encode

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
KEY = "moe:10335/Z1"
RECORD: dict[str, Any] = {
    "institutionKey": "moe:10335",
    "localNo": "Z1",
    "name": {"zh": "透射电子显微镜"},
    "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
    "status": "IN_SERVICE",
    "use": "GENERAL",
    "sharing": "OUTSIDE",
    "place": {"divisionCode": "330106"},
    "contact": "分析测试中心值班室",
    "originalValue": {"amount": "1200000", "currency": "CNY"},
}
INSTRUMENTS = next(each for each in ADAPTER.collections if each.name == "instruments")
PROOF = LogProof(
    word="VALID",
    record_type="Instrument",
    key=KEY,
    revision=2,
    origin="hub.zj.example/records",
    leaf_index=7,
    log_size=9,
)


def claim(kind: str = "OWN", key: str = KEY) -> dict[str, Any]:
    return {"source": "zju", "kind": kind, "key": key, "leads": True}


def row(receipt: Any = None, state: str = "INCLUDED", **more: Any) -> dict[str, Any]:
    """What the feed gives: the peer shows another model than its record states."""
    shown = {name: value for name, value in RECORD.items() if name != "originalValue"}
    provenance = {
        "owner": "moe:10335",
        "source": "zju",
        "entryId": "70",
        "revision": 2,
        "claims": [claim()],
    }
    told = {"receipt": receipt, "receiptState": state}
    head = {"change": "CHANGED", "id": "inst_1", "key": KEY, "provenance": provenance}
    return {**head, **shown, "model": "shown", **told, **more}


def receipt(**more: Any) -> dict[str, str]:
    record = encode({**RECORD, "model": "proved", **more}).decode()
    return {"state": "INCLUDED", "proof": "a receipt", "record": record}


def believing(proof: LogProof | Disproved = PROOF) -> Judge:
    return lambda *_: proof


def taken(raw: dict[str, Any], judge: Judge | None = None, **facts: Any) -> ConvertedRow:
    context = Context(source="zhejiang", now=NOW, facts=facts, judge=judge)
    return ADAPTER.convert(INSTRUMENTS, raw, context)


def faults(converted: ConvertedRow) -> list[str]:
    return [each.code for each in converted.problems if each.code.startswith("RECEIPT_")]


def test_what_is_proved_is_what_is_taken_without_what_stays_at_the_peer() -> None:
    (made,) = taken(row(receipt()), believing()).yielded
    assert isinstance(made, Mapped)
    assert made.record["model"] == "proved"
    assert not made.record.keys() & {"contact", "originalValue"}
    assert (made.proof, made.item_id) == (PROOF, "inst_1")


def test_the_contact_and_the_receipt_that_holds_it_are_dropped_before_anything_is_kept() -> None:
    assert set(taken(row(receipt()), believing()).dropped) == {"contact", "receipt"}


def test_without_a_pinned_log_it_is_taken_as_shown_and_nothing_is_proved() -> None:
    raw = row()
    del raw["receipt"], raw["receiptState"]
    (made,) = taken(raw).yielded
    assert isinstance(made, Mapped)
    assert (made.record["model"], made.proof) == ("shown", None)


def test_a_receipt_that_proves_nothing_is_a_fault_and_nothing_is_taken() -> None:
    disproved = Disproved("BAD_INCLUSION", "PROOF_ROOT: leads elsewhere")
    converted = taken(row(receipt()), believing(disproved))
    assert (converted.yielded, faults(converted)) == ((), ["RECEIPT_BAD_INCLUSION"])


@pytest.mark.parametrize(
    "about", [{"key": "moe:10335/Z2"}, {"record_type": "Institution"}, {"revision": 1}]
)
def test_a_receipt_of_another_record_or_revision_is_a_fault(about: dict[str, Any]) -> None:
    facts = {"key": KEY, "record_type": "Instrument", "revision": 2, **about}
    proof = LogProof(word="VALID", origin="x/records", leaf_index=1, log_size=2, **facts)
    assert faults(taken(row(receipt()), believing(proof))) == ["RECEIPT_OF_ANOTHER"]


def test_a_record_that_may_not_be_read_whole_is_taken_unproved_unless_that_is_refused() -> None:
    raw = row(None, "WITHHELD")
    (made,) = taken(raw, believing()).yielded
    assert isinstance(made, Mapped)
    assert (made.record["model"], made.proof) == ("shown", None)
    assert faults(taken(raw, believing(), unproved="refused")) == ["RECEIPT_WITHHELD"]


def test_a_row_that_was_kept_here_without_its_receipt_is_not_believed() -> None:
    raw = row()
    del raw["receipt"]
    assert faults(taken(raw, believing())) == ["RECEIPT_NOT_KEPT"]


def test_a_record_under_a_linked_name_has_a_receipt_of_the_other_name_and_is_not_proved() -> None:
    proof = LogProof(
        word="VALID",
        record_type="Instrument",
        key="uscc:1/Z1",
        revision=2,
        origin="x/records",
        leaf_index=1,
        log_size=2,
    )
    raw = row(receipt())
    raw["provenance"]["claims"] = [claim(key="uscc:1/Z1")]
    (made,) = taken(raw, believing(proof)).yielded
    assert isinstance(made, Mapped)
    assert (made.record["model"], made.proof) == ("shown", None)


def test_what_another_hub_leads_for_and_what_is_at_home_here_is_not_the_peers_own() -> None:
    raw = row()
    raw["provenance"]["claims"] = [claim("PEER")]
    for converted in (taken(raw), taken(row(), home_of=["moe:10335"])):
        (made,) = converted.yielded
        assert isinstance(made, Removed)
        assert made.key == KEY


def test_what_was_removed_is_told_by_identity_alone() -> None:
    (made,) = taken({"change": "REMOVED", "id": "inst_1", "key": None}).yielded
    assert made == Removed("Instrument", "", made.reason, item_id="inst_1")


def coverage(kind: str, as_of: str, until: str = "2026-12-28T16:00:00Z") -> dict[str, Any]:
    provenance = {
        "owner": "moe:10335",
        "source": "s",
        "authority": f"moe:10335/{kind.lower()}",
        "asOf": as_of,
        "claims": [claim(kind)],
    }
    span = {"startAt": "2026-11-01T16:00:00Z", "endAt": until}
    return {"id": "c", "key": "c", "provenance": provenance, "instrumentKey": KEY, **span}


def test_a_calendar_is_as_old_as_the_coverage_of_the_best_source_that_covers_all_of_it() -> None:
    context = Context(source="zhejiang", now=NOW)
    known = LIVE.lists[0]
    assert LIVE.covers is not None
    assert LIVE.covers(context, KEY) is None
    for raw in (
        coverage("PLATFORM", "2026-11-30T01:59:00Z"),
        coverage("OWN", "2026-11-30T01:00:00Z"),
        coverage("PEER", "2026-11-30T02:00:00Z"),
        coverage("OWN", "2026-11-30T02:00:00Z", until="2026-12-01T16:00:00Z"),
    ):
        assert ADAPTER.convert(known, raw, context).problems == ()
    covered = LIVE.covers(context, KEY)
    assert covered is not None
    assert covered.as_of == datetime(2026, 11, 30, 1, 0, tzinfo=UTC)
    assert covered.coverage.authority == "moe:10335/own"


def test_a_question_passes_on_how_fresh_it_is_wanted_and_asks_for_bookings_afterwards() -> None:
    context = Context(source="zhejiang", now=NOW, wanted=WantedCalendar(60.0, 1.5))
    known, booked = LIVE.question(context, KEY)
    assert (known.collection, booked.collection) == ("coverage", "bookings")
    assert known.window.filters == {"key": KEY, "maxStaleness": "PT60.000S", "deadline": "PT1.500S"}
    assert "maxStaleness" not in booked.window.filters
    late = Context(source="zhejiang", now=NOW, wanted=WantedCalendar(-1.0, -1.0))
    known, _ = LIVE.question(late, KEY)
    assert (known.window.filters["maxStaleness"], known.window.filters["deadline"]) == (
        "PT0.000S",
        "PT0.010S",
    )


def test_every_question_is_one_that_a_hub_registers() -> None:
    assert len(set(questions())) == 9
