"""Pages of chat rooms, programs and of what did not arrive."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from accounts.states import Role
from kitting.notices.actions.failing import switch_off_failing
from kitting.notices.models import Notice, Outlet
from kitting.notices.states import Lane, NoticeState
from kitting.site.models import SiteProfile
from tests.factories import NOW, GrantFactory, NoticeFactory, UserFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpResponse

    from accounts.models import User

pytestmark = pytest.mark.django_db
CHAT = "https://chat.googleapis.com/v1/spaces/A/messages?key=KEY&token=TOKEN"
SECRET = "a secret of twenty letters"
TYPED = {"label": "IT の部屋", "kind": "chat", "url": CHAT, "events": ["asked", "loss"]}
PROGRAM = {**TYPED, "kind": "webhook", "url": "https://192.0.2.1/", "secret": SECRET}
FAILED = {"state": NoticeState.FAILED, "last_error": "550 no such user", "attempts": 42}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def lead() -> User:
    return GrantFactory.create(role=Role.IT_LEAD).person


@pytest.fixture
def client(lead: User) -> Client:
    client = Client(headers={"accept-language": "ja"})
    client.force_login(lead)
    return client


def outlet(**fields: Any) -> Outlet:
    given = {
        "label": "部屋",
        "kind": "chat",
        "url": CHAT,
        "events": ["asked"],
        "created_at": NOW,
    }
    return Outlet.objects.create(**{**given, **fields})


def text(response: HttpResponse) -> str:
    return response.content.decode()


def test_a_chat_room_is_added_and_its_address_never_shown_again(client):
    answer = client.post("/outlets/new", TYPED, follow=True)
    saved = Outlet.objects.get()
    assert (saved.url, saved.events, saved.is_on) == (CHAT, ["asked", "loss"], True)
    for page in (answer, client.get("/outlets/"), client.get(f"/outlets/{saved.pk}/")):
        assert "chat.googleapis.com" in text(page)
        assert "TOKEN" not in text(page)
        assert "KEY" not in text(page)
    assert "TOKEN" not in str(AuditEntry.objects.get(action="outlet.made").data)


def test_a_mistake_does_not_give_the_address_or_the_secret_back(client):
    answer = client.post("/outlets/new", {**PROGRAM, "label": ""})
    assert answer.status_code == 422
    assert SECRET not in text(answer)
    assert "192.0.2.1" not in text(answer)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"url": "https://example.jp/"}, "url", "知っているチャット"),
        ({"url": ""}, "url", "アドレスを貼り"),
        ({"events": []}, "events", "1 つ以上"),
        ({"kind": "webhook", "url": "ftp://a.example.jp/"}, "url", "https://"),
        ({"kind": "webhook", "url": "https://10.0.0.7/hook"}, "url", "組織の中のネットワーク"),
        ({"kind": "webhook", "url": "https://localhost/hook"}, "url", "組織の中のネットワーク"),
        ({"kind": "webhook", "url": "https://intranet/hook"}, "url", "組織の中のネットワーク"),
        ({"kind": "webhook", "url": "https://a:b@a.example.jp/"}, "url", "@"),
        ({"kind": "webhook", "url": "https://:x/"}, "url", "アドレスではありません"),
        ({"kind": "webhook", "url": "https://192.0.2.1/"}, "secret", "合言葉"),
        ({"kind": "webhook", "secret": "short"}, "secret", "20 文字"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(client, change, field, said):
    answer = client.post("/outlets/new", {**TYPED, **change})
    assert answer.status_code == 422
    assert said in " ".join(answer.context["form"].errors[field])
    assert not Outlet.objects.exists()


def test_a_private_network_is_let_in_where_the_setting_says_so(client, settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = True
    private = {**PROGRAM, "url": "http://10.0.0.7/hook"}
    assert client.post("/outlets/new", private).status_code == 302
    settings.WEBHOOK_PRIVATE_NETWORKS = False
    kept = Outlet.objects.get()
    again = {**private, "url": "", "secret": "", "label": "b"}
    assert client.post(f"/outlets/{kept.pk}/", again).status_code == 422


def test_an_empty_address_keeps_the_known_one_and_two_have_never_one_name(client):
    kept = outlet()
    changed = {**TYPED, "url": "", "label": "新しい名前"}
    assert client.post(f"/outlets/{kept.pk}/", changed).status_code == 302
    kept.refresh_from_db()
    assert (kept.label, kept.url) == ("新しい名前", CHAT)
    assert client.post("/outlets/new", {**TYPED, "label": "新しい名前"}).status_code == 422


def test_a_test_waits_in_the_outbox_and_is_seen_on_the_page(client, lead):
    kept = outlet()
    answer = client.post(f"/outlets/{kept.pk}/test", follow=True)
    waiting = Notice.objects.get()
    assert (waiting.lane, waiting.outlet, waiting.state) == (Lane.OUTLET, kept, "queued")
    assert lead.name in waiting.body
    assert waiting.subject in text(answer)


def test_who_rests_hears_nothing_and_gets_nothing_later(client):
    kept = outlet()
    NoticeFactory.create(outlet=kept, lane=Lane.OUTLET, channel="outlet")
    client.post(f"/outlets/{kept.pk}/pause")
    client.post(f"/outlets/{kept.pk}/pause")
    assert Outlet.objects.hearing("asked") == []
    assert Notice.objects.get().state == NoticeState.CANCELLED
    client.post(f"/outlets/{kept.pk}/resume")
    assert Outlet.objects.hearing("asked") == [kept]
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["outlet.paused", "outlet.resumed"]


@pytest.fixture
def dead() -> Outlet:
    """A room that Kitto switched off, with one message that did not arrive."""
    kept = outlet(parked_in_row=3)
    NoticeFactory.create(
        kind="asked", outlet=kept, lane=Lane.OUTLET, channel="outlet", **FAILED
    )
    assert switch_off_failing(now=NOW) == 1
    return kept


def test_it_sees_what_was_switched_off_and_what_to_do(client, dead):
    for path in ("/tickets/", "/dashboard/"):
        page = text(client.get(path))
        assert f"{dead.label} へのお知らせを止めました" in page, path
        assert f"/outlets/{dead.pk}/" in page, path
    assert "止めました（届きません）" in text(client.get("/outlets/"))
    page = text(client.get(f"/outlets/{dead.pk}/"))
    assert "ためしのお知らせを送り、" in page
    assert "お知らせが届きました。また使えます。" not in page


def test_who_is_not_the_lead_of_it_is_led_to_what_did_not_arrive(dead):
    it = Client(headers={"accept-language": "ja"})
    it.force_login(GrantFactory.create(role=Role.IT).person)
    page = text(it.get("/tickets/"))
    assert f"{dead.label} へのお知らせを止めました" in page
    assert f"/outlets/{dead.pk}/" not in page


def test_it_is_used_again_only_after_a_test_has_arrived(client, dead):
    answer = client.post(f"/outlets/{dead.pk}/resume", follow=True)
    assert "まだ、ためしのお知らせが届いていません" in text(answer)
    assert not Outlet.objects.get().is_on
    NoticeFactory.create(
        outlet=dead,
        lane=Lane.OUTLET,
        channel="outlet",
        kind="test",
        state=NoticeState.SENT,
        sent_at=NOW + timedelta(minutes=1),
    )
    assert "お知らせが届きました。また使えます。" in text(client.get(f"/outlets/{dead.pk}/"))
    client.post(f"/outlets/{dead.pk}/resume")
    assert Outlet.objects.get().is_on
    assert not Notice.objects.parked().exists()
    assert "へのお知らせを止めました" not in text(client.get("/tickets/"))


def test_who_is_removed_leaves_nothing_parked(client):
    kept = outlet()
    NoticeFactory.create(outlet=kept, lane=Lane.OUTLET, channel="outlet", **FAILED)
    client.post(f"/outlets/{kept.pk}/remove")
    assert not Outlet.objects.exists()
    assert not Notice.objects.parked().exists()


def test_what_did_not_arrive_is_listed_with_the_reason_and_without_its_words(client):
    person = UserFactory.create(name="小池 健太")
    NoticeFactory.create(person=person, body="秘密の返事", **FAILED)
    NoticeFactory.create(outlet=outlet(), lane=Lane.OUTLET, channel="outlet", **FAILED)
    NoticeFactory.create(lane=Lane.SIGN_IN, subject="番号", **FAILED)
    page = text(client.get("/outbox/"))
    assert all(word in page for word in ("小池 健太", "部屋", "550 no such user"))
    assert "秘密の返事" not in page
    assert "番号" not in page


def test_one_is_sent_again_to_the_address_of_today(client):
    person = UserFactory.create(email="new@asahi.example.jp")
    parked = NoticeFactory.create(person=person, address="old@asahi.example.jp", **FAILED)
    other = NoticeFactory.create(**FAILED)
    client.post(f"/outbox/{parked.pk}/again")
    parked.refresh_from_db()
    other.refresh_from_db()
    assert (parked.state, parked.address) == (NoticeState.QUEUED, "new@asahi.example.jp")
    assert (parked.attempts, parked.next_try_at) == (0, NOW)
    assert other.state == NoticeState.FAILED


def test_all_are_sent_again_at_once(client, lead):
    NoticeFactory.create_batch(3, **FAILED)
    code = NoticeFactory.create(lane=Lane.SIGN_IN, **FAILED)
    client.post("/outbox/again")
    assert Notice.objects.filter(state=NoticeState.QUEUED).count() == 3
    code.refresh_from_db()
    assert code.state == NoticeState.FAILED
    entry = AuditEntry.objects.get(action="notices.sent_again")
    assert (entry.data, entry.actor) == ({"count": 3}, lead)


def test_what_is_left_alone_is_never_sent_and_the_second_press_says_so(client):
    parked = NoticeFactory.create(**FAILED)
    client.post(f"/outbox/{parked.pk}/leave")
    parked.refresh_from_db()
    assert parked.state == NoticeState.CANCELLED
    answer = client.post(f"/outbox/{parked.pk}/again", follow=True)
    parked.refresh_from_db()
    assert parked.state == NoticeState.CANCELLED
    assert [str(m) for m in answer.context["messages"]] == [
        "このお知らせは、もう別の人が対応しました。"
    ]


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(path).status_code == 200
    return len(caught)


@pytest.mark.parametrize("path", ["/outlets/", "/outbox/"])
def test_a_longer_list_asks_the_database_no_more_often(client, path):
    counts = []
    for number in (1, 2, 3):
        one = outlet(label=f"部屋 {number}")
        NoticeFactory.create(outlet=one, person=UserFactory.create(), **FAILED)
        counts.append(queries(client, path))
    assert counts[0] == counts[2]
