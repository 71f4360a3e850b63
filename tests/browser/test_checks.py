"""Every check in a real browser: what it sees, and what it says when it sees nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from kitting.journeys import actions as journeys
from kitting.models import Journey
from tests.browser.city import CHROMEBOOK, City, hold_box, site_now
from tests.browser.conftest import FLAGS
from tests.browser.rooms import BOX
from tests.journeys.conftest import wide
from tests.needs import needs

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserType, CDPSession, Locator, Page
    from pytest_django.live_server_helper import LiveServer

    from tests.browser.city import OpenBrowser

    # Opens the page of a step on the Chromebook; what differs from it is named.
    AtStep = Callable[..., Page]

pytestmark = pytest.mark.django_db(transaction=True)

OWN_WORD = "できました（自分で確認）"
NEXT = "つぎへ"
MINUTE = 60_000
SCRIPTS = Path(__file__).resolve().parents[2] / "static" / "js"


@pytest.fixture
def at_step(new_context: OpenBrowser, city: City) -> AtStep:
    def open_one(key: str, **wishes: Any) -> Page:
        arrive_before(city, key)
        page = new_context(**{**CHROMEBOOK, "reduced_motion": "reduce", **wishes}).new_page()
        hold_box(page.context, city.own)
        page.goto(f"/j/{city.own.pk}/s/{key}/")
        expect(page.locator("[data-check]")).to_be_visible()
        return page

    return open_one


def arrive_before(city: City, key: str) -> None:
    """Let the guide be open on the Chromebook, everything before a step done at an honest pace."""
    at = site_now() - timedelta(hours=2)
    journeys.arrive(journey_id=city.own.pk, who=BOX, now=at)
    city.own.refresh_from_db()
    for number, (before, *_rest) in enumerate(city.own.step_keys):
        if before == key:
            return
        moment = at + timedelta(minutes=number)
        journeys.finish_step(journey_id=city.own.pk, step_key=before, who=BOX, now=moment)


def go_on(page: Page, words: str = NEXT) -> None:
    """Press the main button and wait until the page has changed."""
    before = page.url
    page.locator(".act").get_by_role("button", name=words, exact=True).click()
    expect(page).not_to_have_url(before)


def mark(city: City, key: str) -> tuple[str, str, str]:
    record = Journey.objects.get(pk=city.own.pk).records.get(step_key=key)
    return record.result, record.method, record.reason


def says(page: Page, words: str) -> None:
    expect(page.locator("[data-status]")).to_contain_text(words)


def middle(place: Locator) -> tuple[float, float]:
    box = place.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def to_the_middle(page: Page) -> None:
    """Bring the place of practice clear of the bars."""
    page.locator("[data-arena]").evaluate("arena => arena.scrollIntoView({ block: 'center' })")


def touch(cdp: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    """Put fingers on the screen, move them or lift them."""
    cdp.send(
        "Input.dispatchTouchEvent",
        {
            "type": f"touch{kind}",
            "touchPoints": [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)],
        },
    )


# --- fingers


def test_four_exercises_by_finger_are_seen(at_step: AtStep, city: City) -> None:
    page = at_step("touch-practice", has_touch=True)
    cdp = page.context.new_cdp_session(page)
    expect(page.locator("[data-no-touch]")).to_be_hidden()
    to_the_middle(page)

    page.locator("[data-exercise=tap] [data-target]").tap()
    by_finger(page, cdp)
    x, y = middle(page.locator("[data-exercise=press] [data-target]"))
    touch(cdp, "Start", (x, y))
    expect(page.locator("[data-exercise=press] [data-menu]")).to_be_attached()
    expect(page.locator("[data-part=press]")).to_have_class(re.compile("done"))
    touch(cdp, "End")
    x, y = middle(page.locator("[data-pad]"))
    touch(cdp, "Start", (x - 30, y), (x + 30, y))
    touch(cdp, "Move", (x - 36, y), (x + 36, y))
    touch(cdp, "Move", (x - 60, y), (x + 60, y))
    touch(cdp, "End")

    says(page, "4 つともできました")
    go_on(page)
    assert mark(city, "touch-practice") == ("confirmed", "check", "")


def by_finger(page: Page, cdp: CDPSession) -> None:
    """Slide the list up until its end, as a finger does."""
    exercise = page.locator("[data-exercise=scroll]")
    expect(exercise).to_be_visible()
    x, y = middle(exercise.locator("[data-list]"))
    for _slide in range(8):
        touch(cdp, "Start", (x, y + 70))
        for way in range(60, -80, -10):
            touch(cdp, "Move", (x, y + way))
        touch(cdp, "End")
        if "done" in (page.locator("[data-part=scroll]").get_attribute("class") or ""):
            return
    pytest.fail("the end of the list was not reached")


def test_a_long_touch_is_no_tap_and_two_of_them_bring_the_own_word(
    at_step: AtStep, city: City
) -> None:
    page = at_step("touch-practice", has_touch=True)
    cdp = page.context.new_cdp_session(page)
    to_the_middle(page)
    own = page.get_by_role("button", name=OWN_WORD)
    target = page.locator("[data-exercise=tap] [data-target]")
    for try_ in range(2):
        expect(own).to_be_hidden()
        touch(cdp, "Start", middle(target))
        page.wait_for_timeout(450 + try_)
        touch(cdp, "End")
        says(page, "短くさわるだけ")
    go_on(page, OWN_WORD)
    assert mark(city, "touch-practice") == ("self_reported", "button", "not_seen")
    assert not city.own.events.filter(kind="check_failed").exists()  # nobody's business


@pytest.mark.parametrize("step", ["touch-practice", "touchpad-practice"])
def test_practice_is_done_by_keyboard_alone(at_step: AtStep, city: City, step: str) -> None:
    page = at_step(step)
    go = page.get_by_role("link", name="練習する")
    go.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    if step == "touch-practice":
        page.keyboard.press("Tab")  # past "go on without it"
    page.keyboard.press("Enter")
    expect(page.locator("[data-list]")).to_be_focused()
    page.keyboard.press("End")
    square = page.locator("[data-exercise=press], [data-exercise=second]").get_by_role("button")
    expect(square.first).to_be_focused()
    page.keyboard.press("Enter")
    if step == "touch-practice":
        expect(page.locator("[data-pad]")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
    else:
        expect(page.locator("[data-card]")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    says(page, "4 つともできました")
    go_on(page)
    assert mark(city, step) == ("self_reported", "another_way", "another_way")


def test_practice_is_done_by_pressing_only(at_step: AtStep, city: City) -> None:
    page = at_step("touch-practice")
    page.get_by_role("button", name="押すだけで練習する").click()
    page.get_by_role("button", name="ここをさわる").click()
    menu = page.get_by_role("button", name="メニューを開く")
    page.locator("[data-down]").click()
    # The list tells by itself, a moment later, that its end was reached, and then the button goes:
    # a press on it may come too late for a hand, never for the page.
    page.wait_for_function(
        """() => {
            document.querySelector("[data-down]").click();
            return document.querySelector("[data-exercise=press] [data-more]").checkVisibility();
        }""",
        polling=50,
    )
    menu.click()
    page.get_by_role("button", name="大きくする").dblclick()
    says(page, "4 つともできました")
    go_on(page)
    assert mark(city, "touch-practice") == ("self_reported", "another_way", "another_way")


def test_a_mouse_is_asked_for_a_finger_once_and_then_taken(at_step: AtStep) -> None:
    page = at_step("touch-practice", has_touch=True)
    target = page.get_by_role("button", name="ここをさわる")
    target.click()
    says(page, "画面を指でさわってみましょう")
    target.click()
    expect(page.locator("[data-part=tap]")).to_have_class(re.compile("done"))


def test_without_a_touchscreen_the_practice_is_left_out(at_step: AtStep, city: City) -> None:
    page = at_step("touch-practice")
    expect(page.get_by_role("heading", name="この画面は、指では動きません")).to_be_visible()
    page.get_by_role("button", name="この練習をしないで進む").click()
    expect(page).to_have_url(re.compile("/s/confirm-device/"))
    assert mark(city, "touch-practice") == ("skipped", "button", "no_touch")


# --- the touchpad


def test_four_exercises_on_the_touchpad_are_seen(at_step: AtStep, city: City) -> None:
    page = at_step("touchpad-practice")
    to_the_middle(page)
    page.get_by_role("button", name="ここを押す").click()
    page.locator("[data-list]").hover()
    for _turn in range(3):
        page.mouse.wheel(0, 120)
    page.get_by_role("button", name="2 本の指で軽くたたく").click(button="right")
    card, tray = page.locator("[data-card]"), page.locator("[data-tray]")
    card.hover()
    page.mouse.down()
    page.mouse.move(10, 300, steps=3)
    page.mouse.up()
    says(page, "あと少しです")
    card.drag_to(tray, steps=5)
    says(page, "4 つともできました")
    go_on(page)
    assert mark(city, "touchpad-practice") == ("confirmed", "check", "")


# --- Japanese


def write(page: Page, kana: str, word: str) -> None:
    """Write as an input method does: letters, conversion, commit."""
    cdp = page.context.new_cdp_session(page)
    for text in (kana[:1], kana, word):
        cdp.send(
            "Input.imeSetComposition",
            {"text": text, "selectionStart": len(text), "selectionEnd": len(text)},
        )
    cdp.send("Input.insertText", {"text": word})


def test_japanese_is_composed_and_nothing_of_it_leaves_the_page(
    at_step: AtStep, city: City
) -> None:
    page = at_step("japanese-input")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url + (request.post_data or "")))
    page.get_by_label("ここに入れる").focus()
    write(page, "まえばし", "前橋")
    says(page, "つづけて、英字と数字")
    page.keyboard.type(wide("OK123"))  # as it happens
    says(page, "正しく入りました")
    go_on(page)
    assert mark(city, "japanese-input") == ("confirmed", "check", "")
    assert not [line for line in sent if "前橋" in line or "%E5%89%8D" in line or "OK" in line]


def test_what_was_not_composed_is_done_another_way(at_step: AtStep, city: City) -> None:
    page = at_step("japanese-input")
    field = page.get_by_label("ここに入れる")
    field.fill("maebashi")
    says(page, "まだ日本語になっていません")
    field.fill("前橋OK123")
    says(page, "正しく入りました")
    go_on(page)
    assert mark(city, "japanese-input") == ("self_reported", "another_way", "another_way")


# --- away and back


def test_being_away_and_coming_back_makes_it_likely(at_step: AtStep, city: City) -> None:
    page = at_step("apps-windows")
    leave(page, seconds=4)  # before the button it counts for nothing
    expect(page.locator("[data-seen]").first).to_be_hidden()
    page.get_by_role("button", name="練習を始める").click()
    leave(page, seconds=2)
    says(page, "もう少しゆっくり")
    leave(page, seconds=4)
    says(page, "おかえりなさい")
    go_on(page)
    assert mark(city, "apps-windows") == ("likely", "check", "was_away")


def leave(page: Page, *, seconds: int) -> None:
    """Look at another page for a while, as the clock of this one goes."""
    page.evaluate(
        """(seconds) => {
          const real = Date.now.bind(Date), shift = (Date.shift ?? 0) + seconds * 1000;
          dispatchEvent(new Event("blur"));
          Date.shift = shift;
          Date.now = () => real() + seconds * 1000;
          dispatchEvent(new Event("focus"));
          Date.now = real;
        }""",
        seconds,
    )


def test_a_page_that_was_thrown_away_meanwhile_still_knows(at_step: AtStep) -> None:
    page = at_step("apps-windows")
    page.get_by_role("button", name="練習を始める").click()
    other = page.context.new_page()
    other.goto("about:blank")
    step = page.url
    page.goto("/")  # the same tab was used for something else
    page.wait_for_timeout(3100)
    other.close()
    page.goto(step)
    says(page, "おかえりなさい")


# --- the lock


def test_locking_and_unlocking_is_seen(at_step: AtStep, city: City) -> None:
    page = at_step("screen-lock")
    allow_idle_detection(page)
    page.get_by_role("button", name="練習を始める").click()
    says(page, "画面をロックして")
    cdp = page.context.new_cdp_session(page)
    for is_unlocked, words in ((False, "ロックしました"), (True, "ロックできました")):
        cdp.send(
            "Emulation.setIdleOverride",
            {"isUserActive": True, "isScreenUnlocked": is_unlocked},
        )
        says(page, words)
    go_on(page)
    assert mark(city, "screen-lock") == ("confirmed", "check", "")


COUNTED = """() => {
  const real = IdleDetector.requestPermission.bind(IdleDetector);
  window.asked = 0;
  IdleDetector.requestPermission = () => { window.asked += 1; return real(); };
}"""


def allow_idle_detection(page: Page) -> None:
    """Answer the browser's question; the context has no word for this permission."""
    session = page.context.new_cdp_session(page)
    target = session.send("Target.getTargetInfo")["targetInfo"]
    browser = page.context.browser
    assert browser
    browser.new_browser_cdp_session().send(
        "Browser.grantPermissions",
        {"permissions": ["idleDetection"], "browserContextId": target["browserContextId"]},
    )


