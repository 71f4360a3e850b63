"""What helpers do with a ticket beside answering, and what a colleague says who was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from kitting.escalation import actions
from kitting.escalation.actions import moves
from kitting.escalation.actions.colleagues import answer_plea, offer_help, withdraw_offer
from kitting.escalation.actions.moves import Move, helpers_for, may_join
from kitting.escalation.forms.moves import (
    HoldForm,
    MergeForm,
    MoveForm,
    PleaForm,
    ReassignForm,
    SnoozeForm,
)
from kitting.escalation.models import Plea, Ticket
from kitting.escalation.queries.desk import subject_of
from kitting.escalation.queries.moves import last_move, others_of_person
from kitting.escalation.rules import PLEAS_MOST
from kitting.escalation.states import PleaAnswer, TicketState
from kitting.escalation.views import WAYS_BACK, language
from kitting.journeys.queries import journey_here
from kitting.notices.tasks import wake
from kitting.site.queries import helper_here

if TYPE_CHECKING:
    from collections.abc import Callable

    from django import forms
    from django.http import QueryDict

    from accounts.models import User
    from kitting.site.queries import SiteRequest

    Make = Callable[[SiteRequest, Ticket, QueryDict | None], forms.Form | None]
    Act = Callable[[Move, forms.Form], Ticket]

# Moves that are one press; the others have a page of their own.
PRESSES: dict[str, Callable[[Move], Ticket]] = {
    "release": moves.release,
    "not_today": moves.not_today,
}


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def move(request: SiteRequest, ticket_id: int, verb: str) -> HttpResponse:
    """Put a ticket off, on hold, give it to somebody else, join it with another, open it again."""
    by = helper_here(request)
    ticket = _ticket(request, ticket_id)
    make, act = _move_of(verb)
    form = make(request, ticket, request.POST if request.method == "POST" else None)
    if form is None:
        raise Http404
    if request.method == "POST" and form.is_valid():
        return _moved(request, _as_move(request, ticket, by, form), act, form)
    context = {
        "ticket": ticket,
        "form": form,
        "verb": verb,
        "subject": subject_of(ticket, language()),
    }
    return render(request, "escalation/move.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def press(request: SiteRequest, ticket_id: int, verb: str) -> HttpResponse:
    """Take a ticket off hold, or say "not today"."""
    by = helper_here(request)
    ticket = _ticket(request, ticket_id)
    form = MoveForm(request.POST)
    if verb not in PRESSES or not form.is_valid():
        raise Http404
    return _moved(
        request,
        _as_move(request, ticket, by, form),
        lambda moved, _form: PRESSES[verb](moved),
        form,
    )


def _ticket(request: SiteRequest, ticket_id: int) -> Ticket:
    mine = Ticket.objects.in_scope(request.rights).select_related("journey", "taken_by")
    return get_object_or_404(mine, pk=ticket_id)


def _move_of(verb: str) -> tuple[Make, Act]:
    found = MOVES.get(verb)
    if found is None:
        raise Http404
    return found


def _seen(ticket: Ticket) -> dict[str, int]:
    last = last_move(ticket)
    return {"seen": last.pk if last else 0}


def _open(ticket: Ticket) -> bool:
    return ticket.state != TicketState.RESOLVED


def _snooze_form(
    request: SiteRequest, ticket: Ticket, data: QueryDict | None
) -> forms.Form | None:
    form = SnoozeForm(data, now=request.now, initial=_seen(ticket))
    return form if _open(ticket) else None


def _hold_form(
    _request: SiteRequest, ticket: Ticket, data: QueryDict | None
) -> forms.Form | None:
    return HoldForm(data, initial=_seen(ticket)) if _open(ticket) else None


def _reassign_form(
    request: SiteRequest, ticket: Ticket, data: QueryDict | None
) -> forms.Form | None:
    team = helpers_for(ticket, now=request.now)
    return ReassignForm(data, team=team, initial=_seen(ticket)) if _open(ticket) else None


def _merge_form(
    request: SiteRequest, ticket: Ticket, data: QueryDict | None
) -> forms.Form | None:
    others = [
        one for one in others_of_person(ticket, rights=request.rights) if may_join(ticket, one)
    ]
    return MergeForm(data, others=others, initial=_seen(ticket)) if others else None


def _reopen_form(
    _request: SiteRequest, ticket: Ticket, data: QueryDict | None
) -> forms.Form | None:
    can = not _open(ticket) and ticket.merged_into_id is None
    return HoldForm(data, initial=_seen(ticket)) if can else None


MOVES: dict[str, tuple[Make, Act]] = {
    "snooze": (
        _snooze_form,
        lambda moved, form: moves.snooze(
            moved, until=form.cleaned_data["until"], reason=form.cleaned_data["reason"]
        ),
    ),
    "hold": (
        _hold_form,
        lambda moved, form: moves.hold(moved, reason=form.cleaned_data["reason"]),
    ),
    "reassign": (
        _reassign_form,
        lambda moved, form: moves.reassign(
            moved, to=form.cleaned_data["to"], reason=form.cleaned_data["reason"]
        ),
    ),
    "merge": (
        _merge_form,
        lambda moved, form: moves.merge(moved, into=form.cleaned_data["into"]),
    ),
    "reopen": (
        _reopen_form,
        lambda moved, form: moves.reopen(moved, reason=form.cleaned_data["reason"]),
    ),
}


def _as_move(request: SiteRequest, ticket: Ticket, by: User, form: forms.Form) -> Move:
    return Move(ticket=ticket, by=by, seen=form.cleaned_data["seen"], now=request.now)


def _moved(request: SiteRequest, moved: Move, act: Act, form: forms.Form) -> HttpResponse:
    """Do it, or say politely who was first."""
    to = moved.ticket.pk
    try:
        to = act(moved, form).pk
    except actions.TicketError as error:
        messages.warning(request, _why_not(error))
    wake()
    if request.POST.get("back") in WAYS_BACK:
        return redirect(WAYS_BACK[request.POST["back"]])
    return redirect("escalation:ticket", ticket_id=to)


def _why_not(error: actions.TicketError) -> str:
    if isinstance(error, moves.MovedError):
        name = error.by.name if error.by else _("somebody else")
        return _(
            "%(name)s did something with this ticket a moment before. Nothing was changed."
        ) % {"name": name}
    words = {
        actions.TicketEndedError: _("This ticket is resolved already."),
        moves.CannotHelpError: _("This person is away, or may not see this ticket."),
        moves.NotTogetherError: _("These two tickets cannot be joined."),
        moves.StillOpenError: _("There is an open ticket for this already."),
        actions.JourneyOverError: _("The device is no longer with this person."),
    }
    return words.get(type(error), _("That does not go with this ticket."))


# --- colleagues -----------------------------------------------------------------------------------


@require_POST
def offer(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Let somebody who is ready say "I can help" to colleagues, or take it back (`over`)."""
    access = journey_here(request, journey_id)
    journey = access.journey
    if journey.ready_at is None:
        raise Http404
    act = withdraw_offer if "over" in request.POST else offer_help
    act(person=journey.person, now=request.now)
    if "over" in request.POST:
        messages.success(request, _("Taken back. Nobody will ask you."))
    else:
        thanks = ngettext(
            "Thank you! You are asked at most %(n)s time a week.",
            "Thank you! You are asked at most %(n)s times a week.",
            PLEAS_MOST,
        )
        messages.success(request, thanks % {"n": PLEAS_MOST})
    page = "journeys:finished" if journey.at_home_at else "journeys:ready"
    return redirect(page, journey_id=journey.pk)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def plea(request: SiteRequest, plea_id: int) -> HttpResponse:
    """Show a colleague who was asked whom to look after, and take the answer."""
    mine = Plea.objects.filter(person_id=request.user.pk).select_related(
        "ticket__journey__person", "ticket__place", "ticket__department", "person"
    )
    found = get_object_or_404(mine, pk=plea_id)
    form = PleaForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = request.POST.get("answer", "")
        if said not in PleaAnswer.values or not said:
            raise Http404
        answer_plea(
            plea=found,
            answer=PleaAnswer(said),
            words=form.cleaned_data["words"],
            now=request.now,
        )
        wake()
        return redirect("escalation:plea", plea_id=plea_id)
    context = {
        "plea": found,
        "ticket": found.ticket,
        "form": form,
        "is_over": found.ticket.state == TicketState.RESOLVED,
        "step": subject_of(found.ticket, language(), by_step=True),
    }
    return render(request, "escalation/plea.html", context, status=422 if form.errors else 200)
