"""Afterwards: lessons, the question after 30 days, and the guide as a manual for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kitting.around import actions
from kitting.around.forms import ConfidenceForm
from kitting.around.queries import book_of, lessons_read, wants_letters
from kitting.around.states import Occasion
from kitting.guides.queries.pages import completion, lessons, rules_of_use, step_page
from kitting.journeys.queries import device_words
from kitting.journeys.states import Via
from kitting.journeys.views.visit import access_of, context_of, language, visit_of
from kitting.site.queries import words

if TYPE_CHECKING:
    from kitting.guides.queries.shapes import LessonView
    from kitting.journeys.queries import Access
    from kitting.site.queries import SiteRequest

MACRO_LESSON = "lesson-macros"


def _lessons(access: Access) -> list[LessonView]:
    book = book_of(access.journey)
    if book is None:
        raise Http404
    say = words() | device_words(access.journey, signed_in=access.via == Via.SIGN_IN)
    return lessons(book.edition_id, book.flags, say, language())


@never_cache
@require_GET
def lesson_list(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Show all short lessons; they stop nobody."""
    access = access_of(request, journey_id)
    context = {
        "journey": access.journey,
        "lessons": _lessons(access),
        "read": lessons_read(access.journey),
        "wants_letters": wants_letters(access.journey),
        "by_box": access.via == Via.BOX,
    }
    return render(request, "around/lessons.html", context)


@never_cache
@require_GET
def lesson(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Show one short lesson."""
    access = access_of(request, journey_id)
    rows = _lessons(access)
    at = next((n for n, row in enumerate(rows) if row.key == key), None)
    if at is None:
        raise Http404
    context = {
        "journey": access.journey,
        "lesson": rows[at],
        "number": at + 1,
        "total": len(rows),
        "next": rows[at + 1] if at + 1 < len(rows) else None,
        "is_read": key in lessons_read(access.journey),
        "about_macros": key == MACRO_LESSON,
    }
    return render(request, "around/lesson.html", context)


@never_cache
@require_POST
def read(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Note that a lesson was read: no letter brings it again."""
    access = access_of(request, journey_id)
    if key not in {row.key for row in _lessons(access)}:
        raise Http404
    actions.read_lesson(journey=access.journey, key=key, now=request.now)
    return redirect("around:lessons", journey_id=journey_id)


@never_cache
@require_POST
def letters(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Stop the lesson of the week, or want it again; a box session cannot decide that."""
    access = access_of(request, journey_id)
    if access.via == Via.BOX:
        raise Http404
    wanted = bool(request.POST.get("wanted"))
    actions.choose_letters(journey=access.journey, wanted=wanted, now=request.now)
    messages.success(
        request,
        _("One lesson a week will come again.")
        if wanted
        else _("No more lessons will be sent. You can read them here at any time."),
    )
    return redirect("around:lessons", journey_id=journey_id)


@never_cache
@require_http_methods(["GET", "POST"])
def confidence(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Ask before the set-up how sure somebody feels, if they like to say."""
    access = access_of(request, journey_id)
    if access.journey.ready_at is not None:
        return redirect("journeys:overview", journey_id=journey_id)
    return _ask(request, access, Occasion.START)


@never_cache
@require_http_methods(["GET", "POST"])
def month(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Ask the same question 30 days later, if one likes."""
    access = access_of(request, journey_id)
    if access.journey.ready_at is None:
        return redirect("journeys:overview", journey_id=journey_id)
    return _ask(request, access, Occasion.MONTH)


def _ask(request: SiteRequest, access: Access, occasion: Occasion) -> HttpResponse:
    book = book_of(access.journey)
    asked = completion(book.edition_id, words(), language()).confidence if book else ""
    if not asked:
        raise Http404
    form = ConfidenceForm(request.POST if request.method == "POST" else None, question=asked)
    at_start = occasion == Occasion.START
    if form.is_bound and form.is_valid():
        actions.answer_questions(
            journey=access.journey, occasion=occasion, answers=form.answers, now=request.now
        )
        messages.success(request, _("Thank you. If something is difficult, ask at any time."))
        away = "journeys:overview" if at_start else "around:lessons"
        return redirect(away, journey_id=access.journey.pk)
    context = {"journey": access.journey, "form": form, "at_start": at_start}
    status = 422 if form.errors else 200
    return render(request, "around/confidence.html", context, status=status)


@never_cache
@require_GET
def manual(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Show the whole guide to read again, with every hint, long after the end."""
    access = access_of(request, journey_id)
    book = book_of(access.journey)
    if book is None:
        raise Http404
    visit = visit_of(request, access)
    phases = [
        (
            phase,
            [
                step_page(book.edition_id, step.key, book.flags, visit.words, language())
                for step in phase.steps
            ],
        )
        for phase in visit.way.phases
    ]
    context = context_of(request, visit) | {
        "phases": phases,
        "lessons": _lessons(access),
        "rules": rules_of_use(book.edition_id, book.flags, visit.words, language()),
    }
    return render(request, "around/manual.html", context)
