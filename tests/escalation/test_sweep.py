"""Found by itself, at the right moment, raised rung by rung, and nothing said twice."""

from __future__ import annotations

import logging
import re
from datetime import date, timedelta
from threading import Barrier, Thread
from typing import TYPE_CHECKING

import pytest
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from django.test.utils import CaptureQueriesContext

from kitting.escalation import actions, channels
from kitting.escalation.actions import ladder, rungs
from kitting.escalation.actions.asking import ask_for
from kitting.escalation.actions.climbing import climb
from kitting.escalation.actions.sweeping import sweep
from kitting.escalation.actions.waves import hold_wave, release_wave
from kitting.escalation.models import Ticket
from kitting.escalation.states import EntryKind, Source, TicketKind
from kitting.escalation.tasks import sweep_rounds
from kitting.journeys.actions.checking import (
    arrive,
    fail_check,
    note_error,
    note_other_account,
    note_trouble,
)
from kitting.journeys.actions.resting import go_on_paper, pause
from kitting.journeys.actions.steps import undo_step
from kitting.journeys.models import Journey
from kitting.journeys.states import CloseReason
from kitting.notices.models import Notice
from kitting.notices.states import NoticeState
from kitting.rollout.models import Wave
from tests.escalation.town import (
    BY_BOX,
    Town,
    ask,
    at,
    close,
    due_of,
    finish,
    finish_all,
    said_to,
    sweep_until,
)
from tests.factories import GrantFactory, TicketFactory, UserFactory, WaveFactory
from tests.needs import needs

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

pytestmark = pytest.mark.django_db

TEN = at("11-10 10:00")


def only() -> Ticket:
    return Ticket.objects.get()


def opened_at(until: datetime) -> tuple[str, datetime] | None:
    """Sweep whenever something is due; return the first ticket's reason and moment."""
    sweep_until(until)
    first = Ticket.objects.order_by("opened_at", "pk").first()
    return (first.reason, first.opened_at) if first else None


def why_skipped(ticket: Ticket) -> list[tuple[str, str]]:
    skipped = ticket.entries.filter(kind=EntryKind.SKIPPED).order_by("pk")
    return [(entry.data["level"], entry.data["why"]) for entry in skipped]


# --- each by itself -------------------------------------------------------------------------------


def test_who_never_started_is_found_at_the_working_minute(town: Town):
    journey = town.journey(created_at=at("11-20 10:00"))
    sweep_until(at("11-25 09:59"))
    assert not Ticket.objects.exists()
    assert due_of(journey) == at("11-25 10:00")
    sweep(now=at("11-25 10:00"))
    assert (only().kind, only().reason, only().level) == ("quiet", "never_started", "person")


def test_before_the_wave_begins_nobody_is_late(town: Town):
    wave = WaveFactory.create(starts_at=at("11-16 08:30"))
    town.journey(wave=wave)
    assert opened_at(at("11-30 00:00")) == ("never_started", at("11-18 08:30"))


def test_the_hand_out_counts_more_than_the_wave(town: Town):
    wave = WaveFactory.create(starts_at=at("11-10 08:30"))
    journey = town.journey(wave=wave)
    journey.loan.handed_over_at = at("11-17 13:00")
    journey.loan.save()
    assert opened_at(at("11-30 00:00")) == ("never_started", at("11-19 13:00"))


def test_a_nursery_counts_days_and_a_closed_day_of_its_own(town: Town):
    close(town.nursery, "11-12")
    town.journey(town.teacher())
    assert opened_at(at("11-30 00:00")) == ("never_started", at("11-14 10:00"))


def test_who_is_far_slower_than_usual_is_found(town: Town):
    journey = town.begun(when=at("11-10 16:50"))
    assert opened_at(at("11-11 12:00")) == ("slow", at("11-11 08:35"))
    assert only().step_key == journey.current_step


def test_a_step_that_takes_longer_has_more_time(town: Town):
    journey = town.begun(when=at("11-10 09:00"))
    while journey.current_step != "wait-update":
        finish(journey, now=at("11-10 09:00"))
    assert opened_at(at("11-10 12:00")) == ("slow", at("11-10 09:40"))


