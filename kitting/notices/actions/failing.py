"""A chat room or program that nothing reaches is switched off, and IT is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.urls import reverse

from accounts.actions import write_audit
from accounts.queries import calendar_book
from kitting.notices.actions.team import tell_it
from kitting.notices.models import Notice, Outlet
from kitting.notices.rules import TEST
from kitting.notices.states import NoticeState
from kitting.site.actions import note_outlets_off
from kitting.site.models import SiteProfile

if TYPE_CHECKING:
    from datetime import datetime


def switch_off_failing(*, now: datetime) -> int:
    """Switch off every outlet for which too many messages in a row were parked; returns how many.

    Safe to run twice and at once.
    """
    failing = Outlet.objects.failing().order_by("pk").values_list("pk", flat=True)
    return sum(_switch_off(pk, now=now) for pk in failing)


@transaction.atomic
def _switch_off(pk: int, *, now: datetime) -> bool:
    """Switch one off: written down, IT told once, and what waits for it kept to be sent again."""
    outlet = Outlet.objects.select_for_update().failing().filter(pk=pk).first()
    if outlet is None:
        return False  # somebody else was here first
    parked = Notice.objects.parked().filter(outlet=outlet).exclude(kind=TEST)
    why = parked.order_by("-created_at", "-pk").values_list("last_error", flat=True).first()
    outlet.is_on, outlet.switched_off_at = False, now
    outlet.save(update_fields=["is_on", "switched_off_at"])
    note_outlets_off(are_any=True)
    waiting = Notice.objects.filter(outlet=outlet, state=NoticeState.QUEUED)
    waiting.exclude(kind=TEST).update(
        state=NoticeState.FAILED, last_error="the outlet was switched off"
    )
    write_audit(
        action="outlet.switched_off",
        subject=outlet.label,
        data={"in_a_row": outlet.parked_in_row, "why": why or ""},
        by=None,
        now=now,
    )
    profile = SiteProfile.objects.filter(pk=SiteProfile.SINGLE).first() or SiteProfile()
    tell_it(
        kind="outlet_off",
        matter=f"outlet:{outlet.pk}:off:{now.isoformat()}",
        context={"outlet": outlet.label, "in_a_row": outlet.parked_in_row, "why": why},
        link=reverse("notices:outlet", args=[outlet.pk]),
        book=calendar_book(country=profile.holidays_country),
        now=now,
    )
    return True
