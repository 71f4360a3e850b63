"""Stuck, asked, answered, still stuck, helped: two people at two machines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kitting.escalation.actions.asking import ask
from kitting.escalation.states import Wish
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.states import Via
from kitting.models import Journey, Ticket
from tests.browser.city import DESK, City, make_journey, sign_in, site_now

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = "「asahi-staff」が出るまで 10 秒ほど待ってみます。"
SECOND = "白い機械を入れ直しました。もう一度つないでみます。"


def ask_for_help(journey: Journey, *, choice: str = "network") -> Ticket:
    begin(journey_id=journey.pk, who=Who(via=Via.BOX), now=site_now())
    journey.refresh_from_db()
    return ask(
        journey=journey,
        choice=choice,
        words="",
        wish=Wish.SCREEN,
        who=Who(via=Via.BOX),
        now=site_now(),
    )


def waiting_on_board(board: Page) -> str:
    board.goto("/dashboard/")
    return board.locator(".key li", has_text="助け待ち").first.locator("b").inner_text()


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).first.click()


def test_a_question_is_answered_until_it_really_works(
    new_context: OpenBrowser, city: City
) -> None:
    person = new_context(java_script_enabled=False).new_page()
    desk = new_context(**DESK).new_page()
    sign_in(desk.context, city.it)
    assert waiting_on_board(desk).startswith("0")

    # The person is stuck on a step and says what it is, without typing.
    person.goto(f"/d/{city.device.code}")
    person.get_by_label("職員番号").fill(city.person.staff_number or "")
    press(person, "はじめる")
    person.get_by_role("link", name="困っています").click()
    person.get_by_label("「番号が合いません」と出る").check()
    press(person, "知らせる")
    expect(person.locator("h1")).to_contain_text("H-")
    number = re.findall(r"H-\d+", person.locator("h1").inner_text())[0]
    assert waiting_on_board(desk).startswith("1")

    # IT finds it in the queue, takes it and answers.
    desk.get_by_role("link", name="助けを待つ人").first.click()
    row = desk.locator(".q > li", has_text=city.person.name)
    row.get_by_role("link", name="「番号が合いません」と出る").click()
    expect(desk.locator("main")).to_contain_text(number)
    press(desk, "担当になる")
    expect(desk.locator("main")).to_contain_text("対応中")
    answer(desk, FIRST)
    assert waiting_on_board(desk).startswith("0")

    # It is read on the step itself, and does not help.
    person.goto(f"/j/{city.own.pk}/s/check-box/")
    expect(person.locator("main")).to_contain_text(FIRST)
    press(person, "まだです")
    assert waiting_on_board(desk).startswith("1")

    # The second answer does.
    desk.goto(f"/tickets/{Ticket.objects.get().pk}/")
    answer(desk, SECOND)
    press(desk, "解決しました")
    expect(desk.locator("main")).to_contain_text("解決")
    person.goto(f"/j/{city.own.pk}/")
    expect(person.locator("main")).to_contain_text(SECOND)
    press(person, "なおりました")
    expect(person).to_have_url(re.compile(rf"/j/{city.own.pk}/"))
    assert waiting_on_board(desk).startswith("0")

    ticket = Ticket.objects.get()
    assert (ticket.state, ticket.taken_by) == ("resolved", city.it)
    assert ticket.asked_better_at is not None
    assert Journey.objects.get(pk=city.own.pk).help_state == "none"
    assert Journey.objects.get(pk=city.own.pk).status == "in_progress"


def answer(desk: Page, words: str) -> None:
    desk.locator("textarea").fill(words)
    press(desk, "返事を送る")
    expect(desk.locator(".tl")).to_contain_text(words)


def test_a_lead_helps_the_own_people_on_a_phone_and_sees_nobody_else(
    new_context: OpenBrowser, city: City
) -> None:
    mine = [ask_for_help(journey) for journey in (city.own, city.neighbour)]
    colleague = make_journey(person=city.person)
    mine.append(ask_for_help(colleague, choice="password"))
    strange = make_journey()
    others = ask_for_help(strange, choice="other")

    phone = new_context().new_page()
    sign_in(phone.context, city.lead)
    phone.goto("/tickets/")
    expect(phone.locator(".q > li")).to_have_count(3)
    expect(phone.locator("main")).not_to_contain_text(strange.person.name)
    refused = phone.goto(f"/tickets/{others.pk}/")
    assert refused
    assert refused.status == 404

    desk = new_context(**DESK).new_page()
    sign_in(desk.context, city.it)
    desk.clock.install()
    desk.goto(f"/tickets/{mine[0].pk}/")
    expect(desk.locator("#ticket-head #do-take")).to_be_visible()

    for ticket, words in zip(mine, ("行きます", "解決しました", "IT に引きつぐ"), strict=True):
        phone.goto(f"/tickets/{ticket.pk}/")
        press(phone, words)
        expect(phone.locator(".tl > li").last).to_contain_text(city.lead.name)

    # What IT left open says so by itself.
    desk.clock.fast_forward("00:31")
    expect(desk.locator("#ticket-head")).to_contain_text(city.lead.name)
    expect(desk.locator("#ticket-head #do-take")).to_have_count(0)
    expect(desk.locator("#ticket-moves")).to_contain_text(city.lead.name)

    went, solved, passed = Ticket.objects.filter(pk__in=[t.pk for t in mine]).order_by("pk")
    assert (went.taken_by, went.state) == (city.lead, "taken")
    assert Journey.objects.get(pk=city.own.pk).help_state == "answered"
    assert (solved.resolved_by, solved.state) == (city.lead, "resolved")
    assert (passed.taken_by, passed.level, passed.state) == (None, "it", "new")
    others.refresh_from_db()
    assert others.state == "new"
