"""Pages of the plan: rollouts, waves, what must be ready, and calendars."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.formats import date_format
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.queries import local_day, tokens_of
from accounts.states import TokenKind
from accounts.token_forms import LifeForm
from accounts.tokens import TokenValues, TooManyError, admit, make_token
from kitting.devices.queries import device_by_code
from kitting.escalation.actions.waves import hold_wave, release_wave
from kitting.journeys.views.visit import access_of
from kitting.lib.codes import CodeError, parse
from kitting.notices.tasks import wake
from kitting.plan import actions, queries
from kitting.plan.forms import (
    MarkForm,
    RolloutForm,
    VerdictForm,
    WaveForm,
    rollout_initial,
    wave_initial,
)
from kitting.plan.rules import calendar_file
from kitting.rollout import actions as rollouts
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import ROLLOUT_MOVES, MarkKind, RolloutState, Verdict
from kitting.site.queries import it_lead_here, team_here

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.plan.queries import Start
    from kitting.plan.rules import Appointment
    from kitting.site.queries import SiteRequest

VERBS = {
    "open": RolloutState.OPEN,
    "close": RolloutState.CLOSED,
    "archive": RolloutState.ARCHIVED,
}


def _status(form: Any) -> int:
    return 422 if form is not None and form.errors else 200


# --- rollouts ---------------------------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def home(request: SiteRequest) -> HttpResponse:
    """Show the rollout that runs, or the one planned next; to leads the waves of their people."""
    if request.rights.is_lead and not request.rights.is_it:
        waves = queries.waves_of_lead(request.rights)
        return render(request, "plan/own.html", {"waves": waves})
    team_here(request)
    listed = queries.rollouts_listed()
    shown = listed[0] if listed else None
    return _rollout_page(request, shown)


@never_cache
@login_required
@require_GET
def rollout(request: SiteRequest, rollout_id: int) -> HttpResponse:
    """Show one rollout: its waves, what is wrong with them, the pilot."""
    team_here(request)
    return _rollout_page(request, get_object_or_404(Rollout, pk=rollout_id))


def _rollout_page(
    request: SiteRequest, shown: Rollout | None, *, form: VerdictForm | None = None
) -> HttpResponse:
    context: dict[str, Any] = {
        "others": [one for one in queries.rollouts_listed() if one != shown],
        "today": local_day(request.now),
        "form": form,
    }
    if shown is not None:
        moves = ROLLOUT_MOVES[RolloutState(shown.state)] if request.rights.is_it_lead else ()
        context |= {
            "plan": queries.plan_page(shown, now=request.now),
            "rollout": shown,
            "verbs": [verb for verb, state in VERBS.items() if state in moves],
            "verdict_form": form or VerdictForm(),
        }
    return render(request, "plan/rollout.html", context, status=_status(form))


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def rollout_form(request: SiteRequest, rollout_id: int | None = None) -> HttpResponse:
    """Plan a rollout (after the one named by `after`), or change one."""
    by = team_here(request)
    kept = get_object_or_404(Rollout, pk=rollout_id) if rollout_id else None
    before = _before(request) if kept is None else None
    typed = request.POST if request.method == "POST" else None
    form = RolloutForm(typed, initial=_beginning(kept, before))
    if typed is not None and form.is_valid():
        try:
            saved = rollouts.save_rollout(
                rollout=kept, values=form.values(), by=by, now=request.now, follows=before
            )
        except rollouts.NameTakenError:
            form.add_error("name", _("There is another one of this name."))
        except rollouts.NotNowError:
            form.add_error(None, _("This rollout is over. Nothing is changed any more."))
        else:
            messages.success(request, _("Saved."))
            return redirect("plan:rollout", rollout_id=saved.pk)
    context = {"form": form, "kept": kept, "before": before}
    return render(request, "plan/rollout_form.html", context, status=_status(form))


def _before(request: SiteRequest) -> Rollout | None:
    """Return the rollout a new one follows, named in the address."""
    after = request.GET.get("after", "")
    if not after.isdecimal() or len(after) > 9:  # noqa: PLR2004  # fits a key
        return None
    return Rollout.objects.filter(pk=int(after)).first()


def _beginning(kept: Rollout | None, before: Rollout | None) -> dict[str, Any]:
    """Return what the form begins with; the next rollout inherits the limits, not name and days."""
    if kept is not None or before is None:
        return rollout_initial(kept)
    said = rollout_initial(before)
    return {k: v for k, v in said.items() if k not in ("name", "starts_on", "deadline_on")}


@never_cache
@login_required
@require_POST
def rollout_verb(request: SiteRequest, rollout_id: int, verb: str) -> HttpResponse:
    """Open, close or archive a rollout."""
    by = it_lead_here(request)
    found = get_object_or_404(Rollout, pk=rollout_id)
    if verb not in VERBS:
        raise Http404
    try:
        if verb == "open":
            number = actions.open_rollout(rollout=found, by=by, now=request.now)
            said = _("Open. People who have their wave now: %(n)s") % {"n": number}
        else:
            moved = rollouts.move_rollout(rollout=found, to=VERBS[verb], by=by, now=request.now)
            said = _("This rollout is now: %(state)s") % {"state": moved.get_state_display()}
        messages.success(request, said)
    except rollouts.AnotherOpenError:
        messages.warning(request, _("Another rollout is open. Close it first."))
    except rollouts.NotNowError:
        messages.warning(request, _("This was done already, or cannot be done now."))
    return redirect("plan:rollout", rollout_id=rollout_id)


@never_cache
@login_required
@require_POST
def verdict(request: SiteRequest, rollout_id: int) -> HttpResponse:
    """Say what the pilot showed: the others go on, or not yet."""
    by = it_lead_here(request)
    found = get_object_or_404(Rollout, pk=rollout_id)
    form = VerdictForm(request.POST)
    if not form.is_valid():
        return _rollout_page(request, found, form=form)
    try:
        actions.give_verdict(
            rollout=found,
            verdict=Verdict(form.cleaned_data["verdict"]),
            why=form.cleaned_data["why"],
            by=by,
            now=request.now,
        )
    except rollouts.NotNowError:
        messages.warning(request, _("Only an open rollout has a verdict."))
    return redirect("plan:rollout", rollout_id=rollout_id)


# --- waves ------------------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def wave_form(request: SiteRequest, rollout_id: int) -> HttpResponse:
    """Plan a wave."""
    return _wave_form(request, get_object_or_404(Rollout, pk=rollout_id), None)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def wave_edit(request: SiteRequest, wave_id: int) -> HttpResponse:
    """Change a wave."""
    kept = get_object_or_404(_waves(), pk=wave_id)
    return _wave_form(request, kept.rollout, kept)


def _waves() -> Any:
    return Wave.objects.select_related("rollout", "helper", "held_by").prefetch_related(
        "departments", "places"
    )


def _wave_form(request: SiteRequest, of: Rollout, kept: Wave | None) -> HttpResponse:
    by = team_here(request)
    typed = request.POST if request.method == "POST" else None
    today = local_day(request.now)
    form = WaveForm(typed, initial=wave_initial(kept), helpers=queries.helpers(on=today))
    if typed is not None and form.is_valid() and _save_wave(form, of, kept, request, by):
        messages.success(request, _("Saved."))
        return redirect("plan:rollout", rollout_id=of.pk)
    chosen = _chosen(form, "departments")
    context = {
        "form": form,
        "kept": kept,
        "rollout": of,
        "branches": queries.departments_to_choose(on=today, chosen=chosen),
        "chosen": chosen,
        "chosen_places": _chosen(form, "places"),
    }
    return render(request, "plan/wave_form.html", context, status=_status(form))


def _chosen(form: WaveForm, name: str) -> set[int]:
    value = form[name].value() or []
    return {int(one) for one in value if str(one).isdecimal()}


def _save_wave(
    form: WaveForm, of: Rollout, kept: Wave | None, request: SiteRequest, by: User
) -> bool:
    try:
        actions.save_wave(
            rollout=of,
            wave=kept,
            values=form.values(),
            departments=list(form.cleaned_data["departments"]),
            places=list(form.cleaned_data["places"]),
            by=by,
            now=request.now,
            version=form.cleaned_data["version"],
        )
    except rollouts.NameTakenError:
        form.add_error("name", _("There is another one of this name."))
    except rollouts.ChangedMeanwhileError:
        form.add_error(
            None,
            _("Somebody else changed this wave meanwhile. Open it again and look."),
        )
    except rollouts.NotNowError:
        form.add_error(None, _("This rollout is over. Nothing is changed any more."))
    return form.is_valid()


@never_cache
@login_required
@require_GET
def wave(request: SiteRequest, wave_id: int) -> HttpResponse:
    """Show what is ready for a wave and what is not; leads see the part of their own people."""
    found = _wave_in_sight(request, wave_id)
    page = queries.plan_page(found.rollout, now=request.now) if request.rights.is_it else None
    context = {
        "wave": found,
        "row": next((row for row in page.rows if row.wave == found), None) if page else None,
        "plan": page,
        "flight": queries.preflight(found, rights=request.rights, now=request.now),
        "is_over": found.ends_on < local_day(request.now),
    }
    return render(request, "plan/wave.html", context)


def _wave_in_sight(request: SiteRequest, wave_id: int) -> Wave:
    found: Wave = get_object_or_404(_waves(), pk=wave_id)
    if not queries.may_see(found, request.rights):
        raise Http404
    return found


LICENCES = {"licensed": rollouts.mark, "unlicensed": rollouts.unmark}


@never_cache
@login_required
@require_POST
def wave_verb(request: SiteRequest, wave_id: int, verb: str) -> HttpResponse:
    """Hold a wave, let it go on, take it out of the plan: hold, release, drop; say that accounts are licensed."""
    by = team_here(request)
    found = get_object_or_404(Wave, pk=wave_id)
    if verb == "drop":
        return _drop(request, found, by)
    if verb in LICENCES:
        kind = MarkKind.LICENSED
        LICENCES[verb](wave=found, place=None, kind=kind, by=by, now=request.now)
        return redirect(f"{reverse('plan:wave', args=[wave_id])}#licences")
    if verb == "hold":
        hold_wave(wave=found, by=by, now=request.now)
    elif verb == "release":
        release_wave(wave=found, by=by, now=request.now)
        messages.success(request, _("The clocks of this wave run again."))
    else:
        raise Http404
    wake()
    return redirect("plan:wave", wave_id=wave_id)


def _drop(request: SiteRequest, found: Wave, by: User) -> HttpResponse:
    try:
        actions.drop_wave(wave=found, by=by, now=request.now)
    except rollouts.NotNowError:
        messages.warning(request, _("This rollout is over. Nothing is changed any more."))
    except rollouts.BegunError:
        messages.warning(
            request, _("Somebody of this wave has begun. Hold it, or change who is in it.")
        )
        return redirect("plan:wave", wave_id=found.pk)
    else:
        messages.success(request, _("The wave was taken out of the plan."))
    return redirect("plan:rollout", rollout_id=found.rollout_id)


@never_cache
@login_required
@require_POST
def mark(request: SiteRequest, wave_id: int, place_id: int) -> HttpResponse:
    """Note that somebody looked on the spot, or take it back: IT, or a lead of people there."""
    found = _wave_in_sight(request, wave_id)
    place = queries.place_in_scope(found, place_id, request.rights)
    form = MarkForm(request.POST)
    if place is None or not form.is_valid():
        raise Http404
    act = rollouts.unmark if form.cleaned_data["undo"] else rollouts.mark
    act(
        wave=found,
        place=place,
        kind=form.cleaned_data["kind"],
        by=cast("User", request.user),
        now=request.now,
    )
    return redirect(f"{reverse('plan:wave', args=[wave_id])}#place-{place_id}")


# --- calendars --------------------------------------------------------------------------------------


def _calendar(appointments: list[Appointment], name: str) -> HttpResponse:
    response = HttpResponse(
        calendar_file(appointments), content_type="text/calendar; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.ics"'
    return response


@never_cache
@login_required
@require_GET
def wave_calendar(request: SiteRequest, wave_id: int) -> HttpResponse:
    """Give a wave as an appointment, for those who help."""
    found = _wave_in_sight(request, wave_id)
    names = "、".join(department.name for department in found.departments.all())
    lines = [names, found.note, found.helper.name if found.helper else ""]
    appointment = queries.wave_appointment(
        found,
        title=f"{found.rollout.name} {found.name}",
        words="\n".join(line for line in lines if line),
        url=f"{settings.SITE_URL}{reverse('plan:wave', args=[found.pk])}",
    )
    return _calendar([appointment], f"wave-{found.pk}")


@never_cache
@require_GET
def box_calendar(request: SiteRequest, code: str) -> HttpResponse:
    """Give whoever holds a box the time its wave begins; nothing personal stands in it."""
    try:
        known = parse(code)
    except CodeError as error:
        raise Http404 from error
    loan = device_by_code(known).loan
    start = queries.start_of_loan(loan, now=request.now) if loan else None
    if start is None:
        raise Http404
    appointment = queries.wave_appointment(
        start.wave,
        title=_title(),
        words=start.wave.note,
        url=f"{settings.SITE_URL}{reverse('journeys:box', args=[known])}",
    )
    return _calendar([appointment], "chromebook")


@never_cache
@require_GET
def own_calendar(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Give a person the own appointment: the time they chose, else their wave's."""
    journey = access_of(request, journey_id).journey
    start = queries.start_of_journey(journey, now=request.now)
    if start is None:
        raise Http404
    appointment = queries.own_appointment(
        journey,
        start,
        title=_title(),
        words=_words_of(start),
        url=f"{settings.SITE_URL}{reverse('journeys:overview', args=[journey.pk])}",
        now=request.now,
    )
    return _calendar([appointment], "chromebook")


