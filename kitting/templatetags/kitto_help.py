"""Help on the pages of a journey: journeys know nothing of escalation, so the pages ask through here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.core import signing
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kitting.escalation.actions.moves import may_join
from kitting.escalation.forms.ladder import said_minutes
from kitting.escalation.models import Offer
from kitting.escalation.queries.desk import WAITING_MOST, waiting_number
from kitting.escalation.queries.moves import last_move, others_of_person
from kitting.escalation.queries.person import own_help
from kitting.escalation.rules import PLEAS_MOST
from kitting.escalation.states import (
    EntryKind,
    PleaAnswer,
    Reason,
    Source,
    TicketKind,
    TicketState,
)
from kitting.escalation.views import WORDS_SALT
from kitting.helpdesk.queries import (
    answers_given,
    meeting_url,
    others_looking,
    saved_replies,
    step_of,
)
from kitting.helpdesk.states import Outcome
from kitting.journeys.states import Method, Result, Why

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accounts.queries import Rights
    from kitting.escalation.models import Ticket
    from kitting.escalation.queries.desk import TicketPage
    from kitting.escalation.queries.story import StoryLine
    from kitting.escalation.rules import Wait
    from kitting.journeys.models import Journey

register = template.Library()

# So many minutes are said as minutes; from here on as hours.
MINUTES_MOST = 120


@register.inclusion_tag("escalation/_banner.html", takes_context=True)
def help_banner(context: template.Context, journey: Journey) -> dict[str, object]:
    """Show what became of the person's question: received, answered, or "does it work now?".

    Where Kitto noticed trouble at this step, it offers help. Costs one query while nothing was asked.
    """
    found = own_help(journey, by_box=_is_by_box(context))
    ticket = found.ticket
    ask_better = ticket is not None and (
        not ticket.is_waiting
        or (ticket.state != TicketState.RESOLVED and ticket.step_key != journey.current_step)
    )
    return {
        "ticket": ticket,
        "journey": journey,
        "answer": found.answer,
        "is_nudge": found.is_nudge,
        "reason": found.reason,
        "ask_better": ask_better,
        "csrf_token": context.get("csrf_token"),
        "request": context.get("request"),
    }


def _is_by_box(context: template.Context) -> bool:
    user = context.get("user")
    return user is None or not user.is_authenticated


@register.simple_tag
def ticket_title(ticket: Ticket, subject: str = "") -> str:
    """Return what a ticket is about: the trouble or step somebody asked about, else its kind."""
    if ticket.kind == TicketKind.HELP:
        return subject or _("Needs help")
    if ticket.kind == TicketKind.QUIET:
        return {
            Reason.NEVER_STARTED: _("Has not begun"),
            Reason.SILENT: _("Nothing heard for a while"),
            Reason.SLOW: _("On one step for a long time"),
            Reason.FAILING: _("A check fails again and again"),
        }.get(Reason(ticket.reason), _("Needs attention"))
    return str(ticket.get_kind_display())


@register.simple_tag
def due_words(minutes: int, is_overdue: bool) -> str:  # noqa: FBT001  # templates pass no names
    """Say how long there is, or since when it was due: in hours where minutes say nothing."""
    hours = minutes // 60
    if minutes < MINUTES_MOST:
        if is_overdue:
            text = ngettext("%(n)s minute overdue", "%(n)s minutes overdue", minutes)
        else:
            text = ngettext("%(n)s minute left", "%(n)s minutes left", minutes)
        return text % {"n": minutes}
    if is_overdue:
        text = ngettext("%(n)s hour overdue", "%(n)s hours overdue", hours)
    else:
        text = ngettext("%(n)s hour left", "%(n)s hours left", hours)
    return text % {"n": hours}


@register.filter
def sureness(data: Mapping[str, str]) -> str:
    """Say how sure a result is, what made us believe it, and why it is no more than that."""
    result, method, reason = (data.get(name, "") for name in ("result", "method", "reason"))
    parts = [
        Result(result).label if result in Result.values else "",
        Method(method).label if method in Method.values and method != Method.BUTTON else "",
        Why(reason).label if reason in Why.values and reason != method else "",
    ]
    return _(", ").join(str(part) for part in parts if part)


@register.simple_tag
def opened_title(ticket: Ticket, line: StoryLine) -> str:
    """Return how a ticket came to be: asked, called in, reported, or noticed by Kitto."""
    if ticket.kind == TicketKind.LOSS and ticket.source in (Source.PERSON, Source.LOSS_PAGE):
        return _("Told of a loss")
    if ticket.source == Source.SWEEP:
        return _("Kitto noticed: %(what)s") % {"what": ticket_title(ticket)}
    if ticket.source == Source.PHONE:
        name = line.actor.name if line.actor else _("IT")
        return _("%(name)s took a call") % {"name": name}
    if ticket.source == Source.BOX_PAGE:
        return _("Reported from the box page")
    return _("Asked for help")


def _few_pages(rights: Rights | None, current: str) -> list[dict[str, Any]]:
    """Return the pages of who helps nobody: an auditor's figures, the desk's counter."""
    pages = []
    if rights is not None and rights.is_auditor:
        board = {"label": _("Progress"), "url": reverse("dashboard:overview")}
        pages.append({**board, "current": current == "board"})
        log = {"label": _("Audit log"), "url": reverse("account_audit")}
        pages.append({**log, "current": current == "audit"})
    if rights is not None and rights.is_desk:
        pages += [_counter_item(current), _labels_item(current)]
    return pages


def _waiting_badge(rights: Rights) -> int | str:
    number = waiting_number(rights=rights)
    return f"{WAITING_MOST}+" if number > WAITING_MOST else number


@register.inclusion_tag("components/_staff_nav.html", takes_context=True)
def staff_nav(
    context: template.Context, current: str = "", waiting: int | None = None
) -> dict[str, object]:
    """Show the pages of helpers, with how many people wait (one query unless the page knows)."""
    rights: Rights | None = context.get("rights")
    if rights is None or not rights.sees_board:
        return {"nav": _few_pages(rights, current)}
    items: list[dict[str, Any]] = [
        {
            "label": _("Progress"),
            "url": reverse("dashboard:overview"),
            "current": current == "board",
        },
        {
            "label": _("People waiting"),
            "url": reverse("escalation:desk"),
            "current": current == "desk",
            "badge": _waiting_badge(rights) if waiting is None else waiting,
        },
    ]
    items.append(_counter_item(current))
    if rights.is_it or rights.is_lead:
        items.append(
            {
                "label": _("Plan"),
                "url": reverse("plan:home"),
                "current": current == "plan",
            }
        )
    if rights.is_it or rights.is_desk:
        items.append(_labels_item(current))
    if rights.is_it:
        items.append(
            {
                "label": _("Sheets"),
                "url": reverse("imports:overview"),
                "current": current == "imports",
            }
        )
        items.append(
            {
                "label": _("Google"),
                "url": reverse("directory:overview"),
                "current": current == "directory",
            }
        )
        items.append(
            {
                "label": _("Settings"),
                "url": reverse("site:profile"),
                "current": current == "settings",
            }
        )
    return {"nav": items}


def _counter_item(current: str) -> dict[str, Any]:
    return {
        "label": _("Boxes"),
        "url": reverse("counter:home"),
        "current": current == "counter",
    }


@register.simple_tag
def move_title(line: StoryLine, to_person: bool) -> str:  # noqa: FBT001  # templates pass no names
    """Say how a helper moved a ticket; empty for every other line of a story."""
    if line.data.get("colleague"):
        return _plea_title(line)
    until = parse_datetime(line.data.get("until", ""))
    words = (
        {
            EntryKind.SNOOZED: _("%(name)s put it off until %(until)s"),
            EntryKind.NOT_TODAY: _("%(name)s cannot go today"),
            EntryKind.HELD: _("%(name)s put it on hold"),
            EntryKind.RELEASED: _("%(name)s took it up again"),
            EntryKind.REASSIGNED: _("%(name)s gave it to %(to)s"),
            EntryKind.JOINED: _("%(name)s joined it with %(other)s"),
            EntryKind.TOOK_IN: _("%(name)s joined %(other)s with this one"),
            EntryKind.REOPENED: _("%(name)s opened it again"),
            EntryKind.QUIETED: _(
                "Nobody is told again: the rule says that it was often enough"
            ),
        }.get(EntryKind(line.kind))
        if line.kind in EntryKind.values and not line.of_journey
        else None
    )
    if words is None or to_person:
        return ""
    return words % {
        "name": line.actor or _("somebody"),
        "until": date_format(localtime(until), "n/j G:i") if until else "",
        "to": line.data.get("to", ""),
        "other": line.data.get("other", ""),
    }


def _plea_title(line: StoryLine) -> str:
    words = {
        PleaAnswer.GOING: _("%(name)s, a colleague, goes there"),
        PleaAnswer.NOT_NOW: _("%(name)s, a colleague, cannot now"),
        PleaAnswer.HELPED: _("%(name)s, a colleague, solved it"),
    }[PleaAnswer(line.data["colleague"])]
    return words % {"name": line.actor or _("somebody")}


@register.inclusion_tag("escalation/_offer.html", takes_context=True)
def help_offer(context: template.Context, journey: Journey) -> dict[str, object]:
    """Let somebody who is ready offer help to colleagues, or take it back (one query)."""
    standing = Offer.objects.standing().filter(person_id=journey.person_id)
    return {
        "journey": journey,
        "is_offered": standing.exists(),
        "most": PLEAS_MOST,
        "csrf_token": context.get("csrf_token"),
    }


@register.inclusion_tag("escalation/_moves.html", takes_context=True)
def ticket_moves(context: template.Context, page: TicketPage) -> dict[str, object]:
    """Show what else helpers can do with a ticket, and where it stands."""
    request = context["request"]
    ticket = page.ticket
    last = last_move(ticket)
    others = others_of_person(ticket, rights=request.rights)
    return {
        "ticket": ticket,
        "rights": request.rights,
        "seen": last.pk if last else 0,
        "others": others,
        "may_join": any(may_join(ticket, one) for one in others),
        "may_reopen": ticket.state == TicketState.RESOLVED and ticket.merged_into_id is None,
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def wait_words(wait: Wait) -> str:
    """Say a wait of a rule of the ladder, such as 1 day 2 hours."""
    return said_minutes(int(wait.amount.total_seconds()) // 60, by_wall=wait.by_wall)


@register.simple_tag
def outcome_words(data: Mapping[str, str]) -> str:
    """Say how a call ended and how long it took, where a line of a story tells."""
    outcome = data.get("outcome", "")
    if outcome not in Outcome.values:
        return ""
    words = str(Outcome(outcome).label)
    minutes = int(data.get("minutes") or 0)
    if not minutes:
        return words
    return ngettext("%(what)s, %(n)s minute", "%(what)s, %(n)s minutes", minutes) % {
        "what": words,
        "n": minutes,
    }


@register.inclusion_tag("helpdesk/_tools.html", takes_context=True)
def helpdesk_tools(context: template.Context, page: TicketPage) -> dict[str, object]:
    """Show what helps with answering a ticket: who else looks, answers used again, the step's note."""
    request = context["request"]
    rights: Rights = request.rights
    place = step_of(page.ticket) if rights.is_it else None
    return {
        "page": page,
        "rights": rights,
        "others": others_looking(page.ticket, by=request.user, now=request.now),
        "replies": [
            (title, signing.dumps(text, salt=WORDS_SALT, compress=True))
            for title, text in saved_replies(page, by=request.user)
        ]
        if rights.is_it
        else [],
        "meeting": meeting_url(request.user) if rights.is_it else "",
        "may_note": place is not None,
        "answer": answers_given(page.ticket) if place else "",
        "csrf_token": context.get("csrf_token"),
    }


def _labels_item(current: str) -> dict[str, Any]:
    return {
        "label": _("Labels"),
        "url": reverse("labels:home"),
        "current": current == "labels",
    }
