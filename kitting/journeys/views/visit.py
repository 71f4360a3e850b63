"""What every view of an own journey asks first."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts.queries import local_day
from kitting.guides.queries.shared import Noted
from kitting.journeys import actions, rules
from kitting.journeys.queries import (
    BOX_GRACE,
    BOX_KEY,
    OWN_WORDS,
    Access,
    Way,
    device_words,
    journey_for,
    journey_here,
    last_said,
    records_of,
    way_at,
    way_of,
)
from kitting.journeys.states import EventKind, Via
from kitting.site.queries import client_address, kept_words

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from datetime import datetime

    from accounts.models import User
    from kitting.journeys.models import Journey, StepRecord
    from kitting.site.queries import SiteRequest

LONGEST_KEY = 60

# The browser was at the box page of this journey while signed in: the label was really scanned.
SCANNED_KEY = "scanned"


def access_of(request: SiteRequest, journey_id: int, *, alone: bool = False) -> Access:
    """Return the journey if this visitor may walk it; for all others it does not exist."""
    access = journey_here(request, journey_id, alone=alone)
    return replace(access, client_at=getattr(request, "pressed_at", None))


def who_of(access: Access) -> actions.Who:
    # The client's address is kept where somebody enters, and nowhere on the way.
    return actions.Who(via=access.via, actor=access.actor, client_at=access.client_at)


def entering(request: SiteRequest) -> actions.Who:
    return actions.Who(
        via=Via.SIGN_IN,
        actor=cast("User", request.user),
        client_address=client_address(request),
    )


def language() -> str:
    return translation.get_language() or "ja"


def form_key() -> str:
    """Return what tells one press from the next, so that a double press is one."""
    return uuid.uuid4().hex


def client_key(request: SiteRequest) -> str | None:
    return request.POST.get("client_key", "")[:LONGEST_KEY] or None


def browser_of(request: SiteRequest) -> str:
    """Return what tells browsers behind one address apart, without keeping anything new in them."""
    secret = request.META.get("CSRF_COOKIE", "")
    return hashlib.sha256(secret.encode()).hexdigest()[:16] if secret else ""


def on_chromebook(request: SiteRequest) -> bool:
    """Tell whether this page is open in Chrome on ChromeOS; the demo can pretend."""
    played = request.session.get("demo_device") if request.profile.is_demo else None
    if played in ("chromebook", "phone"):
        return bool(played == "chromebook")
    return rules.runs_chromeos(
        user_agent=request.headers.get("User-Agent", ""),
        platform=request.headers.get("Sec-CH-UA-Platform", ""),
    )


@dataclass(frozen=True)
class Visit:
    """Somebody on a page of an own journey."""

    access: Access
    records: dict[str, StepRecord]
    words: Noted
    way: Way
    # Under which label the way is kept, where it is the same for others.
    kept: str = ""

    @property
    def journey(self) -> Journey:
        """Return the journey."""
        return self.access.journey


@dataclass(frozen=True)
class Alike:
    """What a page shows everybody who has the same, for the tag `alike_page`.

    `same` is compared by value; `below` goes with the `label`; `words` of one device or person are put in by
    their signs.
    """

    label: str
    below: Mapping[str, Any]
    words: Mapping[str, str]
    same: Mapping[str, Hashable] = field(default_factory=dict)


def visit_of(request: SiteRequest, access: Access, *, at: str = "") -> Visit:
    journey = access.journey
    records = {r.step_key: r for r in records_of.rows(journey.pk)} if journey.begun_at else {}
    site = kept_words(request.profile, language=language(), now=request.now)
    own = device_words(journey, signed_in=access.via == Via.SIGN_IN)
    say = Noted(site, own, names=OWN_WORDS)
    if at and journey.edition_id is not None:
        known, label = way_at(
            journey, records=records.values(), words=say, language=language(), at=at
        )
        return Visit(access=access, records=records, words=say, way=known, kept=label)
    way = way_of(journey, records=records.values(), words=say, language=language(), at=at)
    if way is None:
        raise Http404
    return Visit(access=access, records=records, words=say, way=way)


def context_of(request: SiteRequest, visit: Visit) -> dict[str, Any]:
    """Return what every page of a journey shows."""
    journey = visit.journey
    on_device = on_chromebook(request)
    return {
        "journey": journey,
        "way": visit.way,
        "words": visit.words,
        "by_box": visit.access.via == Via.BOX,
        "on_device": on_device,
        "may_arrive": on_device and journey.arrived_at is None,
        "form_key": form_key(),
    }


def box_journey(request: SiteRequest) -> Journey | None:
    """Return the journey of this browser's box session, if it still runs."""
    box = request.session.get(BOX_KEY)
    if not isinstance(box, dict):
        return None
    access = journey_for(
        journey_id=box.get("journey") or 0,
        user=AnonymousUser(),
        box=box,
        now=request.now,
        grace=BOX_GRACE,
    )
    return access.journey if access else None


def go_on(moved: actions.Moved, *, after: str = "") -> HttpResponse:
    """Lead to what comes next: a milestone just reached, else the first open step."""
    journey = moved.journey
    if moved.became_at_home:
        return redirect("journeys:finished", journey_id=journey.pk)
    if moved.became_ready:
        return redirect("journeys:ready", journey_id=journey.pk)
    again = after if moved.already else ""
    if not journey.current_step or (journey.at_home_at and not after):
        overview = reverse("journeys:overview", args=[journey.pk])
        return redirect(f"{overview}?again={again}" if again else overview)
    return redirect(step_url(journey, journey.current_step, after=after, again=again))


def step_url(journey: Journey, key: str, *, after: str = "", again: str = "") -> str:
    """Return the page of a step; it says what was done just now, or what another press had done before."""
    url = reverse("journeys:step", args=[journey.pk, key])
    if again:
        return f"{url}?again={again}"
    return f"{url}?after={after}" if after else url


@dataclass(frozen=True)
class Again:
    """What a press said that another one had said before, and when that was, in few words."""

    title: str
    at: str
    is_undone: bool
    by_person: bool


def again_of(request: SiteRequest, visit: Visit) -> Again | None:
    """Return what a press from an older tab found done, or taken back, already.

    The address only names the step; whether, when and by whom is what is written.
    """
    key = request.GET.get("again", "")
    step = visit.way.step(key) if key else None
    if step is None or visit.journey.begun_at is None:
        return None
    record, said = visit.records.get(key), last_said(visit.journey, key)
    if record is not None:
        if not record.is_settled:
            return None
        at = record.done_at
    elif said is not None and said.kind == EventKind.STEP_UNDONE:
        at = said.at
    else:
        return None
    return Again(
        title=step.title,
        at=_few_words(at, request.now),
        is_undone=record is None,
        by_person=said is not None and said.via in (Via.BOX, Via.SIGN_IN),
    )


def _few_words(at: datetime, now: datetime) -> str:
    is_today = local_day(at) == local_day(now)
    return date_format(localtime(at), "H:i" if is_today else _("D, M j, H:i"))
