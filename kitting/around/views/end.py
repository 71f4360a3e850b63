"""The end: the old PC, the rules of use, three questions, a certificate, a card for the wallet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kitting.around import actions
from kitting.around.forms import SurveyForm
from kitting.around.queries import (
    Book,
    book_of,
    practice_lines,
    returned,
)
from kitting.around.states import Occasion, Practice
from kitting.guides.queries.pages import completion, return_list, rules_of_use
from kitting.journeys.states import Via
from kitting.journeys.views.visit import (
    Visit,
    access_of,
    context_of,
    language,
    visit_of,
    who_of,
)

if TYPE_CHECKING:
    from kitting.guides.queries.shapes import RulesView
    from kitting.site.queries import SiteRequest


PRACTISED = (Practice.DONE, Practice.ANOTHER_WAY, Practice.SAID)


def _begun(request: SiteRequest, journey_id: int) -> tuple[Visit, Book]:
    """Return a visit to a journey that has begun; before that there is no end."""
    access = access_of(request, journey_id)
    book = book_of(access.journey)
    if access.journey.begun_at is None or book is None:
        raise Http404
    return visit_of(request, access), book


def _rules(visit: Visit, book: Book) -> RulesView | None:
    return rules_of_use(book.edition_id, book.flags, visit.words, language())


@never_cache
@require_GET
def returns(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Show the last things: the old PC, and the rules to accept."""
    visit, book = _begun(request, journey_id)
    found = _rules(visit, book)
    context = context_of(request, visit) | {
        "checklist": return_list(book.edition_id, book.flags, visit.words, language()),
        "rules": found,
        "returned": returned(visit.journey, version=found.version if found else ""),
    }
    return render(request, "around/returns.html", context)


@never_cache
@require_POST
def old_pc(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Take the person's word that the old PC is given back, or that there was none."""
    visit, _book = _begun(request, journey_id)
    if request.POST.get("undo"):
        actions.keep_old_pc(journey=visit.journey)
    else:
        actions.give_back_old_pc(
            journey=visit.journey,
            had_none=bool(request.POST.get("none")),
            who=who_of(visit.access),
            now=request.now,
        )
    return redirect("around:returns", journey_id=journey_id)


@never_cache
@require_POST
def accept(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Accept the rules as they were shown; another text since then is shown first."""
    visit, book = _begun(request, journey_id)
    found = _rules(visit, book)
    if found is None:
        raise Http404
    if request.POST.get("digest") != found.digest:
        messages.warning(request, _("The rules have changed. Please read them once more."))
    else:
        actions.accept_rules(
            journey=visit.journey,
            rules_of_use=found,
            language=language(),
            who=who_of(visit.access),
            now=request.now,
        )
    return redirect("around:returns", journey_id=journey_id)


@never_cache
@require_http_methods(["GET", "POST"])
def survey(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Ask three questions, and one more if one likes; nothing shows what was answered before."""
    visit, book = _begun(request, journey_id)
    if visit.journey.ready_at is None:
        return redirect("journeys:overview", journey_id=journey_id)
    asked = completion(book.edition_id, visit.words, language())
    form = SurveyForm(
        request.POST if request.method == "POST" else None,
        questions=asked.survey,
        confidence=asked.confidence,
        steps=[(step.key, step.title) for step in visit.way.steps],
    )
    if form.is_bound and form.is_valid():
        kept = actions.answer_questions(
            journey=visit.journey,
            occasion=Occasion.END,
            answers=form.answers,
            now=request.now,
        )
        if kept:
            messages.success(request, _("Thank you. It makes the guide better."))
        at_home = visit.journey.at_home_at
        return redirect(
            "journeys:finished" if at_home else "journeys:ready", journey_id=journey_id
        )
    context = context_of(request, visit) | {"form": form}
    return render(request, "around/survey.html", context, status=422 if form.errors else 200)


@never_cache
@require_GET
def certificate(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Show a certificate to print; it says truly what was practised, and no name in a box session."""
    visit, book = _begun(request, journey_id)
    journey = visit.journey
    if journey.ready_at is None:
        return redirect("journeys:overview", journey_id=journey_id)
    lines = practice_lines(book, visit.records, language(), visit.words)
    context = context_of(request, visit) | {
        "name": journey.person.name if visit.access.via == Via.SIGN_IN else "",
        "lines": lines,
        "practised": _practised(lines),
        "minutes": visit.words["minutes_used"],
    }
    return render(request, "around/certificate.html", context)


def _practised(lines: list[Any]) -> int:
    return sum(line.what in PRACTISED for line in lines)


@never_cache
@require_GET
def card(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Show a card for the wallet: whom to call first when the device is lost."""
    visit, _book = _begun(request, journey_id)
    return render(request, "around/card.html", context_of(request, visit))
