"""The words a page shows where nobody has set any."""

from __future__ import annotations

import pytest

from kitting.site.models import Variable
from kitting.site.queries import words

pytestmark = pytest.mark.django_db


def test_the_address_of_the_guide_is_where_this_site_answers(settings) -> None:
    settings.SITE_URL = "https://kitto.city.asahi.example.jp"
    Variable.objects.create(key="guide_url", example="kit.example.lg.jp")

    assert words()["guide_url"] == "kitto.city.asahi.example.jp"


def test_an_address_that_was_set_stays(settings) -> None:
    settings.SITE_URL = "https://kitto.city.asahi.example.jp"
    Variable.objects.create(key="guide_url", example="kit.example.lg.jp", value="go/kitto")

    assert words()["guide_url"] == "go/kitto"


def test_english_reads_an_english_example() -> None:
    Variable.objects.create(key="it_name", example="情報政策課", example_en="the IT section")

    assert words(language="en")["it_name"] == "the IT section"
    assert words(language="ja")["it_name"] == "情報政策課"
