"""All rooms of the site; each takes a tour through its pages, in the states they can be in."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import hotp_value
from playwright.sync_api import expect

from accounts.actions import write_audit
from accounts.states import Role
from kitting.counter.actions import life
from kitting.devices.actions.life import Deed
from kitting.devices.states import DeviceState, LoanKind
from kitting.escalation import actions as escalation
from kitting.escalation.actions.losses import take_losses
from kitting.escalation.actions.swaps import tell_wrong_box
from kitting.escalation.states import TicketKind, Wish
from kitting.jobs.models import Job
from kitting.journeys import actions as journeys
from kitting.journeys.states import Via
from kitting.lib.codes import make_code
from kitting.models import (
    Device,
    Journey,
    Outlet,
    Plea,
    Policy,
    Rollout,
    SiteProfile,
    Ticket,
    Wave,
)
from kitting.rollout.states import RolloutState
from tests.browser import coming_in
from tests.browser.city import (
    CHROMEBOOK,
    DESK,
    City,
    code_from_outbox,
    make_journey,
    site_now,
)
from tests.factories import (
    NOW,
    DeviceFactory,
    DirectoryDeviceFactory,
    DirectoryLookFactory,
    GrantFactory,
    LoanFactory,
    MacroFactory,
    NoticeFactory,
    PolicyFactory,
    RemoteChangeFactory,
    SignInFactory,
    UserFactory,
    WaveFactory,
    WorkingHoursFactory,
)
from tests.passkeys import SoftKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.tour import Tour

BOX = journeys.Who(via=Via.BOX)
FOR_A_NEW_KEY = {"publicKey": {"challenge": "YQ", "rp": {"id": "site"}, "user": {"id": "YQ"}}}


@dataclass(frozen=True)
class Room:
    """How to go through some pages, and the names of the addresses that are seen there."""

    visit: Callable[[Tour], None]
    pages: frozenset[str]


ROOMS: dict[str, Room] = {}


def room(*pages: str) -> Callable[[Callable[[Tour], None]], Callable[[Tour], None]]:
    """Enter a room into the list of all."""

    def enter(visit: Callable[[Tour], None]) -> Callable[[Tour], None]:
        ROOMS[visit.__name__] = Room(visit, frozenset(pages))
        return visit

    return enter


def advance(journey: Journey, until: str) -> None:
    """Let a journey begin and finish its steps up to one."""
    journeys.begin(journey_id=journey.pk, who=BOX, now=site_now())
    journey.refresh_from_db()
    for key, *_rest in journey.step_keys:
        if key == until:
            break
        journeys.finish_step(journey_id=journey.pk, step_key=key, who=BOX, now=site_now())
    journey.refresh_from_db()


def app_code(secret: str) -> str:
    """Return what an authenticator app shows now."""
    return f"{hotp_value(secret, int(time.time()) // 30):06d}"


def question(journey: Journey, words: str = "") -> Ticket:
    return escalation.ask(
        journey=journey,
        choice="network",
        words=words,
        wish=Wish.PHONE,
        who=BOX,
        now=site_now(),
    )


@room("home", "journeys:find_box", "journeys:box", "journeys:begin")
def the_door(tour: Tour) -> None:
    """Everybody's pages: home, boxes in every state, reports."""
    city, code = tour.city, tour.city.device.code
    page = tour.browser().new_page()
    tour.go(page, "/", f"/d/{code}")
    tour.go(page, "/box?code=abc", status=422)
    tour.go(page, f"/d/{make_code()}", "/d/K7M", status=404)
    page.goto(f"/d/{code}")
    for _try in range(4):
        page.get_by_label("職員番号").fill("999999")
        page.locator("main form button").first.click()
        page.wait_for_load_state()
        if _try in (0, 3):
            tour.look(page)
        if page.get_by_label("職員番号").count() == 0:
            break
    shared = LoanFactory.create(
        kind=LoanKind.SHARED, person=None, department=city.own.department
    )
    unbound = DeviceFactory.create(state=DeviceState.STOCK)
    Device.objects.filter(pk=city.neighbour.loan.device_id).update(state=DeviceState.LOST)
    for device in (shared.device, unbound, city.neighbour.loan.device):
        tour.go(page, f"/d/{device.code}")
    tour.go(tour.browser(**CHROMEBOOK).new_page(), "/")
    tour.go(tour.with_box(city.own), f"/d/{code}", "/")
    tour.go(tour.as_person(city.lead), f"/d/{code}")


@room("journeys:errors", "journeys:error", "journeys:own_errors", "journeys:own_error")
def errors_on_the_screen(tour: Tour) -> None:
    """Sentences on the Chromebook: searched, chosen, explained; before the number and on the own way."""
    own = tour.city.own
    page = tour.browser().new_page()
    tour.go(page, "/errors/", "/errors/?q=wifi", "/errors/signin-wrong/")
    tour.go(page, "/errors/?q=", status=422)
    advance(own, "connect-wifi")
    page = tour.with_box(own)
    base = f"/j/{own.pk}/errors/"
    tour.go(page, base, f"{base}?step=enroll&q=ライセンス", f"{base}?q=xyz")
    tour.go(page, f"{base}enroll-tos/?step=enroll", f"{base}enroll-attribute-warning/")


