"""One step: read it, do it, take it back, leave it out, check it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_GET,
    require_POST,
)

from kitting.guides.queries.kept import step_notes
from kitting.guides.queries.pages import step_page
from kitting.guides.queries.shapes import StepNotFoundError
from kitting.guides.queries.shared import Noted, flags_name, made_once
from kitting.guides.states import CheckType, ReadOn
from kitting.journeys import actions, rules
from kitting.journeys.forms import OwnWordForm, SeenForm, SerialForm
from kitting.journeys.queries import OWN_WORDS
from kitting.journeys.states import Method, Outcome, Result, Via, Why
from kitting.journeys.views.check import (
    SEEN_BY_PAGE,
    also_version,
    check_context,
    may_skip,
    policy_of,
    quiz_of,
    template_of,
    version_of,
    why_own_word,
)
from kitting.journeys.views.visit import (
    SCANNED_KEY,
    Alike,
    Visit,
    access_of,
    again_of,
    client_key,
    context_of,
    go_on,
    language,
    on_chromebook,
    step_url,
    visit_of,
    who_of,
)
from kitting.lib import marks

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from django import forms

    from kitting.guides.queries.shapes import StepPage
    from kitting.journeys.models import Journey
    from kitting.journeys.queries import Access, StepState
    from kitting.site.queries import SiteRequest

# Where only the rules of a step are asked for, and none of its words.
PLAIN = Noted({}, {}, names=())
# How long a browser waits after five wrong serial numbers.
SERIAL_WINDOW = timedelta(minutes=10)


@never_cache
@require_GET
def step(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Show one step: why, what to do, what should be seen, what to try."""
    access = access_of(request, journey_id)
    if access.journey.begun_at is None:
        return redirect("journeys:overview", journey_id=journey_id)
    return _step_page(request, access, key)


def _step_page(
    request: SiteRequest,
    access: Access,
    key: str,
    *,
    form: forms.Form | None = None,
    slow: bool = False,
) -> HttpResponse:
    visit = visit_of(request, access, at=key)
    page, label, alike = (*_page(visit, key), None) if form else _page_for_all(visit, key)
    context = _step_context(request, visit, page, form=form)
    if alike is not None:
        context["alike"] = replace(alike, same=_same_for_many(context))
    context |= {
        "kept": {"page": label, "way": visit.kept},
        "refused": isinstance(form, (SeenForm, OwnWordForm)),
        "slow": slow,
        "here": step_url(visit.journey, key),
    }
    status = 429 if slow else 422 if form is not None and form.is_bound else 200
    response = render(request, "journeys/step.html", context, status=status)
    response.headers["Permissions-Policy"] = policy_of(page)
    return response


def _step_context(
    request: SiteRequest, visit: Visit, page: StepPage, *, form: forms.Form | None
) -> dict[str, Any]:
    record = visit.records.get(page.key)
    after = _after(request, visit, page.key)
    context = context_of(request, visit)
    check = check_context(request, visit, page, form)
    return context | {
        "page": page,
        "flags": visit.journey.flags,
        "is_after": after is not None,
        "is_yours": context["by_box"] and record is None,
        "record": record,
        "result": Result(record.result) if record else None,
        "after": after,
        "again": again_of(request, visit),
        "before": page.previous_key if page.previous_key in visit.records else "",
        "check": template_of(page),
        # What is typed in or drawn for one device is never kept.
        "check_is_own": "form" in check or "qr" in check,
        "may_skip": may_skip(page),
        "is_away": rules.is_away(visit.journey.last_event_at, request.now),
        "seen_by_page": page.check_type in SEEN_BY_PAGE,
        "notes": step_notes(
            cast("int", visit.journey.edition_id),
            page.key,
            version=request.profile.notes_version,
            language=language(),
        ),
        "is_settled": record is not None and record.is_settled,
        "reads_on_phone": page.phase.read_on == ReadOn.PHONE_OR_PAPER,
        **check,
    }


# --- what many see alike ----------------------------------------------------------------------------

# What the frame of a step's page is drawn from where it is kept; some of it only some checks have.
PLAINLY_SAME = (
    *("is_after", "is_yours", "result", "before", "check", "may_skip", "is_away"),
    *("seen_by_page", "is_settled", "reads_on_phone", "on_device", "may_arrive"),
    *("check_is_own", "own_word", "says_opened", "is_practice", "module"),
    *("word", "tail", "is_jis", "minimum", "version", "seconds"),
)


@dataclass(frozen=True)
class _JourneyShown:
    """What a kept page knows of a journey."""

    edition_id: int | None
    arrived_at: bool
    pk: int = marks.NUMBER


@dataclass(frozen=True)
class _RecordShown:
    """What a kept page knows of a step that has a mark."""

    is_supposed: bool
    method: str


