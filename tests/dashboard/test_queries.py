"""The board's numbers come from what is, and agree with each other."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from accounts.queries import Rights, rights_of
from accounts.states import Role
from kitting.dashboard.queries import Overview, department_page, overview, scope_key
from kitting.escalation import actions
from kitting.escalation.models import Ticket
from kitting.escalation.states import TicketKind
from kitting.guides.queries.kept import forget_editions
from kitting.journeys.actions.loans import close_journeys
from kitting.journeys.models import Journey
from kitting.journeys.states import CloseReason, Status
from tests.escalation.town import Town, ask, at, finish, finish_all, sweep_until
from tests.factories import (
    DepartmentFactory,
    GrantFactory,
    LoanFactory,
    PlaceFactory,
    UserFactory,
    WaveFactory,
)

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db

TEN = at("11-10 10:00")
NOW = at("11-10 11:00")
ALL = Rights(roles=frozenset({Role.IT}))


def board_of(person: User | None = None, *, now=NOW, language: str = "ja") -> Overview:
    rights = rights_of(person, on=now.date()) if person else ALL
    return overview(rights=rights, now=now, language=language)


def fill(town: Town) -> None:
    """People in every state, in two departments, with everything that is counted apart."""
    for make in (town.person, town.teacher):
        town.journey(make())
        town.begun(make(), when=TEN)
        finish(town.begun(make(), when=TEN), now=TEN)
        ask(town.begun(make(), when=TEN), now=TEN)
        ask(town.journey(make()), now=TEN)
        ask(finish_all(town.begun(make(), when=TEN), now=TEN), now=TEN)
        answered = ask(town.begun(make(), when=TEN), now=TEN)
        actions.reply(ticket=answered, by=town.it, words="x", now=TEN)
        finish_all(town.begun(make(), when=TEN), now=TEN)
        make()
    LoanFactory.create(person=None, kind="shared", department=town.department)
    device = Journey.objects.all()[0].loan.device
    actions.report(device=device, kind=TicketKind.LOSS, words="", client="a", now=TEN)


# --- the numbers agree ----------------------------------------------------------------------------


def agree(board: Overview) -> None:
    counts = board.counts
    four = counts.done + counts.in_progress + counts.waiting + counts.not_started
    assert four == counts.total
    for name in ("done", "in_progress", "waiting", "not_started", "total"):
        assert sum(getattr(row.counts, name) for row in board.departments) == getattr(
            counts, name
        )
    assert sum(row.planned for row in board.departments) == board.planned
    assert sum(row.gap for row in board.departments) == board.gap
    assert sum(row.attention for row in board.departments) == board.attention
    here = sum(step.here for step in board.steps)
    assert here + board.elsewhere == counts.in_progress + counts.waiting
    assert len(board.queue) == min(6, counts.waiting)
    assert board.curve[-1][1] == counts.done


def test_the_numbers_of_the_board_agree_with_each_other(town: Town):
    fill(town)
    board = board_of()
    agree(board)
    assert (board.counts.done, board.counts.in_progress) == (4, 6)
    assert (board.counts.waiting, board.counts.not_started) == (4, 2)
    assert board.elsewhere == 2  # asked before the first step
    assert board.reports == 3  # two who are ready, and a loss
    assert board.shared_devices == 1
    # Those without a loan: one of each kind, and the helpers.
    assert board.people_without_device == 2 + 4
    assert board.finished_alone == 50.0


def test_the_numbers_agree_with_the_rows_they_come_from(town: Town):
    fill(town)
    board = board_of()
    open_journeys = Journey.objects.open()
    for status, number in (
        (Status.DONE, board.counts.done),
        (Status.WAITING, board.counts.waiting),
        (Status.IN_PROGRESS, board.counts.in_progress),
        (Status.NOT_STARTED, board.counts.not_started),
    ):
        assert open_journeys.filter(status=status).count() == number
    waiting = Ticket.objects.waiting().filter(
        kind=TicketKind.HELP, journey__status=Status.WAITING
    )
    assert waiting.count() == board.counts.waiting
    assert {row.ticket for row in board.queue} == set(waiting)


def test_what_kitto_found_is_beside_the_four_states(town: Town):
    town.begun(when=TEN)
    town.begun(town.teacher(), when=TEN)
    sweep_until(at("11-13 10:00"))
    board = board_of(now=at("11-13 11:00"))
    assert board.attention == Ticket.objects.filter(kind=TicketKind.QUIET).count() == 2
    assert (board.counts.waiting, board.counts.in_progress, board.reports) == (0, 2, 0)
    agree(board)


def test_what_is_over_is_counted_nowhere(town: Town):
    journey = town.begun(when=TEN)
    ask(journey, now=TEN)
    close_journeys([journey], reason=CloseReason.LOAN_ENDED, now=TEN)
    board = board_of()
    assert (board.counts.total, board.attention, board.reports, board.queue) == (0, 0, 0, [])


def test_a_lost_device_lets_its_person_be_without_one(town: Town):
    journey = town.begun(when=TEN)
    before = board_of()
    loss = actions.report(
        device=journey.loan.device, kind=TicketKind.LOSS, words="", client="a", now=TEN
    )
    actions.mark_lost(ticket=loss, by=town.it, now=TEN)
    board = board_of()
    assert board.counts.total == before.counts.total - 1
    assert board.people_without_device == before.people_without_device + 1


def test_people_on_an_older_guide_are_still_counted(town: Town):
    journey = town.begun(when=TEN)
    Journey.objects.filter(pk=journey.pk).update(current_step="a-step-of-long-ago")
    board = board_of()
    assert board.elsewhere == 1
    agree(board)


def test_the_steps_show_who_got_that_far_and_who_is_there(town: Town):
    finish_all(town.begun(when=TEN), now=TEN)
    finish(town.begun(when=TEN), now=TEN)
    town.begun(when=TEN)
    first, second, third = board_of().steps[:3]
    assert (first.reached, first.here, first.share) == (3, 1, 100.0)
    assert (second.reached, second.here) == (2, 1)
    assert (third.reached, third.here) == (1, 0)
    assert [step.number for step in board_of().steps] == list(range(1, 17))


def test_the_plan_follows_the_waves(town: Town):
    wave = WaveFactory.create(
        starts_at=at("11-09 08:30"),
        ends_on=date(2026, 11, 12),
        rollout__starts_on=date(2026, 11, 9),
    )
    for _ in range(8):
        town.journey(town.person(), wave=wave)
    finish_all(town.begun(when=TEN, wave=wave), now=TEN)
    board = board_of()
    assert (board.planned, board.gap) == (4, -3)  # two of four days
    assert dict(board.plan_curve)[date(2026, 11, 12)] == 9
    assert board.curve[0] == (date(2026, 11, 9), 0)
    assert [row.gap for row in board.departments] == [-3]


def test_who_is_not_to_begin_yet_stands_last(town: Town):
    later = WaveFactory.create(starts_at=at("12-01 08:30"), ends_on=date(2026, 12, 4))
    soon = WaveFactory.create(starts_at=at("11-09 08:30"), ends_on=date(2026, 11, 10))
    town.journey(town.person(), wave=later)
    town.journey(town.teacher(), wave=soon)
    rows = board_of().departments
    assert [row.is_later for row in rows] == [False, True]
    assert rows[0].pk == town.nursery_department.pk


def test_an_empty_town_has_an_empty_board(town: Town):
    board = board_of()
    assert (board.counts.total, board.counts.percent, board.departments) == (0, 0.0, [])
    assert board.finished_alone == 0.0


def test_without_a_guide_the_board_still_counts(db):
    board = board_of()
    assert board.steps == []


# --- whose board ----------------------------------------------------------------------------------


def test_a_lead_of_a_department_sees_it_and_what_lies_below(town: Town):
    fill(town)
    unit = DepartmentFactory.create(parent=town.department)
    town.journey(UserFactory.create(department=unit, place=town.office))
    board = board_of(town.lead)
    agree(board)
    assert {row.pk for row in board.departments} == {town.department.pk, unit.pk}
    assert board.counts.total == 9
    assert board.shared_devices == 1
    assert board.people_without_device == 1
    assert {row.ticket.department_id for row in board.queue} == {town.department.pk}


def test_a_lead_of_a_place_sees_who_is_there_whatever_their_department(town: Town):
    fill(town)
    guest = town.person(place=town.nursery)
    town.journey(guest)
    board = board_of(town.nursery_lead)
    agree(board)
    assert {row.pk for row in board.departments} == {
        town.nursery_department.pk,
        town.department.pk,
    }
    # Of the other department only who works here is counted, not all of it.
    assert {row.pk: row.counts.total for row in board.departments}[town.department.pk] == 1


def test_a_lead_of_both_counts_nobody_twice(town: Town):
    fill(town)
    GrantFactory.create(person=town.lead, role=Role.LEAD, place=town.office)
    GrantFactory.create(person=town.lead, role=Role.LEAD, place=town.nursery)
    board = board_of(town.lead)
    agree(board)
    assert board.counts.total == board_of().counts.total


def test_nothing_outside_the_own_scope_can_be_worked_out(town: Town):
    """Small groups are shown to those who know their people anyway, and to nobody else."""
    fill(town)
    whole, own = board_of(), board_of(town.lead)
    inside = {journey.pk for journey in Journey.objects.filter(department=town.department)}
    assert own.counts.total == len(inside)
    assert all(row.ticket.journey_id in inside for row in own.queue)
    # No figure of the lead's board counts anybody else: taking the others away changes none.
    Ticket.objects.exclude(department=town.department).delete()
    for journey in Journey.objects.exclude(department=town.department):
        journey.events.all().delete()
        journey.delete()
    forget_editions()
    assert board_of(town.lead) == own
    assert whole.counts.total > own.counts.total


def test_whoever_may_see_the_same_has_the_same_key(town: Town):
    it = rights_of(town.it, on=NOW.date())
    it_lead = rights_of(town.it_lead, on=NOW.date())
    lead = rights_of(town.lead, on=NOW.date())
    nursery = rights_of(town.nursery_lead, on=NOW.date())
    assert scope_key(it) == scope_key(it_lead)
    assert len({scope_key(rights) for rights in (it, lead, nursery)}) == 3
    department, place = frozenset({1}), frozenset({1})
    assert scope_key(Rights(departments=department)) != scope_key(Rights(places=place))


# --- what it costs --------------------------------------------------------------------------------


@pytest.mark.parametrize(("departments", "people"), [(1, 10), (30, 300)])
def test_the_board_costs_the_same_whatever_its_size(
    town, departments, people, django_assert_num_queries
):
    wave = WaveFactory.create()
    sections = [DepartmentFactory.create() for _ in range(departments)]
    places = [PlaceFactory.create() for _ in range(departments)]
    for number in range(people):
        at_home = number % departments
        journey = town.journey(
            UserFactory.create(department=sections[at_home], place=places[at_home]), wave=wave
        )
        if number % 5 == 0:
            ask(journey, choice="network", now=TEN)
    board_of()
    with django_assert_num_queries(13):
        board = board_of()
    assert (len(board.departments), board.counts.total) == (departments, people)
    assert board.counts.waiting == people / 5


# --- one department -------------------------------------------------------------------------------


def page_of(town: Town, person: User | None = None, department=None):
    rights = rights_of(person, on=NOW.date()) if person else ALL
    return department_page((department or town.department).pk, rights=rights, language="ja")


def test_who_needs_support_stands_first(town: Town):
    done = finish_all(town.begun(when=TEN), now=TEN)
    never = town.journey()
    walking = town.begun(when=at("11-10 10:40"))
    noticed = town.begun(when=at("11-10 10:00"))
    sweep_until(at("11-10 10:30"))
    waits = town.begun(when=TEN)
    ticket = ask(waits, now=TEN)
    page = page_of(town)
    assert page
    assert [row.journey for row in page.people] == [waits, noticed, walking, never, done]
    assert page.people[0].ticket == ticket
    assert (page.people[0].step_number, page.people[0].step) == (1, "箱の中を確かめる")
    assert page.counts.total == 5


def test_the_page_agrees_with_the_row_of_the_board(town: Town):
    fill(town)
    rows = {row.pk: row.counts for row in board_of().departments}
    for department in (town.department, town.nursery_department):
        page = page_of(town, department=department)
        assert page
        assert page.counts == rows[department.pk]


def test_somebody_elsewhere_has_no_such_page(town: Town):
    fill(town)
    assert page_of(town, town.nursery_lead) is None
    assert page_of(town, town.lead)
    assert department_page(0, rights=ALL, language="ja") is None


def test_a_lead_of_a_place_sees_of_a_department_who_is_there(town: Town):
    fill(town)
    guest = town.journey(town.person(place=town.nursery))
    page = page_of(town, town.nursery_lead)
    assert page
    assert [row.journey for row in page.people] == [guest]
    assert page.counts.total == 1
    assert page.shared == []


def test_a_lead_may_look_at_an_own_department_without_anybody(town: Town):
    page = page_of(town, town.lead)
    assert page
    assert page.people == []


@pytest.mark.parametrize("people", [1, 12])
def test_a_department_costs_the_same_however_many_people(
    town, people, django_assert_num_queries
):
    for _ in range(people):
        ask(town.begun(when=TEN), now=TEN)
        LoanFactory.create(person=None, kind="shared", department=town.department)
    page_of(town)
    with django_assert_num_queries(6):
        page = page_of(town)
    assert len(page.people) == len(page.shared) == people
