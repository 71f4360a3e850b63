"""A workbook gives the text that people see in it, and cannot hurt the machine that reads it."""

import io
import tracemalloc
import zipfile
from datetime import date, datetime, timedelta
from datetime import time as time_of_day

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from kitting.lib.sheets import Limits, SheetError, Table, read_table

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"


def saved(workbook: Workbook) -> bytes:
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def blank() -> tuple[Workbook, Worksheet]:
    workbook = Workbook()
    return workbook, workbook.worksheets[0]


def book(*rows: list[object]) -> bytes:
    workbook, sheet = blank()
    for row in rows:
        sheet.append(row)
    return saved(workbook)


def with_part(name: str, content: bytes, data: bytes | None = None) -> bytes:
    """A workbook with one part of its archive replaced or added."""
    out = io.BytesIO()
    source = zipfile.ZipFile(io.BytesIO(data or book(["a", "b"], [1, 2])))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in source.infolist():
            if entry.filename != name:
                archive.writestr(entry, source.read(entry))
        archive.writestr(name, content)
    return out.getvalue()


def sheet_of(rows: str, start: str = "") -> bytes:
    content = f'{start}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    return with_part(SHEET, content.encode())


def read(data: bytes, **limits: int) -> Table:
    return read_table(data, "people.xlsx", limits=Limits(**limits))


def rows(data: bytes) -> list[tuple[int, list[str]]]:
    return [(row.number, list(row.cells.values())) for row in read(data).rows]


def text_of(value: object, number_format: str = "General") -> str:
    workbook, sheet = blank()
    sheet.append(["value"])
    sheet.append([value])
    sheet["A2"].number_format = number_format
    return read(saved(workbook)).rows[0].cells["value"]


def test_rows_of_a_workbook():
    data = book(
        ["職員番号", "氏名 "],
        ["010203", "髙橋　健太"],
        [],
        ["000007", None, None],
        [None, "𠮷田"],
    )
    table = read(data)
    assert (table.kind, table.encoding, table.headers) == ("xlsx", "", ["職員番号", "氏名"])
    assert rows(data) == [
        (2, ["010203", "髙橋　健太"]),
        (4, ["000007", ""]),
        (5, ["", "𠮷田"]),
    ]


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        ("010203", "@", "010203"),
        (10203, "General", "10203"),
        (10203, "000000", "010203"),
        (1234567, "000000", "1234567"),
        (123, '"CB-"000000', "CB-000123"),
        (123, "\\C\\B\\-000000", "CB-000123"),
        (1234567, "000-0000", "1234567"),
        (-5, "000", "-5"),
        (10203.0, "General", "10203"),
        (12300000000, "General", "12300000000"),
        (1.23e10, "0.00E+00", "12300000000"),
        (1234567890123456, "General", "1234567890123456"),
        (1e20, "General", "100000000000000000000"),
        (0.1 + 0.2, "General", "0.3"),
        (1e-7, "General", "0.0000001"),
        (2.5, "0", "2.5"),
        (0, "General", "0"),
        (True, "General", "TRUE"),
        (False, "General", "FALSE"),
        (date(2026, 10, 6), "yyyy/m/d", "2026-10-06"),
        (datetime(2026, 10, 6), "yyyy-mm-dd", "2026-10-06"),  # noqa: DTZ001  # sheets know no zones
        (datetime(2026, 10, 6, 8, 30), "yyyy/m/d h:mm", "2026-10-06 08:30"),  # noqa: DTZ001  # see above
        (date(2026, 10, 6), '[$-411]ggge"年"m"月"d"日"', "2026-10-06"),
        (46301, "[$-411]ge.m.d", "2026-10-06"),
        (time_of_day(8, 30), "h:mm", "08:30"),
        (time_of_day(8, 30, 15), "h:mm:ss", "08:30:15"),
        (timedelta(hours=30), "[h]:mm", "1 day, 6:00:00"),
        ("=1+1", "General", ""),
        ("line one\nline two", "General", "line one\nline two"),
        ("1_x000D_\n2", "General", "1\r\n2"),
    ],
)
def test_values_read_as_people_see_them(value, number_format, text):
    if text:
        assert text_of(value, number_format) == text
    else:
        # A formula that no spreadsheet program has reckoned yet has no value.
        assert rows(book(["a", "b"], [value, "x"])) == [(2, ["", "x"])]


