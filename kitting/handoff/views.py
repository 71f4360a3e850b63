"""Going on with another device: one shows a code, the other types it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.doors import note_sign_in
from accounts.models import User
from accounts.queries import GUARD_KEY, session_clocks
from accounts.states import Door
from kitting.handoff import actions, rules
from kitting.handoff.forms import CodeForm
from kitting.handoff.queries import Client, Holder, handoff_of, holder_for, is_of
from kitting.handoff.states import RUNNING, Gift, HandoffState, Side
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.views.visit import box_journey, browser_of, on_chromebook
from kitting.lib import qr
from kitting.site.queries import client_address

if TYPE_CHECKING:
    from kitting.handoff.models import Handoff
    from kitting.journeys.models import Journey
    from kitting.site.queries import SiteRequest

# The codes this browser has shown and typed last; what may be done with them is asked anew each time.
SHOWN_KEY, TYPED_KEY = "handoff_shown", "handoff_typed"
KEYS = {"show": SHOWN_KEY, "typed": TYPED_KEY}
FINAL = 286  # for poll.js: fresh, and nothing more will come


def client_of(request: SiteRequest) -> Client:
    """Return the browser as it is counted and named."""
    return Client(
        address=client_address(request),
        browser=browser_of(request),
        user_agent=request.headers.get("User-Agent", ""),
        on_chromebook=on_chromebook(request),
    )


def holder_of(request: SiteRequest) -> Holder | None:
    """Return what this browser has and may hand over."""
    person = request.user if isinstance(request.user, User) else None
    journey = None if person else box_journey(request)
    return holder_for(person=person, rights=request.rights, journey=journey)


# --- showing a code ------------------------------------------------------------------------------


@never_cache
@require_GET
def show(request: SiteRequest) -> HttpResponse:
    """Show a code, what it is for, and what became of it."""
    holder = holder_of(request)
    handoff = handoff_of(request.session.get(SHOWN_KEY))
    if handoff is not None and not _is_mine(handoff, holder):
        handoff = None
    context: dict[str, Any] = {
        "holder": holder,
        "signed_in": request.user.is_authenticated,
        "page": "show",
        "box_entry": request.profile.box_entry_allowed,
    }
    if handoff is not None:
        context |= _state(request, handoff) | _drawn(request, handoff)
    return _answer(request, "handoff/show.html", context)


def _is_mine(handoff: Handoff, holder: Holder | None) -> bool:
    if handoff.shown_by == Side.GIVER:
        return is_of(handoff, holder)
    return holder is None


def _drawn(request: SiteRequest, handoff: Handoff) -> dict[str, Any]:
    if handoff.state != HandoffState.OPEN:
        return {}
    typing = request.build_absolute_uri(reverse("handoff:type"))
    return {"qr": qr.draw(f"{typing}?code={handoff.code}"), "host": request.get_host()}


def _state(request: SiteRequest, handoff: Handoff) -> dict[str, Any]:
    """Return what the page says about a code: how far it is, and on which side this browser is."""
    is_over = handoff.state in RUNNING and not handoff.is_running(request.now)
    gives = (handoff.shown_by == Side.GIVER) == (request.path == reverse("handoff:show"))
    return {
        "handoff": handoff,
        "code": rules.shown(handoff.code),
        "side": "giver" if gives else "taker",
        "phase": "over" if is_over else str(handoff.state),
        "is_final": is_over or handoff.state not in RUNNING,
        "is_sign_in": handoff.gift == Gift.SIGN_IN,
    }


def _answer(request: SiteRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Answer with the page, or for poll.js with the part of it that changes by itself."""
    if not request.GET.get("part"):
        return render(request, template, context)
    if "handoff" not in context:
        return HttpResponse(status=204)
    status = FINAL if context["is_final"] else 200
    response = render(request, "handoff/_state.html", context, status=status)
    etag = quote_etag(f"{get_language()} {context['handoff'].pk} {context['phase']}")
    response.headers["ETag"] = etag
    return cast("HttpResponse", get_conditional_response(request, etag=etag, response=response))


@never_cache
@require_POST
def new(request: SiteRequest) -> HttpResponse:
    """Make a new code and show it."""
    holder = holder_of(request)
    before = request.session.get(SHOWN_KEY)
    try:
        handoff = actions.show_code(
            side=Side.GIVER if holder else Side.TAKER,
            holder=holder,
            client=client_of(request),
            now=request.now,
            before=before if isinstance(before, int) else None,
        )
    except actions.TooManyCodesError:
        messages.warning(request, _("Too many codes. Wait ten minutes and try again."))
        return redirect("handoff:show")
    request.session[SHOWN_KEY] = handoff.pk
    return redirect("handoff:show")


