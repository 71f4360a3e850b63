"""Whose browser this is: one box session, one person; and what arrives late from a device arrives once.

A PC that several people use is left by whoever walks away: the server ends it after idle minutes.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_aware

from accounts.models import User
from kitting.journeys.actions.checking import note_other_account
from kitting.journeys.actions.errors import JourneyError, Who
from kitting.journeys.actions.presses import take_press
from kitting.journeys.models import Journey
from kitting.journeys.queries import (
    BOX_KEY,
    SEEN_KEY,
    holder_key,
    is_idle,
    is_inside,
    is_shared_pc,
)
from kitting.journeys.states import Via
from kitting.site.queries import client_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.http import HttpRequest

    from kitting.site.queries import SiteRequest

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def box_session_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Drop the box session once somebody is signed in; note whose it was if it was not theirs.

    Runs after the view, so that the very request that signs in is the one that ends it. A GET writes
    nothing: there the box session is only passed over.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        session = getattr(request, "session", None)
        if request.method not in SAFE and session is not None and BOX_KEY in session:
            _end_if_signed_in(cast("SiteRequest", request))
        return response

    return middleware


HOLDER_HEADER = "Kitto-Holder"
NOBODY = "-"
PAGES = ("text/html", "application/json")
OF_JOURNEYS = "/j/"
# What a press that waited on a device says of itself: which device and the how many-th, and when.
PRESS_HEADER, PRESSED_HEADER, ARRIVED_HEADER = (
    "Kitto-Press",
    "Kitto-Pressed-At",
    "Kitto-Arrived",
)
PRESS = re.compile(r"(?P<client>[0-9a-f-]{16,40}):(?P<sequence>\d{1,9})")


def holder_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Tell the browser whose page it got, so that it drops what it keeps of somebody else's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        session = getattr(request, "session", None)
        is_page = response.headers.get("Content-Type", "").startswith(PAGES)
        is_well = response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        if session is not None and is_page and is_well and hasattr(request, "profile"):
            user = request.user if isinstance(request.user, User) else None
            holder = holder_key(user=user, box=session.get(BOX_KEY))
            response.headers[HOLDER_HEADER] = holder or NOBODY
        return response

    return middleware


def shared_pc_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Sign out whoever was idle for too long in a browser that several people use.

    The moment of the last thing a person did is kept in the session, so that it holds without
    JavaScript too. What a page asks for by itself (`part`) is nothing a person did.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        site = cast("SiteRequest", request)
        site.shared_pc = is_shared_pc(request) and hasattr(site, "now")
        if not site.shared_pc:
            return get_response(request)
        site.is_inside = is_inside(request)
        if site.is_inside and is_idle(request.session.get(SEEN_KEY), site.now):
            logout(request)
            return left_behind(request)
        response = get_response(request)
        if is_inside(request) and "part" not in request.GET:
            request.session[SEEN_KEY] = site.now.isoformat()
        return response

    return middleware


def press_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Take a press that waited on a device as the form it is, once, with the time it was pressed.

    The note that it came and what it does are one transaction: an answer that was lost on the way
    back changes nothing when the device sends it again.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        press = PRESS.fullmatch(request.headers.get(PRESS_HEADER, ""))
        is_ours = request.method == "POST" and request.path.startswith(OF_JOURNEYS)
        if press is None or not is_ours:
            return get_response(request)
        site = cast("SiteRequest", request)
        pressed_at = _moment(request.headers.get(PRESSED_HEADER, ""))
        with transaction.atomic():
            is_first = take_press(
                client=press["client"],
                sequence=int(press["sequence"]),
                path=request.path[:200],
                client_at=pressed_at,
                now=site.now,
            )
            if not is_first:
                return _arrived("again")
            site.pressed_at = pressed_at
            response = get_response(request)
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                transaction.set_rollback(True)
                return response
        return _arrived("first")

    return middleware


def _arrived(how: str) -> HttpResponse:
    return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={ARRIVED_HEADER: how})


def _moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and is_aware(found) else None


def left_behind(request: HttpRequest) -> HttpResponse:
    """Lead to the door for the next person; a part of a page only learns that it is over."""
    if "part" in request.GET:
        return HttpResponse(status=403)
    return HttpResponseRedirect(reverse("journeys:next_person"))


def _end_if_signed_in(request: SiteRequest) -> None:
    person = request.user
    if not isinstance(person, User):
        return
    box = request.session.pop(BOX_KEY)
    journey_id = box.get("journey") if isinstance(box, dict) else None
    journey = Journey.objects.open().filter(pk=journey_id or 0).first()
    if journey is None or journey.person_id == person.pk:
        return
    who = Who(
        via=Via.SYSTEM,
        actor=person,
        client_address=client_address(request),
    )
    try:
        note_other_account(journey_id=journey.pk, who=who, now=request.now)
    except JourneyError:
        return  # closed a moment ago: there is nothing left to keep apart
