"""The day before: what is done on the old PC, and the macros on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.queries import local_day
from kitting.around import actions
from kitting.around.forms import MacroForm, PlanForm
from kitting.around.queries import book_of, macros_of, prepared
from kitting.guides.queries.pages import prepare_list
from kitting.guides.states import ItemKind
from kitting.journeys.queries import device_words
from kitting.journeys.states import Via
from kitting.journeys.views.visit import access_of, language, who_of
from kitting.site.queries import words

if TYPE_CHECKING:
    from kitting.guides.queries.shapes import ChecklistView, ItemView
    from kitting.journeys.queries import Access
    from kitting.site.queries import SiteRequest


@require_GET
def everybody(request: SiteRequest) -> HttpResponse:
    """Show what is done the day before, to anybody: nothing personal, nothing kept."""
    context = {"checklist": _checklist(None), "words": words()}
    return render(request, "around/everybody.html", context)


def _checklist(access: Access | None) -> ChecklistView:
    book = book_of(access.journey if access else None)
    if book is None:
        raise Http404
    say = words()
    if access is not None:
        say |= device_words(access.journey, signed_in=access.via == Via.SIGN_IN)
    return prepare_list(book.edition_id, book.flags, say, language())


@never_cache
@require_GET
def prepare(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Show what to do on the old PC, with what is done of it."""
    return _prepare_page(request, access_of(request, journey_id))


def _prepare_page(
    request: SiteRequest, access: Access, *, form: PlanForm | None = None
) -> HttpResponse:
    known = prepared(access.journey)
    checklist = _checklist(access)
    at = localtime(known.planned_at) if known.planned_at else None
    context = {
        "journey": access.journey,
        "checklist": checklist,
        "known": known,
        "done": sum(item.key in known.done for item in checklist.items),
        "form": form
        or PlanForm(
            today=local_day(request.now),
            initial={"on": at.date(), "at": at.time()} if at else None,
        ),
        "by_box": access.via == Via.BOX,
    }
    status = 422 if form is not None else 200
    return render(request, "around/prepare.html", context, status=status)


def _item(access: Access, key: str) -> ItemView:
    found = next((item for item in _checklist(access).items if item.key == key), None)
    if found is None:
        raise Http404
    return found


@never_cache
@require_POST
def tick(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Tick one thing, take the tick back, or choose a time."""
    access = access_of(request, journey_id)
    item = _item(access, key)
    who, now = who_of(access), request.now
    if request.POST.get("undo"):
        actions.unprepare(journey=access.journey, key=key)
    elif item.kind == ItemKind.TIME and "on" in request.POST:
        form = PlanForm(request.POST, today=local_day(now))
        if not form.is_valid():
            return _prepare_page(request, access, form=form)
        actions.plan_time(
            journey=access.journey, key=key, planned_at=form.planned_at, who=who, now=now
        )
    else:
        actions.prepare(journey=access.journey, key=key, who=who, now=now)
    return redirect("around:prepare", journey_id=journey_id)


def _macro_key(access: Access) -> str:
    """Return the thing of the day before that is done by writing macros down."""
    items = _checklist(access).items
    return next((item.key for item in items if item.kind == ItemKind.MACROS), "")


@never_cache
@require_http_methods(["GET", "POST"])
def macros(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Show the macros somebody wrote down, and take one more.

    In a box session only how many: whoever holds the box reads nothing that was written before.
    """
    access = access_of(request, journey_id)
    form = MacroForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        return _list_macro(request, access, form)
    by_box = access.via == Via.BOX
    rows = macros_of(access.journey)
    context = {
        "journey": access.journey,
        "form": form,
        "by_box": by_box,
        "macros": [] if by_box else list(rows),
        "count": rows.count() if by_box else 0,
    }
    return render(request, "around/macros.html", context, status=422 if form.errors else 200)


def _list_macro(request: SiteRequest, access: Access, form: MacroForm) -> HttpResponse:
    try:
        macro = actions.list_macro(
            journey=access.journey,
            name=form.cleaned_data["name"],
            purpose=form.cleaned_data["purpose"],
            wish=form.cleaned_data["wish"],
            key=_macro_key(access),
            who=who_of(access),
            now=request.now,
        )
    except actions.TooManyMacrosError:
        messages.warning(request, _("That is a lot. Please call IT about the rest."))
    else:
        messages.success(request, _("%(name)s is written down.") % {"name": macro.name})
    return redirect("around:macros", journey_id=access.journey.pk)


@never_cache
@require_POST
def no_macros(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Take the answer that somebody uses no macros."""
    access = access_of(request, journey_id)
    actions.use_no_macros(
        journey=access.journey, key=_macro_key(access), who=who_of(access), now=request.now
    )
    return redirect("around:prepare", journey_id=journey_id)


@never_cache
@require_POST
def drop_macro(request: SiteRequest, journey_id: int, macro_id: int) -> HttpResponse:
    """Strike out an own macro; only after a full sign-in, where it can be read."""
    access = access_of(request, journey_id)
    if access.via == Via.BOX:
        raise Http404
    actions.drop_macro(journey=access.journey, macro_id=macro_id)
    return redirect("around:macros", journey_id=journey_id)
