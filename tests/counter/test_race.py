"""Fifty counters at one box: one wins, and the others are told so."""

from __future__ import annotations

from collections import Counter
from threading import Barrier, Thread

import pytest
from django.db import connection, connections

from kitting.counter.forms import sentence
from kitting.counter.models import Scan
from kitting.counter.states import Outcome
from kitting.devices.models import Loan
from kitting.journeys.models import Journey
from tests.counter.conftest import free_device, kept_box, scan
from tests.factories import DepartmentFactory, PlaceFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 50


@pytest.fixture
def people():
    section, place = DepartmentFactory.create(), PlaceFactory.create()
    return UserFactory.create_batch(CLIENTS, department=section, place=place)


def all_at_once(act) -> list[str]:
    """Let fifty threads, each with its own line to the database, act in the same moment."""
    start, said = Barrier(CLIENTS), []

    def run(number: int) -> None:
        start.wait()
        try:
            said.append(act(number))
        except Exception as error:  # noqa: BLE001  # whatever happens is what the test asks about
            said.append(repr(error))
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return said


def test_of_fifty_people_who_claim_one_free_box_one_gets_it(desk, people):
    box = free_device()
    said = all_at_once(
        lambda n: scan(desk, box.code, people[n].staff_number, client=f"{n:032x}").outcome
    )
    assert Counter(said) == {Outcome.BOUND: 1, Outcome.HELD: CLIENTS - 1}, connection.vendor
    loan = Loan.objects.get(device=box)
    assert Journey.objects.open().get().loan == loan
    refused = Scan.objects.filter(outcome=Outcome.HELD).select_related("loan__person", "person")
    assert {sentence(row) for row in refused} == {sentence(refused[0])}, (
        "everybody is told the same: who has it"
    )
    assert loan.person.name in sentence(refused[0])


@pytest.mark.faults
def test_of_fifty_people_at_each_of_twenty_boxes_one_gets_it_and_all_is_written_down(desk):
    section, place = DepartmentFactory.create(), PlaceFactory.create()
    for _box in range(20):
        people = UserFactory.create_batch(CLIENTS, department=section, place=place)
        box = free_device()
        said = all_at_once(
            lambda n, box=box, people=people: (
                scan(desk, box.code, people[n].staff_number, client=f"{n:032x}").outcome
            )
        )
        assert Counter(said) == {Outcome.BOUND: 1, Outcome.HELD: CLIENTS - 1}
    outcomes = Counter(Scan.objects.values_list("outcome", flat=True))
    assert outcomes == {Outcome.BOUND: 20, Outcome.HELD: 980}
    assert Loan.objects.count() == 20
    print("COUNTED 50 at once x 20 boxes: 20 owners, 980 refused in words, 1,000 scans kept")  # noqa: T201  # the figures


def test_of_fifty_counters_that_hand_out_one_box_one_does(desk, people):
    box = kept_box(person=people[0])
    said = all_at_once(
        lambda n: scan(desk, box.code, people[0].staff_number, client=f"{n:032x}").outcome
    )
    assert Counter(said) == {Outcome.HANDED: 1, Outcome.ALREADY: CLIENTS - 1}
    assert box.events.filter(kind="handed_out").count() == 1


def test_of_fifty_arrivals_of_one_scan_one_counts(desk, people):
    box = free_device()
    said = all_at_once(
        lambda _n: scan(desk, box.code, people[0].staff_number, client="a" * 32, sequence=1).pk
    )
    assert len(set(said)) == 1
    assert Scan.objects.count() == Loan.objects.count() == 1


def test_two_counters_cannot_give_one_person_two_free_boxes(desk, people):
    boxes = [free_device() for _n in range(CLIENTS)]
    said = all_at_once(
        lambda n: scan(desk, boxes[n].code, people[0].staff_number, client=f"{n:032x}").outcome
    )
    assert Counter(said) == {Outcome.BOUND: 1, Outcome.HAS_ONE: CLIENTS - 1}
