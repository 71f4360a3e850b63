"""Writing to the outbox and emptying it."""

from __future__ import annotations

import logging
import random
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.actions import write_audit
from accounts.models import User
from accounts.queries import local_day
from kitting.notices.channels import NotNowError, RefusedError, UnreachableError, host
from kitting.notices.models import Notice, Outlet
from kitting.notices.queries import (
    day_for_a_word,
    has_heard_again,
    last_told,
    summary_after,
)
from kitting.notices.rules import (
    CLAIM,
    GATHERED,
    OUTLET_STEPS,
    ROUND,
    SIGN_IN_STEPS,
    SIGN_IN_VALID,
    STEPS,
    TEST,
    UNASKED,
    UNREACHABLE_PAUSE,
    message_id,
    pause_after,
    split_text,
)
from kitting.notices.states import Channel, Lane, NoticeState
from kitting.site.actions import note_outlets_off
from kitting.site.queries import profile_now, words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import date, datetime

    from kitting.notices.actions.sheaf import Sheaf
    from kitting.notices.channels import Send
    from kitting.notices.models import NoticeQuerySet
    from kitting.notices.states import OutletEvent

log = logging.getLogger(__name__)

SUBJECT_MAX = 200
LEAVES = (Channel.MAIL, Channel.OUTLET)
STEPS_OF = {Lane.NORMAL: STEPS, Lane.SIGN_IN: SIGN_IN_STEPS, Lane.OUTLET: OUTLET_STEPS}


class UntestedError(Exception):
    """Nothing has arrived at this outlet since it was switched off."""


@dataclass(frozen=True)
class Delivered:
    """What one round did with the notices it took."""

    sent: int = 0
    failed: int = 0
    postponed: int = 0
    unreachable: bool = False

    def __add__(self, other: Delivered) -> Delivered:
        return Delivered(
            sent=self.sent + other.sent,
            failed=self.failed + other.failed,
            postponed=self.postponed + other.postponed,
            unreachable=self.unreachable or other.unreachable,
        )

    @property
    def taken(self) -> int:
        """Return how many notices the round had in hand."""
        return self.sent + self.failed + self.postponed


# ---------------------------------------------------------------- writing


def queue(  # noqa: PLR0913  # a message has this many facts, and callers name each
    *,
    dedupe_key: str,
    kind: str,
    channel: Channel,
    language: str,
    subject: str,
    body: str,
    now: datetime,
    person: User | None = None,
    address: str = "",
    link: str = "",
    about: str = "",
    not_before: datetime | None = None,
    lane: Lane = Lane.NORMAL,
    outlet: Outlet | None = None,
    unasked_on: date | None = None,
    sheaf: Sheaf | None = None,
) -> Notice | None:
    """Put one message into the outbox, or to a sheaf that is written later; return None if this key was ever used.

    `link` is a path of this site; `not_before` holds a message back until the recipient's hours.
    `unasked_on` is the day of something unasked; a second one for that person and day is refused.
    What is read on a page (every channel that does not leave) counts as sent at once.
    """
    due = max(now, not_before) if not_before else now
    at_once = channel not in LEAVES and due == now
    values = {
        "kind": kind,
        "lane": lane,
        "channel": channel,
        "person": person,
        "outlet": outlet,
        "address": address,
        "language": language,
        "subject": " ".join(subject.split())[:SUBJECT_MAX],
        "body": body,
        "link": link,
        "about": about,
        "message_id": message_id(dedupe_key, host=host()),
        "state": NoticeState.SENT if at_once else NoticeState.QUEUED,
        "created_at": now,
        "next_try_at": due,
        "unasked_on": unasked_on,
        "sent_at": now if at_once else None,
    }
    if sheaf is not None:
        notice = Notice(dedupe_key=dedupe_key, **values)
        sheaf.put(notice)
        return notice
    with transaction.atomic():
        notice, is_new = Notice.objects.get_or_create(dedupe_key=dedupe_key, defaults=values)
    return notice if is_new else None


