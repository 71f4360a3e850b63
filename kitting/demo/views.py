"""Pages of the invented city: be anyone, read the mails, move the clock, play a bad morning.

They exist with DEBUG, for a client near this computer, and over the seeded city; otherwise nothing
of them does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth import login, logout
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.queries import calendar_book, local_day
from kitting.demo import queries, rules
from kitting.demo.actions import playing, visiting
from kitting.demo.forms import BeForm, ClockForm, DeviceForm, SearchForm
from kitting.demo.states import Device, Move, Way
from kitting.journeys.queries import BOX_KEY
from kitting.lib import qr
from kitting.lib.network import is_loopback, is_near, is_own, lan_address
from kitting.notices.states import Lane
from kitting.notices.tasks import deliver_lane

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from accounts.models import User
    from kitting.journeys.models import Journey
    from kitting.site.queries import SiteRequest

P = ParamSpec("P")

# What the pages of a journey read to know which device they are on.
DEVICE_KEY = "demo_device"
MAILS_A_PAGE = 30
# Whose box page is drawn as a code, for a phone to scan.
TO_SCAN = ("new", "no_mail")
# What tells poll.js that the part is fresh and will not change any more.
FINAL = 286


def in_the_demo(
    view: Callable[Concatenate[SiteRequest, P], HttpResponse],
) -> Callable[Concatenate[SiteRequest, P], HttpResponse]:
    """Let a page exist only with DEBUG, over the seeded city, for clients near this computer."""

    def guarded(request: SiteRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not (request.profile.is_demo and _comes_from_near(request)):
            raise Http404
        return view(request, *args, **kwargs)

    update_wrapper(guarded, view)
    return guarded


def _comes_from_near(request: SiteRequest) -> bool:
    """Tell whether everybody on the way of a request is near, proxies and whom they name."""
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    hops = [request.META.get("REMOTE_ADDR", ""), *filter(None, map(str.strip, forwarded))]
    return all(is_near(hop) or is_own(hop) for hop in hops)


# --- home ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BoxAddress:
    """Where a box page is: the path for this browser, the address and its drawing for a phone."""

    path: str
    address: str
    drawing: qr.Drawing


@never_cache
@in_the_demo
@require_GET
def home(request: SiteRequest) -> HttpResponse:
    """Show what can be tried, who one can be, and how far the city has been played."""
    form = SearchForm(request.GET or None)
    text = form.cleaned_data["q"] if form.is_valid() else ""
    origin = _origin(request)
    cards = [] if text else queries.cards(now=request.now)
    context = {
        "form": form,
        "text": text,
        "search": queries.find_people(text, now=request.now) if text else None,
        "cards": [
            (card, _box_address(card.journey, origin) if card.kind in TO_SCAN else None)
            for card in cards
        ],
        "origin": origin,
        "phone_reaches": not is_loopback(urlsplit(origin).hostname or ""),
        "play": queries.play_state(),
        "device": _device(request),
        "devices": Device.choices,
        "moves": Move.choices,
        "newest": queries.mails()[:3],
        "in_box": BOX_KEY in request.session,
    }
    return render(request, "demo/home.html", context)


def _origin(request: SiteRequest) -> str:
    """Return the address of this site as a phone in the same network would type it."""
    host, port = request.get_host(), request.get_port()
    if is_loopback(host.removesuffix(f":{port}")) and (lan := lan_address()):
        host = lan if port in ("80", "443") else f"{lan}:{port}"
    return f"{request.scheme}://{host}"


def _box_address(journey: Journey | None, origin: str) -> BoxAddress | None:
    code = journey.loan.device.code if journey else None
    if not code:
        return None
    path = reverse("journeys:box", args=[code])
    # In capitals, as labels carry it: the drawing is coarser then and easier to scan.
    address = f"{origin}{path}".upper()
    return BoxAddress(path=path, address=address, drawing=qr.draw(address))


def _device(request: SiteRequest) -> str:
    return str(request.session.get(DEVICE_KEY, Device.OWN))


def _back(request: SiteRequest, address: str) -> HttpResponse:
    """Lead to a page of this site, or to the demo's own."""
    is_ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(address) if address and is_ours else redirect("demo:home")


# --- who and what one is ---------------------------------------------------------------------------


@never_cache
@in_the_demo
@require_POST
def be(request: SiteRequest) -> HttpResponse:
    """Make the visitor somebody else: signed in, in front of a box, or nobody."""
    form = BeForm(request.POST, on=local_day(request.now))
    if not form.is_valid():
        raise Http404
    device = request.session.get(DEVICE_KEY)
    logout(request)
    if device is not None:
        request.session[DEVICE_KEY] = device
    person = cast("User | None", form.cleaned_data["person"])
    if person is None or form.cleaned_data["way"] == Way.NOBODY:
        messages.info(request, _("You are nobody now."))
        return redirect("demo:home")
    if form.cleaned_data["way"] == Way.BOX:
        return _at_the_box(request, person)
    login(request, person)
    if device is not None:
        request.session[DEVICE_KEY] = device
    messages.info(request, _("You are %(name)s now.") % {"name": person.name})
    return _back(request, form.cleaned_data["next"] or reverse("home"))


