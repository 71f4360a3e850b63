"""Decisions about sheets of devices: which columns they have, what a row means, what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.devices.states import LoanKind
from kitting.lib.rows import Cells, Flaw, repeated

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence
    from datetime import date

# The English names without spaces are those of Google's Directory API, as admins' tools write them.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "serial_number": (
        "シリアル番号", "シリアル", "製造番号", "serial number", "serialNumber", "S/N", "SN",
    ),
    "asset_tag": (
        "アセット ID", "資産番号", "備品番号", "資産管理番号", "管理番号", "asset ID",
        "annotatedAssetId", "asset tag", "asset number",
    ),
    "model_name": ("機種", "機種名", "モデル", "型番", "model", "model name"),
    "mac_address": ("MAC アドレス", "MAC", "macAddress", "wifi MAC"),
    "person": (
        "利用者", "職員番号", "利用者番号", "ユーザー", "user", "annotatedUser", "staff number",
        "staff no", "person",
    ),
    "bureau": ("部", "部名", "部局", "部局名", "局", "bureau", "division"),
    "section": ("課", "課名", "課室", "所属", "所属名", "所属課", "section", "department"),
    "unit": ("係", "係名", "班", "unit", "team"),
    "place": ("設置場所", "場所", "勤務場所", "place", "location", "annotatedLocation"),
    "purpose": ("用途", "利用区分", "purpose", "use"),
    "delivered_on": ("納品日", "納入日", "delivered on", "delivery date"),
    "carton": ("カートン", "カートン番号", "箱番号", "carton", "carton number"),
}  # fmt: skip
NEEDED = (("serial_number",),)

SPARE = "spare"
PURPOSES: Mapping[str, str] = {
    "個人": LoanKind.PERSONAL, "個人用": LoanKind.PERSONAL, "専用": LoanKind.PERSONAL,
    "personal": LoanKind.PERSONAL, "共用": LoanKind.SHARED, "共有": LoanKind.SHARED,
    "共用機": LoanKind.SHARED, "shared": LoanKind.SHARED, "予備": SPARE, "予備機": SPARE,
    "在庫": SPARE, "spare": SPARE, "stock": SPARE,
}  # fmt: skip

_SERIAL = re.compile(r"[0-9A-Z][0-9A-Z./_-]*")
_MAC = re.compile(r"[0-9A-F]{12}")
_MAC_MARKS = re.compile(r"[\s:.-]")


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """What one row of a sheet says; `given` names the fields whose column the file has.

    `person` is a staff number, an e-mail address or an account; `purpose` is a kind of loan,
    `spare`, or empty.
    """

    row: int
    serial_number: str
    asset_tag: str = ""
    model_name: str = ""
    mac_address: str = ""
    person: str = ""
    departments: tuple[str, ...] = ()
    place: str = ""
    purpose: str = ""
    delivered_on: date | None = None
    carton: str = ""
    given: frozenset[str] = frozenset()
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Register:
    """What is known before a sheet comes in, in plain values.

    `tags`: asset tag (or nothing) by serial number, `borrowers`: who has a device on loan, also by
    serial number. `people`: id by staff number, address and account in small letters. `homes`: the
    department of a person. `settled`: serial numbers of devices that a sheet no longer lends.
    """

    tags: Mapping[str, str]
    borrowers: Mapping[str, int | None]
    settled: frozenset[str]
    people: Mapping[str, int]
    gone: frozenset[int]
    homes: Mapping[int, int]
    departments: Mapping[tuple[str, ...], int]
    tails: Mapping[tuple[str, ...], tuple[int, ...]]


def read_device(cells: Cells, given: frozenset[str]) -> DeviceRow:
    """Read one row of a sheet of devices; what is wrong with it stands in its flaws."""
    purpose, person = _purpose(cells), _person(cells)
    if person and purpose in {LoanKind.SHARED, SPARE}:
        cells.fault("person_of_shared", value=cells.text("purpose", most=40))
    parts = (cells.text(name, most=80) for name in ("bureau", "section", "unit"))
    return DeviceRow(
        row=cells.row,
        serial_number=_serial_number(cells),
        asset_tag=cells.number("asset_tag", most=40),
        model_name=cells.text("model_name", most=80),
        mac_address=_mac_address(cells),
        person=person,
        departments=tuple(part for part in parts if part),
        place=cells.text("place", most=80),
        purpose=purpose,
        delivered_on=cells.date("delivered_on"),
        carton=cells.number("carton", most=40),
        given=given,
        flaws=tuple(cells.flaws),
    )


def device_flaws(rows: Sequence[DeviceRow], register: Register) -> list[Flaw]:
    """Return everything that is wrong with a sheet of devices, by row."""
    flaws = [flaw for row in rows for flaw in row.flaws]
    for name in ("serial_number", "asset_tag"):
        flaws += [
            Flaw(row, f"{name}_twice", {"value": value, "earlier": str(earlier)})
            for row, value, earlier in repeated((r.row, getattr(r, name)) for r in rows)
        ]
    serials = {tag.upper(): serial for serial, tag in register.tags.items() if tag}
    full_numbers = {number.lstrip("0"): number for number in register.people}
    for row in rows:
        flaws += _tag_flaws(row, register, serials)
        flaws += _person_flaws(row, register, full_numbers)
        flaws += _department_flaws(row, register)
    return sorted(flaws, key=lambda flaw: flaw.row)


def departments_meant(path: tuple[str, ...], register: Register) -> tuple[int, ...]:
    """Return the ids a way of names can mean: the whole way, or its lower end alone."""
    if path in register.departments:
        return (register.departments[path],)
    return register.tails.get(path, ())


def tails_of(
    departments: Mapping[tuple[str, ...], int],
) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Return departments by every lower end of their way: a section alone, unit and section."""
    tails: dict[tuple[str, ...], tuple[int, ...]] = {}
    for path, department_id in departments.items():
        for start in range(1, len(path)):
            so_far = tails.get(path[start:], ())
            # A former name and the name of today are one department.
            if department_id not in so_far:
                tails[path[start:]] = (*so_far, department_id)
    return tails


