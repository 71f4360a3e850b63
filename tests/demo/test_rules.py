"""People of the invented city are the same every time, and no two alike."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from kitting.demo import rules
from kitting.lib import clock

TOKYO = ZoneInfo("Asia/Tokyo")
OFFICE = clock.Calendar(
    week=clock.parse_week("8:30-17:15"), holidays=clock.Holidays("JP"), zone=TOKYO
)
NUMBERS = [f"{number:06d}" for number in range(10_000, 12_000)]


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026; the 9th is a Monday, the 23rd a holiday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=TOKYO)


def test_the_same_seed_makes_the_same_person() -> None:
    assert rules.person(1, "010203", has_mail=True) == rules.person(1, "010203", has_mail=True)


def test_another_seed_makes_other_people() -> None:
    one = [rules.person(1, number, has_mail=True) for number in NUMBERS[:20]]
    other = [rules.person(2, number, has_mail=True) for number in NUMBERS[:20]]
    assert one != other


def test_every_kind_of_person_lives_in_the_city_in_its_share() -> None:
    kinds = Counter(rules.person(1, number, has_mail=True).kind for number in NUMBERS)
    for kind, share in rules.SHARES:
        assert kinds[kind] == pytest.approx(len(NUMBERS) * share / 100, rel=0.5, abs=8), kind
    assert sum(share for _kind, share in rules.SHARES) == pytest.approx(100)


def test_who_has_no_mail_never_signs_in() -> None:
    assert not any(rules.person(1, n, has_mail=False).signs_in for n in NUMBERS)


def test_one_place_lags_behind() -> None:
    def beginners(place: str) -> int:
        return sum(
            rules.person(1, n, has_mail=True, place=place).kind != rules.NEVER for n in NUMBERS
        )

    assert beginners(rules.LAGGING_PLACE) < beginners("本庁舎") / 2


def test_a_step_takes_time_and_the_slow_take_longer() -> None:
    quick = rules.step_time(1, "010203", "sign-in", minutes=5, pace=1.0)
    slow = rules.step_time(1, "010203", "sign-in", minutes=5, pace=3.0)
    assert timedelta(seconds=25) <= quick < slow < timedelta(hours=1)


def test_chances_are_the_same_for_the_same_matter_only() -> None:
    assert rules.chance_of(1, 7, "lead") == rules.chance_of(1, 7, "lead")
    assert rules.chance_of(1, 7, "lead") != rules.chance_of(1, 8, "lead")
    assert 0 <= rules.chance_of(1) < 1


def of_kind(kind: str) -> rules.Person:
    everybody = (rules.person(1, number, has_mail=True) for number in NUMBERS)
    return next(person for person in everybody if person.kind == kind)


def test_who_would_never_begin_follows_less_often() -> None:
    willing, unwilling = of_kind(rules.SMOOTH), of_kind(rules.NEVER)
    for level in ("person", "lead", "it", "it_lead"):
        chances = [n / 100 for n in range(100)]
        follows = sum(rules.follows(willing, level, chance) for chance in chances)
        follows_not = sum(rules.follows(unwilling, level, chance) for chance in chances)
        assert 0 < follows_not < follows, level


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(9, 14), at(10, 9)),
        (at(9, 7), at(10, 9)),
        (at(20, 15), at(24, 9)),  # a weekend and a holiday between
    ],
)
def test_the_next_morning_is_one_of_work(now: datetime, expected: datetime) -> None:
    assert rules.next_morning(OFFICE, now) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(9, 9, 40), at(9, 9, 40)),
        (at(9, 6), at(9, 8, 30)),
        (at(9, 11), at(10, 9)),
        (at(9, 18), at(10, 8, 30)),
        (at(21, 10), at(24, 8, 30)),
    ],
)
def test_a_bad_morning_is_this_one_while_it_lasts(now: datetime, expected: datetime) -> None:
    assert rules.this_or_next_morning(OFFICE, now) == expected


def test_the_wifi_fails_where_a_building_still_needs_it() -> None:
    library = rules.Group("北図書館", tuple(range(18)))
    hall = rules.Group("市民課", tuple(range(100, 195)), is_building=False)
    desk = rules.Group("大森支所", (7, 8))
    assert rules.unlucky([desk, hall, library]) == library
    chosen = rules.unlucky([desk, hall])
    assert chosen is not None
    assert chosen.name == "市民課"


def test_of_a_large_house_only_some_ask() -> None:
    chosen = rules.unlucky([rules.Group("市民課", tuple(range(95)), is_building=False)])
    assert chosen is not None
    assert len(chosen.journeys) == rules.MOST_ASKING


def test_a_few_are_better_than_nobody_and_nobody_is_nobody() -> None:
    desk = rules.Group("大森支所", (7, 8))
    assert rules.unlucky([desk]) == desk
    assert rules.unlucky([]) is None


def test_steps_come_in_order_between_beginning_and_asking() -> None:
    begins, asks = datetime(2026, 11, 9, tzinfo=UTC), datetime(2026, 11, 9, 0, 20, tzinfo=UTC)
    when = rules.moments(begins, asks, 3)
    assert [begins, *when, asks] == sorted({begins, *when, asks})
    assert rules.moments(begins, asks, 0) == []
