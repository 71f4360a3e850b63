"""Chat rooms and programs: what they hear, that it is ours, and what becomes of a failure."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import threading
from datetime import timedelta
from email import charset
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry
from kitting.escalation.channels import Telling, ask_rung
from kitting.escalation.states import Level
from kitting.notices import actions, client
from kitting.notices.actions import deliver_due, tell_outlets, try_again
from kitting.notices.actions.failing import switch_off_failing
from kitting.notices.channels import open_outlets
from kitting.notices.models import Notice, Outlet
from kitting.notices.queries import undeliverable
from kitting.notices.rules import is_known_chat, masked
from kitting.notices.states import Lane, NoticeState, OutletEvent
from kitting.notices.tasks import deliver_lane
from tests.escalation.town import build_town
from tests.factories import NOW, TicketFactory
from tests.faults.misbehaving import PATHS, misbehaving
from tests.runtime.test_deploy import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db
SECRET = "a secret of twenty letters"
FOUND = 302


class Program(BaseHTTPRequestHandler):
    """A program that answers as it is told."""

    answers: list[int] = []
    heard: list[tuple[bytes, Any]] = []

    def do_POST(self) -> None:  # the library's name
        self.heard.append((self.rfile.read(int(self.headers["Content-Length"])), self.headers))
        status = self.answers.pop(0) if self.answers else 204
        self.send_response(status)
        if status == FOUND:
            self.send_header("Location", "/inside")
        self.end_headers()

    def do_GET(self) -> None:  # the library's name
        self.heard.append((b"", self.headers))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def program(settings: Settings) -> Iterator[str]:
    settings.WEBHOOK_PRIVATE_NETWORKS = True
    Program.answers.clear()
    Program.heard.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Program)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook?a=1"
    server.shutdown()
    server.server_close()


def outlet(url: str, **fields: Any) -> Outlet:
    return Outlet.objects.create(
        **{
            "label": url,
            "kind": "webhook",
            "url": url,
            "secret": SECRET,
            "events": [OutletEvent.ASKED],
            "created_at": NOW,
            **fields,
        }
    )


def say(key: str = "k", event: OutletEvent = OutletEvent.ASKED) -> int:
    return tell_outlets(
        event=event, reason=key, subject="相談", body="本庁舎", link="/tickets/1/", now=NOW
    )


def deliver(at: Any = NOW) -> Any:
    with open_outlets() as send:
        return deliver_due(now=at, lane=Lane.OUTLET, send=send)


def test_a_program_can_prove_that_a_message_is_ours(program):
    outlet(program)
    assert say() == 1
    assert deliver().sent == 1
    body, headers = Program.heard[0]
    stamp = headers["X-Kitto-Timestamp"]
    ours = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Kitto-Signature"] == f"sha256={ours}"
    told = json.loads(body)
    assert (told["event"], told["subject"], told["text"]) == ("asked", "相談", "本庁舎")
    assert told["id"] == headers["X-Kitto-Id"]
    assert told["url"].endswith("/tickets/1/")


def test_the_same_is_said_once_and_only_to_who_wants_to_hear(program):
    outlet(program)
    outlet("https://b.example.jp/", is_on=False)
    outlet("https://c.example.jp/", events=[OutletEvent.LOSS])
    assert [say(), say(), say("k", OutletEvent.DIGEST)] == [1, 0, 0]


def test_a_program_that_is_down_hears_it_later_with_the_same_number(program):
    outlet(program)
    say()
    Program.answers.extend([500, 429])
    at = NOW
    for _ in range(3):
        deliver(at)
        at += timedelta(hours=1)
    assert Notice.objects.get().state == NoticeState.SENT
    assert len({headers["X-Kitto-Id"] for _, headers in Program.heard}) == 1


def test_what_never_arrives_is_parked_where_it_can_be_sent_again(program):
    outlet(program)
    say()
    Program.answers.extend([500] * 50)
    at, rounds = NOW, 0
    while waiting := Notice.objects.waiting().first():
        at = max(at, waiting.next_try_at)
        deliver(at)
        rounds += 1
    assert rounds == len(Program.heard) == 5
    assert timedelta(hours=6) < at - NOW < timedelta(hours=8)
    (parked,) = undeliverable()
    Program.answers.clear()
    assert try_again(notice_id=parked.pk, now=at)
    assert deliver(at).sent == 1


@pytest.mark.parametrize("status", [302, 400, 404, 410])
def test_what_needs_a_change_is_parked_at_once(program, status):
    outlet(program)
    say()
    Program.answers.append(status)
    assert deliver().failed == 1
    assert str(status) in Notice.objects.get().last_error


# Those that keep nobody waiting; tests/faults has the others too, all at once.
QUICK = ("floods", "gabbles", "hangs-up", "resets", "nobody", "untrusted", "plain")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("certificate")
    make_certificate(folder)
    with misbehaving(folder) as found:
        yield found


@pytest.mark.parametrize("path", QUICK)
def test_whoever_misbehaves_gets_what_it_deserves(addresses, settings, path):
    settings.WEBHOOK_PRIVATE_NETWORKS = True
    outlet(addresses[path])
    say()
    deliver()
    assert Notice.objects.get().state == PATHS[path]


# --- switched off, and on again


def off(at: Any = NOW) -> Outlet:
    """Let a round go by, and return the outlet as it stands then."""
    deliver(at)
    switch_off_failing(now=at)
    return Outlet.objects.get()


def test_three_messages_in_a_row_that_never_arrive_switch_it_off(program, settings):
    settings.HELP_DESK_EMAIL = "desk@asahi.example.jp"
    outlet(program, label="見張り")
    Program.answers.extend([404, 404, 204, 404, 404])
    for number in range(5):
        say(str(number))
    assert off().parked_in_row == 2
    assert Outlet.objects.get().is_on, "what arrived between begins the count anew"
    Program.answers.append(404)
    say("6")
    kept = off()
    assert (kept.is_on, kept.switched_off_at) == (False, NOW)
    assert say("7") == 0
    entry = AuditEntry.objects.get(action="outlet.switched_off")
    assert (entry.actor, entry.subject) == (None, "見張り")
    assert entry.data == {"in_a_row": 3, "why": "answered 404"}
    told = Notice.objects.get(kind="outlet_off")
    assert (told.address, told.link) == ("desk@asahi.example.jp", f"/outlets/{kept.pk}/")
    assert "見張り" in told.subject
    assert all(word in told.body for word in ("続けて 3 通", "answered 404"))


def test_it_is_told_once(program, settings):
    settings.HELP_DESK_EMAIL = "desk@asahi.example.jp"
    outlet(program, parked_in_row=3)
    rounds = [switch_off_failing(now=NOW + timedelta(minutes=n)) for n in range(3)]
    assert rounds == [1, 0, 0]
    assert Notice.objects.filter(kind="outlet_off").count() == 1


def test_everybody_of_it_is_told_where_there_is_no_help_desk(program, settings):
    settings.HELP_DESK_EMAIL = ""
    town = build_town()
    outlet(program, parked_in_row=3)
    assert switch_off_failing(now=NOW) == 1
    told = Notice.objects.filter(kind="outlet_off").values_list("person", flat=True)
    assert set(told) == {town.it.pk, town.it_lead.pk}


def test_one_that_was_away_for_a_morning_loses_nothing(program):
    outlet(program)
    for number in range(4):
        say(str(number))
    Program.answers.extend([503] * 3)
    at = NOW
    while Notice.objects.waiting().exists():
        assert off(at).is_on
        at += timedelta(minutes=30)
    assert set(Notice.objects.values_list("state", flat=True)) == {NoticeState.SENT}
    assert at - NOW < timedelta(hours=7)


def test_what_waits_for_one_that_is_switched_off_is_kept(program):
    outlet(program, parked_in_row=2)
    say("gone")
    say("later")
    Notice.objects.filter(dedupe_key__startswith="later").update(
        next_try_at=NOW + timedelta(hours=1)
    )
    Program.answers.append(410)
    assert not off().is_on
    assert undeliverable().count() == 2
    assert not Notice.objects.waiting().filter(lane=Lane.OUTLET).exists()


def test_it_is_used_again_after_a_test_has_arrived_and_hears_what_it_missed(program):
    it = build_town().it
    outlet(program, parked_in_row=2)
    say("missed")
    Program.answers.extend([404, 503])
    kept = off()
    for at in (NOW + timedelta(hours=1), NOW + timedelta(hours=2)):
        with pytest.raises(actions.UntestedError):
            actions.switch_outlet(outlet=kept, is_on=True, by=it, now=at)
        actions.test_outlet(outlet=kept, by=it, now=at)
        assert not off(at).is_on
    at = NOW + timedelta(hours=2, minutes=5)
    assert actions.switch_outlet(outlet=kept, is_on=True, by=it, now=at)
    kept = off(at)
    assert (kept.is_on, kept.switched_off_at, kept.parked_in_row) == (True, None, 0)
    assert Notice.objects.get(kind="asked").state == NoticeState.SENT
    assert say("new") == 1


def test_tests_that_do_not_arrive_switch_nothing_off(program):
    it = build_town().it
    kept = outlet(program)
    Program.answers.extend([404] * 5)
    for number in range(5):
        actions.test_outlet(outlet=kept, by=it, now=NOW + timedelta(seconds=number))
    kept = off(NOW + timedelta(minutes=1))
    assert (kept.is_on, kept.parked_in_row) == (True, 0)


def test_one_that_is_switched_off_rests(program):
    with pytest.raises(IntegrityError), transaction.atomic():
        outlet(program, switched_off_at=NOW)


def test_the_worker_switches_off_after_its_round(program):
    outlet(program, parked_in_row=2)
    say()
    Program.answers.append(410)
    deliver_lane(Lane.OUTLET)
    assert not Outlet.objects.get().is_on


def test_one_that_fails_is_asked_once_a_round_and_keeps_no_other_waiting(program):
    outlet(program.replace("hook", "other"), label="well")
    outlet("http://127.0.0.1:1/", label="away")
    for number in range(3):
        say(str(number))
    done = deliver()
    assert (done.sent, done.postponed) == (3, 3)


def test_our_own_network_is_refused_unless_it_is_allowed(program, settings):
    settings.WEBHOOK_PRIVATE_NETWORKS = False
    outlet(program.replace("http:", "https:"))
    say()
    assert deliver().failed == 1
    assert not Program.heard


def test_a_chat_that_is_not_known_is_never_called(program):
    outlet(program, kind="chat")
    say()
    assert deliver().failed == 1
    assert not Program.heard


# Apprise looks through all its services, one of which still uses what Python 3.13 drops.
@pytest.mark.filterwarnings("ignore:.imghdr.:DeprecationWarning")
@pytest.mark.parametrize(
    "url",
    [
        "https://chat.googleapis.com/v1/spaces/A/messages?key=B&token=C",
        f"https://prod-1.japaneast.logic.azure.com:443/workflows/{'a' * 32}/triggers/manual/paths/invoke?sig=B",
        "https://hooks.slack.com/services/T12345678/B12345678/abcdefghijklmnopqrstuvwx",
        "https://discord.com/api/webhooks/12345/abcdefghijklmnopq",
        "gchat://a/b/c",
        "slack://T12345678/B12345678/abcdefghijklmnopqrstuvwx/",
        "discord://12345/abcdefghijklmnopq",
        "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/12345/",
        "line://token/Uabc",
        f"webex://{'a' * 80}",
        f"workflows://prod-1.japaneast.logic.azure.com:443/{'a' * 32}/b",
    ],
)
def test_chat_services_of_the_world_are_known_to_both_who_judges_and_who_calls(url):
    assert is_known_chat(url)
    assert client.room_of(url)


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1/",
        "http://chat.googleapis.com/",
        "https://chat.googleapis.com.example.jp/",
        "https://chat.googleapis.com@10.0.0.1/",
        "https://user@chat.googleapis.com/",
        "https://evillogic.azure.com/",
        # Connectors of Teams are over; its workflows took their place.
        "https://city.webhook.office.com/webhookb2/x",
        "msteams://city/a/b/c/",
        "workflows://10.0.0.1/a/b",
        "file:///etc/passwd",
        "https://chat.googleapis.com:x/",
        "",
    ],
)
def test_nothing_else_is_a_chat_service(url):
    assert not is_known_chat(url)


@pytest.mark.parametrize(
    "url", ["https://u:SECRET@a.example.jp/SECRET?k=SECRET", "gchat://SECRET/SECRET"]
)
def test_an_address_is_shown_without_what_opens_it(url):
    assert "SECRET" not in masked(url)


def test_an_empty_address_or_secret_keeps_what_was_there(program):
    it = build_town().it
    kept = outlet(program)
    actions.save_outlet(
        outlet=kept, values={"label": "b", "url": "", "secret": ""}, by=it, now=NOW
    )
    fresh = Outlet.objects.get()
    assert (fresh.label, fresh.url, fresh.secret) == ("b", program, SECRET)


def test_a_program_without_a_secret_cannot_be():
    with pytest.raises(IntegrityError), transaction.atomic():
        outlet("https://a.example.jp/", secret="")


def test_what_waits_for_an_outlet_that_went_is_not_sent(program):
    it = build_town().it
    kept = outlet(program)
    say()
    actions.remove_outlet(outlet=kept, by=it, now=NOW)
    assert Notice.objects.get().state == NoticeState.CANCELLED
    assert deliver().taken == 0


def test_it_hears_what_and_where_but_never_who(program):
    town = build_town()
    person = town.person(name="小池 健太", extension="2417")
    outlet(program)
    ticket = TicketFactory.create(
        person=person, journey=None, device=None, place=town.office, department=town.department
    )
    ask_rung(Telling(ticket, town.book, NOW), Level.IT)
    notice = Notice.objects.get(lane=Lane.OUTLET)
    assert "本庁舎" in notice.body
    assert "小池" not in notice.subject + notice.body
    assert "2417" not in notice.body


# Apprise looks through all its services, one of which still uses what Python 3.13 drops.
@pytest.mark.filterwarnings("ignore:.imghdr.:DeprecationWarning")
def test_a_chat_room_is_told_and_a_refusal_is_noticed(program):
    room = program.replace("http:", "json:")
    assert client.say(room, title="相談", body="本庁舎", seconds=2)
    assert "本庁舎" in json.loads(Program.heard[0][0])["message"]
    for refusal in (500, FOUND):
        Program.answers.append(refusal)
        assert not client.say(room, title="相談", body="本庁舎", seconds=2)
    assert len(Program.heard) == 3, "a redirect was followed"
    assert not client.say("nonsense", title="相談", body="本庁舎", seconds=2)
    assert charset.CHARSETS["utf-8"] == (charset.SHORTEST, charset.BASE64, "utf-8")


def test_a_web_process_does_not_carry_the_chat_library():
    program = "import django; django.setup(); import kitting.urls, sys; sys.exit('apprise' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "DJANGO_SETTINGS_MODULE": "kitting.settings",
            "DEBUG": "1",
            "DATABASE_URL": "sqlite://:memory:",
        },
        check=False,
    )
    assert done.returncode == 0
