"""A stand-in answers in the form of its frozen answers, which the adapters' tests read too."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree.ElementTree import tostring

import pytest

from hub.sandbox.customs import message
from hub.sandbox.meters import Meters
from hub.sandbox.wire import FrozenAnswer, FrozenMessage, WireError
from tests.recorded import FIXTURES, WIRES
from tests.unit.sandbox.subjects import DAY, NOW

FROZEN = {
    "total": 2,
    "data": {
        "rows": [
            {"no": "A", "worth": 1.5, "by": {"7": "x"}, "ends": None, "never": None, "costs": []},
            {
                "no": "B",
                "worth": 2,
                "by": {},
                "ends": "2026",
                "never": None,
                "costs": [{"yuan": 3}],
            },
        ]
    },
}
WIRE = FrozenAnswer("a", "list", "data", "rows", text=json.dumps(FROZEN))
FILES = sorted(
    str(path.relative_to(WIRES)) for path in WIRES.glob("*/*") if path.suffix in (".json", ".xml")
)


def test_members_their_order_and_what_is_not_given_come_from_the_frozen_answer() -> None:
    row = WIRE.row({"worth": 7, "no": "C"})
    assert list(row.items()) == list({**FROZEN["data"]["rows"][0], "no": "C", "worth": 7}.items())
    assert WIRE.answer([row], {"total": 1}) == {"total": 1, "data": {"rows": [row]}}
    assert WIRE.answer([]) == {"total": 2, "data": {"rows": []}}


@pytest.mark.parametrize(
    "values",
    [
        {"more": 1},
        {"no": 1},
        {"no": None},
        {"worth": "1.5"},
        {"worth": True},
        {"by": ["x"]},
        {"ends": 2026},
        {"costs": [{"yuan": "3"}]},
        {"costs": [{"fen": 3}]},
        {"costs": [3]},
    ],
)
def test_another_form_is_an_error_of_the_stand_in(values: dict[str, Any]) -> None:
    with pytest.raises(WireError):
        WIRE.row(values)


@pytest.mark.parametrize(
    "values",
    [
        {"by": {"12": "y"}},  # numbers of things are not names of members
        {"ends": None},
        {"never": "2027"},  # null whenever it was seen: of its type nothing is known
        {"costs": [{"yuan": 5}, {"yuan": 1.5}]},
    ],
)
def test_what_one_of_the_frozen_rows_allows_may_stand(values: dict[str, Any]) -> None:
    assert values.items() <= WIRE.row(values).items()


def test_an_element_that_no_message_has_is_an_error_of_the_stand_in() -> None:
    frozen = FrozenMessage("customs_relief", "message.xml")
    root = frozen.root()
    with pytest.raises(WireError):
        frozen.add(root, "Certificates", {})
    with pytest.raises(WireError):
        frozen.add(root, "DutyPayment", {"duty": "1"})
    made = frozen.add(root, "DutyPayment", {"amount": "1.00"})
    assert [each.tag for each in made][:2] == ["recordNo", "applicantUscc"]
    assert b"<amount>1.00</amount>" in tostring(made)


def test_a_message_has_the_namespace_and_the_root_of_the_frozen_one() -> None:
    opening = re.compile(rb"<DutyReliefMessage[^>]*>")
    frozen = opening.search((WIRES / "customs_relief" / "message.xml").read_bytes())
    written = opening.search(message(DAY, 0.3))
    assert frozen and written and frozen[0] == written[0]


def test_a_reading_has_the_members_of_the_frozen_one_in_their_order() -> None:
    (first, *_) = json.loads((WIRES / "power_meters" / "readings.json").read_text("utf-8"))
    ((_, payload),) = Meters(count=1).messages(NOW)
    assert list(json.loads(payload)) == list(json.loads(first["payload"]))


def test_every_frozen_file_is_read_by_the_tests_of_its_adapter() -> None:
    named = set()
    for source in FIXTURES.glob("*/source.json"):
        given = json.loads(source.read_text("utf-8"))
        wires = [given.get("wire"), *(each.get("wire") for each in given.get("exchanges", ()))]
        files = [each for each in given.get("files", ()) if isinstance(each, str)]
        named |= {f"{source.parent.name}/{name}" for name in [*wires, *files] if name}
    assert {name for name in named if not name.startswith("moe_tables/")} == set(FILES)


def test_of_every_frozen_file_it_is_said_what_it_was_modelled_on() -> None:
    said: list[str] = []
    for line in (WIRES / "SOURCE.md").read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            files, members, envelope, basis = cells
            assert {members, envelope} <= {"public", "seen", "guessed"}
            assert basis
            said += re.findall(r"`([a-z_]+/[a-z]+)`", files)
    assert sorted(said) == [name.rpartition(".")[0] for name in FILES]
