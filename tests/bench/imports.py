"""Both files of the demo city, taken in through the actions that the commands call."""

from __future__ import annotations

import csv
import gc
import time
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import transaction

from accounts.forms import read_roll
from accounts.models import Department, User
from accounts.roll import prepare_roll
from accounts.taking import Order
from kitting.demo.actions.seeding import DATA
from kitting.devices.forms import read_devices
from kitting.devices.models import BoxCode, Device, Loan
from kitting.devices.states import LoanKind
from kitting.escalation.actions.departing import take_in_roll
from kitting.imports.forms import open_sheet
from kitting.imports.states import Kind
from kitting.journeys.actions.loans import take_in_devices
from kitting.journeys.models import Journey
from kitting.lib.workbook import write_workbook
from tests.bench import measure
from tests.bench.measure import Run, seconds
from tests.factories import NOW

STAFF, DEVICES = DATA / "staff.csv", DATA / "devices.csv"
LIMIT = 5.0  # seconds, both files together
ROUNDS = 3
ABOUT = """\
The roll (2,678 people) and the devices (2,650, each with a code, a loan and, where it is for a
person, a journey), read, checked and written by the actions behind `import_staff` and
`import_devices` into empty tables. The floor reads the same bytes with the `csv` module and writes
as many rows into the same tables by `bulk_create`, in one transaction a file, and checks nothing.
"Again" takes the same file in a second time, which changes nothing.

A roll of 100,000 people, the demo city's people with other numbers, is read from the bytes of a file, judged whole
and written (with what takes it back) by what the page and the command call. "Rows wrong" has three mistakes in every
hundredth row: all are found, nothing is written. Memory is the most the process holds meanwhile, Django included."""
MANY = 100_000
MOST_SECONDS, MOST_MEBIBYTES = 5.0, 200


def take_staff() -> None:
    take_in_roll(rows=read_roll(STAFF.read_bytes(), STAFF.name), order=Order(NOW))


def take_devices() -> None:
    take_in_devices(rows=read_devices(DEVICES.read_bytes(), DEVICES.name), order=Order(NOW))


def rows_of(path: Path) -> list[list[str]]:
    return list(csv.reader(StringIO(path.read_text(encoding="utf-8-sig"))))[1:]


@transaction.atomic
def plain_staff() -> None:
    people = [
        User(username=number, staff_number=number, name=name, kana=kana, email=email)
        for number, name, kana, email, *_rest in rows_of(STAFF)
    ]
    User.objects.bulk_create(people)


@transaction.atomic
def plain_devices() -> None:
    people = {person.staff_number: person for person in User.objects.all()}
    department = Department.objects.create(name="総務課")
    rows = rows_of(DEVICES)
    codes = [f"{number:08d}" for number in range(len(rows))]
    devices = Device.objects.bulk_create(
        Device(serial_number=serial, asset_tag=tag, model_name=model, code=code, created_at=NOW)
        for code, (serial, tag, model, *_rest) in zip(codes, rows, strict=True)
    )
    BoxCode.objects.bulk_create(
        BoxCode(code=device.code, device=device, created_at=NOW) for device in devices
    )
    loans = Loan.objects.bulk_create(
        Loan(
            device=device,
            person=people.get(row[4]),
            kind=LoanKind.PERSONAL if row[4] in people else LoanKind.SHARED,
            department=department,
            started_at=NOW,
        )
        for device, row in zip(devices, rows, strict=True)
    )
    Journey.objects.bulk_create(
        Journey(loan=loan, person=loan.person, department=department, created_at=NOW)
        for loan in loans
        if loan.person
    )


@dataclass(frozen=True)
class Big:
    """What one large import took: seconds passed, CPU here and at the server, MiB held at most."""

    passed: float
    own: float
    server: float
    mebibytes: float
    said: str


def many_people() -> bytes:
    """Return a roll of a hundred thousand people, as CSV."""
    people = rows_of(STAFF)
    with STAFF.open(encoding="utf-8-sig") as file:
        lines = [file.readline().strip()]
    for number in range(MANY):
        person = list(people[number % len(people)])
        person[0] = f"{number:07d}"
        person[3] = person[3] and f"s{number:07d}@asahi.example.jp"
        lines.append(",".join(person))
    return "\r\n".join(lines).encode("utf-8-sig")


def as_xlsx(data: bytes) -> bytes:
    lines = csv.reader(StringIO(data.decode("utf-8-sig")))
    return write_workbook(next(lines), lines)