@room(
    "imports:overview",
    "imports:show",
    "imports:columns",
    "imports:undo",
    "imports:transfers",
)
def sheets_coming_in(tour: Tour) -> None:
    """A sheet on its way in: refused, to choose columns for, shown, taken in, taken back."""
    page = tour.as_person(tour.city.it, **DESK)
    tour.go(page, "/imports/", "/imports/transfers/")
    page.goto("/imports/")
    page.get_by_role("button", name="読みこんで確かめる").click()
    tour.look(page)
    good = coming_in.bring_sheet(coming_in.GOOD, work=False)
    tour.go(page, good)
    coming_in.confirm()
    tour.go(page, good, f"{good}columns")
    page.goto(good)
    page.get_by_role("button", name="この内容で取りこむ").click()
    coming_in.confirm()
    tour.go(page, good, f"{good}undo", "/imports/")
    asked = coming_in.bring_sheet(coming_in.OTHER_NAMES)
    tour.go(page, asked, coming_in.bring_sheet(coming_in.TO_PUT_RIGHT))
    coming_in.plan_move(tour.city.person)
    tour.go(page, "/imports/transfers/")


@room("escalation:report", "escalation:reported")
def reports(tour: Tour) -> None:
    code = tour.city.device.code
    page = tour.browser().new_page()
    for kind in ("help", "wrong_box", "loss", "found"):
        tour.go(page, f"/d/{code}/report/{kind}")
    page.locator("main form button[type=submit]").first.click()
    expect(page).to_have_url(re.compile(f"/d/{code}/reported$"))
    tour.look(page)
    for _again in range(5):
        page.goto(f"/d/{code}/report/found")
        page.locator("main form button[type=submit]").first.click()
    tour.look(page)


@room("journeys:next_person", "journeys:overview")
def a_pc_for_everybody(tour: Tour) -> None:
    """A browser that several people use, and its door for the next one."""
    advance(tour.city.own, "power-on")
    page = tour.with_box(tour.city.own)
    tour.go(page, f"/j/{tour.city.own.pk}/")
    page.get_by_role("button", name="みんなで使うパソコンです").click()
    expect(page.locator("[data-idle]")).to_be_visible()
    tour.look(page)
    page.get_by_role("button", name="つぎの人").click()
    expect(page).to_have_url(re.compile("/shared/$"))
    tour.look(page)


@room("journeys:booklet", "journeys:overview")
def on_paper(tour: Tour) -> None:
    """Who works from paper, and what they print."""
    own = tour.city.own
    advance(own, "power-on")
    journeys.go_on_paper(journey_id=own.pk, who=BOX, now=site_now())
    code = tour.city.device.code
    tour.go(tour.with_box(own), f"/j/{own.pk}/", f"/d/{code}/booklet")
    board = f"/dashboard/departments/{own.department_id}/"
    tour.go(tour.as_person(tour.city.lead), board)


@room("journeys:overview", "journeys:step", "journeys:later")
def the_first_steps(tour: Tour) -> None:
    """An employee on the phone, from before the beginning to the Chromebook."""
    own = tour.city.own
    signed_in = tour.as_person(tour.city.person)
    tour.go(signed_in, f"/j/{own.pk}/", f"/d/{tour.city.device.code}")
    advance(own, "connect-wifi")
    page = tour.with_box(own)
    base = f"/j/{own.pk}"
    tour.go(page, f"{base}/", f"{base}/s/check-box/", f"{base}/s/power-on/")
    tour.go(page, f"{base}/s/connect-wifi/?after=language-keyboard", f"{base}/s/open-guide/")
    tour.go(page, f"{base}/later")
    page.locator("main form button[type=submit]").first.click()
    tour.look(page)
    laptop = tour.with_box(own, java_script_enabled=True, **CHROMEBOOK)
    laptop.goto(f"{base}/s/connect-wifi/")
    expect(laptop).to_have_url(re.compile("/s/touch-practice/.after=open-guide$"))
    tour.look(laptop)
    tour.go(laptop, f"{base}/s/connect-wifi/", f"{base}/")


@room("journeys:step", "journeys:check", "journeys:ready", "journeys:finished")
def the_checks(tour: Tour) -> None:
    """Checks right, wrong and too often; the milestones."""
    own = tour.city.own
    base = f"/j/{own.pk}"
    advance(own, "confirm-device")
    page = tour.with_box(own)
    for seen in range(6):
        page.goto(f"{base}/s/confirm-device/")
        if seen == 0:
            tour.look(page)
        page.get_by_role("textbox", name="シリアル番号").fill("9999")
        page.get_by_role("button", name="確かめる", exact=True).click()
        if seen in (0, 2, 5):
            tour.look(page)
    journeys.skip_step(
        journey_id=own.pk, step_key="camera-mic", reason="by_choice", who=BOX, now=site_now()
    )
    tour.go(page, f"{base}/s/camera-mic/", f"{base}/s/screen-lock/", f"{base}/s/office-files/")
    advance(own, "touchpad-practice")
    tour.go(page, f"{base}/ready/", f"{base}/s/touchpad-practice/", f"{base}/s/japanese-input/")
    tour.go(page, f"{base}/s/keep-safe/")
    page.get_by_label("画面を暗くする").check()
    page.get_by_role("button", name="確かめる", exact=True).click()
    tour.look(page)
    advance(own, "")
    tour.go(page, f"{base}/done/", f"{base}/s/confirm-device/", f"{base}/")


@room("escalation:ask", "escalation:answer", "journeys:step")
def help_pages(tour: Tour) -> None:
    """What somebody who is stuck sees, from asking to the end."""
    own, it = tour.city.own, tour.city.it
    advance(own, "connect-wifi")
    base = f"/j/{own.pk}"
    page = tour.with_box(own)
    tour.go(page, f"{base}/help/?step=connect-wifi")
    page.locator("main form button[type=submit]").first.click()
    tour.look(page)
    ticket = question(own, "一覧に出ません。")
    answer = f"{base}/tickets/{ticket.pk}/"
    tour.go(page, answer, f"{base}/s/connect-wifi/", f"{base}/help/")
    escalation.reply(ticket=ticket, by=it, words="10 秒ほど待ちます。", now=site_now())
    tour.go(page, answer, f"{base}/s/connect-wifi/")
    escalation.resolve(ticket=ticket, by=it, words="直りました。", now=site_now())
    tour.go(page, answer, f"{base}/")
    escalation.better(ticket=ticket, actor=None, now=site_now())
    tour.go(page, answer)


