"""Who hears of a ticket, by what that person can read now, and in that person's hours.

Every message carries a key of ticket, round, level, person and channel, so that running anything
twice says everything once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.urls import reverse

from accounts.models import User
from accounts.queries import leads_for, local_day
from accounts.states import IT_ROLES, Role
from kitting.escalation import rules
from kitting.escalation.states import Level, Reach, Reason, TicketKind, TicketState
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import step_title
from kitting.lib import clock
from kitting.notices.actions import (
    outlets_hearing,
    queue,
    queue_message,
    render,
    tell_outlets,
)
from kitting.notices.actions.sheaf import Sheaf
from kitting.notices.actions.team import tell_it
from kitting.notices.rules import UNASKED
from kitting.notices.states import Channel, OutletEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from datetime import datetime

    from accounts.queries import CalendarBook
    from kitting.escalation.models import Outage, Ticket, TicketEntry

T = TypeVar("T")
# A number that no row has.
HOLE = 10**17


@dataclass(frozen=True)
class Asked:
    """Whether a rung of the ladder could be asked: why not, or whose working time now counts."""

    calendar: clock.Calendar
    why_not: str = ""


@dataclass
class Round(Sheaf):
    """What one round of the sweep writes together: messages, lines of stories, tickets that moved."""

    entries: list[TicketEntry] = field(default_factory=list)
    moved: dict[int, Ticket] = field(default_factory=dict)


@dataclass(frozen=True)
class Telling:
    """A ticket about which something is said at a moment; `knows` needs no message."""

    ticket: Ticket
    book: CalendarBook
    now: datetime
    knows: User | None = None
    ladder: rules.Ladder | None = None
    rung: rules.Rung | None = None
    # Where many tickets are told of in one go: what becomes of them is laid here and written at the end.
    round: Round | None = None
    # Where only what is said of this one ticket is written together, once all is done.
    sheaf: Sheaf | None = None

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """Return an answer that is the same for all tickets of a round."""
        return self.round.once(key, ask) if self.round else ask()

    def lot(self, kind: str) -> Sheaf | None:
        """Return to what a message is laid; outside a round a word unasked looks for its day at once."""
        return self.round or (None if kind in UNASKED else self.sheaf)

    @property
    def reach(self) -> Reach:
        """Return by what the rung that is asked now is told."""
        return self.rung.reach if self.rung else Reach.AUTO

    @property
    def stuck_id(self) -> int | None:
        """Return whose help this is about: nobody is asked to help themselves."""
        return self.ticket.journey.person_id if self.ticket.journey else self.ticket.person_id

    def not_before(self, calendar: clock.Calendar) -> datetime | None:
        """Return when a message may arrive; a loss does not wait for anybody's hours."""
        if self.ticket.kind == TicketKind.LOSS:
            return None
        if self.ladder is None:
            return clock.next_open(calendar, self.now)
        # Calendars, rules and rungs are those of one book for the whole round.
        return self.once(
            ("comes", id(self.ladder), id(self.rung), id(calendar)),
            partial(rules.comes_at, self.ladder, self.rung, calendar, self.now),
        )

    def is_over(self, rung: rules.Rung, calendar: clock.Calendar) -> datetime:
        """Return when a rung that is asked now has had its time."""
        wait = partial(rung.wait.until, calendar, self.now)
        return self.once(("over", id(rung), id(calendar)), wait)


def ask_rung(telling: Telling, level: Level) -> Asked:
    """Send to one rung of the ladder; says why where it cannot be reached."""
    if level == Level.PERSON:
        return _nudge(telling)
    if level == Level.LEAD:
        is_return = telling.ticket.kind == TicketKind.RETURN
        return tell_leads(telling, kind="return_device" if is_return else "lead_stuck")
    return _tell_it(telling, level)


def tell_leads(telling: Telling, *, kind: str) -> Asked:
    """Tell the leads of the ticket's department or place."""
    ticket, book, day = telling.ticket, telling.book, local_day(telling.now)
    here = {"department_id": ticket.department_id, "place_id": ticket.place_id}
    leads = telling.once(("leads", *here.values()), partial(leads_for, **here, on=day))
    there, why_not = who_is_there(telling, leads)
    if not leads:
        why_not = "no_lead"
    if telling.rung and telling.rung.people:
        there = there[: telling.rung.people]
    if why_not:
        return Asked(book.of_place(ticket.place), why_not)
    for lead in there:
        if lead != telling.knows:
            message(telling, lead, kind=kind, level=Level.LEAD)
    return Asked(book.of_person(there[0]))


