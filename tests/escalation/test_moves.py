"""Putting off, holding, giving away, joining, opening again: each in the story, each only once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.queries import local_day, rights_of
from accounts.states import Role
from kitting.escalation import actions
from kitting.escalation.actions import moves
from kitting.escalation.actions.moves import Move
from kitting.escalation.actions.sweeping import sweep
from kitting.escalation.models import Ticket
from kitting.escalation.queries.desk import queue_of
from kitting.escalation.queries.moves import last_move
from kitting.escalation.queries.person import own_help
from kitting.escalation.states import TicketKind
from kitting.journeys.states import HelpState
from kitting.notices.models import Notice
from tests.escalation.town import ask, at, said_to, sweep_until
from tests.factories import GrantFactory, TicketFactory

if TYPE_CHECKING:
    from datetime import datetime

    from django.test import Client

    from accounts.models import User
    from tests.escalation.town import Town

TEN = at("11-10 10:00")
LATER = at("11-10 10:20")


@pytest.fixture
def ticket(town: Town) -> Ticket:
    return ask(town.begun(when=TEN), now=TEN)


def move(ticket: Ticket, by: User, now: datetime = LATER) -> Move:
    ticket.refresh_from_db()
    last = last_move(ticket)
    return Move(ticket=ticket, by=by, seen=last.pk if last else 0, now=now)


def lines(ticket: Ticket) -> list[tuple[str, str, str]]:
    """Return the moves of a ticket's story: what, by whom, with which words."""
    kinds = ("snoozed", "held", "released", "reassigned", "joined", "took_in", "reopened")
    rows = ticket.entries.filter(kind__in=(*kinds, "not_today")).order_by("pk")
    return [(row.kind, row.actor.name if row.actor else "", row.text) for row in rows]


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def test_what_is_put_off_climbs_no_further_until_then(town: Town, ticket: Ticket):
    until = at("11-12 09:00")
    moves.snooze(move(ticket, town.it), until=until, reason="部品を待つ")
    assert lines(ticket) == [("snoozed", town.it.name, "部品を待つ")]
    sweep(now=at("11-12 08:59"))
    assert (fresh(ticket).level, fresh(ticket).snoozed_until) == ("it", until)
    sweep(now=until)
    assert (fresh(ticket).level, fresh(ticket).snoozed_until) == ("it_lead", None)


def test_who_waits_is_still_waiting_when_the_helper_puts_it_off(town: Town, ticket: Ticket):
    until = at("11-12 09:00")
    moves.snooze(move(ticket, town.it), until=until, reason="x")
    assert fresh(ticket).answer_by == until
    ticket.journey.refresh_from_db()
    assert ticket.journey.help_state == HelpState.ASKED


def test_what_is_on_hold_stands_still_and_comes_last(town: Town, ticket: Ticket):
    other = ask(town.begun(when=TEN), now=at("11-10 10:10"))
    moves.hold(move(ticket, town.it), reason="業者")
    sweep(now=at("11-20 10:00"))
    assert (fresh(ticket).level, fresh(other).level) == ("it", "it_lead")
    rights = rights_of(town.it, on=local_day(TEN))
    queue = queue_of(rights=rights, show="open", now=LATER, language="ja")
    assert [row.ticket for row in queue] == [other, ticket]
    moves.release(move(ticket, town.it, at("11-20 10:30")))
    assert fresh(ticket).held_at is None
    assert fresh(ticket).due_at == at("11-20 12:30")
    assert [line[0] for line in lines(ticket)] == ["held", "released"]


def test_the_persons_word_takes_a_ticket_off_hold(town: Town, ticket: Ticket):
    actions.reply(ticket=ticket, by=town.it, words="試してください", now=LATER)
    moves.hold(move(ticket, town.it), reason="x")
    actions.still(ticket=ticket, words="だめでした", actor=None, now=at("11-10 11:00"))
    assert fresh(ticket).held_at is None
    assert fresh(ticket).is_waiting