@room("account_login", "account_confirm_login_code", "account_logout", "home")
def own_pages(tour: Tour) -> None:
    """Signing in and out, two devices, none, and how one likes to read."""
    page = tour.browser().new_page()
    tour.go(page, "/accounts/login/")
    page.get_by_label("メールアドレス").fill("だれか")
    page.locator("main form button").first.click()
    tour.look(page)
    page.get_by_label("メールアドレス").fill(tour.city.person.email)
    page.locator("main form button").first.click()
    tour.look(page)
    page.locator("main form input[type=text]").first.fill("0000-0000")
    page.locator("main form button").first.click()
    tour.look(page)
    tour.go(tour.as_person(UserFactory.create()), "/")
    make_journey(person=tour.city.person)
    mine = tour.as_person(tour.city.person)
    tour.go(mine, "/", "/accounts/logout/")
    for summary in mine.locator("details.pop > summary").all():
        summary.click()
        tour.look(mine)


@room("handoff:show", "handoff:type", "handoff:typed")
def other_devices(tour: Tour) -> None:
    """Going on with another device: both directions, what is asked, what became of it."""
    advance(tour.city.own, "connect-wifi")
    laptop = tour.browser(**CHROMEBOOK).new_page()
    tour.go(laptop, "/code/show/")
    laptop.get_by_role("button", name="番号を出す").click()
    tour.look(laptop)
    code = laptop.locator(".handoff-code").inner_text()
    phone = tour.as_person(tour.city.person)
    tour.go(phone, "/code/show/", "/code/")
    phone.get_by_label("番号").fill("0000-0000")
    phone.get_by_role("button", name="この番号をつかう").click()
    tour.look(phone)
    phone.get_by_label("番号").fill(code)
    phone.get_by_role("button", name="この番号をつかう").click()
    expect(phone).to_have_url(re.compile("/code/typed/$"))
    tour.look(phone)
    tour.go(laptop, "/code/show/")
    phone.get_by_role("button", name="いいえ").click()
    tour.look(phone)
    tour.go(laptop, "/code/show/")
    tour.go(tour.as_person(tour.city.it), "/code/show/")
    holder = tour.with_box(tour.city.own)
    holder.goto("/code/show/")
    holder.get_by_role("button", name="番号を出す").click()
    tour.look(holder)


# What the worker and its script show once there is no network: all of it at once is the hardest to read.
WITHOUT_NETWORK = """() => document.querySelectorAll(
  ".offline, .offline [hidden], [data-waiting-page] [hidden]"
).forEach((one) => { one.hidden = false; })"""


@room("journeys:waiting", "journeys:step")
def without_network(tour: Tour) -> None:
    advance(tour.city.own, "connect-wifi")
    page = tour.with_box(tour.city.own)
    for path in ("/offline/", f"/j/{tour.city.own.pk}/s/connect-wifi/"):
        tour.go(page, path)
        page.evaluate(WITHOUT_NETWORK)
        tour.look(page)


@room()
def errors(tour: Tour) -> None:
    page = tour.browser().new_page()
    tour.go(page, "/nowhere", status=404)
    for status in (400, 403, 500, 503):
        tour.go(page, f"/fail/{status}", status=status)
    tour.go(page, "/fail/csrf", status=403)


@room(
    "dashboard:overview",
    "dashboard:department",
    "dashboard:device",
    "dashboard:insights",
    "dashboard:journey",
    "helpdesk:reveal",
    "escalation:desk",
    "escalation:ticket",
    "escalation:ticket_verb",
)
def it_pages(tour: Tour) -> None:
    """The board and the desk of IT, empty and alive; settings."""
    page = tour.as_person(tour.city.it, **DESK)
    tour.go(page, "/dashboard/", "/tickets/")
    tickets = live(tour.city)
    own = tour.city.own
    tour.go(page, "/dashboard/", f"/dashboard/departments/{own.department_id}/")
    tour.go(page, f"/dashboard/?bureau={own.department.parent_id}", "/dashboard/?by=bureau")
    tour.go(page, f"/dashboard/people/{own.pk}/", f"/dashboard/devices/{own.loan.device_id}/")
    page.get_by_role("button", name="すべて見る").click()
    tour.look(page)
    tour.go(page, "/dashboard/insights/")
    auditor = GrantFactory.create(role=Role.AUDITOR).person
    tour.go(tour.as_person(auditor, **DESK), "/dashboard/")
    tour.go(page, *(f"/tickets/?show={show}" for show in ("open", "mine", "found", "done")))
    tour.go(page, *(f"/tickets/{ticket.pk}/" for ticket in tickets))
    page.goto(f"/tickets/{tickets[0].pk}/")
    page.locator(".reply-f button").first.click()
    tour.look(page)


@room("escalation:alerts", "escalation:desk")
def what_concerns_many(tour: Tour) -> None:
    """Outages, public notices, waves on hold: with nothing to say, and with something."""
    page = tour.as_person(tour.city.it, **DESK)
    tour.go(page, "/tickets/alerts/")
    live(tour.city)
    tour.go(page, "/tickets/alerts/")
    page.get_by_role("button", name="お知らせを出す").click()
    tour.look(page)
    page.get_by_label("みんなに見せる文").fill("10 時まで Wi-Fi を直しています。")
    page.get_by_role("button", name="お知らせを出す").click()
    tour.look(page)
    page.get_by_role("button", name="相談をまとめる").click()
    tour.look(page)
    tour.go(page, "/tickets/")


