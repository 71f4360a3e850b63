"""Pages of help: asking, the answer, the desk's queue, one ticket, and a call by phone."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.core.files.storage import storages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.requests import way_back
from kitting.devices.queries import device_by_code
from kitting.escalation import actions
from kitting.escalation.actions.swaps import tell_wrong_box
from kitting.escalation.forms.asking import (
    REPORTS,
    WORDS_MAX,
    AskForm,
    CallerForm,
    CallForm,
    MoreForm,
    PhotoField,
    ReplyForm,
    ReportForm,
    WordsForm,
    WrongBoxForm,
)
from kitting.escalation.models import Ticket
from kitting.escalation.queries.callers import caller, callers
from kitting.escalation.queries.desk import QUEUE_MOST, SHOWS, queue_of, ticket_page
from kitting.escalation.queries.person import (
    album_is_full,
    answer_outlook,
    own_photo,
    own_story,
    photo_in_scope,
)
from kitting.escalation.states import TicketKind, TicketState, Wish
from kitting.guides.queries.errors import error_view
from kitting.guides.queries.lists import trouble_choices
from kitting.guides.queries.pages import stuck_reasons
from kitting.journeys.actions.errors import JourneyError, Who
from kitting.journeys.actions.resting import go_on_paper, leave_paper
from kitting.journeys.models import Journey
from kitting.journeys.queries import journey_here
from kitting.journeys.states import Via
from kitting.lib.codes import CodeError, parse
from kitting.notices.tasks import wake
from kitting.site.queries import client_address, helper_here, kept_words, team_here, words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django import forms
    from django.core.files.uploadedfile import UploadedFile
    from django.http import QueryDict
    from django.utils.datastructures import MultiValueDict

    from accounts.models import User
    from accounts.queries import Rights
    from kitting.devices.models import Device
    from kitting.escalation.models import TicketPhoto
    from kitting.escalation.queries.desk import TicketPage
    from kitting.journeys.queries import Access
    from kitting.lib.photos import Photo
    from kitting.site.queries import SiteRequest

# "No time now" is a pause, never a ticket.
NO_TIME = "no_time"
# What this browser reported last, so that the page of thanks can say its number.
REPORTED_KEY = "reported"
# Words for an answer come in an address only as we wrote them there ourselves.
WORDS_SALT = "words of an answer"
# Where a helper came from, to go on there.
WAYS_BACK = {"desk": "escalation:desk", "round": "helpdesk:round"}
KEY_MAX = 40
# Which photos this browser sent (their digests): in a box session it sees those and no others.
PHOTOS_KEY = "photos"
PHOTOS_KEPT = 40
FORM_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="[^"]*"')


def language() -> str:
    """Return the language of this page."""
    return translation.get_language() or "ja"


def _typed(request: SiteRequest) -> QueryDict | None:
    """Return what a form sent; nothing where the page is only looked at."""
    return request.POST if request.method == "POST" else None


def _files(request: SiteRequest) -> MultiValueDict[str, UploadedFile[Any]] | None:
    return request.FILES if request.method == "POST" else None


def polled(template: str, context: dict[str, Any], *, request: SiteRequest) -> HttpResponse:
    """Answer with the inside of a part, or with 304 while nothing in it has changed.

    The tokens of its forms differ each time and are no news.
    """
    response = render(request, template, context)
    said = FORM_TOKEN.sub(b"", response.content)
    etag = quote_etag(hashlib.sha256(said).hexdigest()[:32])
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-store"
    return cast("HttpResponse", get_conditional_response(request, etag=etag, response=response))


# --- the person ----------------------------------------------------------------------------------


def _own_ticket(access: Access, ticket_id: int) -> Ticket:
    ticket = get_object_or_404(
        Ticket.objects.filter(journey=access.journey), pk=ticket_id, kind=TicketKind.HELP
    )
    ticket.journey = access.journey
    return ticket


@never_cache
@require_http_methods(["GET", "POST"])
def ask(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Ask for help on a journey; the reasons come from the step's own troubles."""
    access = journey_here(request, journey_id)
    journey = access.journey
    step = _step_asked(request, journey)
    say = _words(request)
    form = AskForm(
        _typed(request),
        _files(request),
        choices=_choices(journey, step, say),
        full=album_is_full(journey=journey, now=request.now),
        initial={"words": _looked_up(request, journey)},
        camera=access.via == Via.BOX,
    )
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["choice"] == NO_TIME:
            return redirect("journeys:later", journey_id=journey.pk)
        try:
            ticket = actions.ask(
                journey=journey,
                step_key=step,
                choice=form.cleaned_data["choice"],
                words=form.cleaned_data["words"],
                wish=Wish(form.cleaned_data["wish"]),
                who=Who(access.via, access.actor, client_address(request)),
                now=request.now,
                photo=form.cleaned_data["photo"],
                client_key=request.POST.get("client_key", "")[:KEY_MAX] or None,
            )
        except actions.JourneyOverError as error:
            raise Http404 from error
        except actions.AlbumFullError:
            form.add_error("photo", PhotoField.refused["full"])
        else:
            _remember(request, form.cleaned_data["photo"])
            wake()
            return redirect("escalation:answer", journey_id=journey.pk, ticket_id=ticket.pk)
    known = Ticket.objects.open().filter(journey=journey, kind=TicketKind.HELP)
    context = {
        "journey": journey,
        "step": step,
        "form": form,
        "open_ticket": known.first(),
        "outlook": answer_outlook(now=request.now),
        "words": say,
        "form_key": uuid.uuid4().hex,
    }
    return render(request, "escalation/ask.html", context, status=422 if form.errors else 200)