def tell_person(telling: Telling, *, kind: str, words: str = "", part: str = "") -> None:
    """Tell the person who asked: in the guide at once, by mail in their hours where there is one."""
    ticket = telling.ticket
    if ticket.journey is None:
        return
    person = ticket.journey.person
    sheaf = telling.sheaf or Sheaf()
    for channel in (Channel.WIZARD, *([Channel.MAIL] if person.email else [])):
        by_mail = channel == Channel.MAIL
        queue_message(
            kind=kind,
            person=person,
            channel=channel,
            about=about(ticket),
            reason=f"{_dedupe(ticket, Level.PERSON)}:{part or kind}",
            context={**_context(telling), "words": words},
            link=_link(telling, to_person=True),
            now=telling.now,
            not_before=telling.not_before(telling.book.of_person(person)) if by_mail else None,
            sheaf=sheaf,
        )
    if telling.sheaf is None:
        sheaf.write()


def tell_it_of_outage(outage: Outage, *, book: CalendarBook, now: datetime) -> None:
    """Tell IT, once, that something is broken for many: one message, however many ask."""
    edition = published_edition()
    context: dict[str, object] = {
        "step": step_title(edition.pk if edition else None, outage.step_key),
        "asking": outage.asking,
        "active": outage.active,
    }
    tell_it(
        kind="it_outage",
        event=OutletEvent.OUTAGE,
        matter=f"outage:{outage.pk}",
        context=context,
        link=reverse("escalation:alerts"),
        book=book,
        now=now,
    )


def about(ticket: Ticket) -> str:
    """Return what the outbox calls the matter of a ticket."""
    return f"ticket:{ticket.pk}"


# --- the rungs ------------------------------------------------------------------------------------


def _nudge(telling: Telling) -> Asked:
    ticket = telling.ticket
    person = ticket.journey.person if ticket.journey else ticket.person
    if person is None:
        return Asked(telling.book.default, "no_person")
    calendar = telling.book.of_person(person)
    if person.is_on_leave(local_day(telling.now)):
        return Asked(calendar, "on_leave")
    if not _can_read(telling, person, in_guide=_is_in_the_guide(ticket)):
        return Asked(calendar, "no_channel")
    message(telling, person, kind="nudge", level=Level.PERSON)
    return Asked(calendar)


def _can_read(telling: Telling, person: User, *, in_guide: bool) -> bool:
    """Tell whether somebody reads what the rung is told by."""
    if telling.reach == Reach.PAGE:
        return in_guide
    return bool(person.email) or (in_guide and telling.reach == Reach.AUTO)


def _is_in_the_guide(ticket: Ticket) -> bool:
    """Tell whether the person has the guide open, where the banner speaks to them.

    Who never began, or is silent, does not read it: the lead is nearer.
    """
    return Reason(ticket.reason) in (Reason.SLOW, Reason.FAILING)


def _tell_it(telling: Telling, level: Level) -> Asked:
    """Put a ticket before IT (or its lead): on the desk page, and by mail."""
    ticket, book, day = telling.ticket, telling.book, local_day(telling.now)
    kind = kind_for_it(ticket, level)
    if telling.reach in (Reach.AUTO, Reach.CHAT):
        heard = _tell_outlets(telling, kind=kind, level=level)
        if telling.reach == Reach.CHAT:
            return Asked(book.default, "" if heard else "no_channel")
    if settings.HELP_DESK_EMAIL and level == Level.IT and telling.reach != Reach.PAGE:
        _mail_help_desk(telling, kind=kind)
        return Asked(book.default)
    roles = (Role.IT_LEAD,) if level == Level.IT_LEAD else IT_ROLES
    rows = User.objects.with_role(*roles, on=day).select_related("hours", "place__hours")
    team: list[User] = telling.once(("team", roles), partial(list, rows.order_by("pk")))
    there, why_not = who_is_there(telling, team)
    for person in there:
        if person != telling.knows:
            message(telling, person, kind=kind, level=level)
    return Asked(book.default, why_not)


def kind_for_it(ticket: Ticket, level: Level) -> str:
    if level == Level.IT_LEAD:
        return "it_lead_stuck"
    by_kind = {
        TicketKind.LOSS: "loss",
        TicketKind.RETURN: "return_device",
        TicketKind.QUIET: "it_stuck",
    }
    if ticket.state == TicketState.ANSWERED:
        return "it_stuck"
    return by_kind.get(TicketKind(ticket.kind), "it_asked")


def who_is_there(telling: Telling, people: Sequence[User]) -> tuple[list[User], str]:
    """Return who of some people can help now, or why nobody can."""
    others = [person for person in people if person.pk != telling.stuck_id]
    there = [person for person in others if not person.is_on_leave(local_day(telling.now))]
    if telling.reach == Reach.MAIL and there:
        there = [person for person in there if person.email]
        return there, "" if there else "no_channel"
    if there:
        return there, ""
    if not people:
        return [], "nobody"
    return [], "on_leave" if others else "is_the_person"