@room("escalation:call", "escalation:call_about")
def calls(tour: Tour) -> None:
    """Writing a call down: whom it is about, what was said."""
    page = tour.as_person(tour.city.it, **DESK)
    number = tour.city.person.staff_number
    tour.go(page, "/tickets/call/", "/tickets/call/?q=zz9", f"/tickets/call/?q={number}")
    page.locator(".q-t").first.click()
    expect(page).to_have_url(re.compile(r"/tickets/call/journey/\d+/$"))
    tour.look(page)
    page.locator("main form button[type=submit]").first.click()
    tour.look(page)


@room(
    *("helpdesk:next", "helpdesk:round", "helpdesk:answer", "helpdesk:replies"),
    *("helpdesk:reply", "helpdesk:reply_new", "helpdesk:meeting", "helpdesk:note"),
    *("helpdesk:notes", "helpdesk:propose", "escalation:ticket", "journeys:step"),
)
def the_help_desk(tour: Tour) -> None:
    """How IT and leads help: calls, rounds, one answer to many, answers used again, notes."""
    city = tour.city
    page = tour.as_person(city.it, **DESK)
    tour.go(page, *(f"/helpdesk/{name}/" for name in ("next", "round", "answer", "replies")))
    advance(city.own, "connect-wifi")
    ticket = question(city.own, "一覧に出ません。")
    tour.go(page, *(f"/helpdesk/{name}/" for name in ("next", "round", "answer", "meeting")))
    page.goto("/helpdesk/answer/")
    page.locator("main form button[type=submit]").last.click()
    tour.look(page)
    page.goto("/helpdesk/replies/new")
    page.locator("main form button[type=submit]").first.click()
    tour.look(page)
    page.get_by_label("何についてですか").fill("Wi-Fi")
    page.get_by_label("日本語で").fill("{step} を見てください。")
    page.locator("main form button[type=submit]").first.click()
    tour.look(page)
    page.locator(".q-t").first.click()
    expect(page).to_have_url(re.compile(r"/helpdesk/replies/\d+/$"))
    tour.look(page)
    tour.go(page, f"/tickets/{ticket.pk}/", f"/helpdesk/tickets/{ticket.pk}/note/")
    page.get_by_label("日本語で").fill("スマートフォンでも見えるか、見てください。")
    page.locator("main form button[type=submit]").first.click()
    tour.go(page, "/helpdesk/notes/")
    page.get_by_role("link", name="つぎの版に入れる").click()
    page.locator("main form button[type=submit]").first.click()
    tour.look(page)
    for name in ("symptom_ja", "symptom_en", "attempt_en"):
        page.locator(f"[name={name}]").fill("Wi-Fi")
    page.locator("main form button[type=submit]").first.click()
    tour.look(page)
    tour.go(tour.with_box(city.own), f"/j/{city.own.pk}/s/connect-wifi/")
    tour.go(tour.as_person(city.lead), "/helpdesk/round/", "/helpdesk/round/?show=visits")


@room("helpdesk:without_mail")
def people_without_mail(tour: Tour) -> None:
    """The list to call and the slips: empty, and with somebody whom no mail reaches."""
    page = tour.as_person(tour.city.lead, **DESK)
    tour.go(page, "/helpdesk/without-mail/")
    type(tour.city.person).objects.filter(pk=tour.city.person.pk).update(email="")
    tour.go(page, "/helpdesk/without-mail/", "/helpdesk/without-mail/?show=slips")


@room("notices:outlets", "notices:outlet", "notices:outlet_new", "notices:parked")
def chat_rooms_and_programs(tour: Tour) -> None:
    """Where Kitto speaks to beside people, and what did not arrive; the worker stands still meanwhile."""
    page = tour.as_person(GrantFactory.create(role=Role.IT_LEAD).person, **DESK)
    tour.go(page, "/outlets/", "/outbox/")
    page.goto("/outlets/new")
    page.locator("main form button[type=submit]").first.click()
    tour.look(page)
    page.get_by_label("この画面での名前").fill("IT 相談の部屋")
    page.get_by_label("チャット（").check()
    page.get_by_label("あて先のアドレス").fill("slack://a/b/c")
    page.get_by_label("だれかが相談した").check()
    page.locator("main form button[type=submit]").first.click()
    expect(page).to_have_url(re.compile(r"/outlets/\d+/$"))
    tour.look(page)
    outlet = Outlet.objects.get()
    failed = {"state": "failed", "last_error": "550 no such user", "created_at": site_now()}
    NoticeFactory.create(**failed, person=tour.city.person)
    NoticeFactory.create(**failed, outlet=outlet, channel="outlet", lane="outlet")
    SiteProfile.objects.update(late_since=site_now())
    tour.go(page, "/outlets/", f"/outlets/{outlet.pk}/", "/outbox/")


@room("escalation:ladder", "escalation:policy", "escalation:policy_new", "escalation:rota")
def who_is_asked_when(tour: Tour) -> None:
    """The rules of the ladder as IT reads and its lead changes them, with a preview; the rota."""
    city = tour.city
    rules = Policy.objects.filter(case="silent", department=None, wave=None)
    rule = rules.first() or PolicyFactory.create(department=None)
    page = tour.as_person(city.it, **DESK)
    tour.go(page, "/tickets/ladder/", f"/tickets/ladder/{rule.pk}/", "/tickets/rota/")
    page.locator("main form button[type=submit]").last.click()
    tour.look(page)
    lead = tour.as_person(GrantFactory.create(role=Role.IT_LEAD).person, **DESK)
    tour.go(lead, "/tickets/ladder/", "/tickets/ladder/new")
    tour.go(lead, f"/tickets/ladder/new?case=slow&department={city.own.department_id}")
    lead.goto(f"/tickets/ladder/{rule.pk}/")
    lead.locator("button[name=preview]").click()
    tour.look(lead)
    lead.get_by_label("夜の終わり").fill("")
    lead.locator("button[name=preview]").click()
    tour.look(lead)


