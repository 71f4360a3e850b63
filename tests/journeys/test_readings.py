"""Readings above the kanji of the employee's pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polib
import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from accounts.models import Department, Place
from kitting.journeys.queries import BOX_KEY
from kitting.lib.ruby import ALL_KANJI, Readings, has_kanji, pieces
from kitting.site.queries import own_readings
from kitting.site.rules import READING_COOKIE
from tests.house.source import ROOT

if TYPE_CHECKING:
    from kitting.journeys.models import Journey

RUBY = re.compile(r"<ruby>.*?<rt.*?</ruby>")
WITHOUT = re.compile(
    r"<(title|script|style|svg|option|textarea|code)\b.*?</\1>|<!--.*?-->"
    r'|<(\w+)[^>]* (?:lang="en"|translate="no")[^>]*>.*?</\2>',
    re.DOTALL,
)
TAG = re.compile(r"<[^>]*>")

# Where the sentences stand that an employee reads.
FOR_EMPLOYEES = re.compile(
    r"templates/(?:base|person|account/|journeys/|handoff/|around/(?!macro_desk)|components/(?!_staff|_demo|_pagination)"
    r"|escalation/(?:ask|answer|_answer|_banner|_outlook|report|reported|_report_title|too_many))"
    r"|kitting/(?:journeys|escalation|handoff|around)/(?:forms|views(?!/alerts))"
)


def box_client(journey: Journey, ruby: str = "all") -> Client:
    client = Client(headers={"accept-language": "ja"})
    session = client.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    client.cookies[READING_COOKIE] = f"..{ruby}"
    return client


def page(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def bare(html: str) -> list[str]:
    """Return the words of a page whose kanji have nothing above them."""
    body = WITHOUT.sub("", html.partition("<body")[2])
    return [text for text in TAG.split(RUBY.sub("", body)) if has_kanji(text)]


def paths(journey: Journey) -> list[str]:
    number = journey.pk
    steps = [reverse("journeys:step", args=[number, key]) for key, *_ in journey.step_keys]
    code = journey.loan.device.code
    return [
        *("/", f"/d/{code}", f"/j/{number}/", f"/j/{number}/later", f"/j/{number}/help/"),
        *(f"/d/{code}/report/{kind}" for kind in ("help", "wrong_box", "loss", "found")),
        *steps,
    ]


def test_every_kanji_of_every_page_on_the_way_has_a_reading(journey):
    client = box_client(journey)
    Department.objects.update(name="Sports")  # how an office is read only its city knows
    Place.objects.update(name="Town hall")
    found = {path: bare(page(client, path)) for path in paths(journey)}
    assert len(found) > 25
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize("day", range(1, 8))
def test_a_moment_has_a_reading_on_every_day_of_the_week(journey, day):
    with time_machine.travel(datetime(2026, 12, day, 9, tzinfo=UTC), tick=False):
        html = page(box_client(journey), f"/j/{journey.pk}/later")
    assert "（<ruby>" in html
    assert bare(html) == []


def test_every_sentence_written_for_employees_has_readings():
    catalogue = polib.pofile(str(ROOT / "locale" / "ja" / "LC_MESSAGES" / "django.po"))
    readings = Readings(own_readings())
    missing = {
        piece.base
        for entry in catalogue
        if any(FOR_EMPLOYEES.match(place) for place, _line in entry.occurrences)
        for text in (entry.msgstr, *entry.msgstr_plural.values())
        for piece in pieces(re.sub(r"%\(\w+\)s", "7", text), readings, above=ALL_KANJI)
        if piece.reading is None and has_kanji(piece.base)
    }
    assert not missing, f"write into kitting/site/data/readings.yaml: {sorted(missing)}"


def test_only_kanji_above_the_chosen_grade_have_one(journey):
    path = reverse("journeys:step", args=[journey.pk, "check-box"])
    html = page(box_client(journey, "6"), path)
    assert "<ruby>端末<rt" in html
    assert "<ruby>箱<rt" not in html
    assert "<ruby>箱<rt" in page(box_client(journey), path)


@pytest.mark.parametrize("ruby", ["", "on", "9"])
def test_nobody_gets_readings_unasked(journey, ruby):
    path = reverse("journeys:step", args=[journey.pk, "check-box"])
    assert "<ruby" not in page(box_client(journey, ruby), path)


def test_titles_attributes_and_the_english_page_stay_plain(journey):
    path = reverse("journeys:step", args=[journey.pk, "check-box"])
    client = box_client(journey)
    html = page(client, path)
    assert "ruby" not in html.partition("<body")[0].partition("<title>")[2]
    assert not re.search(r'="[^"]*<ruby', html)
    client.cookies["django_language"] = "en"
    assert "<ruby" not in page(client, path)


def test_a_button_is_called_what_is_written_on_it(journey):
    html = page(box_client(journey), reverse("journeys:step", args=[journey.pk, "check-box"]))
    assert re.findall(r"<rt(?! aria-hidden=\"true\")", html) == []


def test_a_name_is_never_given_a_reading(journey):
    client = Client(headers={"accept-language": "ja"})
    person = journey.person
    person.name, person.ruby, person.language = "端末 人", "all", "ja"
    person.save()
    client.force_login(person)
    html = page(client, f"/j/{journey.pk}/")
    assert '<span class="desk" translate="no">端末 人</span>' in html
    assert "<ruby>" in html
