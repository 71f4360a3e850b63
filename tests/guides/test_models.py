"""What the database itself refuses about guides."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from kitting.guides.models import Edition, Guide, Lesson, Step, Trouble
from kitting.guides.states import EditionState
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def refused(constraint: str, columns: str = "nothing else"):
    """Expect the database to refuse, by the constraint's name or (SQLite) by its columns."""
    return pytest.raises(IntegrityError, match=f"{constraint}|{columns}")


@pytest.fixture
def other(small) -> Edition:
    return Edition.objects.create(
        guide=small.guide, number=2, title={}, digest="2", created_at=NOW
    )


def new_step(edition: Edition, **fields: object) -> Step:
    return Step.objects.create(
        **{
            "edition": edition,
            "key": "new",
            "position": 90,
            "phase": "first",
            "milestone": "ready",
            "minutes": 1,
            "title": {},
            "done_when": {},
            "check_type": "self_report",
            **fields,
        }
    )


def test_a_guide_is_named_once(small):
    with refused("slug"):
        Guide.objects.create(slug=small.guide.slug)


def test_an_edition_number_is_given_once(small):
    with refused("edition_number_once", "kitting_edition.guide_id, kitting_edition.number"):
        Edition.objects.create(
            guide=small.guide, number=1, title={}, digest="x", created_at=NOW
        )


def test_one_edition_of_a_guide_is_published(small, other):
    with refused("edition_one_published_a_guide", "kitting_edition.guide_id"):
        Edition.objects.filter(pk=other.pk).update(
            state=EditionState.PUBLISHED, published_at=NOW
        )


@pytest.mark.parametrize("state", [EditionState.PUBLISHED, EditionState.RETIRED])
def test_what_was_published_has_its_moment(other, state):
    Edition.objects.exclude(pk=other.pk).update(state=EditionState.RETIRED)
    with refused("edition_published_has_a_moment"):
        Edition.objects.filter(pk=other.pk).update(state=state)


def test_a_step_key_stands_once_in_an_edition(small, other):
    new_step(other, key="one")
    with refused("step_key_once", "kitting_step.edition_id, kitting_step.key"):
        new_step(small, key="one")


def test_a_step_has_a_place_of_its_own(small):
    with refused("step_position_once", "kitting_step.edition_id, kitting_step.position"):
        new_step(small, position=1)


@pytest.mark.parametrize(
    ("constraint", "field"),
    [("step_milestone_known", "milestone"), ("step_check_known", "check_type")],
)
def test_a_step_says_only_what_is_known(small, constraint, field):
    with refused(constraint):
        new_step(small, **{field: "magic"})


def test_a_hint_has_a_place_of_its_own(small):
    step = small.steps.get(key="one")
    with refused("trouble_position_once", "kitting_trouble.step_id, kitting_trouble.position"):
        Trouble.objects.create(step=step, position=1, symptom={}, attempt={})


def test_a_lesson_key_stands_once_in_an_edition(small):
    with refused("lesson_key_once", "kitting_lesson.edition_id, kitting_lesson.key"):
        Lesson.objects.create(edition=small, key="shot", position=9, minutes=1, title={})