@dataclass(frozen=True)
class _WayShown:
    """What a kept page knows of the way: where it goes on, once this step is done."""

    next: StepState | None


def _same_for_many(context: Mapping[str, Any]) -> dict[str, Hashable]:
    journey, record, after = context["journey"], context["record"], context["after"]
    goes_on = context["way"].next if context["is_settled"] else None
    return {name: context.get(name) for name in PLAINLY_SAME} | {
        "notes": tuple(context["notes"]),
        "journey": _JourneyShown(journey.edition_id, journey.arrived_at is not None),
        "record": _RecordShown(record.is_supposed, record.method) if record else None,
        "after": replace(after, done_at=None) if after else None,
        "way": _WayShown(replace(goes_on, done_at=None) if goes_on else None),
    }


def _page_for_all(visit: Visit, key: str) -> tuple[StepPage, str, Alike | None]:
    """Return a step with signs for words of one device or person, its label, and what it shows everybody.

    A check may have to know such a word: then it is the page of one person, which is no other's.
    """
    signs = marks.words_of(OWN_WORDS)
    own = {name: word for name, word in visit.words.own.items() if word}
    words = Noted(visit.words.site, {name: signs[name] for name in own}, names=())
    try:
        page, label = _step_of(visit.journey, key, words, drawn_for=tuple(own))
    except StepNotFoundError as error:
        raise Http404 from error
    if page.check and marks.WORDS.search(repr(page.check)):
        return (*_page(visit, key), None)
    flags = visit.journey.flags
    below = {"page": page, "flags": flags, "words": words, "kept": {"page": label}}
    return page, label, Alike(label, below, {signs[name]: word for name, word in own.items()})


def _page(visit: Visit, key: str) -> tuple[StepPage, str]:
    """Return a step, and the label it is kept under where it is the same for others."""
    try:
        return _step_of(visit.journey, key, visit.words, drawn_for="one")
    except StepNotFoundError as error:
        raise Http404 from error


def _step_of(
    journey: Journey, key: str, words: Noted, *, drawn_for: Hashable
) -> tuple[StepPage, str]:
    """Return a step and its label; `drawn_for` tells words of one, none, or signs for them apart."""
    edition_id, flags = cast("int", journey.edition_id), journey.flags
    name = ("step", drawn_for, key, language(), flags_name(flags))
    return made_once(
        edition_id, name, words, lambda: step_page(edition_id, key, flags, words, language())
    )


def _after(request: SiteRequest, visit: Visit, key: str) -> object:
    """Return the step that was just done, so that it can be taken back from here."""
    done_key = request.GET.get("after", "")
    found = visit.way.step(done_key) if done_key in visit.records and done_key != key else None
    return replace(found, done_at=visit.records[done_key].done_at) if found else None


@dataclass(frozen=True)
class _Standing:
    """A step of an own journey that somebody acts on."""

    access: Access
    page: StepPage

    @property
    def journey_id(self) -> int:
        return self.access.journey.pk


def _standing(request: SiteRequest, journey_id: int, key: str) -> _Standing:
    access = access_of(request, journey_id, alone=True)
    journey = access.journey
    if journey.edition_id is None:
        raise Http404
    try:
        page, _label = _step_of(journey, key, PLAIN, drawn_for="nobody")
    except StepNotFoundError as error:
        raise Http404 from error
    return _Standing(access, page)