@room("escalation:move", "escalation:plea", "escalation:ticket")
def moving_a_ticket(tour: Tour) -> None:
    """Putting a ticket off, on hold, giving it away, opening it again; a colleague who is asked."""
    city = tour.city
    ticket = question(city.own, "とまりました。")
    page = tour.as_person(city.it, **DESK)
    for verb in ("snooze", "hold", "reassign"):
        tour.go(page, f"/tickets/{ticket.pk}/move/{verb}")
        page.locator("main form button[type=submit]").first.click()
        tour.look(page)
    page.goto(f"/tickets/{ticket.pk}/move/hold")
    page.get_by_label("理由").fill("部品を待っています。")
    page.locator("main form button[type=submit]").first.click()
    tour.look(page)
    helper = UserFactory.create(place=city.own.place)
    plea = Plea.objects.create(ticket=ticket, person=helper, asked_at=site_now())
    phone = tour.as_person(helper)
    tour.go(phone, f"/pleas/{plea.pk}/")
    phone.locator("button[value=going]").click()
    tour.look(phone)
    escalation.resolve(ticket=ticket, by=city.it, words="", now=site_now())
    tour.go(phone, f"/pleas/{plea.pk}/")
    tour.go(page, f"/tickets/{ticket.pk}/", f"/tickets/{ticket.pk}/move/reopen")


@room("demo:home", "demo:mails", "demo:mail")
def the_demo(tour: Tour) -> None:
    """The invented city's own pages; they exist with DEBUG only."""
    SiteProfile.objects.update_or_create(
        pk=SiteProfile.SINGLE, defaults={"demo_seeded_at": site_now()}
    )
    NoticeFactory.create(person=tour.city.person, created_at=site_now())
    page = tour.browser(**DESK).new_page()
    tour.go(page, "/demo/", "/demo/?q=zz9", "/demo/mails/")
    page.locator("main a", has_text="件名").first.click()
    expect(page).to_have_url(re.compile(r"/demo/mails/\d+/$"))
    tour.look(page)
    tour.go(tour.as_person(tour.city.person), "/demo/?q=0")


@room("around:everybody", "around:prepare", "around:macros", "around:confidence")
def the_day_before(tour: Tour) -> None:
    """The old PC, macros, and a question, before anything is begun and in a box session."""
    own = tour.city.own
    base = f"/j/{own.pk}"
    person = tour.as_person(tour.city.person)
    tour.go(person, "/prepare/", f"{base}/prepare/", f"{base}/macros/", f"{base}/confidence/")
    person.goto(f"{base}/macros/")
    person.locator("main form button[type=submit]").last.click()
    tour.look(person)
    person.get_by_label("ファイルやボタンの名前").fill("集計.xlsm")
    person.locator("main form button[type=submit]").last.click()
    expect(person.get_by_role("heading", name="集計.xlsm")).to_be_visible()
    tour.look(person)
    advance(own, "power-on")
    tour.go(tour.with_box(own), f"{base}/macros/", f"{base}/prepare/")


@room("journeys:phase", "journeys:test")
def the_fast_lane(tour: Tour) -> None:
    own = tour.city.own
    base = f"/j/{own.pk}"
    advance(own, "power-on")
    page = tour.with_box(own)
    tour.go(page, f"{base}/phase/before_sign_in/", f"{base}/phase/after_sign_in/")
    page.goto(f"{base}/test/")
    tour.look(page)
    page.get_by_label("2 回たたく", exact=True).check()
    page.get_by_role("button", name="確かめる", exact=True).click()
    tour.look(page)


@room(
    *("around:returns", "around:survey", "around:certificate", "around:card", "around:month"),
    *("around:lessons", "around:lesson", "around:manual", "journeys:ready"),
)
def the_end(tour: Tour) -> None:
    own = tour.city.own
    base = f"/j/{own.pk}"
    advance(own, "touchpad-practice")
    page = tour.as_person(tour.city.person)
    tour.go(page, f"{base}/ready/", f"{base}/returns/", f"{base}/survey/", f"{base}/month/")
    tour.go(page, f"{base}/certificate/", f"{base}/card/", f"{base}/lessons/")
    tour.go(page, f"{base}/lessons/lesson-macros/", f"{base}/manual/")
    page.goto(f"{base}/returns/")
    page.get_by_role("button", name="返しました", exact=True).click()
    page.get_by_role("button", name="読みました。きまりを守って使います").click()
    expect(page.get_by_text("ログインして同意しました")).to_be_visible()
    tour.look(page)
    boxed = tour.with_box(own)
    tour.go(boxed, f"{base}/certificate/", f"{base}/returns/")


