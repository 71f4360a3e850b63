"""Everything that changes guides: load, publish. A published edition never changes."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max

from accounts.actions import write_audit
from kitting.guides.models import Edition, Guide, Lesson, Step, StepNote, Trouble
from kitting.guides.rules.checking import problems
from kitting.guides.states import EditionState
from kitting.site.actions import declare, notes_changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from accounts.models import User
    from kitting.guides.rules.shapes import CheckDraft, Checklist, GuideDraft, Line


class GuideError(Exception):
    """A guide cannot do what was asked."""


class FaultyGuideError(GuideError):
    """The draft has problems; nothing was written."""


class FrozenEditionError(GuideError):
    """The edition was published: journeys stand on it and it never changes again."""


@dataclass(frozen=True)
class LoadResult:
    """What loading a guide did: the edition that now holds its content, and what was new."""

    edition: Edition
    is_new: bool
    is_newly_published: bool
    declared: int

    @property
    def changed(self) -> bool:
        """Tell whether anything was written."""
        return self.is_new or self.is_newly_published or self.declared > 0


@transaction.atomic
def load_guide(*, draft: GuideDraft, now: datetime, publish: bool) -> LoadResult:
    """Take a guide in; the same content again changes nothing, other content makes a new edition.

    Publishing retires the edition before it; journeys keep the one they began with. The flags and
    variables are declared to the site, whose chosen values stay; a draft declares only new ones, so
    that IT can choose before it is published. Raises `FaultyGuideError`.
    """
    if problems(draft):
        raise FaultyGuideError
    guide, _new = Guide.objects.get_or_create(slug=draft.slug)
    guide = Guide.objects.select_for_update().get(pk=guide.pk)
    edition = _same_content(guide, draft.digest)
    is_new = edition is None
    if edition is None:
        edition = _write_edition(guide, draft, now=now)
    is_newly_published = publish and edition.state == EditionState.DRAFT
    if is_newly_published:
        edition = publish_edition(edition_id=edition.pk, by=None, now=now)
    declared = declare(
        flags=draft.flags,
        variables=draft.variables,
        only_new=edition.state == EditionState.DRAFT,
    )
    return LoadResult(edition, is_new, is_newly_published, declared)


@transaction.atomic
def publish_edition(*, edition_id: int, by: User | None, now: datetime) -> Edition:
    """Make a draft the edition that new journeys begin with; nobody where a command did it. Raises `FrozenEditionError`."""
    edition = _draft(edition_id)
    Edition.objects.filter(guide=edition.guide_id, state=EditionState.PUBLISHED).update(
        state=EditionState.RETIRED
    )
    edition.state = EditionState.PUBLISHED
    edition.published_at = now
    edition.save(update_fields=["state", "published_at"])
    write_audit(action="edition.published", subject=str(edition.number), by=by, now=now)
    return edition


@transaction.atomic
def add_step_note(  # a note has this many facts, and callers name each
    *,
    edition_id: int,
    step_key: str,
    text: Mapping[str, str],
    source: str,
    by: User,
    now: datetime,
) -> StepNote:
    """Show a note on a step of every edition of a guide from now on. Raises `Step.DoesNotExist`."""
    step = Step.objects.select_related("edition").get(edition_id=edition_id, key=step_key)
    note = StepNote.objects.create(
        guide_id=step.edition.guide_id,
        step_key=step_key,
        text=dict(text),
        source=source,
        created_at=now,
        created_by=by,
    )
    notes_changed()
    return note


@transaction.atomic
def end_step_note(
    *, note_id: int, by: User, now: datetime, adopted_in: Edition | None = None
) -> bool:
    """Take a note off its step, because it no longer helps or an edition now says it; once."""
    ended = StepNote.objects.filter(pk=note_id, ended_at__isnull=True).update(
        ended_at=now, ended_by=by, adopted_in=adopted_in
    )
    if ended:
        notes_changed()
    return bool(ended)


@transaction.atomic
def adopt_note(
    *, note: StepNote, symptom: Mapping[str, str], attempt: Mapping[str, str], now: datetime
) -> Edition:
    """Write a note into the next edition, as a trouble of its step; it stays shown until then.

    The next edition begins as a copy of the one in force; further notes join the same draft.
    Raises `Edition.DoesNotExist` without an edition in force, `Step.DoesNotExist` where it has lost
    the step.
    """
    guide = Guide.objects.select_for_update().get(pk=note.guide_id)
    current = guide.editions.get(state=EditionState.PUBLISHED)
    draft = _draft_of_notes(guide) or _copy(current, now=now)
    step = draft.steps.get(key=note.step_key)
    last = step.troubles.aggregate(last=Max("position"))["last"] or 0
    trouble = Trouble.objects.create(
        step=step, position=last + 1, symptom=dict(symptom), attempt=dict(attempt)
    )
    said = f"{draft.digest}{step.key}{trouble.symptom}{trouble.attempt}"
    draft.digest = hashlib.sha256(said.encode()).hexdigest()
    draft.save(update_fields=["digest"])
    StepNote.objects.filter(pk=note.pk).update(adopted_in=draft)
    return draft


@transaction.atomic
def publish_notes(*, edition_id: int, by: User, now: datetime) -> Edition:
    """Publish the edition that notes were written into; the notes end with it, because it says them.

    Raises `FrozenEditionError`.
    """
    edition = publish_edition(edition_id=edition_id, by=by, now=now)
    StepNote.objects.filter(adopted_in=edition, ended_at__isnull=True).update(
        ended_at=now, ended_by=by
    )
    notes_changed()
    return edition


def _draft_of_notes(guide: Guide) -> Edition | None:
    """Return the draft that notes are being written into, if there is one."""
    drafts = guide.editions.filter(
        state=EditionState.DRAFT,
        pk__in=StepNote.objects.filter(ended_at__isnull=True).values("adopted_in"),
    )
    return drafts.order_by("-number").first()


def _copy(edition: Edition, *, now: datetime) -> Edition:
    """Return a draft that says what an edition says, row by row."""
    last = edition.guide.editions.aggregate(last=Max("number"))["last"] or 0
    copied = Edition.objects.get(pk=edition.pk)
    copied.pk, copied.number, copied.state = None, last + 1, EditionState.DRAFT
    copied.created_at, copied.published_at = now, None
    copied.save()
    for step in edition.steps.order_by("position"):
        troubles = list(step.troubles.order_by("position"))
        step.pk, step.edition = None, copied
        step.save()
        for trouble in troubles:
            trouble.pk, trouble.step = None, step
        Trouble.objects.bulk_create(troubles)
    lessons = list(edition.lessons.order_by("position"))
    for lesson in lessons:
        lesson.pk, lesson.edition = None, copied
    Lesson.objects.bulk_create(lessons)
    return copied


def _draft(edition_id: int) -> Edition:
    edition = Edition.objects.select_for_update().get(pk=edition_id)
    if edition.state != EditionState.DRAFT:
        raise FrozenEditionError
    return edition


def _same_content(guide: Guide, digest: str) -> Edition | None:
    """Return the edition in force or waiting that already says this; retired ones are history."""
    return (
        guide.editions.exclude(state=EditionState.RETIRED)
        .filter(digest=digest)
        .order_by("-number")
        .first()
    )


def _write_edition(guide: Guide, draft: GuideDraft, *, now: datetime) -> Edition:
    last = guide.editions.aggregate(last=Max("number"))["last"] or 0
    edition = Edition.objects.create(
        guide=guide,
        number=last + 1,
        title=asdict(draft.title),
        about=asdict(draft.about),
        phases=[asdict(phase) for phase in draft.phases],
        completion=asdict(draft.completion),
        stuck_reasons=[asdict(reason) for reason in draft.stuck_reasons],
        paper_sheet=asdict(draft.paper_sheet),
        readings={entry.word: entry.reading for entry in draft.readings},
        prepare=_checklist(draft.prepare),
        returns=_checklist(draft.returns),
        rules_of_use={
            "version": draft.rules_of_use.version,
            "title": asdict(draft.rules_of_use.title),
            "lines": _lines(draft.rules_of_use.lines),
        },
        test_out=asdict(draft.test_out),
        errors=[asdict(error) for error in draft.errors],
        digest=draft.digest,
        created_at=now,
    )
    _write_steps(edition, draft)
    Lesson.objects.bulk_create(
        Lesson(
            edition=edition,
            key=lesson.key,
            position=position,
            minutes=lesson.minutes,
            title=asdict(lesson.title),
            actions=_lines(lesson.actions),
            pairs=[asdict(pair) for pair in lesson.pairs],
        )
        for position, lesson in enumerate(draft.lessons, 1)
    )
    return edition


def _write_steps(edition: Edition, draft: GuideDraft) -> None:
    steps = Step.objects.bulk_create(
        Step(
            edition=edition,
            key=step.key,
            position=position,
            phase=step.phase,
            milestone=step.milestone,
            required=step.required,
            survives_swap=step.survives_swap,
            when=step.when,
            minutes=step.minutes,
            title=asdict(step.title),
            why=asdict(step.why),
            actions=_lines(step.actions),
            done_when=asdict(step.done_when),
            check_type=step.check.type,
            check_data=_check(step.check),
            illustration=step.illustration,
        )
        for position, step in enumerate(draft.steps, 1)
    )
    Trouble.objects.bulk_create(
        Trouble(
            step=step,
            position=position,
            when=trouble.when,
            symptom=asdict(trouble.symptom),
            attempt=asdict(trouble.attempt),
            call_it=asdict(trouble.call_it),
        )
        for step, source in zip(steps, draft.steps, strict=True)
        for position, trouble in enumerate(source.troubles, 1)
    )


def _lines(lines: Iterable[Line]) -> list[dict[str, str]]:
    return [{**asdict(line.text), "when": line.when} for line in lines]


def _checklist(checklist: Checklist) -> dict[str, Any]:
    return asdict(checklist) | {
        "items": [asdict(item) | {"actions": _lines(item.actions)} for item in checklist.items]
    }


def _check(check: CheckDraft) -> dict[str, Any]:
    data = asdict(check)
    del data["type"]
    return {name: value for name, value in data.items() if value}
