"""The desk: the next call, the round by place, one answer to many, answers used again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kitting.devices.models import Device
from kitting.escalation.actions.errors import TicketEndedError
from kitting.escalation.models import Ticket
from kitting.escalation.queries.desk import ticket_page
from kitting.escalation.states import TicketKind
from kitting.guides.actions import publish_notes
from kitting.guides.models import Edition, StepNote
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import note_lines, step_name
from kitting.guides.states import EditionState
from kitting.helpdesk import actions
from kitting.helpdesk.forms import (
    ManyForm,
    MeetingForm,
    NoteForm,
    OutcomeForm,
    ProposalForm,
    SavedReplyForm,
)
from kitting.helpdesk.models import SavedReply
from kitting.helpdesk.queries import (
    answers_given,
    many_choices,
    meeting_url,
    next_call,
    others_looking,
    people_without_mail,
    reply_names,
    round_of,
    step_of,
)
from kitting.helpdesk.states import Outcome
from kitting.notices.tasks import wake
from kitting.site.queries import helper_here, team_here, words

if TYPE_CHECKING:
    from django.http import QueryDict

    from kitting.site.queries import SiteRequest


def _language() -> str:
    return translation.get_language() or "ja"


def _typed(request: SiteRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _ticket(request: SiteRequest, ticket_id: int) -> Ticket:
    return get_object_or_404(
        Ticket.objects.in_scope(request.rights).select_related("journey"), pk=ticket_id
    )


# --- calls ------------------------------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def next_ticket(request: SiteRequest) -> HttpResponse:
    """Show whom to call now, with everything one wants to know before."""
    by = team_here(request)
    after = request.GET.get("after", "")
    found = next_call(
        rights=request.rights,
        now=request.now,
        language=_language(),
        after=int(after) if after.isdecimal() and len(after) < 10 else 0,  # noqa: PLR2004  # fits a key
    )
    context = {
        "call": found,
        "page": found.page if found else None,
        "form": OutcomeForm(),
        "outcomes": Outcome.choices,
        "meeting": meeting_url(by),
        "words": words(),
    }
    return render(request, "helpdesk/next.html", context)


@never_cache
@login_required
@require_POST
def outcome(request: SiteRequest, ticket_id: int) -> HttpResponse:
    """Say how a call ended, and go on to the next one."""
    by = team_here(request)
    ticket = _ticket(request, ticket_id)
    form = OutcomeForm(request.POST)
    if not form.is_valid():
        page = ticket_page(
            ticket_id, rights=request.rights, now=request.now, language=_language()
        )
        context = {
            "call": None,
            "page": page,
            "form": form,
            "outcomes": Outcome.choices,
            "meeting": meeting_url(by),
            "words": words(),
        }
        return render(request, "helpdesk/next.html", context, status=422)
    ended = Outcome(form.cleaned_data["outcome"])
    try:
        actions.finish_call(
            ticket=ticket,
            by=by,
            outcome=ended,
            minutes=form.cleaned_data["minutes"] or 0,
            words=form.cleaned_data["words"],
            now=request.now,
        )
    except TicketEndedError:
        messages.warning(request, _("This ticket is resolved already."))
    else:
        messages.success(
            request, _("%(number)s: %(what)s.") % {"number": ticket.number, "what": ended.label}
        )
    wake()
    if request.POST.get("back") == "ticket":
        return redirect("escalation:ticket", ticket_id=ticket_id)
    response = redirect("helpdesk:next")
    if ended == Outcome.NO_ANSWER:
        response["Location"] += f"?after={ticket_id}"
    return response


@never_cache
@login_required
@require_GET
def round_by_place(request: SiteRequest) -> HttpResponse:
    """Show who waits, place by place, for somebody on the way with a phone."""
    helper_here(request)
    visits_only = request.GET.get("show") == "visits"
    found = round_of(
        rights=request.rights, now=request.now, language=_language(), visits_only=visits_only
    )
    context = {"stops": found, "visits_only": visits_only}
    return render(request, "helpdesk/round.html", context)


@never_cache
@login_required
@require_GET
def without_mail(request: SiteRequest) -> HttpResponse:
    """Show whom no mail reaches, as a list to call or as slips to hand out; both are made to be printed."""
    by = helper_here(request)
    context = {
        "rows": people_without_mail(rights=request.rights, now=request.now),
        "slips": request.GET.get("show") == "slips",
        "by": by,
        "words": words(),
        "now": request.now,
    }
    return render(request, "helpdesk/without_mail.html", context)


# --- one answer to many -----------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def answer(request: SiteRequest) -> HttpResponse:
    """Give everybody who was chosen the same answer."""
    by = team_here(request)
    rows = many_choices(rights=request.rights, now=request.now, language=_language())
    form = ManyForm(_typed(request), choices=[(row.ticket.pk, row.subject) for row in rows])
    if request.method == "POST" and form.is_valid():
        chosen = set(form.cleaned_data["tickets"])
        done = actions.answer_many(
            tickets=[row.ticket for row in rows if row.ticket.pk in chosen],
            by=by,
            words=form.cleaned_data["words"],
            now=request.now,
        )
        number = len(done.reached)
        messages.success(
            request,
            ngettext("%(n)s person was answered.", "%(n)s people were answered.", number)
            % {"n": number},
        )
        if done.missed:
            numbers = ", ".join(ticket.number for ticket in done.missed)
            messages.warning(
                request, _("These had ended meanwhile: %(numbers)s") % {"numbers": numbers}
            )
        wake()
        return redirect("escalation:desk")
    chosen_now = set(request.POST.getlist("tickets"))
    context = {
        "form": form,
        "rows": [(row, str(row.ticket.pk) in chosen_now) for row in rows],
    }
    return render(request, "helpdesk/answer.html", context, status=422 if form.errors else 200)


# --- answers used again -----------------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def replies(request: SiteRequest) -> HttpResponse:
    """List the answers that are used again."""
    team_here(request)
    context = {"replies": SavedReply.objects.select_related("changed_by").order_by("title")}
    return render(request, "helpdesk/replies.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def reply(request: SiteRequest, reply_id: int | None = None) -> HttpResponse:
    """Write an answer to use again, or change one."""
    by = team_here(request)
    kept = get_object_or_404(SavedReply, pk=reply_id) if reply_id else None
    names = reply_names()
    form = SavedReplyForm(
        _typed(request),
        names=names,
        taken=set(SavedReply.objects.exclude(pk=reply_id or 0).values_list("title", flat=True)),
        initial={"title": kept.title, "text_ja": kept.text_ja, "text_en": kept.text_en}
        if kept
        else None,
    )
    if request.method == "POST" and form.is_valid():
        actions.save_reply(reply_id=reply_id, by=by, now=request.now, **form.cleaned_data)
        messages.success(request, _("Saved."))
        return redirect("helpdesk:replies")
    context = {"form": form, "kept": kept, "names": [f"{{{name}}}" for name in names]}
    return render(request, "helpdesk/reply.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@require_POST
def drop(request: SiteRequest, reply_id: int) -> HttpResponse:
    """Forget an answer."""
    team_here(request)
    if not actions.drop_reply(reply_id=reply_id):
        raise Http404
    messages.success(request, _("The answer was removed."))
    return redirect("helpdesk:replies")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def meeting(request: SiteRequest) -> HttpResponse:
    """Keep the link of one's own meeting room."""
    by = team_here(request)
    form = MeetingForm(_typed(request), initial={"meeting_url": meeting_url(by)})
    if request.method == "POST" and form.is_valid():
        actions.set_meeting(person=by, url=form.cleaned_data["meeting_url"])
        messages.success(request, _("Saved."))
        return redirect("helpdesk:replies")
    return render(
        request, "helpdesk/meeting.html", {"form": form}, status=422 if form.errors else 200
    )