@pytest.mark.parametrize("number", [27, 28, 30, 31, 36, 50, 57, 58])
def test_day_formats_that_japanese_programs_know_by_number(number):
    data = book(["a"], [46301])
    parts = zipfile.ZipFile(io.BytesIO(data))
    styles = parts.read("xl/styles.xml").replace(
        b'numFmtId="0"', f'numFmtId="{number}"'.encode()
    )
    assert rows(with_part("xl/styles.xml", styles, data)) == [(2, ["2026-10-06"])]


def with_shared_strings(items: str) -> bytes:
    """A workbook whose column A shows the items, kept apart as spreadsheet programs do."""
    count = items.count("<si>")
    data = sheet_of(
        "".join(
            f'<row r="{row + 1}"><c r="A{row + 1}" t="s"><v>{row}</v></c></row>'
            for row in range(count)
        )
    )
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    types = zipfile.ZipFile(io.BytesIO(data)).read("[Content_Types].xml").decode()
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    data = with_part("[Content_Types].xml", types.replace("</Types>", override).encode(), data)
    strings = f'<sst xmlns="{MAIN}">{items}</sst>'
    return with_part("xl/sharedStrings.xml", strings.encode(), data)


def test_furigana_of_a_cell_is_no_part_of_it():
    data = with_shared_strings(
        "<si><t>氏名</t></si>"
        '<si><t>小池</t><rPh sb="0" eb="2"><t>コイケ</t></rPh><phoneticPr fontId="1"/></si>'
        "<si><r><t>太</t></r><r><t>字</t></r></si>"
    )
    assert rows(data) == [(2, ["小池"]), (3, ["太字"])]


def test_the_first_visible_sheet_is_read():
    workbook, sheet = blank()
    sheet.append(["hidden"])
    sheet.sheet_state = "hidden"
    workbook.create_sheet("people").append(["shown"])
    workbook.create_sheet("more").append(["later"])
    assert read(saved(workbook)).headers == ["shown"]


def test_a_wrong_size_in_the_file_is_not_believed():
    content = (
        f'<worksheet xmlns="{MAIN}"><dimension ref="A1"/><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c>'
        '<c r="B1" t="inlineStr"><is><t>b</t></is></c></row>'
        '<row r="4"><c r="B4"><v>2</v></c></row></sheetData></worksheet>'
    )
    assert rows(with_part(SHEET, content.encode())) == [(4, ["", "2"])]


@pytest.mark.parametrize("kind", ["xlsx", "csv", "no name"])
def test_the_name_of_the_file_decides_nothing(kind):
    assert read_table(book(["a"], [1]), f"people.{kind}").kind == "xlsx"


# Refusals ------------------------------------------------------------------------------------

A1 = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as parts:
        for name in names:
            parts.writestr(name, "x")
    return out.getvalue()