def _remember(request: SiteRequest, photo: Photo | None) -> None:
    """Let this browser see what it has sent."""
    if photo is not None:
        sent = [*_sent(request), photo.digest]
        request.session[PHOTOS_KEY] = sent[-PHOTOS_KEPT:]


def _sent(request: SiteRequest) -> list[str]:
    sent = request.session.get(PHOTOS_KEY)
    return sent if isinstance(sent, list) else []


def _step_asked(request: SiteRequest, journey: Journey) -> str:
    """Return the step on whose page help was pressed, if it is one of this journey's."""
    key = request.GET.get("step", "")
    return key if key in [row[0] for row in journey.step_keys] else journey.current_step


def _looked_up(request: SiteRequest, journey: Journey) -> str:
    """Return the sentence on the screen that somebody comes from, to go along with the question."""
    key = request.GET.get("error", "")
    error = error_view(journey.edition_id, key, language()) if key else None
    return error.sentence if error else ""


def _words(request: SiteRequest) -> Mapping[str, Any]:
    return kept_words(request.profile, language=language(), now=request.now)


def _choices(journey: Journey, step: str, say: Mapping[str, Any]) -> list[tuple[str, str]]:
    spoken = language()
    reasons = stuck_reasons(spoken, edition_id=journey.edition_id, words=say)
    if journey.edition_id is None:
        return reasons
    troubles = trouble_choices(journey.edition_id, step, journey.flags, spoken, words=say)
    return [*troubles, *reasons]


@never_cache
@require_GET
def answer(request: SiteRequest, journey_id: int, ticket_id: int) -> HttpResponse:
    """Show the person what became of an own ticket."""
    access = journey_here(request, journey_id)
    ticket = _own_ticket(access, ticket_id)
    context = _answer_context(request, access, ticket)
    if request.GET.get("part"):
        return polled("escalation/_answer.html", context, request=request)
    return render(request, "escalation/answer.html", context)


def _answer_context(
    request: SiteRequest, access: Access, ticket: Ticket, form: forms.Form | None = None
) -> dict[str, Any]:
    is_over = ticket.state == TicketState.RESOLVED and ticket.asked_better_at is not None
    moved_on = ticket.step_key != access.journey.current_step
    return {
        "journey": access.journey,
        "ticket": ticket,
        "entries": own_story(ticket, by_box=access.via == Via.BOX, sent=_sent(request)),
        "outlook": answer_outlook(now=request.now),
        "words": _words(request),
        "is_over": is_over,
        "ask_better": not is_over and (not ticket.is_waiting or moved_on),
        "form": form or MoreForm(),
    }


