"""Summaries: each hour for a lead, each working morning for IT, each week for leads."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models import F

from accounts.states import Role
from kitting.escalation import actions
from kitting.escalation.actions.digests import (
    digest_for_it,
    digest_for_leads,
    gather_for_leads,
)
from kitting.escalation.channels import tell_it_of_outage
from kitting.escalation.models import Outage, Ticket
from kitting.escalation.queries.summaries import tickets_by_number
from kitting.journeys.models import Journey
from kitting.notices.actions import queue_message
from kitting.notices.models import Notice, Outlet
from kitting.notices.states import Lane, NoticeState
from tests.escalation.town import ask, at
from tests.factories import GrantFactory, NoticeFactory, TicketFactory, WaveFactory

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django.fixtures import Settings

    from accounts.models import User
    from tests.escalation.town import Town

pytestmark = pytest.mark.django_db
# A Tuesday.
TEN = at("11-10 10:00")
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def asks(town: Town, name: str, now: datetime, **fields: object) -> Ticket:
    person = town.person(name=name, **fields)
    return ask(town.begun(person, when=TEN - HOUR), now=now)


def to(person: User, **fields: object) -> list[Notice]:
    found = Notice.objects.filter(person=person, channel="mail", **fields)
    return list(found.exclude(state=NoticeState.CANCELLED).order_by("created_at", "pk"))


def sent(moment: datetime) -> None:
    """Let the mails that are due leave."""
    Notice.objects.due(now=moment).filter(lane=Lane.NORMAL).update(
        state=NoticeState.SENT, sent_at=F("next_try_at")
    )


# --- each hour, for a lead ----------------------------------------------------------------------------


def test_a_lead_hears_of_the_first_at_once_and_of_the_rest_within_the_hour_together(town: Town):
    asks(town, "小池 健太", TEN)
    for number, name in enumerate(("田中 はな", "佐藤 実"), start=1):
        asks(town, name, TEN + number * MINUTE)
    (first,) = to(town.lead, lane=Lane.NORMAL)
    assert (first.kind, first.next_try_at) == ("lead_asked", TEN)
    sent(TEN)
    assert gather_for_leads(now=TEN + 59 * MINUTE) == 0
    assert gather_for_leads(now=TEN + HOUR) == 1
    assert gather_for_leads(now=TEN + HOUR) == 0
    _first, summary = to(town.lead, lane=Lane.NORMAL)
    assert "2 人" in summary.subject
    assert "田中 はな" in summary.body
    assert "佐藤 実" in summary.body
    assert "小池" not in summary.body
    assert to(town.lead, lane=Lane.GATHER) == []


def test_after_a_summary_there_is_an_hour_until_the_next(town: Town):
    asks(town, "小池 健太", TEN)
    asks(town, "田中 はな", TEN + MINUTE)
    sent(TEN)
    gather_for_leads(now=TEN + HOUR)
    sent(TEN + HOUR)
    asks(town, "佐藤 実", TEN + HOUR + MINUTE)
    (held,) = to(town.lead, lane=Lane.GATHER)
    assert held.next_try_at == TEN + 2 * HOUR


def test_after_a_quiet_hour_the_next_is_told_at_once_again(town: Town):
    asks(town, "小池 健太", TEN)
    sent(TEN)
    asks(town, "田中 はな", TEN + HOUR)
    assert [notice.lane for notice in to(town.lead)] == [Lane.NORMAL, Lane.NORMAL]


def test_what_ended_or_was_taken_meanwhile_is_not_in_the_summary(town: Town):
    asks(town, "小池 健太", TEN)
    over = asks(town, "田中 はな", TEN + MINUTE)
    taken = asks(town, "佐藤 実", TEN + MINUTE)
    sent(TEN)
    actions.resolve(ticket=over, by=town.it, words="", now=TEN + 2 * MINUTE)
    actions.take(ticket=taken, by=town.it, now=TEN + 2 * MINUTE)
    assert gather_for_leads(now=TEN + HOUR) == 0
    assert len(to(town.lead)) == 1


def test_the_night_brings_one_message_at_the_opening_and_one_summary(town: Town):
    night = at("11-10 22:00")
    for number in range(4):
        asks(town, f"職員 {number}", night + number * HOUR)
    opening = at("11-11 08:30")
    assert [n.next_try_at for n in to(town.lead, lane=Lane.NORMAL)] == [opening]
    assert {n.next_try_at for n in to(town.lead, lane=Lane.GATHER)} == {opening + HOUR}


def test_a_summary_costs_the_same_however_many_it_has(town: Town, django_assert_num_queries):
    keys = [TicketFactory.create().pk for _number in range(3)]
    for some in (keys[:1], keys):
        with django_assert_num_queries(1):
            assert len(tickets_by_number([*some, *some])) == len(some)


# --- one word a day -------------------------------------------------------------------------------------


def word(person: User, reason: str, now: datetime, **fields: object) -> Notice:
    said = queue_message(
        kind="nudge", person=person, reason=reason, context={}, now=now, **fields
    )
    assert said is not None
    return said


def test_who_did_not_ask_is_spoken_to_once_a_working_day(town: Town):
    person, other = town.person(), town.person()
    friday = at("11-13 10:00")
    moments = [word(person, f"k{n}", friday).next_try_at for n in range(3)]
    assert moments == [friday, at("11-16 08:30"), at("11-17 08:30")]
    assert word(other, "k", friday).next_try_at == friday


def test_what_was_taken_back_leaves_its_day_free_and_an_answer_takes_none(town: Town):
    person = town.person()
    word(person, "a", TEN)
    Notice.objects.update(state=NoticeState.CANCELLED)
    assert word(person, "b", TEN).next_try_at == TEN
    answer = queue_message(kind="reply", person=person, reason="c", context={}, now=TEN)
    assert answer is not None
    assert answer.next_try_at == TEN


def test_an_invitation_does_not_come_on_the_day_of_a_reminder(town: Town):
    person = town.person()
    word(person, "a", TEN, not_before=at("11-11 08:30"))
    said = queue_message(
        kind="invite_practice", person=person, reason="b", context={}, now=at("11-11 12:00")
    )
    assert said is not None
    assert said.next_try_at == at("11-12 08:30")


# --- each morning, for IT -------------------------------------------------------------------------------


def mornings() -> list[Notice]:
    return list(Notice.objects.filter(kind="it_morning").order_by("pk"))


def test_it_gets_one_summary_at_half_past_eight_and_never_a_second(town: Town):
    asks(town, "小池 健太", at("11-10 16:00"))
    assert digest_for_it(now=at("11-11 08:29")) == 0
    assert digest_for_it(now=at("11-11 08:30")) == 2
    assert digest_for_it(now=at("11-11 08:30")) == 0
    assert digest_for_it(now=at("11-11 09:30")) == 0
    assert {notice.person for notice in mornings()} == {town.it, town.it_lead}
    body = mornings()[0].body
    assert "返事を待つ人： 1" in body
    assert "期限すぎ" in body  # due at 16:30
    assert "小池" not in body


def test_a_morning_without_work_is_not_disturbed(town: Town):
    asks(town, "小池 健太", at("11-10 16:00"))
    # Saturday, Monday with a national holiday, the closure at the end of the year, and too late.
    for text in ("11-14 08:30", "11-23 08:30", "12-29 08:30", "11-11 12:30"):
        assert digest_for_it(now=at(text)) == 0


def test_nothing_to_say_is_not_said(town: Town):
    assert digest_for_it(now=at("11-11 08:30")) == 0


def test_the_help_desk_gets_one_mail_instead_of_each_member(town: Town, settings: Settings):
    settings.HELP_DESK_EMAIL = "help@asahi.example.jp"
    asks(town, "小池 健太", at("11-10 16:00"))
    assert digest_for_it(now=at("11-11 08:30")) == 1
    assert mornings()[0].address == "help@asahi.example.jp"


def test_what_did_not_arrive_is_in_the_summary_and_in_the_chat_room(town: Town):
    room = Outlet.objects.create(
        label="a", kind="chat", url="slack://a/b/c", events=["digest"], created_at=TEN
    )
    NoticeFactory.create(state=NoticeState.FAILED, created_at=TEN)
    assert digest_for_it(now=at("11-11 08:30")) == 3
    said = Notice.objects.get(outlet=room)
    assert "届かなかったお知らせ： 1" in said.body


def test_a_chat_room_hears_of_an_outage_once(town: Town):
    room = Outlet.objects.create(
        label="a", kind="chat", url="slack://a/b/c", events=["outage"], created_at=TEN
    )
    outage = Outage.objects.create(step_key="connect-wifi", opened_at=TEN, asking=9, active=10)
    for _turn in range(2):
        tell_it_of_outage(outage, book=town.book, now=TEN)
    assert Notice.objects.filter(outlet=room, kind="outage").count() == 1


# --- each week, for leads -------------------------------------------------------------------------------


def letters() -> list[Notice]:
    return list(Notice.objects.filter(kind="lead_week").order_by("pk"))


def test_each_lead_gets_one_letter_a_week_about_the_own_people_only(town: Town):
    asks(town, "小池 健太", TEN)
    ask(town.begun(town.teacher(name="田中 はな"), when=TEN), now=TEN)
    monday = at("11-16 08:30")
    assert digest_for_leads(now=monday - MINUTE) == 0
    assert digest_for_leads(now=monday) == 2
    assert digest_for_leads(now=monday) == 0
    assert digest_for_leads(now=at("11-20 08:30")) == 0
    by_lead = {notice.person: notice for notice in letters()}
    mine, other = by_lead[town.lead], by_lead[town.nursery_lead]
    assert "小池 健太" in mine.body
    assert "田中" not in mine.body
    assert "田中 はな" in other.body
    assert "小池" not in other.body
    assert "/helpdesk/round/" in mine.body
    assert len(mine.body) < 900
    assert digest_for_leads(now=at("11-24 08:30")) == 2


def test_the_letter_waits_for_the_first_day_that_is_worked(town: Town):
    asks(town, "小池 健太", TEN)
    assert digest_for_leads(now=at("11-23 08:30")) == 0  # a national holiday
    assert digest_for_leads(now=at("11-24 08:30")) == 1


def test_before_anybody_begins_the_letter_waits_for_the_wave(town: Town):
    monday = at("11-16 08:30")
    wave = WaveFactory.create(starts_at=monday + MINUTE)
    town.journey(wave=wave, attention_at=wave.starts_at)
    assert digest_for_leads(now=monday) == 0
    assert digest_for_leads(now=monday + MINUTE) == 1


def test_who_is_away_has_no_mail_or_nobody_left_gets_no_letter(town: Town):
    journey = town.begun(when=TEN)
    monday = at("11-16 08:30")
    town.lead.leave_from_on = monday.date()
    town.lead.save()
    assert digest_for_leads(now=monday) == 0
    town.lead.leave_from_on, town.lead.email = None, ""
    town.lead.save()
    assert digest_for_leads(now=monday) == 0
    town.lead.email = "lead@asahi.example.jp"
    town.lead.save()
    Journey.objects.filter(pk=journey.pk).update(status="done", ready_at=TEN)
    assert digest_for_leads(now=monday) == 0


def test_a_deputy_gets_the_letter_while_the_lead_is_away(town: Town):
    town.begun(when=TEN)
    deputy = GrantFactory.create(
        role=Role.LEAD, department=town.department, is_deputy=True
    ).person
    monday, next_monday = at("11-16 08:30"), at("11-30 08:30")
    assert digest_for_leads(now=monday) == 1
    assert [letter.person for letter in letters()] == [town.lead]
    town.lead.leave_from_on = next_monday.date()
    town.lead.save()
    assert digest_for_leads(now=next_monday) == 1
    assert letters()[-1].person == deputy
    assert "0 人" in letters()[-1].subject


def test_a_letter_is_in_the_language_of_its_reader(town: Town):
    town.begun(when=TEN)
    town.lead.language = "en"
    town.lead.save()
    digest_for_leads(now=at("11-16 08:30"))
    assert letters()[0].subject == "This week: 0 of 1 of your people are ready"
