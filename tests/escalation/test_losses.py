"""A loss: the same answer to all, IT at any hour, and a list that says who did what when."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.states import Role
from kitting.devices.models import Device
from kitting.devices.states import DeviceState
from kitting.escalation.actions.asking import report_loss
from kitting.escalation.actions.errors import TicketError
from kitting.escalation.actions.losses import (
    TooManyLossesError,
    take_losses,
    tell_loss,
    tick,
    untick,
)
from kitting.escalation.actions.matters import mark_lost
from kitting.escalation.models import LossReport, LossStep, Ticket
from kitting.escalation.queries.losses import loss_lines
from kitting.escalation.states import LossLine, Source, TicketKind
from kitting.journeys.queries import BOX_KEY
from kitting.notices.models import Notice
from tests.factories import NOW, GrantFactory, JourneyFactory, LoanFactory, TicketFactory

pytestmark = pytest.mark.django_db
# A Saturday night.
NIGHT = NOW + timedelta(days=4, hours=13)
TOLD = {"staff_number": "000203", "call_back": "090-0000-0000", "words": "電車"}


@pytest.fixture
def it():
    return GrantFactory.create(role=Role.IT).person


@pytest.fixture
def journey():
    return JourneyFactory.create(loan=LoanFactory.create(person__staff_number="000203"))


def lose(journey, by=None, *, now=NOW) -> Ticket:
    return report_loss(
        device=journey.loan.device,
        person=None,
        words="",
        source=Source.PERSON,
        actor=by,
        now=now,
    )


def answer(number: str) -> tuple[int, str, str, int]:
    """Tell a loss; return all that somebody outside could tell two answers apart by."""
    client = Client(headers={"accept-language": "ja"})
    with CaptureQueriesContext(connection) as asked:
        told = client.post("/lost", {**TOLD, "staff_number": number})
    count = len(asked)
    page = re.sub(r'value="\w{64}"', "", client.get("/lost/told").text)
    return told.status_code, told["Location"], page, count


def test_a_known_number_and_an_unknown_one_cannot_be_told_apart(journey):
    answer("1")  # the first request of all reads more
    known, unknown = answer("000203"), answer("999999")
    assert known == unknown
    assert known[0] == 302
    assert known[3] > 0


def test_it_hears_at_night_whom_to_call_back(journey, it):
    tell_loss(**TOLD, client="", now=NIGHT)
    assert take_losses(now=NIGHT) == 1
    ticket = Ticket.objects.get(kind=TicketKind.LOSS)
    assert ticket.device == journey.loan.device
    assert "090-0000-0000" in ticket.entries.get(kind="opened").text
    notice = Notice.objects.get(person=it)
    assert notice.next_try_at <= NIGHT
    assert take_losses(now=NIGHT) == 0


def test_a_number_on_no_roll_alarms_it_all_the_same(it):
    tell_loss(**TOLD, client="", now=NIGHT)
    take_losses(now=NIGHT)
    assert not Ticket.objects.exists()
    notice = Notice.objects.get(person=it)
    assert notice.kind == "loss_unknown"
    assert notice.next_try_at <= NIGHT
    client = Client()
    client.force_login(it)
    assert "090-0000-0000" in client.get("/tickets/losses/").text
    report = LossReport.objects.get()
    client.post(f"/tickets/losses/{report.pk}/settled")
    report.refresh_from_db()
    assert report.settled_by == it


def test_who_has_two_devices_is_asked_which(journey, it):
    LoanFactory.create(person=journey.person)
    tell_loss(**TOLD, client="", now=NOW)
    take_losses(now=NOW)
    ticket = Ticket.objects.get(kind=TicketKind.LOSS)
    assert (ticket.person, ticket.device) == (journey.person, None)
    client = Client()
    client.force_login(it)
    page = client.get(f"/tickets/{ticket.pk}/").text
    assert all(str(loan.device) in page for loan in journey.person.loans.all())


def test_a_dead_broker_leaves_the_loss_to_the_sweep(journey, it):
    Client().post("/lost", TOLD)
    call_command("sweep", verbosity=0)
    assert Ticket.objects.filter(kind=TicketKind.LOSS).exists()


def test_one_number_is_told_three_times_an_hour_and_then_the_phone_is_the_way():
    for _n in range(3):
        tell_loss(**TOLD, client="", now=NOW)
    with pytest.raises(TooManyLossesError):
        tell_loss(**TOLD, client="elsewhere", now=NOW)
    page = Client().post("/lost", TOLD)
    assert page.status_code in (302, 429)
    tell_loss(**TOLD, client="", now=NOW + timedelta(hours=2))


def test_one_button_of_the_person_ends_their_box_sessions(journey, it):
    browsers = [Client(), Client()]
    for browser in browsers:
        session = browser.session
        session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
        session.save()
    told = browsers[0].post(f"/j/{journey.pk}/lost/", {"words": ""})
    ticket = Ticket.objects.get(kind=TicketKind.LOSS)
    assert ticket.number in browsers[0].get(told["Location"]).text
    assert [b.get(f"/j/{journey.pk}/").status_code for b in browsers] == [404, 404]
    assert Notice.objects.filter(person=it, kind="loss").exists()


def test_somebody_elses_device_has_no_button(journey):
    client = Client()
    client.force_login(LoanFactory.create().person)
    assert client.post(f"/j/{journey.pk}/lost/").status_code == 404
    assert not Ticket.objects.exists()


def test_each_line_is_ticked_once_by_somebody_at_a_time_and_can_be_taken_back(journey, it):
    ticket = lose(journey)
    late = NOW + timedelta(minutes=25)
    assert [row.key for row in loss_lines(ticket, now=late) if row.is_late] == [
        LossLine.CALL_BACK,
        LossLine.DISABLE,
    ]
    assert tick(ticket=ticket, line=LossLine.DISABLE, by=it, now=late)
    assert not tick(ticket=ticket, line=LossLine.DISABLE, by=it, now=late)
    row = next(r for r in loss_lines(ticket, now=late) if r.key == LossLine.DISABLE)
    assert (row.done_at, row.done_by) == (late, it)
    assert untick(ticket=ticket, line=LossLine.DISABLE, by=it, now=late)
    told = [entry.data["what"] for entry in ticket.entries.filter(data__has_key="loss_line")]
    assert told == ["done", "undone"]


def test_only_a_loss_has_the_list(it):
    with pytest.raises(TicketError):
        tick(ticket=TicketFactory.create(), line=LossLine.DISABLE, by=it, now=NOW)


def test_a_line_stands_once_and_is_one_of_the_list(journey):
    ticket = lose(journey)
    LossStep.objects.create(ticket=ticket, line=LossLine.SEE, done_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        LossStep.objects.create(ticket=ticket, line=LossLine.SEE, done_at=NOW)
    with pytest.raises(IntegrityError, match="loss_step_line_known"), transaction.atomic():
        LossStep.objects.create(ticket=ticket, line="eat", done_at=NOW)


def test_a_confirmed_loss_is_an_event_of_the_device(journey, it):
    mark_lost(ticket=lose(journey), by=it, now=NOW)
    device = Device.objects.get(pk=journey.loan.device_id)
    event = device.events.get()
    assert (device.state, event.kind, event.actor) == (DeviceState.LOST, "lost", it)


def test_whoever_finds_a_device_learns_nothing_of_it(journey, it):
    mark_lost(ticket=lose(journey), by=it, now=NOW)
    device, person = journey.loan.device, journey.person
    client = Client(headers={"accept-language": "ja"})
    pages = [client.get(f"/d/{device.code}"), client.get(f"/d/{device.code}/report/found")]
    told = client.post(f"/d/{device.code}/report/found", {"words": "駅で"})
    pages.append(client.get(told["Location"]))
    secrets = (person.name, person.staff_number, device.serial_number, str(journey.department))
    assert not [word for page in pages for word in secrets if word in page.text]
    assert Ticket.objects.filter(device=device, kind=TicketKind.FOUND).exists()