def queue_message(  # noqa: PLR0913  # see queue
    *,
    kind: str,
    person: User,
    reason: str,
    context: Mapping[str, object],
    now: datetime,
    link: str = "",
    about: str = "",
    not_before: datetime | None = None,
    channel: Channel | None = None,
    sheaf: Sheaf | None = None,
) -> Notice | None:
    """Write `templates/emails/<kind>.txt` to one person, in that person's language.

    `reason` names the matter, level and round; with person and channel it makes the dedupe key, so
    that the same thing is said once. Without `channel` the message goes by mail to who has an
    address, else to the guide's own pages.
    """
    channel = channel or channel_for(person)
    wait_until = None
    if channel == Channel.MAIL and kind in GATHERED:
        last = sheaf.last_told(person) if sheaf else last_told(person)
        wait_until = summary_after(last, now=now)
    subject, body = render(
        kind=kind,
        person=person,
        channel=channel,
        context={**context, "path": link},
        sheaf=sheaf,
    )
    put = partial(
        queue,
        dedupe_key=f"{reason}:{person.pk}:{channel}",
        kind=kind,
        channel=channel,
        person=person,
        address=person.email if channel == Channel.MAIL else "",
        language=person.language,
        subject=subject,
        body=body,
        link=link,
        about=about,
        now=now,
        lane=Lane.GATHER if wait_until else Lane.NORMAL,
        sheaf=sheaf,
    )
    if kind in UNASKED and sheaf is not None:
        at = max(filter(None, (now, not_before)))
        taken = sheaf.days_of(person, since=now)
        return _put_on_free_day(put, person, at=at, taken=taken)
    if kind in UNASKED:
        return _put_unasked(put, person, at=max(filter(None, (now, not_before))))
    return put(not_before=max(filter(None, (not_before, wait_until)), default=None))


def _put_unasked(
    put: Callable[..., Notice | None], person: User, *, at: datetime
) -> Notice | None:
    """Say something unasked on the first day without any; who loses a race for it takes the next day."""
    try:
        return _put_on_free_day(put, person, at=at)
    except IntegrityError:
        return _put_on_free_day(put, person, at=at)


def _put_on_free_day(
    put: Callable[..., Notice | None],
    person: User,
    *,
    at: datetime,
    taken: Collection[date] | None = None,
) -> Notice | None:
    moment = day_for_a_word(person, at=at, taken=taken)
    return put(not_before=moment, unasked_on=local_day(moment))


def tell_outlets(  # noqa: PLR0913  # see queue
    *,
    event: OutletEvent,
    reason: str,
    subject: str,
    body: str,
    now: datetime,
    link: str = "",
    about: str = "",
    not_before: datetime | None = None,
    sheaf: Sheaf | None = None,
) -> int:
    """Say something to every chat room and program that wants to hear of it; return how many."""
    said = [
        queue(
            dedupe_key=f"{reason}:outlet:{outlet.pk}",
            kind=event,
            channel=Channel.OUTLET,
            lane=Lane.OUTLET,
            outlet=outlet,
            language=settings.LANGUAGE_CODE,
            subject=subject,
            body=body,
            link=link,
            about=about,
            now=now,
            not_before=not_before,
            sheaf=sheaf,
        )
        for outlet in outlets_hearing(event, sheaf)
    ]
    return sum(notice is not None for notice in said)


def outlets_hearing(event: OutletEvent, sheaf: Sheaf | None = None) -> list[Outlet]:
    """Return which chat rooms and programs hear of such a thing; a sheaf asks once."""
    ask = partial(Outlet.objects.hearing, event)
    return sheaf.once(("outlets", event), ask) if sheaf else ask()


@transaction.atomic
def save_outlet(
    *, outlet: Outlet | None, values: Mapping[str, Any], by: User, now: datetime
) -> Outlet:
    """Make or change an outlet; an empty address or secret keeps what was there."""
    kept = outlet or Outlet(created_at=now)
    for name, value in values.items():
        if value or name not in ("url", "secret"):
            setattr(kept, name, value)
    kept.save()
    action = "outlet.changed" if outlet else "outlet.made"
    write_audit(action=action, subject=kept.label, data={"at": kept.masked}, by=by, now=now)
    return kept


@transaction.atomic
def remove_outlet(*, outlet: Outlet, by: User, now: datetime) -> None:
    """Take an outlet away; what waits for it, or never reached it, is no longer needed."""
    _take_back(outlet, NoticeState.QUEUED, NoticeState.FAILED)
    write_audit(action="outlet.removed", subject=outlet.label, by=by, now=now)
    outlet.delete()
    _note_outlets_off()


