"""What is kept about people, for everybody; everything about one person, for the IT lead."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import User
from accounts.queries import SecondFactor, second_factor
from accounts.requests import person_of
from kitting.privacy.actions import StillHereError, note_export, remove_person
from kitting.privacy.forms import ExportForm, RemoveForm
from kitting.privacy.queries.kept import kept_lines
from kitting.privacy.queries.person import file_of, people_found, rows_about

if TYPE_CHECKING:
    from collections.abc import Callable

    from kitting.site.queries import SiteRequest

SEARCH_MOST = 80
PEOPLE_MOST = 50
TYPES = {"json": "application/json; charset=utf-8", "pdf": "application/pdf"}


@require_GET
def privacy(request: SiteRequest) -> HttpResponse:
    """Show what is kept about people here."""
    context = {"lines": kept_lines()}
    return render(request, "privacy/privacy.html", context)


# --- one person, for the IT lead ------------------------------------------------------------------


def _it_lead(request: SiteRequest) -> None:
    if not request.rights.is_it_lead:
        raise Http404


def _proven(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let the IT lead in who gave a second proof within five minutes; ask others for it first."""

    @wraps(view)
    def asked(request: SiteRequest, person_id: int) -> HttpResponse:
        _it_lead(request)
        is_fresh = second_factor(request.session, now=request.now) == SecondFactor.PROVEN
        if settings.SECOND_FACTOR_REQUIRED and not is_fresh:
            back = urlencode({"next": reverse("privacy:person", args=[person_id])})
            return redirect(f"{reverse('mfa_reauthenticate')}?{back}")
        return view(request, person_id)

    return asked


@never_cache
@login_required
@require_GET
def people(request: SiteRequest) -> HttpResponse:
    """Find whose data is asked for; those who left are found too."""
    _it_lead(request)
    text = request.GET.get("q", "")[:SEARCH_MOST]
    found = people_found(text, limit=PEOPLE_MOST)
    return render(request, "privacy/people.html", {"text": text, "found": found})


def _page(request: SiteRequest, person: User, **forms: Any) -> HttpResponse:
    context: dict[str, Any] = {
        "person": person,
        "export": ExportForm(auto_id="export_%s"),
        "remove": RemoveForm(number=person.staff_number or "", auto_id="remove_%s"),
        **forms,
    }
    context["form"] = next(iter(forms.values()), None)
    return render(request, "privacy/person.html", context, status=422 if forms else 200)


def _person(person_id: int) -> User:
    """Return whose data is asked for; who was removed has no number and is not there."""
    known = User.objects.select_related("department").filter(staff_number__isnull=False)
    found: User = get_object_or_404(known, pk=person_id)
    return found


@never_cache
@login_required
@require_GET
@_proven
def person(request: SiteRequest, person_id: int) -> HttpResponse:
    """Show what can be done with everything about one person."""
    return _page(request, _person(person_id))


@never_cache
@login_required
@require_POST
@_proven
def export(request: SiteRequest, person_id: int) -> HttpResponse:
    """Hand out everything about one person as a file, and write that down."""
    found = _person(person_id)
    form = ExportForm(request.POST, auto_id="export_%s")
    if not form.is_valid():
        return _page(request, found, export=form)
    kind, reason = form.cleaned_data["kind"], form.cleaned_data["reason"]
    body = file_of(found, rows_about(found), kind=kind, now=request.now)
    note_export(person=found, by=person_of(request), now=request.now, kind=kind, reason=reason)
    answer = HttpResponse(body, content_type=TYPES[kind])
    name = f"person-{found.pk}-{localtime(request.now):%Y%m%d-%H%M}.{kind}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@never_cache
@login_required
@require_POST
@_proven
def remove(request: SiteRequest, person_id: int) -> HttpResponse:
    """Take somebody who has left out of everything; counts stay."""
    found = _person(person_id)
    form = RemoveForm(request.POST, number=found.staff_number or "", auto_id="remove_%s")
    if form.is_valid() and _remove(request, found, form):
        messages.success(request, _("Removed. Counts and times stay, without a name."))
        return redirect("privacy:people")
    return _page(request, found, remove=form)


def _remove(request: SiteRequest, found: User, form: RemoveForm) -> bool:
    reason = form.cleaned_data["reason"]
    try:
        remove_person(person=found, by=person_of(request), now=request.now, reason=reason)
    except StillHereError:
        form.add_error(None, _("This person works here or has a device: nothing was removed."))
        return False
    return True
