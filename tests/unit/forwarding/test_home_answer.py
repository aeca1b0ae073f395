"""What is sent to a home, and which of its answers are believed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hub.errors import ErrorCode
from hub.forwarding.home_answer import HandedOn
from hub.intake.batch import Outcome, RowHome, RowOutcome
from schema.errors import Problem

HUB, ORIGIN = "https://hub.zj.example", "hub.zj.example/records"
ROWS = [{"type": "Instrument", "record": {"n": n}, "jws": "a..b"} for n in range(4)]
HOME = RowHome(hub=HUB, institution="moe:1")


def waiting(row: int, *codes: ErrorCode) -> RowOutcome:
    problems = tuple(Problem("", code.name, code.zh, code.en) for code in codes)
    return RowOutcome(
        row=row,
        outcome=Outcome.UNSETTLED,
        record_type="Instrument",
        key=f"moe:1/{row}",
        problems=problems,
        home=HOME,
    )


def sent(*, is_first: bool = True, said: tuple[ErrorCode, ...] = ()) -> HandedOn:
    rows = [waiting(2, *said), waiting(4, *said)]
    return HandedOn.of(HUB, "zju", rows, ROWS, is_first=is_first)


def answer(*rows: dict[str, Any]) -> dict[str, Any]:
    plain = {"type": "Instrument", "outcome": "ACCEPTED", "revision": 1, "entryId": "7", "id": "i"}
    return {"rows": [{**plain, "row": n, **row} for n, row in enumerate(rows, 1)]}


GOOD = ({"key": "moe:1/2"}, {"key": "moe:1/4", "entryId": "8"})


def test_rows_go_as_they_came_and_the_same_goes_under_the_same_key() -> None:
    first = sent()
    assert [json.loads(line) for line in first.body.splitlines()] == [ROWS[1], ROWS[3]]
    key = first.key("client", "k")
    assert sent().key("client", "k") == key
    others = {
        first.key("client", "l"),
        first.key("clien", "tk"),
        replace(first, pushed_as="zjut").key("client", "k"),
        replace(first, hub="https://x").key("client", "k"),
        replace(first, body=first.body + b" ").key("client", "k"),
    }
    assert len(others - {key}) == 5
    assert len(key) <= 128


def test_half_of_a_pair_goes_as_it_came() -> None:
    row = {"type": "Instrument", "record": {"n": "电镜"}, "jws": "\ud800"}
    made = HandedOn.of(HUB, "zju", [waiting(1)], [row], is_first=True)
    assert json.loads(made.body) == row


def test_an_answer_takes_the_place_of_rows_in_the_callers_order() -> None:
    settled = sent().settled(answer(*GOOD), ORIGIN)
    assert [(each.row, each.outcome, each.entry_id) for each in settled] == [
        (2, Outcome.ACCEPTED, None),
        (4, Outcome.ACCEPTED, None),
    ]
    assert [each.home and each.home.entry_id for each in settled] == [7, 8]
    assert {each.home and each.home.origin for each in settled} == {ORIGIN}
    for each in settled:
        assert RowOutcome.from_wire(json.loads(json.dumps(each.to_wire()))) == each


@pytest.mark.parametrize(
    "strange",
    [
        None,
        [],
        {"rows": {}},
        answer(GOOD[0]),
        answer(*GOOD, {"key": "moe:1/5"}),
        answer(GOOD[1], GOOD[0]),
        answer(GOOD[0], {**GOOD[1], "row": 7}),
        answer(GOOD[0], {**GOOD[1], "outcome": "UNSETTLED"}),
        answer(GOOD[0], {**GOOD[1], "outcome": "FINE"}),
        answer(GOOD[0], {**GOOD[1], "type": "Institution"}),
        answer(GOOD[0], {**GOOD[1], "entryId": "x"}),
        answer(GOOD[0], {**GOOD[1], "revision": "1"}),
        answer(GOOD[0], {**GOOD[1], "id": "x" * 101}),
        answer(GOOD[0], {**GOOD[1], "id": "\u202e"}),
        answer(GOOD[0], {**GOOD[1], "problems": [{"path": 1}]}),
        {"rows": [1, 2]},
    ],
)
def test_what_is_no_answer_to_these_rows_is_none(strange: Any) -> None:
    with pytest.raises(ValueError, match=r"row|answer"):
        sent().settled(strange, ORIGIN)


def test_what_a_home_finds_wrong_is_passed_on_readable_and_bounded() -> None:
    problem = {"path": "p\u202e", "code": "C", "messageZh": "x" * 999, "messageEn": "e", "value": 5}
    held = {"outcome": "QUARANTINED", "key": None, "type": None, "entryId": None}
    told, _ = sent().settled(answer({**held, "problems": [problem] * 200}, GOOD[1]), None)
    assert (told.outcome, told.key, len(told.problems)) == (Outcome.QUARANTINED, "moe:1/2", 100)
    assert told.problems[0].path.isprintable()
    assert (len(told.problems[0].zh), told.problems[0].value) == (500, "5")


SILENT, AWAY = ErrorCode.HOME_SILENT, ErrorCode.HOME_UNREACHABLE


@pytest.mark.parametrize(
    ("is_first", "said", "met", "told"),
    [
        (True, (SILENT,), AWAY, ["HOME_UNREACHABLE"]),  # stored before anything left
        (True, (SILENT,), SILENT, ["HOME_SILENT"]),
        (False, (SILENT,), AWAY, ["HOME_SILENT", "HOME_UNREACHABLE"]),
        (False, (SILENT,), SILENT, ["HOME_SILENT"]),
        (False, (AWAY,), AWAY, ["HOME_UNREACHABLE"]),
        (False, (SILENT, AWAY), ErrorCode.HOME_REFUSED, ["HOME_SILENT", "HOME_REFUSED"]),
    ],
)
def test_what_may_have_been_taken_stays_so_whatever_a_repeat_meets(
    is_first: bool, said: tuple[ErrorCode, ...], met: ErrorCode, told: list[str]
) -> None:
    for each in sent(is_first=is_first, said=said).unsettled(met):
        assert each.outcome is Outcome.UNSETTLED
        assert [problem.code for problem in each.problems] == told