@transaction.atomic
def switch_outlet(*, outlet: Outlet, is_on: bool, by: User, now: datetime) -> bool:
    """Let an outlet rest, or hear again; tells whether that was new.

    What waits for one that rests is taken back, and what happens meanwhile is not told later. One that was
    switched off hears again only after something has arrived there since, and then everything that had not
    arrived is sent again. Raises `UntestedError`.
    """
    kept = Outlet.objects.select_for_update().get(pk=outlet.pk)
    if kept.is_on == is_on:
        return False
    was_off = kept.switched_off_at is not None
    if was_off and not has_heard_again(kept):
        raise UntestedError
    kept.is_on, kept.switched_off_at, kept.parked_in_row = is_on, None, 0
    kept.save(update_fields=["is_on", "switched_off_at", "parked_in_row"])
    if not is_on:
        _take_back(kept, NoticeState.QUEUED)
    action = "outlet.resumed" if is_on else "outlet.paused"
    write_audit(action=action, subject=kept.label, by=by, now=now)
    if was_off:
        missed = Notice.objects.parked().filter(outlet=kept).exclude(kind=TEST)
        _queue_again(missed, by=by, now=now)
        _note_outlets_off()
    return True


def _note_outlets_off() -> None:
    note_outlets_off(are_any=Outlet.objects.switched_off().exists())


def _take_back(outlet: Outlet, *states: NoticeState) -> None:
    mine = Notice.objects.filter(outlet=outlet, state__in=states)
    mine.update(state=NoticeState.CANCELLED)


def test_outlet(*, outlet: Outlet, by: User, now: datetime) -> Notice | None:
    """Send a greeting to an outlet, so that its makers see that it works."""
    with translation.override(settings.LANGUAGE_CODE):
        subject = _("This is a test")
        body = _("%(name)s asked for it. Nothing needs to be done.") % {"name": by.name}
    return queue(
        dedupe_key=f"test:{outlet.pk}:{now.timestamp()}",
        kind=TEST,
        channel=Channel.OUTLET,
        lane=Lane.OUTLET,
        outlet=outlet,
        language=settings.LANGUAGE_CODE,
        subject=subject,
        body=body,
        now=now,
    )


def channel_for(person: User) -> Channel:
    """Return the channel the person can read."""
    return Channel.MAIL if person.email else Channel.WIZARD


def render(
    *,
    kind: str,
    person: User | None,
    channel: Channel,
    context: Mapping[str, object],
    language: str = "",
    sheaf: Sheaf | None = None,
) -> tuple[str, str]:
    """Return subject and body of a message, in the person's language unless told otherwise."""
    language = language or (person.language if person else settings.LANGUAGE_CODE)
    site = partial(_site_in, language)
    service_name, say = sheaf.once(("site", language), site) if sheaf else site()
    path = context.get("path", "")
    values = {
        "person": person,
        "by_mail": channel == Channel.MAIL,
        "site": say,
        "service_name": service_name,
        "url": f"{settings.SITE_URL}{path}" if path else "",
        **{key: _in_language(value, language) for key, value in context.items()},
    }
    # What a helper wrote may hold any sign, also one that stands for a name: it is set as it is.
    if sheaf is None or context.get("words"):
        return _set(kind, values, language)
    return _set_once(sheaf, kind, values, language)


def _set(kind: str, values: Mapping[str, Any], language: str) -> tuple[str, str]:
    """Set a text in a language; returns its first line and the rest."""
    with translation.override(language):
        return split_text(render_to_string(f"emails/{kind}.txt", values))


# What is only written into a message as it is: another word there changes nothing else of it.
FREE = ("url", "number", "person_name", "department", "place", "extension", "device")
# What no message shows (a test looks).
UNSHOWN = frozenset({"ticket_id", "journey_id", "path"})
_HOLES = {name: chr(0xE000 + at) for at, name in enumerate((*FREE, "person"))}
_AT_HOLES = re.compile(f"([{''.join(_HOLES.values())}])")


@dataclass(frozen=True)
class _Addressee:
    """Stands for whoever is written to, where a text is set for many."""

    get_short_name: str = _HOLES["person"]


