"""The play moves people through the actions of the pages only, and leaves everything in order."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from accounts.models import Grant, User
from accounts.states import Role
from kitting.around.states import Occasion
from kitting.demo.actions import playing, seeding, stage, visiting
from kitting.demo.queries import JOB, play_state
from kitting.demo.rules import LAGGING_PLACE
from kitting.escalation.actions.helping import reply
from kitting.escalation.models import TicketEntry
from kitting.jobs.actions import start_job
from kitting.journeys import actions as journeys
from kitting.journeys import rules
from kitting.journeys.models import Event
from kitting.journeys.states import EventKind, HelpState, Status, Via
from kitting.models import (
    Acceptance,
    Answer,
    Device,
    Journey,
    Notice,
    OldPc,
    Preparation,
    Ticket,
)
from kitting.site.models import SiteProfile
from tests.demo.conftest import BEGINS, ENDS, real_now
from tests.factories import UserFactory

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.jobs.models import Job
    from tests.demo.conftest import City

pytestmark = pytest.mark.django_db


def replayed(journey: Journey) -> dict[str, object]:
    """Return what a journey's events alone say about it."""
    plan = rules.plan_from(journey.step_keys)
    facts = [journeys.fact_of(event) for event in journey.events.order_by("number")]
    return journeys.row_values(plan, rules.replay(plan, facts))


def check_everything() -> None:
    """Check what must hold at any moment of any play."""
    for journey in Journey.objects.prefetch_related("records"):
        expected = replayed(journey)
        assert {name: getattr(journey, name) for name in expected} == expected
        moments = [event.at for event in journey.events.order_by("number")]
        assert moments == sorted(moments)
        assert all(record.done_at >= BEGINS for record in journey.records.all())
    keys = Counter(Notice.objects.values_list("dedupe_key", flat=True))
    assert set(keys.values()) <= {1}
    asked = Journey.objects.filter(help_state=HelpState.ASKED).values_list("pk", flat=True)
    helped = Ticket.objects.open().filter(kind="help").values_list("journey_id", flat=True)
    assert set(asked) <= set(helped)


def check_speed() -> None:
    """Check that nobody begins before the boxes come, or is faster than a human."""
    for journey in Journey.objects.filter(begun_at__isnull=False).select_related("wave"):
        assert journey.wave is not None
        assert journey.begun_at is not None
        assert journey.begun_at >= journey.wave.starts_at
    for journey in Journey.objects.filter(ready_at__isnull=False, on_paper=False):
        assert journey.ready_at is not None
        assert journey.begun_at is not None
        assert journey.ready_at - journey.begun_at > timedelta(minutes=8)