def with_mistakes(data: bytes) -> bytes:
    lines = data.decode("utf-8-sig").split("\r\n")
    for place in range(100, len(lines), 100):
        lines[place] = (
            lines[place].replace("@", " ").replace("8:30-17:15", "?").replace(",0", ",x")
        )
        lines[place] = ",".join(["", *lines[place].split(",")[1:]])
    return "\r\n".join(lines).encode("utf-8-sig")


def most_mebibytes() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def take_large(path: Path) -> Big:
    """Take a large file in, from its bytes on."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    began = time.perf_counter(), time.process_time(), measure.server_cpu()
    opened = open_sheet(Kind.ROLL, path.read_bytes(), path.name)
    result = take_in_roll(rows=prepare_roll(opened.rows), order=Order(NOW, batch=path.name))
    del opened
    return Big(
        time.perf_counter() - began[0],
        time.process_time() - began[1],
        measure.server_cpu() - began[2],
        most_mebibytes(),
        f"{result.created:,} new, {result.updated:,} changed, {len(result.flaws):,} mistakes",
    )


def find_large() -> list[str]:
    rows = []
    with TemporaryDirectory() as folder:
        data = many_people()
        files = {
            "CSV": ("a.csv", data, True),
            "CSV again": ("b.csv", data, False),
            "CSV, another section": (
                "c.csv",
                data.replace("総務課".encode(), "新総務課".encode()),
                False,
            ),
            "CSV, rows wrong": ("d.csv", with_mistakes(data), False),
            "XLSX": ("e.xlsx", as_xlsx(data), True),
        }
        for name, content, _is_first in files.values():
            (Path(folder) / name).write_bytes(content)
        names = {what: (name, is_first) for what, (name, _content, is_first) in files.items()}
        del data, files, content
        for what, (name, is_first) in names.items():
            if is_first:
                measure.empty_tables()
            big = take_large(Path(folder) / name)
            figures = (seconds(big.passed), seconds(big.own), seconds(big.server))
            rows.append((what, *figures, f"{big.mebibytes:.0f}", big.said))
            if what == "CSV":
                first = big
    head = ("100,000 rows", "s passed", "s CPU here", "s CPU server", "MiB", "result")
    worked = first.own + first.server
    verdict = (
        f"CSV, 100,000 new people: {first.passed:.1f} s passed, {worked:.1f} s of work of both programs;"
        f" {'under' if first.passed <= MOST_SECONDS else 'NOT under'} {MOST_SECONDS:.0f} s,"
        f" {'under' if first.mebibytes <= MOST_MEBIBYTES else 'NOT under'} {MOST_MEBIBYTES} MiB."
    )
    return [measure.table(head, rows), verdict]


def find() -> list[str]:
    # First, while this process holds nothing else.
    large = find_large()
    costs = measure.side_by_side(
        ROUNDS,
        {
            "plain staff": Run(plain_staff, before=measure.empty_tables),
            "plain devices": Run(plain_devices),
            "staff": Run(take_staff, before=measure.empty_tables),
            "devices": Run(take_devices),
            "staff again": Run(take_staff),
            "devices again": Run(take_devices),
        },
    )
    counts = [model.objects.count() for model in (User, Device, BoxCode, Loan, Journey)]
    rows = [
        (
            what,
            seconds(costs[name].cpu),
            seconds(costs[name].wall),
            seconds(costs[f"plain {floor}"].cpu),
            seconds(costs[f"plain {floor}"].wall),
            measure.ratio(costs[name].times(costs[f"plain {floor}"])),
        )
        for what, name, floor in (
            ("staff.csv", "staff", "staff"),
            ("devices.csv", "devices", "devices"),
            ("staff.csv again", "staff again", "staff"),
            ("devices.csv again", "devices again", "devices"),
        )
    ]
    passed = costs["staff"].wall + costs["devices"].wall
    worked = costs["staff"].cpu + costs["devices"].cpu
    together = (
        f"Both files together: {passed:.2f} s passed, {worked:.2f} s of them CPU. That is "
        f"{'under' if passed < LIMIT else 'NOT under'} {LIMIT:.0f} s."
    )
    head = ("File", "s CPU", "s passed", "floor s CPU", "floor s passed", "ratio (CPU)")
    written = "{:,} people, {:,} devices, {:,} codes, {:,} loans, {:,} journeys".format(*counts)
    return [measure.table(head, rows), f"Written: {written}.", together, *large]


if __name__ == "__main__":
    measure.bench(name="imports", about=ABOUT, find=find)
