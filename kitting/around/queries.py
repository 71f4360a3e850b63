"""Questions about what lies around a set-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, Max, OuterRef, Q

from accounts.queries import local_day
from kitting.around import rules
from kitting.around.models import (
    Acceptance,
    Aside,
    Invitation,
    LessonRead,
    Macro,
    OldPc,
)
from kitting.around.states import InvitationKind, MacroState, Practice
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.pages import applicable_steps, lessons, outline
from kitting.guides.states import CheckType, Milestone
from kitting.journeys.models import Journey
from kitting.journeys.states import Via
from kitting.site.queries import flags as site_flags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from django.db.models import QuerySet

    from accounts.queries import Rights
    from kitting.journeys.models import JourneyQuerySet, StepRecord

CONFIDENCE = "confidence"
# More letters than there are kinds and lessons nobody can have got.
LETTERS_MOST = 20
PRACTISED = (CheckType.TOUCH_PRACTICE, CheckType.TOUCHPAD_PRACTICE, CheckType.IME_PRACTICE)


@dataclass(frozen=True, slots=True)
class Book:
    """The edition somebody reads, and the flags that shape it."""

    edition_id: int
    flags: Mapping[str, str]


def book_of(journey: Journey | None) -> Book | None:
    """Return the edition a journey stands on; before it begins, the one it would begin with."""
    if journey is not None and journey.edition_id is not None:
        return Book(journey.edition_id, journey.flags)
    edition = published_edition()
    return Book(edition.pk, site_flags()) if edition else None


# --- the day before -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prepared:
    """What somebody did the day before; a box session sees how many macros, never which."""

    done: frozenset[str]
    planned_at: datetime | None
    uses_no_macros: bool
    macros: int


def prepared(journey: Journey) -> Prepared:
    """Return what was prepared for a journey (three queries)."""
    aside = Aside.objects.filter(journey=journey).first()
    return Prepared(
        done=frozenset(journey.preparations.values_list("key", flat=True)),
        planned_at=aside.planned_at if aside else None,
        uses_no_macros=bool(aside and aside.no_macros_at),
        macros=macros_of(journey).count(),
    )


def macros_of(journey: Journey) -> QuerySet[Macro]:
    """Return the macros of a journey's person, in the order they were written down."""
    return Macro.objects.filter(person_id=journey.person_id).order_by("created_at", "pk")


def macros_in_scope(rights: Rights) -> QuerySet[Macro]:
    """Return the macros IT or a lead may see, those that wait first."""
    rows = Macro.objects.select_related("person", "journey__department", "taken_by")
    if not rights.is_it:
        rows = rows.filter(
            Q(journey__department_id__in=rights.departments)
            | Q(journey__place_id__in=rights.places)
        )
    return rows.order_by("state", "changed_at", "pk")


@dataclass(frozen=True, slots=True)
class MacroCount:
    """How many macros of a department stand where."""

    department_id: int
    state: MacroState
    count: int


def macros_by_department(journeys: JourneyQuerySet | None = None) -> list[MacroCount]:
    """Return how many macros were written down, by department and state (one query).

    All open journeys count unless some are named.
    """
    among = Journey.objects.open() if journeys is None else journeys
    rows = (
        Macro.objects.filter(journey__in=among)
        .values("journey__department_id", "state")
        .annotate(n=Count("pk"))
        .order_by("journey__department_id", "state")
    )
    return [
        MacroCount(row["journey__department_id"], MacroState(row["state"]), row["n"])
        for row in rows
    ]


# --- the end --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Returned:
    """What is left after the set-up, and what is done of it."""

    old_pc: OldPc | None
    accepted: Acceptance | None

    @property
    def signed(self) -> bool:
        """Tell whether the rules were accepted after a full sign-in."""
        return self.accepted is not None and self.accepted.via == Via.SIGN_IN


def returned(journey: Journey, *, version: str) -> Returned:
    """Return whether the old PC is back and these rules are accepted (two queries)."""
    rows = Acceptance.objects.filter(
        loan_id=journey.loan_id, person_id=journey.person_id, version=version
    )
    accepted = sorted(rows, key=lambda row: row.via == Via.SIGN_IN)
    return Returned(
        old_pc=OldPc.objects.filter(person_id=journey.person_id).first(),
        accepted=accepted[-1] if accepted else None,
    )


@dataclass(frozen=True, slots=True)
class LastThings:
    """How many people of a department gave the old PC back, had it seen, and accepted the rules.

    `said` holds those who had none too.
    """

    department_id: int
    people: int
    had_none: int
    said: int
    collected: int
    accepted: int


