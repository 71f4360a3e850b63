"""The way in: home, the page of a box, its staff number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_GET,
    require_POST,
    require_safe,
)

from kitting.devices.queries import BoxView, device_by_code
from kitting.devices.states import DeviceState, LoanKind
from kitting.journeys import actions, rules
from kitting.journeys.forms import (
    BoxCodeForm,
    StaffNumberForm,
    code_sentences,
)
from kitting.journeys.queries import (
    BOX_KEY,
    box_and_journey,
    is_over,
    is_waited_at,
    may_help_at,
    own_journeys,
    second_user_steps,
    slowed_until,
    try_limits,
)
from kitting.journeys.views.visit import (
    SCANNED_KEY,
    Alike,
    access_of,
    box_journey,
    browser_of,
    entering,
    go_on,
    language,
    on_chromebook,
)
from kitting.lib import marks
from kitting.lib.codes import CodeError, parse, shown
from kitting.site.queries import client_address, kept_words, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpResponse

    from accounts.models import User
    from kitting.devices.models import Loan
    from kitting.journeys.models import Journey
    from kitting.site.queries import SiteRequest

# How long a browser waits after three wrong numbers.
TRY_WINDOW = timedelta(minutes=5)


@never_cache
@require_safe
def home(request: SiteRequest) -> HttpResponse:
    """Lead everybody to their place: the own set-up, the board, or the door."""
    if request.user.is_authenticated:
        return _own_home(request)
    return _door(request, BoxCodeForm())


def _own_home(request: SiteRequest) -> HttpResponse:
    journeys = own_journeys(cast("User", request.user))
    unfinished = [journey for journey in journeys if journey.ready_at is None]
    if request.rights.sees_board and not unfinished:
        return redirect("dashboard:overview")
    if request.rights.is_desk and not unfinished:
        return redirect("counter:home")
    if len(journeys) == 1:
        return redirect("journeys:overview", journey_id=journeys[0].pk)
    return render(request, "journeys/mine.html", {"journeys": journeys, "form": BoxCodeForm()})


def _door(request: SiteRequest, form: BoxCodeForm) -> HttpResponse:
    context = {
        "form": form,
        "words": words(),
        "open_journey": box_journey(request),
        "on_device": on_chromebook(request),
    }
    return render(request, "journeys/home.html", context, status=422 if form.errors else 200)


@never_cache
@require_GET
def find_box(request: SiteRequest) -> HttpResponse:
    """Go from a typed box code to the box page."""
    form = BoxCodeForm(request.GET)
    if form.is_valid():
        return redirect("journeys:box", code=form.cleaned_data["code"])
    return _door(request, form)


@never_cache
@require_safe
def box(request: SiteRequest, code: str) -> HttpResponse:
    """Show what can be done with a box, without a word about its person."""
    return _box_page(request, code, StaffNumberForm())


def _box_page(request: SiteRequest, typed: str, form: StaffNumberForm) -> HttpResponse:
    try:
        code = parse(typed)
    except CodeError as error:
        return _no_box(request, "unreadable", code_sentences(typed, error))
    view, journey = box_and_journey(code)
    if view.state in ("unknown", "retired"):
        return _no_box(request, view.state, code=code if view.device else "")
    state = _box_state(request, view, journey)
    limits = try_limits(
        code=code,
        client=client_address(request),
        browser=browser_of(request),
        window=TRY_WINDOW,
    )
    slow_until = slowed_until(limits, now=request.now) if state == "door" else None
    helps = (
        view.loan is not None and state == "other" and may_help_at(view.loan, request.rights)
    )
    context = {
        "code": code,
        "view": view,
        "state": state,
        "may_open": helps and is_waited_at(code, now=request.now),
        "journey": journey if state in ("own", "again") else None,
        # Whose wave and place say when to begin; pages show nothing else of it.
        "of_box": journey,
        "form": form,
        "slow_until": slow_until,
        "minutes": _minutes(slow_until - request.now) if slow_until else 0,
        "words": kept_words(request.profile, language=language(), now=request.now),
        "in_app": rules.in_app_browser(request.headers.get("User-Agent", "")),
        "is_android": "Android" in request.headers.get("User-Agent", ""),
        "address": request.build_absolute_uri(reverse("journeys:box", args=[code])),
        "bare_address": f"{request.get_host()}{reverse('journeys:box', args=[code])}",
        "here": reverse("journeys:box", args=[code]),
        "second": second_user_steps(language()) if state in ("shared", "spare") else [],
    }
    if state == "door" and not (slow_until or form.is_bound or context["in_app"]):
        context["alike"] = _door_for_all(request, context)
    status = 429 if slow_until and form.is_bound else 422 if form.errors else 200
    return render(request, "journeys/box.html", context, status=status)


@dataclass(frozen=True)
class _PhoneShown:
    """What a kept page knows of the site's words: whom to call."""

    it_name: str
    it_phone: str
    it_hours: str


def _door_for_all(request: SiteRequest, context: Mapping[str, Any]) -> Alike:
    """Return what the page of a box shows everybody who may type a number there."""
    phone = [context["words"].get(name, "") for name in ("it_name", "it_phone", "it_hours")]
    code = context["code"]
    address = f"{request.get_host()}{reverse('journeys:box', args=[marks.BOX])}"
    return Alike(
        label="door",
        below={
            "code": marks.BOX,
            "bare_address": address,
            "form": context["form"],
            "journey": None,
            "view": {"device": True},
        },
        words={marks.BOX: code, marks.BOX_SHOWN: shown(code)},
        same={"state": context["state"], "words": _PhoneShown(*phone)},
    )