def fresh_codes(count: int, *, taken: Container[str], make: Callable[[], str]) -> list[str]:
    """Make so many codes that no box has or ever had."""
    fresh: dict[str, None] = {}
    while len(fresh) < count:
        code = make()
        if code not in taken:
            fresh[code] = None
    return list(fresh)


def _tag_flaws(
    row: DeviceRow, register: Register, serials: Mapping[str, str]
) -> Iterator[Flaw]:
    own = register.tags.get(row.serial_number, "")
    if row.asset_tag and row.serial_number and row.asset_tag != own.upper():
        params = {"tag": row.asset_tag, "serial": row.serial_number}
        if own:
            yield Flaw(row.row, "tag_differs", {**params, "own": own})
        if holder := serials.get(row.asset_tag):
            yield Flaw(row.row, "tag_taken", {**params, "holder": holder})


def _person_flaws(
    row: DeviceRow, register: Register, full_numbers: Mapping[str, str]
) -> Iterator[Flaw]:
    if not row.person:
        return
    person_id = register.people.get(row.person.lower())
    if person_id is None:
        likely = full_numbers.get(row.person.lower().lstrip("0"), "")
        slug = "person_zeros" if likely else "person_unknown"
        yield Flaw(row.row, slug, {"value": row.person, "likely": likely})
    elif person_id in register.gone and not _keeps(row, person_id, register):
        yield Flaw(row.row, "person_gone", {"value": row.person})


def _keeps(row: DeviceRow, person_id: int, register: Register) -> bool:
    return (
        row.serial_number in register.settled
        or register.borrowers.get(row.serial_number) == person_id
    )


def _department_flaws(row: DeviceRow, register: Register) -> Iterator[Flaw]:
    if row.departments:
        meant = departments_meant(row.departments, register)
        if len(meant) != 1:
            slug = "department_ambiguous" if meant else "department_unknown"
            yield Flaw(row.row, slug, {"value": " ".join(row.departments)})
        return
    person_id = register.people.get(row.person.lower()) if row.person else None
    homeless = person_id is not None and person_id not in register.homes
    if homeless or (row.purpose == LoanKind.SHARED and not row.person):
        yield Flaw(row.row, "department_missing")


def _serial_number(cells: Cells) -> str:
    if not cells.has("serial_number"):
        cells.fault("serial_number_missing")
        return ""
    text = cells.number("serial_number", most=40)
    if text and not _SERIAL.fullmatch(text):
        cells.fault("serial_number_letters", value=text)
        return ""
    return text


def _person(cells: Cells) -> str:
    text = cells.text("person", most=254)
    return text.lower() if "@" in text else cells.number("person", most=254)


def _purpose(cells: Cells) -> str:
    text = cells.text("purpose", most=40)
    purpose = PURPOSES.get(text.lower(), "")
    if text and not purpose:
        cells.fault("purpose_unknown", value=text)
    return purpose


def _mac_address(cells: Cells) -> str:
    text = cells.text("mac_address", most=40).upper()
    plain = _MAC_MARKS.sub("", text)
    if not text:
        return ""
    if not _MAC.fullmatch(plain):
        cells.fault("mac_unreadable", value=text)
        return ""
    return ":".join(plain[start : start + 2] for start in range(0, len(plain), 2))
