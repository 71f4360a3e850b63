"""Pages of a loss: told by anybody, by the person with one button, ticked off by IT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kitting.escalation.actions import losses as loss_actions
from kitting.escalation.forms.asking import LossForm, ReportForm
from kitting.escalation.models import LossReport, Ticket
from kitting.escalation.queries.losses import losses_of_strangers
from kitting.escalation.states import LossLine, TicketKind
from kitting.escalation.tasks import wake_losses
from kitting.journeys.queries import BOX_KEY, journey_here
from kitting.notices.tasks import wake
from kitting.site.queries import client_address, team_here, words

if TYPE_CHECKING:
    from kitting.site.queries import SiteRequest

# What this browser told last, so that the page after it can say what to do now.
LOST_KEY = "lost"


@never_cache
@require_http_methods(["GET", "POST"])
def lost(request: SiteRequest) -> HttpResponse:
    """Tell anybody whom to call first, and take a loss in: the same answer to all."""
    form = LossForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "words": words()}
    if request.method == "POST" and form.is_valid():
        try:
            loss_actions.tell_loss(
                **form.cleaned_data, client=client_address(request), now=request.now
            )
        except loss_actions.TooManyLossesError:
            return render(
                request, "escalation/lost.html", {**context, "slow": True}, status=429
            )
        wake_losses()
        return redirect("escalation:lost_told")
    status = 422 if form.errors else 200
    return render(request, "escalation/lost.html", context, status=status)


@never_cache
@require_GET
def lost_told(request: SiteRequest) -> HttpResponse:
    """Say what happens now and what to do until then; the same to all."""
    number = request.session.get(LOST_KEY, "")
    context = {"number": number if isinstance(number, str) else "", "words": words()}
    return render(request, "escalation/lost_told.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def own_loss(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Let a person say with one button that their device is gone; the box session ends."""
    access = journey_here(request, journey_id)
    form = ReportForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        ticket = loss_actions.lose_own(
            journey=access.journey,
            words=form.cleaned_data["words"],
            by=access.actor,
            now=request.now,
        )
        request.session.pop(BOX_KEY, None)
        request.session[LOST_KEY] = ticket.number
        wake()
        return redirect("escalation:lost_told")
    context = {"form": form, "journey": access.journey, "words": words()}
    status = 422 if form.errors else 200
    return render(request, "escalation/own_loss.html", context, status=status)


@never_cache
@login_required
@require_POST
def loss_tick(request: SiteRequest, ticket_id: int, line: str) -> HttpResponse:
    """Tick a line of the list, or take the tick back (`over`)."""
    by = team_here(request)
    ticket = get_object_or_404(Ticket, pk=ticket_id, kind=TicketKind.LOSS)
    if line not in LossLine.values:
        raise Http404
    act = loss_actions.untick if "over" in request.POST else loss_actions.tick
    act(ticket=ticket, line=LossLine(line), by=by, now=request.now)
    return redirect("escalation:ticket", ticket_id=ticket_id)


@never_cache
@login_required
@require_GET
def losses(request: SiteRequest) -> HttpResponse:
    """Show the losses whose number is on no roll: somebody has to call back."""
    team_here(request)
    return render(request, "escalation/losses.html", {"reports": losses_of_strangers()})


@never_cache
@login_required
@require_POST
def loss_settled(request: SiteRequest, report_id: int) -> HttpResponse:
    """Note that somebody called back."""
    by = team_here(request)
    report = get_object_or_404(LossReport, pk=report_id, ticket__isnull=True)
    if loss_actions.settle_stranger(report=report, by=by, now=request.now):
        messages.success(request, _("Noted."))
    return redirect("escalation:losses")
