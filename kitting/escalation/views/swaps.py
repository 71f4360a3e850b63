"""Pages of an exchange: the other side says yes, or a lead or IT does."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from kitting.devices.actions.life import Deed, NotInThatStateError
from kitting.escalation.actions.swaps import CannotSwapError, confirm_exchange
from kitting.escalation.models import Ticket, WrongBox
from kitting.escalation.queries.boxes import own_box_of, wrong_box_of
from kitting.journeys.queries import BOX_KEY, journey_here

if TYPE_CHECKING:
    from accounts.models import User
    from accounts.queries import Rights
    from kitting.site.queries import SiteRequest


@never_cache
@require_POST
def own_swap(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Let the person of a box that somebody else holds say that they hold the other one."""
    access = journey_here(request, journey_id)
    told = wrong_box_of(access.journey)
    if told is None:
        raise Http404
    if not _exchanged(request, told, by=access.actor):
        return redirect("journeys:overview", journey_id=journey_id)
    request.session.pop(BOX_KEY, None)
    return redirect("home")


@never_cache
@login_required
@require_POST
def exchange(request: SiteRequest, ticket_id: int) -> HttpResponse:
    """Let a lead of both, or IT, exchange the two boxes."""
    rights = request.rights
    if not rights.sees_board:
        raise Http404
    ticket = get_object_or_404(Ticket.objects.in_scope(rights), pk=ticket_id)
    told = WrongBox.objects.filter(ticket=ticket, settled_at__isnull=True).first()
    if told is None or not _leads_both(told, rights):
        raise Http404
    _exchanged(request, told, by=cast("User", request.user))
    return redirect("escalation:ticket", ticket_id=ticket_id)


def _leads_both(told: WrongBox, rights: Rights) -> bool:
    """Tell whether both sides are somebody's own people: a lead cannot take from elsewhere."""
    other = own_box_of(told)
    return rights.is_it or (
        other is not None
        and (other.department_id in rights.departments or other.place_id in rights.places)
    )


def _exchanged(request: SiteRequest, told: WrongBox, *, by: User | None) -> bool:
    try:
        confirm_exchange(told=told, deed=Deed(now=request.now, by=by))
    except (CannotSwapError, NotInThatStateError):
        messages.warning(request, _("Something else happened since. Nothing changed."))
        return False
    messages.success(
        request,
        _(
            "The two boxes are exchanged. Each scans the label of the box in hand and begins there."
        ),
    )
    return True