@room("counter:home", "counter:arrive", "counter:boxes")
def the_counter(tour: Tour) -> None:
    """Boxes arrive and go out: nothing scanned, a box looked at, right and wrong answers."""
    city = tour.city
    device = city.own.loan.device
    page = tour.as_person(GrantFactory.create(role=Role.DESK).person)
    tour.go(page, "/counter/", "/counter/arrive/", "/counter/boxes/?show=all")
    tour.go(page, "/counter/?bare=1")
    tour.go(page, f"/counter/?box={device.code}")
    page.get_by_label("職員番号").fill(city.person.staff_number or "")
    page.get_by_role("button", name="わたす", exact=True).click()
    expect(page.get_by_text("OK", exact=True)).to_be_visible()
    tour.look(page)
    page.get_by_label("箱", exact=True).fill(device.code or "")
    page.get_by_label("職員番号").fill("999999")
    page.get_by_role("button", name="わたす", exact=True).click()
    expect(page.get_by_text("NG", exact=True)).to_be_visible()
    tour.look(page)
    tour.go(page, "/counter/", "/counter/boxes/")


@room("escalation:lost", "escalation:lost_told", "escalation:own_loss", "escalation:losses")
def a_loss(tour: Tour) -> None:
    """A device is gone: told by anybody, by its person, and seen by IT."""
    own = tour.city.own
    page = tour.browser().new_page()
    tour.go(page, "/lost")
    page.locator("main form button[type=submit]").click()
    tour.look(page)
    page.get_by_label("職員番号").fill("999999")
    page.get_by_label("連絡がとれる電話番号").fill("090-0000-0000")
    page.locator("main form button[type=submit]").click()
    expect(page).to_have_url(re.compile("/lost/told$"))
    tour.look(page)
    take_losses(now=site_now())
    advance(own, "connect-wifi")
    mine = tour.with_box(own)
    tour.go(mine, f"/j/{own.pk}/lost/")
    mine.locator("main form button[type=submit]").click()
    expect(mine).to_have_url(re.compile("/lost/told$"))
    tour.look(mine)
    it = tour.as_person(tour.city.it, **DESK)
    loss = Ticket.objects.get(kind=TicketKind.LOSS)
    tour.go(it, "/tickets/losses/", f"/tickets/{loss.pk}/")


@room("counter:devices", "counter:device", "counter:deed", "counter:paths", "journeys:moved")
def the_life_of_a_device(tour: Tour) -> None:
    """Devices, one with its story, what is done with a reason; a spare; three steps in April."""
    own = tour.city.own
    device = own.loan.device
    page = tour.as_person(tour.city.it, **DESK)
    tour.go(page, "/counter/devices/", "/counter/paths/", f"/counter/devices/{device.pk}/")
    page.goto(f"/counter/devices/{device.pk}/")
    page.locator("#do-sent_to_repair summary").click()
    page.locator("#do-sent_to_repair button").click()
    tour.look(page)
    page.locator("#why-sent_to_repair").fill("画面が割れた")
    page.locator("#do-sent_to_repair button").click()
    expect(page.get_by_text("画面が割れた")).to_be_visible()
    spare = DeviceFactory.create(state=DeviceState.STOCK)
    deed = Deed(now=site_now(), by=tour.city.it, why="代わり")
    life.lend_spare(device=device, spare=spare, deed=deed)
    tour.go(page, f"/counter/devices/{device.pk}/", f"/counter/devices/{spare.pk}/")
    tour.go(tour.browser().new_page(), f"/d/{spare.code}", "/moved/")


@room("escalation:ticket", "journeys:overview")
def two_boxes_exchanged(tour: Tour) -> None:
    """Somebody holds a box that is not theirs: the ticket, and the question to the other one."""
    own, neighbour = tour.city.own, tour.city.neighbour
    ticket = tell_wrong_box(
        device=own.loan.device,
        staff_number=neighbour.person.staff_number or "",
        words="",
        client="a",
        by=None,
        now=site_now(),
    )
    tour.go(tour.as_person(tour.city.it, **DESK), f"/tickets/{ticket.pk}/")
    tour.go(tour.as_person(own.person), f"/j/{own.pk}/")


@room("around:macro_desk")
def macros_of_all(tour: Tour) -> None:
    MacroFactory.create(journey=tour.city.own, state="asked", purpose="数字を集めます。")
    page = tour.as_person(tour.city.it, **DESK)
    tour.go(page, "/macros/")


@room(
    "directory:overview",
    "directory:finding",
    "directory:take_in",
    "directory:device",
    "directory:change",
)
def google_side(tour: Tour) -> None:
    """Google's devices: nothing known, then findings, an export, a lost device by hand."""
    page = tour.as_person(tour.city.it, **DESK)
    device = tour.city.device
    tour.go(page, "/directory/", f"/directory/devices/{device.pk}/")
    DirectoryLookFactory.create(state="done", started_at=site_now(), finished_at=site_now())
    DirectoryDeviceFactory.create(device=device, asset_tag="CB-OTHER", last_sync_at=site_now())
    tour.go(page, "/directory/", "/directory/findings/other_tag/", "/directory/import/")
    page.locator("main form button[name=take]").click()
    tour.look(page)
    tour.go(page, "/directory/findings/disabled/", f"/directory/devices/{device.pk}/change")
    page.locator("main form button[type=submit]").click()
    tour.look(page)
    RemoteChangeFactory.create(device=device, by_hand=True, asked_by=tour.city.it)
    tour.go(page, f"/directory/devices/{device.pk}/")


@room("account_slip", "labels:signin_slips")
def signin_slips(tour: Tour) -> None:
    """Slips for people without mail, given and typed."""
    UserFactory.create(email="", department=tour.city.own.department)
    page = tour.as_person(tour.city.lead)
    tour.go(page, "/slips/", "/slips/?q=xyz")
    page = tour.browser().new_page()
    tour.go(page, "/accounts/slip/")
    page.locator("main form input[type=text]").first.fill("K7M3")
    page.locator("main form button").first.click()
    tour.look(page)