def test_the_lock_is_not_asked_about_before_the_button_and_may_be_refused(
    at_step: AtStep, city: City
) -> None:
    page = at_step("screen-lock")
    page.evaluate(COUNTED)
    assert page.evaluate("asked") == 0
    page.get_by_role("button", name="練習を始める").click()
    says(page, "許可がなくてもだいじょうぶ")
    assert page.evaluate("asked") == 1
    go_on(page, OWN_WORD)
    assert mark(city, "screen-lock") == ("self_reported", "button", "denied")
    assert city.own.events.get(kind="check_failed").data == {"reason": "denied"}


def test_a_browser_that_cannot_notice_the_lock_says_so(at_step: AtStep, city: City) -> None:
    page = at_step("screen-lock")
    page.evaluate("delete window.IdleDetector")
    page.get_by_role("button", name="練習を始める").click()
    says(page, "ここではロックを確かめられません")
    go_on(page, OWN_WORD)
    assert mark(city, "screen-lock") == ("self_reported", "button", "unsupported")


def test_on_another_computer_it_is_the_own_word(at_step: AtStep, city: City) -> None:
    page = at_step("screen-lock", user_agent=None)
    page.evaluate("delete window.IdleDetector")
    page.get_by_role("button", name="練習を始める").click()
    go_on(page, OWN_WORD)
    assert mark(city, "screen-lock") == ("self_reported", "button", "not_chromeos")
    assert not city.own.events.filter(kind="check_failed").exists()