def job(begins: datetime = BEGINS, ends: datetime = ENDS) -> Job:
    """Return a play that has not begun."""
    made = start_job(
        kind=JOB,
        total=int((ends - begins).total_seconds() // 60),
        now=real_now(),
        data={
            "seed": 1,
            "begins": begins.isoformat(),
            "until": ends.isoformat(),
            "at": begins.isoformat(),
        },
    )
    assert made is not None
    return made


def shown() -> datetime:
    """Return the moment the site's clock shows."""
    return real_now() + (SiteProfile.objects.get().clock_offset or timedelta())


def go_on(seconds: float | None = None) -> bool:
    return playing.go_on_playing(seed=1, people=99, seconds=seconds, real_clock=real_now)


def test_three_days_of_sixty_people(city: City) -> None:
    played = playing.play(seed=1, people=99, start=BEGINS, until=ENDS)

    assert played.finished
    assert played.now == ENDS
    check_everything()
    states = Counter(Journey.objects.values_list("status", flat=True))
    assert states[Status.DONE] > 15
    assert states[Status.NOT_STARTED] > 16  # the library's boxes come later
    assert set(states) <= set(Status)
    assert not Journey.objects.filter(place__name="北図書館", begun_at__isnull=False).exists()
    lagging = Journey.objects.filter(place__name=LAGGING_PLACE)
    assert lagging.filter(begun_at__isnull=True).count() > lagging.count() / 2
    doors = set(Event.objects.values_list("via", flat=True))
    assert {Via.BOX, Via.SIGN_IN, Via.SYSTEM} <= doors
    assert Ticket.objects.exists()
    assert TicketEntry.objects.exists()
    check_speed()


def test_people_of_the_play_prepare_and_end_well(city: City) -> None:
    playing.play(seed=1, people=60, start=BEGINS, until=ENDS)

    ready = Journey.objects.filter(ready_at__isnull=False).count()
    assert 0 < Acceptance.objects.count() <= ready
    assert 0 < OldPc.objects.count() <= ready
    assert Preparation.objects.exists()
    assert Answer.objects.filter(question="ease").exists()
    sure = Answer.objects.filter(question="confidence")
    assert {row.occasion for row in sure} == {Occasion.START, Occasion.END}
    assert Event.objects.filter(kind=EventKind.ERROR_OPENED).exists()


def test_an_interrupted_play_goes_on_and_ends(village: City) -> None:
    job()
    turns = 1
    while not go_on(seconds=0.0):
        turns += 1
        assert turns < 1000

    assert turns > 2
    check_everything()
    asked = Counter(Ticket.objects.filter(kind="help").values_list("journey_id", flat=True))
    assert set(asked.values()) <= {1}  # nobody forgets having asked
    play = play_state()
    assert play is not None
    assert play.is_over
    assert play.percent == 100
    assert go_on()  # there is nothing left to play


def test_the_clock_follows_the_play(village: City) -> None:
    job(ends=BEGINS + timedelta(hours=3))

    assert go_on()

    assert abs(shown() - (BEGINS + timedelta(hours=3))) < timedelta(seconds=30)


def test_a_visitor_can_end_the_play(village: City) -> None:
    job()
    heard: list[int] = []

    def stop_soon(percent: int, _now: datetime) -> bool:
        heard.append(percent)
        if len(heard) == 2:
            playing.stop_play(now=real_now())
        return True

    finished = playing.go_on_playing(
        seed=1, people=99, seconds=None, real_clock=real_now, heard=stop_soon
    )

    assert not finished
    assert len(heard) == 2
    assert not playing.stop_play(now=real_now())
    assert go_on()  # for good: the next start leaves it there


def test_the_play_leaves_visitors_alone(village: City) -> None:
    mine = village.journeys[1]
    code, number = mine.loan.device.code, mine.person.staff_number
    entry = journeys.enter_by_box(
        code=code or "",
        staff_number=number or "",
        client="192.0.2.7",
        now=BEGINS + timedelta(hours=2),
        window=stage.WINDOW,
    )
    assert entry.journey is not None

    playing.play(
        seed=1,
        people=99,
        start=BEGINS + timedelta(hours=2, minutes=1),
        until=BEGINS + timedelta(hours=9),
    )

    assert mine.events.count() == 1
    assert Event.objects.exclude(journey=mine).exists()


def test_a_bad_morning_fills_the_queue_of_it(village: City) -> None:
    now = BEGINS + timedelta(hours=2)
    ready = village.journeys[0]
    journeys.begin(journey_id=ready.pk, who=journeys.Who(via=Via.BOX), now=now)
    ready.refresh_from_db()
    for key, _milestone, _required in ready.step_keys:
        journeys.finish_step(
            journey_id=ready.pk, step_key=key, who=journeys.Who(via=Via.BOX), now=now
        )

    done = visiting.play_bad_morning(now=now, real_clock=real_now)

    assert done is not None
    assert 12 <= done.asked <= 25
    tickets = Ticket.objects.filter(kind="help")
    assert tickets.count() == done.asked
    assert set(tickets.values_list("step_key", flat=True)) == {"connect-wifi"}
    assert set(tickets.values_list("place__name", flat=True)) == {done.place}
    asked_at = sorted(tickets.values_list("opened_at", flat=True))
    assert asked_at[-1] - asked_at[0] <= timedelta(minutes=20)
    assert asked_at[-1] <= done.now
    assert Ticket.objects.filter(kind="loss").count() == 1
    assert Ticket.objects.filter(kind="wrong_box").count() == 1
    assert Journey.objects.filter(status=Status.WAITING).count() == done.asked
    check_everything()


def test_two_bad_mornings_meet_different_places(village: City) -> None:
    first = visiting.play_bad_morning(now=BEGINS + timedelta(hours=2), real_clock=real_now)
    assert first is not None
    second = visiting.play_bad_morning(now=first.now, real_clock=real_now)

    assert second is not None
    assert second.place != first.place
    check_everything()


def test_nothing_can_fail_where_everybody_is_past_it(demo: SiteProfile) -> None:
    assert visiting.play_bad_morning(now=BEGINS, real_clock=real_now) is None
    demo.refresh_from_db()
    assert demo.clock_offset == timedelta()


def test_while_time_passes_people_go_on_and_helping_is_left_to_the_visitor(
    village: City,
) -> None:
    passed = visiting.let_time_pass(
        to=BEGINS + timedelta(days=4), now=BEGINS, real_clock=real_now
    )

    ready = Journey.objects.filter(ready_at__isnull=False).count()
    assert passed.ready == ready > 0
    assert passed.asked == Ticket.objects.filter(kind="help").count()
    assert passed.found == Ticket.objects.filter(kind="quiet").count() > 0
    assert not Ticket.objects.filter(taken_by__isnull=False).exists()
    assert abs(shown() - passed.now) < timedelta(seconds=30)
    check_everything()


def test_hours_one_by_one_are_as_long_as_a_day(village: City) -> None:
    now = BEGINS
    for _hour in range(30):
        passed = visiting.let_time_pass(
            to=now + timedelta(hours=1), now=now, real_clock=real_now
        )
        now = passed.now

    assert Journey.objects.filter(ready_at__isnull=False).exists()
    check_everything()


def test_whoever_was_answered_says_whether_it_works(village: City) -> None:
    bad = visiting.play_bad_morning(now=BEGINS + timedelta(hours=2), real_clock=real_now)
    assert bad is not None
    mine = list(Ticket.objects.filter(kind="help").order_by("pk"))[:4]
    for ticket in mine:
        reply(ticket=ticket, by=village.officer, words="直しました。", now=bad.now)

    visiting.let_time_pass(to=bad.now + timedelta(hours=1), now=bad.now, real_clock=real_now)

    said = {entry.kind for entry in TicketEntry.objects.filter(ticket__in=mine)}
    assert "better" in said
    others = Ticket.objects.filter(kind="help").exclude(pk__in=[t.pk for t in mine])
    assert not others.filter(state="resolved").exists()
    assert Journey.objects.filter(
        tickets__in=mine, records__step_key="connect-wifi"
    ).exists()  # who was helped went on


def test_coming_back_to_now_looks_once(village: City) -> None:
    now = real_now()

    passed = visiting.come_back_to_now(real_now=now)

    assert passed.now == now
    assert abs(shown() - real_now()) < timedelta(seconds=30)
    assert not Event.objects.exists()


def test_the_whole_city_is_seeded_once(db: None) -> None:
    now = real_now()

    assert seeding.seed_city(real_now=now)

    assert User.objects.count() == 2678
    assert Device.objects.count() == 2650
    assert Journey.objects.open().count() == 2620
    assert not Journey.objects.filter(begun_at__isnull=False).exists()
    assert Grant.objects.filter(role=Role.IT_LEAD).count() == 1
    assert Grant.objects.filter(role=Role.IT).count() == 9
    assert not Journey.objects.filter(wave__isnull=True).exists()
    profile = SiteProfile.objects.get()
    assert profile.demo_seeded_at == now
    assert profile.clock_offset is not None
    assert profile.clock_offset < timedelta(days=-20)
    assert not seeding.seed_city(real_now=now)
    assert User.objects.count() == 2678


def test_real_people_are_never_touched(db: None) -> None:
    person = UserFactory.create()

    with pytest.raises(seeding.RealRollError):
        seeding.seed_city(real_now=real_now())

    assert list(User.objects.all()) == [person]
    assert not SiteProfile.objects.filter(demo_seeded_at__isnull=False).exists()
    assert not Device.objects.exists()
