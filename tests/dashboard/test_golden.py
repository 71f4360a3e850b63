"""A city of twenty people whose every figure was worked out on paper.

It is Tuesday 17 November 2026, 10:00. The rollout runs from Monday 9 to Friday 27 November; Monday 23
is a holiday. Two waves: A from 9 to 13 (five days), B from 16 to 25 (ten days).

    bureau   department  wave  people  done  in progress  waiting  not started
    こども部  保育課        A      8      4        2           1           1
    市民部    市民課        A      6      6        0           0           0
    市民部    消防課        B      6      1        1           0           4
                                20     11        3           1           5

Plan on the 17th: A is over, 8 and 6; B has had two of ten days, 6 x 2/10 = 1.2, so 1. Together 15, and
eleven are ready: 4 fewer. The plan by day: 9th 14/5 = 2.8 -> 3, 10th 5.6 -> 6, 11th 8.4 -> 8, 12th
11.2 -> 11, 13th to 15th 14, 16th 14.6 -> 15, 17th 15.2 -> 15. Eleven were planned for Thursday the 12th:
three working days ago (13, 16, 17).

Ready by day: 10th 2, 11th 1, 12th 3, 13th 2, Saturday 14th 1, 16th 1, today 1. By working day up to
yesterday, Saturday with Friday: 9th 0, 10th 2, 11th 1, 12th 3, 13th 3, 16th 1. Windows of five: 9 and 10
people, so 1.8 at worst, 2 at best and now. Nine are left. Working days to come: 18 19 20 24 25 26 27 30.
At 2 a day it takes five days: the 25th; at 1.8 five as well. Seven days are left to the deadline: 9/7.

Active seconds of the eleven: 600 1200 1500 1800 1860 2400 2401 2700 3000 3600 5400, in minutes rounded up
10 20 25 30 31 40 41 45 50 60 90. The sixth is 40; nine in ten is the tenth, 60. Two of the eleven asked.

Now at Wi-Fi (step 4) two, at sign-in (step 7) two of whom one waits; so 15 reached steps 1 to 4, 13 steps
5 to 7, 11 the rest. Wi-Fi took 100 110 120 200 400 seconds: in pieces of ten 10 11 12 20 40, the third is
120 s = 2 minutes, nine in ten 400 s = 7 minutes. Asked about Wi-Fi 1 of 15 = 6.7 %, sign-in 2 of 13 = 15.4 %.

First answers, in working minutes: Thu 9:00-9:20 20, Thu 17:05-Fri 8:40 10+10 = 20, Fri 10:00-10:05 5,
Fri 16:00-16:31 31, Mon 11:00-11:12 12. In order 5 12 20 20 31: median 20, nine in ten 31. One question
of today was due at 9:30: overdue. IT wrote down 15 + 9 + 3 = 27 minutes: 27/11 = 2.5 a device.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from accounts.queries import Rights
from accounts.states import Role
from kitting.dashboard import rules
from kitting.dashboard.queries import (
    Filters,
    department_page,
    divide,
    editions,
    insights,
    overview,
)
from kitting.escalation.actions.counting import recount
from kitting.escalation.models import Ticket
from kitting.escalation.states import Reason, TicketKind, TicketState
from kitting.guides.actions import load_guide
from kitting.journeys.models import Event, Journey, StepRecord
from kitting.journeys.states import EventKind, Status, Via
from kitting.models import Answer
from kitting.rollout.models import Rollout
from kitting.rollout.states import RolloutState
from kitting.site.models import SiteProfile
from tests.escalation.town import at
from tests.factories import (
    DepartmentFactory,
    DeviceFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    RolloutFactory,
    TicketFactory,
    UserFactory,
    WaveFactory,
    WorkingHoursFactory,
)

if TYPE_CHECKING:
    from accounts.models import Department
    from kitting.guides.models import Edition
    from kitting.guides.rules.shapes import GuideDraft
    from kitting.rollout.models import Wave

pytestmark = pytest.mark.django_db

NOW = at("11-17 10:00")
IT = Rights(roles=frozenset({Role.IT}))
AUDITOR = Rights(roles=frozenset({Role.AUDITOR}))
STEP_4, STEP_7 = "connect-wifi", "sign-in"
# Department, day of being ready, active seconds.
READY = (
    ("市民課", "11-10 10:00", 600),
    ("市民課", "11-10 15:00", 1200),
    ("保育課", "11-11 10:00", 1500),
    ("市民課", "11-12 10:00", 1800),
    ("市民課", "11-12 11:00", 1860),
    ("保育課", "11-12 12:00", 2400),
    ("市民課", "11-13 10:00", 2401),
    ("保育課", "11-13 23:59", 2700),
    ("保育課", "11-14 00:00", 3000),
    ("市民課", "11-16 10:00", 3600),
    ("消防課", "11-17 09:59", 5400),
)
UNDER_WAY = (
    ("保育課", STEP_4, Status.IN_PROGRESS),
    ("消防課", STEP_4, Status.IN_PROGRESS),
    ("保育課", STEP_7, Status.IN_PROGRESS),
    ("保育課", STEP_7, Status.WAITING),
)
NOT_STARTED = ("保育課", "消防課", "消防課", "消防課", "消防課")
# Opened, answered, step, minutes written down; the first two journeys that asked, in turn.
ASKED = (
    (0, "11-12 09:00", "11-12 09:20", STEP_4, 15),
    (2, "11-12 17:05", "11-13 08:40", STEP_7, 9),
    (0, "11-13 10:00", "11-13 10:05", "", 3),
    (2, "11-13 16:00", "11-13 16:31", "", 0),
    (0, "11-16 11:00", "11-16 11:12", "", 0),
)


class GoldenCity:
    """The city as the working above has it."""

    def __init__(self, edition: Edition) -> None:
        self.edition = edition
        self.hours = WorkingHoursFactory.create(name="office", week="8:30-17:15")
        citizens, children = (
            DepartmentFactory.create(name=name, parent=None) for name in ("市民部", "こども部")
        )
        self.bureaus = {"市民部": citizens, "こども部": children}
        self.departments: dict[str, Department] = {
            "保育課": DepartmentFactory.create(name="保育課", parent=children),
            "市民課": DepartmentFactory.create(name="市民課", parent=citizens),
            "消防課": DepartmentFactory.create(name="消防課", parent=citizens),
        }
        rollout = RolloutFactory.create(
            starts_on=date(2026, 11, 9), deadline_on=date(2026, 11, 27)
        )
        a = WaveFactory.create(
            rollout=rollout, starts_at=at("11-09 08:30"), ends_on=date(2026, 11, 13)
        )
        b = WaveFactory.create(
            rollout=rollout, starts_at=at("11-16 08:30"), ends_on=date(2026, 11, 25)
        )
        self.waves: dict[str, Wave] = {"保育課": a, "市民課": a, "消防課": b}
        self.ready = [
            self.journey(
                name,
                status=Status.DONE,
                ready_at=at(when),
                ready_seconds=seconds,
                **self.begun,
            )
            for name, when, seconds in READY
        ]
        self.under_way = [
            self.journey(name, status=status, current_step=step, **self.begun)
            for name, step, status in UNDER_WAY
        ]
        self.waiting = [self.journey(name) for name in NOT_STARTED]
        self.help()
        LoanFactory.create(person=None, kind="shared", department=self.departments["市民課"])
        UserFactory.create_batch(2, department=self.departments["保育課"], place=None)

    @property
    def begun(self) -> dict[str, object]:
        return {
            "edition": self.edition,
            "begun_at": at("11-09 09:00"),
            "step_keys": [[STEP_4, "ready", True], [STEP_7, "ready", True]],
        }

    def journey(self, name: str, **fields: object) -> Journey:
        """Return one of a department; the first five of 保育課 are part-time, 消防課 has another model."""
        number = Journey.objects.filter(department=self.departments[name]).count()
        part_time = name == "保育課" and number < 5
        person = UserFactory.create(
            name=f"{name}の{number + 1}人目",
            department=self.departments[name],
            place=None,
            employment="会計年度任用職員" if part_time else "正規",
        )
        device = DeviceFactory.create(model_name="C2" if name == "消防課" else "C1")
        loan = LoanFactory.create(person=person, device=device)
        return JourneyFactory.create(loan=loan, wave=self.waves[name], **fields)

    def help(self) -> None:
        """Let some ask, one of them today; five are timed at the Wi-Fi."""
        for index, opened, answered, step, minutes in ASKED:
            TicketFactory.create(
                journey=self.ready[index],
                state=TicketState.RESOLVED,
                resolved_at=NOW,
                opened_at=at(opened),
                first_answer_at=at(answered),
                step_key=step,
                minutes_spent=minutes,
            )
        for index in (0, 2):
            Journey.objects.filter(pk=self.ready[index].pk).update(asked_at=at("11-12 09:00"))
        TicketFactory.create(
            journey=self.under_way[3],
            opened_at=at("11-17 09:00"),
            answer_by=at("11-17 09:30"),
            step_key=STEP_7,
        )
        TicketFactory.create(
            journey=self.under_way[2], kind=TicketKind.QUIET, reason=Reason.SILENT
        )
        Journey.objects.filter(pk=self.under_way[2].pk).update(is_noticed=True)
        for index, seconds in enumerate((100, 110, 120, 200, 400)):
            StepRecord.objects.create(
                journey=self.ready[index],
                step_key=STEP_4,
                result="self_reported",
                method="button",
                done_at=NOW,
                seconds=seconds,
            )


@pytest.fixture
def city(db: None, shipped: GuideDraft) -> GoldenCity:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    return GoldenCity(load_guide(draft=shipped, now=NOW, publish=True).edition)


def board(rights: Rights = IT, **asked: object):
    return overview(rights=rights, now=NOW, language="ja", **asked)


def test_every_figure_is_the_one_worked_out_on_paper(city: GoldenCity) -> None:
    found = board()
    assert found.counts == rules.Counts(done=11, in_progress=3, waiting=1, not_started=5)
    assert (found.counts.percent, found.planned, found.gap, found.ahead) == (55.0, 15, -4, -3)
    assert found.pace == rules.Pace(mean=2.0, best=2.0, worst=1.8, days=5)
    assert found.needed == pytest.approx(9 / 7)
    assert found.is_fast_enough
    assert found.forecast == rules.Forecast(*[date(2026, 11, 25)] * 3)
    assert found.time == rules.Took(number=11, median=40, most=60)
    assert (found.alone, found.helped, found.finished_alone) == (9, 2, 81.8)
    assert found.help.answer == rules.Took(number=5, median=20, most=31)
    assert (found.help.target, found.overdue, len(found.queue)) == (30, 1, 1)
    assert (found.spent, found.spent_a_device) == (27, 2.5)
    assert (found.attention, found.shared_devices, found.people_without_device) == (1, 1, 2)
    plan = [3, 6, 8, 11, 14, 14, 14, 15, 15]
    assert [number for _day, number in found.plan_curve[:9]] == plan
    assert [number for _day, number in found.curve] == [0, 2, 3, 6, 8, 9, 9, 10, 11]
    assert found.compared[8] == (date(2026, 11, 17), 11, 15)
    assert found.compared[-1] == (date(2026, 11, 27), None, 20)


def test_departments_stand_by_their_gap_with_their_last_ten_days(city: GoldenCity) -> None:
    rows = board().departments
    assert [(row.name, row.gap, row.planned, row.attention) for row in rows] == [
        ("保育課", -4, 8, 1),
        ("市民課", 0, 6, 0),
        ("消防課", 0, 1, 0),
    ]
    assert rows[0].counts == rules.Counts(done=4, in_progress=2, waiting=1, not_started=1)
    assert rows[0].line == (0, 0, 0, 1, 2, 3, 4, 4, 4, 4)
    assert rows[2].line == (0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    bureaus = board(by_bureau=True).departments
    assert [(row.name, row.counts.total, row.gap) for row in bureaus] == [
        ("こども部", 8, -4),
        ("市民部", 12, 0),
    ]


def test_the_funnel_is_the_one_worked_out_on_paper(city: GoldenCity) -> None:
    steps = board().steps
    assert [step.reached for step in steps[:8]] == [15, 15, 15, 15, 13, 13, 13, 11]
    wifi, sign_in = steps[3], steps[6]
    assert (wifi.here, wifi.took, wifi.asked) == (2, rules.Took(5, 2, 7), 1)
    assert (wifi.help_share, sign_in.help_share) == (6.7, 15.4)
    assert board().bottleneck is None  # fewer than ten stand anywhere
    Journey.objects.filter(status=Status.NOT_STARTED).update(
        status=Status.IN_PROGRESS, current_step=STEP_4, begun_at=NOW, edition=city.edition
    )
    Journey.objects.filter(status=Status.IN_PROGRESS).update(current_step=STEP_4)
    assert board().bottleneck is None  # eight
    Journey.objects.filter(ready_at__gte=at("11-16 00:00")).update(
        status=Status.IN_PROGRESS, ready_at=None, ready_seconds=None, current_step=STEP_4
    )
    assert board().bottleneck == board().steps[3]  # ten of them


@pytest.mark.parametrize(
    ("asked", "total", "done", "minutes"),
    [
        ({"bureau": "市民部"}, 12, 7, rules.Took(7, 31, 90)),
        ({"department": "消防課"}, 6, 1, None),
        ({"wave": "消防課"}, 6, 1, None),
        ({"model": "C2"}, 6, 1, None),
        ({"employment": "会計年度任用職員"}, 5, 4, None),
        ({"employment": "正規", "model": "C1"}, 9, 6, rules.Took(6, 30, 60)),
    ],
)
def test_filters_narrow_every_figure(city, asked, total, done, minutes) -> None:
    keys = {
        "bureau": {name: row.pk for name, row in city.bureaus.items()},
        "department": {name: row.pk for name, row in city.departments.items()},
        "wave": {name: row.pk for name, row in city.waves.items()},
    }
    filters = Filters(
        **{name: keys.get(name, {}).get(word, word) for name, word in asked.items()}
    )
    found = board(filters=filters)
    assert (found.counts.total, found.counts.done) == (total, done)
    assert found.time == minutes
    assert found.curve[-1][1] == done
    assert sum(row.counts.total for row in found.departments) == total


def test_an_edition_is_a_filter_too(city: GoldenCity) -> None:
    found = board(filters=Filters(edition=city.edition.pk))
    assert (found.counts.total, found.counts.not_started) == (15, 0)


def test_an_earlier_rollout_does_not_count_while_another_is_open(
    city: GoldenCity, settings
) -> None:
    before = WaveFactory.create(
        rollout=RolloutFactory.create(name="前の入れ替え", state=RolloutState.CLOSED),
        starts_at=at("10-05 08:30"),
        ends_on=date(2026, 10, 9),
    )
    citizens = city.departments["市民課"]
    gone = Journey.objects.filter(department=citizens).order_by("-ready_at", "pk")[:2]
    Journey.objects.filter(pk__in=[journey.pk for journey in gone]).update(wave=before)
    found = board()
    assert (found.counts.total, found.counts.done) == (18, 9)
    [row] = [row for row in found.departments if row.name == "市民課"]
    assert (row.counts.total, found.curve[-1][1]) == (4, 9)
    page = department_page(citizens.pk, rights=IT, language="ja")
    assert page is not None
    assert page.counts == row.counts
    assert board(filters=Filters(wave=before.pk)).counts.total == 2
    settings.BOARD_COUNTERS = True
    recount(mend=True)
    assert board() == found
    settings.BOARD_COUNTERS = False
    Rollout.objects.filter(state=RolloutState.OPEN).update(state=RolloutState.CLOSED)
    assert board().counts.total == 20  # nothing is past where nothing runs


def test_counts_kept_along_the_way_give_the_same_board(city: GoldenCity, settings) -> None:
    narrowed = Filters(bureau=city.bureaus["市民部"].pk)
    live = [board(), board(filters=narrowed), board(by_bureau=True)]
    settings.BOARD_COUNTERS = True
    recount(mend=True)
    assert [board(), board(filters=narrowed), board(by_bureau=True)] == live
    # They are read, not counted again: what nobody wrote down is not seen.
    Journey.objects.filter(status=Status.NOT_STARTED).update(status=Status.IN_PROGRESS)
    assert board() == live[0]


def test_the_overview_costs_eight_statements(city, django_assert_num_queries, settings) -> None:
    board(waiting_limit=0)
    with django_assert_num_queries(8):
        board(waiting_limit=0)
    settings.BOARD_COUNTERS = True
    recount(mend=True)
    board(waiting_limit=0)
    with django_assert_num_queries(8):
        board(waiting_limit=0)


def test_the_pages_say_the_same_figures(city: GoldenCity) -> None:
    client = Client(headers={"accept-language": "ja"})
    client.force_login(GrantFactory.create(role=Role.IT).person)
    SiteProfile.objects.update(minutes_before=45)
    response = client.get("/dashboard/")
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))
    for said in (
        "55.0% 11 / 20 人",
        "81.8 %",
        "40 分（中央値）",
        "9割の人は 60分以内",
        "2.5 分\uff0f台",
    ):
        assert said in words, said
    assert "これまでは 45分\uff0f台" in words


# --- an auditor -----------------------------------------------------------------------------------


def test_an_auditor_sees_figures_and_no_names(city: GoldenCity) -> None:
    found = board(AUDITOR)
    assert replace(found, is_outside=False, help=board().help) == board()
    assert found.queue == []
    client = Client(headers={"accept-language": "ja"})
    client.force_login(GrantFactory.create(role=Role.AUDITOR).person)
    page = client.get("/dashboard/").content.decode()
    for journey in Journey.objects.select_related("person", "loan__device"):
        assert journey.person.name not in page
        assert str(journey.loan.device) not in page
    assert "/dashboard/departments/" not in page
    ticket = Ticket.objects.first()
    assert ticket
    for address in (
        f"/dashboard/departments/{city.departments['保育課'].pk}/",
        f"/dashboard/people/{city.ready[0].pk}/",
        f"/dashboard/devices/{city.ready[0].loan.device_id}/",
        "/dashboard/insights/",
        f"/tickets/{ticket.pk}/",
    ):
        assert client.get(address).status_code == 404, address


def test_an_auditor_cannot_single_out_a_small_department(city: GoldenCity) -> None:
    small = DepartmentFactory.create(name="小さな課", parent=city.bureaus["こども部"])
    city.departments["小さな課"], city.waves["小さな課"] = small, city.waves["保育課"]
    for _ in range(4):
        city.journey("小さな課")
    found = board(AUDITOR)
    assert sorted(row.counts.total for row in found.departments) == [6, 6, 12]
    assert not any(row.name == "小さな課" for row in found.departments)
    for filters in (
        Filters(department=small.pk),
        Filters(employment="正規"),
        Filters(model="C2"),
        Filters(wave=city.waves["消防課"].pk),
        Filters(bureau=city.bureaus["市民部"].pk, model="C1"),
    ):
        refused = board(AUDITOR, filters=filters)
        assert refused.is_refused
        assert refused.counts == found.counts
    allowed = board(AUDITOR, filters=Filters(bureau=city.bureaus["こども部"].pk))
    assert (allowed.is_refused, allowed.counts.total) == (False, 12)


def test_a_city_of_four_shows_an_auditor_nothing(db, shipped) -> None:
    load_guide(draft=shipped, now=NOW, publish=True)
    JourneyFactory.create_batch(4)
    assert board(AUDITOR).is_hidden


# --- the author of the guide ----------------------------------------------------------------------


def test_the_author_sees_where_it_hurts(city: GoldenCity, django_assert_num_queries) -> None:
    for number, journey in enumerate(city.ready[:3], 1):
        Event.objects.create(
            journey=journey,
            number=number,
            kind=EventKind.TROUBLE_OPENED if number < 3 else EventKind.ERROR_OPENED,
            step_key=STEP_4,
            at=NOW,
            via=Via.BOX,
            data={"reason": "1" if number < 3 else "signin-wrong"},
        )
        answer = {"journey": journey, "occasion": "end", "answered_at": NOW}
        Answer.objects.create(**answer, question="hardest", choice=STEP_4)
    Answer.objects.create(**answer, question="comment", text="わかりやすかった。")
    known = editions()
    insights(known, language="ja")
    with django_assert_num_queries(9):
        (found,) = insights(known, language="ja")
    assert found.begun == 15
    wifi = next(step for step in found.steps if step.key == STEP_4)
    # Five have a record of it and two stand there.
    assert (wifi.reached, wifi.finished, wifi.took) == (7, 5, rules.Took(5, 2, 7))
    assert (wifi.asked, wifi.help_share, wifi.troubles, wifi.errors) == (1, 14.3, 2, 1)
    assert (wifi.hardest, [one.number for one in wifi.read]) == (3, [2, 1])
    assert wifi.lost == 15  # one question; two minutes are no more than the guide says
    assert found.comments == ["わかりやすかった。"]
    assert found.edit_first is None  # fewer than ten came to any step


def test_how_even_it_is_is_shown_by_groups_of_five(city: GoldenCity) -> None:
    part_time = [j for j in city.ready if j.person.employment.startswith("会計")]
    others = [j for j in city.ready if j not in part_time]
    for scale, journey in zip((1, 2, 3, 4, 4, 5, 5), others, strict=True):
        Answer.objects.create(
            journey=journey,
            occasion="start",
            question="confidence",
            scale=scale,
            answered_at=NOW,
        )
    Answer.objects.create(
        journey=part_time[0],
        occasion="start",
        question="confidence",
        scale=1,
        answered_at=NOW,
    )
    groups = {group.names: group for group in divide()}
    assert {names: group.people for names, group in groups.items()} == {
        ("会計年度任用職員",): 5,
        ("正規",): 15,
    }
    regular, few = groups[("正規",)], groups[("会計年度任用職員",)]
    assert regular.sure["start"] == (3.4, 7)  # 24 / 7
    assert few.sure["start"] is None  # one answer would be that person's
    # 600 1200 1800 1860 2401 3600 5400: the fourth is 31 minutes, the seventh 90.
    assert regular.time == rules.Took(7, 31, 90)
    assert few.time is None
    assert (regular.alone_share, few.alone_share) == (85.7, None)
