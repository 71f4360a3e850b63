"""What IT is told that is about no single ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from accounts.models import User
from accounts.queries import local_day
from accounts.states import IT_ROLES
from kitting.lib import clock
from kitting.notices.actions import queue, queue_message, render, tell_outlets
from kitting.notices.states import Channel

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.queries import CalendarBook
    from kitting.notices.states import OutletEvent


def tell_it(  # noqa: PLR0913  # a message has this many facts, and callers name each
    *,
    kind: str,
    matter: str,
    context: dict[str, object],
    link: str,
    book: CalendarBook,
    now: datetime,
    event: OutletEvent | None = None,
) -> None:
    """Tell IT something that is about no single ticket, once for each matter, in IT's hours.

    `event` says it in the chat rooms that hear of such things, too.
    """
    hours = clock.next_open(book.default, now)
    if event is not None:
        subject, body = render(kind=kind, person=None, channel=Channel.OUTLET, context=context)
        tell_outlets(
            event=event,
            reason=matter,
            subject=subject,
            body=body,
            link=link,
            about=matter,
            now=now,
            not_before=hours,
        )
    if settings.HELP_DESK_EMAIL:
        subject, body = render(
            kind=kind, person=None, channel=Channel.MAIL, context={**context, "path": link}
        )
        queue(
            dedupe_key=f"{matter}:help_desk:{Channel.MAIL}",
            kind=kind,
            channel=Channel.MAIL,
            language=settings.LANGUAGE_CODE,
            subject=subject,
            body=body,
            now=now,
            address=settings.HELP_DESK_EMAIL,
            link=link,
            about=matter,
            not_before=hours,
        )
        return
    for person in User.objects.with_role(*IT_ROLES, on=local_day(now)).order_by("pk"):
        if not person.is_on_leave(local_day(now)):
            queue_message(
                kind=kind,
                person=person,
                about=matter,
                reason=matter,
                context=context,
                link=link,
                now=now,
                not_before=hours,
            )
