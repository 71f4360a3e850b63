"""Boxes go out by scans: once, to the right person, and back over the counter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.queries import rights_of
from kitting.counter.actions import CannotUndoError, undo
from kitting.counter.forms import sentence
from kitting.counter.models import Scan
from kitting.counter.states import Outcome
from kitting.devices.models import Device, DeviceEvent, Loan
from kitting.devices.states import DeviceState, LoanKind
from kitting.guides.actions import load_guide
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.models import Journey
from kitting.journeys.states import Via
from tests.counter.conftest import arrival, free_device, kept_box, scan
from tests.factories import NOW, DeviceFactory, LoanFactory, UserFactory, shipped_guide

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)


def kinds(device: Device) -> list[str]:
    return list(device.events.order_by("pk").values_list("kind", flat=True))


def take_back(found: Scan, by, *, now=LATER) -> Scan:
    return undo(scan=found, by=by, rights=rights_of(by, on=now.date()), now=now)


def test_a_box_goes_to_the_person_it_is_kept_for(desk, koike):
    box = kept_box(person=koike)
    done = scan(desk, f"https://kit.example.jp/D/{box.code}", "203")
    assert done.outcome == Outcome.HANDED
    assert Loan.objects.get(device=box).handed_over_at == NOW
    event = box.events.get()
    assert (event.kind, event.actor, event.loan) == ("handed_out", desk, done.loan)


def test_a_free_box_is_entered_for_whoever_gets_it_with_a_journey(desk, koike):
    box = free_device()
    assert scan(desk, box.code, koike.staff_number).outcome == Outcome.BOUND
    box.refresh_from_db()
    loan = Loan.objects.get(device=box)
    assert (box.state, loan.person, loan.handed_over_at) == (DeviceState.LENT, koike, NOW)
    assert Journey.objects.open().filter(loan=loan, person=koike).exists()
    assert kinds(box) == ["bound", "handed_out"]


def test_the_asset_tag_does_at_the_counter_what_the_code_does(desk, koike):
    box = kept_box(person=koike)
    assert scan(desk, box.asset_tag.lower(), koike.staff_number).outcome == Outcome.HANDED


def test_somebody_seen_in_person_needs_no_number(desk, koike):
    box = kept_box(person=koike)
    assert scan(desk, box.code, as_kept=True).outcome == Outcome.HANDED


def test_the_wrong_department_is_said_in_words(desk, koike):
    other = UserFactory.create(name="小野")
    done = scan(desk, kept_box(person=koike).code, other.staff_number)
    assert done.outcome == Outcome.OTHER_DEPARTMENT
    assert all(word in sentence(done) for word in ("小池", "小野", "総務課"))
    assert not Loan.objects.filter(handed_over_at__isnull=False).exists()


def test_the_same_scan_twice_is_one_hand_out(desk, koike):
    box = free_device()
    first = scan(desk, box.code, koike.staff_number, client="d" * 32, sequence=4)
    again = scan(desk, box.code, koike.staff_number, client="d" * 32, sequence=4, now=LATER)
    assert first.pk == again.pk
    assert Loan.objects.filter(device=box).count() == 1
    assert kinds(box) == ["bound", "handed_out"]


def test_the_clock_of_a_device_cannot_run_ahead(desk, koike):
    done = scan(desk, kept_box(person=koike).code, "203", scanned_at=NOW + timedelta(days=3))
    assert done.scanned_at == NOW


def test_a_shared_device_goes_to_somebody_of_its_department(desk, koike, section):
    box = kept_box(kind=LoanKind.SHARED, person=None, department=section)
    assert scan(desk, box.code, koike.staff_number).outcome == Outcome.HANDED


def test_a_second_device_is_forced_by_it_and_the_desk_only(desk, lead, koike):
    kept_box(person=koike)
    box = free_device()
    assert scan(desk, box.code, "203").outcome == Outcome.HAS_ONE
    assert scan(lead, box.code, "203", forced=True).outcome == Outcome.HAS_ONE
    assert scan(desk, box.code, "203", forced=True).outcome == Outcome.BOUND


def test_a_lead_hands_out_own_boxes_and_no_others(lead, koike):
    assert scan(lead, kept_box(person=koike).code, "203").outcome == Outcome.HANDED
    stranger = UserFactory.create(name="他課の人")
    done = scan(lead, kept_box(person=stranger).code, stranger.staff_number)
    assert done.outcome == Outcome.NOT_YOURS
    assert "他課の人" not in sentence(done)
    assert scan(lead, free_device().code, stranger.staff_number).outcome == Outcome.NOT_YOURS


def test_a_hand_out_is_taken_back_as_if_it_had_not_been(desk, koike):
    box = kept_box(person=koike)
    done = scan(desk, box.code, "203")
    assert take_back(done, desk).undone_at == LATER
    assert Loan.objects.get(device=box).handed_over_at is None
    assert kinds(box) == ["handed_out", "taken_back"]
    assert scan(desk, box.code, "203", now=LATER).outcome == Outcome.HANDED
    with pytest.raises(CannotUndoError):
        take_back(done, desk)


def test_a_box_that_was_free_is_free_again(desk, koike):
    box = free_device()
    take_back(scan(desk, box.code, "203"), desk)
    box.refresh_from_db()
    assert box.state == DeviceState.STOCK
    assert not Loan.objects.open().filter(device=box).exists()
    assert not Journey.objects.open().exists()
    assert kinds(box)[-2:] == ["taken_back", "unbound"]


def test_whoever_has_begun_keeps_the_box(desk, koike):
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    box = kept_box(person=koike)
    done = scan(desk, box.code, "203")
    begin(journey_id=Journey.objects.get().pk, who=Who(via=Via.BOX), now=NOW)
    with pytest.raises(CannotUndoError) as refused:
        take_back(done, desk)
    assert refused.value.why == "begun"
    assert Loan.objects.get(device=box).handed_over_at == NOW


def test_a_carton_arrives_at_once_and_its_boxes_once(desk):
    for _ in range(3):
        free_device(carton="C-07")
    assert arrival(desk, Device.objects.first().code).outcome == Outcome.ARRIVED
    done = arrival(desk, "c-07")
    assert (done.outcome, done.boxes) == (Outcome.ARRIVED, 2)
    assert arrival(desk, "C-07").outcome == Outcome.HERE_BEFORE
    assert DeviceEvent.objects.filter(kind="received").count() == 3


def test_a_carton_is_taken_back_as_a_whole_but_for_what_went_out(desk, koike):
    boxes = [free_device(carton="C-07") for _ in range(4)]
    arrival(desk, boxes[0].code)
    done = arrival(desk, "C-07")
    scan(desk, boxes[1].code, "203")
    assert take_back(done, desk).undone_at == LATER
    here = Device.objects.filter(arrived_at__isnull=False).order_by("pk")
    assert list(here) == boxes[:2]
    assert kinds(boxes[3]) == ["received", "not_received"]
    with pytest.raises(CannotUndoError):
        take_back(done, desk)
    assert arrival(desk, "C-07").boxes == 2


def test_an_arrival_is_taken_back(desk):
    box = free_device()
    take_back(arrival(desk, box.code), desk)
    box.refresh_from_db()
    assert box.arrived_at is None
    assert kinds(box) == ["received", "not_received"]


def test_a_refused_scan_is_never_taken_back(desk):
    with pytest.raises(CannotUndoError):
        take_back(scan(desk, "nothing", "1"), desk)
    with pytest.raises(IntegrityError, match="scan_only_good_ones"), transaction.atomic():
        Scan.objects.update(undone_at=NOW)


def test_a_scan_stands_once_and_with_a_known_outcome(desk):
    scan(desk, "nothing", client="e" * 32, sequence=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Scan.objects.create(
            client="e" * 32, sequence=1, mode="hand_out", outcome="unknown", at=NOW
        )
    with pytest.raises(IntegrityError, match="scan_outcome_known"), transaction.atomic():
        Scan.objects.create(client="f" * 32, sequence=1, mode="hand_out", outcome="x", at=NOW)


def test_a_spare_loan_is_for_a_person():
    with pytest.raises(IntegrityError, match="loan_person_unless_shared"):
        LoanFactory.create(kind=LoanKind.SPARE, person=None, device=DeviceFactory.create())