def last_things_by_department(journeys: JourneyQuerySet | None = None) -> list[LastThings]:
    """Return old PCs and accepted rules by department, over people with a device (one query).

    All open journeys count unless some are named.
    """
    among = Journey.objects.open() if journeys is None else journeys
    accepted = Acceptance.objects.filter(
        loan_id=OuterRef("loan_id"), person_id=OuterRef("person_id")
    )
    rows = (
        among.annotate(has_accepted=Exists(accepted))
        .values("department_id")
        .annotate(
            people=Count("person_id", distinct=True),
            had_none=Count("person_id", distinct=True, filter=Q(person__old_pc__had_none=True)),
            said=Count("person_id", distinct=True, filter=Q(person__old_pc__isnull=False)),
            collected=Count(
                "person_id",
                distinct=True,
                filter=Q(person__old_pc__collected_at__isnull=False),
            ),
            accepted=Count("person_id", distinct=True, filter=Q(has_accepted=True)),
        )
        .order_by("department_id")
    )
    return [LastThings(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class PracticeLine:
    """One piece of practice on a certificate."""

    title: str
    what: Practice


def practice_lines(
    book: Book, records: Mapping[str, StepRecord], language: str, words: Mapping[str, str]
) -> list[PracticeLine]:
    """Return what may truly be said about each piece of practice of a journey (no query)."""
    way = outline(book.edition_id, book.flags, words, language)
    titles = {line.key: line.title for phase in way.phases for line in phase.steps}
    found = []
    for step in applicable_steps(book.edition_id, book.flags):
        if step.milestone != Milestone.AT_HOME and step.check_type not in PRACTISED:
            continue
        record = records.get(step.key)
        what = rules.practice_of(
            result=record.result if record else "",
            method=record.method if record else "",
            reason=record.reason if record else "",
        )
        found.append(PracticeLine(titles[step.key], what))
    return found


def wants_letters(journey: Journey) -> bool:
    """Tell whether somebody still wants one lesson a week."""
    return not Aside.objects.filter(journey=journey, no_letters_at__isnull=False).exists()


def lessons_read(journey: Journey) -> frozenset[str]:
    """Return the keys of the lessons somebody has read."""
    return frozenset(journey.lessons_read.values_list("key", flat=True))


# --- letters --------------------------------------------------------------------------------------


def due_for_a_letter(*, now: datetime, after: int, limit: int) -> list[Journey]:
    """Return journeys behind a number that may get an invitation now, with person (one query)."""
    stopped = Aside.objects.filter(journey=OuterRef("pk"), no_letters_at__isnull=False)
    return list(
        Journey.objects.open()
        .filter(
            pk__gt=after,
            edition__isnull=False,
            ready_at__lte=now - rules.PRACTICE_AFTER,
            ready_at__gt=now - rules.LAST_LETTER,
        )
        .exclude(Exists(stopped))
        .exclude(person__left_on__lte=local_day(now))
        .annotate(last_letter_at=Max("invitations__sent_at"), letters=Count("invitations"))
        .filter(Q(last_letter_at__isnull=True) | Q(last_letter_at__lte=now - rules.BETWEEN))
        .filter(letters__lt=LETTERS_MOST)
        .select_related("person__place", "person__hours")
        .order_by("pk")[:limit]
    )


def standings(journeys: Iterable[Journey]) -> dict[int, rules.Standing]:
    """Return what is known of each journey before a letter (two queries)."""
    rows = list(journeys)
    keys = [row.pk for row in rows]
    sent: dict[int, set[tuple[str, str]]] = {}
    for pk, kind, key in Invitation.objects.filter(journey_id__in=keys).values_list(
        "journey_id", "kind", "key"
    ):
        sent.setdefault(pk, set()).add((kind, key))
    for pk, key in LessonRead.objects.filter(journey_id__in=keys).values_list(
        "journey_id", "key"
    ):
        sent.setdefault(pk, set()).add((InvitationKind.LESSON, key))
    found = {}
    for row in rows:
        if row.ready_at is None or row.edition_id is None:
            continue
        known = sent.get(row.pk, set())
        found[row.pk] = rules.Standing(
            ready_at=row.ready_at,
            at_home=row.at_home_at is not None,
            last_letter_at=getattr(row, "last_letter_at", None),
            month_asked=(InvitationKind.MONTH, "") in known,
            practice_asked=(InvitationKind.PRACTICE, "") in known,
            lessons=tuple(
                lesson.key
                for lesson in lessons(row.edition_id, row.flags, {}, "ja")
                if (InvitationKind.LESSON, lesson.key) not in known
            ),
        )
    return found
