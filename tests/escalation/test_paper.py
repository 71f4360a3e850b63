"""From paper, silence and a burst are normal: the sweep knows, and helpers can say so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from accounts.states import Role
from kitting.escalation.actions.sweeping import sweep
from kitting.escalation.models import Ticket
from kitting.journeys.actions.checking import arrive
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.resting import go_on_paper, leave_paper
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.models import Journey
from kitting.journeys.states import Via
from tests.escalation.town import BY_BOX, Town, at, sweep_until
from tests.factories import GrantFactory

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db


def by(town: Town) -> Who:
    return Who(Via.STAFF, town.lead)


def test_who_works_from_paper_before_beginning_has_the_patience_of_paper(town: Town) -> None:
    journey = town.journey(created_at=at("11-10 10:00"))
    go_on_paper(journey_id=journey.pk, who=by(town), now=at("11-10 10:00"))
    sweep_until(at("11-13 09:59"))
    assert not Ticket.objects.exists()
    sweep(now=at("11-13 10:00"))
    assert Ticket.objects.get().reason == "never_started"


def test_a_helpers_word_ends_what_the_silence_had_opened(town: Town) -> None:
    journey = town.begun(when=at("11-10 10:00"))
    sweep_until(at("11-11 12:00"))
    assert Ticket.objects.get().state != "resolved"
    go_on_paper(journey_id=journey.pk, who=by(town), now=at("11-11 12:00"))
    sweep(now=at("11-11 12:00"))
    assert Ticket.objects.get().state == "resolved"
    sweep_until(at("11-13 09:00"))
    assert Ticket.objects.count() == 1


def test_what_was_found_on_paper_stays_until_something_happens(town: Town) -> None:
    journey = town.begun(when=at("11-10 10:00"))
    go_on_paper(journey_id=journey.pk, who=BY_BOX, now=at("11-10 10:00"))
    sweep_until(at("11-13 10:00"))
    found = Ticket.objects.get()
    sweep_until(at("11-13 16:00"))
    found.refresh_from_db()
    assert (found.reason, found.state == "resolved") == ("silent", False)


def test_a_burst_of_steps_and_an_arrival_raise_nothing(town: Town) -> None:
    journey = town.begun(when=at("11-10 10:00"))
    go_on_paper(journey_id=journey.pk, who=BY_BOX, now=at("11-10 10:00"))
    start = at("11-12 09:00")
    for second, (key, *_rest) in enumerate(journey.step_keys[:5]):
        finish_step(
            journey_id=journey.pk,
            step_key=key,
            who=BY_BOX,
            now=start + timedelta(seconds=second),
        )
        sweep(now=start + timedelta(seconds=second))
    arrive(journey_id=journey.pk, who=Who(Via.SIGN_IN, journey.person), now=at("11-12 09:01"))
    sweep_until(at("11-12 09:20"))
    assert not Ticket.objects.exists()


def test_once_taken_back_the_usual_clocks_run(town: Town) -> None:
    journey = town.begun(when=at("11-10 10:00"))
    go_on_paper(journey_id=journey.pk, who=by(town), now=at("11-10 10:00"))
    leave_paper(journey_id=journey.pk, who=by(town), now=at("11-10 10:05"))
    sweep_until(at("11-10 11:00"))
    assert Ticket.objects.get().reason == "slow"


def test_once_on_the_chromebook_paper_is_no_excuse(town: Town) -> None:
    journey = town.begun(when=at("11-10 10:00"))
    go_on_paper(journey_id=journey.pk, who=BY_BOX, now=at("11-10 10:00"))
    arrive(journey_id=journey.pk, who=BY_BOX, now=at("11-10 10:10"))
    sweep_until(at("11-10 12:00"))
    assert Ticket.objects.get().reason == "slow"


def test_leads_the_desk_and_it_may_say_so_and_others_not(town: Town, client: Client) -> None:
    journey = town.begun(when=at("11-10 10:00"))
    hands_out = GrantFactory.create(role=Role.DESK).person
    for person, status in (
        (town.lead, 302),
        (hands_out, 302),
        (town.it, 302),
        (town.nursery_lead, 404),
        (town.person(), 404),
    ):
        Journey.objects.filter(pk=journey.pk).update(on_paper=False)
        client.force_login(person)
        assert client.post(f"/people/{journey.pk}/paper").status_code == status
        journey.refresh_from_db()
        assert journey.on_paper is (status == 302)


def test_the_helper_comes_back_to_where_it_was_said_and_nowhere_else(
    town: Town, client: Client
) -> None:
    journey = town.begun(when=at("11-10 10:00"))
    client.force_login(town.it)
    url = f"/people/{journey.pk}/paper"
    board = f"/dashboard/departments/{journey.department_id}/"
    assert client.post(url, {"next": board})["Location"] == board
    assert client.post(url, {"over": "1", "next": "https://evil.example/"})["Location"] == "/"
