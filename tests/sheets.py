"""Sheets as people bring them, made for one test."""

from __future__ import annotations

import io
from pathlib import Path

from openpyxl import Workbook

ASAHI = Path(__file__).resolve().parent.parent / "kitting" / "demo" / "data" / "asahi"

PERSON = {
    "職員番号": "000203",
    "氏名": "小池 健太",
    "メールアドレス": "s000203@asahi.example.jp",
    "部": "総務部",
    "課": "総務課",
    "勤務場所": "本庁舎",
    "役割": "",
    "勤務時間": "8:30-17:15",
}
DEVICE = {
    "シリアル番号": "5CD4C62H66",
    "アセット ID": "CB-000001",
    "利用者": "",
    "部": "",
    "課": "",
    "設置場所": "",
    "用途": "",
}


def csv_of(rows: list[dict[str, str]], *, encoding: str = "utf-8-sig") -> bytes:
    """Write rows the way a spreadsheet program does: every column any row names."""
    headers = list(dict.fromkeys(header for row in rows for header in row))
    lines = [headers, *([row.get(header, "") for header in headers] for row in rows)]
    return "\r\n".join(",".join(line) for line in lines).encode(encoding)


def xlsx_of(data: bytes) -> bytes:
    """Put a CSV (UTF-8) into a workbook, every cell as text."""
    workbook = Workbook()
    for line in data.decode("utf-8-sig").splitlines():
        workbook.active.append(line.split(","))
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def people(*changes: dict[str, str]) -> bytes:
    """Write a roll whose rows differ from one good row by what is given."""
    return csv_of([PERSON | change for change in changes])


def somebody(number: str, **columns: str) -> dict[str, str]:
    """Return a row of the roll for another person."""
    return {
        "職員番号": number,
        "メールアドレス": f"s{number}@asahi.example.jp",
        **columns,
    }


def devices(*changes: dict[str, str]) -> bytes:
    """Write a sheet of devices whose rows differ from one good row by what is given."""
    return csv_of([DEVICE | change for change in changes])


def box(number: int, **columns: str) -> dict[str, str]:
    """Return a row for another device."""
    return {"シリアル番号": f"5CD{number:07d}", "アセット ID": f"CB-{number:06d}", **columns}


def wide(text: str) -> str:
    """Write a text the way Japanese keyboards do when nobody looks."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
