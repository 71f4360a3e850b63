"""Somebody else signs in where a box session is open: nothing mixes, and IT hears of it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kitting.escalation.actions.sweeping import sweep
from kitting.models import Journey, Ticket
from tests.browser.city import CHROMEBOOK, code_from_outbox, site_now

if TYPE_CHECKING:
    from tests.browser.city import City, OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)


def test_signing_in_as_somebody_else_moves_nobodys_journey_and_tells_it(
    new_context: OpenBrowser, city: City
) -> None:
    context = new_context(java_script_enabled=False, **CHROMEBOOK)
    page = context.new_page()
    page.goto(f"/d/{city.device.code}")
    page.get_by_label("職員番号").fill(city.person.staff_number or "")
    page.get_by_role("button", name="はじめる", exact=True).click()
    expect(page).to_have_url(re.compile(r"/j/\d+/s/"))
    own = Journey.objects.get(pk=city.own.pk)
    before = own.event_count

    page.goto("/accounts/login/")
    page.get_by_label("メールアドレス").fill(city.neighbour.person.email)
    page.get_by_role("button", name="番号をメールで受け取る").click()
    page.get_by_label("ログインの番号").fill(code_from_outbox(city.neighbour.person))
    page.get_by_role("button", name="ログイン").click()

    # They are in their own journey; the one that was open here is closed to them.
    expect(page).to_have_url(re.compile(rf"/j/{city.neighbour.pk}/"))
    answer = page.goto(f"/j/{city.own.pk}/")
    assert answer
    assert answer.status == 404

    own.refresh_from_db()
    kinds = list(own.events.order_by("number").values_list("kind", flat=True))[before:]
    assert kinds == ["other_account"]
    neighbour = Journey.objects.get(pk=city.neighbour.pk)
    assert {event.actor_id for event in neighbour.events.all()} <= {neighbour.person_id}

    sweep(now=site_now() + timedelta(minutes=1))
    found = Ticket.objects.get()
    assert (found.kind, found.journey_id, found.level) == ("other_account", own.pk, "it")