def _subject(rollout: Rollout) -> str:
    return f"rollout:{rollout.pk}"


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def feed_new(request: SiteRequest, rollout_id: int) -> HttpResponse:
    """Make an address by which calendars subscribe to the waves; the answer shows it, once."""
    by = it_lead_here(request)
    shown = get_object_or_404(Rollout, pk=rollout_id)
    form = LifeForm(request.POST if request.method == "POST" else None)
    made = address = None
    if request.method == "POST" and form.is_valid():
        values = TokenValues(
            kind=TokenKind.CALENDAR,
            label=form.cleaned_data["label"],
            days=form.cleaned_data["days"],
            subject=_subject(shown),
        )
        made, secret = make_token(values=values, by=by, now=request.now)
        address = f"{settings.SITE_URL}{reverse('plan:feed', args=[secret])}"
        form = LifeForm()
    context = {
        "rollout": shown,
        "form": form,
        "made": made,
        "shown": address,
        "feeds": tokens_of(_subject(shown), now=request.now),
    }
    return render(request, "plan/feed.html", context, status=_status(form))


@never_cache
@require_GET
def feed(request: SiteRequest, secret: str) -> HttpResponse:
    """Give the waves of a rollout to a calendar that subscribed; no person stands in it."""
    try:
        token = admit(secret=secret, kind=TokenKind.CALENDAR, now=request.now)
    except TooManyError:
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    if token is None:
        raise Http404
    shown = get_object_or_404(Rollout, pk=int(token.subject.partition(":")[2]))
    name = shown.name
    body = calendar_file(queries.rollout_appointments(shown), name=name)
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="waves.ics"'
    response["ETag"] = etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
    return cast("HttpResponse", get_conditional_response(request, etag=etag, response=response))


def _title() -> str:
    return _("Set up the Chromebook")


def _words_of(start: Start) -> str:
    until = _("You may begin until %(day)s.") % {
        "day": date_format(start.wave.ends_on, "SHORT_DATE_FORMAT")
    }
    return "\n".join(line for line in (until, start.wave.note) if line)
