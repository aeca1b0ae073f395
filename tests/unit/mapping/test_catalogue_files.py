"""PIDINST documents and UNIQUIP tables are known by what stands in them; their rows are told."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import xlsxwriter

from adapters.catalogue.given import Published
from adapters.catalogue.pidinst import to_pidinst
from adapters.catalogue.pidinst_xml import pidinst_to_xml
from adapters.catalogue.uniquip import COLUMNS, to_uniquip, uniquip_csv
from adapters.mapping import MappingError
from connectors.errors import PayloadError
from hub.errors import RefusedError
from hub.intake.files.service import GivenFile, ReadFile, read_given
from hub.intake.files.submission import ReadTable
from tests.shared import SHARED

OWNER = "moe:10335"
EXAMPLES = SHARED / "data" / "pidinst-examples"
INSTRUMENT = {
    "institutionKey": OWNER,
    "localNo": "20190001",
    "name": {"zh": "透射电子显微镜"},
    "model": "JEM-2100F",
    "manufacturer": "日本电子",
    "functions": "=形貌",
    "commissionedOn": "2019-06",
    "bookingUrl": "https://book.example.edu.cn/1",
    "identifiers": [{"scheme": "DOI", "value": "10.5072/inst-1"}],
}
OF = Published(instrument=INSTRUMENT, institution={"name": {"zh": "某大学"}})
PIDINST = to_pidinst(OF)
UNIQUIP = to_uniquip(OF)
TAKEN = {**INSTRUMENT, "status": "UNKNOWN"}


def read(data: bytes | str | Any, institution: str = OWNER, name: str = "list") -> ReadFile:
    if not isinstance(data, bytes | str):
        data = json.dumps(data, ensure_ascii=False)
    sent = data if isinstance(data, bytes) else data.encode()
    return read_given(GivenFile(name=name, data=sent, source="unit", institution=institution))


def table_of(data: bytes | str | Any) -> ReadTable:
    (table,) = read(data).tables
    return table


def records(data: bytes | str | Any) -> list[dict[str, Any]]:
    rows = table_of(data).converted
    assert [problem for row in rows for problem in row.problems] == []
    return [wire for row in rows for _, wire in row.records]


def codes(data: bytes | str | Any) -> list[str]:
    return [each.problem.code for row in table_of(data).converted for each in row.problems]


def workbook(rows: list[dict[str, str]]) -> bytes:
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("any name")
        for at, row in enumerate([dict(zip(COLUMNS, COLUMNS, strict=True)), *rows]):
            sheet.write_row(at, 0, [row[name] for name in COLUMNS])
    return memory.getvalue()


@pytest.mark.parametrize(
    "form",
    [
        PIDINST,
        [PIDINST],
        "\ufeff" + json.dumps(PIDINST),
        pidinst_to_xml(PIDINST),
        b"\xef\xbb\xbf<!-- a note -->\n" + pidinst_to_xml(PIDINST).partition(b"\n")[2],
    ],
    ids=["object", "list", "mark", "xml", "xml after a note"],
)
def test_a_document_is_known_by_its_members(form: Any) -> None:
    assert records(form) == [TAKEN]


@pytest.mark.parametrize(
    "form", [uniquip_csv([UNIQUIP]), workbook([UNIQUIP])], ids=["csv", "workbook"]
)
def test_a_table_is_known_by_its_columns(form: Any) -> None:
    (record,) = records(form)
    assert record == {name: value for name, value in TAKEN.items() if name != "bookingUrl"}


def test_public_examples_are_known_and_go_in() -> None:
    if not EXAMPLES.is_dir():
        pytest.skip("the public examples of PIDINST are not beside this checkout")
    files = sorted(EXAMPLES.glob("hzb*.xml")) + sorted(EXAMPLES.glob("apache*[0e].json"))
    taken = {path.name for path in files if is_taken(path.read_bytes())}
    others = {"apache_experiment-template.json"}  # an experiment with an instrument within
    assert taken == {path.name for path in files} - others
    assert len(taken) == 6


def is_taken(data: bytes) -> bool:
    try:
        return len(records(data)) == 1
    except MappingError:  # it is not of this form
        return False


@pytest.mark.parametrize("institution", ["", "10335", "hub:one"])
def test_whose_instruments_they_are_must_be_said(institution: str) -> None:
    for form in (json.dumps(PIDINST), uniquip_csv([UNIQUIP])):
        with pytest.raises(RefusedError) as refused:
            read(form, institution)
        assert "institution" in str(refused.value.hint)


def test_what_has_no_item_is_told_and_persons_are_dropped() -> None:
    owner = {**PIDINST["owners"][0], "ownerContact": "someone@people.invalid"}
    document = {**PIDINST, "owners": [owner], "measuredVariables": ["current"], "colour": "red"}
    table = table_of(document)
    (row,) = table.converted
    assert [each.code for doubts in row.doubts for each in doubts] == ["NO_ITEM"] * 2
    assert [each.path for doubts in row.doubts for each in doubts] == ["colour", "measuredvariable"]
    names = [each.name for each in table.table.columns]
    (at,) = table.columns_of("Instrument", "measuredvariable")
    assert names[at - 1] == "measuredVariables"
    assert row.dropped == ("ownerContact",)
    assert "people.invalid" not in str(table.cells_to_keep(row.row))
    (line,) = table_of(uniquip_csv([{**UNIQUIP, "contactEmail": "a@people.invalid"}])).converted
    assert line.dropped == ("contactEmail",)
    assert "people.invalid" not in str(line.records)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"identifier": {"identifier": "", "identifierType": "DOI"}}, ["MISSING"]),
        ({"schemaVersion": "9.0"}, ["VERSION"]),
        ({"owners": "nobody"}, ["MISSHAPEN"]),
        ({"name": None}, ["MISSING"]),
    ],
)
def test_a_document_that_is_none_comes_back_alone(
    change: dict[str, Any], expected: list[str]
) -> None:
    assert codes([{**PIDINST, **change}, PIDINST]) == expected


def test_what_the_standard_refuses_is_marked_in_its_own_column() -> None:
    table = table_of(uniquip_csv([{**UNIQUIP, "commissionedDate": "last summer"}, UNIQUIP]))
    bad, good = table.converted
    (problem,) = bad.problems
    names = {each.position: each.name for each in table.table.columns}
    assert [names[at] for at in problem.columns] == ["commissionedDate"]
    assert good.records


def test_the_same_number_with_other_content_is_refused_and_the_same_row_is_not() -> None:
    other = {**UNIQUIP, "name": "另一台"}
    assert codes(uniquip_csv([UNIQUIP, UNIQUIP])) == []
    assert codes(uniquip_csv([UNIQUIP, other])) == ["KEY_REPEATED"]


@pytest.mark.parametrize(
    "data",
    [
        b'<?xml version="1.0"?><!DOCTYPE instrument [<!ENTITY a "b">]><instrument/>',
        b"<instrument><name>x",
        b'<?xml version="1.0"?><other/>',
        uniquip_csv([UNIQUIP]).replace("subject", "colour").encode(),
        uniquip_csv([]).encode(),
    ],
    ids=["doctype", "cut off", "another root", "another column", "no rows"],
)
def test_a_file_that_cannot_be_one_is_refused_whole(data: bytes) -> None:
    with pytest.raises(PayloadError):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"name": "x", "identifier": "y"}',
        b'[{"name": "x"}, 7]',
        b"{broken",
        b"name,manufacturer\nx,y\n",
    ],
)
def test_other_files_are_what_they_were(data: bytes) -> None:
    with pytest.raises((MappingError, PayloadError)) as refused:
        read(data)
    assert "PIDINST" not in str(refused.value)
