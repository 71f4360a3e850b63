"""Sixty broken sheets, each with its verdict: a sentence, a marked row, or nothing wrong after all.

None is an error of ours, and none writes anything before it is confirmed.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from kitting.imports.models import Import
from kitting.imports.tasks import work_off
from tests.lib.test_workbook import book, repeated_entries, sheet_of, spaces, with_part
from tests.sheets import PERSON, csv_of, people, somebody, wide, xlsx_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client

GOOD = people({}, somebody("000204"))
TEXT = GOOD.decode("utf-8-sig")
HEAD = ",".join(PERSON)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as parts:
        for name in names:
            parts.writestr(name, "x")
    return out.getvalue()


def with_macros() -> bytes:
    return with_part("xl/vbaProject.bin", b"\0" * 100, xlsx_of(GOOD))


def row(**changes: str) -> bytes:
    return people(changes)


# The state a sheet ends in, and the word for what is wrong with it.
CORPUS: dict[str, tuple[bytes, str, str]] = {
    # Encodings and separators of offices: nothing is wrong with them.
    "utf-8 with a mark": (GOOD, "ready", ""),
    "utf-8 without": (TEXT.encode(), "ready", ""),
    "cp932": (TEXT.encode("cp932"), "ready", ""),
    "euc-jp": (TEXT.encode("euc_jp"), "ready", ""),
    "utf-16 little": (TEXT.encode("utf-16"), "ready", ""),
    "utf-16 big": (b"\xfe\xff" + TEXT.encode("utf-16-be"), "ready", ""),
    "tabs": (TEXT.replace(",", "\t").encode(), "ready", ""),
    "semicolons": (TEXT.replace(",", ";").encode(), "ready", ""),
    "line feeds": (TEXT.replace("\r\n", "\n").encode(), "ready", ""),
    "blank lines": (TEXT.replace("\r\n", "\r\n\r\n,,\r\n").encode(), "ready", ""),
    "wide digits": (row(職員番号=wide("000203")), "ready", ""),
    "xlsx": (xlsx_of(GOOD), "ready", ""),
    "xlsx with macros": (with_macros(), "ready", ""),
    "columns in another order": (
        csv_of([dict(reversed(PERSON.items()))]), "ready", "",
    ),
    "rare kanji": (row(氏名="髙﨑 𠮷子"), "ready", ""),
    "a formula as a name": (row(氏名="=HYPERLINK(0)"), "ready", ""),
    "a formula with a plus": (row(氏名="+1+1"), "ready", ""),
    "a formula with an at": (row(氏名="@SUM(1)"), "ready", ""),
    "markup as a name": (row(氏名="<script>alert(1)</script>"), "ready", ""),
    # No sheets.
    "nothing": (b"\n", "refused", "sheet_empty"),
    "spaces": (b"  \r\n , ,\r\n", "refused", "sheet_empty"),
    "pdf": (b"%PDF-1.7\n" + b"\0" * 50, "refused", "sheet_not_a_sheet"),
    "picture": (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "refused", "sheet_not_a_sheet"),
    "program": (b"MZ\x90\0\3\0\0\0" + bytes(range(256)), "refused", "sheet_not_a_sheet"),
    "word document": (archive("word/document.xml"), "refused", "sheet_not_a_sheet"),
    "plain archive": (archive("a.csv"), "refused", "sheet_not_a_sheet"),
    "binary workbook": (archive("xl/workbook.bin"), "refused", "sheet_not_a_sheet"),
    "web page called xls": (b"<html><table><tr><td>1", "refused", "sheet_web_page"),
    "table called xls": (b"<table border=1><tr><td>1", "refused", "sheet_web_page"),
    "old excel": (OLE + b"\0" * 600, "refused", "sheet_old_excel"),
    "locked excel": (
        OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "refused", "sheet_password",
    ),
    "half a workbook": (xlsx_of(GOOD)[:700], "refused", "sheet_damaged"),
    "empty workbook": (book(), "refused", "sheet_empty"),
    "error in a cell": (
        sheet_of(
            '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
            '<row r="2"><c r="A2" t="e"><v>#REF!</v></c></row>'
        ),
        "refused", "sheet_cell_error",
    ),
    "zip bomb": (spaces(20), "refused", "sheet_zip_bomb"),
    "many files": (repeated_entries(2_500), "refused", "sheet_zip_bomb"),
    # Broken text.
    "mail encoding": (TEXT.encode("iso2022_jp"), "refused", "sheet_encoding"),
    "two encodings": (TEXT.encode() + b"\xff\xfd", "refused", "sheet_encoding"),
    "nul": (TEXT.encode() + b"\0", "refused", "sheet_nul"),
    "open quote": (TEXT.replace("小池", '"小池').encode(), "refused", "sheet_quotes"),
    "no header": (b"010203,2026\n010204,2027\n", "refused", "sheet_no_header"),
    "same header twice": (
        f"{HEAD},氏名\r\n".encode() + b"1\r\n", "refused", "sheet_duplicate_headers",
    ),
    "too many columns": (
        (",".join(f"h{n}" for n in range(201)) + "\n1\n").encode(),
        "refused", "sheet_too_many_columns",
    ),
    "a cell too far": (
        f"{HEAD}\r\n{',' * 9}x\r\n".encode(), "refused", "sheet_cell_without_header",
    ),
    "an endless cell": (
        f'{HEAD}\r\n"{"x" * 40_000}"\r\n'.encode(), "refused", "sheet_cell_too_long",
    ),
    "only headers": (f"{HEAD}\r\n".encode(), "refused", "no_rows"),
    # Columns to choose.
    "unknown headers": (b"a,b\n1,2\n", "asking", "column_missing"),
    "headers alike": (
        "職員番号,社員番号,氏名,課\n1,2,小池,総務課\n".encode(), "asking", "columns_alike",
    ),
    "a title above": (
        ("職員名簿 令和9年4月\r\n" + TEXT).encode(), "refused", "sheet_cell_without_header",
    ),
    # Rows to put right.
    "no number": (row(職員番号=""), "refused", "staff_number_missing"),
    "number spoilt": (row(職員番号="1.23E+10"), "refused", "number_spoilt"),
    "number with kana": (row(職員番号="あ"), "refused", "staff_number_letters"),
    "number too long": (row(職員番号="1" * 21), "refused", "too_long"),
    "no name": (row(氏名="　"), "refused", "name_missing"),
    "no department": (row(部="", 課=""), "refused", "department_missing"),
    "bad address": (row(メールアドレス="小池@"), "refused", "email_unreadable"),
    "address twice": (
        people({}, {"職員番号": "000204"}), "refused", "email_twice",
    ),
    "number twice": (
        people({}, {"メールアドレス": ""}), "refused", "staff_number_twice",
    ),
    "day of a table program": (row(退職日="46301"), "refused", "date_unreadable"),
    "day that is none": (row(退職日="2027-02-30"), "refused", "date_unreadable"),
    "hours nobody reads": (row(勤務時間="朝から"), "refused", "hours_unreadable"),
    "leave backwards": (
        row(休職開始日="2027-02-01", 休職終了日="2027-01-01"), "refused", "leave_backwards",
    ),
    "leave without a start": (row(休職終了日="2027-01-01"), "refused", "leave_without_start"),
}  # fmt: skip


def test_there_are_sixty_and_more() -> None:
    assert len(CORPUS) >= 60


def verdicts() -> Iterator[Any]:
    """Yield every sheet; the usual run takes one for each verdict, and some ways in."""
    seen: set[tuple[str, str]] = set()
    for name, (_data, state, word) in CORPUS.items():
        is_new = (state, word) not in seen or name in WAYS_IN
        seen.add((state, word))
        yield pytest.param(name, marks=[] if is_new else pytest.mark.long)


WAYS_IN = ("cp932", "utf-16 little", "tabs", "xlsx", "a formula as a name", "markup as a name")


@pytest.mark.parametrize("name", list(verdicts()))
def test_every_broken_sheet_has_its_verdict(desk: Client, name: str) -> None:
    data, state, word = CORPUS[name]
    before = User.objects.count()
    answer = desk.post("/imports/", {"kind": "roll", "file": SimpleUploadedFile("a.csv", data)})
    assert answer.status_code == 302
    work_off()
    run = Import.objects.get()
    assert (run.state, run.flaws[0][1] if run.flaws else "") == (state, word)
    page = desk.get(f"/imports/{run.pk}/")
    assert page.status_code == 200
    assert b"<script>alert" not in page.content
    if run.flaws and run.headers and state == "refused":
        assert desk.get(f"/imports/{run.pk}/marked").status_code == 200
    assert User.objects.count() == before


def test_a_formula_leaves_disarmed_with_the_marked_file(desk: Client) -> None:
    data = people({"氏名": "=1+1", "メールアドレス": "x"})
    desk.post("/imports/", {"kind": "roll", "file": SimpleUploadedFile("a.csv", data)})
    work_off()
    marked = desk.get(f"/imports/{Import.objects.get().pk}/marked").content.decode("utf-8-sig")
    assert ",'=1+1," in marked
