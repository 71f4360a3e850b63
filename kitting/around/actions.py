"""Everything that changes what lies around a set-up; none of it moves the journey or its clocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.urls import reverse

from accounts.queries import calendar_book
from kitting.around import rules
from kitting.around.models import (
    Acceptance,
    Answer,
    Aside,
    Invitation,
    LessonRead,
    Macro,
    OldPc,
    Preparation,
)
from kitting.around.queries import due_for_a_letter, standings
from kitting.around.states import InvitationKind, MacroState, Occasion
from kitting.guides.queries.pages import lessons
from kitting.lib import clock
from kitting.notices.actions import queue_message

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from accounts.models import User
    from accounts.queries import CalendarBook
    from kitting.guides.queries.shapes import RulesView
    from kitting.journeys.actions.errors import Who
    from kitting.journeys.models import Journey

LANGUAGES = ("ja", "en")
MACROS_MOST = 50
PAGE = 300


class AroundError(Exception):
    """Something around a set-up cannot be done."""


class TooManyMacrosError(AroundError):
    """More macros than anybody can look at."""


# --- the day before -------------------------------------------------------------------------------


@transaction.atomic
def prepare(*, journey: Journey, key: str, who: Who, now: datetime) -> bool:
    """Tick one thing done on the old PC; twice is once. The journey neither begins nor moves."""
    _row, is_new = Preparation.objects.get_or_create(
        journey=journey, key=key, defaults={"done_at": now, "via": who.via}
    )
    return is_new


@transaction.atomic
def unprepare(*, journey: Journey, key: str) -> bool:
    """Take a tick back."""
    return bool(Preparation.objects.filter(journey=journey, key=key).delete()[0])


@transaction.atomic
def plan_time(
    *, journey: Journey, key: str, planned_at: datetime, who: Who, now: datetime
) -> None:
    """Note when somebody means to begin: a note for themselves, no promise to anybody."""
    Aside.objects.update_or_create(journey=journey, defaults={"planned_at": planned_at})
    prepare(journey=journey, key=key, who=who, now=now)


@transaction.atomic
def use_no_macros(*, journey: Journey, who: Who, now: datetime, key: str = "") -> None:
    """Note that somebody uses no macros: an answer, too."""
    Aside.objects.update_or_create(journey=journey, defaults={"no_macros_at": now})
    if key:
        prepare(journey=journey, key=key, who=who, now=now)


@transaction.atomic
def list_macro(  # noqa: PLR0913  # a macro has this many facts, and callers name each
    *,
    journey: Journey,
    name: str,
    purpose: str,
    wish: bool,
    who: Who,
    now: datetime,
    key: str = "",
) -> Macro:
    """Write down a macro; the same name again changes what was said of it.

    `wish` asks IT for help with it. `key` is the thing of the day before that is done by it.
    Raises `TooManyMacrosError`.
    """
    state = MacroState.ASKED if wish else MacroState.LISTED
    if Macro.objects.filter(journey=journey).count() >= MACROS_MOST:
        raise TooManyMacrosError
    macro, is_new = Macro.objects.select_for_update().get_or_create(
        journey=journey,
        name=name,
        defaults={
            "person_id": journey.person_id,
            "purpose": purpose,
            "state": state,
            "via": who.via,
            "created_at": now,
            "changed_at": now,
        },
    )
    if not is_new:
        macro.purpose = purpose or macro.purpose
        if macro.state in (MacroState.LISTED, MacroState.ASKED):
            macro.state = state
        macro.changed_at = now
        macro.save(update_fields=["purpose", "state", "changed_at"])
    Aside.objects.filter(journey=journey).update(no_macros_at=None)
    if key:
        prepare(journey=journey, key=key, who=who, now=now)
    return macro


@transaction.atomic
def drop_macro(*, journey: Journey, macro_id: int) -> bool:
    """Strike out an own macro that nobody has looked at yet."""
    rows = Macro.objects.filter(
        pk=macro_id,
        person_id=journey.person_id,
        state__in=(MacroState.LISTED, MacroState.ASKED),
    )
    return bool(rows.delete()[0])


@transaction.atomic
def take_macro(*, macro_id: int, by: User, now: datetime) -> bool:
    """Look after a macro; whoever comes second changes nothing."""
    return bool(
        Macro.objects.filter(
            pk=macro_id, state__in=(MacroState.LISTED, MacroState.ASKED)
        ).update(state=MacroState.IN_HAND, taken_by=by, changed_at=now)
    )


@transaction.atomic
def answer_macro(*, macro_id: int, words: str, by: User, now: datetime) -> Macro:
    """Say how the work of a macro is done now; its person is told once."""
    macro = (
        Macro.objects.select_for_update(of=("self",)).select_related("person").get(pk=macro_id)
    )
    macro.state, macro.answer, macro.taken_by, macro.changed_at = (
        MacroState.ANSWERED,
        words,
        by,
        now,
    )
    macro.save(update_fields=["state", "answer", "taken_by", "changed_at"])
    queue_message(
        kind="macro_answered",
        person=macro.person,
        reason=f"macro:{macro.pk}:{now:%Y%m%d%H%M}",
        context={"macro": macro.name, "answer": words},
        link=reverse("around:macros", args=[macro.journey_id]),
        about=f"journey:{macro.journey_id}",
        now=now,
    )
    return macro


# --- the end --------------------------------------------------------------------------------------


@transaction.atomic
def give_back_old_pc(
    *, journey: Journey, who: Who, now: datetime, had_none: bool = False
) -> OldPc:
    """Note that somebody says the old PC is given back, or that there was none."""
    row, _new = OldPc.objects.get_or_create(
        person_id=journey.person_id,
        defaults={
            "journey": journey,
            "said_at": now,
            "said_via": who.via,
            "had_none": had_none,
        },
    )
    if row.said_at is None:
        row.said_at, row.said_via = now, str(who.via)
        row.save(update_fields=["said_at", "said_via"])
    return row


@transaction.atomic
def keep_old_pc(*, journey: Journey) -> bool:
    """Take back having said so; what was seen to be back stays."""
    rows = OldPc.objects.filter(person_id=journey.person_id, collected_at__isnull=True)
    return bool(rows.delete()[0])


@transaction.atomic
def collect_old_pc(*, journey: Journey, by: User, now: datetime) -> OldPc:
    """Note that a lead or IT has the old PC in hands; twice is once."""
    row, _new = OldPc.objects.get_or_create(
        person_id=journey.person_id,
        defaults={"journey": journey, "collected_at": now, "collected_by": by},
    )
    if row.collected_at is None:
        row.collected_at, row.collected_by = now, by
        row.save(update_fields=["collected_at", "collected_by"])
    return row


@transaction.atomic
def accept_rules(
    *, journey: Journey, rules_of_use: RulesView, language: str, who: Who, now: datetime
) -> Acceptance:
    """Note that the person accepted this very text for this loan, and through which door.

    Twice through one door is once; after the box's door a full sign-in makes a row of its own.
    An acceptance is never changed and never deleted.
    """
    edition_id = journey.edition_id
    if edition_id is None:
        raise AroundError
    row, _new = Acceptance.objects.get_or_create(
        loan_id=journey.loan_id,
        person_id=journey.person_id,
        version=rules_of_use.version,
        via=who.via,
        defaults={
            "edition_id": edition_id,
            "digest": rules_of_use.digest,
            "language": language,
            "accepted_at": now,
        },
    )
    return row


@dataclass(frozen=True, slots=True)
class Given:
    """One answer: a number of a scale, a choice, or words."""

    scale: int | None = None
    choice: str = ""
    text: str = ""


@transaction.atomic
def answer_questions(
    *, journey: Journey, occasion: Occasion, answers: Mapping[str, Given], now: datetime
) -> int:
    """Keep what somebody answered; answering again changes it. Nothing answered keeps nothing."""
    kept = 0
    for question, given in answers.items():
        if given == Given():
            continue
        Answer.objects.update_or_create(
            journey=journey,
            occasion=occasion,
            question=question,
            defaults={
                "scale": given.scale,
                "choice": given.choice,
                "text": given.text,
                "answered_at": now,
            },
        )
        kept += 1
    return kept


# --- afterwards -----------------------------------------------------------------------------------


@transaction.atomic
def read_lesson(*, journey: Journey, key: str, now: datetime) -> bool:
    """Note that somebody has read a lesson."""
    _row, is_new = LessonRead.objects.get_or_create(
        journey=journey, key=key, defaults={"read_at": now}
    )
    return is_new


@transaction.atomic
def choose_letters(*, journey: Journey, wanted: bool, now: datetime) -> None:
    """Stop the lesson of the week, or want it again."""
    Aside.objects.update_or_create(
        journey=journey, defaults={"no_letters_at": None if wanted else now}
    )


def invite(*, now: datetime, country: str) -> int:
    """Send everybody the one gentle invitation that is due; return how many were sent.

    At most one a week for each person, in the person's hours, each thing once; nothing follows when
    nobody answers. Safe to run twice and side by side.
    """
    book = calendar_book(country=country)
    sent, after = 0, 0
    while page := due_for_a_letter(now=now, after=after, limit=PAGE):
        after = page[-1].pk
        known = standings(page)
        for journey in page:
            standing = known.get(journey.pk)
            letter = rules.letter(standing, now) if standing else None
            if letter is not None:
                sent += _send(journey, letter, book=book, now=now)
    return sent


@transaction.atomic
def _send(journey: Journey, letter: rules.Letter, *, book: CalendarBook, now: datetime) -> int:
    _row, is_new = Invitation.objects.get_or_create(
        journey=journey, kind=letter.kind, key=letter.key, defaults={"sent_at": now}
    )
    if not is_new:
        return 0
    link, context = _about(journey, letter)
    queue_message(
        kind=f"invite_{letter.kind}",
        person=journey.person,
        reason=f"invite:{letter.kind}:{journey.pk}:{letter.key}",
        context=context,
        link=link,
        about=f"invite:{journey.pk}",
        not_before=clock.next_open(book.of_person(journey.person), now),
        now=now,
    )
    return 1


def _about(journey: Journey, letter: rules.Letter) -> tuple[str, dict[str, object]]:
    """Return where a letter leads, and the words it needs in both languages."""
    match letter.kind:
        case InvitationKind.LESSON:
            titles = {
                code: next(
                    lesson.title
                    for lesson in lessons(journey.edition_id or 0, journey.flags, {}, code)
                    if lesson.key == letter.key
                )
                for code in LANGUAGES
            }
            return reverse("around:lesson", args=[journey.pk, letter.key]), {"lesson": titles}
        case InvitationKind.MONTH:
            return reverse("around:month", args=[journey.pk]), {}
        case _:
            return reverse("journeys:overview", args=[journey.pk]), {}