@room("account_roles", "account_role_person", "account_browsers")
def roles(tour: Tour) -> None:
    """Who holds which role, given and taken; where somebody is signed in."""
    lead = GrantFactory.create(role=Role.IT_LEAD).person
    GrantFactory.create(role=Role.DESK, person=tour.city.neighbour.person)
    page = tour.as_person(lead)
    SignInFactory.create(person=lead, client_address="192.0.2.1")
    tour.go(page, "/accounts/roles/?q=職員", f"/accounts/roles/{tour.city.lead.pk}/")
    page.get_by_role("button", name="この役割を付ける").click()
    tour.look(page)
    tour.go(page, f"/accounts/roles/{lead.pk}/", "/accounts/browsers/")


@room("privacy:privacy", "privacy:people", "privacy:person")
def privacy(tour: Tour) -> None:
    """What is kept about people, for everybody; and all about one of them, for the IT lead."""
    tour.go(tour.browser().new_page(), "/privacy/")
    page = tour.as_person(GrantFactory.create(role=Role.IT_LEAD).person)
    person = tour.city.neighbour.person
    tour.go(page, f"/privacy/people/?q={person.staff_number}", f"/privacy/people/{person.pk}/")


@room("account_audit")
def audit_log(tour: Tour) -> None:
    """What happened to rights, doors and records: all of it, one kind, nothing found."""
    lead = GrantFactory.create(role=Role.IT_LEAD).person
    page = tour.as_person(lead)
    write_audit(action="labels.printed", now=NOW, by=lead, data={"number": 3})
    tour.go(page, "/accounts/log/", "/accounts/log/?kind=label", "/accounts/log/?who=xyz")


@room(
    *("mfa_index", "mfa_activate_totp", "mfa_deactivate_totp", "mfa_add_webauthn"),
    *("mfa_remove_webauthn", "mfa_view_recovery_codes", "mfa_generate_recovery_codes"),
    *("mfa_authenticate", "mfa_reauthenticate"),
)
def the_second_step(tour: Tour) -> None:
    """A passkey and an app are set up, asked for and taken off."""
    person = GrantFactory.create(role=Role.IT).person
    page = tour.as_person(person)
    tour.go(page, "/accounts/second-step/", "/accounts/second-step/passkey/")
    tour.go(page, "/accounts/second-step/app/")
    page.get_by_label("2 段階目の番号").fill("1")
    page.get_by_role("button", name="設定を終える").click()
    tour.look(page)
    secret = page.locator(".secret").text_content() or ""
    page.get_by_label("2 段階目の番号").fill(app_code(secret))
    page.get_by_role("button", name="設定を終える").click()
    expect(page).to_have_url(re.compile("/second-step/codes/$"))
    tour.look(page)
    credential = SoftKey().create(FOR_A_NEW_KEY)
    key = Authenticator.objects.create(
        user=person, type="webauthn", data={"name": "Chrome", "credential": credential}
    )
    drop = f"/accounts/second-step/passkey/{key.pk}/drop/"
    tour.go(page, "/accounts/second-step/codes/", "/accounts/second-step/codes/new/")
    tour.go(page, "/accounts/second-step/", "/accounts/second-step/app/drop/", drop)
    tour.go(page, "/accounts/again/code/")
    page = tour.browser().new_page()
    page.goto("/accounts/login/")
    page.get_by_label("メールアドレス").fill(person.email)
    page.locator("main form button").first.click()
    page.locator("main form input[type=text]").first.fill(code_from_outbox(person))
    page.locator("main form button").first.click()
    expect(page).to_have_url(re.compile("/login/second-step/$"))
    tour.look(page)


@room(
    *("labels:home", "labels:printing", "labels:one", "labels:one_box", "labels:slips"),
    *("labels:match", "labels:codes", "labels:bind", "labels:papers", "labels:printers"),
    "labels:slip",
)
def label_pages(tour: Tour) -> None:
    """Everything printed: nothing yet, a sheet looked at, a printing done and failed, mistakes."""
    device = tour.city.device
    tour.go(tour.browser().new_page(), "/s/K7M39QXP")
    page = tour.as_person(tour.city.it, **DESK)
    tour.go(page, "/labels/", "/labels/codes/", "/labels/papers/", "/labels/printers/")
    SiteProfile.objects.update_or_create(pk=1, defaults={"demo_seeded_at": site_now()})
    page.goto("/labels/")
    page.locator("textarea").fill(str(device.code))
    page.locator("button[name=look]").click()
    expect(page.get_by_role("img", name="1枚目の見本")).to_be_visible()
    tour.look(page)
    page.locator("textarea").fill("CB-NOWHERE")
    page.locator("button[name=look]").click()
    expect(page.locator("[data-errors]")).to_be_visible()
    tour.look(page)
    tour.go(page, "/labels/one/?q=CB", f"/labels/one/{device.pk}/", "/labels/slips/")
    page.locator("main form button[type=submit]").last.click()
    tour.look(page)
    tour.go(page, f"/labels/match/?box={device.code}", "/labels/bind/?code=K7M39QXP")
    page.goto("/labels/match/")
    page.locator("#id_scan").fill("???")
    page.locator("#id_scan").press("Enter")
    expect(page.get_by_text("NG", exact=True)).to_be_visible()
    tour.look(page)
    for state in ("running", "done", "failed"):
        job = Job.objects.create(
            kind=f"labels:{state}",
            state=state,
            done=1,
            total=2,
            data={"what": "labels", "codes": [device.code], "written": []},
            created_at=site_now(),
            heard_at=site_now(),
            finished_at=None if state == "running" else site_now(),
        )
        tour.go(page, f"/labels/printings/{job.pk}/")