def test_silence_is_found_where_minutes_say_nothing(town: Town):
    on_paper = town.begun(when=at("11-10 10:00"))
    go_on_paper(journey_id=on_paper.pk, who=BY_BOX, now=at("11-10 10:00"))
    teacher = town.begun(town.teacher(), when=at("11-10 10:00"))
    sweep_until(at("11-13 09:59"))
    assert not Ticket.objects.exists()
    sweep(now=at("11-13 10:00"))
    found = Ticket.objects.filter(reason="silent", opened_at=at("11-13 10:00"))
    assert {ticket.journey for ticket in found} == {on_paper, teacher}


def test_a_check_that_fails_three_times_is_found_within_the_minute(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    for minute in (1, 2, 3):
        sweep(now=at(f"11-10 10:0{minute}"))
        assert not Ticket.objects.exists()
        fail_check(
            journey_id=journey.pk,
            step_key=journey.current_step,
            reason="serial",
            who=BY_BOX,
            now=at(f"11-10 10:0{minute}"),
        )
    sweep(now=at("11-10 10:04"))
    assert only().reason == "failing"


def test_an_error_looked_up_again_and_again_is_a_sign_like_a_failed_check(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    for minute in (1, 2, 3):
        sweep(now=at(f"11-10 10:0{minute}"))
        assert not Ticket.objects.exists()
        note_error(
            journey_id=journey.pk,
            step_key=journey.current_step,
            error="network-cannot-connect",
            who=BY_BOX,
            now=at(f"11-10 10:0{minute}"),
        )
    sweep(now=at("11-10 10:04"))
    assert only().reason == "failing"


def test_hints_of_another_step_do_not_count(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    for _look in range(8):
        note_trouble(
            journey_id=journey.pk,
            step_key=journey.current_step,
            trouble=1,
            who=BY_BOX,
            now=at("11-10 10:01"),
        )
    finish(journey, now=at("11-10 10:02"))
    sweep(now=at("11-10 10:03"))
    assert not Ticket.objects.exists()


def test_another_account_is_put_before_it_once(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    note_other_account(journey_id=journey.pk, who=BY_BOX, now=at("11-10 10:01"))
    sweep(now=at("11-10 10:02"))
    ticket = only()
    assert (ticket.kind, ticket.level, ticket.answer_by) == ("other_account", "it", None)
    assert said_to(town.it) == ["it_asked"]
    actions.resolve(ticket=ticket, by=town.it, words="", now=at("11-10 10:05"))
    finish(journey, now=at("11-10 10:06"))
    sweep(now=at("11-10 10:07"))
    assert Ticket.objects.filter(kind=TicketKind.OTHER_ACCOUNT).count() == 1
    note_other_account(journey_id=journey.pk, who=BY_BOX, now=at("11-10 10:10"))
    sweep(now=at("11-10 10:11"))
    assert Ticket.objects.filter(kind=TicketKind.OTHER_ACCOUNT).count() == 2


# --- nobody is found ------------------------------------------------------------------------------


def test_who_is_ready_is_left_alone_whatever_practice_takes(town: Town):
    journey = finish_all(town.begun(when=at("11-10 10:00")), now=at("11-10 10:20"))
    sweep_until(at("12-25 00:00"))
    assert not Ticket.objects.exists()
    assert due_of(journey) is None


def test_who_takes_a_step_back_is_watched_again(town: Town):
    journey = finish_all(town.begun(when=at("11-10 10:00")), now=at("11-10 10:20"))
    sweep(now=at("11-10 10:21"))
    undo_step(journey_id=journey.pk, step_key="enroll", who=BY_BOX, now=at("11-10 11:00"))
    assert opened_at(at("11-10 15:00")) == ("slow", at("11-10 11:30"))


def test_later_is_a_pause_and_never_a_ticket(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    pause(journey_id=journey.pk, until=at("11-16 08:30"), who=BY_BOX, now=at("11-10 10:05"))
    sweep_until(at("11-16 08:59"))
    assert not Ticket.objects.exists()
    assert opened_at(at("11-16 12:00")) == ("slow", at("11-16 09:00"))


def test_leave_stops_the_clock(town: Town):
    away = town.person(leave_from_on=date(2026, 11, 11), leave_to_on=date(2026, 11, 22))
    town.journey(away)
    assert opened_at(at("11-30 00:00")) == ("never_started", at("11-26 08:30"))


def test_a_wave_on_hold_stops_the_clock_and_lets_it_run_again(town: Town):
    wave = WaveFactory.create(starts_at=at("11-10 08:30"))
    never = town.journey(wave=wave)
    begun = town.begun(when=at("11-10 10:00"), wave=wave)
    later = town.begun(when=at("11-10 10:00"), wave=wave)
    pause(journey_id=later.pk, until=at("12-01 08:30"), who=BY_BOX, now=at("11-10 10:05"))
    assert hold_wave(wave=wave, now=at("11-10 10:10"))
    assert not hold_wave(wave=wave, now=at("11-10 10:11"))
    sweep_until(at("11-17 09:00"))
    assert not Ticket.objects.exists()
    assert release_wave(wave=wave, now=at("11-17 09:00")) == 2
    assert release_wave(wave=wave, now=at("11-17 09:01")) == 0
    sweep_until(at("11-19 09:00"))
    moments = dict(Ticket.objects.values_list("journey_id", "opened_at"))
    assert moments == {begun.pk: at("11-17 09:30"), never.pk: at("11-19 09:00")}
    assert due_of(later) == at("12-01 08:30")


def test_who_was_found_before_the_wave_was_put_off_is_found_no_more(town: Town):
    wave = WaveFactory.create(starts_at=at("11-10 08:30"))
    journey = town.journey(wave=wave)
    sweep_until(at("11-13 08:29"))
    assert Ticket.objects.get().reason == "never_started"
    Wave.objects.filter(pk=wave.pk).update(starts_at=at("11-24 08:30"))
    Journey.objects.filter(pk=journey.pk).update(attention_at=at("11-13 09:00"))
    sweep(now=at("11-13 09:00"))
    ticket = Ticket.objects.get()
    assert ticket.resolved_at == at("11-13 09:00")
    sweep_until(at("11-26 08:30"))
    again = Ticket.objects.exclude(pk=ticket.pk).get()
    assert (again.reason, again.opened_at) == ("never_started", at("11-26 08:30"))


# --- closing by progress --------------------------------------------------------------------------


def test_progress_closes_what_the_sweep_opened_and_nobody_took(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    sweep_until(at("11-10 10:30"))
    finish(journey, now=at("11-10 10:40"))
    swept = sweep(now=at("11-10 10:41"))
    assert swept.closed == 1
    ticket = only()
    assert (ticket.state, ticket.resolved_by, ticket.due_at) == ("resolved", None, None)
    assert ticket.entries.filter(kind=EntryKind.CLOSED_BY_PROGRESS).count() == 1


def test_to_begin_closes_never_started(town: Town):
    journey = town.journey()
    sweep_until(at("11-12 10:00"))
    arrive(journey_id=journey.pk, who=BY_BOX, now=at("11-12 11:00"))
    sweep(now=at("11-12 11:01"))
    assert only().state == "resolved"


def test_a_pause_answers_what_the_sweep_asked(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    sweep_until(at("11-10 10:30"))
    pause(journey_id=journey.pk, until=at("11-20 08:30"), who=BY_BOX, now=at("11-10 10:40"))
    sweep(now=at("11-10 10:41"))
    assert only().state == "resolved"
    assert due_of(journey) == at("11-20 08:30")
    sweep_until(at("11-20 08:00"))
    assert said_to(town.lead) == []


def test_what_somebody_took_stays_until_they_end_it(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    sweep_until(at("11-10 10:30"))
    actions.take(ticket=only(), by=town.lead, now=at("11-10 10:35"))
    finish_all(journey, now=at("11-10 10:50"))
    sweep_until(at("11-30 00:00"))
    assert (only().state, only().taken_by) == ("taken", town.lead)
    assert said_to(town.it) == []  # nobody is stuck any more: it does not climb


def test_who_asked_is_asked_and_never_closed_by_progress(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    ask(journey, now=at("11-10 10:05"))
    finish_all(journey, now=at("11-10 10:30"))
    sweep(now=at("11-10 10:31"))
    assert only().state == "new"


def test_what_waits_to_be_said_is_taken_back_when_it_is_over(town: Town):
    journey = town.begun(when=at("11-10 16:40"))
    sweep_until(at("11-10 17:10"))
    [nudge] = Notice.objects.filter(person=journey.person)
    assert nudge.state == NoticeState.QUEUED
    finish(journey, now=at("11-10 17:20"))
    sweep(now=at("11-10 17:21"))
    nudge.refresh_from_db()
    assert nudge.state == NoticeState.CANCELLED


def test_a_ticket_ends_when_its_journey_does(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    sweep_until(at("11-10 10:30"))
    Journey.objects.filter(pk=journey.pk).update(
        closed_at=at("11-10 11:00"), close_reason=CloseReason.LOAN_ENDED, attention_at=None
    )
    sweep_until(at("11-30 00:00"))
    assert only().state == "resolved"
    assert said_to(town.lead) == []


# --- the ladder -----------------------------------------------------------------------------------


def test_the_ladder_climbs_in_the_working_time_of_whoever_is_awaited(town: Town):
    journey = town.journey(town.teacher())
    sweep_until(at("11-13 10:00"))
    person, lead, team, head = journey.person, town.nursery_lead, town.it, town.it_lead
    assert (only().level, only().due_at) == ("person", at("11-17 10:00"))  # shifts: three days
    assert said_to(person) == ["nudge"]

    sweep_until(at("11-17 10:00"))
    assert (only().level, only().due_at) == ("lead", at("11-19 10:00"))  # the lead's days
    assert said_to(lead) == ["lead_stuck"]

    sweep_until(at("11-19 10:00"))
    # IT's three office days, over a weekend and a holiday.
    assert (only().level, only().due_at) == ("it", at("11-25 10:00"))
    assert said_to(team) == ["it_stuck"]

    sweep_until(at("11-25 10:00"))
    assert (only().level, only().round) == ("it_lead", 1)
    assert said_to(head) == ["it_stuck", "it_lead_stuck"]


def test_the_top_of_the_ladder_hears_of_it_again(town: Town):
    ask(town.begun(when=at("11-10 10:00")), now=at("11-10 10:05"))
    sweep_until(at("11-10 12:05"))
    assert (only().level, only().round) == ("it_lead", 1)
    sweep_until(at("11-12 12:05"))
    assert (only().level, only().round) == ("it_lead", 3)
    assert said_to(town.it_lead) == ["it_asked", *["it_lead_stuck"] * 3]


def test_who_may_just_be_away_is_left_to_the_silence(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    sweep_until(at("11-11 09:59"))
    assert (only().level, said_to(town.lead)) == ("person", [])
    sweep_until(at("11-11 10:00"))
    assert (only().level, said_to(town.lead)) == ("lead", ["lead_stuck"])
    assert said_to(journey.person) == ["nudge"]


def test_who_tries_and_tries_at_a_slow_step_is_not_away(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    sweep_until(at("11-10 10:30"))
    note_trouble(
        journey_id=journey.pk,
        step_key=journey.current_step,
        trouble=1,
        who=BY_BOX,
        now=at("11-10 11:00"),
    )
    sweep_until(at("11-10 13:30"))
    assert (only().level, said_to(town.lead)) == ("lead", ["lead_stuck"])


def test_messages_wait_for_the_hours_of_who_reads_them(town: Town):
    journey = town.begun(when=at("11-10 17:00"))
    for _try in range(3):
        fail_check(
            journey_id=journey.pk,
            step_key=journey.current_step,
            reason="serial",
            who=BY_BOX,
            now=at("11-10 21:00"),
        )
    sweep(now=at("11-10 21:01"))
    [nudge] = Notice.objects.all()
    assert nudge.next_try_at == at("11-11 08:30")


def test_no_channel_is_a_reason_to_ask_the_lead_at_once(town: Town):
    town.journey(town.person(email=""))
    sweep_until(at("11-12 10:00"))
    assert (only().level, said_to(town.lead)) == ("lead", ["lead_stuck"])
    assert why_skipped(only()) == [("person", "no_channel")]


def test_who_is_in_the_guide_without_mail_is_spoken_to_there(town: Town):
    journey = town.begun(town.person(email=""), when=at("11-10 10:00"))
    sweep_until(at("11-10 10:30"))
    assert only().level == "person"
    [nudge] = Notice.objects.all()
    assert (nudge.person, nudge.channel) == (journey.person, "wizard")


def test_no_lead_is_a_reason_to_ask_it_at_once(town: Town):
    nobody_leads = UserFactory.create(place=town.office, email="")
    town.journey(nobody_leads)
    sweep_until(at("11-12 10:00"))
    assert (only().level, said_to(town.it)) == ("it", ["it_stuck"])
    assert why_skipped(only()) == [("person", "no_channel"), ("lead", "no_lead")]


def test_a_lead_on_leave_is_passed_over(town: Town):
    town.lead.leave_from_on = date(2026, 11, 1)
    town.lead.save()
    town.journey(town.person(email=""))
    sweep_until(at("11-12 10:00"))
    assert why_skipped(only()) == [("person", "no_channel"), ("lead", "on_leave")]
    assert (only().level, said_to(town.lead)) == ("it", [])


def test_nobody_is_asked_to_help_themselves(town: Town):
    for helper in (town.lead, town.it_lead):
        helper.email = ""
        helper.department = town.department
        helper.save()
    town.journey(town.lead)
    sweep_until(at("11-12 10:00"))
    assert why_skipped(only()) == [("person", "no_channel"), ("lead", "is_the_person")]
    assert only().level == "it"
    ask(town.begun(town.it_lead, when=at("11-12 10:00")), now=at("11-12 10:05"))
    assert (said_to(town.it_lead), said_to(town.it)[-1]) == (
        ["it_stuck", "received"],
        "it_asked",
    )


def test_the_deputy_helps_while_the_lead_is_away(town: Town):
    deputy = town.person()
    GrantFactory.create(person=deputy, role="lead", department=town.department, is_deputy=True)
    town.lead.leave_from_on = date(2026, 11, 1)
    town.lead.save()
    town.journey(town.person(email=""))
    sweep_until(at("11-12 10:00"))
    assert (only().level, said_to(deputy), said_to(town.lead)) == ("lead", ["lead_stuck"], [])


def test_where_nobody_can_be_reached_it_is_tried_again_and_not_lost(town: Town):
    for officer in (town.it, town.it_lead):
        officer.leave_from_on = date(2026, 11, 1)
        officer.save()
    ticket = ask(town.begun(when=at("11-10 10:00")), now=at("11-10 10:05"))
    assert ticket.due_at == at("11-11 10:05")
    assert why_skipped(ticket) == [("it", "on_leave"), ("it_lead", "on_leave")]
    town.it.leave_from_on = None
    town.it.save()
    sweep(now=at("11-11 10:05"))
    assert said_to(town.it) == ["it_asked"]


def test_it_may_share_one_address(town: Town, settings):
    settings.HELP_DESK_EMAIL = "desk@asahi.example.jp"
    ask(town.begun(when=at("11-10 10:00")), now=at("11-10 10:05"))
    assert Notice.objects.filter(address="desk@asahi.example.jp").count() == 1
    assert said_to(town.it) == []


def test_an_answer_nobody_took_up_comes_back_to_it_in_the_persons_time(town: Town):
    ticket = ask(town.begun(town.teacher(), when=at("11-10 10:00")), now=at("11-10 10:05"))
    actions.reply(ticket=ticket, by=town.it, words="こうします。", now=at("11-10 10:10"))
    assert (only().level, only().due_at) == ("person", at("11-13 10:10"))
    sweep_until(at("11-13 10:09"))
    assert said_to(town.it) == ["it_asked"]
    sweep_until(at("11-13 10:10"))
    assert said_to(town.it) == ["it_asked", "it_stuck"]
    assert (only().level, only().state) == ("it", "answered")


def test_a_ticket_that_moved_with_its_person_is_the_new_leads(town: Town):
    journey = town.begun(when=at("11-10 10:00"))
    sweep_until(at("11-10 10:30"))
    Journey.objects.filter(pk=journey.pk).update(
        department=town.nursery_department, place=town.nursery
    )
    sweep_until(at("11-11 10:00"))
    assert (said_to(town.lead), said_to(town.nursery_lead)) == ([], ["lead_stuck"])
    assert only().department == town.nursery_department


# --- people who leave -----------------------------------------------------------------------------


def test_a_leaving_date_asks_the_device_back_once(town: Town):
    person = town.person(left_on=date(2026, 11, 12))
    journey = town.begun(person, when=at("11-10 10:00"))
    ask(journey, now=at("11-10 10:05"))
    sweep(now=at("11-11 23:59"))
    assert not Ticket.objects.filter(kind=TicketKind.RETURN).exists()
    assert sweep(now=at("11-12 00:00")).departed == 1
    assert sweep(now=at("11-12 00:01")).departed == 0
    journey.refresh_from_db()
    journey.loan.device.refresh_from_db()
    assert (journey.close_reason, journey.loan.device.state) == ("person_left", "returning")
    ticket = Ticket.objects.get(kind=TicketKind.RETURN)
    assert (ticket.level, ticket.answer_by) == ("lead", None)
    assert said_to(town.lead).count("return_device") == 1
    assert Ticket.objects.get(kind=TicketKind.HELP).state == "resolved"


# --- nothing is said twice ------------------------------------------------------------------------


def everything_said() -> list[str]:
    return sorted(Notice.objects.values_list("dedupe_key", flat=True))


def test_a_second_sweep_of_the_same_moment_changes_nothing(town: Town):
    for number in range(3):
        town.journey(created_at=at(f"11-10 10:0{number}"))
    ask(town.begun(when=at("11-10 10:00")), now=at("11-10 10:05"))
    for moment in ("11-10 12:05", "11-12 10:02", "11-16 10:02"):
        sweep_until(at(moment))
        before = everything_said(), list(Ticket.objects.order_by("pk").values_list())
        swept = sweep(now=at(moment))
        assert (swept.opened, swept.closed, swept.raised, swept.due) == (0, 0, 0, 0)
        assert (everything_said(), list(Ticket.objects.order_by("pk").values_list())) == before


def test_climbing_twice_at_one_moment_says_everything_once(town: Town):
    ticket = ask(town.begun(when=at("11-10 10:00")), now=at("11-10 10:05"))
    now = at("11-10 12:05")
    assert climb(ticket.pk, book=town.book, now=now) == actions.RAISED
    said = everything_said()
    assert climb(ticket.pk, book=town.book, now=now) == actions.NOTHING
    assert everything_said() == said


def test_signs_of_trouble_are_read_once_nobody_can_add_any(town: Town):
    """A failed check that arrives between two queries must not be overlooked."""
    town.begun(when=at("11-10 10:00"))
    with CaptureQueriesContext(connection) as asked:
        assert sweep(now=at("11-10 10:05")).looked == 1
    said = [query["sql"] for query in asked.captured_queries]
    held = [
        n for n, sql in enumerate(said) if 'ORDER BY "kitting_journey"."attention_at"' in sql
    ]
    read = [n for n, sql in enumerate(said) if 'FROM "kitting_event"' in sql]
    assert held
    assert held[0] < min(read)
    if connection.features.has_select_for_update:
        assert "SKIP LOCKED" in said[held[0]]


# --- one bad row ----------------------------------------------------------------------------------


def poison(monkeypatch: pytest.MonkeyPatch, pk: int, error: Exception) -> None:
    """Let everything about one journey go wrong, after it was half written."""
    real: Callable[..., object] = ladder.ask_level

    def fails(telling: channels.Telling, level: str) -> object:
        asked = real(telling, level)
        if telling.ticket.journey_id == pk:
            raise error
        return asked

    monkeypatch.setattr(ladder, "ask_level", fails)


def test_one_bad_row_waits_an_hour_and_the_rest_goes_on(town, monkeypatch, caplog):
    journeys = [town.journey() for _ in range(3)]
    bad = journeys[1]
    poison(monkeypatch, bad.pk, ZeroDivisionError("no such day"))
    now = at("11-12 10:00")
    with caplog.at_level(logging.ERROR):
        swept = sweep(now=now)
    assert (swept.opened, swept.stumbled, swept.due) == (2, 1, 3)
    assert f"journey {bad.pk}" in caplog.text
    assert "no such day" in caplog.text
    assert not Ticket.objects.filter(journey=bad).exists()
    assert not Notice.objects.filter(person=bad.person).exists()
    assert due_of(bad) == now + timedelta(hours=1)
    monkeypatch.undo()
    assert sweep(now=now + timedelta(hours=1)).opened == 1


def test_one_bad_ticket_waits_an_hour_and_the_rest_goes_on(town, monkeypatch, caplog):
    tickets = [ask(town.begun(when=at("11-10 10:00")), now=at("11-10 10:05")) for _ in range(3)]
    bad = tickets[0]
    poison(monkeypatch, bad.journey_id, ZeroDivisionError("no such day"))
    now = at("11-10 12:05")
    swept = sweep(now=now)
    assert (swept.raised, swept.stumbled) == (2, 1)
    assert f"ticket {bad.pk}" in caplog.text
    bad.refresh_from_db()
    assert (bad.level, bad.due_at) == ("it", now + timedelta(hours=1))


def test_one_bad_departure_does_not_stop_the_rest(town, monkeypatch, caplog):
    gone = [
        town.begun(town.person(left_on=date(2026, 11, 11)), when=at("11-10 10:00"))
        for _ in range(2)
    ]
    fail = [gone[0].loan.device_id]

    def fails(telling, level):
        if telling.ticket.device_id in fail:
            raise ZeroDivisionError
        return rungs.ask_level(telling, level)

    monkeypatch.setattr(ladder, "ask_level", fails)
    swept = sweep(now=at("11-12 10:00"))
    assert (swept.departed, swept.stumbled) == (1, 1)
    assert f"device {fail[0]}" in caplog.text
    fail.clear()
    assert sweep(now=at("11-12 10:01")).departed == 1


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_fails_is_nobodys_fault_but_its_own(town, monkeypatch, error):
    journey = town.journey()
    poison(monkeypatch, journey.pk, error("gone away"))
    with pytest.raises(error):
        sweep(now=at("11-12 10:00"))
    assert due_of(journey) == at("11-10 10:00")


# --- rounds, statements, indexes ------------------------------------------------------------------


def test_rounds_go_on_until_nothing_is_due(town: Town):
    for _ in range(7):
        town.journey(created_at=at("11-10 10:00"))
    total = sweep_rounds(limit=3)
    assert (total.opened, total.due) == (7, 7)


@pytest.mark.parametrize("number", [0, 1, 30])
def test_with_nothing_due_a_sweep_costs_one_statement(town, number):
    for _ in range(number):
        town.journey(attention_at=at("12-10 10:00"))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert sweep(now=at("11-10 12:00")).due == 0
    assert len(queries) == 1


def plan_of(queries: CaptureQueriesContext) -> list[str]:
    """Return how the database finds the rows of each captured question."""
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    plans = []
    with connection.cursor() as cursor:
        for query in queries.captured_queries:
            cursor.execute(f"{explain} {query['sql']}")
            plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
    return plans


def test_the_sweep_finds_due_rows_by_their_partial_indexes(town: Town):
    journey = town.journey(attention_at=at("12-10 10:00"))
    # Years of journeys and tickets that are over, so that reading all of them would cost something.
    over = {"closed_at": TEN, "close_reason": CloseReason.LOAN_ENDED, "created_at": TEN}
    of = {"loan": journey.loan, "person": journey.person, "department": town.department}
    Journey.objects.bulk_create([Journey(**of, **over) for _ in range(4000)])
    fields = {"kind": TicketKind.HELP, "reason": "asked", "source": Source.PERSON}
    past = {"journey": journey, "opened_at": TEN, "state": "resolved", "resolved_at": TEN}
    Ticket.objects.bulk_create([Ticket(**fields, **past) for _ in range(4000)])
    TicketFactory.create(due_at=at("12-10 10:00"))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as queries:
        sweep(now=at("11-10 12:00"))
    (plan,) = plan_of(queries)
    assert "journey_attention" in plan
    assert "ticket_due" in plan
    assert not re.search(r"SCAN kitting_(journey|ticket)\b", plan)
    assert not re.search(r"Seq Scan on kitting_(journey|ticket)\b", plan)


# --- side by side ---------------------------------------------------------------------------------


def at_once(number: int, act: Callable[[], object]) -> list[BaseException]:
    """Run the same thing several times at the very same moment; return what went wrong."""
    barrier = Barrier(number)
    errors: list[BaseException] = []

    def run() -> None:
        close_old_connections()
        barrier.wait()
        try:
            act()
        except BaseException as error:  # noqa: BLE001  # whatever it was, the test wants to see it
            errors.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.django_db(transaction=True)
def test_four_sweeps_at_once_do_what_one_does(town: Town):
    needs("postgres")
    for number in range(12):
        town.journey(created_at=at(f"11-10 10:{number:02}"))
        town.begun(town.person(left_on=date(2026, 11, 11)), when=at("11-09 10:00"))
    asked = [
        town.begun(when=at("11-10 10:00")) for _ in range(3)
    ]  # four at one step would be an outage
    for journey in asked:
        ask(journey, now=at("11-10 10:05"))
    now = at("11-12 10:30")
    assert at_once(4, lambda: sweep(now=now)) == []
    sweep(now=now)
    keys = Notice.objects.values_list("dedupe_key", flat=True)
    assert len(keys) == len(set(keys))
    quiet = Ticket.objects.filter(kind=TicketKind.QUIET)
    assert quiet.count() == 12
    assert all(said_to(ticket.journey.person) == ["nudge"] for ticket in quiet)
    assert Ticket.objects.filter(kind=TicketKind.RETURN).count() == 12
    assert said_to(town.lead).count("return_device") == 12
    assert said_to(town.it_lead).count("it_lead_stuck") == 3
    raised = Ticket.objects.filter(kind=TicketKind.HELP)
    assert set(raised.values_list("level", "round")) == {("it_lead", 1)}


@pytest.mark.django_db(transaction=True)
def test_two_who_press_at_once_make_one_ticket(town: Town):
    needs("postgres")
    journey = town.begun(when=at("11-10 10:00"))
    now = at("11-10 10:05")
    assert at_once(8, lambda: ask(journey, words="同じ", now=now)) == []
    assert only().entries.count() == 1
    assert said_to(town.it) == ["it_asked"]


@pytest.mark.django_db(transaction=True)
def test_people_and_helpers_at_once_end_in_one_story(town: Town):
    """Asking, answering, calling and sweeping at one moment never wait in a circle."""
    needs("postgres")
    journey = town.begun(when=at("11-10 10:00"))
    ticket = ask(journey, now=at("11-10 10:05"))
    now = at("11-10 12:05")
    moves: list[Callable[[], object]] = [
        lambda: ask(journey, words="まだです", now=now),
        lambda: actions.reply(ticket=ticket, by=town.it, words="こうします。", now=now),
        lambda: actions.still(ticket=ticket, words="", actor=None, now=now),
        lambda: ask_for(
            journey=journey, words="電話", by=town.it_lead, source=Source.PHONE, now=now
        ),
        lambda: actions.go(ticket=ticket, by=town.it, now=now),
        lambda: sweep(now=now),
        lambda: finish(Journey.objects.get(pk=journey.pk), now=now),
    ]
    for _round in range(5):
        hands = iter(moves)
        assert at_once(len(moves), lambda hands=hands: next(hands)()) == []
    assert Ticket.objects.filter(kind=TicketKind.HELP).count() == 1
    journey.refresh_from_db()
    waits = Ticket.objects.get(kind=TicketKind.HELP).is_waiting
    assert journey.help_state == ("asked" if waits else "answered")
