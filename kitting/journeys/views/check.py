"""What a step page shows of its check, and what becomes of what the page saw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse

from kitting.guides.states import CheckType, Milestone
from kitting.journeys import rules
from kitting.journeys.forms import QuizForm, SerialForm
from kitting.journeys.queries import failed_tries
from kitting.journeys.states import Why
from kitting.journeys.views.visit import on_chromebook
from kitting.lib import qr
from kitting.site.rules import permissions_policy

if TYPE_CHECKING:
    from django import forms

    from kitting.guides.queries.shapes import StepPage
    from kitting.journeys.models import Journey
    from kitting.journeys.views.visit import Visit
    from kitting.site.queries import SiteRequest

TEMPLATES = {
    CheckType.SERIAL_MATCH: "serial",
    CheckType.QUIZ: "quiz",
    CheckType.ARRIVAL: "arrival",
    CheckType.QR_DEVICE_MATCH: "receipt",
    CheckType.DIRECTORY_ENROLLED: "directory",
    CheckType.TOUCH_PRACTICE: "touch",
    CheckType.TOUCHPAD_PRACTICE: "touchpad",
    CheckType.IME_PRACTICE: "ime",
    CheckType.IDLE_LOCK: "lock",
    CheckType.LEAVE_AND_RETURN: "leave",
    CheckType.AV_TEST: "av",
    CheckType.OS_VERSION: "version",
}
# What the page itself looks at: each has a template and a module of the same name.
SEEN_BY_PAGE = frozenset(rules.WHY_NOT_SEEN)
# What a page may ask the browser for; every other page may ask for nothing.
NEEDS = {
    CheckType.AV_TEST: ("camera", "microphone"),
    CheckType.IDLE_LOCK: ("idle-detection",),
    CheckType.IME_PRACTICE: ("keyboard-map",),
}
# So long an absence is work, not a practice: the person says what came of it.
LONG_AWAY = 10


def template_of(page: StepPage) -> str:
    """Return the part of the page that a check has, or nothing where the person only says so."""
    name = TEMPLATES.get(CheckType(page.check_type))
    return f"journeys/_check_{name}.html" if name else ""


def policy_of(page: StepPage) -> str:
    """Return what the browser may be asked for on this page, as a header."""
    return permissions_policy(*NEEDS.get(CheckType(page.check_type), ()))


def may_skip(page: StepPage) -> bool:
    return (
        not page.required
        or page.milestone == Milestone.AT_HOME
        or page.check_type in rules.PRACTICE
    )


def quiz_of(page: StepPage, data: Any = None) -> QuizForm:
    return QuizForm(data, questions=page.check.get("questions", []))


def version_of(request: SiteRequest, minimum: str) -> Why:
    """Tell from what the browser says of itself whether the system is new enough."""
    return rules.version_found(
        on_chromebook=on_chromebook(request),
        milestone=rules.chrome_milestone(
            brands=request.headers.get("Sec-CH-UA", ""),
            user_agent=request.headers.get("User-Agent", ""),
        ),
        minimum=minimum,
    )


def also_version(request: SiteRequest, page: StepPage, *, said: str = "") -> str:
    """Return what is known of the system where a step looks at it beside its own check.

    The page reads the full version and says what it found; without it the headers say the milestone.
    """
    also = page.check.get("also") or {}
    if also.get("type") != CheckType.OS_VERSION:
        return ""
    if said and on_chromebook(request):
        return said
    return version_of(request, str(also.get("minimum", "")))


def why_own_word(request: SiteRequest, journey: Journey, page: StepPage) -> str:
    """Return why somebody goes on without a check that only the server can make."""
    match page.check_type:
        case CheckType.SERIAL_MATCH:
            differed = failed_tries(journey, page.key) >= rules.TRIES_BEFORE_OWN_WORD
            return Why.NUMBER_DIFFERS if differed else Why.NOT_CHECKED
        case CheckType.ARRIVAL:
            return "" if on_chromebook(request) else Why.NOT_CHROMEOS
        case CheckType.QUIZ:
            return Why.NOT_CHECKED
        case _:
            return ""


def check_context(
    request: SiteRequest, visit: Visit, page: StepPage, form: forms.Form | None
) -> dict[str, Any]:
    """Return what the check of a step needs beside the page."""
    match page.check_type:
        case CheckType.SERIAL_MATCH:
            tries = failed_tries(visit.journey, page.key)
            return {
                "form": form if isinstance(form, SerialForm) else SerialForm(),
                "tries": tries,
                "own_word": tries >= rules.TRIES_BEFORE_OWN_WORD,
            }
        case CheckType.QUIZ:
            quiz = form if isinstance(form, QuizForm) else quiz_of(page)
            tries = quiz.tries_before if quiz.is_bound else 0
            also = page.check.get("also") or {}
            return {
                "form": quiz,
                "tries": tries + quiz.is_bound,
                "own_word": tries + quiz.is_bound >= rules.TRIES_BEFORE_OWN_WORD,
                "version": also_version(request, page),
                "minimum": also.get("minimum", ""),
                "module": "js/checks/version.js" if also else "",
            }
        case CheckType.ARRIVAL:
            device = visit.journey.loan.device
            address = request.build_absolute_uri(
                reverse("journeys:box", args=[device.code]) if device.code else reverse("home")
            )
            return {"address": address, "qr": qr.draw(address), "host": request.get_host()}
        case _ if page.check_type in SEEN_BY_PAGE:
            return _seen_context(request, visit, page)
        case _:
            return {}


def _seen_context(request: SiteRequest, visit: Visit, page: StepPage) -> dict[str, Any]:
    name = TEMPLATES[CheckType(page.check_type)]
    word, tail = rules.split_expected(str(page.check.get("expects", "")))
    minimum = str(page.check.get("minimum", ""))
    seconds = int(page.check.get("seconds_away") or 0)
    return {
        "is_practice": page.check_type in rules.PRACTICE,
        "module": f"js/checks/{name}.js",
        "word": word,
        "tail": tail,
        "is_jis": visit.journey.flags.get("keyboard") == "jis",
        "minimum": minimum,
        "version": version_of(request, minimum),
        "seconds": seconds,
        "says_opened": seconds >= LONG_AWAY,
    }
