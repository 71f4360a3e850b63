"""Working from paper: marking it, taking it back, and the guide to print."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kitting.journeys.actions.checking import arrive
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.resting import go_on_paper, leave_paper
from kitting.journeys.models import Journey
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import Via
from tests.journeys.conftest import BY_BOX, CODE

if TYPE_CHECKING:
    from datetime import datetime

    from django.test import Client

    from kitting.guides.models import Edition

SECRETS = ("小池", "健太", "こいけ", "koike", "010203", "4-321", "5CD4C62B0I")


def fresh(journey: Journey) -> Journey:
    return Journey.objects.get(pk=journey.pk)


@pytest.fixture
def holder(client: Client, journey: Journey) -> Client:
    session = client.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    return client


def test_who_goes_on_paper_can_take_it_back(holder: Client, journey: Journey) -> None:
    page = holder.post(f"/j/{journey.pk}/paper", follow=True)
    assert fresh(journey).on_paper
    assert "紙で進めています" in page.content.decode()
    holder.post(f"/j/{journey.pk}/paper", {"over": "1"})
    assert not fresh(journey).on_paper


def test_marking_twice_is_one_event(journey: Journey, now: datetime) -> None:
    for act in (go_on_paper, go_on_paper, leave_paper, leave_paper):
        act(journey_id=journey.pk, who=BY_BOX, now=now)
    assert journey.events.filter(kind="paper").count() == 2


def test_on_the_chromebook_nobody_reads_paper_any_more(journey: Journey, now: datetime) -> None:
    go_on_paper(journey_id=journey.pk, who=BY_BOX, now=now)
    assert fresh(journey).reads_paper
    arrive(journey_id=journey.pk, who=BY_BOX, now=now + timedelta(hours=2))
    assert fresh(journey).on_paper
    assert not fresh(journey).reads_paper


def test_who_arrives_from_paper_without_having_begun_is_far_at_once(
    waiting: Journey, now: datetime
) -> None:
    by_lead = Who(via=Via.STAFF)
    go_on_paper(journey_id=waiting.pk, who=by_lead, now=now)
    assert fresh(waiting).status == "not_started"
    arrive(journey_id=waiting.pk, who=Who(via=Via.SIGN_IN), now=now + timedelta(hours=3))
    assert fresh(waiting).steps_done == 8


def test_the_booklet_holds_the_whole_guide_and_nobody(client: Client, journey: Journey) -> None:
    page = client.get(f"/d/{CODE}/booklet").content.decode()
    for key, *_rest in journey.step_keys:
        assert f'id="{key}"' in page
    assert "CB-900123" in page
    assert [secret for secret in SECRETS if secret in page] == []


def test_the_booklet_follows_the_edition_its_journey_began_with(
    client: Client, journey: Journey
) -> None:
    Journey.objects.filter(pk=journey.pk).update(flags={**journey.flags, "camera": "false"})
    assert 'id="camera-mic"' not in client.get(f"/d/{CODE}/booklet").content.decode()


def test_the_booklet_speaks_english(client: Client, journey: Journey) -> None:
    page = client.get(f"/d/{CODE}/booklet", headers={"accept-language": "en"})
    assert "Plug it in and open the lid" in page.content.decode()


@pytest.mark.usefixtures("waiting")
def test_an_unknown_box_has_no_booklet(client: Client) -> None:
    assert client.get("/d/AAAAAAAA/booklet").status_code == 404
    assert client.get("/d/x/booklet").status_code == 404


def test_the_booklet_of_a_shared_box_is_the_published_guide(
    client: Client, guide: Edition, waiting: Journey
) -> None:
    assert guide.state == "published"
    waiting.loan.ended_at = waiting.created_at
    waiting.loan.save()
    assert client.get(f"/d/{CODE}/booklet").status_code == 200


@pytest.mark.usefixtures("waiting")
def test_the_box_page_leads_to_what_can_be_printed(client: Client) -> None:
    page = client.get(f"/d/{CODE}").content.decode()
    assert f"/d/{CODE}/sheet.pdf" in page
    assert f"/d/{CODE}/booklet" in page
