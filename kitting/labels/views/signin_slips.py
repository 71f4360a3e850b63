"""Slips with which people without mail sign in: given by their lead or IT, on paper, once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.actions import PersonError
from accounts.doors import issue_slip, revoke_slips
from accounts.queries import local_day, people_without_mail, slip_people
from kitting.labels.actions import check_site
from kitting.labels.actions.signin_slip import SlipSheet, print_slip
from kitting.labels.drawing import LabelError

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.site.queries import SiteRequest

SEARCH_MOST = 80
PEOPLE_MOST = 50


def _giver(request: SiteRequest) -> User:
    """Return the lead or member of IT who is here; for everybody else there are no slips."""
    if not (request.rights.sees_board and request.profile.slip_entry_allowed):
        raise Http404
    return cast("User", request.user)


@never_cache
@login_required
@require_GET
def slips(request: SiteRequest) -> HttpResponse:
    """Show who cannot read mail, among one's own people, and which slips still work."""
    _giver(request)
    text = request.GET.get("q", "")[:SEARCH_MOST]
    today = local_day(request.now)
    people = people_without_mail(request.rights, text, on=today, limit=PEOPLE_MOST)
    return render(request, "labels/signin_slips.html", {"people": people, "text": text})


def _receiver(request: SiteRequest, person_id: int) -> User:
    people = slip_people(request.rights, on=local_day(request.now))
    found: User = get_object_or_404(people.select_related("department__parent"), pk=person_id)
    return found


@never_cache
@login_required
@require_POST
def slip(request: SiteRequest, person_id: int) -> HttpResponse:
    """Make a slip and give it as PDF at once: its secret is known at this moment only."""
    by, person = _giver(request), _receiver(request, person_id)
    lifetime = timedelta(days=settings.SLIP_DAYS)
    language = translation.get_language() or "ja"
    try:
        check_site(request.profile)
        secret = issue_slip(person=person, by=by, now=request.now, lifetime=lifetime)
    except (LabelError, PersonError):
        messages.warning(request, _("The slip cannot be printed yet. Please ask IT."))
        return redirect("labels:signin_slips")
    sheet = SlipSheet(
        name=person.name,
        department=person.department.full_name if person.department else "",
        secret=secret,
        scheme=settings.SITE_URL.partition("://")[0],
        address=f"{settings.SITE_URL.partition('://')[2]}{reverse('account_slip')}",
        until=f"{localtime(request.now + lifetime):%Y-%m-%d %H:%M}",
    )
    file = print_slip(sheet=sheet, language=language, profile=request.profile)
    response = HttpResponse(file, content_type="application/pdf")
    response["Content-Disposition"] = 'inline; filename="kitto-slip.pdf"'
    return response


@never_cache
@login_required
@require_POST
def slip_stop(request: SiteRequest, person_id: int) -> HttpResponse:
    """Take back a slip that was lost or is needed no more."""
    by, person = _giver(request), _receiver(request, person_id)
    if revoke_slips(person=person, by=by, now=request.now):
        messages.success(request, _("The slip is stopped."))
    return redirect("labels:signin_slips")