# --- what everybody at a step should know -----------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def note(request: SiteRequest, ticket_id: int) -> HttpResponse:
    """Make what helped one person a note for everybody at that step."""
    by = team_here(request)
    ticket = _ticket(request, ticket_id)
    place = step_of(ticket)
    if place is None or ticket.kind not in (TicketKind.HELP, TicketKind.QUIET):
        raise Http404
    edition_id, key = place
    said = answers_given(ticket)
    language = ticket.journey.person.language if ticket.journey else "ja"
    form = NoteForm(_typed(request), initial={f"text_{language}": said})
    if request.method == "POST" and form.is_valid():
        actions.note_step(
            ticket=ticket,
            edition_id=edition_id,
            step_key=key,
            by=by,
            now=request.now,
            **form.cleaned_data,
        )
        messages.success(request, _("Everybody at this step reads it from now on."))
        return redirect("escalation:ticket", ticket_id=ticket_id)
    context = {
        "form": form,
        "ticket": ticket,
        "step": step_name(edition_id, key, _language(), words=words()),
    }
    return render(request, "helpdesk/note.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@require_GET
def notes(request: SiteRequest) -> HttpResponse:
    """List the notes of the steps: what the next edition should say."""
    team_here(request)
    lines = note_lines(_language())
    drafts = {
        line.note.adopted_in.pk: line.note.adopted_in
        for line in lines
        if line.note.adopted_in and line.note.ended_at is None
    }
    context = {"lines": lines, "edition": published_edition(), "drafts": drafts.values()}
    return render(request, "helpdesk/notes.html", context)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def propose(request: SiteRequest, note_id: int) -> HttpResponse:
    """Write a note into the next edition of the guide, as a trouble of its step."""
    by = team_here(request)
    note = get_object_or_404(StepNote, pk=note_id, ended_at=None, adopted_in=None)
    edition = published_edition()
    if edition is None or not edition.steps.filter(key=note.step_key).exists():
        raise Http404
    initial = {"attempt_ja": note.text.get("ja", ""), "attempt_en": note.text.get("en", "")}
    form = ProposalForm(_typed(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        actions.propose_note(note=note, said=form.cleaned_data, by=by, now=request.now)
        messages.success(request, _("It stands in the next edition."))
        return redirect("helpdesk:notes")
    step = step_name(edition.pk, note.step_key, _language(), words=words())
    context = {"form": form, "note": note, "step": step}
    return render(request, "helpdesk/propose.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@require_POST
def publish(request: SiteRequest, edition_id: int) -> HttpResponse:
    """Publish the edition with the notes in it; the IT lead does."""
    by = team_here(request)
    if not request.rights.is_it_lead:
        raise Http404
    drafts = StepNote.objects.filter(ended_at=None).values("adopted_in")
    edition = get_object_or_404(Edition, pk=edition_id, state=EditionState.DRAFT, pk__in=drafts)
    publish_notes(edition_id=edition.pk, by=by, now=request.now)
    messages.success(request, _("Published. Whoever begins from now on reads it."))
    return redirect("helpdesk:notes")


@never_cache
@login_required
@require_POST
def end(request: SiteRequest, note_id: int) -> HttpResponse:
    """Take a note off its step; `adopted` says that the edition in force says it now."""
    by = team_here(request)
    adopted = published_edition() if "adopted" in request.POST else None
    if not actions.end_note(note_id=note_id, by=by, now=request.now, adopted_in=adopted):
        raise Http404
    messages.success(request, _("The note was taken off its step."))
    return redirect("helpdesk:notes")


# --- who looks --------------------------------------------------------------------------------------


@never_cache
@login_required
@require_POST
def look(request: SiteRequest, ticket_id: int) -> HttpResponse:
    """Note that a ticket is on this helper's screen, and say on whose else (a beacon)."""
    by = helper_here(request)
    ticket = _ticket(request, ticket_id)
    actions.look(ticket=ticket, by=by, now=request.now)
    names = others_looking(ticket, by=by, now=request.now)
    text = (
        _("%(names)s also has this ticket open.") % {"names": "、".join(names)} if names else ""
    )
    return JsonResponse({"text": text})


@never_cache
@login_required
@require_POST
def reveal(request: SiteRequest, device_id: int) -> HttpResponse:
    """Show a whole serial number once; that somebody looked is written down."""
    by = team_here(request)
    device = get_object_or_404(Device, pk=device_id)
    serial = actions.reveal_serial(device=device, by=by, now=request.now)
    return render(request, "helpdesk/revealed.html", {"device": device, "serial": serial})
