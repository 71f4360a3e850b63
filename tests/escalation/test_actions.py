"""Asking and helping: every move leaves one story, and the person's state agrees with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.queries import rights_of
from kitting.devices.states import DeviceState
from kitting.escalation import actions
from kitting.escalation.actions.counting import recount
from kitting.escalation.models import Ticket, TicketEntry
from kitting.escalation.queries.desk import waiting_number
from kitting.escalation.states import (
    OPEN,
    TRANSITIONS,
    EntryKind,
    Source,
    TicketKind,
    TicketState,
    Wish,
)
from kitting.journeys import actions as journeys
from kitting.journeys.models import Journey
from kitting.journeys.queries import journey_for
from kitting.journeys.states import CloseReason, HelpState, Status
from kitting.notices.models import Notice
from kitting.notices.states import NoticeState
from tests.escalation.town import (
    BY_BOX,
    Town,
    ask,
    at,
    finish,
    finish_all,
    said_to,
    sweep_until,
)
from tests.factories import DeviceFactory, GrantFactory, LoanFactory, UserFactory

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from kitting.devices.models import Device

pytestmark = pytest.mark.django_db

TEN = at("11-10 10:00")
FIVE_PAST = at("11-10 10:05")
TEN_PAST = at("11-10 10:10")
QUARTER_PAST = at("11-10 10:15")


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def story(ticket: Ticket) -> list[str]:
    return list(ticket.entries.order_by("pk").values_list("kind", flat=True))


def help_state(journey: Journey) -> tuple[str, str]:
    journey.refresh_from_db()
    return journey.help_state, journey.status


@pytest.fixture
def journey(town: Town) -> Journey:
    return town.begun(when=TEN)


@pytest.fixture
def asked(journey: Journey) -> Ticket:
    return ask(journey, words="つながりません", now=FIVE_PAST)


# --- asking ---------------------------------------------------------------------------------------


def test_asking_tells_it_and_the_lead_and_answers_the_person(town, journey):
    ticket = ask(journey, words="つながりません", choice="trouble-1", now=FIVE_PAST)
    assert help_state(journey) == ("asked", "waiting")
    assert (ticket.kind, ticket.level, ticket.state) == ("help", "it", "new")
    assert ticket.step_key == journey.current_step
    assert (ticket.answer_by, ticket.due_at) == (at("11-10 10:35"), at("11-10 12:05"))
    assert said_to(town.it) == ["it_asked"]
    assert said_to(town.lead) == ["lead_asked"]
    assert sorted(
        Notice.objects.filter(person=journey.person).values_list("kind", "channel")
    ) == [
        ("received", "mail"),
        ("received", "wizard"),
    ]


def test_the_step_on_whose_page_help_was_pressed_is_kept(journey):
    assert ask(journey, step_key="enroll", now=FIVE_PAST).step_key == "enroll"


def test_outside_hours_mail_waits_and_the_guide_answers_at_once(town, journey):
    ask(journey, now=at("11-10 20:00"))
    mail, page = Notice.objects.filter(person=journey.person).order_by("channel")
    assert (mail.channel, mail.next_try_at) == ("mail", at("11-11 08:30"))
    assert (page.channel, page.state) == ("wizard", NoticeState.SENT)
    assert Notice.objects.get(person=town.it).next_try_at == at("11-11 08:30")
    assert Ticket.objects.get().answer_by == at("11-11 09:00")


def test_asking_again_is_said_once_more_on_the_same_ticket(town, journey, asked):
    again = ask(journey, words="まだです", choice="network", now=TEN_PAST)
    assert again == asked
    assert story(asked) == ["opened", "merged"]
    last = asked.entries.get(kind=EntryKind.MERGED)
    assert (last.text, last.data) == ("まだです", {"choice": "network", "step": "check-box"})
    assert said_to(town.it) == ["it_asked"]


def test_one_press_that_arrives_twice_is_said_once(journey, asked):
    ask(journey, words="つながりません", now=FIVE_PAST + timedelta(seconds=2))
    assert story(asked) == ["opened"]
    ask(journey, words="つながりません", now=FIVE_PAST + timedelta(minutes=2))
    assert story(asked) == ["opened", "merged"]


def test_asking_closes_what_the_sweep_opened_unless_somebody_took_it(town, journey):
    sweep_until(at("11-10 10:30"))
    found = Ticket.objects.get()
    ask(journey, now=at("11-10 10:40"))
    assert fresh(found).state == "resolved"
    assert found.entries.get(kind=EntryKind.CLOSED_BY_PROGRESS).data == {"why": "asked"}

    other = town.begun(when=TEN)
    sweep_until(at("11-10 10:31"))
    taken = actions.take(
        ticket=Ticket.objects.get(journey=other), by=town.lead, now=at("11-10 10:35")
    )
    ask(other, now=at("11-10 10:40"))
    assert fresh(taken).state == "taken"


def test_nothing_can_be_asked_about_a_journey_that_is_over(town, journey):
    journeys.close_journeys([journey], reason=CloseReason.LOAN_ENDED, now=FIVE_PAST)
    with pytest.raises(actions.JourneyOverError):
        ask(journey, now=TEN_PAST)


def test_a_question_from_practice_leaves_the_person_ready(town):
    ready = finish_all(town.begun(when=TEN), now=TEN)
    ask(ready, now=FIVE_PAST)
    assert help_state(ready) == ("asked", "done")


# --- the answer -----------------------------------------------------------------------------------


def test_an_answer_is_in_the_guide_at_once_and_awaits_the_person(town, journey, asked):
    actions.reply(ticket=asked, by=town.it, words="10 秒待ちます。", now=TEN_PAST)
    ticket = fresh(asked)
    assert (ticket.state, ticket.level, ticket.answer_by) == ("answered", "person", None)
    assert (ticket.taken_by, ticket.first_answer_at) == (town.it, TEN_PAST)
    assert ticket.due_at == at("11-12 10:10")
    assert help_state(journey) == ("answered", "in_progress")
    told = Notice.objects.filter(person=journey.person, kind="reply")
    assert {notice.channel for notice in told} == {"wizard", "mail"}
    assert all("10 秒待ちます。" in notice.body for notice in told)


def test_every_answer_is_told(town, journey, asked):
    for words in ("はじめに", "つぎに"):
        actions.reply(ticket=asked, by=town.it, words=words, now=TEN_PAST)
    assert said_to(journey.person).count("reply") == 4
    assert fresh(asked).first_answer_at == TEN_PAST


def test_one_press_of_a_helper_that_arrives_twice_is_told_once(town, journey, asked):
    for seconds in (0, 1):
        now = TEN_PAST + timedelta(seconds=seconds)
        actions.note(ticket=asked, by=town.it, words="折り返す", now=now)
    for seconds in (2, 3):
        now = TEN_PAST + timedelta(seconds=seconds)
        actions.reply(ticket=asked, by=town.it, words="同じ", now=now)
    assert story(asked) == ["opened", "note", "reply"]
    assert said_to(journey.person).count("reply") == 2  # the guide and a mail
    actions.reply(ticket=asked, by=town.it, words="同じ", now=QUARTER_PAST)
    assert story(asked).count("reply") == 2


def test_an_answer_needs_a_page_to_be_read_on(town):
    device = DeviceFactory.create()
    report = actions.report(device=device, kind=TicketKind.HELP, words="", client="a", now=TEN)
    with pytest.raises(actions.NobodyReadsError):
        actions.reply(ticket=report, by=town.it, words="x", now=TEN_PAST)


def test_on_the_way_is_an_answer(town, journey, asked):
    actions.go(ticket=asked, by=town.lead, now=TEN_PAST)
    ticket = fresh(asked)
    assert (ticket.state, ticket.taken_by, ticket.answer_by) == ("taken", town.lead, None)
    assert ticket.due_at == at("11-11 10:10")
    assert help_state(journey) == ("answered", "in_progress")
    actions.go(ticket=asked, by=town.lead, now=QUARTER_PAST)
    assert story(asked).count("going") == 1


def test_a_lead_who_goes_is_not_told_what_the_lead_just_took(town, journey):
    sweep_until(at("11-10 10:30"))
    found = actions.go(ticket=Ticket.objects.get(), by=town.lead, now=at("11-10 10:35"))
    assert found.level == "lead"
    sweep_until(at("11-11 10:35"))
    assert said_to(town.lead) == []
    assert (fresh(found).level, said_to(town.it)) == ("it", ["it_stuck"])
    assert help_state(journey) == ("none", "in_progress")


def test_it_who_takes_what_only_the_person_was_asked_about_stands_on_its_own_rung(
    town, journey
):
    sweep_until(at("11-10 10:30"))
    found = actions.take(ticket=Ticket.objects.get(), by=town.it, now=at("11-10 10:35"))
    assert found.level == "it"


def test_a_lead_from_above_stands_on_the_rung_of_leads(town, journey):
    bureau_lead = GrantFactory.create(role="lead", department=town.department.parent).person
    sweep_until(at("11-10 10:30"))
    found = actions.go(ticket=Ticket.objects.get(), by=bureau_lead, now=at("11-10 10:35"))
    assert found.level == "lead"


def test_passing_on_lets_the_person_wait_for_it_again(town, journey, asked):
    actions.go(ticket=asked, by=town.lead, now=TEN_PAST)
    actions.pass_to_it(ticket=asked, by=town.lead, words="電源です", now=QUARTER_PAST)
    ticket = fresh(asked)
    assert (ticket.state, ticket.taken_by, ticket.level, ticket.round) == ("new", None, "it", 2)
    assert ticket.answer_by == at("11-10 10:45")
    assert help_state(journey) == ("asked", "waiting")
    assert said_to(town.it) == ["it_asked", "it_asked"]


def test_what_kitto_found_makes_nobody_wait_even_when_passed_on(town, journey):
    sweep_until(at("11-10 10:30"))
    found = Ticket.objects.get()
    actions.pass_to_it(ticket=found, by=town.lead, words="", now=at("11-10 10:40"))
    assert (fresh(found).level, fresh(found).answer_by) == ("it", None)
    assert said_to(town.it) == ["it_stuck"]
    assert help_state(journey) == ("none", "in_progress")


# --- taking ---------------------------------------------------------------------------------------


def test_of_two_who_take_it_the_second_learns_who_was_first(town, asked):
    actions.take(ticket=asked, by=town.it, now=TEN_PAST)
    with pytest.raises(actions.AlreadyTakenError) as error:
        actions.take(ticket=asked, by=town.it_lead, now=TEN_PAST)
    assert error.value.by == town.it
    with pytest.raises(actions.AlreadyTakenError):
        actions.go(ticket=asked, by=town.it_lead, now=TEN_PAST)
    assert fresh(asked).taken_by == town.it
    assert story(asked) == ["opened", "taken"]


def test_taking_it_twice_is_taking_it_once(town, asked):
    actions.reply(ticket=asked, by=town.it, words="x", now=TEN_PAST)
    actions.take(ticket=asked, by=town.it, now=QUARTER_PAST)
    assert fresh(asked).state == "answered"
    assert "taken" not in story(asked)


def test_whoever_takes_it_has_time_from_then_on(town, asked):
    actions.take(ticket=asked, by=town.it, now=at("11-10 12:00"))
    assert fresh(asked).due_at == at("11-10 14:00")
    assert fresh(asked).answer_by == at("11-10 10:35")


def test_what_is_resolved_cannot_be_taken_or_answered(town, asked):
    actions.resolve(ticket=asked, by=town.it, words="", now=TEN_PAST)
    for move in (
        lambda: actions.take(ticket=asked, by=town.it_lead, now=QUARTER_PAST),
        lambda: actions.take(ticket=asked, by=town.it, now=QUARTER_PAST),
        lambda: actions.go(ticket=asked, by=town.it, now=QUARTER_PAST),
        lambda: actions.reply(ticket=asked, by=town.it, words="x", now=QUARTER_PAST),
        lambda: actions.resolve(ticket=asked, by=town.it, words="", now=QUARTER_PAST),
        lambda: actions.pass_to_it(ticket=asked, by=town.it, words="", now=QUARTER_PAST),
    ):
        with pytest.raises(actions.TicketEndedError):
            move()
    assert fresh(asked).state == "resolved"


# --- the end --------------------------------------------------------------------------------------


def test_who_asked_is_asked_whether_it_works(town, journey, asked):
    actions.resolve(ticket=asked, by=town.it, words="直しました", now=TEN_PAST)
    ticket = fresh(asked)
    assert (ticket.state, ticket.resolved_by, ticket.asked_better_at) == (
        "resolved",
        town.it,
        None,
    )
    assert help_state(journey) == ("none", "in_progress")
    assert said_to(journey.person)[-2:] == ["resolved", "resolved"]
    actions.better(ticket=asked, actor=None, now=QUARTER_PAST)
    actions.better(ticket=asked, actor=None, now=QUARTER_PAST)
    assert fresh(asked).asked_better_at == QUARTER_PAST
    assert story(asked).count("better") == 1


def test_not_yet_after_the_end_opens_the_same_ticket_for_it_at_once(town, journey, asked):
    actions.resolve(ticket=asked, by=town.it, words="", now=TEN_PAST)
    actions.still(ticket=asked, words="まだです", actor=None, now=QUARTER_PAST)
    ticket = fresh(asked)
    assert (ticket.state, ticket.taken_by, ticket.round) == ("taken", town.it, 2)
    assert (ticket.resolved_at, ticket.level) == (None, "it")
    assert ticket.answer_by == at("11-10 10:45")
    assert help_state(journey) == ("asked", "waiting")
    assert said_to(town.it) == ["it_asked", "it_asked"]
    # The first answer stays what it was.
    assert ticket.first_answer_at == TEN_PAST


def test_not_yet_before_an_answer_keeps_the_place_and_mails_nobody(town, asked):
    for _press in range(3):
        actions.still(ticket=asked, words="", actor=None, now=TEN_PAST)
    assert story(asked) == ["opened", "still"]
    assert (fresh(asked).round, said_to(town.it)) == (1, ["it_asked"])


def test_not_yet_about_an_old_question_is_added_to_the_new_one(town, journey, asked):
    actions.resolve(ticket=asked, by=town.it, words="", now=TEN_PAST)
    new = ask(journey, words="別のこと", now=at("11-10 11:00"))
    actions.still(ticket=asked, words="まだです", actor=None, now=at("11-10 11:05"))
    assert fresh(asked).state == "resolved"
    assert story(new) == ["opened", "merged"]


def test_more_words_after_an_answer_wait_for_an_answer_again(town, journey, asked):
    actions.reply(ticket=asked, by=town.it, words="x", now=TEN_PAST)
    actions.say_again(ticket=asked, words="それと", actor=None, now=QUARTER_PAST)
    assert help_state(journey) == ("asked", "waiting")
    actions.resolve(ticket=asked, by=town.it, words="", now=at("11-10 10:20"))
    actions.say_again(ticket=asked, words="あと一つ", actor=None, now=at("11-10 10:30"))
    assert fresh(asked).state == "taken"
    assert help_state(journey) == ("asked", "waiting")


def test_words_to_somebody_on_the_way_do_not_call_the_whole_team(town, journey, asked):
    actions.go(ticket=asked, by=town.lead, now=TEN_PAST)
    actions.say_again(ticket=asked, words="3 階です", actor=None, now=QUARTER_PAST)
    assert (fresh(asked).state, fresh(asked).round) == ("taken", 1)
    assert said_to(town.it) == ["it_asked"]


def test_taking_the_question_back_ends_it_and_what_waits_to_be_said(town, journey):
    ticket = ask(journey, now=at("11-10 20:00"))
    actions.cancel(ticket=ticket, actor=None, now=at("11-10 20:05"))
    assert fresh(ticket).state == "resolved"
    assert fresh(ticket).asked_better_at
    assert help_state(journey) == ("none", "in_progress")
    assert Notice.objects.get(person=town.it).state == NoticeState.CANCELLED
    actions.cancel(ticket=ticket, actor=None, now=at("11-10 20:06"))
    assert story(ticket).count("cancelled") == 1


def test_a_note_is_for_helpers(town, asked):
    actions.note(ticket=asked, by=town.it, words="折り返す", now=TEN_PAST)
    entry = asked.entries.get(kind=EntryKind.NOTE)
    assert (entry.to_person, entry.actor) == (False, town.it)
    assert fresh(asked).is_waiting


# --- reports from a box ---------------------------------------------------------------------------


@pytest.fixture
def device(town: Town) -> Device:
    return town.journey(town.person()).loan.device


def report(
    device: Device, kind: TicketKind, *, now: datetime = TEN, client: str = "a"
) -> Ticket:
    return actions.report(device=device, kind=kind, words="ここに", client=client, now=now)


@pytest.mark.parametrize(
    ("kind", "told_it", "told_lead"),
    [
        (TicketKind.HELP, "it_asked", ["lead_asked"]),
        (TicketKind.WRONG_BOX, "it_asked", ["lead_asked"]),
        (TicketKind.LOSS, "loss", []),
        (TicketKind.FOUND, "it_asked", []),
    ],
)
def test_each_report_about_a_box_reaches_it(town, device, kind, told_it, told_lead):
    ticket = report(device, kind)
    assert (ticket.device, ticket.source, ticket.level) == (device, "box_page", "it")
    assert (ticket.department, ticket.place) == (town.department, town.office)
    assert ticket.is_waiting
    assert said_to(town.it) == [told_it]
    assert said_to(town.lead) == told_lead
    assert report(device, kind, now=TEN_PAST, client="b") == ticket
    nobody_on_duty = ["skipped"] if kind == TicketKind.LOSS else []
    assert story(ticket) == ["opened", *nobody_on_duty, "merged"]


def test_reports_of_different_kinds_are_different_matters(device):
    assert report(device, TicketKind.LOSS) != report(device, TicketKind.FOUND)


def test_a_loss_is_told_at_any_hour(town, device):
    night = at("11-20 23:00")
    ticket = report(device, TicketKind.LOSS, now=night)
    assert Notice.objects.get(person=town.it).next_try_at == night
    assert (ticket.answer_by, ticket.due_at) == (at("11-20 23:30"), at("11-21 00:00"))
    sweep_until(at("11-21 00:00"))
    head = Notice.objects.filter(person=town.it_lead, kind="it_lead_stuck")
    assert head.get().next_try_at == at("11-21 00:00")


def test_one_browser_reports_a_box_so_often_and_no_more(device):
    for minute in range(actions.REPORTS_PER_CLIENT):
        report(device, TicketKind.HELP, now=TEN + timedelta(minutes=minute))
    with pytest.raises(actions.TooManyReportsError):
        report(device, TicketKind.LOSS, now=TEN + timedelta(minutes=9))
    report(device, TicketKind.LOSS, client="another", now=TEN + timedelta(minutes=9))
    report(device, TicketKind.FOUND, now=TEN + timedelta(hours=2))


# --- a call ---------------------------------------------------------------------------------------


def call(town: Town, **fields: object) -> Ticket:
    return actions.take_call(
        **{
            "kind": TicketKind.HELP,
            "words": "電話で",
            "by": town.it,
            "now": FIVE_PAST,
            **fields,
        }
    )


def test_a_call_opens_the_ticket_of_a_journey_begun_or_not(town):
    journey = town.journey(created_at=TEN)
    ticket = call(town, journey=journey, device=journey.loan.device, person=journey.person)
    assert (ticket.journey, ticket.source, ticket.wish) == (journey, "phone", Wish.PHONE)
    assert help_state(journey) == ("asked", "waiting")
    assert said_to(town.it_lead) == ["it_asked"]
    assert said_to(town.it) == []  # who took the call knows


def test_a_call_may_be_kept(town, journey):
    ticket = call(town, journey=journey, keep=True)
    assert (ticket.state, ticket.taken_by) == ("taken", town.it)
    again = call(town, journey=journey, by=town.it_lead, keep=True)
    assert (again, fresh(again).taken_by) == (ticket, town.it)


def test_a_call_about_what_was_asked_already_keeps_its_source(town, journey, asked):
    assert call(town, journey=journey, now=TEN_PAST) == asked
    assert fresh(asked).source == Source.PERSON
    assert story(asked) == ["opened", "merged"]


def test_a_call_of_somebody_without_a_device_has_a_home(town):
    person = town.person()
    ticket = call(town, person=person)
    assert (ticket.person, ticket.department, ticket.is_waiting) == (
        person,
        town.department,
        True,
    )
    assert call(town, person=person, now=TEN_PAST) == ticket
    assert said_to(town.lead) == ["lead_asked"]
    actions.resolve(ticket=ticket, by=town.it, words="", now=QUARTER_PAST)
    assert call(town, person=person, now=at("11-10 11:00")) != ticket


def test_a_call_about_a_shared_device(town):
    loan = LoanFactory.create(
        person=None, kind="shared", department=town.department, place=town.office
    )
    assert call(town, device=loan.device).device == loan.device


def test_a_loss_by_phone_is_about_the_device(town, journey):
    device = journey.loan.device
    ticket = call(town, kind=TicketKind.LOSS, journey=journey, device=device)
    assert (ticket.kind, ticket.device, ticket.source) == ("loss", device, "phone")
    assert said_to(town.it_lead) == ["loss"]
    assert help_state(journey) == ("none", "in_progress")


def test_a_call_about_nothing_is_refused(town):
    with pytest.raises(actions.JourneyOverError):
        call(town)


# --- loss -----------------------------------------------------------------------------------------


def test_a_confirmed_loss_ends_journey_loan_and_box_sessions(town, journey, asked):
    device = journey.loan.device
    session = {"journey": journey.pk, "epoch": journey.box_epoch}
    loss = report(device, TicketKind.LOSS, now=TEN_PAST)
    actions.mark_lost(ticket=loss, by=town.it, now=QUARTER_PAST)
    device.refresh_from_db()
    journey.refresh_from_db()
    assert device.state == DeviceState.LOST
    assert (journey.close_reason, journey.loan.ended_at) == ("lost", QUARTER_PAST)
    for user in (journey.person, UserFactory.build()):
        assert (
            journey_for(
                journey_id=journey.pk,
                user=user,
                box=session,
                now=QUARTER_PAST,
                grace=timedelta(days=1),
            )
            is None
        )
    assert fresh(asked).state == "resolved"
    assert fresh(loss).state == "new"
    journeys.follow_loans(now=QUARTER_PAST)
    assert not Journey.objects.open().exists()


def test_only_a_loss_marks_a_device_as_lost(town, asked, device):
    for ticket in (asked, report(device, TicketKind.FOUND)):
        with pytest.raises(actions.NotLostError):
            actions.mark_lost(ticket=ticket, by=town.it, now=TEN_PAST)


def test_a_loss_of_a_device_nobody_has_can_be_confirmed(town):
    device = DeviceFactory.create(state=DeviceState.STOCK)
    loss = report(device, TicketKind.LOSS)
    actions.mark_lost(ticket=loss, by=town.it, now=TEN_PAST)
    device.refresh_from_db()
    assert device.state == DeviceState.LOST


# --- whatever happens -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Move:
    """Something somebody does, some minutes after the last."""

    name: str
    minutes: int

    def perform(self, town: Town, journey: Journey, now: datetime) -> None:
        ticket = (
            Ticket.objects.filter(journey=journey, kind=TicketKind.HELP).order_by("-pk").first()
        )
        found = Ticket.objects.open().filter(journey=journey, kind=TicketKind.QUIET).first()
        free: dict[str, Callable[[], object]] = {
            "ask": lambda: ask(journey, words=str(self.minutes), now=now),
            "call": lambda: call(town, journey=journey, now=now),
            "sweep": lambda: actions.sweep(now=now),
            "finish": lambda: finish(journey, now=now),
            "pause": lambda: journeys.pause(
                journey_id=journey.pk, until=now + timedelta(hours=20), who=BY_BOX, now=now
            ),
        }
        if self.name in free:
            free[self.name]()
        elif self.name == "lead_goes" and found is not None:
            actions.go(ticket=found, by=town.lead, now=now)
        elif ticket is not None:
            about = {"ticket": ticket, "now": now}
            said = {"words": "x", **about}
            {
                "take": lambda: actions.take(by=town.it, **about),
                "reply": lambda: actions.reply(by=town.it, **said),
                "resolve": lambda: actions.resolve(by=town.it, minutes=self.minutes, **said),
                "note": lambda: actions.note(by=town.it, minutes=self.minutes, **said),
                "go": lambda: actions.go(by=town.lead, **about),
                "pass": lambda: actions.pass_to_it(by=town.lead, **said),
                "still": lambda: actions.still(actor=None, **said),
                "better": lambda: actions.better(actor=None, **about),
                "cancel": lambda: actions.cancel(actor=None, **about),
                "more": lambda: actions.say_again(actor=None, **said),
                "lead_goes": lambda: None,
            }[self.name]()


NAMES = (
    "ask", "call", "sweep", "finish", "pause", "lead_goes", "take", "reply", "resolve", "go",
    "pass", "still", "better", "cancel", "more", "note",
)  # fmt: skip
MOVES = st.lists(
    st.builds(Move, st.sampled_from(NAMES), st.sampled_from((0, 1, 7, 45, 200, 2000))),
    min_size=1,
    max_size=14,
)


def states() -> dict[int, str]:
    return dict(Ticket.objects.values_list("pk", "state"))


def check(town: Town, journey: Journey, before: dict[int, str]) -> None:
    """What must hold after every move."""
    journey.refresh_from_db()
    tickets = list(Ticket.objects.filter(journey=journey))
    for ticket in tickets:
        check_ticket(ticket, before.get(ticket.pk))
    still_open = [ticket for ticket in tickets if ticket.state in OPEN]
    kinds = [ticket.kind for ticket in still_open]
    assert len(kinds) == len(set(kinds))
    asked = next((t for t in still_open if t.kind == TicketKind.HELP), None)
    expected = HelpState.NONE
    if asked is not None:
        expected = HelpState.ASKED if asked.is_waiting else HelpState.ANSWERED
    waits = expected == HelpState.ASKED
    assert journey.help_state == expected
    assert journey.is_noticed == (TicketKind.QUIET in kinds)
    assert (journey.status == Status.WAITING) == (waits and journey.ready_at is None)
    assert waiting_number(rights=rights_of(town.it, on=TEN.date())) == waits
    keys = list(Notice.objects.values_list("dedupe_key", flat=True))
    assert len(keys) == len(set(keys))


def check_ticket(ticket: Ticket, was: str | None) -> None:
    if was not in (None, ticket.state):
        assert ticket.state in reachable(TicketState(was))
    if ticket.state in OPEN:
        assert ticket.due_at is not None
    else:
        assert (ticket.due_at, ticket.answer_by) == (None, None)
    if ticket.kind == TicketKind.QUIET:
        assert ticket.answer_by is None


def reachable(state: TicketState) -> set[TicketState]:
    """Return where one press may lead: a press may both take a ticket and answer it."""
    near = set(TRANSITIONS[state])
    return near | {far for one in near for far in TRANSITIONS[one]}


@settings(
    max_examples=max(30, settings.default.max_examples // 3),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(moves=MOVES)
def test_whatever_happens_story_state_and_kept_counts_agree(
    town: Town, moves: list[Move]
) -> None:
    with transaction.atomic(), override_settings(BOARD_COUNTERS=True):
        journey = town.begun(when=TEN)
        recount(mend=True)
        now = TEN
        for move in moves:
            now += timedelta(minutes=move.minutes)
            before = states()
            try:
                move.perform(town, journey, now)
            except (actions.TicketEndedError, actions.AlreadyTakenError):
                pass
            except journeys.UnknownStepError:
                assert journey.current_step == ""
            check(town, journey, before)
        assert recount(mend=False).wrong == {}
        transaction.set_rollback(True)


def test_a_story_never_loses_a_line(town, journey, asked):
    actions.take(ticket=asked, by=town.it, now=TEN_PAST)
    actions.reply(ticket=asked, by=town.it, words="x", now=TEN_PAST)
    actions.still(ticket=asked, words="y", actor=None, now=QUARTER_PAST)
    actions.resolve(ticket=asked, by=town.it, words="z", now=at("11-10 10:20"))
    actions.better(ticket=asked, actor=None, now=at("11-10 10:25"))
    assert story(asked) == ["opened", "taken", "reply", "still", "resolved", "better"]
    assert TicketEntry.objects.filter(to_person=True).count() == 5