def _set_once(
    sheaf: Sheaf, kind: str, values: Mapping[str, Any], language: str
) -> tuple[str, str]:
    """Set a text once for all messages that differ in names and numbers only, and put those in."""
    fills = {_HOLES[name]: str(values[name]) for name in FREE if values.get(name)}
    holes = {name: _HOLES[name] for name in FREE if values.get(name)}
    person = values["person"]
    if person:
        fills[_HOLES["person"]] = person.get_short_name()
    said = {**values, **holes, "person": person and _Addressee()}
    rest = tuple(
        (name, value) for name, value in said.items() if name not in UNSHOWN and name != "site"
    )
    subject, body = sheaf.once((kind, language, rest), partial(_in_parts, kind, said, language))
    return (
        "".join([fills.get(part, part) for part in subject]),
        "".join([fills.get(part, part) for part in body]),
    )


def _in_parts(kind: str, said: Mapping[str, Any], language: str) -> tuple[list[str], list[str]]:
    """Set a text with holes for names and numbers; returns what stands before, in and behind each."""
    subject, body = _set(kind, said, language)
    return _AT_HOLES.split(subject), _AT_HOLES.split(body)


def _site_in(language: str) -> tuple[str, dict[str, Any]]:
    return profile_now().service_name, words(language=language)


def _in_language(value: object, language: str) -> object:
    """Return the reader's side of a word that is kept in both languages."""
    if isinstance(value, dict):
        return value.get(language) or value.get(settings.LANGUAGE_CODE, "")
    return value


def read(*, person: User, about: str, now: datetime) -> int:
    """Mark what a person was told on the guide's pages about a matter as read; return how many."""
    return Notice.objects.filter(
        person=person, channel=Channel.WIZARD, about=about, read_at__isnull=True
    ).update(read_at=now)


def cancel(*, about: str, kinds: Collection[str] = ()) -> int:
    """Take back what waits in the outbox about a matter; return how many notices."""
    waiting = Notice.objects.filter(about=about, state=NoticeState.QUEUED)
    if kinds:
        waiting = waiting.filter(kind__in=kinds)
    return waiting.update(state=NoticeState.CANCELLED)


@transaction.atomic
def try_again(*, notice_id: int, now: datetime, by: User | None = None) -> bool:
    """Send an undeliverable notice once more, after its address or the server was repaired."""
    return _queue_again(Notice.objects.parked().filter(pk=notice_id), by=by, now=now) > 0


def try_all_again(*, now: datetime, by: User | None = None) -> int:
    """Send every undeliverable notice once more; returns how many."""
    return _queue_again(Notice.objects.parked(), by=by, now=now)


@transaction.atomic
def _queue_again(notices: NoticeQuerySet, *, by: User | None, now: datetime) -> int:
    """Queue notices anew, to the address their people have today."""
    keys = list(notices.order_by("pk").values_list("pk", flat=True))
    again = Notice.objects.parked().filter(pk__in=keys)
    todays = User.objects.filter(pk=OuterRef("person_id")).values("email")
    again.filter(channel=Channel.MAIL, person__email__gt="").update(address=Subquery(todays))
    count = again.update(state=NoticeState.QUEUED, next_try_at=now, attempts=0, last_error="")
    if count and by:
        write_audit(action="notices.sent_again", data={"count": count}, by=by, now=now)
    return count


@transaction.atomic
def let_be(*, notice_id: int, by: User, now: datetime) -> bool:
    """Leave an undeliverable notice unsent for good; tells whether it was still parked."""
    found = Notice.objects.parked().filter(pk=notice_id)
    if not found.update(state=NoticeState.CANCELLED):
        return False
    write_audit(action="notice.let_be", data={"notice": notice_id}, by=by, now=now)
    return True


# ---------------------------------------------------------------- delivering


