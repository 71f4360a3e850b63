"""What to do about a lost device, and about two boxes at each other's desks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.utils.translation import gettext as _

from kitting.escalation.queries.boxes import own_box_of, wrong_box_of, wrong_box_view
from kitting.escalation.queries.losses import devices_of, loss_lines
from kitting.escalation.states import LossLine

if TYPE_CHECKING:
    from kitting.devices.models import Device
    from kitting.escalation.models import Ticket
    from kitting.escalation.queries.story import StoryLine
    from kitting.journeys.models import Journey
    from kitting.site.queries import SiteRequest

register = template.Library()


@register.inclusion_tag("escalation/_loss_list.html", takes_context=True)
def loss_list(
    context: template.Context, ticket: Ticket, device: Device | None
) -> dict[str, Any]:
    """Show the list of a loss: what is done, by whom, and what is late by the clock on the wall."""
    request: SiteRequest = context["request"]
    lines = loss_lines(ticket, now=request.now)
    return {
        "ticket": ticket,
        "lines": lines,
        "done": sum(line.done_at is not None for line in lines),
        "is_it": request.rights.is_it,
        "device": device,
        "devices": devices_of(ticket.person) if device is None and ticket.person else [],
        "csrf_token": context.get("csrf_token"),
    }


@register.simple_tag
def loss_line_title(line: StoryLine) -> str:
    """Say who ticked a line of the list, or took the tick back."""
    name = line.actor.name if line.actor else _("IT")
    key = line.data.get("loss_line", "")
    what = str(LossLine(key).label) if key in LossLine.values else key
    words = _("%(name)s did this: %(what)s")
    if line.data.get("what") == "undone":
        words = _("%(name)s took back: %(what)s")
    return words % {"name": name, "what": what}


@register.inclusion_tag("escalation/_wrong_box.html", takes_context=True)
def wrong_box(context: template.Context, ticket: Ticket) -> dict[str, Any]:
    """Show a helper both sides of a wrong box, and let them exchange the two."""
    request: SiteRequest = context["request"]
    view = wrong_box_view(ticket)
    other = view.other if view else None
    rights = request.rights
    may = other is not None and (
        rights.is_it
        or other.department_id in rights.departments
        or other.place_id in rights.places
    )
    return {
        "ticket": ticket,
        "view": view,
        "may": may,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("escalation/_wrong_box_asked.html", takes_context=True)
def wrong_box_asked(context: template.Context, journey: Journey) -> dict[str, Any]:
    """Ask the person of a box that somebody else holds whether they hold the other one."""
    if journey.loan.device.said_elsewhere_at is None:  # asked without a query
        return {}
    told = wrong_box_of(journey)
    other = own_box_of(told) if told else None
    return {"journey": journey, "other": other, "csrf_token": context.get("csrf_token")}
