"""Instruments go out to catalogues and come back; what is missing is told, persons stay outside."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from lxml import etree

from adapters.catalogue.given import CatalogueError, Published
from adapters.catalogue.pidinst import document_text, from_pidinst, read_pidinst, to_pidinst
from adapters.catalogue.pidinst_xml import pidinst_from_xml, pidinst_to_xml
from adapters.catalogue.uniquip import from_uniquip, read_uniquip, to_uniquip, uniquip_csv
from schema.conform import conform
from schema.registry import standard
from tests.shared import SHARED

SCHEMAS = SHARED / "vectors" / "pidinst"
EXAMPLES = SHARED / "data" / "pidinst-examples"
INSTRUMENT: dict[str, Any] = {
    "institutionKey": "ror:02n96ep67",
    "localNo": "20190001",
    "name": {"zh": "透射电子显微镜", "en": "TEM"},
    "classes": [{"scheme": "GB/T 32847", "version": "2016", "code": "010101"}],
    "model": "JEM-2100F",
    "manufacturer": "日本电子",
    "serialNo": "EM-SECRET-1",
    "functions": "形貌、结构与成分分析 <&>",
    "commissionedOn": "2019-06",
    "endedOn": "2026-10-31",
    "acceptedOn": "2019-05-05",
    "originalValue": {"amount": "5600000", "currency": "CNY"},
    "status": "IN_SERVICE",
    "bookingUrl": "https://book.example.edu.cn/a?b=1&c=2",
}
INSTITUTION = {"institutionKey": "ror:02n96ep67", "name": {"zh": "华东师范大学"}}
PID = {"scheme": "DOI", "value": "10.5072/inst-1"}


def published(**changes: Any) -> Published:
    given = {name: value for name, value in {**INSTRUMENT, **changes}.items() if value is not None}
    return Published(instrument=given, institution=INSTITUTION)


VARIANTS = [
    published(),
    published(identifiers=[PID]),
    published(classes=[], model=None, functions=None, commissionedOn=None, endedOn=None),
    published(institutionKey="uscc:12100000425006133D", name={"zh": "只有中文"}),
]


@pytest.mark.parametrize("of", VARIANTS)
def test_what_goes_out_is_valid_by_the_published_schemas(of: Published) -> None:
    if not SCHEMAS.is_dir():
        pytest.skip("the schemas of PIDINST are not beside this checkout")
    document = json.loads(document_text(to_pidinst(of)))
    form = json.loads((SCHEMAS / "pidinst-schema-1_0.schema.json").read_text("utf-8"))
    jsonschema.validate(document, form)
    as_xml = etree.XMLSchema(etree.parse(SCHEMAS / "pidinst-schema-1_0.xsd"))
    as_xml.assertValid(etree.fromstring(pidinst_to_xml(document)))


def test_nothing_that_is_not_public_goes_out() -> None:
    for of in VARIANTS:
        written = pidinst_to_xml(to_pidinst(of)).decode()
        written += document_text(to_pidinst(of))
        if of.description:
            written += uniquip_csv([to_uniquip(of)])
        for private in ("EM-SECRET-1", "5600000", "2019-05-05"):
            assert private not in written


@pytest.mark.parametrize("of", VARIANTS)
def test_json_and_xml_are_one_document_and_come_back_as_one_record(of: Published) -> None:
    document = to_pidinst(of)
    through_xml = pidinst_from_xml(pidinst_to_xml(document))
    assert through_xml == document
    key = of.instrument["institutionKey"]
    back = from_pidinst(read_pidinst(document_text(document)), key)
    assert back.left == ()
    for name in ("localNo", "model", "manufacturer", "commissionedOn", "endedOn", "bookingUrl"):
        assert back.record.get(name) == of.instrument.get(name)
    assert back.record.get("classes", []) == of.instrument["classes"]
    assert back.record["status"] == "UNKNOWN"
    assert conform(standard()["Instrument"], back.record)[1] == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"manufacturer": None}, "manufacturer"), ({"bookingUrl": None}, "homepageUrl")],
)
def test_what_a_form_demands_is_never_made_up(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(CatalogueError, match=word):
        to_pidinst(published(**changes))


def test_a_record_without_a_persistent_identifier_goes_under_its_key() -> None:
    assert to_pidinst(published())["identifier"] == {
        "identifier": "ror:02n96ep67/20190001",
        "identifierType": "DeltaHub",
    }
    assert to_pidinst(published(identifiers=[PID]))["identifier"]["identifierType"] == "DOI"


def example_files() -> list[str]:
    return sorted(p.name for p in EXAMPLES.glob("*.json") if "schema" not in p.name) + sorted(
        p.name for p in EXAMPLES.glob("hzb*.xml")
    )


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are not beside this checkout")
@pytest.mark.parametrize("name", example_files())
def test_each_real_example_becomes_a_record_or_says_why_not(name: str) -> None:
    data = (EXAMPLES / name).read_bytes()
    try:
        document = (
            pidinst_from_xml(data) if name.endswith("xml") else read_pidinst(data.decode("utf-8"))
        )
        found = from_pidinst(document, "ror:02aj13c28")
    except CatalogueError as error:
        assert name in REFUSED, error
        return
    assert name not in REFUSED
    assert conform(standard()["Instrument"], found.record)[1] == []
    written = json.dumps(found.record)
    assert "@" not in written
    assert "REDACTED" not in written


REFUSED = ("apache_experiment-template.json",)
"""An experiment: it has instruments and is none."""


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE instrument [<!ENTITY a 'b'>]><instrument><name>&a;</name></instrument>",
        b"<!DOCTYPE instrument SYSTEM 'file:///etc/passwd'><instrument/>",
        b"<?xml version='1.0'?><other/>",
        b"<instrument>",
        b"",
        b"x" * 1_000_001,
    ],
    ids=["entity", "external", "other", "open", "empty", "large"],
)
def test_hostile_or_other_xml_is_refused(data: bytes) -> None:
    with pytest.raises(CatalogueError):
        pidinst_from_xml(data)


@pytest.mark.parametrize(
    "text",
    ["[]", "{", '{"a":1,"a":2}', '{"identifier":"x"}', "{}", '{"name":"n","identifier":[]}',
     '{"Name":"n","Identifier":{"identifierValue":"a/b/"},"Owner":"x"}'],
)  # fmt: skip
def test_json_that_is_no_pidinst_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError):
        from_pidinst(read_pidinst(text), "ror:02aj13c28")


def test_a_table_comes_back_as_it_went_out_and_has_no_formula() -> None:
    risky = published(functions='=HYPERLINK("http://x")', model='-20 °C, "deep"\nfreeze')
    apostrophe = published(localNo="'7", functions="'=1")
    rows = [to_uniquip(of) for of in (risky, apostrophe)]
    text = uniquip_csv(rows)
    assert not any(
        cell.startswith(("=", "-", "+", "@")) for cell in text.replace('"', "").split(",")
    )
    back = read_uniquip(text)
    assert back == rows
    record = from_uniquip(back[0], "ror:02n96ep67").record
    assert record["functions"] == '=HYPERLINK("http://x")'
    assert record["localNo"] == "20190001"


def test_people_of_a_table_are_dropped_and_what_no_item_holds_is_named() -> None:
    row = to_uniquip(published())
    row |= {"contactName": "Dr. Who", "contactEmail": "who@example.org", "subject": "physics"}
    found = from_uniquip(row, "ror:02n96ep67")
    assert found.dropped == ("contactName", "contactEmail")
    assert found.left == ("subject",)
    assert "who" not in json.dumps(found.record).lower()


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", 'type,institutionID,name,manufacturer\n"open', "name,name\n1,2\n",
             "institutionID,name,manufacturer\n1,2\n"]
)  # fmt: skip
def test_a_table_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(CatalogueError):
        read_uniquip(text)


@pytest.mark.parametrize("column", ["institutionID", "name", "manufacturer"])
def test_a_row_without_what_it_needs_is_refused(column: str) -> None:
    with pytest.raises(CatalogueError, match=column):
        from_uniquip({**to_uniquip(published()), column: ""}, "ror:02n96ep67")


def test_a_number_with_a_slash_is_no_number_within_an_institution() -> None:
    with pytest.raises(CatalogueError):
        from_uniquip({**to_uniquip(published()), "institutionID": "a/b"}, "ror:02n96ep67")