@never_cache
@require_POST
def done(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Take the person's word that a step is done, and what the server knows beside it."""
    at = _standing(request, journey_id, key)
    who = who_of(at.access)
    word = OwnWordForm(request.POST, check_type=at.page.check_type)
    if not word.is_valid():
        return _step_page(request, at.access, key, form=word)
    reason = ""
    if at.page.check_type == CheckType.ARRIVAL and on_chromebook(request):
        if at.access.journey.arrived_at is None:
            moved = actions.arrive(
                journey_id=journey_id,
                who=who,
                now=request.now,
                client_key=client_key(request),
            )
            return go_on(moved, after=key)
        result, method = Result.CONFIRMED, Method.ARRIVAL
    elif at.page.check_type == CheckType.QR_DEVICE_MATCH and _scanned(request, at.access):
        result, method = Result.CONFIRMED, Method.SERVER
    else:
        result, method = Result.SELF_REPORTED, Method.BUTTON
        reason = word.cleaned_data["reason"] or why_own_word(
            request, at.access.journey, at.page
        )
    moved = actions.finish_step(
        journey_id=journey_id,
        step_key=key,
        who=who,
        now=request.now,
        result=result,
        method=method,
        reason=reason,
        client_key=client_key(request),
        watch_speed=True,
    )
    return go_on(moved, after="" if moved.journey.fast_until else key)


def _scanned(request: SiteRequest, access: Access) -> bool:
    """Tell whether this browser came through the box page of this journey."""
    return access.via == Via.BOX or request.session.get(SCANNED_KEY) == access.journey.pk


@never_cache
@require_POST
def undo(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Take a step back and show it again."""
    at = _standing(request, journey_id, key)
    moved = actions.undo_step(
        journey_id=journey_id,
        step_key=key,
        who=who_of(at.access),
        now=request.now,
        client_key=client_key(request),
    )
    return redirect(step_url(at.access.journey, key, again=key if moved.already else ""))


@never_cache
@require_POST
def skip(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Leave out a step that need not be done."""
    at = _standing(request, journey_id, key)
    reason = request.POST.get("reason", "") or Why.BY_CHOICE.value
    if not may_skip(at.page) or reason not in rules.WHY_LEFT_OUT:
        raise Http404
    moved = actions.skip_step(
        journey_id=journey_id,
        step_key=key,
        reason=reason,
        who=who_of(at.access),
        now=request.now,
        client_key=client_key(request),
    )
    return go_on(moved, after=key)


@never_cache
@require_POST
def check(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Check what was typed or answered; what is not right can be tried again at once."""
    at = _standing(request, journey_id, key)
    if at.page.check_type == CheckType.SERIAL_MATCH:
        return _check_serial(request, at)
    if at.page.check_type == CheckType.QUIZ:
        return _check_quiz(request, at)
    if at.page.check_type in SEEN_BY_PAGE:
        return _check_seen(request, at)
    raise Http404


def _check_seen(request: SiteRequest, at: _Standing) -> HttpResponse:
    """Take what the page saw for as much as it is worth, or note a try that IT should know of."""
    form = SeenForm(request.POST, check_type=at.page.check_type)
    if not form.is_valid():
        return _step_page(request, at.access, at.page.key, form=form)
    outcome = form.cleaned_data["outcome"]
    if outcome == Outcome.TRIED:
        actions.fail_check(
            journey_id=at.journey_id,
            step_key=at.page.key,
            reason=form.cleaned_data["reason"],
            who=who_of(at.access),
            now=request.now,
            client_key=client_key(request),
        )
        return HttpResponse(status=204)
    minimum = str(_page(visit_of(request, at.access), at.page.key)[0].check.get("minimum", ""))
    found = rules.finding(
        check_type=at.page.check_type,
        outcome=outcome,
        on_chromebook=on_chromebook(request),
        version=version_of(request, minimum),
    )
    moved = actions.finish_step(
        journey_id=at.journey_id,
        step_key=at.page.key,
        who=who_of(at.access),
        now=request.now,
        result=found.result,
        method=found.method,
        reason=found.reason,
        client_key=client_key(request),
    )
    return go_on(moved, after=at.page.key)


def _check_serial(request: SiteRequest, at: _Standing) -> HttpResponse:
    form = SerialForm(request.POST)
    if not form.is_valid():
        return _step_page(request, at.access, at.page.key, form=form)
    checked = actions.check_serial(
        journey_id=at.journey_id,
        step_key=at.page.key,
        typed=form.cleaned_data["serial"],
        who=who_of(at.access),
        now=request.now,
        window=SERIAL_WINDOW,
        client_key=client_key(request),
    )
    if checked.outcome == "right":
        return go_on(checked.moved, after=at.page.key)
    if checked.outcome == "wrong":
        form.add_error("serial", _("The number is different. Look at 0 and O, 1 and I."))
    return _step_page(
        request, at.access, at.page.key, form=form, slow=checked.outcome == "slow"
    )


def _check_quiz(request: SiteRequest, at: _Standing) -> HttpResponse:
    visit = visit_of(request, at.access, at=at.page.key)
    page, _label = _page(visit, at.page.key)
    form = quiz_of(page, request.POST)
    if not form.is_valid() or not form.is_right:
        return _step_page(request, at.access, at.page.key, form=form)
    moved = actions.finish_step(
        journey_id=at.journey_id,
        step_key=at.page.key,
        who=who_of(at.access),
        now=request.now,
        result=Result.CONFIRMED,
        method=Method.SERVER,
        reason=also_version(request, page, said=form.cleaned_data["version"]),
        client_key=client_key(request),
    )
    return go_on(moved, after=at.page.key)


@never_cache
@require_POST
def opened(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Note that somebody is back at a step (a beacon)."""
    at = _standing(request, journey_id, key)
    actions.open_step(
        journey_id=journey_id, step_key=key, who=who_of(at.access), now=request.now
    )
    return HttpResponse(status=204)


@never_cache
@require_POST
def trouble(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Note that somebody read a hint (a beacon)."""
    at = _standing(request, journey_id, key)
    index = request.POST.get("trouble", "")
    if index not in {str(found.index) for found in at.page.troubles}:
        raise Http404
    actions.note_trouble(
        journey_id=journey_id,
        step_key=key,
        trouble=int(index),
        who=who_of(at.access),
        now=request.now,
    )
    return HttpResponse(status=204)
