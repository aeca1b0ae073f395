from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from hub.intake.decide import Decided, decide
from hub.intake.guard import Current, GuardContext, Speaker
from hub.intake.prepare import Prepared
from schema.codes import Assurance
from schema.registry import standard

NOW = datetime(2026, 11, 25, tzinfo=UTC)
OWNER = "moe:10335"


def judged(rows: list[Prepared], known: dict[str, Current]) -> Decided:
    speaker = Speaker("s", OWNER, None, is_hub=False)
    named = {("", key): current for key, current in known.items()}
    return decide(rows, named, speaker, GuardContext(NOW, NOW, {}), Assurance.REQUEST_SIGNED)


def standing(revision: int) -> Current:
    return Current(
        b"0", 7, revision, withdrawn=False, owner=OWNER, issuer=OWNER, assurance="REQUEST_SIGNED"
    )


def row(number: int, key: str, content: str | None, owner: str = OWNER) -> Prepared:
    """A row that says `content` of `key`, or withdraws it."""
    canon = (content or f"tombstone {number}").encode()
    return Prepared(
        number,
        None,
        [],
        spec=standard()["Instrument"],
        record_type="Instrument",
        key=key,
        owner="" if content is None else owner,
        issuer="" if content is None else owner,
        canon=canon,
        digest=sha256(canon).digest(),
        withdrawal=content is None,
    )


def test_a_later_row_is_judged_by_what_an_earlier_one_left() -> None:
    rows = [row(1, "k", "A"), row(2, "k", "A"), row(3, "k", "B"), row(4, "k", None)]
    decided = judged(rows, {})
    assert [entry.current.revision for entry in decided.entries] == [1, 2, 3]
    assert [entry.last for entry in decided.entries] == [False, False, True]
    assert [(each.row, current.revision) for each, current in decided.duplicates] == [(2, 1)]


def test_a_withdrawal_of_what_was_never_there_is_refused_and_can_be_judged_again() -> None:
    rows = [row(1, "k", None)]
    for _ in range(2):
        decided = judged(rows, {})
        assert [told.code for _, told in decided.refused] == ["WITHDRAW_UNKNOWN"]
        assert rows[0].problems == []


def test_the_known_state_is_not_changed_by_deciding() -> None:
    known = {"k": standing(3)}
    judged([row(1, "k", "A"), row(2, "k", None)], known)
    assert known == {"k": standing(3)}


def test_what_is_withdrawn_is_not_withdrawn_again_but_may_be_said_again() -> None:
    rows = [row(1, "k", "A"), row(2, "k", None), row(3, "k", None), row(2, "k", None)]
    decided = judged(rows, {})
    assert [told.code for _, told in decided.refused] == ["ALREADY_WITHDRAWN"]
    assert [each.row for each, _ in decided.duplicates] == [2]


def test_an_owner_changes_only_by_withdrawing_and_submitting_anew() -> None:
    other = "moe:10246"
    decided = judged([row(1, "k", "A"), row(2, "k", "B", other)], {})
    assert [told.code for _, told in decided.refused] == ["OWNER_CHANGED"]
    decided = judged([row(1, "k", "A"), row(2, "k", None), row(3, "k", "B", other)], {})
    assert decided.refused == []
    assert [entry.row.owner for entry in decided.entries] == [OWNER, OWNER, other]


def test_what_is_at_home_elsewhere_is_refused_with_the_address_unless_this_hub_saw_it() -> None:
    homes = {OWNER: "https://hub.zj.example"}
    rows = [row(1, "k", "A"), row(2, "l", None), row(3, "m", "A", "moe:10246")]
    named = {("", "l"): standing(1)}
    for is_hub, refused in ((False, {1, 2}), (True, set())):
        speaker = Speaker("s", OWNER, None, is_hub=is_hub, homes=homes)
        context = GuardContext(NOW, NOW, {})
        decided = decide(rows, named, speaker, context, Assurance.REQUEST_SIGNED)
        assert {each.row for each, _ in decided.refused} == refused
        for _, told in decided.refused:
            assert (told.code, told.value) == ("HOME_ELSEWHERE", "https://hub.zj.example")


def test_a_withdrawal_of_what_is_not_here_belongs_to_the_institution_its_key_begins_with() -> None:
    homes = {OWNER: "https://hub.zj.example"}
    keys = (OWNER, f"{OWNER}/1", f"{OWNER}0/1", "k")
    rows = [row(number, key, None) for number, key in enumerate(keys)]
    for is_hub, elsewhere in ((False, {0, 1}), (True, set())):
        speaker = Speaker("s", OWNER, None, is_hub=is_hub, homes=homes)
        decided = decide(rows, {}, speaker, GuardContext(NOW, NOW, {}), Assurance.REQUEST_SIGNED)
        told = {each.row: problem.code for each, problem in decided.refused}
        assert {number for number, code in told.items() if code == "HOME_ELSEWHERE"} == elsewhere
        assert len(told) == 4


@given(st.lists(st.tuples(st.sampled_from("kl"), st.sampled_from(["A", "B", None])), max_size=30))
def test_one_batch_decides_as_many_batches_of_one_row(steps: list[tuple[str, str | None]]) -> None:
    rows = [row(n, key, content) for n, (key, content) in enumerate(steps)]
    together = judged(rows, {})
    left: dict[str, Current] = {}
    entries = []
    for each in rows:
        made = judged([each], left)
        for entry in made.entries:
            entries.append((each.row, entry.current.revision, entry.previous))
            left[str(each.key)] = entry.current
    assert [(e.row.row, e.current.revision, e.previous) for e in together.entries] == entries
    assert {e.row.key for e in together.entries if e.last} == set(left)
