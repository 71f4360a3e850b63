"""What the database itself refuses about a site, and what its rows know."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError

from kitting.site.models import Announcement, Flag, SiteProfile, Variable, as_words
from tests.factories import NOW, PlaceFactory, WaveFactory

pytestmark = pytest.mark.django_db


def refused(constraint: str):
    return pytest.raises(IntegrityError, match=constraint)


def test_there_is_one_site():
    SiteProfile.objects.create()
    with refused("site_profile_is_single"):
        SiteProfile.objects.create(pk=2)


def test_the_clock_moves_in_the_demo_only():
    SiteProfile.objects.create(demo_seeded_at=NOW, clock_offset=timedelta(hours=1))
    with refused("site_clock_moves_in_the_demo_only"):
        SiteProfile.objects.update(demo_seeded_at=None)


def test_a_word_comes_from_somewhere_known():
    with refused("variable_source_known"):
        Variable.objects.create(key="x", example="y", source="heaven")


@pytest.mark.parametrize("model", [Flag, Variable])
def test_a_name_is_declared_once(model):
    model.objects.create(key="x")
    with refused("key"):
        model.objects.create(key="x")


@pytest.mark.parametrize(("debug", "expected"), [(True, True), (False, False)])
def test_it_is_the_demo_only_where_mistakes_may_be_shown(settings, debug, expected):
    settings.DEBUG = debug
    assert SiteProfile(demo_seeded_at=NOW).is_demo is expected
    assert SiteProfile().is_demo is False


def test_a_switch_has_the_guides_value_until_one_is_chosen():
    assert Flag(default="jis").current == "jis"
    assert Flag(default="jis", value="us").current == "us"


def test_a_word_is_an_example_until_the_site_has_its_own():
    assert Variable(source="site", example="a").is_example
    assert not Variable(source="site", example="a", value="b").is_example
    assert not Variable(source="device", example="a").is_example


@pytest.mark.parametrize(
    ("value", "value_en", "ja", "en"),
    [
        ("", "", "例", "例"),
        ("情シス", "", "情シス", "情シス"),
        ("情シス", "IT", "情シス", "IT"),
    ],
)
def test_a_word_is_said_in_the_language_that_has_it(value, value_en, ja, en):
    variables = [Variable(key="it", example="例", value=value, value_en=value_en)]
    assert as_words(variables, "ja") == {"it": ja}
    assert as_words(variables, "en") == {"it": en}


def test_a_notice_says_of_itself_what_the_question_for_notices_finds():
    """Whether starts are stopped is asked of rows at hand; pages ask the database."""
    place, wave = PlaceFactory.create().pk, WaveFactory.create().pk
    hour = timedelta(hours=1)
    scopes = [{}, {"place_id": place}, {"wave_id": wave}]
    times = [
        {"starts_at": NOW - hour},
        {"starts_at": NOW},
        {"starts_at": NOW + hour},
        {"starts_at": NOW - hour, "expires_at": NOW},
        {"starts_at": NOW - hour, "expires_at": NOW + hour},
        {"starts_at": NOW - hour, "ended_at": NOW - hour / 2},
    ]
    for scope, time in product(scopes, times):
        Announcement.objects.create(text="a", **scope, **time)
    rows = list(Announcement.objects.all())
    found = []
    for of_place, of_wave in product((None, place, place + 1), (None, wave, wave + 1)):
        asked = Announcement.objects.covering(place_id=of_place, wave_id=of_wave).shown(now=NOW)
        found.append(set(asked))
        own = [row.covers(place_id=of_place, wave_id=of_wave) for row in rows]
        said = {row for row, is_for in zip(rows, own, strict=True) if is_for}
        assert {row for row in said if row.is_shown(now=NOW)} == found[-1]
    assert sorted(map(len, found)) == [3, 3, 3, 3, 6, 6, 6, 6, 9]