@never_cache
@require_POST
def stop(request: SiteRequest) -> HttpResponse:
    """Make the code on this screen useless."""
    shown = request.session.pop(SHOWN_KEY, None)
    if isinstance(shown, int):
        actions.stop(handoff_id=shown)
    return redirect("handoff:show")


# --- typing a code -------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def type_code(request: SiteRequest) -> HttpResponse:
    """Take the code from the other screen; a scanned one is filled in and waits for the button."""
    holder = holder_of(request)
    if request.method != "POST":
        form = CodeForm(initial={"code": request.GET.get("code", "")[:40]})
        return _type_page(request, form, holder)
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _type_page(request, form, holder, status=422)
    typed = actions.type_code(
        code=form.cleaned_data["code"],
        holder=holder,
        client=client_of(request),
        now=request.now,
        box_entry_allowed=request.profile.box_entry_allowed,
    )
    if typed.outcome == "taken" and typed.journey is not None:
        return _open_here(request, typed.journey)
    if typed.outcome in ("confirm", "waiting") and typed.handoff is not None:
        request.session[TYPED_KEY] = typed.handoff.pk
        return redirect("handoff:typed")
    form.add_error("code", _sentence(typed.outcome))
    return _type_page(request, form, holder, status=429 if typed.outcome == "slow" else 422)


def _sentence(outcome: str) -> str:
    if outcome == "slow":
        return _("Too many tries. Wait ten minutes and try again.")
    if outcome == "here":
        return _(
            "The code is right, but your guide is not open in this browser. Open it first."
        )
    if outcome == "sign_in":
        return _("On the Chromebook, please sign in with your work account.")
    return _("This code does not work. A code works once, for five minutes.")


def _type_page(
    request: SiteRequest, form: CodeForm, holder: Holder | None, *, status: int = 200
) -> HttpResponse:
    context = {"form": form, "holder": holder, "signed_in": request.user.is_authenticated}
    return render(request, "handoff/type.html", context, status=status)


def _open_here(request: SiteRequest, journey: Journey) -> HttpResponse:
    request.session.cycle_key()
    request.session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    messages.success(request, _("Your guide is open here now. Go on where you stopped."))
    return redirect("journeys:overview", journey_id=journey.pk)


@never_cache
@require_GET
def typed(request: SiteRequest) -> HttpResponse:
    """Ask for the yes, or wait for it: what became of the code typed here."""
    handoff = handoff_of(request.session.get(TYPED_KEY))
    if handoff is None or (
        handoff.shown_by == Side.TAKER and not is_of(handoff, holder_of(request))
    ):
        return HttpResponse(status=204) if request.GET.get("part") else redirect("handoff:type")
    context = {"page": "typed"} | _state(request, handoff)
    return _answer(request, "handoff/typed.html", context)


# --- yes, no, fetch ------------------------------------------------------------------------------


def _page_of(request: SiteRequest) -> str:
    return "typed" if request.POST.get("page") == "typed" else "show"


@never_cache
@require_POST
def answer(request: SiteRequest) -> HttpResponse:
    """Take the yes or no of the browser that has the guide."""
    page = _page_of(request)
    handoff_id = request.session.get(KEYS[page])
    if isinstance(handoff_id, int):
        actions.answer(
            handoff_id=handoff_id,
            holder=holder_of(request),
            allow=request.POST.get("answer") == "yes",
            now=request.now,
        )
    return redirect(f"handoff:{page}")


@never_cache
@require_POST
def fetch(request: SiteRequest) -> HttpResponse:
    """Open the guide in the browser that waited for the yes."""
    page = _page_of(request)
    handoff = handoff_of(request.session.get(KEYS[page]))
    # A code of the other side must not be fetched by the browser that gives.
    is_taker = handoff is not None and (handoff.shown_by == Side.TAKER) == (page == "show")
    if handoff is None or not is_taker or request.user.is_authenticated:
        return redirect("home")
    found = actions.claim(handoff_id=handoff.pk, client=client_of(request), now=request.now)
    if found is None:
        return redirect(f"handoff:{page}")
    del request.session[KEYS[page]]
    if found.gift == Gift.BOX and found.journey is not None:
        return _open_here(request, found.journey)
    if found.person is not None:
        login(request, found.person)
        request.session[GUARD_KEY] = session_clocks(request.now, is_guarded=False)
        note_sign_in(
            person=found.person,
            session_key=request.session.session_key or "",
            door=Door.DEVICE,
            browser=rules.browser_name(request.headers.get("User-Agent", "")),
            client=client_address(request),
            now=request.now,
        )
        messages.success(request, _("You are signed in here now. Go on where you stopped."))
    return redirect("home")
