"""No message carries what opens a door: not the number, the code of a box, a serial, nor what people wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kitting.escalation import actions
from kitting.escalation.actions.digests import digest_for_it, digest_for_leads, gather_for_leads
from kitting.escalation.states import TicketKind
from kitting.notices.models import Notice, Outlet
from tests.escalation.town import Town, ask, at, sweep_until
from tests.factories import DeviceFactory, LoanFactory

if TYPE_CHECKING:
    from kitting.journeys.models import Journey

pytestmark = pytest.mark.django_db
TEN = at("11-10 10:00")
WORDS = "パスワードは himitsu-77 です"
# One of each kind that the town below must bring about, so that the test does not fall silent.
KINDS = {
    *("it_asked", "it_lead_stuck", "it_morning", "it_stuck", "lead_asked", "lead_stuck"),
    *("lead_week", "loss", "nudge", "received", "reply", "resolved", "return_device"),
}


def a_bad_month(town: Town) -> list[Journey]:
    """Let everything happen that writes messages; return whose secrets must not be in them."""
    people = [
        town.person(staff_number=f"07731{n}", account=f"konto{n}@chrome.example.jp")
        for n in range(4)
    ]
    loans = [
        LoanFactory.create(
            person=person,
            started_at=TEN,
            device=DeviceFactory.create(mac_address=f"00:1B:63:84:45:E{n}"),
        )
        for n, person in enumerate(people)
    ]
    asker, silent, leaver = (town.begun(when=TEN, loan=loan) for loan in loans[:3])
    absent = town.journey(loan=loans[3])
    ticket = ask(asker, words=WORDS, now=TEN)
    actions.reply(ticket=ticket, by=town.it, words="なおしました", now=TEN)
    actions.still(ticket=ticket, words=WORDS, actor=None, now=TEN)
    actions.resolve(ticket=ticket, by=town.it, words="", now=TEN)
    leaver.person.left_on = at("11-12 00:00").date()
    leaver.person.save()
    for kind in (TicketKind.LOSS, TicketKind.FOUND, TicketKind.WRONG_BOX):
        actions.report(device=loans[0].device, kind=kind, words=WORDS, client="a", now=TEN)
    sweep_until(at("11-13 08:00"))
    digest_for_it(now=at("11-13 08:30"))
    gather_for_leads(now=at("11-13 08:30"))
    digest_for_leads(now=at("11-16 08:30"))
    sweep_until(at("11-18 18:00"))
    return [asker, silent, leaver, absent]


def secrets_of(journey: Journey) -> list[str]:
    person, device = journey.person, journey.loan.device
    found = [person.staff_number, person.account, device.serial_number, device.mac_address]
    return [one for one in (*found, device.code) if one]


def test_no_message_carries_a_secret(town: Town) -> None:
    Outlet.objects.create(
        label="a",
        kind="chat",
        url="slack://T1/B2/oto3",
        events=["loss", "outage", "digest"],
        created_at=TEN,
    )
    journeys = a_bad_month(town)
    said = list(Notice.objects.all())
    assert {notice.kind for notice in said} >= KINDS
    assert any(notice.outlet_id for notice in said)
    secrets = ["himitsu", "oto3", *(one for j in journeys for one in secrets_of(j))]
    for notice in said:
        # An employee's own page in the guide is opened by signing in or by the box, never by its address.
        whole = f"{notice.subject}\n{notice.body}\n{notice.link}"
        assert [one for one in secrets if one in whole] == [], notice.kind