def test_who_gets_a_ticket_is_told_and_awaited(town: Town, ticket: Ticket):
    actions.take(ticket=ticket, by=town.it, now=LATER)
    moves.reassign(move(ticket, town.it), to=town.it_lead, reason="くわしい人へ")
    got = fresh(ticket)
    assert (got.taken_by, got.state, got.due_at) == (town.it_lead, "taken", at("11-10 12:20"))
    assert said_to(town.it_lead)[-1] == "given_to_you"
    assert lines(ticket) == [("reassigned", town.it.name, "くわしい人へ")]


def test_a_ticket_goes_to_nobody_who_is_away_or_may_not_see_it(town: Town, ticket: Ticket):
    with pytest.raises(moves.CannotHelpError):
        moves.reassign(move(ticket, town.it), to=town.nursery_lead, reason="")
    town.it_lead.leave_from_on = TEN.date()
    town.it_lead.save()
    with pytest.raises(moves.CannotHelpError):
        moves.reassign(move(ticket, town.it), to=town.it_lead, reason="")
    assert fresh(ticket).taken_by is None


def test_two_at_once_the_second_learns_who_was_first(town: Town, ticket: Ticket):
    first, second = move(ticket, town.it), move(ticket, town.it_lead)
    moves.hold(first, reason="a")
    with pytest.raises(moves.MovedError) as caught:
        moves.snooze(second, until=at("11-12 09:00"), reason="b")
    assert caught.value.by == town.it
    assert [line[0] for line in lines(ticket)] == ["held"]


def test_a_call_joins_the_question_of_the_same_person(town: Town, ticket: Ticket):
    assert ticket.journey is not None
    person = ticket.journey.person
    called = actions.take_call(
        kind=TicketKind.HELP, words="電話", by=town.it, now=TEN, person=person
    )
    with pytest.raises(moves.NotTogetherError):  # the person reads the answer on the journey's
        moves.merge(move(ticket, town.it), into=called)
    kept = moves.merge(move(called, town.it), into=ticket)
    assert kept == ticket
    gone = fresh(called)
    assert (gone.state, gone.merged_into, gone.answer_by) == ("resolved", ticket, None)
    assert lines(ticket)[-1][0] == "took_in"
    assert lines(called)[-1][0] == "joined"
    assert own_help(ticket.journey, by_box=False).ticket == ticket
    with pytest.raises(moves.StillOpenError):
        moves.reopen(move(called, town.it), reason="x")


def test_tickets_of_two_people_and_losses_are_not_joined(town: Town, ticket: Ticket):
    other = TicketFactory.create(kind=TicketKind.QUIET, reason="silent")
    with pytest.raises(moves.NotTogetherError):
        moves.merge(move(other, town.it), into=ticket)
    loss = TicketFactory.create(kind=TicketKind.LOSS, reason="reported", journey=ticket.journey)
    with pytest.raises(moves.NotTogetherError):
        moves.merge(move(loss, town.it), into=ticket)


def test_what_was_resolved_too_early_is_opened_again(town: Town, ticket: Ticket):
    actions.resolve(ticket=ticket, by=town.it_lead, words="", now=LATER)
    moves.reopen(move(ticket, town.it, at("11-10 11:00")), reason="まだでした")
    again = fresh(ticket)
    assert (again.state, again.taken_by, again.round) == ("taken", town.it, 2)
    assert again.answer_by == at("11-10 11:30")
    assert lines(ticket) == [("reopened", town.it.name, "まだでした")]
    with pytest.raises(moves.StillOpenError):
        moves.reopen(move(ticket, town.it), reason="x")


def test_a_lead_who_cannot_today_is_asked_again_in_the_morning_once(town: Town):
    journey = town.journey()
    sweep_until(at("11-16 10:00"))
    found = Ticket.objects.get(journey=journey)
    assert found.level == "lead"
    moves.not_today(move(found, town.lead, at("11-16 11:00")))
    assert fresh(found).due_at == at("11-17 11:00")
    moves.not_today(move(found, town.lead, at("11-16 12:00")))
    assert fresh(found).due_at == at("11-16 12:00")
    sweep(now=at("11-16 12:01"))
    assert fresh(found).level == "it"


def test_not_today_holds_back_no_question(town: Town, ticket: Ticket):
    due, answer_by = fresh(ticket).due_at, fresh(ticket).answer_by
    moves.not_today(move(ticket, town.lead))
    assert (fresh(ticket).due_at, fresh(ticket).answer_by) == (due, answer_by)


