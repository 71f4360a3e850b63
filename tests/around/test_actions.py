"""What lies around a set-up is kept, and moves nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from kitting.around import actions
from kitting.around.models import Acceptance, Answer, Invitation, Macro, OldPc
from kitting.around.queries import last_things_by_department, macros_by_department, prepared
from kitting.around.states import MacroState, Occasion
from kitting.guides.queries.pages import rules_of_use
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.models import Journey
from kitting.journeys.states import Status, Via
from kitting.notices.models import Notice
from tests.factories import GrantFactory, JourneyFactory, UserFactory
from tests.journeys.conftest import BY_BOX

SIGNED_IN = Who(via=Via.SIGN_IN)
COUNTED = (
    *("status", "begun_at", "steps_done", "ready_done", "event_count", "last_event_at"),
    *("attention_at", "active_seconds"),
)


def counted(journey):
    return Journey.objects.values_list(*COUNTED).get(pk=journey.pk)


def the_rules(journey, language="ja"):
    return rules_of_use(journey.edition_id, journey.flags, {}, language)


# --- the day before ------------------------------------------------------------------------------


def test_preparing_neither_begins_a_journey_nor_moves_its_clocks(waiting, now):
    before = counted(waiting)

    assert actions.prepare(journey=waiting, key="charge", who=SIGNED_IN, now=now)
    actions.plan_time(
        journey=waiting,
        key="choose-time",
        planned_at=now + timedelta(days=1),
        who=SIGNED_IN,
        now=now,
    )
    actions.list_macro(
        journey=waiting,
        name="集計.xlsm",
        purpose="",
        wish=True,
        who=SIGNED_IN,
        now=now,
        key="list-macros",
    )

    assert counted(waiting) == before
    known = prepared(waiting)
    assert known.done == {"charge", "choose-time", "list-macros"}
    assert (known.planned_at, known.macros) == (now + timedelta(days=1), 1)


def test_a_tick_twice_is_one_and_can_be_taken_back(waiting, now):
    actions.prepare(journey=waiting, key="charge", who=BY_BOX, now=now)
    assert not actions.prepare(journey=waiting, key="charge", who=BY_BOX, now=now)
    assert actions.unprepare(journey=waiting, key="charge")
    assert prepared(waiting).done == frozenset()


def test_the_same_macro_again_adds_a_wish_and_no_row(waiting, now):
    for wish in (False, True):
        actions.list_macro(
            journey=waiting, name="集計.xlsm", purpose="", wish=wish, who=BY_BOX, now=now
        )
    assert Macro.objects.get().state == MacroState.ASKED


def test_a_macro_is_answered_and_its_person_told(waiting, now):
    macro = actions.list_macro(
        journey=waiting, name="集計.xlsm", purpose="", wish=True, who=BY_BOX, now=now
    )
    it = GrantFactory.create().person
    assert actions.take_macro(macro_id=macro.pk, by=it, now=now)
    assert not actions.take_macro(macro_id=macro.pk, by=UserFactory.create(), now=now)
    actions.answer_macro(macro_id=macro.pk, words="フィルターを使います。", by=it, now=now)

    told = Notice.objects.get(kind="macro_answered")
    assert (told.person_id, "集計.xlsm" in told.body) == (waiting.person_id, True)
    assert [(row.state, row.count) for row in macros_by_department()] == [
        (MacroState.ANSWERED, 1)
    ]
    assert not actions.drop_macro(journey=waiting, macro_id=macro.pk)


def test_an_answered_macro_has_an_answer(waiting, now):
    macro = actions.list_macro(
        journey=waiting, name="a", purpose="", wish=True, who=BY_BOX, now=now
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        Macro.objects.filter(pk=macro.pk).update(state=MacroState.ANSWERED)


# --- the end -------------------------------------------------------------------------------------


def test_rules_are_accepted_with_version_text_time_and_door(journey, now):
    found = the_rules(journey)
    for who in (BY_BOX, BY_BOX, SIGNED_IN):
        actions.accept_rules(
            journey=journey, rules_of_use=found, language="ja", who=who, now=now
        )

    rows = Acceptance.objects.order_by("pk")
    assert [(r.via, r.version, r.digest, r.accepted_at) for r in rows] == [
        (via, "2026-11", found.digest, now) for via in (Via.BOX, Via.SIGN_IN)
    ]
    assert {r.loan_id for r in rows} == {journey.loan_id}


def test_another_language_is_another_text(journey):
    assert the_rules(journey).digest != the_rules(journey, "en").digest


def test_an_old_pc_is_counted_as_said_and_as_seen(journey, now):
    actions.give_back_old_pc(journey=journey, who=BY_BOX, now=now)
    said = last_things_by_department()[0]
    lead = UserFactory.create()
    actions.collect_old_pc(journey=journey, by=lead, now=now)
    seen = last_things_by_department()[0]

    assert (said.people, said.said, said.collected, said.accepted) == (1, 1, 0, 0)
    assert (seen.said, seen.collected) == (1, 1)
    assert not actions.keep_old_pc(journey=journey)
    assert OldPc.objects.get().collected_by == lead


def test_an_answer_given_again_changes_and_none_keeps_nothing(journey, now):
    def give(scale):
        return actions.answer_questions(
            journey=journey,
            occasion=Occasion.END,
            answers={"ease": actions.Given(scale=scale), "comment": actions.Given()},
            now=now,
        )

    assert (give(2), give(4), give(None)) == (1, 1, 0)
    assert list(Answer.objects.values_list("question", "scale")) == [("ease", 4)]


def test_the_scale_ends_at_five(journey, now):
    with pytest.raises(IntegrityError), transaction.atomic():
        Answer.objects.create(
            journey=journey, occasion="end", question="ease", scale=6, answered_at=now
        )


# --- letters -------------------------------------------------------------------------------------


@pytest.fixture
def ready(journey, now):
    for key, milestone, _required in journey.step_keys:
        if milestone == "ready":
            finish_step(journey_id=journey.pk, step_key=key, who=BY_BOX, now=now)
    journey.refresh_from_db()
    assert journey.status == Status.DONE
    return journey


def test_a_letter_comes_in_the_persons_hours_and_only_once(ready, now):
    midnight = now + timedelta(days=5, hours=14)
    assert actions.invite(now=midnight, country="JP") == 1
    assert actions.invite(now=midnight, country="JP") == 0

    notice = Notice.objects.get(kind="invite_practice")
    assert notice.next_try_at > midnight
    assert notice.link == f"/j/{ready.pk}/"


def test_each_lesson_comes_once_and_the_month_in_between(ready, now):
    kinds = []
    for week in range(1, 12):
        actions.invite(now=now + timedelta(days=7 * week), country="JP")
        kinds = list(Invitation.objects.order_by("sent_at").values_list("kind", flat=True))
    assert kinds[0] == "practice"
    assert kinds.count("lesson") == 7
    assert kinds.count("month") == 1
    assert Invitation.objects.count() == 9


def test_who_wants_no_letters_gets_none(ready, now):
    actions.choose_letters(journey=ready, wanted=False, now=now)
    assert actions.invite(now=now + timedelta(days=31), country="JP") == 0
    actions.choose_letters(journey=ready, wanted=True, now=now)
    assert actions.invite(now=now + timedelta(days=31), country="JP") == 1


def test_what_was_read_is_not_sent(ready, now):
    actions.read_lesson(journey=ready, key="lesson-screenshot", now=now)
    for days in (7, 14):
        actions.invite(now=now + timedelta(days=days), country="JP")
    assert list(Invitation.objects.order_by("pk").values_list("kind", "key")) == [
        ("practice", ""),
        ("lesson", "lesson-web-meeting"),
    ]


def test_nobody_is_invited_before_the_device_can_be_used(journey, now):
    JourneyFactory.create()
    assert actions.invite(now=now + timedelta(days=40), country="JP") == 0


def test_letters_cost_the_same_for_one_and_for_three_who_get_none(
    ready, now, django_assert_num_queries
):
    actions.invite(now=now + timedelta(days=5), country="JP")
    with django_assert_num_queries(3):
        assert actions.invite(now=now + timedelta(days=6), country="JP") == 0
