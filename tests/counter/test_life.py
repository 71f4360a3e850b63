"""A device goes through its life by events; its person keeps what is theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.appendonly import guard
from accounts.models import User
from kitting.counter.actions import life
from kitting.counter.queries import device_page
from kitting.counter.rules import stage
from kitting.counter.states import Stage
from kitting.devices.actions.life import Deed, NotInThatStateError, happen
from kitting.devices.models import KEPT_EVENTS, Device, DeviceEvent, Loan
from kitting.devices.states import MOVES, DeviceEventKind, DeviceState, LoanKind
from kitting.escalation.actions.departing import follow_departures
from kitting.escalation.models import Ticket
from kitting.escalation.states import TicketKind
from kitting.guides.actions import load_guide
from kitting.guides.models import Step
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.facts import fact_of, progress_of, row_values
from kitting.journeys.actions.loans import follow_loans
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.models import Journey
from kitting.journeys.rules import plan_from, replay
from kitting.journeys.states import CloseReason, Method, Via
from kitting.notices.models import Notice
from tests.counter.conftest import free_device, kept_box
from tests.factories import NOW, DeviceFactory, UserFactory, shipped_guide

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
STATES = DeviceState


@pytest.fixture
def guide():
    return load_guide(draft=shipped_guide(), now=NOW, publish=True).edition


@pytest.fixture
def deed(it):
    return Deed(now=LATER, by=it, why="画面が割れた")


def walked(device: Device, *, steps: int = 15) -> Journey:
    """Let the person of a device do some steps."""
    journey = Journey.objects.open().get(loan__device=device)
    who = Who(via=Via.BOX)
    begin(journey_id=journey.pk, who=who, now=NOW)
    journey.refresh_from_db()
    for key, *_rest in journey.step_keys[:steps]:
        finish_step(journey_id=journey.pk, step_key=key, who=who, now=NOW)
    journey.refresh_from_db()
    return journey


@pytest.mark.parametrize("kind", DeviceEventKind)
@pytest.mark.parametrize("state", DeviceState)
def test_a_device_moves_only_as_the_table_says(kind, state, deed):
    device = DeviceFactory.create(state=state)
    allowed, after = MOVES[kind]
    if state not in allowed:
        with pytest.raises(NotInThatStateError):
            happen(device_id=device.pk, kind=kind, deed=deed)
        assert not DeviceEvent.objects.exists()
        return
    event = happen(device_id=device.pk, kind=kind, deed=deed)
    device.refresh_from_db()
    assert device.state == (after or state) == event.after
    assert (event.before, event.actor, event.note.text) == (state, deed.by, deed.why)


def test_the_database_keeps_events_to_known_words(deed):
    words = {"kind": "repaired", "before": "repair", "after": "stock"}
    for change, name in (
        ({"kind": "eaten"}, "device_event_kind_known"),
        ({"after": "eaten"}, "device_event_states_known"),
    ):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            DeviceEvent.objects.create(device=free_device(), at=NOW, **words | change)


@pytest.fixture
def guards(db: None) -> None:
    """The triggers as the migration makes them: a test before may have let them go."""
    guard(connection, KEPT_EVENTS)


CHANGES = [
    "UPDATE kitting_deviceevent SET kind = 'lost'",
    "UPDATE kitting_deviceevent SET \"after\" = 'lost'",
    "UPDATE kitting_deviceevent SET at = '2027-01-01 00:00:00+00:00'",
    "UPDATE kitting_deviceevent SET loan_id = NULL",
    "UPDATE kitting_deviceevent SET data = '{\"a\": 1}'",
    "UPDATE kitting_deviceevent SET actor_id = (SELECT max(id) FROM accounts_user)",
    "DELETE FROM kitting_deviceevent",
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_or_remove_an_event(guards, deed, change):
    device = kept_box(person=UserFactory.create())
    loan = device.loans.get()
    happen(device_id=device.pk, kind=DeviceEventKind.HANDED_OUT, deed=deed, loan=loan)
    UserFactory.create()
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute(change)


def test_words_and_names_of_an_event_can_go(guards, deed):
    event = happen(device_id=free_device().pk, kind=DeviceEventKind.SENT_TO_REPAIR, deed=deed)
    event.note.text = ""
    event.note.save(update_fields=["text"])
    DeviceEvent.objects.filter(pk=event.pk).update(actor=None)
    event.refresh_from_db()
    assert (event.kind, event.actor, event.note.text) == ("sent_to_repair", None, "")


def test_through_an_exchange_the_person_keeps_what_is_theirs_alone(guide, koike, deed):
    old, new = kept_box(person=koike), free_device()
    before = walked(old)
    life.swap(device=old, new=new, seen=STATES.LENT, old_goes=STATES.REPAIR, deed=deed)
    before.refresh_from_db()
    after = Journey.objects.open().get(person=koike)
    kept = set(
        Step.objects.filter(edition=guide, survives_swap=True).values_list("key", flat=True)
    )
    done = set(before.records.values_list("step_key", flat=True))
    assert before.close_reason == CloseReason.SWAPPED
    assert set(after.records.values_list("step_key", flat=True)) == done & kept
    assert done & kept
    assert done - kept
    assert set(after.records.values_list("method", flat=True)) == {Method.CARRIED}
    assert after.current_step == "check-box"
    assert after.loan.device == new
    assert (after.edition, after.step_keys) == (before.edition, before.step_keys)
    assert [Device.objects.get(pk=d.pk).state for d in (old, new)] == ["repair", "lent"]


def test_a_journey_after_an_exchange_replays_to_its_counters(guide, koike, deed):
    old = kept_box(person=koike)
    walked(old)
    life.swap(device=old, new=free_device(), seen=STATES.LENT, old_goes=STATES.STOCK, deed=deed)
    journey = Journey.objects.open().get(person=koike)
    plan = plan_from(journey.step_keys)
    events = journey.events.order_by("number")
    replayed = replay(plan, (fact_of(event) for event in events))
    assert row_values(plan, replayed) == row_values(
        plan, progress_of(journey, journey.records.all())
    )
    assert journey.event_count == len(events)


def test_an_exchange_before_anything_began_carries_nothing(guide, koike, deed):
    old = kept_box(person=koike)
    life.swap(device=old, new=free_device(), seen=STATES.LENT, old_goes=STATES.STOCK, deed=deed)
    journey = Journey.objects.open().get(person=koike)
    assert (journey.begun_at, journey.event_count) == (None, 0)


def test_a_device_that_is_lent_already_is_no_other_device(koike, deed):
    old, taken = kept_box(person=koike), kept_box()
    with pytest.raises(NotInThatStateError):
        life.swap(device=old, new=taken, seen=STATES.LENT, old_goes=STATES.STOCK, deed=deed)
    assert Loan.objects.open().filter(device=old, person=koike).exists()


def test_what_was_seen_must_still_be_true(koike, deed):
    device = kept_box(person=koike)
    with pytest.raises(NotInThatStateError) as refused:
        life.do(device=device, kind=DeviceEventKind.RETURNED, seen=STATES.RETURNING, deed=deed)
    assert refused.value.state == STATES.LENT


def act(device: Device, kind: DeviceEventKind, deed: Deed) -> Device:
    device.refresh_from_db()
    life.do(device=device, kind=kind, seen=STATES(device.state), deed=deed)
    device.refresh_from_db()
    return device


def test_repair_keeps_loan_and_progress_and_reminds_nobody(guide, koike, deed):
    device = kept_box(person=koike)
    journey = walked(device, steps=3)
    assert act(device, DeviceEventKind.SENT_TO_REPAIR, deed).state == STATES.REPAIR
    journey.refresh_from_db()
    assert journey.paused_until > LATER + timedelta(days=30)
    spare = free_device()
    loan = life.lend_spare(device=device, spare=spare, deed=deed)
    assert (loan.kind, loan.person) == (LoanKind.SPARE, koike)
    follow_loans(now=LATER)
    assert Journey.objects.open().filter(person=koike).count() == 1
    assert act(device, DeviceEventKind.REPAIRED, deed).state == STATES.LENT
    journey.refresh_from_db()
    assert (journey.steps_done, journey.closed_at) == (3, None)
    assert journey.paused_until == LATER
    assert act(spare, DeviceEventKind.RETURNED, deed).state == STATES.STOCK
    assert not Loan.objects.open().filter(device=spare).exists()


def test_a_spare_opens_the_short_guide_and_no_door(guide, koike, deed):
    device, spare = kept_box(person=koike), free_device()
    life.lend_spare(device=device, spare=spare, deed=deed)
    client = Client(headers={"accept-language": "ja"})
    page = client.get(f"/d/{spare.code}")
    assert 'name="staff_number"' not in page.text
    assert page.context["state"] == "spare"
    assert koike.name not in page.text


def test_a_loss_and_a_find_are_one_story(koike, deed):
    device = kept_box(person=koike)
    assert act(device, DeviceEventKind.LOST, deed).state == STATES.LOST
    assert Ticket.objects.open().filter(device=device, kind=TicketKind.LOSS).exists()
    assert not Journey.objects.open().exists()
    assert act(device, DeviceEventKind.FOUND, deed).state == STATES.FOUND
    assert not Ticket.objects.open().filter(device=device).exists()
    assert act(device, DeviceEventKind.CHECKED, deed).state == STATES.STOCK
    assert act(device, DeviceEventKind.RETIRED, deed).state == STATES.RETIRED
    told = device.events.order_by("pk").values_list("kind", flat=True)
    assert list(told) == ["lost", "found", "checked", "retired"]


def test_whoever_leaves_is_asked_for_the_device_and_it_comes_back(koike, deed):
    device = kept_box(person=koike)
    User.objects.filter(pk=koike.pk).update(left_on=NOW.date())
    follow_departures(now=NOW)
    device.refresh_from_db()
    assert device.state == STATES.RETURNING
    assert device.events.get().kind == "asked_back"
    assert act(device, DeviceEventKind.RETURNED, deed).state == STATES.STOCK
    assert not Ticket.objects.open().filter(kind=TicketKind.RETURN).exists()
    assert not Loan.objects.open().filter(device=device).exists()


def test_what_it_asks_back_is_a_ticket_until_it_is_here(koike, lead, deed, it):
    device = kept_box(person=koike)
    assert act(device, DeviceEventKind.ASKED_BACK, deed).state == STATES.RETURNING
    ticket = Ticket.objects.open().get(kind=TicketKind.RETURN)
    assert (ticket.device, ticket.department) == (device, koike.department)
    assert ticket.entries.get(kind="opened").actor == it
    assert Notice.objects.filter(person=lead, kind="return_device").exists()
    act(device, DeviceEventKind.RETURNED, deed)
    assert not Ticket.objects.open().exists()


def test_whoever_leaves_while_the_device_is_in_repair_need_not_bring_it(koike, deed):
    device = kept_box(person=koike)
    act(device, DeviceEventKind.SENT_TO_REPAIR, deed)
    User.objects.filter(pk=koike.pk).update(left_on=NOW.date())
    follow_departures(now=LATER)
    assert not Journey.objects.open().exists()
    assert not Ticket.objects.open().exists()
    assert act(device, DeviceEventKind.REPAIRED, deed).state == STATES.STOCK


def test_nobody_gets_a_spare_for_a_device_nobody_has(deed):
    with pytest.raises(life.NobodyHasItError):
        life.lend_spare(device=free_device(), spare=free_device(), deed=deed)


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        ({"state": STATES.STOCK}, Stage.EXPECTED),
        ({"state": STATES.STOCK, "is_here": True}, Stage.RECEIVED),
        ({"state": STATES.LENT}, Stage.KEPT),
        ({"state": STATES.LENT, "is_handed": True}, Stage.HANDED_OUT),
        ({"state": STATES.LENT, "is_handed": True, "has_begun": True}, Stage.IN_SET_UP),
        ({"state": STATES.LENT, "has_begun": True, "is_ready": True}, Stage.READY),
        *(({"state": s}, Stage(s.value)) for s in STATES if s not in ("stock", "lent")),
    ],
)
def test_a_device_stands_in_one_word(facts, word):
    usual = dict.fromkeys(("is_here", "is_handed", "has_begun", "is_ready"), False)
    assert stage(**{**usual, **facts}) == word


@pytest.fixture
def pages(it) -> Client:
    client = Client(headers={"accept-language": "ja"})
    client.force_login(it)
    return client


def test_the_page_of_a_device_does_what_it_offers_with_a_reason(pages, koike):
    device, other = kept_box(person=koike), free_device()
    page = f"/counter/devices/{device.pk}/"
    assert pages.post(f"{page}swap", {"seen": "lent", "other": ""}).status_code == 422
    values = {"seen": "lent", "other": other.asset_tag, "goes": "repair", "why": "画面割れ"}
    pages.post(f"{page}swap", values)
    assert Loan.objects.open().get(person=koike).device == other
    assert "画面割れ" in pages.get(page).text
    assert device_page(device.pk).deeds == ["repaired", "lost", "retired"]


def test_somebody_new_gets_a_device_from_stock(pages, koike):
    device = free_device()
    values = {"seen": "stock", "person": "203", "why": "10 月の採用"}
    pages.post(f"/counter/devices/{device.pk}/bind", values)
    assert Journey.objects.open().get(person=koike).loan.device == device


def test_a_page_that_is_out_of_date_changes_nothing(pages, koike):
    device = kept_box(person=koike)
    page = f"/counter/devices/{device.pk}/"
    told = pages.post(f"{page}returned", {"seen": "returning", "why": "x"}, follow=True)
    assert "貸出中" in told.text
    assert not device.events.exists()


def test_devices_are_found_by_every_number_and_by_person(pages, koike):
    device = kept_box(person=koike)
    kept_box()
    for text in (device.asset_tag, device.serial_number, device.code, "203", "小池"):
        found = pages.get("/counter/devices/", {"q": text}).context["page"]
        assert list(found) == [device], text
    assert not list(pages.get("/counter/devices/?state=lost").context["page"])


def test_the_list_of_devices_asks_the_same_with_one_row_and_with_three(pages):
    counts = []
    for more in (1, 2):
        for _n in range(more):
            kept_box()
        with CaptureQueriesContext(connection) as asked:
            pages.get("/counter/devices/")
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_three_steps_of_a_new_place_are_read_by_anybody(koike):
    page = Client(headers={"accept-language": "ja"}).get("/moved/")
    assert page.text.count("<h2") >= 3
    koike.place.wifi_name = "asahi-higashi"
    koike.place.save()
    own = Client()
    own.force_login(koike)
    assert "asahi-higashi" in own.get("/moved/").text


def test_a_carried_step_is_done_by_nobody_just_now(guide, koike, deed):
    old = kept_box(person=koike)
    walked(old)
    life.swap(device=old, new=free_device(), seen=STATES.LENT, old_goes=STATES.STOCK, deed=deed)
    assert Journey.objects.open().get(person=koike).last_event_at is None