def _minutes(wait: timedelta) -> int:
    return max(1, -int(-wait.total_seconds() // 60))


def _box_state(request: SiteRequest, view: BoxView, journey: Journey | None) -> str:
    """Return what the box page is about for this visitor.

    lost, unbound, shared: nobody begins here; own, other: somebody is signed in; again: this
    browser's box session; over: all is done for a while; sign_in: this site wants a full sign-in
    on the Chromebook; door: type the staff number.
    """
    if view.device is not None and view.device.state == DeviceState.LOST:
        return "lost"
    if view.loan is None:
        return "unbound"
    if view.loan.kind in (LoanKind.SHARED, LoanKind.SPARE):
        return str(view.loan.kind)
    if journey is None:
        return "unbound"
    return _door_state(request, journey)


def _door_state(request: SiteRequest, journey: Journey) -> str:
    if request.user.is_authenticated:
        return "own" if journey.person_id == request.user.pk else "other"
    mine = box_journey(request)
    if mine is not None and mine.pk == journey.pk:
        return "again"
    if is_over(journey, now=request.now):
        return "over"
    if on_chromebook(request) and not request.profile.box_entry_allowed:
        return "sign_in"
    return "door"


def _no_box(
    request: SiteRequest, state: str, sentences: list[str] | None = None, code: str = ""
) -> HttpResponse:
    """Say that no box opens; `code` is that of an old label, whose device can still be reported."""
    context = {
        "state": state,
        "old_code": code,
        "sentences": sentences or [],
        "form": BoxCodeForm(),
        "words": words(),
    }
    return render(request, "journeys/no_box.html", context, status=404)


@never_cache
@require_POST
def begin(request: SiteRequest, code: str) -> HttpResponse:
    """Open the door of a box: with the staff number, or for its signed-in person without."""
    try:
        known = parse(code)
    except CodeError:
        return redirect("journeys:box", code=code)
    view, journey = box_and_journey(known)
    state = _box_state(request, view, journey)
    if journey is None or state not in ("own", "other", "again", "door"):
        return redirect("journeys:box", code=known)
    try:
        return _open(request, journey, state, known)
    except actions.NoGuideError:
        messages.warning(request, _("The guide is not ready yet. Please try again later."))
    except actions.StartsStoppedError:
        # A public notice on the page of the box says why.
        messages.warning(request, _("Nobody can begin just now. Please try again later."))
    except actions.JourneyClosedError:
        pass  # the device went back a moment ago: the page of the box says what it is now
    return redirect("journeys:box", code=known)


def _open(request: SiteRequest, journey: Journey, state: str, code: str) -> HttpResponse:
    """Open the door for whoever may come in by it. Raises `JourneyError`."""
    if state == "own":
        moved = actions.enter(loan_id=journey.loan_id, who=entering(request), now=request.now)
        request.session[SCANNED_KEY] = journey.pk
        return go_on(moved)
    if state == "other":
        actions.note_other_account(
            journey_id=journey.pk, who=entering(request), now=request.now
        )
        messages.warning(
            request, _("Nothing was begun: this box is for somebody else. IT has been told.")
        )
        return redirect("journeys:box", code=code)
    return _enter_by_number(request, code, journey.loan)


def _enter_by_number(request: SiteRequest, code: str, loan: Loan) -> HttpResponse:
    form = StaffNumberForm(request.POST)
    if not form.is_valid():
        return _box_page(request, code, form)
    entry = actions.enter_by_box(
        code=code,
        loan=loan,
        staff_number=form.cleaned_data["staff_number"],
        client=client_address(request),
        browser=browser_of(request),
        now=request.now,
        window=TRY_WINDOW,
    )
    if entry.journey is None:
        if entry.outcome == "wrong":
            form.add_error("staff_number", _("The numbers do not match. Type it once more."))
        return _box_page(request, code, form)
    _let_in(request, entry.journey)
    return go_on(actions.Moved(entry.journey, changed=True))


def _let_in(request: SiteRequest, journey: Journey) -> None:
    """Begin the box session of a browser, under a key that nobody has known before."""
    # A browser without a session is given a new key anyhow, when the answer is saved.
    if request.session.session_key:
        request.session.cycle_key()
    request.session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}


@never_cache
@login_required
@require_POST
def open_again(request: SiteRequest, code: str) -> HttpResponse:
    """Let the person of a box try again at once: their lead says so, or IT."""
    try:
        view = device_by_code(parse(code))
    except CodeError as error:
        raise Http404 from error
    if view.loan is None or not may_help_at(view.loan, request.rights):
        raise Http404
    actions.open_door_again(code=parse(code), by=cast("User", request.user), now=request.now)
    messages.success(request, _("Numbers can be typed at this box again."))
    return redirect("journeys:box", code=code)


@never_cache
@require_POST
def leave(request: SiteRequest, journey_id: int) -> HttpResponse:
    """End the box session in this browser; the journey and other browsers go on."""
    access_of(request, journey_id)
    request.session.pop(BOX_KEY, None)
    if not request.user.is_authenticated:
        request.session.flush()
    messages.success(request, _("This browser has closed the guide. Everything is saved."))
    return redirect("home")
