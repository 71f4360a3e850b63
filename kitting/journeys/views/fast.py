"""For who knows it already: a whole phase on one page, and the short test instead of practice."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.http import Http404
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from kitting.guides.queries.pages import step_page, test_out
from kitting.guides.states import CheckType
from kitting.journeys import actions
from kitting.journeys.forms import QuizForm
from kitting.journeys.states import Via
from kitting.journeys.views.visit import (
    SCANNED_KEY,
    Visit,
    access_of,
    client_key,
    context_of,
    go_on,
    language,
    on_chromebook,
    visit_of,
    who_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.http import HttpResponse

    from kitting.guides.queries.shapes import StepPage, TestView
    from kitting.journeys.queries import PhaseState
    from kitting.site.queries import SiteRequest

# What only the server can know is not taken on somebody's word for a whole phase.
DECIDED_HERE = (CheckType.SERIAL_MATCH, CheckType.QUIZ)


@never_cache
@require_http_methods(["GET", "POST"])
def phase(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Show a whole phase on one page, and take one word for all of it."""
    access = access_of(request, journey_id)
    if access.journey.begun_at is None:
        return redirect("journeys:overview", journey_id=journey_id)
    visit = visit_of(request, access)
    found = next((phase for phase in visit.way.phases if phase.key == key), None)
    if found is None:
        raise Http404
    pages = _open_pages(visit, found)
    alone = [page for page in pages if _stands_alone(request, visit, page)]
    together = [page for page in pages if page not in alone]
    if request.method == "POST":
        return _declare(request, visit, found, together)
    context = context_of(request, visit) | {
        "phase": found,
        "needed": [page for page in together if page.required],
        "free": [page for page in together if not page.required],
        "alone": alone,
    }
    return render(request, "journeys/phase.html", context)


def _open_pages(visit: Visit, found: PhaseState) -> list[StepPage]:
    """Return the pages of the steps of a phase that have no mark, or only a likely one."""
    journey = visit.journey
    return [
        step_page(
            cast("int", journey.edition_id), step.key, journey.flags, visit.words, language()
        )
        for step in found.steps
        if not step.done
    ]


def _stands_alone(request: SiteRequest, visit: Visit, page: StepPage) -> bool:
    if page.check_type == CheckType.ARRIVAL:
        return visit.journey.arrived_at is None and not on_chromebook(request)
    return page.check_type in DECIDED_HERE


def _declare(
    request: SiteRequest, visit: Visit, found: PhaseState, pages: list[StepPage]
) -> HttpResponse:
    also = set(request.POST.getlist("also"))
    left_out = [page.key for page in pages if not page.required and page.key not in also]
    moved = actions.declare_phase(
        journey_id=visit.journey.pk,
        step_keys=[page.key for page in pages if page.key not in left_out],
        left_out=left_out,
        scanned=visit.access.via == Via.BOX
        or request.session.get(SCANNED_KEY) == visit.journey.pk,
        who=who_of(visit.access),
        now=request.now,
        client_key=client_key(request),
    )
    return _go_on(moved, visit, [step.key for step in found.steps])


def _go_on(moved: actions.Moved, visit: Visit, keys: Collection[str]) -> HttpResponse:
    """Lead to what comes next; an older tab is told of the step of `keys` that was done last."""
    settled = [visit.records[key] for key in keys if key in visit.records]
    settled = [record for record in settled if record.is_settled]
    last = max(settled, key=lambda record: record.done_at, default=None)
    return go_on(moved, after=last.step_key if last and moved.already else "")


@never_cache
@require_http_methods(["GET", "POST"])
def test(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Ask a few questions; who answers all may leave practice out, and the record says so."""
    access = access_of(request, journey_id)
    if access.journey.begun_at is None:
        return redirect("journeys:overview", journey_id=journey_id)
    visit = visit_of(request, access)
    found = _test_of(visit)
    left = [step for step in visit.way.steps if step.key in found.steps and not step.done]
    form = QuizForm(
        request.POST if request.method == "POST" else None, questions=found.questions
    )
    if form.is_bound and form.is_valid() and form.is_right:
        moved = actions.pass_test(
            journey_id=journey_id,
            step_keys=[step.key for step in left],
            who=who_of(access),
            now=request.now,
            client_key=client_key(request),
        )
        return _go_on(moved, visit, found.steps)
    context = context_of(request, visit) | {"test": found, "left": left, "form": form}
    status = 422 if form.is_bound else 200
    return render(request, "journeys/test.html", context, status=status)


def _test_of(visit: Visit) -> TestView:
    journey = visit.journey
    found = test_out(cast("int", journey.edition_id), journey.flags, visit.words, language())
    if found is None:
        raise Http404
    return found