# --- the messages ---------------------------------------------------------------------------------


def message(telling: Telling, person: User, *, kind: str, level: Level, link: str = "") -> None:
    """Queue one notice to one person by what that person can read, in that person's hours."""
    ticket = telling.ticket
    page = Channel.WIZARD if level == Level.PERSON else Channel.DESK
    queue_message(
        kind=kind,
        person=person,
        channel={Reach.MAIL: Channel.MAIL, Reach.PAGE: page}.get(telling.reach),
        about=about(ticket),
        reason=f"{_dedupe(ticket, level)}:{kind}",
        context=_context(telling),
        link=link or _link(telling, to_person=level == Level.PERSON),
        now=telling.now,
        not_before=telling.not_before(telling.book.of_person(person)),
        sheaf=telling.lot(kind),
    )


def _mail_help_desk(telling: Telling, *, kind: str) -> None:
    """Send one mail to the team's own address instead of one to each member."""
    ticket = telling.ticket
    link = _link(telling)
    subject, body = render(
        kind=kind,
        person=None,
        channel=Channel.MAIL,
        context={**_context(telling), "path": link},
        sheaf=telling.lot(kind),
    )
    queue(
        dedupe_key=f"{_dedupe(ticket, Level.IT)}:{kind}:help_desk:{Channel.MAIL}",
        kind=kind,
        channel=Channel.MAIL,
        language=settings.LANGUAGE_CODE,
        subject=subject,
        body=body,
        now=telling.now,
        address=settings.HELP_DESK_EMAIL,
        link=link,
        about=about(ticket),
        not_before=telling.not_before(telling.book.default),
        sheaf=telling.lot(kind),
    )


EVENTS = {
    "loss": OutletEvent.LOSS,
    "it_stuck": OutletEvent.FOUND,
    "it_lead_stuck": OutletEvent.RAISED,
}


def event_of(ticket: Ticket, kind: str) -> OutletEvent:
    """Return what a message to IT is for those who chose what they hear of."""
    if kind in EVENTS:
        return EVENTS[kind]
    return OutletEvent.ASKED if ticket.kind == TicketKind.HELP else OutletEvent.REPORTED


def _tell_outlets(telling: Telling, *, kind: str, level: Level) -> bool:
    """Say it in IT's chat rooms too: what and where, never who; tells whether any listens."""
    ticket = telling.ticket
    context = {**_context(telling), "person_name": "", "extension": "", "device": ""}
    event = event_of(ticket, kind)
    if not outlets_hearing(event, telling.lot(kind)):
        return False
    subject, body = render(
        kind=kind,
        person=None,
        channel=Channel.OUTLET,
        context=context,
        sheaf=telling.lot(kind),
    )
    tell_outlets(
        event=event,
        reason=f"{_dedupe(ticket, level)}:{kind}",
        subject=subject,
        body=body,
        link=_link(telling),
        about=about(ticket),
        now=telling.now,
        not_before=telling.not_before(telling.book.default),
        sheaf=telling.lot(kind),
    )
    return True


def _link(telling: Telling, *, to_person: bool = False) -> str:
    """Return the path of the page where the reader can do something about it."""
    name, pk = "escalation:ticket", telling.ticket.pk
    if to_person and telling.ticket.journey_id:
        name, pk = "journeys:overview", telling.ticket.journey_id
    return telling.once(("path", name), partial(_path, name)).format(pk)


def _path(name: str) -> str:
    """Return the path of a page with a hole for the number it is about."""
    return reverse(name, args=[HOLE]).replace(str(HOLE), "{}")


def _dedupe(ticket: Ticket, level: Level) -> str:
    return f"ticket:{ticket.pk}:{ticket.round}:{level}"


def _context(telling: Telling) -> dict[str, object]:
    """Return what the wording of a message may use; names only where helpers read it."""
    ticket, journey = telling.ticket, telling.ticket.journey
    here = (journey.edition_id if journey else None, ticket.step_key)
    person = journey.person if journey else ticket.person
    device = ticket.device or (journey.loan.device if journey else None)
    return {
        "number": ticket.number,
        "ticket_id": ticket.pk,
        "kind": str(ticket.kind),
        "reason": str(ticket.reason),
        "answered": ticket.state == TicketState.ANSWERED,
        "journey_id": journey.pk if journey else None,
        "person_name": person.name if person else "",
        "extension": person.extension if person else "",
        "department": str(ticket.department or ""),
        "place": str(ticket.place or ""),
        "device": str(device or ""),
        "step": telling.once(("step", *here), partial(step_title, *here)),
    }
