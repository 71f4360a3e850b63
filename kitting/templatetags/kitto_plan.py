"""The plan on other rooms' pages: when somebody's wave begins, and what is wrong with a plan, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from kitting.plan.queries import start_at_box, start_of_journey, start_of_loan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kitting.devices.models import Loan
    from kitting.journeys.models import Journey
    from kitting.rollout.rules import Criterion, Finding
    from kitting.site.queries import SiteRequest

register = template.Library()

# So many departments are named.
NAMES_MOST = 3


@register.inclusion_tag("plan/_start.html", takes_context=True)
def start_of_box(
    context: template.Context, journey: Journey | None, code: str
) -> dict[str, Any]:
    """Show whoever holds a box when its wave begins, and whether there is room just now."""
    request: SiteRequest = context["request"]
    start = start_at_box(journey, now=request.now) if journey is not None else None
    return {"start": start, "now": request.now, "code": code, "journey": None}


@register.inclusion_tag("plan/_start.html", takes_context=True)
def start_of_own(context: template.Context, journey: Journey) -> dict[str, Any]:
    """Show somebody who has not begun when to begin."""
    request: SiteRequest = context["request"]
    start = start_of_journey(journey, now=request.now) if journey.begun_at is None else None
    return {"start": start, "now": request.now, "code": "", "journey": journey}


@register.inclusion_tag("plan/_printed.html")
def start_printed(loan: Loan | None, now: Any) -> dict[str, Any]:
    """Print when the wave of a box begins."""
    return {"start": start_of_loan(loan, now=now) if loan is not None else None}


@register.simple_tag
def finding_words(finding: Finding, names: Mapping[int, str]) -> str:
    """Say what is wrong with a wave in one sentence."""
    values = dict(finding.values)
    if "on" in values:
        values["on"] = date_format(values["on"], _("D, M j"))  # type: ignore[arg-type]  # a day
    if "departments" in values:
        shared = [names.get(pk, "") for pk in values["departments"]]  # type: ignore[attr-defined]  # keys
        values["names"] = _(", ").join(shared[:NAMES_MOST])
    sentences = {
        "too_much_help": _(
            "On %(on)s all waves together need about %(need)s minutes of help; IT has %(most)s."
        ),
        "too_many_starts": _(
            "On %(on)s about %(need)s people begin in all waves together; %(most)s are foreseen."
        ),
        "past_deadline": _("It ends after %(on)s, when everybody is to be ready."),
        "before_rollout": _("It begins before %(on)s, the first day of the rollout."),
        "closed_day": _("On %(on)s nobody works."),
        "closed_hour": _("It begins at an hour at which nobody works."),
        "no_helper": _("Nobody is named who helps."),
        "nobody": _("Nobody with a device belongs to it."),
        "overlap": _(
            "%(names)s: also in “%(wave)s”. Whoever is in both belongs to one of them."
        ),
        "no_verdict": _("It begins soon, and nobody has said what the pilot showed."),
    }
    return sentences[finding.kind] % values


@register.simple_tag
def criterion_words(criterion: Criterion) -> dict[str, str]:
    """Say what is asked of the pilot and what was seen."""
    asked = {
        "ready": _("at least %(n)s %% of the people are ready"),
        "minutes": _("half of them need at most %(n)s minutes"),
        "help": _("at most %(n)s questions for 100 people"),
    }[criterion.kind]
    seen = {"ready": _("%(n)s %%"), "minutes": _("%(n)s minutes"), "help": _("%(n)s questions")}
    figure = criterion.seen
    return {
        "asked": asked % {"n": criterion.limit},
        "seen": _("nothing measured yet")
        if figure is None
        else seen[criterion.kind] % {"n": f"{figure:.0f}"},
    }
