"""On the Chromebook itself, in English, signed in by a code from the mail: arriving does the first half."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kitting.journeys.rules import PROVED_BY_ARRIVAL
from kitting.models import Journey
from tests.browser.city import CHROMEBOOK, ENGLISH, a_minute_a_step, code_from_outbox

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import City, OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

RIGHT_ANSWERS = (
    "Call 027-000-0000 (day and night) now",
    "Lock with Search + L",
    "Restart at a good moment",
)


def press(page: Page, words: str, *, then: str) -> None:
    page.locator(".act").get_by_role("button", name=words, exact=True).click()
    stands_at(page, then)


def say_so(page: Page, words: str = "Done (checked by myself)", *, then: str) -> None:
    """Wait the minute after which the own word counts; the checks themselves have tests of their own."""
    expect(page.locator("[data-check]")).to_be_visible()
    page.clock.fast_forward(60_000)
    press(page, words, then=then)


def stands_at(page: Page, where: str) -> None:
    expect(page).to_have_url(re.compile(rf"/{where}/(\?after=[\w-]+)?$"))
    expect(page.locator("main h1")).to_be_visible()
    a_minute_a_step()


def sign_in_by_code(page: Page, city: City) -> None:
    page.goto("/")
    page.get_by_role("link", name="Continue with my work account").click()
    page.get_by_label("E-mail address").fill(city.person.email)
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_url(re.compile(r"/accounts/login/code/confirm/"))
    page.get_by_label("Code").fill(code_from_outbox(city.person))
    page.get_by_role("button", name="Sign in").click()


def test_signing_in_on_the_chromebook_goes_on_after_the_steps_it_proves(
    new_context: OpenBrowser, city: City
) -> None:
    city.person.language = "en"
    city.person.save(update_fields=["language"])
    page = new_context(**CHROMEBOOK, **ENGLISH).new_page()
    page.clock.install()

    # Whoever opens the guide here has power, network and an account: only the box is still asked for.
    sign_in_by_code(page, city)
    stands_at(page, "check-box")
    likely = Journey.objects.get(pk=city.own.pk).records.filter(result="likely")
    assert set(likely.values_list("step_key", flat=True)) == set(PROVED_BY_ARRIVAL)

    press(page, "I received it", then="touch-practice")
    page.get_by_role("button", name="Go on without it").click()  # there is no touchscreen
    stands_at(page, "confirm-device")
    page.get_by_label("Last 4 characters").fill(city.device.serial_number)
    press(page, "Check", then="screen-lock")
    say_so(page, then="easy-to-see")
    press(page, "Done", then="camera-mic")
    say_so(page, then="office-files")
    say_so(page, then="ready")
    page.get_by_role("link", name="Go on with practice").click()
    press(page, "Done", then="touchpad-practice")
    for then in ("japanese-input", "apps-windows", "keep-safe"):
        say_so(page, then=then)
    for answer in RIGHT_ANSWERS:
        page.get_by_label(answer).check()
    press(page, "Check", then="done")
    expect(page.locator("h1")).to_have_text("Well done")

    own = Journey.objects.get(pk=city.own.pk)
    results = {record.step_key: str(record.result) for record in own.records.all()}
    assert results["check-box"] == "self_reported"  # nobody saw this label scanned
    assert results["open-guide"] == "confirmed"
    assert results["touch-practice"] == "skipped"
    assert {key for key in results if results[key] == "likely"} == set(PROVED_BY_ARRIVAL)
    assert (own.status, own.steps_done, own.steps_total) == ("done", 20, 20)
    assert own.at_home_at is not None
    events = own.events.order_by("number")
    assert {str(event.via) for event in events} == {"sign_in"}
    assert {event.actor_id for event in events} == {city.person.pk}
    assert Journey.objects.get(pk=city.neighbour.pk).event_count == 0