def test_what_rests_takes_back_what_waits_to_be_said(town: Town):
    late = at("11-10 20:00")
    asked = ask(town.begun(when=TEN), now=late)
    moves.hold(move(asked, town.it, late), reason="x")
    waiting = Notice.objects.filter(about=f"ticket:{asked.pk}", state="queued")
    assert set(waiting.values_list("kind", flat=True)) <= {"received"}


# --- pages ------------------------------------------------------------------------------------------


def page_of(ticket: Ticket, verb: str) -> str:
    return reverse("escalation:move", args=[ticket.pk, verb])


@pytest.mark.parametrize("verb", ["merge", "reopen", "dance"])
def test_what_a_ticket_cannot_do_has_no_page(client: Client, town: Town, ticket: Ticket, verb):
    client.force_login(town.it)
    assert client.get(page_of(ticket, verb)).status_code == 404


def test_a_move_without_a_reason_or_into_the_past_is_refused(client, town, ticket):
    client.force_login(town.it)
    assert client.post(page_of(ticket, "hold"), {"seen": 0}).status_code == 422
    past = {"seen": 0, "until": "2020-01-01T10:00", "reason": "x"}
    assert client.post(page_of(ticket, "snooze"), past).status_code == 422


def test_a_move_is_seen_by_every_helper_and_done_once(client, town, ticket):
    client.force_login(town.it)
    data = {"seen": 0, "reason": "業者を待つ"}
    assert client.post(page_of(ticket, "hold"), data).status_code == 302
    late = client.post(page_of(ticket, "hold"), data, follow=True).content.decode()
    assert f"{town.it.name}さんがこの相談を動かしました" in late
    client.force_login(town.lead)
    page = client.get(reverse("escalation:ticket", args=[ticket.pk])).content.decode()
    assert f"{town.it.name}さんが保留にしました" in page
    assert "業者を待つ" in page
    press = reverse("escalation:press", args=[ticket.pk, "release"])
    # As the page's own form sends it.
    seen = re.search(rf'action="{press}".*?name="seen" value="([^"]*)"', page, re.DOTALL)
    client.post(press, {"seen": seen[1] if seen else ""})
    assert fresh(ticket).held_at is None


def test_the_person_reads_no_reason_of_the_helpers(client: Client, town: Town, ticket: Ticket):
    moves.hold(move(ticket, town.it), reason="内緒の理由")
    assert ticket.journey is not None
    client.force_login(ticket.journey.person)
    page = client.get(reverse("escalation:answer", args=[ticket.journey_id, ticket.pk]))
    assert page.status_code == 200
    assert "内緒の理由" not in page.content.decode()


def test_the_leads_page_lets_go_for_today(client: Client, town: Town, ticket: Ticket):
    client.force_login(town.lead)
    url = reverse("helpdesk:round")
    assert ticket.journey is not None
    assert ticket.journey.person.name in client.get(url).content.decode()
    press = reverse("escalation:press", args=[ticket.pk, "not_today"])
    assert client.post(press, {"seen": 0, "back": "round"}).url == url
    assert ticket.journey.person.name not in client.get(url).content.decode()


@pytest.mark.parametrize("number", [1, 3])
def test_a_ticket_page_costs_the_same_with_more_helpers(
    client, town, ticket, number, django_assert_max_num_queries
):
    for _ in range(number):
        GrantFactory.create(role=Role.IT)
    client.force_login(town.it)
    url = reverse("escalation:ticket", args=[ticket.pk])
    client.get(url)
    with django_assert_max_num_queries(40):
        client.get(url)


# --- what the database refuses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("ticket_resolved_waits_for_nothing", {"state": "resolved", "held_at": TEN}),
        ("ticket_resolved_waits_for_nothing", {"state": "resolved", "snoozed_until": TEN}),
    ],
)
def test_what_is_resolved_waits_for_nothing(town, ticket, name, fields):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(resolved_at=TEN, **fields)


def test_only_what_is_resolved_was_joined(town: Town, ticket: Ticket):
    other = TicketFactory.create()
    with pytest.raises(IntegrityError), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(merged_into=other)