@never_cache
@require_POST
def person_says(
    request: SiteRequest, journey_id: int, ticket_id: int, verb: str
) -> HttpResponse:
    """Take the person's word on an own ticket: better, still, cancel, more."""
    access = journey_here(request, journey_id)
    ticket = _own_ticket(access, ticket_id)
    if verb not in ("better", "still", "cancel", "more"):
        raise Http404
    form = _form_of(verb, request, access)
    if form.is_valid():
        try:
            if verb in ("better", "cancel"):
                return _over(request, access, ticket, verb)
            return _said(request, access, ticket, verb, form)
        except JourneyError as error:
            raise Http404 from error
        except actions.AlbumFullError:
            form.add_error("photo", PhotoField.refused["full"])
    context = _answer_context(request, access, ticket, form)
    return render(request, "escalation/answer.html", context, status=422)


def _said(
    request: SiteRequest, access: Access, ticket: Ticket, verb: str, form: forms.Form
) -> HttpResponse:
    given = form.cleaned_data
    if verb == "still":
        ticket = actions.still(
            ticket=ticket, words=given["words"], actor=access.actor, now=request.now
        )
    else:
        ticket = actions.say_again(
            ticket=ticket,
            words=given["words"],
            photo=given["photo"],
            actor=access.actor,
            now=request.now,
        )
        _remember(request, given["photo"])
    wake()
    return redirect("escalation:answer", journey_id=access.journey.pk, ticket_id=ticket.pk)


def _form_of(verb: str, request: SiteRequest, access: Access) -> forms.Form:
    if verb != "more":
        return WordsForm(request.POST)
    full = album_is_full(journey=access.journey, now=request.now)
    return MoreForm(request.POST, request.FILES, full=full)


@never_cache
@require_GET
def own_photo_file(
    request: SiteRequest, journey_id: int, ticket_id: int, photo_id: int
) -> HttpResponse:
    """Give the person a photo of an own ticket; in a box session only what this browser sent."""
    access = journey_here(request, journey_id)
    found = own_photo(
        photo_id,
        ticket=_own_ticket(access, ticket_id),
        by_box=access.via == Via.BOX,
        sent=_sent(request),
    )
    return _photo_file(found)


def _photo_file(photo: TicketPhoto | None) -> HttpResponse:
    """Answer with a photo that can be nothing but a photo, and that no cache keeps."""
    if photo is None or not storages["photos"].exists(photo.name):
        raise Http404
    with storages["photos"].open(photo.name) as file:
        response = HttpResponse(file.read(), content_type="image/jpeg")
    response.headers["Content-Disposition"] = f'inline; filename="photo-{photo.pk}.jpg"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _over(request: SiteRequest, access: Access, ticket: Ticket, verb: str) -> HttpResponse:
    if verb == "better":
        actions.better(ticket=ticket, actor=access.actor, now=request.now)
        messages.success(request, _("Good! Go on with the next step."))
    else:
        actions.cancel(ticket=ticket, actor=access.actor, now=request.now)
        messages.info(request, _("You took the question back. You can ask again at any time."))
    return redirect("journeys:overview", journey_id=access.journey.pk)


# --- the box page ---------------------------------------------------------------------------------


@never_cache
@require_http_methods(["GET", "POST"])
def report(request: SiteRequest, code: str, kind: str) -> HttpResponse:
    """Report something about a box before any number was typed."""
    if kind not in REPORTS:
        raise Http404
    device = _device(code)
    is_wrong_box = kind == TicketKind.WRONG_BOX
    form = (WrongBoxForm if is_wrong_box else ReportForm)(_typed(request))
    context: dict[str, Any] = {"form": form, "kind": kind, "code": code, "words": words()}
    if request.method == "POST" and form.is_valid():
        try:
            ticket = _reported(request, device, TicketKind(kind), form)
        except actions.TooManyReportsError:
            return render(request, "escalation/too_many.html", context, status=429)
        wake()
        request.session[REPORTED_KEY] = {"code": code, "kind": kind, "number": ticket.number}
        return redirect("escalation:reported", code=code)
    return render(
        request, "escalation/report.html", context, status=422 if form.errors else 200
    )


