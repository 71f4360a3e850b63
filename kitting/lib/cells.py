"""One cell of a sheet: bring what people typed into one form, and never let it run as a formula."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

_SENTENCES = {
    "empty": "The file is empty.",
    "too_large": "The file is larger than {limit} bytes.",
    "not_a_sheet": "The file is no CSV or XLSX sheet.",
    "web_page": "The file is a web page with the name of a sheet; save it as .xlsx.",
    "old_excel": "The file is an old Excel file (.xls); save it as .xlsx.",
    "password": "The file is protected with a password.",
    "damaged": "The file cannot be opened; it seems to be damaged.",
    "zip_bomb": "The file would unpack to far more than a sheet needs.",
    "encoding": "The characters of the file cannot be read; save it as UTF-8.",
    "nul": "The file contains NUL characters.",
    "quotes": "The quotation marks in row {row} do not match.",
    "no_header": "The first row does not hold column names.",
    "duplicate_headers": "Two columns have the same name: {header}.",
    "too_many_columns": "The sheet has more than {limit} columns.",
    "too_many_rows": "The sheet has more than {limit} rows.",
    "cell_too_long": "A cell in row {row} is longer than {limit} characters.",
    "cell_without_header": "Row {row} holds a value in column {column}, which has no name.",
    "cell_error": "The cell in row {row}, column {column}, holds an error: {text}.",
    "exponent": "The spreadsheet program has spoilt this number: {text}.",
    "date": "This is no date: {text}.",
}
REASONS = frozenset(_SENTENCES)

_WIDE_OR_HALF_KANA = re.compile("[\uff01-\uff5e\uff61-\uff9f]+")
_SPLIT_LETTER = re.compile("[A-Za-z\u3041-\u30ff][\u0300-\u036f\u3099\u309a]+")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u2060\ufeff]+")
# One look for all that the patterns above change: most texts hold none of it.
_UNUSUAL = re.compile(
    "[\uff01-\uff5e\uff61-\uff9f\u0300-\u036f\u3099\u309a"
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u2060\ufeff]"
)
_EXPONENT = re.compile(r"-?\d(?:\.\d+)?E[+-]\d+")
_HYPHENS = re.compile(
    "[\N{HYPHEN}-\N{HORIZONTAL BAR}\N{MINUS SIGN}\N{BOX DRAWINGS LIGHT HORIZONTAL}]"
)

# Year 0 of each era, so that year 1 is the year it began in.
_ERAS = {"令和": 2018, "r": 2018, "平成": 1988, "h": 1988, "昭和": 1925, "s": 1925}
_PLAIN_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_COMPACT_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_KANJI_DATE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")
_ERA_DATE = re.compile(
    r"(令和|平成|昭和|[rhs])\.?(\d{1,2}|元)(?:年(\d{1,2})月(\d{1,2})日|([-/.])(\d{1,2})\5(\d{1,2}))"
)
_MIDNIGHT = re.compile(r"[t ]0{1,2}:00(?::00(?:\.0+)?)?$")

# What a spreadsheet program may take for the beginning of a formula; the wide forms too,
# because Japanese ones read them as the plain.
_RISKY_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class SheetError(ValueError):
    """A file or a cell that cannot be taken in.

    `reason` is one of `REASONS`, a stable slug; `details` hold what its sentence names, such as
    `row` (as the sheet numbers it), `limit`, `header` or `text`. The message is English.
    """

    def __init__(self, reason: str, **details: object) -> None:
        """Keep the slug and the details of one refusal."""
        super().__init__(_SENTENCES[reason].format(**details))
        self.reason = reason
        self.details = details


def clean_text(text: str) -> str:
    """Bring a name or a word into the form we keep: one line, single spaces, usual widths.

    Only full-width ASCII and half-width kana are changed to their usual forms; every kanji and
    variation selector stays as it was written (髙, 﨑, 𠮷), which NFKC for the whole would not.
    """
    if not (text.isascii() and text.isprintable()) and _UNUSUAL.search(text):
        usual = _WIDE_OR_HALF_KANA.sub(_usual_width, _INVISIBLE.sub("", text))
        text = _SPLIT_LETTER.sub(_joined, usual)
    return " ".join(text.split())


def clean_number_string(text: str) -> str:
    """Bring a number that is a name (staff number, asset tag, serial number) into one form.

    Half-width capitals without any space; leading zeros stay. Raises `SheetError` (exponent)
    where a spreadsheet program has replaced it by something like 1.23E+10.
    """
    if text.isascii() and (text.isalnum() or not text):
        return text.upper()
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).upper()
    number = _HYPHENS.sub("-", "".join(plain.split())).removeprefix("'")
    if _EXPONENT.fullmatch(number):
        raise SheetError("exponent", text=text.strip())
    return number


def clean_date(text: str) -> date | None:
    """Read a day such as 2026-10-06, 2026/10/6, 20261006, R8.10.6 or 令和8年10月6日.

    An empty cell is None. Raises `SheetError` (date) for everything else, day serials of
    spreadsheet programs and dates without a four-digit year included.
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).lower().split()) if text else ""
    if not plain:
        return None
    plain = _MIDNIGHT.sub("", plain)
    parts = _date_parts(plain) or _date_parts(plain.replace(" ", ""))
    if parts is None:
        raise SheetError("date", text=text.strip())
    try:
        return date(*parts)
    except ValueError as error:
        raise SheetError("date", text=text.strip()) from error


def safe_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet program would run as a formula."""
    return f"'{text}" if text.startswith(_RISKY_STARTS) else text


def unsafe_cell(text: str) -> str:
    """Take the apostrophe of `safe_cell` off again."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_RISKY_STARTS) else text


def _date_parts(plain: str) -> tuple[int, int, int] | None:
    if match := _PLAIN_DATE.fullmatch(plain):
        return int(match[1]), int(match[3]), int(match[4])
    if match := _COMPACT_DATE.fullmatch(plain) or _KANJI_DATE.fullmatch(plain):
        return int(match[1]), int(match[2]), int(match[3])
    if match := _ERA_DATE.fullmatch(plain):
        year = 1 if match[2] == "元" else int(match[2])
        return _ERAS[match[1]] + year, int(match[3] or match[6]), int(match[4] or match[7])
    return None


def _usual_width(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", match[0])


def _joined(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", match[0])