# --- camera, microphone, sound


def test_camera_microphone_and_sound_are_seen_and_heard(at_step: AtStep, city: City) -> None:
    page = at_step("camera-mic", permissions=["camera", "microphone"])
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    page.evaluate("Math.random = () => 0.3")  # three beeps
    page.get_by_role("button", name="確認を始める").click()
    for part in ("camera", "microphone"):
        expect(page.locator(f"[data-part={part}]")).to_have_class(re.compile("done"))
    assert (
        page.evaluate("document.querySelector('video').srcObject") is None
    )  # the light is out
    page.get_by_role("button", name="音を鳴らす").click()
    page.get_by_role("button", name="2", exact=True).click()
    says(page, "回数がちがいます")
    page.get_by_role("button", name="3", exact=True).click()
    says(page, "3 つともできました")
    # The wrong number is a try that IT may see; beside it nothing left the page.
    assert [data.partition("&")[2] for data in sent if data] == [
        "outcome=tried&reason=no_sound"
    ]
    go_on(page)
    assert mark(city, "camera-mic") == ("confirmed", "check", "")
    assert city.own.events.get(kind="check_failed").data == {"reason": "no_sound"}


def test_camera_and_microphone_may_be_refused(at_step: AtStep, city: City) -> None:
    page = at_step("camera-mic")
    page.get_by_role("button", name="確認を始める").click()
    says(page, "許可がありませんでした")
    go_on(page, OWN_WORD)
    assert mark(city, "camera-mic") == ("self_reported", "button", "denied")


