"""Print labels: for a file at once, or ordered on a page and drawn in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy

from kitting.devices.models import BoxCode
from kitting.labels import rules
from kitting.labels.drawing import (
    AddressError,
    ExamplesLeftError,
    NothingToPrintError,
    draw_sheets,
)
from kitting.labels.sheets import Kind, Label, Wording
from kitting.site.queries import examples_left

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from kitting.labels.drawing import Printing
    from kitting.site.models import SiteProfile

_CODES_A_QUERY = 500


def check_site(profile: SiteProfile) -> None:
    """Make sure that labels of this site lead somewhere; raises `LabelError`.

    The demo may print anything: its labels carry a watermark.
    """
    if profile.demo_seeded_at is not None:
        return
    if fault := rules.address_fault(settings.SITE_URL):
        raise AddressError(fault, settings.SITE_URL)
    if examples := examples_left():
        raise ExamplesLeftError(
            [f"{variable.key} ({variable.example})" for variable in examples]
        )


def print_labels(
    *, labels: list[Label], printings: list[Printing], profile: SiteProfile, now: datetime
) -> list[int]:
    """Draw the labels of boxes and note that their codes are printed; return pages file by file.

    Raises `LabelError` before anything is written to the file that cannot be drawn.
    """
    if not labels:
        raise NothingToPrintError
    check_site(profile)
    pages = [
        draw_sheets(
            labels=labels,
            printing=printing,
            words=wording(printing.kind, is_sample=profile.demo_seeded_at is not None),
        )
        for printing in printings
    ]
    note_printed([label.code for label in labels], now=now)
    return pages


@transaction.atomic
def note_printed(codes: Sequence[str], *, now: datetime) -> None:
    """Write down that the labels of some codes are printed."""
    for first in range(0, len(codes), _CODES_A_QUERY):
        chunk = codes[first : first + _CODES_A_QUERY]
        BoxCode.objects.filter(code__in=chunk).update(printed_at=now)


def wording(kind: Kind, *, is_sample: bool) -> Wording:
    """Return the words of labels in the language of the site."""
    titles = {Kind.BOX: gettext_lazy("Box labels"), Kind.DEVICE: gettext_lazy("Device labels")}
    with translation.override(settings.LANGUAGE_CODE):
        return Wording(
            title=str(titles[kind]),
            headline=gettext("Scan the QR code\nwith a phone to begin"),
            unreadable=gettext("No scan? Open %(host)s"),
            no_phone=gettext("No smartphone? Use the paper guide."),
            stuck=gettext("Stuck? %(help)s"),
            asset=gettext("Asset no."),
            hint=gettext("Stuck? Lost\nand found?\nScan the QR"),
            ruler=gettext("This line must measure 50 mm."),
            watermark=gettext("Sample") if is_sample else "",
            language=settings.LANGUAGE_CODE,
        )
