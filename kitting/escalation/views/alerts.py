"""What is wrong for many at the moment: outages, public notices, waves on hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Place
from kitting.escalation import actions
from kitting.escalation.actions.alerts import answer_outage, end_outage
from kitting.escalation.actions.outages import declare_outage
from kitting.escalation.forms.alerts import AnnouncementForm, OutageForm
from kitting.escalation.forms.asking import ReplyForm, WordsForm
from kitting.escalation.models import Outage
from kitting.escalation.queries.broken import outage_rows
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.states import Ending
from kitting.escalation.views import language
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import step_lines
from kitting.notices.tasks import wake
from kitting.rollout.models import Wave
from kitting.rollout.queries import waves_now
from kitting.site.actions import announce as announce_to
from kitting.site.actions import end_announcement
from kitting.site.models import Announcement
from kitting.site.queries import announcements_now, team_here

if TYPE_CHECKING:
    from django import forms

    from kitting.site.queries import SiteRequest


@never_cache
@login_required
@require_GET
def alerts(request: SiteRequest) -> HttpResponse:
    """Show what is wrong for many at the moment."""
    team_here(request)
    return _page(request)


def _page(
    request: SiteRequest,
    *,
    announcement_form: forms.Form | None = None,
    outage_form: forms.Form | None = None,
    answer_form: forms.Form | None = None,
) -> HttpResponse:
    bound = [form for form in (announcement_form, outage_form, answer_form) if form]
    context = {
        "outages": outage_rows(language=language()),
        "announcements": announcements_now(now=request.now),
        "waves": waves_now(),
        "announcement_form": announcement_form or _announcement_form(request),
        "outage_form": outage_form or _outage_form(),
        "form": next(iter(bound), None),
    }
    return render(request, "escalation/alerts.html", context, status=422 if bound else 200)


def _announcement_form(request: SiteRequest, data: Any = None) -> AnnouncementForm:
    return AnnouncementForm(
        data, places=Place.objects.order_by("name"), waves=waves_now(), now=request.now
    )


def _outage_form(data: Any = None) -> OutageForm:
    edition = published_edition()
    lines = step_lines(edition.pk, language()) if edition else []
    return OutageForm(data, steps=[(line.key, line.title) for line in lines])


@login_required
@require_POST
def announce(request: SiteRequest) -> HttpResponse:
    """Say something to everyone, to a place or to a wave."""
    by = team_here(request)
    form = _announcement_form(request, request.POST)
    if not form.is_valid():
        return _page(request, announcement_form=form)
    announce_to(values=form.values(), by=by, now=request.now)
    messages.success(request, _("People read it from now on."))
    return redirect("escalation:alerts")


@login_required
@require_POST
def unsay(request: SiteRequest, announcement_id: int) -> HttpResponse:
    """Stop saying something."""
    by = team_here(request)
    found = get_object_or_404(Announcement, pk=announcement_id)
    end_announcement(announcement=found, by=by, now=request.now)
    return redirect("escalation:alerts")


@login_required
@require_POST
def outage(request: SiteRequest) -> HttpResponse:
    """Say by hand that a step does not work at some places."""
    by = team_here(request)
    form = _outage_form(request.POST)
    if not form.is_valid():
        return _page(request, outage_form=form)
    declare_outage(
        step=form.cleaned_data["step"],
        places=list(form.cleaned_data["places"]),
        by=by,
        book=organisation_book(),
        now=request.now,
    )
    return redirect("escalation:alerts")


@login_required
@require_POST
def outage_verb(request: SiteRequest, outage_id: int, verb: str) -> HttpResponse:
    """Answer everybody who asks about an outage, or end it: solved, single."""
    by = team_here(request)
    found = get_object_or_404(Outage, pk=outage_id)
    if verb not in ("answer", *Ending.values):
        raise Http404
    form = ReplyForm(request.POST) if verb == "answer" else WordsForm(request.POST)
    if not form.is_valid():
        return _page(request, answer_form=form)
    words = form.cleaned_data["words"]
    if verb == "answer":
        answer_outage(outage=found, by=by, words=words, now=request.now)
        messages.success(request, _("Everybody who asks reads this answer."))
    else:
        end_outage(outage=found, by=by, ending=Ending(verb), words=words, now=request.now)
    wake()
    return redirect("escalation:alerts")


@login_required
@require_POST
def wave_verb(request: SiteRequest, wave_id: int, verb: str) -> HttpResponse:
    """Hold a wave or let it go on: hold, release."""
    by = team_here(request)
    wave = get_object_or_404(Wave, pk=wave_id)
    if verb == "hold":
        actions.hold_wave(wave=wave, by=by, now=request.now)
    elif verb == "release":
        actions.release_wave(wave=wave, by=by, now=request.now)
    else:
        raise Http404
    return redirect("escalation:alerts")