def with_password_flag() -> bytes:
    data = bytearray(book(["a"], [1]))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (archive("word/document.xml", "[Content_Types].xml"), "not_a_sheet"),
        (archive("mimetype", "content.xml"), "not_a_sheet"),
        (archive("xl/workbook.bin"), "not_a_sheet"),
        (archive(), "not_a_sheet"),
        (archive("xl/workbook.xml"), "damaged"),
        (with_part("xl/workbook.xml", b"<workbook"), "damaged"),
        (with_part(SHEET, b"<worksheet>no end"), "damaged"),
        (with_part("[Content_Types].xml", b"<Types/>"), "damaged"),
        (book(["a"], [1])[:-30], "damaged"),
        (book(["a"], [1])[:100], "damaged"),
        (b"PK\x03\x04" + b"\0" * 100, "damaged"),
        (with_password_flag(), "password"),
        (book(), "empty"),
        (book([None, None], [" ", "　"]), "empty"),
        (book([1, 2], [3, 4]), "no_header"),
        (book(["a", "a"], [3, 4]), "duplicate_headers"),
        (book(["a", None, "b"], [3, 4, 5]), "cell_without_header"),
        (book(["a"], [3, None, 5]), "cell_without_header"),
        (book([f"h{place}" for place in range(201)]), "too_many_columns"),
        (
            sheet_of(A1 + A1.replace("1", "2").replace(">a<", f">{'x' * 32_768}<")),
            "cell_too_long",
        ),
        (book(["a"], ["1_x0000_2"]), "nul"),
        (
            sheet_of(A1 + '<row r="999999999"><c r="A999999999"><v>1</v></c></row>'),
            "too_many_rows",
        ),
        (sheet_of(A1 + '<row r="x"/>'), "damaged"),
        (sheet_of(A1 + '<row r="2"><c r="A2" t="s"><v>99</v></c></row>'), "damaged"),
    ],
)
def test_what_is_no_usable_workbook_is_refused_with_its_reason(data, reason):
    with pytest.raises(SheetError) as refused:
        read(data)
    assert refused.value.reason == reason


def test_too_many_rows_are_refused_and_blank_ones_do_not_count():
    data = book(["a"], [1], [None], [2], [3])
    assert len(read(data, rows=3).rows) == 3
    with pytest.raises(SheetError) as refused:
        read(data, rows=2)
    assert refused.value.details == {"limit": 2}


def test_an_error_in_a_cell_is_named_by_its_place():
    data = sheet_of(A1 + '<row r="3"><c r="A3" t="e"><v>#N/A</v></c></row>')
    with pytest.raises(SheetError) as refused:
        read(data)
    assert refused.value.reason == "cell_error"
    assert refused.value.details == {"row": 3, "column": "A", "text": "#N/A"}


# Bombs ---------------------------------------------------------------------------------------


def repeated_entries(count: int) -> bytes:
    """An archive with a huge directory and next to nothing in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as parts:
        for number in range(count):
            parts.writestr(f"{number}", "")
    return out.getvalue()


def spaces(mebibytes: int) -> bytes:
    return with_part("xl/media/image1.png", b" " * (mebibytes * 2**20))


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(spaces(80), id="large when unpacked"),
        pytest.param(spaces(20), id="packed too well"),
        pytest.param(repeated_entries(2_500), id="too many files"),
    ],
)
def test_a_bomb_is_refused_before_it_is_unpacked(bomb):
    tracemalloc.start()
    with pytest.raises(SheetError) as refused:
        read(bomb)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.reason == "zip_bomb"
    assert most_bytes < 20 * 2**20


def test_a_bomb_that_lies_about_its_size_is_cut_off():
    data = bytearray(spaces(20))
    packed = zipfile.ZipFile(io.BytesIO(data)).getinfo("xl/media/image1.png")
    size = packed.file_size.to_bytes(4, "little")
    lying = bytes(data).replace(size, (1000).to_bytes(4, "little"))
    assert rows(lying) == [(2, ["1", "2"])]


def test_entities_that_multiply_are_refused():
    entities = "".join(
        f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 10)
    )
    start = f'<!DOCTYPE worksheet [<!ENTITY e0 "0123456789">{entities}]>'
    data = sheet_of('<row r="1"><c r="A1" t="inlineStr"><is><t>&e9;</t></is></c></row>', start)
    with pytest.raises(SheetError) as refused:
        read(data)
    assert refused.value.reason == "damaged"


def test_a_file_outside_is_not_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    start = f'<!DOCTYPE worksheet [<!ENTITY out SYSTEM "{secret.as_uri()}">]>'
    data = sheet_of(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>a&out;</t></is></c></row>', start
    )
    with pytest.raises(SheetError) as refused:
        read(data)
    assert refused.value.reason == "damaged"


def test_the_library_still_reads_what_is_made_here():
    assert load_workbook(io.BytesIO(sheet_of(A1))).worksheets[0]["A1"].value == "a"
