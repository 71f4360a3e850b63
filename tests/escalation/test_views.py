"""The pages of help: who may see and move what, without losing a word, without JavaScript."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import translation

from kitting.devices.models import BoxCode
from kitting.devices.states import DeviceState
from kitting.escalation import actions, views
from kitting.escalation.models import Ticket, TicketEntry
from kitting.escalation.queries import desk
from kitting.escalation.queries.person import answer_outlook
from kitting.escalation.states import EntryKind, TicketKind
from kitting.journeys.actions.checking import fail_check, note_error, note_trouble
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.models import Event, Journey
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import Via, Why
from kitting.notices.models import Notice
from kitting.site.models import SiteProfile
from kitting.templatetags import kitto_help
from kitting.templatetags.kitto_help import due_words, sureness
from tests.escalation.town import BY_BOX, Town, ask, at
from tests.factories import NOW, DeviceFactory, LoanFactory, TicketFactory

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.models import User

pytestmark = pytest.mark.django_db

TEN = at("11-10 10:00")
SECRET = "内緒のメモ"


@pytest.fixture
def journey(town: Town) -> Journey:
    return town.begun(town.person(name="小池 健太"), when=TEN)


@pytest.fixture
def asked(journey: Journey) -> Ticket:
    return ask(journey, words="わたしの言葉", now=TEN)


@pytest.fixture(autouse=True)
def _profile(db: None) -> None:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)


def client_of(person: User | None = None, *, box: Journey | None = None) -> Client:
    client = Client(headers={"accept-language": "ja"})
    if person:
        client.force_login(person)
    if box:
        session = client.session
        session[BOX_KEY] = {"journey": box.pk, "epoch": box.box_epoch}
        session.save()
    return client


def text(response: HttpResponse) -> str:
    return re.sub(
        r"<script.*?</script>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL
    )


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def everything() -> list[Any]:
    """Return what a page that is only looked at must leave alone."""
    return [
        list(model._default_manager.order_by("pk").values_list())
        for model in (Ticket, TicketEntry, Journey, Event, Notice)
    ]


# --- the person -----------------------------------------------------------------------------------


def test_help_offers_the_troubles_of_the_step_it_was_pressed_on(journey):
    client = client_of(box=journey)
    url = reverse("escalation:ask", args=[journey.pk])
    assert "QR コードが読めない" in text(client.get(url))
    assert "QR コードが読めない" not in text(client.get(f"{url}?step=sign-in"))
    client.post(f"{url}?step=sign-in", {"choice": "trouble-1", "words": ""})
    assert Ticket.objects.get().step_key == "sign-in"


def test_help_needs_a_choice_and_keeps_what_was_typed(journey):
    client = client_of(box=journey)
    response = client.post(
        reverse("escalation:ask", args=[journey.pk]), {"words": "白い画面", "wish": "phone"}
    )
    assert response.status_code == 422
    assert "白い画面" in text(response)
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("by", ["box", "sign_in"])
def test_asking_leads_to_the_answer_page(journey, by):
    client = client_of(box=journey) if by == "box" else client_of(journey.person)
    response = client.post(
        reverse("escalation:ask", args=[journey.pk]),
        {"choice": "other", "words": "白い画面", "wish": "visit"},
    )
    ticket = Ticket.objects.get()
    assert (response.status_code, response.headers["Location"]) == (
        302,
        f"/j/{journey.pk}/tickets/{ticket.pk}/",
    )
    assert (ticket.wish, ticket.entries.get().text) == ("visit", "白い画面")
    assert ticket.number in text(client.get(response.headers["Location"]))


def test_help_works_before_the_first_step_and_without_a_guide(town):
    never = town.journey(town.person())
    client = client_of(never.person)
    url = reverse("escalation:ask", args=[never.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, {"choice": "other"}).status_code == 302
    assert Ticket.objects.get().journey == never


def test_nobody_else_reads_or_speaks_on_an_own_ticket(town, journey, asked):
    other = town.begun(when=TEN)
    strangers = [
        client_of(),
        client_of(box=other),
        client_of(other.person),
        client_of(town.lead),
        client_of(town.it),
    ]
    page = reverse("escalation:answer", args=[journey.pk, asked.pk])
    for client in strangers:
        assert client.get(page).status_code == 404
        assert client.get(reverse("escalation:ask", args=[journey.pk])).status_code == 404
        for verb in ("better", "still", "cancel", "more"):
            url = reverse("escalation:person_says", args=[journey.pk, asked.pk, verb])
            assert client.post(url, {"words": "x"}).status_code == 404
    # An own journey does not open somebody else's ticket either.
    mixed = reverse("escalation:answer", args=[other.pk, asked.pk])
    assert client_of(other.person).get(mixed).status_code == 404
    assert asked.entries.count() == 1


def test_the_person_reads_the_answer_and_nothing_of_the_helpers(town, journey, asked):
    actions.note(ticket=asked, by=town.it, words=SECRET, now=TEN)
    actions.reply(ticket=asked, by=town.it, words="IT の返事", now=TEN)
    page = reverse("escalation:answer", args=[journey.pk, asked.pk])
    own = text(client_of(journey.person).get(page))
    assert "わたしの言葉" in own
    assert "IT の返事" in own
    by_box = text(client_of(box=journey).get(page))
    assert "IT の返事" in by_box
    assert "わたしの言葉" not in by_box
    for shown in (own, by_box):
        assert SECRET not in shown
        assert town.it.name not in shown
    assert journey.person.name not in by_box


def test_the_answer_is_on_every_page_of_the_journey(town, journey, asked):
    client = client_of(box=journey)
    overview = reverse("journeys:overview", args=[journey.pk])
    assert asked.number in text(client.get(overview))
    actions.reply(ticket=asked, by=town.it, words="IT の返事", now=TEN)
    for page in (overview, reverse("journeys:step", args=[journey.pk, "check-box"])):
        shown = text(client.get(page))
        assert "IT の返事" in shown
        assert "なおりました" in shown


@pytest.mark.parametrize(
    ("verb", "state", "help_state"),
    [
        ("better", "resolved", "none"),
        ("cancel", "resolved", "none"),
        ("still", "taken", "asked"),
        ("more", "taken", "asked"),
    ],
)
def test_the_person_says_how_it_is(town, journey, asked, verb, state, help_state):
    actions.reply(ticket=asked, by=town.it, words="IT の返事", now=TEN)
    client = client_of(box=journey)
    url = reverse("escalation:person_says", args=[journey.pk, asked.pk, verb])
    assert client.get(url).status_code == 405
    assert client.post(url, {"words": "つづき"}).status_code == 302
    journey.refresh_from_db()
    assert (fresh(asked).state, journey.help_state) == (state, help_state)


def test_not_yet_after_it_was_resolved_opens_it_again(town, journey, asked):
    actions.resolve(ticket=asked, by=town.it, words="", now=TEN)
    client = client_of(box=journey)
    page = reverse("escalation:answer", args=[journey.pk, asked.pk])
    assert "まだです" in text(client.get(page))
    client.post(reverse("escalation:person_says", args=[journey.pk, asked.pk, "still"]))
    assert fresh(asked).is_waiting


def test_other_words_do_not_exist(journey, asked):
    url = reverse("escalation:person_says", args=[journey.pk, asked.pk, "delete"])
    assert client_of(box=journey).post(url).status_code == 404
    assert asked.entries.count() == 1


@pytest.mark.parametrize("words", ["", "長" * 2001])
def test_words_that_cannot_be_added_stay_on_the_page(journey, asked, words):
    url = reverse("escalation:person_says", args=[journey.pk, asked.pk, "more"])
    response = client_of(box=journey).post(url, {"words": words})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert asked.entries.count() == 1


def test_a_page_left_open_learns_of_the_answer_and_of_nothing_else(town, journey, asked):
    client = client_of(box=journey)
    url = reverse("escalation:answer", args=[journey.pk, asked.pk]) + "?part=1"
    first = client.get(url)
    assert "<html" not in first.content.decode()
    etag = first.headers["ETag"]
    assert client.get(url, headers={"if-none-match": etag}).status_code == 304
    actions.reply(ticket=asked, by=town.it, words="IT の返事", now=TEN)
    news = client.get(url, headers={"if-none-match": etag})
    assert news.status_code == 200
    assert "IT の返事" in text(news)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ("11-10 10:05", "返事はここに届きます"),
        ("11-10 20:00", "11/11 8:30"),
    ],
)
def test_who_waits_reads_when_an_answer_may_come(journey, asked, now, words):
    context = {
        "journey": journey,
        "ticket": asked,
        "entries": [],
        "outlook": answer_outlook(now=at(now)),
    }
    with translation.override("ja"):
        assert words in render_to_string("escalation/_answer.html", context)


def test_what_is_closed_is_asked_no_more(town, journey, asked):
    actions.resolve(ticket=asked, by=town.it, words="", now=TEN)
    client = client_of(box=journey)
    client.post(reverse("escalation:person_says", args=[journey.pk, asked.pk, "better"]))
    shown = text(client.get(reverse("escalation:answer", args=[journey.pk, asked.pk])))
    assert "なおりましたか" not in shown
    assert asked.number not in text(client.get(reverse("journeys:overview", args=[journey.pk])))


def test_a_journey_that_is_over_answers_nobody(journey, asked):
    Journey.objects.filter(pk=journey.pk).update(closed_at=TEN, close_reason="lost")
    page = reverse("escalation:answer", args=[journey.pk, asked.pk])
    assert client_of(box=journey).get(page).status_code == 404
    assert client_of(journey.person).get(page).status_code == 404


# --- the box page ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["help", "wrong_box", "loss", "found"])
def test_anyone_at_a_box_may_report_about_it(journey, kind):
    code = journey.loan.device.code
    client = client_of()
    url = reverse("escalation:report", args=[code, kind])
    assert journey.person.name not in text(client.get(url))
    response = client.post(url, {"words": "3 階です"})
    assert response.headers["Location"] == reverse("escalation:reported", args=[code])
    ticket = Ticket.objects.get()
    assert (ticket.kind, ticket.device) == (kind, journey.loan.device)
    thanks = text(client.get(response.headers["Location"]))
    assert ticket.number in thanks
    assert journey.person.name not in thanks


def test_thanks_are_for_who_reported_this_box(journey):
    code, other = journey.loan.device.code, DeviceFactory.create().code
    client = client_of()
    assert client.get(reverse("escalation:reported", args=[code])).status_code == 302
    client.post(reverse("escalation:report", args=[code, "found"]), {})
    assert client.get(reverse("escalation:reported", args=[other])).status_code == 302


def test_only_what_a_box_page_offers_can_be_reported(journey):
    for kind in ("quiet", "return", "nonsense"):
        url = reverse("escalation:report", args=[journey.loan.device.code, kind])
        assert client_of().post(url).status_code == 404


def test_a_found_device_can_be_reported_by_its_old_label(journey):
    device = journey.loan.device
    old = BoxCode.objects.create(code="K7M39QXP", device=device, created_at=TEN, retired_at=TEN)
    client_of().post(reverse("escalation:report", args=[old.code, "found"]))
    assert Ticket.objects.get().device == device


@pytest.mark.parametrize("code", ["K7M39QXP", "AAAAAAAA", "x", "CB-000123"])
def test_a_label_on_no_device_reports_nothing(town, code):
    url = reverse("escalation:report", args=[code, "help"])
    assert client_of().get(url).status_code == 404
    assert client_of().post(url).status_code == 404
    assert not Ticket.objects.exists()


def test_one_browser_is_stopped_after_some_reports_politely(journey):
    url = reverse("escalation:report", args=[journey.loan.device.code, "help"])
    client = client_of()
    for _ in range(actions.REPORTS_PER_CLIENT):
        assert client.post(url, {}).status_code == 302
    assert client.post(url, {}).status_code == 429
    assert Ticket.objects.count() == 1


# --- the desk -------------------------------------------------------------------------------------


def desk_pages(ticket: Ticket) -> list[str]:
    return [
        reverse("escalation:desk"),
        reverse("escalation:ticket", args=[ticket.pk]),
        reverse("escalation:call"),
        reverse("escalation:call_about", args=["journey", ticket.journey_id]),
    ]


def test_an_employee_finds_no_desk_and_a_stranger_is_asked_to_sign_in(town, journey, asked):
    for page in desk_pages(asked):
        assert client_of(journey.person).get(page).status_code == 404
        for client in (client_of(), client_of(box=journey)):
            response = client.get(page)
            assert response.status_code == 302
            assert "/accounts/login/" in response.headers["Location"]
    url = reverse("escalation:ticket_verb", args=[asked.pk, "take"])
    assert client_of(journey.person).post(url).status_code == 404
    assert "/accounts/login/" in client_of(box=journey).post(url).headers["Location"]
    assert fresh(asked).taken_by is None


def test_a_lead_sees_and_moves_own_people_only(town, journey, asked):
    elsewhere = client_of(town.nursery_lead)
    assert journey.person.name not in text(elsewhere.get(reverse("escalation:desk")))
    assert elsewhere.get(reverse("escalation:ticket", args=[asked.pk])).status_code == 404
    for verb in ("take", "go", "reply", "note", "resolve", "pass"):
        url = reverse("escalation:ticket_verb", args=[asked.pk, verb])
        assert elsewhere.post(url, {"words": "x"}).status_code == 404
    here = client_of(town.lead)
    assert journey.person.name in text(here.get(reverse("escalation:desk")))
    assert here.get(reverse("escalation:ticket", args=[asked.pk])).status_code == 200
    here.post(reverse("escalation:ticket_verb", args=[asked.pk, "go"]))
    assert fresh(asked).taken_by == town.lead


def test_calls_are_written_down_by_it_alone(town, asked):
    for page in desk_pages(asked)[2:]:
        assert client_of(town.lead).get(page).status_code == 404
        assert client_of(town.it).get(page).status_code == 200


def test_the_desk_shows_who_waits_and_survives_any_wish(town, journey, asked):
    client = client_of(town.it)
    for show in ("open", "mine", "found", "done", "nonsense", ""):
        assert client.get(reverse("escalation:desk"), {"show": show}).status_code == 200
    part = client.get(reverse("escalation:desk"), {"part": 1})
    assert journey.person.name in text(part)
    assert "<html" not in part.content.decode()


def test_helpers_see_which_hints_were_read_and_which_errors_were_looked_up(
    town, journey, asked
):
    step, who = journey.current_step, {"who": BY_BOX, "now": at("11-10 10:05")}
    note_trouble(journey_id=journey.pk, step_key=step, trouble=2, **who)
    note_error(journey_id=journey.pk, step_key=step, error="device-disabled", **who)
    shown = text(client_of(town.it).get(reverse("escalation:ticket", args=[asked.pk])))
    for word in (
        "QR コードが読めない",
        "エラーの文をさがしました",
        "デバイスはロックされています",
        "シリアルの履歴を確認する",
    ):
        assert word in shown


def test_a_ticket_page_says_what_helps_before_a_call(town, journey, asked):
    device = journey.loan.device
    shown = text(client_of(town.it).get(reverse("escalation:ticket", args=[asked.pk])))
    for word in (
        asked.number,
        journey.person.name,
        journey.person.extension,
        "わたしの言葉",
        "箱の中を確かめる",
        device.asset_tag,
    ):
        assert str(word) in shown
    assert device.serial_number not in shown


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        ("take", "taken"),
        ("go", "taken"),
        ("reply", "answered"),
        ("note", "new"),
        ("resolve", "resolved"),
    ],
)
def test_one_press_is_one_move(town, asked, verb, state):
    url = reverse("escalation:ticket_verb", args=[asked.pk, verb])
    client = client_of(town.it)
    assert client.get(url).status_code == 405
    assert client.post(url, {"words": "こうします。"}).status_code == 302
    assert fresh(asked).state == state
    said = asked.entries.exclude(kind=EntryKind.TAKEN).order_by("pk").last()
    if verb in ("reply", "note", "resolve"):
        assert (said.text, said.actor) == ("こうします。", town.it)


def test_the_second_to_take_it_is_told_politely_who_was_first(town, asked):
    url = reverse("escalation:ticket_verb", args=[asked.pk, "take"])
    client_of(town.it).post(url)
    second = client_of(town.it_lead)
    response = second.post(url, follow=True)
    assert response.status_code == 200
    assert town.it.name in text(response)
    assert fresh(asked).taken_by == town.it


@pytest.mark.parametrize("verb", ["take", "go", "reply", "resolve"])
def test_what_is_over_cannot_be_moved_and_nothing_breaks(town, asked, verb):
    actions.resolve(ticket=asked, by=town.it, words="", now=TEN)
    url = reverse("escalation:ticket_verb", args=[asked.pk, verb])
    response = client_of(town.it).post(url, {"words": "x"}, follow=True)
    assert response.status_code == 200
    assert fresh(asked).state == "resolved"


@pytest.mark.parametrize("verb", ["reply", "note", "resolve", "take"])
def test_words_that_cannot_be_taken_stay_on_the_page(town, asked, verb):
    url = reverse("escalation:ticket_verb", args=[asked.pk, verb])
    response = client_of(town.it).post(url, {"words": "長" * 2001})
    assert response.status_code == 422
    assert "長" * 2001 in response.content.decode()
    assert asked.entries.count() == 1


def test_only_it_marks_as_lost_and_only_leads_pass_on(town, journey, asked):
    loss = actions.report(
        device=journey.loan.device, kind=TicketKind.LOSS, words="", client="a", now=TEN
    )
    lost = reverse("escalation:ticket_verb", args=[loss.pk, "lost"])
    assert client_of(town.lead).post(lost).status_code == 404
    passed = reverse("escalation:ticket_verb", args=[asked.pk, "pass"])
    assert client_of(town.it).post(passed).status_code == 404
    assert client_of(town.lead).post(passed).status_code == 302
    assert client_of(town.it).post(lost).status_code == 302
    journey.loan.device.refresh_from_db()
    assert journey.loan.device.state == DeviceState.LOST


def test_what_does_not_go_with_a_ticket_is_said_and_not_done(town, asked):
    client = client_of(town.it)
    for ticket, verb in (
        (asked, "lost"),
        (TicketFactory.create(journey=None, device=DeviceFactory.create()), "reply"),
    ):
        url = reverse("escalation:ticket_verb", args=[ticket.pk, verb])
        assert client.post(url, {"words": "x"}, follow=True).status_code == 200
        assert fresh(ticket).state == "new"
    unknown = reverse("escalation:ticket_verb", args=[asked.pk, "delete"])
    assert client.post(unknown).status_code == 404


def test_solved_on_the_spot_leads_back_to_the_desk_where_wished(town, asked):
    url = reverse("escalation:ticket_verb", args=[asked.pk, "resolve"])
    response = client_of(town.lead).post(url, {"back": "desk"})
    assert response.headers["Location"] == reverse("escalation:desk")


def test_a_question_costs_few_statements(town, django_assert_max_num_queries):
    first, second = town.begun(when=TEN), town.begun(when=TEN)
    for journey in (first, second):
        client = client_of(box=journey)
        url = reverse("escalation:ask", args=[journey.pk])
        form = {"choice": "trouble-1", "wish": "screen", "client_key": f"press {journey.pk}"}
        with django_assert_max_num_queries(99 if journey == first else 40):
            assert client.post(url, form).status_code == 302
    assert Notice.objects.filter(kind="received", person=second.person).count() == 2


@pytest.mark.parametrize("number", [1, 3])
def test_the_desk_costs_the_same_whatever_its_length(town, number, django_assert_num_queries):
    for _ in range(number):
        ask(town.begun(when=TEN), choice="trouble-1", now=TEN)
        actions.report(
            device=town.journey().loan.device,
            kind=TicketKind.FOUND,
            words="",
            client="a",
            now=TEN,
        )
    client = client_of(town.it)
    client.get(reverse("escalation:desk"))
    with django_assert_num_queries(11):
        client.get(reverse("escalation:desk"))


def test_a_row_says_in_words_who_is_asked_next(town):
    ask(town.begun(when=TEN), now=TEN)
    assert "声をかけた相手：IT 担当（つぎは 11/10 12:00 に IT 責任者）" in text(
        client_of(town.it).get(reverse("escalation:desk"))
    )


def test_a_ticket_left_open_learns_who_took_it_and_that_it_is_over(town, asked):
    client = client_of(town.it)
    url = reverse("escalation:ticket", args=[asked.pk]) + "?part=1"
    first = client.get(url)
    assert 'data-for="ticket-head"' in first.content.decode()
    assert "担当になる" in text(first)
    known = {"if-none-match": first.headers["ETag"]}
    assert client.get(url, headers=known).status_code == 304  # only the forms' tokens differ
    actions.take(ticket=asked, by=town.it_lead, now=TEN)
    taken = client.get(url, headers=known)
    assert taken.status_code == 200
    assert town.it_lead.name in text(taken)
    assert "担当になる" not in text(taken)
    actions.resolve(ticket=asked, by=town.it_lead, words="", now=TEN)
    assert "/resolve" not in client.get(url).content.decode()


def test_a_long_queue_says_that_there_is_more(town, monkeypatch):
    monkeypatch.setattr(views, "QUEUE_MOST", 2)
    for _ in range(2):
        ask(town.begun(when=TEN), now=TEN)
    client = client_of(town.it)
    assert "ほかにもあります" not in text(client.get(reverse("escalation:desk")))
    ask(town.begun(when=TEN), now=TEN)
    page = client.get(reverse("escalation:desk"))
    assert len(page.context["queue"]) == 2
    assert page.context["more"]


@pytest.mark.parametrize(
    ("minutes", "late", "words"),
    [
        (1, False, "1 minute left"),
        (119, False, "119 minutes left"),
        (120, False, "2 hours left"),
        (0, True, "0 minutes overdue"),
        (5522, True, "92 hours overdue"),
    ],
)
def test_long_waits_are_said_in_hours(minutes, late, words):
    with translation.override("en"):
        assert due_words(minutes, late) == words


def test_a_lead_sees_who_needs_help_and_minutes_only_where_the_site_says_so(
    town, journey, asked
):
    url = reverse("escalation:ticket", args=[asked.pk])
    since = "この手順は"
    assert since in text(client_of(town.it).get(url))
    assert since not in text(client_of(town.lead).get(url))
    SiteProfile.objects.update(leads_see_minutes=True)
    assert since in text(client_of(town.lead).get(url))


# --- a call ---------------------------------------------------------------------------------------


def test_a_search_for_nothing_asks_for_a_word(town):
    client = client_of(town.it)
    assert client.get(reverse("escalation:call")).status_code == 200
    assert client.get(reverse("escalation:call"), {"q": " "}).status_code == 422


def test_a_call_goes_from_a_word_to_a_ticket(town, journey):
    client = client_of(town.it)
    found = client.get(reverse("escalation:call"), {"q": "小池"})
    [page] = re.findall(r'href="(/tickets/call/[^"]+)"', found.content.decode())
    assert journey.person.name in text(client.get(page))
    response = client.post(page, {"what": "help", "words": "白い画面だそうです", "keep": "1"})
    ticket = Ticket.objects.get()
    assert response.headers["Location"] == reverse("escalation:ticket", args=[ticket.pk])
    assert (ticket.journey, ticket.source, ticket.taken_by) == (journey, "phone", town.it)
    assert "白い画面だそうです" in text(client.get(response.headers["Location"]))
    journey.refresh_from_db()
    assert journey.status == "waiting"


def test_what_was_noted_on_the_phone_is_not_the_persons_to_read(town, journey):
    url = reverse("escalation:call_about", args=["journey", journey.pk])
    client_of(town.it).post(url, {"what": "help", "words": SECRET})
    ticket = Ticket.objects.get()
    page = reverse("escalation:answer", args=[journey.pk, ticket.pk])
    for client in (client_of(journey.person), client_of(box=journey)):
        shown = text(client.get(page))
        assert ticket.number in shown
        assert SECRET not in shown
        assert town.it.name not in shown


def test_a_loss_is_reported_by_phone(town, journey):
    url = reverse("escalation:call_about", args=["journey", journey.pk])
    client_of(town.it).post(url, {"what": "loss", "words": "電車に"})
    ticket = Ticket.objects.get()
    assert (ticket.kind, ticket.device, ticket.taken_by) == ("loss", journey.loan.device, None)


def test_somebody_without_a_device_has_lost_none(town):
    person = town.person()
    url = reverse("escalation:call_about", args=["person", person.pk])
    response = client_of(town.it).post(url, {"what": "loss", "words": "どこに"})
    assert response.status_code == 422
    assert "どこに" in text(response)
    assert client_of(town.it).post(url, {"what": "help"}).status_code == 302
    assert Ticket.objects.get().person == person


def test_a_call_about_a_shared_device_is_about_the_device(town):
    loan = LoanFactory.create(person=None, kind="shared", department=town.department)
    url = reverse("escalation:call_about", args=["device", loan.device_id])
    client_of(town.it).post(url, {"what": "help"})
    assert Ticket.objects.get().device == loan.device


@pytest.mark.parametrize(("subject", "pk"), [("journey", 0), ("person", 0), ("thing", 1)])
def test_a_call_about_nobody_does_not_exist(town, subject, pk):
    url = reverse("escalation:call_about", args=[subject, pk])
    assert client_of(town.it).get(url).status_code == 404


def test_a_call_says_what_is_open_already(town, journey, asked):
    url = reverse("escalation:call_about", args=["journey", journey.pk])
    assert asked.number in text(client_of(town.it).get(url))


# --- looking is not touching ----------------------------------------------------------------------


def test_looking_at_a_page_writes_nothing(town, journey, asked):
    client, person, box = client_of(town.it), client_of(journey.person), client_of(box=journey)
    before = everything()
    for page in [*desk_pages(asked), reverse("escalation:call") + "?q=小池"]:
        assert client.get(page).status_code == 200
    for reader in (person, box):
        for name in ("ask", "answer"):
            args = [journey.pk] if name == "ask" else [journey.pk, asked.pk]
            assert reader.get(reverse(f"escalation:{name}", args=args)).status_code == 200
    code = journey.loan.device.code
    for kind in ("help", "loss", "found", "wrong_box"):
        assert (
            client_of().get(reverse("escalation:report", args=[code, kind])).status_code == 200
        )
    assert everything() == before


def test_no_page_of_help_is_kept_by_the_browser(town, journey, asked):
    for client, page in (
        (client_of(town.it), reverse("escalation:ticket", args=[asked.pk])),
        (client_of(town.it), reverse("escalation:desk")),
        (client_of(box=journey), reverse("escalation:answer", args=[journey.pk, asked.pk])),
    ):
        assert "no-store" in client.get(page).headers["Cache-Control"]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_page_speaks_both_languages(town, journey, asked, language):
    for person in (town.it, journey.person):
        person.language = language
        person.save()
    actions.note(ticket=asked, by=town.it, words="x", now=TEN)
    it, own = client_of(town.it), client_of(journey.person)
    pages = [it.get(page) for page in desk_pages(asked)]
    pages.append(own.get(reverse("escalation:answer", args=[journey.pk, asked.pk])))
    for page in pages:
        assert f'lang="{language}"' in page.content.decode()


def test_a_helper_sees_how_sure_each_step_is_and_why(
    town: Town, journey: Journey, asked: Ticket
) -> None:
    key, *_rest = next(row for row in journey.step_keys if row[0] == "camera-mic")
    who = Who(via=Via.BOX)
    fail_check(journey_id=journey.pk, step_key=key, reason=Why.DENIED, who=who, now=NOW)
    finish_step(journey_id=journey.pk, step_key=key, reason="no_camera", who=who, now=NOW)
    page = text(client_of(town.it).get(reverse("escalation:ticket", args=[asked.pk])))
    for words in ("本人の申告・カメラが見つからない", "許可がなかった", "本人の申告 1"):
        assert words in page


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"result": "confirmed", "method": "check"}, "confirmed, checked by the page"),
        (
            {"result": "skipped", "method": "button", "reason": "no_touch"},
            "skipped, no touchscreen",
        ),
        ({"reason": "3"}, ""),
    ],
)
def test_how_sure_a_step_is_is_said_in_words(data: dict[str, str], words: str) -> None:
    with translation.override("en"):
        assert sureness(data) == words


def test_beside_the_menu_nobody_counts_on_past_a_thousand(town: Town, monkeypatch):
    for module in (desk, kitto_help):
        monkeypatch.setattr(module, "WAITING_MOST", 2)
    page, badge = client_of(town.it), '<span class="badge">{}</span>'
    for shown in ("1", "2", "2+"):
        ask(town.begun(when=TEN), now=TEN)
        html = page.get(reverse("escalation:desk")).content.decode()
        assert badge.format(shown) in html, shown
