"""The pages of roles: who holds which, given and taken by the IT lead alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import doors
from accounts import roles as actions
from accounts.actions import PersonError, PersonLeftError
from accounts.models import Grant, User
from accounts.queries import (
    factors_of,
    grants_of,
    lead_grants,
    local_day,
    people_called,
    role_holders,
)
from accounts.requests import person_of
from accounts.role_forms import RoleForm

if TYPE_CHECKING:
    from accounts.requests import PersonRequest

SEARCH_MOST = 80
PEOPLE_MOST = 50
LEADS_A_PAGE = 50


def _may_see(request: PersonRequest) -> None:
    if not request.rights.sees_roles:
        raise Http404


def _it_lead(request: PersonRequest) -> User:
    """Return the IT lead; an auditor may look and no more, and for others there is nothing."""
    _may_see(request)
    if not request.rights.is_it_lead:
        raise PermissionDenied
    return person_of(request)


@never_cache
@login_required
@require_GET
def overview(request: PersonRequest) -> HttpResponse:
    """Show who holds which role, and find whoever should."""
    _may_see(request)
    text = request.GET.get("q", "")[:SEARCH_MOST]
    today = local_day(request.now)
    leads = Paginator(lead_grants(text, on=today), LEADS_A_PAGE)
    context = {
        "text": text,
        "found": people_called(text, limit=PEOPLE_MOST),
        "holders": role_holders(on=today),
        "page": leads.get_page(request.GET.get("page")),
        "today": today,
    }
    return render(request, "accounts/roles.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def person(request: PersonRequest, person_id: int) -> HttpResponse:
    """Show the roles of one person; the IT lead gives another one here."""
    _may_see(request)
    found = get_object_or_404(User.objects.select_related("department", "place"), pk=person_id)
    form = RoleForm(
        request.POST if request.method == "POST" else None, today=local_day(request.now)
    )
    if request.method == "POST":
        by = _it_lead(request)
        if form.is_valid() and _give(request, found, form, by):
            return redirect("account_role_person", person_id=found.pk)
    context = {
        "person": found,
        "grants": grants_of(found),
        "factors": factors_of(found),
        "form": form,
        "today": local_day(request.now),
        "may_change": request.rights.is_it_lead and found.pk != request.user.pk,
        "is_own": found.pk == request.user.pk,
    }
    status = 422 if form.errors else 200
    return render(request, "accounts/role_person.html", context, status=status)


def _give(request: PersonRequest, found: User, form: RoleForm, by: User) -> bool:
    try:
        actions.give_role(person=found, values=form.values(), by=by, now=request.now)
    except PersonError as error:
        form.add_error(None, _sentence(error))
        return False
    messages.success(request, _("Saved. It holds from the next page on."))
    return True


def _sentence(error: PersonError) -> str:
    if isinstance(error, actions.OwnRightsError):
        return _("Nobody changes their own rights. Ask another IT lead.")
    if isinstance(error, actions.LastLeadError):
        return _("One IT lead without a last day must stay. Name another one first.")
    if isinstance(error, actions.OfTheRollError):
        return _("This role comes from the staff list. Change it there.")
    if isinstance(error, PersonLeftError):
        return _("This person works here no more.")
    return _("That is not possible.")


@never_cache
@login_required
@require_POST
def take(request: PersonRequest, grant_id: int) -> HttpResponse:
    """Take a role back."""
    by = _it_lead(request)
    grant = get_object_or_404(Grant.objects.select_related("person"), pk=grant_id)
    person_id = grant.person_id
    try:
        actions.take_role(grant=grant, by=by, now=request.now)
    except PersonError as error:
        messages.warning(request, _sentence(error))
    else:
        messages.success(request, _("The role is taken back."))
    if person_id == by.pk:
        return redirect("home")
    return redirect("account_role_person", person_id=person_id)


def _somebody_else(person_id: int, *, by: User) -> User:
    """Return the person whose doors are closed: one's own are closed on one's own pages."""
    found = get_object_or_404(User, pk=person_id)
    if found.pk == by.pk:
        raise PermissionDenied
    return found


@never_cache
@login_required
@require_POST
def forget_factor(request: PersonRequest, person_id: int) -> HttpResponse:
    """Forget the lost second factor of somebody else."""
    by = _it_lead(request)
    found = _somebody_else(person_id, by=by)
    if doors.reset_second_factor(person=found, by=by, now=request.now):
        messages.success(
            request, _("Forgotten. At the next sign-in a new second step is set up.")
        )
    return redirect("account_role_person", person_id=found.pk)


@never_cache
@login_required
@require_POST
def end_sessions(request: PersonRequest, person_id: int) -> HttpResponse:
    """Sign somebody else out everywhere, after a device was lost or stolen."""
    by = _it_lead(request)
    found = _somebody_else(person_id, by=by)
    doors.end_all_sessions(person=found, by=by, now=request.now, reason="it lead")
    messages.success(request, _("Signed out everywhere."))
    return redirect("account_role_person", person_id=found.pk)
