"""What the guide's author learns from how people walk it, and how evenly it works for everybody."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Q

from kitting.around.models import Answer
from kitting.around.queries import CONFIDENCE
from kitting.around.states import Occasion
from kitting.dashboard import rules
from kitting.dashboard.queries.steps import times_in_minutes
from kitting.escalation.models import Ticket
from kitting.escalation.states import TicketKind
from kitting.guides.models import Edition
from kitting.guides.queries.errors import error_view
from kitting.guides.queries.lists import choice_text, step_lines
from kitting.guides.queries.shapes import TROUBLE
from kitting.guides.states import EditionState
from kitting.journeys.models import Event, Journey, StepRecord
from kitting.journeys.rules import MINUTE, PIECE
from kitting.journeys.states import EventKind, Result
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

COMMENTS_MOST = 30
READ_MOST = 3
READING = (EventKind.TROUBLE_OPENED, EventKind.ERROR_OPENED)


@dataclass(frozen=True)
class Read:
    """A hint or an error of a step that people read about, and how often."""

    text: str
    number: int


@dataclass(frozen=True)
class StepInsight:
    """One step of one edition: who came, who got through, how long it took, where it hurts.

    `lost` are minutes lost by everybody together: above the author's minutes, and for asking.
    """

    number: int
    key: str
    title: str
    minutes: int
    reached: int
    finished: int
    skipped: int
    took: rules.Took | None
    asked: int
    troubles: int
    errors: int
    hardest: int
    read: list[Read]
    lost: int

    @property
    def help_share(self) -> float:
        """Return how many in a hundred who came asked for help."""
        return rules.share(self.asked, self.reached)


@dataclass(frozen=True)
class Insight:
    """One edition as its author sees it."""

    edition: Edition
    begun: int
    steps: list[StepInsight]
    comments: list[str]

    @property
    def edit_first(self) -> StepInsight | None:
        """Return the step whose mending saves people most time, if any stands out."""
        return max(
            (s for s in self.steps if s.reached >= rules.BOTTLENECK_MIN and s.lost > 0),
            key=lambda step: step.lost,
            default=None,
        )


def editions() -> list[Edition]:
    """Return the editions that people walk or walked, newest first."""
    return list(Edition.objects.exclude(state=EditionState.DRAFT).order_by("-pk"))


def insights(wanted: Sequence[Edition], *, language: str) -> list[Insight]:
    """Return editions side by side (nine statements, however many people walked them)."""
    keys = [edition.pk for edition in wanted]
    found = _Found(keys)
    words = site_words(language=language)
    return [
        Insight(
            edition=edition,
            begun=found.begun[edition.pk],
            steps=_steps(edition.pk, found, language=language, words=words),
            comments=found.comments.get(edition.pk, []),
        )
        for edition in wanted
    ]


class _Found:
    """Everything that was counted for some editions, by edition and step."""

    def __init__(self, editions: Collection[int]) -> None:
        of_them = Q(journey__edition__in=editions)
        self.begun = _counted(
            Journey.objects.filter(edition__in=editions)
            .values_list("edition_id")
            .annotate(people=Count("pk"))
            .order_by()
        )
        self.here = _by_two(
            Journey.objects.open()
            .filter(edition__in=editions)
            .values_list("edition_id", "current_step")
            .annotate(people=Count("pk"))
            .order_by()
        )
        self.results: dict[tuple[int, str], Counter[str]] = {}
        for edition, key, result, number in (
            StepRecord.objects.filter(of_them)
            .values_list("journey__edition_id", "step_key", "result")
            .annotate(people=Count("pk"))
            .order_by()
        ):
            self.results.setdefault((edition, key), Counter())[result] += number
        self.times: dict[tuple[int, str], Counter[int]] = {}
        timed = StepRecord.objects.filter(of_them, seconds__isnull=False)
        for edition, key, pieces, number in (
            timed.exclude(result=Result.SKIPPED)
            .annotate(pieces=(F("seconds") + (PIECE - 1)) / PIECE)
            .values_list("journey__edition_id", "step_key", "pieces")
            .annotate(people=Count("pk"))
            .order_by()
        ):
            self.times.setdefault((edition, key), Counter())[pieces] += number
        self.asked = _by_two(
            Ticket.objects.filter(of_them, kind=TicketKind.HELP)
            .values_list("journey__edition_id", "step_key")
            .annotate(tickets=Count("pk"))
            .order_by()
        )
        self.read: dict[tuple[int, str, str], Counter[str]] = {}
        for edition, key, kind, reason, number in (
            Event.objects.filter(of_them, kind__in=READING)
            .values_list("journey__edition_id", "step_key", "kind", "data__reason")
            .annotate(number=Count("pk"))
            .order_by()
        ):
            self.read.setdefault((edition, key, kind), Counter())[str(reason or "")] += number
        self.hardest = _by_two(
            Answer.objects.filter(of_them, occasion=Occasion.END)
            .exclude(choice="")
            .values_list("journey__edition_id", "choice")
            .annotate(number=Count("pk"))
            .order_by()
        )
        self.comments: dict[int, list[str]] = {}
        said = Answer.objects.filter(of_them, occasion=Occasion.END).exclude(text="")
        for edition, text in said.order_by("-answered_at", "-pk").values_list(
            "journey__edition_id", "text"
        )[: COMMENTS_MOST * max(1, len(editions))]:
            of_edition = self.comments.setdefault(edition or 0, [])
            if len(of_edition) < COMMENTS_MOST:
                of_edition.append(text)


def _counted(rows: Iterable[tuple[int | None, int]]) -> Counter[int]:
    return Counter({key or 0: number for key, number in rows})


def _by_two(
    rows: Iterable[tuple[int | None, str, int]],
) -> Counter[tuple[int, str]]:
    return Counter({(first or 0, second): number for first, second, number in rows})


def _steps(
    edition_id: int, found: _Found, *, language: str, words: Mapping[str, str]
) -> list[StepInsight]:
    made = []
    for number, line in enumerate(step_lines(edition_id, language), 1):
        at = (edition_id, line.key)
        results = found.results.get(at, Counter())
        took = times_in_minutes(found.times.get(at, {}))
        asked = found.asked[at]
        reached = sum(results.values()) + found.here[at]
        made.append(
            StepInsight(
                number=number,
                key=line.key,
                title=line.title,
                minutes=line.minutes,
                reached=reached,
                finished=sum(results.values()) - results[Result.SKIPPED],
                skipped=results[Result.SKIPPED],
                took=took,
                asked=asked,
                troubles=sum(
                    found.read.get((*at, EventKind.TROUBLE_OPENED), Counter()).values()
                ),
                errors=sum(found.read.get((*at, EventKind.ERROR_OPENED), Counter()).values()),
                hardest=found.hardest[at],
                read=_read(at, found, language=language, words=words),
                lost=rules.minutes_lost(
                    reached=reached,
                    over=took.median - line.minutes if took else 0,
                    asked=asked,
                ),
            )
        )
    return made


def _read(
    at: tuple[int, str], found: _Found, *, language: str, words: Mapping[str, str]
) -> list[Read]:
    edition_id, key = at
    read = []
    for kind in READING:
        for reason, number in found.read.get((*at, kind), Counter()).most_common(READ_MOST):
            if kind == EventKind.TROUBLE_OPENED:
                text = choice_text(edition_id, key, f"{TROUBLE}{reason}", language, words=words)
            else:
                error = error_view(edition_id, reason, language, words=words)
                text = error.sentence if error else reason
            read.append(Read(text or reason, number))
    return sorted(read, key=lambda one: -one.number)[:READ_MOST]


# --- the divide -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class GroupInsight:
    """People of one employment (or several small ones together): how sure, how long, how helped.

    `sure` holds for start, end and a month later the mean of 1 to 5 and how many answered; None
    where fewer than five did.
    """

    names: tuple[str, ...]
    people: int
    sure: dict[str, tuple[float, int] | None]
    time: rules.Took | None
    ready: int
    alone: int | None

    @property
    def alone_share(self) -> float | None:
        """Return how many in a hundred of those who are ready never asked."""
        return None if self.alone is None else rules.share(self.alone, self.ready)


def divide() -> list[GroupInsight]:
    """Return how it goes by employment, in groups of five or more (three statements).

    Small groups are put together, and there is no sum of all: nothing can be worked out from it.
    """
    people: Counter[str] = Counter()
    times: dict[str, Counter[int]] = {}
    ready: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    rows = (
        Journey.objects.open()
        .annotate(
            within=(F("ready_seconds") + (MINUTE - 1)) / MINUTE,
            is_open=ExpressionWrapper(Q(ready_at__isnull=True), BooleanField()),
            is_alone=ExpressionWrapper(Q(asked_at__isnull=True), BooleanField()),
        )
        .values_list("person__employment", "within", "is_open", "is_alone")
        .annotate(people=Count("pk"))
        .order_by()
    )
    for kind, within, is_open, is_alone, number in rows:
        people[kind] += number
        if is_open:
            continue
        ready[kind] += number
        alone[kind] += number if is_alone else 0
        if within is not None:
            times.setdefault(kind, Counter())[within] += number
    answers: dict[tuple[str, str], Counter[int]] = {}
    for kind, occasion, scale, number in (
        Answer.objects.filter(question=CONFIDENCE, scale__isnull=False)
        .filter(journey__closed_at__isnull=True)
        .values_list("journey__person__employment", "occasion", "scale")
        .annotate(number=Count("pk"))
        .order_by()
    ):
        answers.setdefault((kind, occasion), Counter())[scale or 0] += number
    kinds = sorted(people)
    groups = rules.blocks({at: people[kind] for at, kind in enumerate(kinds)}, {})
    return [
        _group([kinds[at] for at in group], people, times, ready, alone, answers)
        for group in groups
    ]


def _group(  # what was counted, by kind
    kinds: Sequence[str],
    people: Counter[str],
    times: Mapping[str, Counter[int]],
    ready: Counter[str],
    alone: Counter[str],
    answers: Mapping[tuple[str, str], Counter[int]],
) -> GroupInsight:
    of_time: Counter[int] = Counter()
    for kind in kinds:
        of_time.update(times.get(kind, {}))
    done = sum(ready[kind] for kind in kinds)
    return GroupInsight(
        names=tuple(kinds),
        people=sum(people[kind] for kind in kinds),
        sure={str(occasion): _mean(kinds, occasion, answers) for occasion in Occasion},
        time=rules.took(of_time),
        ready=done,
        alone=sum(alone[kind] for kind in kinds) if done >= rules.LEAST else None,
    )


def _mean(
    kinds: Sequence[str], occasion: str, answers: Mapping[tuple[str, str], Counter[int]]
) -> tuple[float, int] | None:
    said: Counter[int] = Counter()
    for kind in kinds:
        said.update(answers.get((kind, occasion), {}))
    number = sum(said.values())
    if number < rules.LEAST:
        return None
    return round(sum(scale * n for scale, n in said.items()) / number, 1), number


@dataclass(frozen=True)
class Sureness:
    """How sure people feel, as mean and number of answers, where five or more answered."""

    start: tuple[float, int] | None
    end: tuple[float, int] | None
    month: tuple[float, int] | None


def sureness() -> Sureness:
    """Return how sure all people with a device feel (one statement)."""
    said: dict[tuple[str, str], Counter[int]] = {}
    for occasion, scale, number in (
        Answer.objects.filter(question=CONFIDENCE, scale__isnull=False)
        .filter(journey__closed_at__isnull=True)
        .values_list("occasion", "scale")
        .annotate(number=Count("pk"))
        .order_by()
    ):
        said.setdefault(("", occasion), Counter())[scale or 0] += number
    start, end, month = (
        _mean([""], str(occasion), said)
        for occasion in (Occasion.START, Occasion.END, Occasion.MONTH)
    )
    return Sureness(start, end, month)