def _at_the_box(request: SiteRequest, person: User) -> HttpResponse:
    found = queries.box_of(person)
    if found is None or not found.loan.device.code:
        messages.warning(request, _("%(name)s has no box.") % {"name": person.name})
        return redirect("demo:home")
    messages.info(
        request,
        _("You stand before the box of %(name)s. The staff number is %(number)s.")
        % {"name": person.name, "number": person.staff_number},
    )
    return redirect("journeys:box", code=found.loan.device.code)


@never_cache
@in_the_demo
@require_POST
def device(request: SiteRequest) -> HttpResponse:
    """Let the pages take this browser for a phone, for the Chromebook, or for what it is."""
    form = DeviceForm(request.POST)
    if not form.is_valid():
        raise Http404
    if form.cleaned_data["device"] == Device.OWN:
        request.session.pop(DEVICE_KEY, None)
    else:
        request.session[DEVICE_KEY] = form.cleaned_data["device"]
    return _back(request, form.cleaned_data["next"])


# --- time ------------------------------------------------------------------------------------------


@never_cache
@in_the_demo
@require_POST
def clock(request: SiteRequest) -> HttpResponse:
    """Move the site's clock and say what happened meanwhile."""
    form = ClockForm(request.POST)
    if not form.is_valid():
        raise Http404
    if _is_playing(request):
        return redirect("demo:home")
    sent = queries.mails_sent()
    passed = _pass(Move(form.cleaned_data["move"]), request.now)
    deliver_lane(Lane.NORMAL)
    messages.success(request, _what_happened(passed, queries.mails_sent() - sent))
    return redirect("demo:home")


def _pass(move: Move, now: datetime) -> visiting.Passed:
    if move == Move.NOW:
        return visiting.come_back_to_now(real_now=timezone.now())
    ahead = {
        Move.HOUR: now + rules.HOUR,
        Move.DAY: now + rules.DAY,
        Move.MORNING: rules.next_morning(calendar_book(country="JP").default, now),
    }
    return visiting.let_time_pass(to=ahead[move], now=now, real_clock=timezone.now)


def _what_happened(passed: visiting.Passed, sent: int) -> str:
    ready = ngettext(
        "%(n)s more person is ready.", "%(n)s more people are ready.", passed.ready
    )
    asked = ngettext(
        "%(n)s person asked for help.", "%(n)s people asked for help.", passed.asked
    )
    found = ngettext(
        "%(n)s person who is stuck was found.",
        "%(n)s people who are stuck were found.",
        passed.found,
    )
    mails = ngettext("%(n)s mail was sent.", "%(n)s mails were sent.", sent)
    sentences = [
        _("It is %(at)s now.") % {"at": _moment(passed.now)},
        ready % {"n": passed.ready},
        asked % {"n": passed.asked},
        found % {"n": passed.found},
        mails % {"n": sent},
    ]
    return " ".join(sentences)


def _moment(at: datetime) -> str:
    # Translators: a day and a time, such as Tue, Nov 10, 8:30.
    return date_format(localtime(at), _("D, M j, H:i"))


def _is_playing(request: SiteRequest) -> bool:
    play = queries.play_state()
    if play is None or not play.is_running:
        return False
    messages.warning(
        request,
        _("The city is still being played, and the clock with it. Wait, or stop the play."),
    )
    return True


@never_cache
@in_the_demo
@require_POST
def stop(request: SiteRequest) -> HttpResponse:
    """End the play in the background where it is, so that the clock is the visitor's."""
    if playing.stop_play(now=timezone.now()):
        messages.success(request, _("The play has stopped here. The clock is yours."))
    return redirect("demo:home")


@never_cache
@in_the_demo
@require_POST
def morning(request: SiteRequest) -> HttpResponse:
    """Play a bad morning: the Wi-Fi of one place fails."""
    if _is_playing(request):
        return redirect("demo:home")
    done = visiting.play_bad_morning(now=request.now, real_clock=timezone.now)
    if done is None:
        messages.info(request, _("Everybody is past the Wi-Fi already. Nothing went wrong."))
        return redirect("demo:home")
    deliver_lane(Lane.NORMAL)
    messages.success(
        request,
        _(
            "It is %(at)s. The Wi-Fi of %(place)s has failed and %(n)s people asked for help."
            " A device was lost, and a box stands at the wrong desk. Be an IT officer now."
        )
        % {"at": _moment(done.now), "place": done.place, "n": done.asked},
    )
    return redirect("demo:home")


@never_cache
@in_the_demo
@require_GET
def progress(request: SiteRequest) -> HttpResponse:
    """Return the part of the page that says how far the city has been played."""
    play = queries.play_state()
    is_final = play is None or not play.is_running
    context = {"play": play, "moves": Move.choices}
    return render(request, "demo/_clock.html", context, status=FINAL if is_final else 200)


# --- mails -----------------------------------------------------------------------------------------


@never_cache
@in_the_demo
@require_GET
def mails(request: SiteRequest) -> HttpResponse:
    """List what was sent, newest first."""
    page = Paginator(queries.mails(), MAILS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "demo/mails.html", {"page": page})


@never_cache
@in_the_demo
@require_GET
def mail(request: SiteRequest, notice_id: int) -> HttpResponse:
    """Show one mail as its reader sees it."""
    notice = get_object_or_404(queries.mails(), pk=notice_id)
    context: dict[str, Any] = {"notice": notice, "body": queries.text_of(notice)}
    return render(request, "demo/mail.html", context)