def _reported(
    request: SiteRequest, device: Device, kind: TicketKind, form: forms.Form
) -> Ticket:
    given, client = form.cleaned_data, client_address(request)
    if kind == TicketKind.WRONG_BOX:
        return tell_wrong_box(
            device=device,
            staff_number=given["staff_number"],
            words=given["words"],
            client=client,
            by=None,
            now=request.now,
        )
    return actions.report(
        device=device, kind=kind, words=given["words"], client=client, now=request.now
    )


@never_cache
@require_GET
def reported(request: SiteRequest, code: str) -> HttpResponse:
    """Thank for a report and say what happens next."""
    said = request.session.get(REPORTED_KEY)
    if not isinstance(said, dict) or said.get("code") != code:
        return redirect("journeys:box", code=code)
    return render(request, "escalation/reported.html", {**said, "words": words()})


def _device(code: str) -> Device:
    """Return the device a label is or was on; a found one is reported by its old label, too."""
    try:
        found = device_by_code(parse(code))
    except CodeError as error:
        raise Http404 from error
    if found.device is None:
        raise Http404
    return found.device


# --- the desk --------------------------------------------------------------------------------------


def sees_minutes(request: SiteRequest) -> bool:
    """Tell whether a helper sees how long people take; leads do only where the site says so."""
    return request.rights.is_it or request.profile.leads_see_minutes


@never_cache
@login_required
@require_GET
def desk(request: SiteRequest) -> HttpResponse:
    """Show who waits, what is due first on top; leads see their own people only."""
    helper_here(request)
    wished = request.GET.get("show", "")
    show = wished if wished in SHOWS else SHOWS[0]
    queue = queue_of(
        rights=request.rights,
        show=show,
        now=request.now,
        language=language(),
        limit=QUEUE_MOST + 1,
    )
    context = {"queue": queue[:QUEUE_MOST], "more": len(queue) > QUEUE_MOST, "show": show}
    if request.GET.get("part"):
        return polled("escalation/_desk.html", context, request=request)
    return render(request, "escalation/desk.html", context)


@never_cache
@login_required
@require_GET
def ticket(request: SiteRequest, ticket_id: int) -> HttpResponse:
    """Show one ticket with its whole story."""
    helper_here(request)
    page = _page(request, ticket_id)
    if request.GET.get("part"):
        return polled("escalation/_fresh.html", {"page": page}, request=request)
    return _ticket_page(request, page, ReplyForm(initial={"words": _prepared(request)}))


def _prepared(request: SiteRequest) -> str:
    """Return the words of an answer used again, if the address brings some of ours."""
    try:
        said = signing.loads(request.GET.get("words", ""), salt=WORDS_SALT)
    except signing.BadSignature:
        return ""
    return str(said)[:WORDS_MAX]


@never_cache
@login_required
@require_GET
def photo_file(request: SiteRequest, ticket_id: int, photo_id: int) -> HttpResponse:
    """Give a helper a photo of a ticket of their scope."""
    helper_here(request)
    return _photo_file(photo_in_scope(photo_id, ticket_id=ticket_id, rights=request.rights))


def _page(request: SiteRequest, ticket_id: int) -> TicketPage:
    page = ticket_page(ticket_id, rights=request.rights, now=request.now, language=language())
    if page is None:
        raise Http404
    return page


def _ticket_page(request: SiteRequest, page: TicketPage, form: forms.Form) -> HttpResponse:
    context = {
        "page": page,
        "form": form,
        "words": words(),
        "sees_minutes": sees_minutes(request),
    }
    status = 422 if form.errors else 200
    return render(request, "escalation/ticket.html", context, status=status)


Move = tuple["type[forms.Form]", "Callable[[Ticket, User, str, SiteRequest], object]"]