class _Clock:
    """The round's own moment: the database's `now` plus what the round has lasted so far."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._started = time.monotonic()

    def __call__(self) -> datetime:
        return self._now + self.lasted

    @property
    def lasted(self) -> timedelta:
        """How long the round runs already."""
        return timedelta(seconds=time.monotonic() - self._started)


def deliver_due(
    *,
    now: datetime,
    lane: Lane,
    send: Send,
    limit: int = 100,
    claim: timedelta = CLAIM,
) -> Delivered:
    """Send what is due in a lane, oldest first, and record each answer.

    A notice is claimed by compare-and-swap just before it is sent, outside of any transaction, so
    two deliverers never send one notice and a kill leaves at most one in doubt: that one comes back
    when its claim runs out and carries the same Message-ID. The round ends when the mail server
    does not answer, or after a minute. `send` raises the errors of `channels`.
    """
    clock = _Clock(now)
    if lane == Lane.SIGN_IN:
        _drop_old_codes(now=now)
    due = list(
        Notice.objects.due(now=now)
        .filter(lane=lane)
        .select_related("outlet")
        .order_by("next_try_at", "pk")[:limit]
    )
    done = Delivered()
    for notice in due:
        if clock.lasted > ROUND:
            break
        if not _claim(notice, clock=clock, claim=claim):
            continue
        try:
            done += _send_one(notice, clock=clock, send=send)
        except UnreachableError as error:
            _give_back(notice, clock=clock, error=error)
            log.warning("The mail server cannot be reached: %s", error)
            return done + Delivered(postponed=1, unreachable=True)
    return done


def _drop_old_codes(*, now: datetime) -> None:
    old = Notice.objects.waiting().filter(
        lane=Lane.SIGN_IN, created_at__lte=now - SIGN_IN_VALID
    )
    if old.exists():
        old.update(state=NoticeState.CANCELLED, body="")


def _claim(notice: Notice, *, clock: _Clock, claim: timedelta) -> bool:
    until = clock() + claim
    mine = Notice.objects.filter(
        pk=notice.pk, state=notice.state, next_try_at=notice.next_try_at
    ).update(state=NoticeState.SENDING, next_try_at=until, attempts=notice.attempts + 1)
    notice.state, notice.next_try_at = NoticeState.SENDING, until
    notice.attempts += 1
    return bool(mine)


def _send_one(notice: Notice, *, clock: _Clock, send: Send) -> Delivered:
    try:
        if notice.channel in LEAVES:
            send(notice)
    except RefusedError as error:
        return _fail(notice, error)
    except UnreachableError:
        raise
    except Exception as error:
        # Whatever went wrong with one message, the others still leave.
        if not isinstance(error, NotNowError):
            log.exception("Notice %s could not be sent", notice.pk)
        return _postpone(notice, clock=clock, error=error)
    return _record_sent(notice, at=clock())


def _record_sent(notice: Notice, *, at: datetime) -> Delivered:
    # Whoever holds the claim by now: the server has the message, and that is what counts.
    fields: dict[str, object] = {
        "state": NoticeState.SENT,
        "sent_at": max(at, notice.created_at),
    }
    if notice.lane == Lane.SIGN_IN:
        fields["body"] = ""
    Notice.objects.filter(pk=notice.pk).exclude(state=NoticeState.SENT).update(
        **fields, last_error=""
    )
    if notice.outlet_id:
        Outlet.objects.filter(pk=notice.outlet_id, parked_in_row__gt=0).update(parked_in_row=0)
    return Delivered(sent=1)


def _mine(notice: Notice) -> Q:
    return Q(pk=notice.pk, state=NoticeState.SENDING, next_try_at=notice.next_try_at)


def _fail(notice: Notice, error: Exception) -> Delivered:
    fields = {"state": NoticeState.FAILED, "last_error": str(error)[:300]}
    if notice.lane == Lane.SIGN_IN:
        fields["body"] = ""
    with transaction.atomic():
        is_new = Notice.objects.filter(_mine(notice)).update(**fields)
        if is_new and notice.outlet_id and notice.kind != TEST:
            Outlet.objects.filter(pk=notice.outlet_id).update(
                parked_in_row=F("parked_in_row") + 1
            )
    log.warning("Notice %s is undeliverable: %s", notice.pk, error)
    return Delivered(failed=1)


def _postpone(notice: Notice, *, clock: _Clock, error: Exception) -> Delivered:
    steps = STEPS_OF[Lane(notice.lane)]
    jitter = random.random()  # noqa: S311  # spreads retries; nothing secret depends on it
    pause = pause_after(notice.attempts, steps=steps, jitter=jitter)
    if pause is None:
        return _fail(notice, error)
    Notice.objects.filter(_mine(notice)).update(
        state=NoticeState.QUEUED,
        next_try_at=clock() + pause,
        last_error=str(error)[:300],
    )
    return Delivered(postponed=1)


def _give_back(notice: Notice, *, clock: _Clock, error: Exception) -> None:
    """Release a claim without counting the try: the server's absence is not the message's fault."""
    pause = SIGN_IN_STEPS[0] if notice.lane == Lane.SIGN_IN else UNREACHABLE_PAUSE
    Notice.objects.filter(_mine(notice)).update(
        state=NoticeState.QUEUED,
        next_try_at=clock() + pause,
        attempts=notice.attempts - 1,
        last_error=str(error)[:300],
    )
