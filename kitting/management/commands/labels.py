"""Print the labels of boxes and devices."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from kitting.devices.actions.labels import make_codes
from kitting.labels import actions, queries
from kitting.labels.drawing import LabelError, Printing
from kitting.labels.forms import sentence
from kitting.labels.sheets import SHEETS, USUAL, Kind, Sheet
from kitting.site.queries import current

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from typing import BinaryIO

    from django.core.management.base import CommandParser

    from kitting.labels.sheets import Label

BOTH = "both"


@dataclass(frozen=True)
class Order:
    """One file to write."""

    kind: Kind
    sheet: Sheet
    path: Path
    start: int = 1


class Command(BaseCommand):
    """Write label sheets as PDF, ready for the office printer."""

    help = "Write the label sheets of all boxes, or of a department or place, as PDF."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, the boxes and the paper."""
        parser.add_argument("--output", type=Path, required=True, metavar="FILE.pdf")
        parser.add_argument("--department", metavar="NAME", help="with all below it")
        parser.add_argument("--place", metavar="NAME")
        parser.add_argument(
            "--blank",
            type=int,
            default=0,
            metavar="N",
            help="make N codes for devices that are not known yet, and print those only",
        )
        parser.add_argument(
            "--kind",
            choices=[*Kind, BOTH],
            default=BOTH,
            help="both (as usual) writes the box labels to FILE.pdf and, in the same order, the "
            "device labels, which need other paper, to FILE-device.pdf",
        )
        parser.add_argument(
            "--sheet",
            metavar="KEY",
            help=f"paper of the box labels, or with --kind device theirs: {', '.join(SHEETS)}",
        )
        parser.add_argument(
            "--start",
            type=int,
            default=1,
            metavar="N",
            help="first free label of a sheet in use, of the same labels as --sheet",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the files and say what is in them."""
        profile, now = current()
        try:
            orders = _orders(options)
            with ExitStack() as files:
                if options["blank"]:  # codes that cannot be printed are not made
                    files.enter_context(transaction.atomic())
                labels = _labels(options, now)
                pages = actions.print_labels(
                    labels=labels,
                    printings=[_printing(order, files) for order in orders],
                    profile=profile,
                    now=now,
                )
        except (LabelError, queries.UnknownNameError, OSError) as error:
            raise CommandError(sentence(error)) from error
        for order, count in zip(orders, pages, strict=True):
            self.stdout.write(
                _("%(file)s: %(labels)s labels on %(pages)s sheets of %(paper)s")
                % {
                    "file": order.path,
                    "labels": f"{len(labels):,}",
                    "pages": f"{count:,}",
                    "paper": f"{order.sheet.name} ({order.sheet.examples})",
                }
            )
        self.stdout.write(_("Print at actual size. Try one sheet on plain paper first."))


def _orders(options: dict[str, Any]) -> list[Order]:
    is_pair = options["kind"] == BOTH
    kind = Kind.BOX if is_pair else Kind(options["kind"])
    key = options["sheet"] or USUAL[kind].key
    if key not in SHEETS:
        raise queries.UnknownNameError(key, list(SHEETS))
    path: Path = options["output"]
    orders = [Order(kind, SHEETS[key], path, options["start"])]
    if is_pair:
        beside = path.with_name(f"{path.stem}-{Kind.DEVICE}{path.suffix}")
        orders.append(Order(Kind.DEVICE, USUAL[Kind.DEVICE], beside))
    return orders


def _labels(options: dict[str, Any], now: datetime) -> list[Label]:
    department, place = options["department"], options["place"]
    chosen = queries.Chosen(
        departments=None if department is None else queries.departments_called(department),
        place=None if place is None else queries.place_called(place),
        codes=make_codes(count=options["blank"], now=now) if options["blank"] > 0 else None,
    )
    return queries.labels_to_print(sender=queries.sender(), chosen=chosen)


def _printing(order: Order, files: ExitStack) -> Printing:
    output = files.enter_context(whole(order.path))
    return Printing(order.kind, order.sheet, output, order.start)


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears under its name only when all of them are complete."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