def test_without_a_camera_the_rest_is_still_checked(
    browser_type: BrowserType, live_server: LiveServer, city: City
) -> None:
    flags = [flag for flag in FLAGS if "fake-device" not in flag]
    browser = browser_type.launch(executable_path=needs("chromium"), args=flags)
    try:
        arrive_before(city, "camera-mic")
        page = browser.new_page(
            base_url=live_server.url,
            **{**CHROMEBOOK, "locale": "ja-JP", "permissions": ["camera", "microphone"]},
        )
        hold_box(page.context, city.own)
        page.goto(f"/j/{city.own.pk}/s/camera-mic/")
        page.get_by_role("button", name="確認を始める").click()
        says(page, "カメラが見つかりません")
        expect(page.get_by_role("button", name="音を鳴らす")).to_be_visible()
        go_on(page, OWN_WORD)
    finally:
        browser.close()
    assert mark(city, "camera-mic") == ("self_reported", "button", "no_camera")
    assert city.own.events.get(kind="check_failed").data == {"reason": "no_camera"}


# --- the minute, and the module that does not come


@pytest.mark.parametrize(
    ("agent", "reason"), [(CHROMEBOOK["user_agent"], "timeout"), (None, "not_chromeos")]
)
def test_after_a_minute_the_own_word_counts(
    new_context: OpenBrowser, city: City, agent: str | None, reason: str
) -> None:
    arrive_before(city, "japanese-input")
    page = new_context(**{**CHROMEBOOK, "user_agent": agent}).new_page()
    page.clock.install()
    hold_box(page.context, city.own)
    page.goto(f"/j/{city.own.pk}/s/japanese-input/")
    expect(page.locator("[data-check]")).to_be_visible()
    own = page.get_by_role("button", name=OWN_WORD)
    page.clock.fast_forward(MINUTE - 5_000)
    expect(own).to_be_hidden()
    page.clock.fast_forward(10_000)
    go_on(page, OWN_WORD)
    assert mark(city, "japanese-input") == ("self_reported", "button", reason)


