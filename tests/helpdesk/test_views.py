"""The desk in use: the next call, one answer to many, answers used again, notes on steps."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.queries import local_day, rights_of
from kitting.escalation import actions as escalation
from kitting.escalation.models import Ticket
from kitting.escalation.queries.desk import ticket_page
from kitting.escalation.states import EntryKind, TicketState, Wish
from kitting.guides.models import StepNote
from kitting.helpdesk import actions
from kitting.helpdesk.models import Look, SavedReply
from kitting.helpdesk.queries import (
    next_call,
    people_without_mail,
    round_of,
    saved_replies,
)
from kitting.notices.models import Notice
from tests.escalation.town import Town, ask
from tests.factories import WaveFactory
from tests.helpdesk.conftest import TEN

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.models import User
    from accounts.queries import Rights
    from kitting.journeys.models import Journey

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ten_past(request: pytest.FixtureRequest) -> object:
    with time_machine.travel(TEN + timedelta(minutes=10), tick=False):
        yield


def client_of(person: User) -> Client:
    client = Client(headers={"accept-language": "ja"})
    client.force_login(person)
    return client


def text(response: HttpResponse) -> str:
    return re.sub(
        r"<script.*?</script>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL
    )


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def rights(person: User) -> Rights:
    return rights_of(person, on=local_day(TEN))


# --- calls ------------------------------------------------------------------------------------------


def test_the_next_call_is_the_one_due_first_that_nobody_else_took(town: Town, asked: Ticket):
    other = ask(town.begun(when=TEN), now=TEN + timedelta(minutes=5))
    page = text(client_of(town.it).get(reverse("helpdesk:next")))
    assert "小池 健太" in page
    escalation.take(ticket=asked, by=town.it_lead, now=TEN + timedelta(minutes=6))
    found = next_call(rights=rights(town.it), now=TEN + timedelta(minutes=7), language="ja")
    assert found is not None
    assert found.page.ticket == other


def test_passing_over_somebody_brings_the_one_behind_and_then_comes_round_again(
    town: Town, asked: Ticket
):
    other = ask(town.begun(when=TEN), now=TEN + timedelta(minutes=5))
    now = TEN + timedelta(minutes=7)
    for after, expected in ((asked, other), (other, asked)):
        found = next_call(rights=rights(town.it), now=now, language="ja", after=after.pk)
        assert found is not None
        assert found.page.ticket == expected


def test_what_the_person_needed_before_stands_beside_the_call(town: Town, asked: Ticket):
    escalation.resolve(ticket=asked, by=town.it, words="", now=TEN)
    assert asked.journey is not None
    later = escalation.report(
        device=asked.journey.loan.device,
        kind="loss",
        words="",
        client="x",
        now=TEN,
    )
    again = ask(asked.journey, now=TEN + timedelta(hours=1))
    found = next_call(
        rights=rights(town.it), now=TEN + timedelta(hours=1), language="ja", after=later.pk
    )
    assert found is not None
    assert (found.page.ticket, found.before) == (again, [asked])


def test_one_press_ends_a_call_with_its_minutes_and_leads_to_the_next(
    town: Town, asked: Ticket
):
    response = client_of(town.it).post(
        reverse("helpdesk:outcome", args=[asked.pk]),
        {"outcome": "phone", "minutes": "10", "words": "電源を入れなおしました"},
    )
    assert response["Location"] == reverse("helpdesk:next")
    ended = fresh(asked)
    assert (ended.state, ended.minutes_spent) == (TicketState.RESOLVED, 10)
    story = text(client_of(town.it).get(reverse("escalation:ticket", args=[asked.pk])))
    assert "電話で解決" in story
    assert "10 分" in story


def test_nobody_picking_up_leaves_the_ticket_waiting_and_counts_the_minutes(
    town: Town, asked: Ticket
):
    response = client_of(town.it).post(
        reverse("helpdesk:outcome", args=[asked.pk]), {"outcome": "no_answer", "minutes": "2"}
    )
    assert response["Location"].endswith(f"?after={asked.pk}")
    waits = fresh(asked)
    assert (waits.state, waits.minutes_spent) == (TicketState.NEW, 2)
    assert waits.is_waiting


def test_a_call_about_a_ticket_that_has_ended_changes_nothing(town: Town, asked: Ticket):
    escalation.resolve(ticket=asked, by=town.it_lead, words="", now=TEN)
    page = client_of(town.it).post(
        reverse("helpdesk:outcome", args=[asked.pk]),
        {"outcome": "phone", "minutes": "10"},
        follow=True,
    )
    assert "この相談は、もう解決しています。" in text(page)
    assert fresh(asked).minutes_spent == 0


@pytest.mark.parametrize("said", [{"outcome": "magic"}, {"outcome": "phone", "minutes": "99"}])
def test_an_end_nobody_offered_is_asked_for_again(
    town: Town, asked: Ticket, said: dict[str, str]
):
    response = client_of(town.it).post(reverse("helpdesk:outcome", args=[asked.pk]), said)
    assert response.status_code == 422
    assert fresh(asked).state == TicketState.NEW


# --- the round --------------------------------------------------------------------------------------


def test_a_round_goes_place_by_place(town: Town, asked: Ticket):
    ask(town.begun(town.teacher(), when=TEN), now=TEN + timedelta(minutes=1))
    ask(town.begun(when=TEN), now=TEN + timedelta(minutes=2))
    found = round_of(
        rights=rights(town.it), now=TEN + timedelta(minutes=3), language="ja", visits_only=False
    )
    assert [(stop.place, len(stop.rows)) for stop in found] == [
        ("本庁舎", 2),
        ("第三保育所", 1),
    ]


def test_only_wished_visits_where_somebody_wants_those(town: Town, asked: Ticket):
    wished = ask(town.begun(when=TEN), now=TEN, wish=Wish.VISIT)
    found = round_of(rights=rights(town.it), now=TEN, language="ja", visits_only=True)
    assert [row.ticket for stop in found for row in stop.rows] == [wished]


def test_a_lead_sees_the_own_people_and_comes_back_to_them(town: Town, asked: Ticket):
    ask(town.begun(town.teacher(name="保育 花"), when=TEN), now=TEN)
    client = client_of(town.lead)
    page = text(client.get(reverse("helpdesk:round")))
    assert "小池 健太" in page
    assert "保育 花" not in page
    response = client.post(
        reverse("escalation:ticket_verb", args=[asked.pk, "go"]), {"back": "round"}
    )
    assert response["Location"] == reverse("helpdesk:round")


# --- one answer to many -----------------------------------------------------------------------------


def test_one_answer_reaches_everybody_chosen_and_nobody_else(town: Town, asked: Ticket):
    second, third = (ask(town.begun(when=TEN), now=TEN) for _ in range(2))
    response = client_of(town.it).post(
        reverse("helpdesk:answer"),
        {"tickets": [asked.pk, second.pk], "words": "Wi-Fi が直りました"},
        follow=True,
    )
    assert "2 人に返事をしました" in text(response)
    assert [fresh(t).state for t in (asked, second, third)] == [
        TicketState.ANSWERED,
        TicketState.ANSWERED,
        TicketState.NEW,
    ]
    said = Notice.objects.filter(kind="reply").count()
    client_of(town.it).post(
        reverse("helpdesk:answer"),
        {"tickets": [asked.pk, second.pk], "words": "Wi-Fi が直りました"},
    )
    assert Notice.objects.filter(kind="reply").count() == said


def test_without_words_or_people_the_choice_and_the_words_stay(town: Town, asked: Ticket):
    client = client_of(town.it)
    for said, kept in (
        ({"tickets": [asked.pk]}, "checked"),
        ({"words": "これは残ります"}, "これは残ります"),
    ):
        response = client.post(reverse("helpdesk:answer"), said)
        assert response.status_code == 422
        assert kept in response.content.decode()


def test_one_that_ended_meanwhile_does_not_stop_the_rest(town: Town, asked: Ticket):
    second = ask(town.begun(when=TEN), now=TEN)
    escalation.resolve(ticket=asked, by=town.it, words="", now=TEN)
    done = actions.answer_many(tickets=[asked, second], by=town.it, words="x", now=TEN)
    assert (done.missed, done.reached) == ([asked], [second])


# --- answers used again -----------------------------------------------------------------------------


def test_an_answer_used_again_is_filled_in_for_the_ticket_and_its_reader(
    town: Town, asked: Ticket
):
    assert asked.journey is not None
    client = client_of(town.it)
    client.post(reverse("helpdesk:meeting"), {"meeting_url": "https://meet.example.jp/abc"})
    client.post(
        reverse("helpdesk:reply_new"),
        {"title": "会議室", "text_ja": "「{step}」を {meeting} で見ます。", "text_en": ""},
    )
    page = client.get(reverse("escalation:ticket", args=[asked.pk]))
    address = re.search(r'href="([^"]+\?words=[^"#]+)', page.content.decode())
    assert address
    filled = client.get(address[1].replace("&amp;", "&")).content.decode()
    assert "を https://meet.example.jp/abc で見ます。</textarea>" in filled
    assert "小池" not in filled.partition("<textarea")[2].partition("</textarea>")[0]


def test_words_somebody_else_put_into_an_address_are_not_taken(town: Town, asked: Ticket):
    page = client_of(town.it).get(
        reverse("escalation:ticket", args=[asked.pk]), {"words": "にせの返事"}
    )
    assert "にせの返事" not in page.content.decode()


def test_the_language_of_the_reader_is_chosen(town: Town, journey: Journey):
    SavedReply.objects.create(title="a", text_ja="日本語", text_en="English", changed_at=TEN)
    journey.person.language = "en"
    journey.person.save()
    ticket = ask(journey, now=TEN)
    page = ticket_page(ticket.pk, rights=rights(town.it), now=TEN, language="ja")
    assert page is not None
    assert saved_replies(page, by=town.it) == [("a", "English")]


@pytest.mark.parametrize(
    "said",
    [
        {"title": "t", "text_ja": "", "text_en": ""},
        {"title": "t", "text_ja": "{name}さん"},
        {"title": "taken", "text_ja": "x"},
    ],
)
def test_an_answer_that_cannot_be_used_again_is_not_kept(town: Town, said: dict[str, str]):
    SavedReply.objects.create(title="taken", text_ja="x", changed_at=TEN)
    response = client_of(town.it).post(reverse("helpdesk:reply_new"), said)
    assert response.status_code == 422
    assert SavedReply.objects.count() == 1


def test_an_answer_can_be_changed_and_removed(town: Town):
    kept = SavedReply.objects.create(title="t", text_ja="x", changed_at=TEN)
    client = client_of(town.it)
    client.post(reverse("helpdesk:reply", args=[kept.pk]), {"title": "t", "text_ja": "y"})
    kept.refresh_from_db()
    assert (kept.text_ja, kept.changed_by) == ("y", town.it)
    client.post(reverse("helpdesk:drop", args=[kept.pk]))
    assert not SavedReply.objects.exists()


def test_a_meeting_room_without_encryption_is_refused(town: Town):
    response = client_of(town.it).post(
        reverse("helpdesk:meeting"), {"meeting_url": "http://meet.example.jp/"}
    )
    assert response.status_code == 422


# --- notes on steps ---------------------------------------------------------------------------------


def step_url(journey: Journey) -> str:
    journey.refresh_from_db()
    return reverse("journeys:step", args=[journey.pk, journey.current_step])


def test_an_answer_shown_to_everybody_stands_on_the_step_at_once(town: Town, asked: Ticket):
    other = town.begun(when=TEN)
    reader = client_of(other.person)
    assert "箱は 2 つあります" not in text(reader.get(step_url(other)))
    client_of(town.it).post(
        reverse("helpdesk:note", args=[asked.pk]), {"text_ja": "箱は 2 つあります"}
    )
    assert "箱は 2 つあります" in text(reader.get(step_url(other)))
    note = StepNote.objects.get()
    assert (note.source, note.created_by) == (asked.number, town.it)
    assert AuditEntry.objects.filter(action="step_noted", actor=town.it).exists()
    assert asked.entries.filter(kind=EntryKind.NOTE, data__outcome="noted").exists()
    client_of(town.it_lead).post(reverse("helpdesk:end", args=[note.pk]), {"adopted": "1"})
    assert "箱は 2 つあります" not in text(reader.get(step_url(other)))
    note.refresh_from_db()
    assert note.adopted_in is not None


def test_notes_cost_a_step_no_query_once_they_are_known(town: Town, asked: Ticket):
    client_of(town.it).post(reverse("helpdesk:note", args=[asked.pk]), {"text_ja": "箱は 2 つ"})
    other = town.begun(when=TEN)
    client, url = client_of(other.person), step_url(other)
    client.get(url)
    with CaptureQueriesContext(connection) as known:
        client.get(url)
    assert not [query for query in known if "stepnote" in query["sql"]]


def test_the_last_answer_is_the_beginning_of_a_note(town: Town, asked: Ticket):
    escalation.reply(ticket=asked, by=town.it, words="ふたを開けてください", now=TEN)
    page = client_of(town.it).get(reverse("helpdesk:note", args=[asked.pk]))
    assert "ふたを開けてください</textarea>" in page.content.decode()


# --- who looks --------------------------------------------------------------------------------------


def test_two_on_the_same_ticket_see_each_other_and_nobody_after_a_minute(
    town: Town, asked: Ticket
):
    url = reverse("helpdesk:look", args=[asked.pk])
    one, two = client_of(town.it), client_of(town.it_lead)
    assert one.post(url).json() == {"text": ""}
    assert town.it.name in two.post(url).json()["text"]
    page = one.get(reverse("escalation:ticket", args=[asked.pk]))
    assert town.it_lead.name in text(page)
    Look.objects.update(seen_at=TEN)
    assert one.post(url).json() == {"text": ""}


def test_the_second_to_take_a_ticket_learns_who_has_it(town: Town, asked: Ticket):
    url = reverse("escalation:ticket_verb", args=[asked.pk, "take"])
    client_of(town.it).post(url)
    page = client_of(town.it_lead).post(url, follow=True)
    assert town.it.name in text(page)
    assert fresh(asked).taken_by == town.it


# --- people without mail --------------------------------------------------------------------------------


def test_whom_no_mail_reaches_is_on_the_lists_of_the_own_lead_only(town: Town):
    mine = town.person(name="小池 健太", email="", extension="2417")
    ask(town.begun(mine, when=TEN), now=TEN)
    town.begun(town.teacher(name="田中 はな", email=""), when=TEN)
    town.begun(town.person(name="佐藤 実"), when=TEN)
    for show in ("calls", "slips"):
        page = text(client_of(town.lead).get(f"/helpdesk/without-mail/?show={show}"))
        assert "小池 健太" in page
        assert "田中" not in page
        assert "佐藤" not in page
    page = text(client_of(town.it).get("/helpdesk/without-mail/"))
    assert "小池 健太" in page
    assert "田中 はな" in page
    assert "2417" in page


def test_the_most_pressing_is_called_first_and_whose_turn_has_not_come_is_left_in_peace(
    town: Town,
):
    town.journey(town.person(name="まだの人", email="", kana="ア"))
    asked = town.begun(town.person(name="聞いた人", email="", kana="イ"), when=TEN)
    ask(asked, now=TEN)
    ready = town.begun(town.person(name="できた人", email=""), when=TEN)
    type(ready).objects.filter(pk=ready.pk).update(ready_at=TEN, status="done")
    later = WaveFactory.create(starts_at=TEN + timedelta(days=9))
    town.journey(town.person(name="先の人", email=""), wave=later)
    rows = people_without_mail(rights=rights(town.lead), now=TEN + timedelta(minutes=10))
    assert [(row.person.name, row.why) for row in rows] == [
        ("聞いた人", "asked"),
        ("まだの人", "not_begun"),
    ]


def test_a_longer_list_of_people_without_mail_asks_no_more_often(
    town: Town, django_assert_num_queries
):
    of_lead = rights(town.lead)
    for _number in range(3):
        town.begun(town.person(email=""), when=TEN)
        with django_assert_num_queries(2):
            people_without_mail(rights=of_lead, now=TEN)