MOVES: dict[str, Move] = {
    "take": (WordsForm, lambda t, by, _said, r: actions.take(ticket=t, by=by, now=r.now)),
    "go": (WordsForm, lambda t, by, _said, r: actions.go(ticket=t, by=by, now=r.now)),
    "reply": (
        ReplyForm,
        lambda t, by, said, r: actions.reply(ticket=t, by=by, words=said, now=r.now),
    ),
    "note": (
        ReplyForm,
        lambda t, by, said, r: actions.note(ticket=t, by=by, words=said, now=r.now),
    ),
    "resolve": (
        WordsForm,
        lambda t, by, said, r: actions.resolve(ticket=t, by=by, words=said, now=r.now),
    ),
    "pass": (
        WordsForm,
        lambda t, by, said, r: actions.pass_to_it(ticket=t, by=by, words=said, now=r.now),
    ),
    "lost": (WordsForm, lambda t, by, _said, r: actions.mark_lost(ticket=t, by=by, now=r.now)),
}


def _may(rights: Rights, verb: str) -> bool:
    """Tell whether a helper has this move at all: only IT marks as lost, only leads pass on."""
    return {"lost": rights.is_it, "pass": not rights.is_it}.get(verb, verb in MOVES)


@never_cache
@login_required
@require_POST
def ticket_verb(request: SiteRequest, ticket_id: int, verb: str) -> HttpResponse:
    """Do one thing with a ticket: take, go, reply, note, resolve, pass, lost."""
    by = helper_here(request)
    found = get_object_or_404(Ticket.objects.in_scope(request.rights), pk=ticket_id)
    if not _may(request.rights, verb):
        raise Http404
    form_class, act = MOVES[verb]
    form = form_class(request.POST)
    if not form.is_valid():
        return _ticket_page(request, _page(request, ticket_id), form)
    try:
        act(found, by, form.cleaned_data["words"], request)
    except actions.TicketError as error:
        messages.warning(request, _why_not(error))
    wake()
    if request.POST.get("back") in WAYS_BACK:
        return redirect(WAYS_BACK[request.POST["back"]])
    return redirect("escalation:ticket", ticket_id=ticket_id)


def _why_not(error: actions.TicketError) -> str:
    if isinstance(error, actions.AlreadyTakenError):
        name = error.by.name if error.by else _("somebody else")
        return _("%(name)s has taken it already.") % {"name": name}
    if isinstance(error, actions.TicketEndedError):
        return _("This ticket is resolved already.")
    return _("That does not go with this ticket.")


@never_cache
@login_required
@require_POST
def paper(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Note for somebody that they work from paper, or take it back (`over`)."""
    rights = request.rights
    if not (rights.sees_board or rights.is_desk):
        raise Http404
    mine = Journey.objects.all() if rights.is_desk else Journey.objects.in_scope(rights)
    journey = get_object_or_404(mine.open(), pk=journey_id)
    act = leave_paper if "over" in request.POST else go_on_paper
    who = Who(Via.STAFF, cast("User", request.user))
    moved = act(journey_id=journey.pk, who=who, now=request.now)
    if moved.changed and moved.journey.on_paper:
        messages.success(
            request, _("Noted: silence is normal now, and so is a burst on arrival.")
        )
    elif moved.changed:
        messages.success(request, _("Noted: no longer from paper. The usual clocks run again."))
    return redirect(way_back(request) or "home")


# --- a call ----------------------------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def call(request: SiteRequest) -> HttpResponse:
    """Find whom a call is about."""
    team_here(request)
    form = CallerForm(request.GET if "q" in request.GET else None)
    text = form.cleaned_data["q"] if form.is_valid() else ""
    context = {"form": form, "found": callers(text) if text else None, "text": text}
    return render(request, "escalation/call.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def call_about(request: SiteRequest, subject: str, subject_id: int) -> HttpResponse:
    """Write down what somebody said on the phone, about a journey, a person or a device."""
    by = team_here(request)
    about = caller(subject, subject_id)
    if about is None:
        raise Http404
    form = CallForm(_typed(request), has_device=about.device is not None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.take_call(
                kind=TicketKind(form.cleaned_data["what"]),
                words=form.cleaned_data["words"],
                by=by,
                now=request.now,
                journey=about.journey,
                device=about.device,
                person=about.person,
                keep="keep" in request.POST,
            )
        except actions.JourneyOverError as error:
            raise Http404 from error
        wake()
        return redirect("escalation:ticket", ticket_id=made.pk)
    context = {"about": about, "form": form}
    return render(
        request, "escalation/call_about.html", context, status=422 if form.errors else 200
    )
