"""Printings that are ordered on a page: checked first, drawn outside, noted when they are done."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from accounts.models import AuditEntry
from kitting.devices.models import BoxCode
from kitting.jobs.actions import DEAD_AFTER, fail, take_up
from kitting.jobs.models import Job
from kitting.labels.actions.orders import (
    Wish,
    carry_out,
    check_wishes,
    forget_prints,
    order_labels,
)
from kitting.labels.drawing import AddressError, MissingGlyphError, NothingToPrintError
from kitting.labels.drawing.outside import DrawingFailedError, draw_outside
from kitting.labels.queries import JOBS, Chosen, labels_to_print, sender
from kitting.labels.sheets import USUAL, Kind
from kitting.lib.codes import make_code, parse
from kitting.site.models import SiteProfile
from tests.factories import NOW, DeviceFactory, LoanFactory, PlaceFactory, UserFactory
from tests.labels.printing import read_codes

pytestmark = pytest.mark.django_db
PAIR = [Wish(kind, USUAL[kind].key) for kind in Kind]


@pytest.fixture(autouse=True)
def _site(settings):
    settings.SITE_URL = "https://kitto.example.lg.jp"


@pytest.fixture
def profile():
    return SiteProfile.objects.create(pk=1, demo_seeded_at=NOW)


def order(profile, wishes=PAIR, **chosen):
    labels = labels_to_print(sender=sender(), chosen=Chosen(**chosen))
    by = UserFactory.create(name="中村 健")
    return order_labels(labels=labels, wishes=wishes, profile=profile, by=by, now=NOW)


def drawn(job, profile):
    assert carry_out(job=job, profile=profile, clock=lambda: NOW)
    job.refresh_from_db()
    folder = Path(settings.PRINT_DIR)
    return [(folder / file["name"]).read_bytes() for file in job.data["written"]]


def test_a_pair_is_drawn_by_a_process_of_its_own_and_noted_when_done(profile):
    codes = {LoanFactory.create().device.code for _ in range(3)}
    job = order(profile)
    assert BoxCode.objects.filter(printed_at=NOW).count() == 0
    box, device = drawn(take_up(prefix=JOBS, now=NOW), profile)
    assert {parse(code) for code in read_codes(box)} == codes
    assert {parse(code) for code in read_codes(device)} == codes
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("done", 6, 6)
    assert BoxCode.objects.filter(printed_at=NOW).count() == 3
    entry = AuditEntry.objects.get(action="labels.printed")
    assert (entry.actor_name, entry.data["number"]) == ("中村 健", 3)


def test_a_printing_that_was_stopped_notes_nothing_and_leaves_no_file(profile):
    LoanFactory.create()
    job = order(profile)
    fail(job_id=job.pk, now=NOW, message="x")
    # Another test may have left files of a printing with the same number.
    before = set(Path(settings.PRINT_DIR).glob("*"))
    assert not carry_out(job=job, profile=profile, clock=lambda: NOW)
    assert BoxCode.objects.filter(printed_at__isnull=False).count() == 0
    assert set(Path(settings.PRINT_DIR).glob("*")) == before


def test_paper_that_was_dropped_meanwhile_fails_the_printing_in_words(profile):
    LoanFactory.create()
    job = order(profile)
    job.data["files"][0]["paper"] = "own-99"
    assert not carry_out(job=job, profile=profile, clock=lambda: NOW)
    job.refresh_from_db()
    assert (job.state, bool(job.message)) == ("failed", True)


def test_one_printing_a_person_goes_on_at_a_time_and_others_do_not_wait(profile):
    LoanFactory.create()
    by, other = UserFactory.create_batch(2)
    labels = labels_to_print(sender=sender())
    made = [
        order_labels(labels=labels, wishes=PAIR, profile=profile, by=person, now=NOW)
        for person in (by, by, other)
    ]
    assert [job is None for job in made] == [False, True, False]


def test_a_printing_is_taken_by_one_worker_and_a_dead_one_is_closed(profile):
    LoanFactory.create()
    job = order(profile)
    assert take_up(prefix=JOBS, now=NOW) == job
    assert take_up(prefix=JOBS, now=NOW) is None
    later = NOW + DEAD_AFTER + timedelta(seconds=1)
    assert take_up(prefix=JOBS, now=later) is None
    job.refresh_from_db()
    assert job.state == "failed"


def test_what_cannot_be_printed_is_refused_before_a_job_is_made(profile):
    LoanFactory.create(
        place=PlaceFactory.create(name="𠮷野分室"), device__asset_tag="CB-000007"
    )
    with pytest.raises(MissingGlyphError) as caught:
        order(profile)
    assert caught.value.found == {"CB-000007": ("𠮷",)}
    assert not Job.objects.exists()


def test_nothing_chosen_and_an_address_that_leads_nowhere_are_refused(profile, settings):
    with pytest.raises(NothingToPrintError):
        order(profile, codes=[])
    LoanFactory.create()
    settings.SITE_URL = "http://127.0.0.1:8000"
    labels = labels_to_print(sender=sender())
    with pytest.raises(AddressError):
        check_wishes(labels=labels, wishes=PAIR, profile=SiteProfile())


def test_names_are_asked_for_with_the_printing_and_never_go_onto_the_device(profile):
    LoanFactory.create(person=UserFactory.create(name="𠮷野 花子"))
    labels = labels_to_print(sender=sender(), with_names=True)
    check_wishes(labels=labels, wishes=PAIR[1:], profile=profile)
    with pytest.raises(MissingGlyphError):
        check_wishes(labels=labels, wishes=PAIR, profile=profile)
    assert labels_to_print(sender=sender())[0].person == ""


def test_old_files_are_deleted_and_the_printing_stays_known():
    name = storages["prints"].save("7-abc/labels.pdf", ContentFile(b"%PDF-"))
    data = {"what": "labels", "codes": [], "written": [{"name": name}]}
    moments = {"created_at": NOW, "heard_at": NOW, "finished_at": NOW}
    job = Job.objects.create(kind=f"{JOBS}1", state="done", data=data, **moments)
    days = timedelta(days=settings.PRINT_DAYS)
    assert forget_prints(now=NOW + days) == 0
    assert storages["prints"].exists(name)
    assert forget_prints(now=NOW + days + timedelta(seconds=1)) == 1
    assert not storages["prints"].exists(name)
    assert Job.objects.get(pk=job.pk).data["written"] == []


def test_a_drawing_that_fails_says_so():
    with pytest.raises(DrawingFailedError):
        draw_outside({"files": [{"what": "?", "path": "/dev/null"}]}, lambda _drawn: True)


@pytest.mark.parametrize("count", [1, 3])
def test_codes_without_a_device_have_labels_that_say_nothing_else(
    count, django_assert_num_queries
):
    DeviceFactory.create()
    codes = [make_code() for _ in range(count)]
    BoxCode.objects.bulk_create([BoxCode(code=code, created_at=NOW) for code in codes])
    with django_assert_num_queries(2 + 1):  # the site's words, the boxes, the codes that wait
        labels = labels_to_print(sender=sender(), chosen=Chosen(codes=codes))
    assert [label.code for label in labels] == codes
    assert {(label.place, label.asset_tag) for label in labels} == {("", "")}
