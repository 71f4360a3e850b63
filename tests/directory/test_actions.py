"""What follows from what Google shows: entries, confirmed steps, tickets, and orders to devices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import AuditEntry
from accounts.queries import SecondFactor
from accounts.states import Role
from kitting.directory.actions.changing import (
    ChangeRefusedError,
    ask_change,
    ask_write_back,
    finish_by_hand,
    work_off,
)
from kitting.directory.actions.looking import begin_look, hold, stumble, take_page, take_sheet
from kitting.directory.client import Directory, DirectoryError, Page
from kitting.directory.forms import read_export
from kitting.directory.queries import access
from kitting.directory.states import ChangeKind, ChangeState, LookState, Problem, Scope
from kitting.escalation.actions.asking import report
from kitting.escalation.actions.helping import resolve, take
from kitting.escalation.states import TicketKind
from kitting.models import DirectoryDevice, DirectoryLook, Event, Journey, RemoteChange, Ticket
from tests.directory.city import (
    BEGAN,
    at_google,
    guide,
    looked,
    person_on_the_way,
    result_of,
    say,
)
from tests.directory.fake import Trick, a_device, devices
from tests.factories import (
    NOW,
    DeviceFactory,
    DirectoryDeviceFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    RemoteChangeFactory,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def it():
    return GrantFactory.create(role=Role.IT).person


@pytest.fixture
def way(set_up):
    """A guide, and a directory to look at."""
    guide()
    return set_up


# --- looking ---


def test_a_look_takes_every_page_in_and_knows_its_own_devices(way):
    mine = DeviceFactory.create(serial_number="5CD0000007")
    way.put(*devices(range(650)))
    look = looked()
    assert (look.state, look.pages, look.seen, look.changed) == ("done", 3, 650, 650)
    assert DirectoryDevice.objects.count() == 650
    assert DirectoryDevice.objects.get(device=mine).serial_number == "5CD0000007"


def test_a_second_look_changes_nothing(way):
    way.put(*devices(range(20)))
    looked()
    before = list(DirectoryDevice.objects.order_by("key").values_list("key", "status"))
    DirectoryLook.objects.update(
        finished_at=NOW - timedelta(days=2), started_at=NOW - timedelta(days=2)
    )
    again = looked()
    assert (again.seen, again.changed) == (20, 0)
    assert before == list(DirectoryDevice.objects.order_by("key").values_list("key", "status"))


def test_a_killed_worker_loses_no_page(way, directory):
    way.put(*devices(range(700)))
    look = begin_look(scope=Scope.FULL, now=NOW)
    take_page(look_id=look.pk, token="", page=directory.page(), now=NOW)  # a place in a list
    way.asked.clear()
    DirectoryLook.objects.update(busy_until=None)
    assert looked().state == LookState.DONE
    assert "pageToken" in way.asked[0].params
    assert len(way.asked) == 2
    assert DirectoryDevice.objects.count() == 700


def test_a_page_counts_once_whoever_reads_it(way, directory):
    way.put(*devices(range(400)))
    look = begin_look(scope=Scope.FULL, now=NOW)
    page = directory.page()
    first = take_page(look_id=look.pk, token="", page=page, now=NOW)  # see above
    second = take_page(look_id=look.pk, token="", page=page, now=NOW)  # see above
    assert (first, second) == (True, False)
    assert DirectoryLook.objects.get().seen == 300


def test_one_worker_at_a_time_holds_a_look(way):
    look = begin_look(scope=Scope.FULL, now=NOW)
    assert hold(look_id=look.pk, now=NOW) is not None
    assert hold(look_id=look.pk, now=NOW) is None
    assert hold(look_id=look.pk, now=NOW + timedelta(minutes=6)) is not None
    assert begin_look(scope=Scope.FULL, now=NOW) is None


def test_a_quota_makes_a_look_wait_and_go_on_from_there(way):
    way.put(*devices(range(400)))
    with time_machine.travel(NOW, tick=False):
        begin_look(scope=Scope.FULL, now=NOW)
        way.tricks.extend([Trick(), Trick(429, retry_after="600")])
        waiting = looked()
    assert (waiting.state, waiting.problem, waiting.pages) == ("running", Problem.QUOTA, 1)
    assert waiting.retry_at - waiting.started_at >= timedelta(seconds=600)
    assert hold(look_id=waiting.pk, now=waiting.started_at + timedelta(seconds=300)) is None
    DirectoryLook.objects.update(retry_at=None)
    done = looked()
    assert (done.state, done.problem, done.pages, done.seen) == ("done", "", 2, 400)


def test_a_lost_place_begins_the_list_anew(way):
    way.put(*devices(range(400)))
    begin_look(scope=Scope.FULL, now=NOW)
    DirectoryLook.objects.update(page_token="forgotten-300")
    assert looked().problem == Problem.TOKEN_EXPIRED
    DirectoryLook.objects.update(retry_at=None)
    assert looked().state == LookState.DONE
    assert DirectoryDevice.objects.count() == 400


def test_what_waiting_does_not_help_ends_a_look_with_its_reason(way):
    way.scopes = frozenset()
    look = looked()
    assert (look.state, look.problem) == ("failed", Problem.TOKEN_REFUSED)


def test_a_server_that_stays_away_is_given_up_on(way):
    look = begin_look(scope=Scope.FULL, now=NOW)
    error = DirectoryError(Problem.AWAY)
    waits = [stumble(look_id=look.pk, error=error, now=NOW) for _try in range(24)]
    assert waits == [True] * 23 + [False]
    assert DirectoryLook.objects.get().state == LookState.FAILED


def test_strange_devices_and_statuses_are_no_crash(way):
    DeviceFactory.create(serial_number="5CD0000001")
    way.put(
        a_device(1, status="QUARANTINED_2027", recentUsers="?", lastSync=5, osUpdateStatus=[]),
        a_device(2, serialNumber=""),
        {"deviceId": "x", "serialNumber": None},
    )
    look = looked()
    assert (look.state, look.seen, look.unreadable) == ("done", 1, 2)
    entry = DirectoryDevice.objects.get()
    assert (entry.status, entry.standing) == ("QUARANTINED_2027", "unknown")


def test_what_google_lists_no_more_is_gone_and_may_come_back(way):
    way.put(*devices([1, 2]))
    looked()
    gone = way.devices.popitem()[1]
    way.fresh = []
    DirectoryLook.objects.update(started_at=NOW - timedelta(days=2))
    assert looked().gone == 1
    assert DirectoryDevice.objects.current().count() == 1
    way.put(gone)
    DirectoryLook.objects.update(started_at=NOW - timedelta(days=2))
    looked()
    assert DirectoryDevice.objects.current().count() == 2


def test_a_look_at_the_newest_stops_where_the_last_one_was(way, settings):
    way.put(*(a_device(n, lastSync="2026-01-01T00:00:00Z") for n in range(1000)))
    looked()
    way.asked.clear()
    DirectoryLook.objects.update(started_at=NOW - timedelta(hours=20), finished_at=NOW)
    with time_machine.travel(NOW, tick=False):
        begin_look(scope=Scope.NEWEST, now=NOW)
        look = looked()
    assert (look.scope, look.state, look.pages, look.gone) == ("newest", "done", 1, 0)
    assert way.asked[0].params["orderBy"] == "lastSync"


def test_an_old_entry_of_a_device_does_not_stand_for_it(way):
    device = DeviceFactory.create(serial_number="5CD0000001")
    old = a_device(2, serialNumber="5CD0000001", status="DEPROVISIONED")
    way.put(old, a_device(1))
    looked()
    assert DirectoryDevice.objects.current().get(device=device).status == "ACTIVE"
    assert DirectoryDevice.objects.filter(device=device).count() == 2


def test_a_device_that_comes_to_kitto_later_finds_its_entry(way):
    way.put(a_device(1))
    looked()
    device = DeviceFactory.create(serial_number="5cd0000001")
    DirectoryLook.objects.update(started_at=NOW - timedelta(days=2))
    way.devices.clear()
    way.put(a_device(2))
    begin_look(scope=Scope.NEWEST, now=NOW)
    looked()
    assert DirectoryDevice.objects.get(serial_number="5CD0000001").device == device


def test_a_serial_number_that_only_begins_alike_is_another_device(way):
    DeviceFactory.create(serial_number="5CD000000")
    way.put(a_device(1))
    looked()
    assert DirectoryDevice.objects.get().device is None


# --- steps that confirm themselves ---


def test_enrolment_after_the_hand_over_confirms_the_step_with_its_reason(way):
    journey = person_on_the_way()
    way.put(at_google(journey))
    look = looked()
    assert result_of(journey, "enroll") == ("confirmed", "directory", "enrolled")
    assert result_of(journey, "sign-in") == ("confirmed", "directory", "signed_in")
    assert look.confirmed == 2


def test_what_the_person_said_becomes_confirmed_and_nobodys_clock_moves(way):
    journey = person_on_the_way()
    say(journey, "enroll", "sign-in")
    before = Journey.objects.get()
    way.put(at_google(journey))
    looked()
    after = Journey.objects.get()
    assert result_of(journey, "enroll")[0] == "confirmed"
    assert (after.steps_done, after.active_seconds, after.last_event_at) == (
        before.steps_done,
        before.active_seconds,
        before.last_event_at,
    )


def test_confirming_again_is_no_new_event(way):
    journey = person_on_the_way()
    way.put(at_google(journey))
    looked()
    events = Event.objects.count()
    DirectoryLook.objects.update(started_at=NOW - timedelta(days=2))
    assert looked().confirmed == 0
    assert Event.objects.count() == events


def test_an_enrolment_before_the_hand_over_proves_nothing(way):
    journey = person_on_the_way(handed_over_at=BEGAN)
    way.put(at_google(journey, lastEnrollmentTime="2026-11-01T00:00:00Z", recentUsers=[]))
    looked()
    assert result_of(journey, "enroll") == ("", "", "")


def test_the_account_of_the_roll_counts_beside_the_address(way):
    journey = person_on_the_way(person__account="Taro@chrome.asahi.example.jp")
    users = [{"email": "someone@x.example"}, {"email": "taro@CHROME.asahi.example.jp"}]
    way.put(at_google(journey, recentUsers=users))
    looked()
    assert result_of(journey, "sign-in")[0] == "confirmed"


def test_who_has_not_begun_is_not_begun_by_google(way):
    journey = JourneyFactory.create()
    way.put(at_google(journey))
    looked()
    journey.refresh_from_db()
    assert journey.begun_at is None


# --- disagreement ---


def contradicted(way, **changes):
    journey = person_on_the_way()
    say(journey, "enroll", "sign-in")
    way.put(at_google(journey, **changes))
    return journey


OTHER = {
    "recentUsers": [{"email": "other@asahi.example.jp"}],
    "lastSync": "2026-11-10T06:00:00Z",
}


def test_another_person_signed_in_becomes_a_ticket_that_says_who(way):
    journey = contradicted(way, **OTHER)
    assert looked().opened == 1
    ticket = Ticket.objects.get(kind=TicketKind.DIRECTORY)
    assert ticket.journey == journey
    lines = [e.data for e in ticket.entries.filter(kind="note")]
    assert lines == [{"finding": "other_person", "seen": "other@asahi.example.jp"}]


def test_who_has_not_said_they_signed_in_is_contradicted_by_nobody(way):
    journey = person_on_the_way()
    way.put(at_google(journey, **OTHER))
    looked()
    assert not Ticket.objects.exists()


def test_another_unit_becomes_a_ticket_only_where_units_are_set(way, settings):
    contradicted(way, orgUnitPath="/学校/1年")
    looked()
    assert not Ticket.objects.exists()
    settings.DIRECTORY_STAFF_UNITS = ["/職員"]
    DirectoryLook.objects.update(started_at=NOW - timedelta(days=2))
    looked()
    assert Ticket.objects.get().entries.filter(data__finding="other_unit").exists()


@pytest.mark.parametrize("status", ["PRE_PROVISIONED", "DEPROVISIONED", None])
def test_said_to_be_enrolled_but_not_at_google_becomes_a_ticket(way, status):
    journey = contradicted(way, status=status or "ACTIVE")
    if status is None:
        way.devices.clear()
        way.put(a_device(99))
    looked()
    ticket = Ticket.objects.get()
    assert (ticket.kind, ticket.journey) == (TicketKind.DIRECTORY, journey)
    assert ticket.entries.filter(data__finding="not_enrolled").exists()


def test_a_status_nobody_knows_contradicts_nobody(way):
    contradicted(way, status="HIBERNATING")
    looked()
    assert not Ticket.objects.exists()


def test_a_ticket_ends_by_itself_when_both_agree_again(way):
    journey = contradicted(way, **OTHER)
    looked()
    way.put(at_google(journey))
    DirectoryLook.objects.update(started_at=NOW - timedelta(days=2))
    assert looked().closed == 1
    assert Ticket.objects.get().state == "resolved"


def test_a_ticket_somebody_has_is_left_to_them(way, it):
    journey = contradicted(way, **OTHER)
    looked()
    take(ticket=Ticket.objects.get(), by=it, now=NOW)
    way.put(at_google(journey))
    DirectoryLook.objects.update(started_at=NOW - timedelta(days=2))
    assert looked().closed == 0
    assert Ticket.objects.get().state == "taken"


def test_what_it_has_resolved_is_not_opened_again_for_the_same(way, it):
    contradicted(way, **OTHER)
    looked()
    resolve(ticket=Ticket.objects.get(), by=it, words="", now=NOW)
    DirectoryLook.objects.update(started_at=NOW - timedelta(days=2))
    assert looked().opened == 0
    assert Ticket.objects.get().state == "resolved"


def test_a_wrong_setting_floods_nobody_with_tickets(way, settings):
    settings.DIRECTORY_STAFF_UNITS = ["/しょくいん"]
    settings.DIRECTORY_TICKETS_MOST = 3
    way.put(*(at_google(person_on_the_way(), number) for number in range(4)))
    look = looked()
    assert (look.held_back, look.opened) == (4, 0)
    assert not Ticket.objects.exists()


# --- an export instead of access ---

GAM = (
    "deviceId,serialNumber,status,orgUnitPath,annotatedAssetId,lastEnrollmentTime,lastSync,"
    "recentUsers.0.email\n"
)


def gam(journey, **changes):
    values = {
        "deviceId": "g-1",
        "serialNumber": journey.loan.device.serial_number,
        "status": "ACTIVE",
        "orgUnitPath": "/職員",
        "annotatedAssetId": journey.loan.device.asset_tag,
        "lastEnrollmentTime": "2026-11-10T00:00:00.000Z",
        "lastSync": "2026-11-10T06:00:00.000Z",
        "recentUsers.0.email": journey.person.email,
    } | changes
    return (GAM + ",".join(values[name] for name in GAM.strip().split(",")) + "\n").encode()


def test_an_export_confirms_like_google_itself(db, it):
    guide()
    journey = person_on_the_way()
    rows = read_export(gam(journey), "gam.csv")
    result = take_sheet(rows=rows, whole=True, by=it, now=NOW + timedelta(days=1))
    assert (result.seen, result.matched, result.new, result.confirmed) == (1, 1, 1, 2)
    assert result_of(journey, "enroll")[0] == "confirmed"
    assert DirectoryLook.objects.get().source == "sheet"


def test_an_export_looked_at_first_writes_nothing(db):
    guide()
    journey = person_on_the_way()
    result = take_sheet(
        rows=read_export(gam(journey), "gam.csv"), whole=True, now=NOW, dry_run=True
    )
    assert (result.seen, result.matched, result.new) == (1, 1, 1)
    assert not DirectoryDevice.objects.exists()
    assert not DirectoryLook.objects.exists()


def test_an_export_contradicts_by_its_own_newest_moment_not_by_todays(db, it):
    guide()
    journey = person_on_the_way()
    said_at = datetime(2026, 11, 12, tzinfo=UTC)
    say(journey, "enroll", at=said_at)
    old = gam(journey, status="PRE_PROVISIONED")
    take_sheet(rows=read_export(old, "gam.csv"), whole=True, now=said_at + timedelta(days=9))
    assert not Ticket.objects.exists()
    new = gam(journey, status="PRE_PROVISIONED", lastSync="2026-11-15T00:00:00Z")
    take_sheet(rows=read_export(new, "gam.csv"), whole=True, now=said_at + timedelta(days=9))
    assert Ticket.objects.get().kind == TicketKind.DIRECTORY


def test_an_export_with_serial_numbers_alone_keeps_what_is_known(way):
    way.put(a_device(1))
    looked()
    take_sheet(rows=read_export(b"S/N\n5CD0000001\n", "s.csv"), whole=False, now=LATER)
    entry = DirectoryDevice.objects.get()
    assert (entry.status, entry.os_version) == (
        "ACTIVE",
        "150.0.7871.100",
    )


def test_googles_own_entry_takes_the_place_of_an_exports(way):
    take_sheet(
        rows=read_export(b"S/N,status\n5CD0000001,ACTIVE\n", "s.csv"), whole=True, now=NOW
    )
    way.put(a_device(1))
    looked()
    assert DirectoryDevice.objects.get().google_id == a_device(1)["deviceId"]


# --- orders ---


@pytest.fixture
def wide(way, settings):
    settings.DIRECTORY_WRITE = True
    settings.DIRECTORY_WITHOUT_SECOND_FACTOR = True
    return way


def lost(way, it, number=1, **changes):
    """Ask for a device to be disabled, and return the order."""
    device = DeviceFactory.create(serial_number=f"5CD{number:07d}")
    way.put(a_device(number, **changes))
    return ask_change(
        device=device,
        kind=ChangeKind.DISABLE,
        reason="電車に忘れた",
        by=it,
        factor=SecondFactor.NOT_AVAILABLE,
        now=NOW,
    )


def worked_off(now=LATER):
    with Directory(access()) as directory:
        return work_off(directory=directory, now=now)


def settled(change):
    change.refresh_from_db()
    return change.state, change.problem


def test_a_lost_device_is_disabled_and_seen_to_be(wide, it):
    change = lost(wide, it)
    report(device=change.device, kind=TicketKind.LOSS, words="", client="1", now=NOW)
    worked_off()
    assert settled(change) == (ChangeState.SENT, "")
    worked_off(LATER + timedelta(minutes=1))
    assert settled(change) == (ChangeState.DONE, "")
    assert change.status_seen == "DISABLED"
    entries = AuditEntry.objects.filter(action__startswith="directory").order_by("pk")
    actions = list(entries.values_list("action", flat=True))
    assert actions == ["directory.disable_asked", "directory.disable"]
    asked = entries.first()
    assert (asked.actor, asked.data["reason"]) == (it, "電車に忘れた")
    story = (
        Ticket.objects.get().entries.filter(kind="note").values_list("data__device", flat=True)
    )
    assert list(story) == ["disable"]


def test_a_device_can_be_enabled_again(wide, it):
    device = DeviceFactory.create(serial_number="5CD0000001")
    wide.put(a_device(1, status="DISABLED"))
    change = ask_change(
        device=device,
        kind=ChangeKind.REENABLE,
        reason="見つかった",
        by=it,
        factor=SecondFactor.PROVEN,
        now=NOW,
    )
    worked_off()
    worked_off(LATER + timedelta(minutes=1))
    assert settled(change)[0] == ChangeState.DONE
    assert wide.devices[a_device(1)["deviceId"]]["status"] == "ACTIVE"


def test_sixty_orders_go_out_in_calls_of_fifty_at_most(wide, it):
    for number in range(60):
        lost(wide, it, number)
    worked_off()
    worked_off(LATER + timedelta(seconds=1))
    batches = [a.body for a in wide.asked if a.path.endswith(":batchChangeStatus")]
    assert [len(batch["deviceIds"]) for batch in batches] == [50, 10]


def test_a_number_that_begins_alike_is_never_disabled(wide, it):
    device = DeviceFactory.create(serial_number="5CD000000")
    wide.put(*devices([1, 2, 3]))
    change = RemoteChangeFactory.create(device=device, asked_by=it)
    worked_off()
    assert settled(change) == (ChangeState.FAILED, Problem.NOT_FOUND)
    assert {d["status"] for d in wide.devices.values()} == {"ACTIVE"}


def test_an_entry_whose_id_now_means_another_device_is_not_trusted(wide, it):
    change = lost(wide, it)
    other = a_device(2)
    wide.put(other)
    DirectoryDeviceFactory.create(device=change.device, google_id=other["deviceId"])
    worked_off()
    assert wide.devices[other["deviceId"]]["status"] == "ACTIVE"
    assert wide.devices[a_device(1)["deviceId"]]["status"] == "DISABLED"


def test_two_devices_with_one_number_are_left_to_people(wide, it):
    change = lost(wide, it)
    wide.put(a_device(2, serialNumber="5CD0000001"))
    worked_off()
    assert settled(change) == (ChangeState.FAILED, Problem.AMBIGUOUS)


def test_an_order_google_takes_but_does_not_follow_is_said_to_have_failed(wide, it):
    change = lost(wide, it)
    wide.stubborn = {a_device(1)["deviceId"]}
    worked_off()
    worked_off(LATER + timedelta(minutes=1))
    assert settled(change)[0] == ChangeState.SENT
    worked_off(LATER + timedelta(minutes=15))
    assert settled(change) == (ChangeState.FAILED, Problem.NOT_CHANGED)


def test_what_google_refuses_is_written_down(wide, it):
    change = lost(wide, it)
    wide.forbidden_ids = {a_device(1)["deviceId"]}
    worked_off()
    assert settled(change) == (ChangeState.FAILED, Problem.REFUSED)
    assert AuditEntry.objects.filter(action="directory.not_changed").exists()


def test_an_order_waits_out_a_quota(wide, it):
    change = lost(wide, it)
    wide.tricks.append(Trick(429, retry_after="60"))
    worked_off()
    assert settled(change) == (ChangeState.ASKED, Problem.QUOTA)
    worked_off(LATER + timedelta(seconds=30))
    assert settled(change)[0] == ChangeState.ASKED
    worked_off(LATER + timedelta(minutes=2))
    assert settled(change)[0] == ChangeState.SENT


def test_an_order_that_was_carried_out_before_a_crash_is_given_once(wide, it):
    change = lost(wide, it, status="DISABLED")
    worked_off()
    assert settled(change)[0] == ChangeState.DONE
    assert not [a for a in wide.asked if a.method == "POST"]


@pytest.mark.parametrize(
    ("write", "allowed", "factor", "why"),
    [
        (False, True, SecondFactor.PROVEN, "scope"),
        (True, False, SecondFactor.NOT_AVAILABLE, "factor"),
        (True, False, SecondFactor.MISSING, "factor"),
        (True, False, SecondFactor.PROVEN, ""),
        (True, True, SecondFactor.NOT_AVAILABLE, ""),
    ],
)
@pytest.mark.usefixtures("way")
def test_nothing_is_ordered_without_scope_and_second_factor(
    settings, write, allowed, factor, why
):
    settings.DIRECTORY_WRITE, settings.DIRECTORY_WITHOUT_SECOND_FACTOR = write, allowed
    order = {
        "device": DeviceFactory.create(),
        "kind": ChangeKind.DISABLE,
        "reason": "x",
        "by": GrantFactory.create(role=Role.IT).person,
        "now": NOW,
    }
    said = ""
    try:
        ask_change(factor=factor, **order)
    except ChangeRefusedError as refused:
        said = refused.why
    assert said == why
    assert RemoteChange.objects.exists() == (not why)


def test_without_the_scope_the_console_is_timed_by_hand(db, it):
    change = ask_change(
        device=DeviceFactory.create(),
        kind=ChangeKind.DISABLE,
        reason="x",
        by=it,
        factor=SecondFactor.NOT_AVAILABLE,
        now=NOW,
        by_hand=True,
    )
    assert finish_by_hand(change=change, by=it, now=LATER)
    assert not finish_by_hand(change=change, by=it, now=LATER)
    change.refresh_from_db()
    assert (change.asked_at, change.settled_at) == (NOW, LATER)


def test_a_device_has_one_order_at_a_time(wide, it):
    change = lost(wide, it)
    with pytest.raises(ChangeRefusedError, match="open"):
        ask_change(
            device=change.device,
            kind=ChangeKind.REENABLE,
            reason="x",
            by=it,
            factor=SecondFactor.PROVEN,
            now=NOW,
        )


# --- writing back ---


def test_tag_place_and_user_are_written_where_they_differ(wide, settings, it):
    settings.DIRECTORY_WRITE_BACK = True
    loan = LoanFactory.create(device__serial_number="5CD0000001", device__asset_tag="CB-000009")
    wide.put(a_device(1))
    looked()
    assert ask_write_back(by=it, now=NOW) == 1
    assert ask_write_back(by=it, now=NOW) == 0
    worked_off()
    shown = wide.devices[a_device(1)["deviceId"]]
    assert shown["annotatedAssetId"] == "CB-000009"
    assert shown["annotatedLocation"] == loan.place.name
    assert shown["annotatedUser"] == loan.person.email
    assert RemoteChange.objects.get().state == ChangeState.DONE
    assert ask_write_back(by=it, now=NOW) == 0


def test_nothing_is_written_back_unless_the_setting_says_so(wide, it):
    with pytest.raises(ChangeRefusedError, match="setting"):
        ask_write_back(by=it, now=NOW)


def test_an_endless_list_is_given_up_on(way):
    begin_look(scope=Scope.FULL, now=NOW)
    way.tricks.extend(Trick(body=b'{"nextPageToken": "again"}') for _page in range(2))
    assert looked().problem == Problem.BROKEN


def test_an_empty_page_of_a_closed_look_changes_nothing(way):
    look = begin_look(scope=Scope.FULL, now=NOW)
    DirectoryLook.objects.update(state="failed", finished_at=NOW)
    assert not take_page(look_id=look.pk, token="", page=Page(()), now=NOW)  # a place in a list
