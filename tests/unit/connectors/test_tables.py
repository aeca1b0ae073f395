import io
import random
import zipfile
from datetime import date
from decimal import Decimal

import pytest
import xlsxwriter

from connectors.errors import PayloadError
from connectors.limits import Limits
from connectors.tables import TableRow, read_table

LIMITS = Limits()


def workbook(fill, **options):
    memory = io.BytesIO()
    with xlsxwriter.Workbook(memory, {"in_memory": True, **options}) as book:
        fill(book)
    return memory.getvalue()


def rows(data, limits=LIMITS):
    return list(read_table("source", data, limits))


def test_a_workbook_gives_rows_with_sheet_and_row_number():
    def fill(book):
        sheet = book.add_worksheet("仪器")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(2, 1, ["a", " 电镜 ", ""])
        sheet.write_row(4, 1, [12, 12.5, True])
        sheet.write_datetime(4, 4, date(2026, 5, 4), day)
        sheet.write_number(5, 1, 0.1 + 0.2)
        book.add_worksheet("空")

    assert rows(workbook(fill)) == [
        TableRow("仪器", 3, (None, "a", "电镜", None, None)),
        TableRow("仪器", 5, (None, 12, Decimal("12.5"), True, date(2026, 5, 4))),
        TableRow("仪器", 6, (None, Decimal("0.3"), None, None, None)),
    ]


def test_a_workbook_with_more_rows_than_allowed_is_refused():
    def fill(book):
        sheet = book.add_worksheet()
        for number in range(30):
            sheet.write(number, 0, number)

    with pytest.raises(PayloadError, match="more than 20 rows"):
        rows(workbook(fill), Limits(table_rows_max=20))


def test_a_far_away_cell_does_not_make_the_reader_ask_for_gigabytes():
    def fill(book):
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "b")

    with pytest.raises(PayloadError, match="spans 1048576 rows and 16384 columns"):
        rows(workbook(fill))


def test_a_bomb_is_stopped_by_what_it_unpacks_to_whatever_it_claims():
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<a/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 20_000_000)
    data = bytearray(memory.getvalue())
    claimed = (20_000_000).to_bytes(4, "little")
    assert data.count(claimed) == 2
    lying = bytes(data.replace(claimed, (10).to_bytes(4, "little")))
    for bomb in (bytes(data), lying):
        with pytest.raises(PayloadError, match="unpacks to more than"):
            rows(bomb, Limits(table_unpacked_bytes_max=1_000_000))


def test_a_workbook_of_too_many_parts_or_bytes_is_refused():
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for number in range(50):
            archive.writestr(f"{number}.xml", "")
    with pytest.raises(PayloadError, match="50 parts"):
        rows(memory.getvalue(), Limits(table_entries_max=10))
    with pytest.raises(PayloadError, match="bytes"):
        rows(b"a,b\n" * 100, Limits(table_bytes_max=100))


def test_no_damaged_workbook_escapes_as_another_error():
    def fill(book):
        book.add_worksheet().write_row(0, 0, ["a", 1, 2.5, "电镜"])

    whole = workbook(fill)
    chance = random.Random(7)
    refused = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        try:
            rows(bytes(data[: chance.choice([len(data), len(data) // 2])]))
        except PayloadError:
            refused += 1
    assert refused > 100
    with pytest.raises(PayloadError):
        rows(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5000))


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_is_read_in_the_usual_encodings_and_delimiters(charset, delimiter):
    text = (
        delimiter.join(["编号", "名称"]) + "\r\n\r\n" + delimiter.join(["1", '"电""镜"']) + "\r\n"
    )
    assert rows(text.encode(charset)) == [
        TableRow("", 1, ("编号", "名称")),
        TableRow("", 3, ("1", '电"镜')),
    ]


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe\x00", b'a,b\n"open,1\n', b"a\0b,c", b"a," + b"x" * 200_000, b"\x80,\xff\xff"],
)
def test_text_that_is_not_a_table_is_refused(data):
    with pytest.raises(PayloadError) as caught:
        rows(data)
    assert caught.value.code == "SOURCE_BAD_DATA"
