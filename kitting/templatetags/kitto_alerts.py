"""What is wrong for many at the moment, on box pages, step pages and the desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.utils import translation

from kitting.escalation.queries.broken import outage_rows, outages_ahead
from kitting.jobs.queries import late_pulses
from kitting.notices.models import Outlet
from kitting.site.queries import announcements_for

if TYPE_CHECKING:
    from kitting.devices.models import Loan
    from kitting.journeys.models import Journey
    from kitting.site.models import Announcement
    from kitting.site.queries import SiteRequest

register = template.Library()


@register.inclusion_tag("escalation/_alerts.html", takes_context=True)
def alerts_of(context: template.Context, journey: Journey, at: str = "") -> dict[str, Any]:
    """Show public notices, and outages the person is about to meet; asks nothing where there are none."""
    request: SiteRequest = context["request"]
    profile = request.profile
    said = _said(request, journey.place_id, journey.wave_id)
    met = outages_ahead(journey, at=at) if profile.has_outages and journey.begun_at else []
    return {"said": said, "outages": met, "at": at}


@register.inclusion_tag("escalation/_alerts.html", takes_context=True)
def alerts_of_box(
    context: template.Context, loan: Loan | None, journey: Journey | None
) -> dict[str, Any]:
    """Show public notices to whoever holds a box."""
    request: SiteRequest = context["request"]
    if not request.profile.has_announcements or loan is None:
        return {}
    wave_id = journey.wave_id if journey else None
    return {"said": _said(request, loan.place_id, wave_id), "outages": []}


def _said(request: SiteRequest, place_id: int | None, wave_id: int | None) -> list[str]:
    if not request.profile.has_announcements:
        return []
    found = announcements_for(place_id=place_id, wave_id=wave_id, now=request.now)
    return [_words(announcement) for announcement in found]


def _words(announcement: Announcement) -> str:
    if translation.get_language() == "en" and announcement.text_en:
        return announcement.text_en
    return announcement.text


@register.inclusion_tag("escalation/_outages.html", takes_context=True)
def open_outages(context: template.Context) -> dict[str, Any]:
    """Show IT what is broken for many, above its queue."""
    request: SiteRequest = context["request"]
    if not (request.rights.is_it and request.profile.has_outages):
        return {"rows": []}
    return {"rows": outage_rows(language=translation.get_language() or "ja")}


@register.inclusion_tag("notices/_switched_off.html", takes_context=True)
def switched_off_outlets(context: template.Context) -> dict[str, Any]:
    """Show IT which chat rooms and programs were switched off; asked only where there are any."""
    request: SiteRequest = context["request"]
    if not (request.profile.has_outlets_off and request.rights.is_it):
        return {"rows": []}
    rows = list(Outlet.objects.switched_off())
    return {"rows": rows, "may_mend": request.rights.is_it_lead}


@register.inclusion_tag("components/_late.html", takes_context=True)
def late_bar(context: template.Context) -> dict[str, Any]:
    """Show IT that sweep or delivery are late, and since when; asked only where a web process saw it."""
    request: SiteRequest = context["request"]
    late = late_pulses() if request.rights.is_it else []
    return {
        "late": late,
        "names": {pulse.name for pulse in late},
        "since": min((pulse.at for pulse in late if pulse.at), default=None),
    }