@room(
    *(
        "dashboard:after",
        "dashboard:summary",
        "dashboard:wall",
        "account_tokens",
        "plan:feed_new",
    ),
)
def what_leaves_the_board(tour: Tour) -> None:
    """Old PCs and macros, the summary, tokens, a display on a wall: empty and alive."""
    city = tour.city
    page = tour.as_person(GrantFactory.create(role=Role.IT_LEAD).person, **DESK)
    tour.go(page, "/accounts/tokens/", "/dashboard/summary/")
    live(city)
    rollout = Rollout.objects.get()
    tour.go(page, "/dashboard/after/", "/dashboard/summary/", f"/plan/{rollout.pk}/feed")
    page.locator("main form button[type=submit]").last.click()
    tour.look(page)
    page.goto("/accounts/tokens/")
    page.locator("main form button[type=submit]").last.click()
    tour.look(page)
    page.get_by_role("radio", name="壁の画面").check()
    page.get_by_label("何に使いますか").fill("ロビーの画面")
    page.get_by_role("button", name="作る").last.click()
    expect(page.locator("#made-secret")).to_be_visible()
    tour.look(page)
    address = page.locator("#made-secret").input_value()
    tour.go(page, "/accounts/tokens/")
    tour.go(tour.browser(**DESK).new_page(), address[address.index("/wall/") :])


@room("site:profile", "site:hours", "site:hours_of", "site:leaves", "site:leave")
def settings_pages(tour: Tour) -> None:
    lead = GrantFactory.create(role=Role.IT_LEAD).person
    hours = WorkingHoursFactory.create()
    page = tour.as_person(lead, **DESK)
    tour.go(page, "/settings/", "/settings/hours/", f"/settings/hours/{hours.pk}/")
    tour.go(page, "/settings/leave/", f"/settings/leave/{tour.city.person.pk}/")


@room("dashboard:overview", "dashboard:department", "escalation:desk", "escalation:ticket")
def lead_pages(tour: Tour) -> None:
    tickets = live(tour.city)
    page = tour.as_person(tour.city.lead)
    tour.go(page, "/dashboard/", f"/dashboard/departments/{tour.city.own.department_id}/")
    tour.go(page, "/tickets/", *(f"/tickets/{ticket.pk}/" for ticket in tickets[:2]))


def live(city: City) -> list[Ticket]:
    """Let a rollout run, with people in every state, and tickets of every kind."""
    now = site_now()
    rollout = Rollout.objects.create(
        name="Chromebook 導入",
        state=RolloutState.OPEN,
        starts_on=(now - timedelta(days=20)).date(),
        deadline_on=(now + timedelta(days=20)).date(),
    )
    wave = Wave.objects.create(
        rollout=rollout,
        name="第1回",
        starts_at=now - timedelta(days=14),
        # Far enough back for people to be late by at least one working day, whatever the day of the tour.
        ends_on=(now - timedelta(days=8)).date(),
    )
    wave.departments.add(city.own.department)
    journeys.follow_waves(now=now)
    advance(city.own, "connect-wifi")
    advance(city.neighbour, "touchpad-practice")
    late = make_journey(person=UserFactory.create(department=city.own.department))
    asked = question(city.own, "一覧に出ません。")
    escalation.take(ticket=asked, by=city.it, now=now)
    escalation.reply(ticket=asked, by=city.it, words="10 秒ほど待ちます。", now=now)
    lost = escalation.report(
        device=late.loan.device, kind=TicketKind.LOSS, words="電車です。", client="", now=now
    )
    swapped = escalation.report(
        device=late.loan.device, kind=TicketKind.WRONG_BOX, words="", client="", now=now
    )
    escalation.sweep(now=now + timedelta(days=9))
    quiet = list(Ticket.objects.filter(kind=TicketKind.QUIET))
    escalation.resolve(ticket=swapped, by=city.it, words="交換しました。", now=now)
    return [asked, lost, swapped, *quiet]


@room(
    *("plan:home", "plan:rollout", "plan:rollout_new", "plan:rollout_edit"),
    *("plan:wave", "plan:wave_new", "plan:wave_edit"),
)
def the_plan(tour: Tour) -> None:
    """The plan: empty, made on pages, with everything that can be wrong; the lead's part of it."""
    boss = GrantFactory.create(role=Role.IT_LEAD).person
    page = tour.as_person(boss, **DESK)
    tour.go(page, "/plan/", "/plan/new")
    page.get_by_role("button", name="保存").click()
    tour.look(page)
    live(tour.city)
    wave = Wave.objects.get()
    Wave.objects.filter(pk=wave.pk).update(
        is_pilot=True, held_at=site_now(), held_why="stuck", held_stuck=7, held_begun=12
    )
    Rollout.objects.update(pilot_ready_percent=80, pilot_help_percent=20)
    WaveFactory.create(
        rollout=wave.rollout, starts_at=site_now(), ends_on=site_now().date(), starts_limit=5
    ).departments.set([tour.city.own.department])
    tour.go(page, "/plan/", f"/plan/waves/{wave.pk}/", f"/plan/waves/{wave.pk}/edit")
    tour.go(page, f"/plan/{wave.rollout_id}/edit", f"/plan/{wave.rollout_id}/waves/new")
    page.get_by_role("button", name="保存").click()
    tour.look(page)
    tour.go(page, f"/plan/{wave.rollout_id}/")
    page.reload()
    page.locator("#verdict > summary").click()
    page.get_by_role("button", name="判断を記録する").click()
    tour.look(page)
    lead = tour.as_person(tour.city.lead)
    tour.go(lead, "/plan/", f"/plan/waves/{wave.pk}/")
    lead.get_by_role("button", name="充電ずみ").first.click()
    tour.look(lead)
