from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from hub.intake.decide import Current, decide
from hub.intake.prepare import Prepared


def row(number: int, key: str, content: str | None) -> Prepared:
    """A row that says `content` of `key`, or withdraws it."""
    canon = (content or f"tombstone {number}").encode()
    return Prepared(
        number,
        None,
        [],
        record_type="Instrument",
        key=key,
        canon=canon,
        digest=sha256(canon).digest(),
        withdrawal=content is None,
    )


def test_a_later_row_is_judged_by_what_an_earlier_one_left() -> None:
    rows = [row(1, "k", "A"), row(2, "k", "A"), row(3, "k", "B"), row(4, "k", None)]
    decided = decide(rows, {})
    assert [entry.current.revision for entry in decided.entries] == [1, 2, 3]
    assert [entry.last for entry in decided.entries] == [False, False, True]
    assert [(each.row, current.revision) for each, current in decided.duplicates] == [(2, 1)]


def test_a_withdrawal_of_what_was_never_there_is_refused_and_can_be_judged_again() -> None:
    rows = [row(1, "k", None)]
    for _ in range(2):
        decided = decide(rows, {})
        assert [told.code for _, told in decided.refused] == ["WITHDRAW_UNKNOWN"]
        assert rows[0].problems == []


def test_the_known_state_is_not_changed_by_deciding() -> None:
    known = {"k": Current(b"0", 7, 3, withdrawn=False)}
    decide([row(1, "k", "A"), row(2, "k", None)], known)
    assert known == {"k": Current(b"0", 7, 3, withdrawn=False)}


@given(st.lists(st.tuples(st.sampled_from("kl"), st.sampled_from(["A", "B", None])), max_size=30))
def test_one_batch_decides_as_many_batches_of_one_row(steps: list[tuple[str, str | None]]) -> None:
    rows = [row(n, key, content) for n, (key, content) in enumerate(steps)]
    together = decide(rows, {})
    standing: dict[str, Current] = {}
    entries = []
    for each in rows:
        made = decide([each], standing)
        for entry in made.entries:
            entries.append((each.row, entry.current.revision, entry.previous))
            standing[str(each.key)] = entry.current
    assert [(e.row.row, e.current.revision, e.previous) for e in together.entries] == entries
    assert {e.row.key for e in together.entries if e.last} == set(standing)