# --- where the guide is open, and how new the system is


def acts_as(page: Page, *, platform: str, version: str) -> None:
    """Let the browser say of itself that it is another one, headers included."""
    page.context.new_cdp_session(page).send(
        "Emulation.setUserAgentOverride",
        {
            "userAgent": CHROMEBOOK["user_agent"]
            if "OS" in platform
            else "Mozilla/5.0 (X11) Chrome/150.0.0.0",
            "userAgentMetadata": {
                "platform": platform,
                "platformVersion": "16503.60.0",
                "architecture": "x86",
                "model": "",
                "mobile": False,
                "brands": [{"brand": "Google Chrome", "version": version.partition(".")[0]}],
                "fullVersionList": [{"brand": "Google Chrome", "version": version}],
            },
        },
    )


def test_client_hints_say_that_it_is_the_chromebook(
    new_context: OpenBrowser, city: City
) -> None:
    page = new_context().new_page()
    hold_box(page.context, city.own)
    journeys.begin(journey_id=city.own.pk, who=BOX, now=site_now())
    page.goto(f"/j/{city.own.pk}/s/open-guide/")
    expect(page.get_by_role("img", name="同じ")).to_be_visible()  # the way to the Chromebook
    assert Journey.objects.get(pk=city.own.pk).arrived_at is None
    acts_as(page, platform="Chrome OS", version="150.0.7871.100")
    page.goto(f"/j/{city.own.pk}/s/open-guide/")
    expect(page).to_have_url(re.compile("after=open-guide"))
    assert mark(city, "open-guide") == ("confirmed", "arrival", "box")


@pytest.mark.parametrize(
    ("version", "reason"), [("150.0.7871.100", "new_enough"), ("149.0.1.2", "old_version")]
)
def test_the_last_step_reads_the_full_version_and_stops_nobody(
    new_context: OpenBrowser, city: City, version: str, reason: str
) -> None:
    arrive_before(city, "keep-safe")
    page = new_context(**CHROMEBOOK).new_page()
    hold_box(page.context, city.own)
    acts_as(page, platform="Chrome OS", version=version)
    page.goto(f"/j/{city.own.pk}/s/keep-safe/")
    expect(page.locator("[data-version]")).to_have_value(reason)
    note = page.get_by_text("更新があります。")
    expect(note).to_be_visible() if reason == "old_version" else expect(note).to_be_hidden()
    for answer in ("すぐに 027", "検索キー + L", "仕事の区切り"):
        page.get_by_label(answer).check()
    page.get_by_role("button", name="確かめる", exact=True).click()
    expect(page).to_have_url(re.compile("/done/"))
    assert mark(city, "keep-safe") == ("confirmed", "server", reason)


def test_no_page_asks_what_only_managed_apps_may_know() -> None:
    """`navigator.managed` answers no page any more; nothing here leans on it."""
    scripts = SCRIPTS.rglob("*.js")
    assert [path.name for path in scripts if "navigator.managed" in path.read_text()] == []
