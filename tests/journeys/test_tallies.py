"""Counts that are kept along the way are those that counting gives, whatever happens."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import AuditEntry
from kitting.escalation.actions.counting import look_and_mend, recount
from kitting.journeys import actions
from kitting.journeys.models import Journey, Tally
from kitting.journeys.states import CloseReason, TallyKind
from kitting.rollout.models import Wave
from kitting.rollout.states import RolloutState
from tests.examples import examples
from tests.factories import DepartmentFactory, LoanFactory, PlaceFactory, RolloutFactory
from tests.journeys.test_actions import Move, moves

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _counters(settings) -> None:
    settings.BOARD_COUNTERS = True


def assert_right() -> None:
    assert recount(mend=False).wrong == {}


def lend(_journey: Journey, now: datetime) -> None:
    LoanFactory.create()
    actions.follow_loans(now=now)


def move_away(journey: Journey, now: datetime) -> None:
    loan = journey.loan
    loan.department, loan.place = DepartmentFactory.create(), PlaceFactory.create()
    loan.save()
    actions.follow_loans(now=now)


def plan(journey: Journey, now: datetime) -> None:
    wave = Wave.objects.create(
        rollout=RolloutFactory.create(state=RolloutState.OPEN),
        name=f"w{Wave.objects.count()}",
        starts_at=now,
        ends_on=now.date(),
    )
    wave.departments.add(journey.loan.department)
    actions.follow_waves(now=now)


def drop_waves(_journey: Journey, _now: datetime) -> None:
    Wave.objects.all().delete()


def close(journey: Journey, now: datetime) -> None:
    actions.close_journeys(
        Journey.objects.open().filter(pk=journey.pk), reason=CloseReason.LOST, now=now
    )


def fold(_journey: Journey, _now: datetime) -> None:
    actions.fold_tallies(at_least=2)


AROUND = {act.__name__: act for act in (lend, move_away, plan, drop_waves, close, fold)}
anything = st.lists(st.one_of(moves, st.sampled_from(sorted(AROUND))), min_size=1, max_size=12)


@settings(
    max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(happened=anything)
def test_whatever_happens_the_kept_counts_are_those_of_a_recount(
    waiting: Journey, now: datetime, happened: list[Move | str]
) -> None:
    with transaction.atomic():
        recount(mend=True)
        at = now
        for move in happened:
            at += timedelta(minutes=7)
            try:
                if isinstance(move, str):
                    AROUND[move](Journey.objects.get(pk=waiting.pk), at)
                else:
                    move.perform(waiting, at)
            except actions.JourneyError:
                continue
            assert_right()
        actions.fold_tallies(at_least=0)
        assert_right()
        transaction.set_rollback(True)


def test_what_was_counted_wrongly_is_found_and_mended(waiting: Journey) -> None:
    recount(mend=True)
    Journey.objects.update(status="in_progress")  # behind the back of the counts
    drift = recount(mend=False)
    assert {key[:2]: numbers for key, numbers in drift.wrong.items()} == {
        ("status", "not_started"): (1, 0),
        ("status", "in_progress"): (0, 1),
        ("step", ""): (0, 1),
    }
    assert recount(mend=True).wrong == drift.wrong
    assert_right()


def test_the_command_says_what_differs(waiting: Journey) -> None:
    said = StringIO()
    with pytest.raises(CommandError):
        call_command("recount", stdout=said)
    assert "nothing had been counted before" in said.getvalue()
    call_command("recount", mend=True, stdout=said)
    call_command("recount", stdout=said)
    assert "0 counts differ\n" in said.getvalue()


def test_folding_keeps_the_sums_and_the_word_that_all_is_counted(waiting: Journey) -> None:
    recount(mend=True)
    before = Tally.objects.count()
    Tally.objects.bulk_create(
        Tally(kind=TallyKind.STATUS, key="done", number=1 - 2 * (number % 2))
        for number in range(10)
    )
    assert actions.fold_tallies(at_least=10) == 10
    assert Tally.objects.count() == before
    assert Tally.objects.filter(kind=TallyKind.COMPLETE).count() == 1
    assert_right()
    assert actions.fold_tallies(at_least=0) == 0


def test_without_the_setting_nothing_is_written(waiting: Journey, now, settings) -> None:
    settings.BOARD_COUNTERS = False
    actions.begin(journey_id=waiting.pk, who=actions.SYSTEM, now=now)
    assert Tally.objects.count() == 0


@pytest.mark.parametrize("fields", [{"number": 0}, {"kind": "nothing"}])
def test_the_table_holds_lines_that_say_something(db, fields) -> None:
    with pytest.raises(IntegrityError):
        Tally.objects.create(**{"kind": TallyKind.STATUS, "number": 1, **fields})


def test_the_nightly_recount_mends_and_says_what_differed(waiting: Journey, now) -> None:
    look_and_mend(now=now)  # nothing had been counted: that is no fault
    assert not AuditEntry.objects.filter(action="site.board_recounted").exists()
    Journey.objects.update(
        status="in_progress", is_noticed=True
    )  # behind the back of the counts
    assert len(look_and_mend(now=now).wrong) == 4
    assert_right()
    assert look_and_mend(now=now).wrong == {}
    [entry] = AuditEntry.objects.filter(action="site.board_recounted")
    assert entry.data == {"differed": 4}


def test_what_was_noticed_is_counted_where_it_stands(waiting: Journey, now) -> None:
    recount(mend=True)
    for noticed in (True, True, False, True):
        actions.set_noticed(journey_id=waiting.pk, is_noticed=noticed)
        assert_right()
    close(waiting, now)
    assert_right()
    actions.set_noticed(journey_id=waiting.pk, is_noticed=False)
    assert_right()
