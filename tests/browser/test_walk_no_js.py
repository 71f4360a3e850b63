"""From the label on the box to the last page: a phone, Japanese, no JavaScript; a Chromebook joins."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kitting.models import Journey, Ticket
from tests.browser.city import CHROMEBOOK, a_minute_a_step

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import City, OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

DONE = "できました"
RIGHT_ANSWERS = (
    "すぐに 027-000-0000（夜・休日も可） へ電話する",
    "検索キー + L でロックする",
    "仕事の区切りで再起動する",
)


def press(page: Page, words: str, *, then: str) -> None:
    """Press a button and wait until the page of a step (or another) is there."""
    page.get_by_role("button", name=words, exact=True).first.click()
    stands_at(page, then)


def stands_at(page: Page, where: str) -> None:
    expect(page).to_have_url(re.compile(rf"/{where}/(\?(after|again)=[\w-]+)?$"))
    expect(page.locator("main h1")).to_be_visible()
    a_minute_a_step()


def scan(page: Page, code: str, staff_number: str) -> None:
    page.goto(f"/d/{code}")
    page.get_by_label("職員番号").fill(staff_number)
    page.get_by_role("button", name="はじめる", exact=True).click()


def test_a_box_is_set_up_to_the_last_page_without_javascript(
    new_context: OpenBrowser, city: City
) -> None:
    phone = new_context(java_script_enabled=False).new_page()
    code, number = city.device.code or "", city.person.staff_number or ""

    # A wrong number is answered politely, and says nothing about the roll.
    scan(phone, code.lower(), city.neighbour.person.staff_number or "")
    expect(phone.locator(".fld-err")).to_contain_text("番号が合いません")
    assert city.person.name not in phone.content()
    scan(phone, code.lower(), number)

    stands_at(phone, "check-box")
    press(phone, "受け取りました", then="power-on")
    press(phone, DONE, then="language-keyboard")
    press(phone, "もどす", then="power-on")
    press(phone, DONE, then="language-keyboard")
    press(phone, DONE, then="connect-wifi")

    # Later: the clocks stop, and the person goes on earlier than said.
    phone.get_by_role("link", name="あとで").click()
    phone.get_by_role("radio").first.check()
    phone.get_by_role("button", name="休む").click()
    expect(phone.locator("main")).to_contain_text("いまは休みの時間です")
    phone.get_by_role("link", name="つぎへ").click()
    stands_at(phone, "connect-wifi")
    for then in ("wait-update", "enroll", "sign-in", "first-screens", "open-guide"):
        press(phone, DONE, then=then)

    # The Chromebook has no mail yet: box code and staff number open the same guide at the same step.
    laptop = new_context(java_script_enabled=False, **CHROMEBOOK).new_page()
    laptop.goto("/")
    laptop.get_by_label("箱の番号").fill(f"{code[:4]}-{code[4:]}".lower())
    laptop.get_by_role("button", name="箱のページを開く").click()
    laptop.get_by_label("職員番号").fill(number)
    laptop.get_by_role("button", name="はじめる", exact=True).click()
    stands_at(laptop, "open-guide")
    press(laptop, "Chromebook で開けました", then="touch-practice")
    expect(laptop.get_by_role("status").first).to_contain_text("Chromebook で開けました")

    # The phone goes on beside it; what both press counts once.
    phone.reload()
    expect(phone.locator("main")).to_contain_text("Chromebook で開けました")
    phone.get_by_role("link", name="つぎへ").click()
    press(phone, DONE, then="confirm-device")
    press(laptop, DONE, then="confirm-device")
    expect(laptop.get_by_role("status").first).to_contain_text("に完了しています")

    laptop.get_by_role("textbox", name="シリアル番号").fill("0000")
    laptop.get_by_role("button", name="確かめる", exact=True).first.click()
    expect(laptop.locator(".fld-err")).to_contain_text("番号がちがいます")
    laptop.get_by_role("textbox", name="シリアル番号").fill(
        city.device.serial_number[-4:].lower()
    )
    press(laptop, "確かめる", then="screen-lock")

    press(laptop, DONE, then="easy-to-see")
    press(laptop, DONE, then="camera-mic")
    press(laptop, "この手順をとばす", then="office-files")
    press(laptop, "開けました", then="ready")
    expect(laptop.locator("h1")).to_have_text("使えるようになりました")
    laptop.get_by_role("link", name="練習へ進む").click()

    stands_at(laptop, "print-test")
    for then in ("touchpad-practice", "japanese-input", "apps-windows", "keep-safe"):
        press(laptop, DONE, then=then)
    laptop.get_by_label("画面を暗くする").check()
    laptop.get_by_role("button", name="確かめる", exact=True).first.click()
    expect(laptop.locator("main")).to_contain_text("さわると見えてしまいます。")
    for answer in RIGHT_ANSWERS:
        laptop.get_by_label(answer).check()
    press(laptop, "確かめる", then="done")
    expect(laptop.locator("h1")).to_have_text("おつかれさまでした")

    knows_what_happened(city)


def knows_what_happened(city: City) -> None:
    """What the pages said stands in the database, and nothing of anybody else."""
    own = Journey.objects.get(pk=city.own.pk)
    results = {record.step_key: str(record.result) for record in own.records.all()}
    assert [key for key, *_rest in own.step_keys] == list(results)
    confirmed = {"check-box", "open-guide", "confirm-device", "keep-safe"}
    assert {key for key, result in results.items() if result == "confirmed"} == confirmed
    assert {key for key, result in results.items() if result == "skipped"} == {"camera-mic"}
    assert sorted(set(results.values())) == ["confirmed", "self_reported", "skipped"]

    events = list(own.events.order_by("number").values_list("kind", "step_key", "via"))
    kinds = [kind for kind, _key, _via in events]
    assert (own.status, own.event_count) == ("done", len(events))
    assert {via for _kind, _key, via in events} == {"box"}
    assert kinds.count("step_done") == 20  # 19 steps, one of them twice
    assert {
        kind: kinds.count(kind)
        for kind in ("begun", "entered", "paused", "arrived", "ready", "at_home")
    } == dict.fromkeys(("begun", "entered", "paused", "arrived", "ready", "at_home"), 1)
    assert ("step_undone", "power-on", "box") in events
    assert ("check_failed", "confirm-device", "box") in events
    assert own.loan.received_at is not None
    assert own.at_home_at is not None

    neighbour = Journey.objects.get(pk=city.neighbour.pk)
    assert (neighbour.begun_at, neighbour.event_count) == (None, 0)
    assert not Ticket.objects.exists()
