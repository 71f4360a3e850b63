"""Own papers, and what printers were measured to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from accounts.actions import write_audit
from kitting.labels.models import Calibration, LabelPaper
from kitting.labels.sheets import CROSS, RULER, RulerWords

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from accounts.models import User


@transaction.atomic
def save_paper(*, values: Mapping[str, Any], by: User, now: datetime) -> LabelPaper:
    """Keep a paper with measures of its own; one of the same name is measured anew."""
    fields = {name: value for name, value in values.items() if name != "name"}
    paper, _is_new = LabelPaper.objects.update_or_create(name=values["name"], defaults=fields)
    write_audit(action="labels.paper_saved", now=now, by=by, subject=f"paper:{paper.pk}")
    return paper


@transaction.atomic
def drop_paper(*, paper_id: int, by: User, now: datetime) -> bool:
    """Forget a paper and what printers did with it."""
    paper = LabelPaper.objects.filter(pk=paper_id).first()
    if paper is None:
        return False
    Calibration.objects.filter(paper_key=paper.key).delete()
    paper.delete()
    write_audit(action="labels.paper_dropped", now=now, by=by, data={"name": paper.name})
    return True


@transaction.atomic
def save_calibration(
    *, printer: str, paper_key: str, values: Mapping[str, Any], by: User, now: datetime
) -> Calibration:
    """Keep what was measured on the test page of a printer with a paper."""
    row, _is_new = Calibration.objects.update_or_create(
        printer=printer,
        paper_key=paper_key,
        defaults={**values, "measured_at": now, "measured_by": by},
    )
    write_audit(action="labels.printer_measured", now=now, by=by, subject=f"paper:{paper_key}")
    return row


def ruler_words() -> RulerWords:
    """Return what the test page says, in the language of the site."""
    with translation.override(settings.LANGUAGE_CODE):
        return RulerWords(
            title=gettext("Test page for labels"),
            settings=gettext("Scale 100% · “Fit to page” off\nManual feed"),
            measure=(
                gettext(
                    "1. The middle of the cross: %(mm)s mm from the left and the upper edge."
                )
                % {"mm": f"{CROSS:.0f}"},
                gettext("2. Both rulers: exactly %(mm)s mm long.") % {"mm": f"{RULER:.0f}"},
                gettext("3. Lay this page on a label sheet and hold both against the light."),
            ),
            language=settings.LANGUAGE_CODE,
        )
