"""The rules of the ladder and the rota: IT reads them, the IT lead changes the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kitting.escalation import rules
from kitting.escalation.actions import policies
from kitting.escalation.actions.duty import put_on_duty, take_off_duty
from kitting.escalation.forms.ladder import PolicyForm, ScopeForm
from kitting.escalation.forms.moves import DutyForm
from kitting.escalation.models import Duty, Policy
from kitting.escalation.queries.ladder import (
    as_ladder,
    duties_from,
    duty_weeks,
    helpers,
    ladder_rows,
    on_duty,
    organisation_book,
)
from kitting.escalation.states import Case, Part
from kitting.rollout.queries import waves_now
from kitting.site.queries import it_lead_here, team_here

if TYPE_CHECKING:
    from django import forms
    from django.http import HttpResponse

    from accounts.models import Department
    from kitting.rollout.models import Wave
    from kitting.site.queries import SiteRequest


@never_cache
@login_required
@require_GET
def ladder(request: SiteRequest) -> HttpResponse:
    """Show every rule: who is asked about what, in which order, and for whom it holds."""
    team_here(request)
    return render(request, "escalation/ladder.html", {"rows": ladder_rows()})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def policy(request: SiteRequest, policy_id: int) -> HttpResponse:
    """Show one rule; the IT lead changes it."""
    if request.method == "POST":
        it_lead_here(request)
    team_here(request)
    return _policy_page(request, _kept(policy_id), is_new=False)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def policy_new(request: SiteRequest) -> HttpResponse:
    """Make a rule for a department or a wave, beginning with the one that holds there now."""
    it_lead_here(request)
    form = ScopeForm(request.GET or None, waves=waves_now())
    if not request.GET or not form.is_valid():
        status = 422 if request.GET and form.errors else 200
        return render(request, "escalation/policy_new.html", {"form": form}, status=status)
    return _policy_page(request, _begun(form), is_new=True)


def _begun(form: forms.Form) -> Policy:
    said = form.cleaned_data
    department: Department | None = said["department"]
    wave: Wave | None = said["wave"]
    return Policy(case=said["case"], department=department, wave=wave)


def _kept(policy_id: int) -> Policy:
    found = Policy.objects.select_related("department", "wave", "changed_by")
    return get_object_or_404(found.prefetch_related("levels__named"), pk=policy_id)


def _policy_page(request: SiteRequest, kept: Policy, *, is_new: bool) -> HttpResponse:
    form = PolicyForm(
        request.POST if request.method == "POST" else None,
        ladder=_general_ladder(kept) if is_new else as_ladder(kept),
        version=policies.NEW if is_new else kept.version,
        team=helpers(now=request.now),
    )
    outlook = None
    if request.method == "POST" and form.is_valid():
        try:
            if "preview" not in request.POST:
                return _save(request, kept, form)
            outlook = policies.preview(
                policy=kept,
                values=form.values(),
                version=form.cleaned_data["version"],
                now=request.now,
            )
        except policies.PolicyError as error:
            form.add_error(None, _why_not(error))
    context = {"policy": kept, "form": form, "outlook": outlook, "is_new": is_new}
    return render(
        request, "escalation/policy.html", context, status=422 if form.errors else 200
    )


def _general_ladder(begun: Policy) -> rules.Ladder:
    """Return the rule that holds for everybody: what a new one begins with."""
    general = (
        Policy.objects.filter(case=begun.case, department=None, wave=None)
        .prefetch_related("levels__named")
        .first()
    )
    return as_ladder(general) if general else rules.SHIPPED[Case(begun.case)]


def _save(request: SiteRequest, kept: Policy, form: PolicyForm) -> HttpResponse:
    by = it_lead_here(request)
    saved = policies.save_policy(
        policy=kept,
        values=form.values(),
        version=form.cleaned_data["version"],
        by=by,
        now=request.now,
    )
    messages.success(request, _("Saved. It holds from now on."))
    return redirect("escalation:policy", policy_id=saved.pk)


def _why_not(error: policies.PolicyError) -> str:
    if isinstance(error, policies.PolicyMovedError):
        return _("Somebody else changed this rule meanwhile. Open the page again.")
    return _("There is a rule for this already. Change that one.")


@login_required
@require_POST
def policy_drop(request: SiteRequest, policy_id: int) -> HttpResponse:
    """Take a rule away: the less specific one holds again."""
    by = it_lead_here(request)
    policies.drop_policy(policy=_kept(policy_id), by=by, now=request.now)
    messages.success(request, _("Removed. The more general rule holds again."))
    return redirect("escalation:ladder")


# --- the rota ---------------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def rota(request: SiteRequest) -> HttpResponse:
    """Show who is on duty when, and put somebody on duty."""
    by = team_here(request)
    team = helpers(now=request.now, leads=False)
    form = DutyForm(request.POST if request.method == "POST" else None, team=team)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        put_on_duty(
            person=said["person"],
            from_on=said["from_on"],
            to_on=said["to_on"],
            part=Part(said["part"]),
            by=by,
            now=request.now,
        )
        messages.success(request, _("Noted."))
        return redirect("escalation:rota")
    context = {
        "form": form,
        "now_on_duty": on_duty(book=organisation_book(), now=request.now),
        "weeks": duty_weeks(now=request.now),
        "duties": duties_from(now=request.now),
    }
    return render(request, "escalation/rota.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def duty_drop(request: SiteRequest, duty_id: int) -> HttpResponse:
    """Strike a duty from the rota."""
    by = team_here(request)
    duty = get_object_or_404(Duty.objects.select_related("person"), pk=duty_id)
    take_off_duty(duty=duty, by=by, now=request.now)
    messages.success(request, _("Struck."))
    return redirect("escalation:rota")
