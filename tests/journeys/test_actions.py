"""Moving a journey: each action once, twice, out of order, and all of them at random."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Throttle
from accounts.states import Role
from kitting.journeys import actions, rules
from kitting.journeys.actions.errors import Who
from kitting.journeys.models import Event, EventNote, Journey
from kitting.journeys.states import (
    CloseReason,
    EventKind,
    HelpState,
    Method,
    Result,
    Status,
    Via,
)
from kitting.notices.models import Notice
from tests.examples import examples
from tests.factories import GrantFactory, JourneyFactory, LoanFactory, UserFactory
from tests.journeys.conftest import BY_BOX, CODE, wide
from tests.needs import needs

if TYPE_CHECKING:
    from kitting.guides.models import Edition

FIVE = timedelta(minutes=5)


def fresh(journey: Journey) -> Journey:
    return Journey.objects.get(pk=journey.pk)


def results(journey: Journey) -> dict[str, str]:
    return dict(journey.records.values_list("step_key", "result"))


def kinds(journey: Journey) -> list[str]:
    return list(journey.events.order_by("number").values_list("kind", flat=True))


def finish(journey: Journey, key: str, now: datetime, **more: Any) -> actions.Moved:
    return actions.finish_step(journey_id=journey.pk, step_key=key, who=BY_BOX, now=now, **more)


def finish_all(journey: Journey, now: datetime, milestone: str = "") -> None:
    for key, of, _required in journey.step_keys:
        if milestone in ("", of):
            finish(journey, key, now)


def enter(number: str, now: datetime, *, client: str = "10.0.0.1", browser: str = "a") -> Any:
    return actions.enter_by_box(
        code=CODE, staff_number=number, client=client, browser=browser, now=now, window=FIVE
    )


# --- the door


def test_box_code_and_staff_number_begin_the_journey(waiting: Journey, now: datetime) -> None:
    entry = enter("10203", now)
    assert entry.outcome == "open"
    journey = fresh(waiting)
    assert (journey.status, journey.current_step) == (Status.IN_PROGRESS, "check-box")
    assert (journey.steps_total, journey.begun_at) == (20, now)
    assert kinds(journey) == [EventKind.BEGUN]


def test_entering_again_goes_on_and_begins_nothing(journey: Journey, now: datetime) -> None:
    enter("010203", now + FIVE)
    assert kinds(journey) == [EventKind.BEGUN, EventKind.ENTERED]
    assert fresh(journey).begun_at == now


def test_a_wrong_number_leaves_no_trace_on_the_journey(waiting: Journey, now: datetime) -> None:
    assert enter("999999", now).outcome == "wrong"
    assert fresh(waiting).event_count == 0


def test_a_wrong_number_answers_the_same_whether_it_exists_or_not(
    waiting: Journey, now: datetime
) -> None:
    UserFactory.create(staff_number="020304")
    assert enter("020304", now, browser="x") == enter("999999", now, browser="y")


def test_after_three_wrong_numbers_even_the_right_one_waits(
    waiting: Journey, now: datetime
) -> None:
    for _try in range(3):
        assert enter("1", now).outcome == "wrong"
    slow = enter("010203", now + timedelta(minutes=2))
    assert (slow.outcome, slow.wait) == ("slow", timedelta(minutes=3))
    assert enter("010203", now + timedelta(minutes=6)).outcome == "open"


def test_others_guesses_never_lock_the_person_out(waiting: Journey, now: datetime) -> None:
    for n in range(9):
        enter("1", now, browser=f"guesser{n // 3}")
    assert enter("010203", now, browser="the person's own").outcome == "open"
    for n in range(30):
        enter("1", now, client="10.9.9.9", browser=f"g{n}")
    assert enter("010203", now, client="10.0.0.7", browser="b").outcome == "open"


def test_new_browsers_behind_one_address_do_not_guess_for_ever(
    waiting: Journey, now: datetime
) -> None:
    outcomes = [enter("1", now, browser=f"b{n}").outcome for n in range(25)]
    assert outcomes.count("wrong") == rules.TRIES_PER_ADDRESS
    assert outcomes[-1] == "slow"


def test_a_right_number_forgives_the_wrong_ones(waiting: Journey, now: datetime) -> None:
    for _round in range(3):
        enter("1", now)
        enter("1", now)
        assert enter("010203", now).outcome == "open"
    assert not Throttle.objects.filter(key__contains="10.0.0.1").exists()


def test_many_guesses_are_told_to_the_lead_once_a_day(waiting: Journey, now: datetime) -> None:
    lead = GrantFactory.create(role=Role.LEAD, department=waiting.department).person
    entries = [enter("1", now, client=f"10.0.0.{n}") for n in range(15)]
    told_from = rules.TRIES_PER_BROWSER - 1
    assert [entry.guesses for entry in entries] == [False] * told_from + [True] * (
        15 - told_from
    )
    notice = Notice.objects.get(kind="box_guesses")
    assert notice.person == lead
    assert "K7M3-9QXP" in notice.body


def test_a_box_without_a_person_opens_for_nobody(guide: Edition, now: datetime) -> None:
    LoanFactory.create(kind="shared", person=None, device__code=CODE)
    assert enter("010203", now).outcome == "nobody"


def test_a_journey_begins_once(waiting: Journey, now: datetime) -> None:
    assert actions.begin(journey_id=waiting.pk, who=BY_BOX, now=now).changed
    assert not actions.begin(journey_id=waiting.pk, who=BY_BOX, now=now + FIVE).changed
    assert fresh(waiting).event_count == 1


def test_without_a_guide_nothing_begins(db: None, now: datetime) -> None:
    journey = JourneyFactory.create()
    with pytest.raises(actions.NoGuideError):
        actions.begin(journey_id=journey.pk, who=BY_BOX, now=now)
    assert fresh(journey).begun_at is None


# --- steps


def test_a_finished_step_moves_on_and_keeps_when(journey: Journey, now: datetime) -> None:
    moved = finish(journey, "check-box", now + FIVE, result=Result.CONFIRMED)
    record = journey.records.get(step_key="check-box")
    assert (record.result, record.opened_at, record.done_at) == ("confirmed", now, now + FIVE)
    assert moved.journey.current_step == "power-on"
    assert fresh(journey).loan.received_at == now + FIVE


def test_done_twice_is_done_once(journey: Journey, now: datetime) -> None:
    assert finish(journey, "check-box", now).changed
    assert not finish(journey, "check-box", now + FIVE).changed
    assert fresh(journey).steps_done == 1


def test_a_late_second_press_does_not_redo_what_was_taken_back(
    journey: Journey, now: datetime
) -> None:
    finish(journey, "check-box", now, client_key="press")
    actions.undo_step(journey_id=journey.pk, step_key="check-box", who=BY_BOX, now=now)
    assert not finish(journey, "check-box", now, client_key="press").changed
    assert results(journey) == {}
    assert finish(journey, "check-box", now, client_key="another press").changed


def test_every_press_is_taken_in_once(journey: Journey, now: datetime) -> None:
    key: dict[str, Any] = {
        "journey_id": journey.pk,
        "who": BY_BOX,
        "now": now,
        "client_key": "k",
    }
    actions.fail_check(step_key="confirm-device", reason="serial", **key)
    actions.fail_check(step_key="confirm-device", reason="serial", **key)
    assert kinds(journey).count(EventKind.CHECK_FAILED) == 1
    finish(journey, "check-box", now)
    undo = {**key, "client_key": "u", "step_key": "check-box"}
    assert actions.undo_step(**undo).changed
    finish(journey, "check-box", now)
    assert not actions.undo_step(**undo).changed


def test_skipped_gives_way_to_done_and_done_not_to_skipped(
    journey: Journey, now: datetime
) -> None:
    skip: dict[str, Any] = {
        "journey_id": journey.pk,
        "reason": "by_choice",
        "who": BY_BOX,
        "now": now,
    }
    actions.skip_step(step_key="camera-mic", **skip)
    assert results(journey)["camera-mic"] == Result.SKIPPED
    finish(journey, "camera-mic", now)
    actions.skip_step(step_key="camera-mic", **skip)
    assert results(journey)["camera-mic"] == Result.SELF_REPORTED


def test_a_skipped_box_was_not_received(journey: Journey, now: datetime) -> None:
    actions.skip_step(
        journey_id=journey.pk, step_key="check-box", reason="x", who=BY_BOX, now=now
    )
    assert fresh(journey).loan.received_at is None


def test_undoing_what_was_not_done_changes_nothing(journey: Journey, now: datetime) -> None:
    moved = actions.undo_step(journey_id=journey.pk, step_key="check-box", who=BY_BOX, now=now)
    assert not moved.changed
    assert kinds(journey) == [EventKind.BEGUN]


def test_an_unknown_step_is_refused(journey: Journey, now: datetime) -> None:
    with pytest.raises(actions.UnknownStepError):
        finish(journey, "make-coffee", now)


def test_nothing_is_finished_before_the_beginning(waiting: Journey, now: datetime) -> None:
    with pytest.raises(actions.NotBegunError):
        finish(waiting, "check-box", now)


def test_ready_and_at_home_are_two_milestones(journey: Journey, now: datetime) -> None:
    finish_all(journey, now, rules.READY)
    half = fresh(journey)
    assert (half.status, half.ready_at, half.at_home_at) == (Status.DONE, now, None)
    finish_all(journey, now + FIVE, rules.AT_HOME)
    whole = fresh(journey)
    assert (whole.at_home_at, whole.current_step, whole.steps_done) == (now + FIVE, "", 20)
    assert kinds(journey).count(EventKind.READY) == kinds(journey).count(EventKind.AT_HOME) == 1


def test_taking_back_a_step_takes_ready_back(journey: Journey, now: datetime) -> None:
    finish_all(journey, now)
    actions.undo_step(journey_id=journey.pk, step_key="enroll", who=BY_BOX, now=now)
    found = fresh(journey)
    assert (found.status, found.ready_at, found.at_home_at) == (Status.IN_PROGRESS, None, None)
    assert kinds(journey)[-2:] == [EventKind.UNREADY, EventKind.NOT_AT_HOME]


# --- arriving


def test_arriving_makes_what_lay_before_likely_but_never_the_receipt(
    journey: Journey, now: datetime
) -> None:
    moved = actions.arrive(journey_id=journey.pk, who=BY_BOX, now=now)
    found = results(journey)
    assert found.pop("open-guide") == Result.CONFIRMED
    assert found == dict.fromkeys(rules.PROVED_BY_ARRIVAL, Result.LIKELY)
    assert moved.journey.current_step == "check-box"


def test_arriving_leaves_what_is_known_and_counts_once(journey: Journey, now: datetime) -> None:
    finish(journey, "connect-wifi", now)
    finish(journey, "open-guide", now)
    actions.arrive(journey_id=journey.pk, who=BY_BOX, now=now)
    found = results(journey)
    assert (found["connect-wifi"], found["open-guide"]) == ("self_reported", "confirmed")
    likely = journey.events.filter(kind=EventKind.STEP_LIKELY)
    assert "connect-wifi" not in likely.values_list("step_key", flat=True)
    assert not actions.arrive(journey_id=journey.pk, who=BY_BOX, now=now + FIVE).changed


def test_who_arrives_without_having_begun_begins(waiting: Journey, now: datetime) -> None:
    actions.arrive(journey_id=waiting.pk, who=Who(Via.SIGN_IN, waiting.person), now=now)
    found = fresh(waiting)
    assert (found.begun_at, found.arrived_at, found.steps_done) == (now, now, 8)
    assert kinds(waiting)[:2] == [EventKind.BEGUN, EventKind.ARRIVED]


def test_another_account_moves_nothing(journey: Journey, now: datetime) -> None:
    other = UserFactory.create()
    before = actions.row_values(
        rules.plan_from(journey.step_keys), actions.progress_of(journey, [])
    )
    actions.note_other_account(
        journey_id=journey.pk, who=Who(Via.SIGN_IN, other), now=now + FIVE
    )
    after = actions.row_values(
        rules.plan_from(journey.step_keys), actions.progress_of(fresh(journey), [])
    )
    assert {**before, "event_count": 2} == after
    noted = journey.events.get(kind=EventKind.OTHER_ACCOUNT)
    assert (noted.via, noted.actor) == (Via.SYSTEM, other)


# --- the serial number


def check(journey: Journey, typed: str, now: datetime) -> str:
    return actions.check_serial(
        journey_id=journey.pk,
        step_key="confirm-device",
        typed=typed,
        who=BY_BOX,
        now=now,
        window=FIVE,
    ).outcome


def test_the_right_four_characters_confirm_the_device(journey: Journey, now: datetime) -> None:
    assert check(journey, wide("2b0i"), now) == "right"
    record = journey.records.get(step_key="confirm-device")
    assert (record.result, record.method) == (Result.CONFIRMED, Method.SERVER)


def test_wrong_characters_are_noted_and_after_five_nothing_is_compared(
    journey: Journey, now: datetime
) -> None:
    for _try in range(rules.TRIES_PER_SERIAL):
        assert check(journey, "ZZZZ", now) == "wrong"
    assert check(journey, "2B0I", now) == "slow"
    assert kinds(journey).count(EventKind.CHECK_FAILED) == rules.TRIES_PER_SERIAL
    assert check(journey, "2B0I", now + FIVE) == "right"


# --- pauses, help, the end


def test_a_pause_is_seen_at_once_and_ends_with_the_next_move(
    journey: Journey, now: datetime
) -> None:
    until = now + timedelta(days=1)
    actions.pause(journey_id=journey.pk, until=until, who=BY_BOX, now=now)
    found = fresh(journey)
    assert (found.paused_until, found.attention_at) == (until, now)
    finish(journey, "check-box", now + FIVE)
    found = fresh(journey)
    assert (found.paused_until, found.attention_at) == (None, now + FIVE)


def test_asking_for_help_is_a_state_of_the_person(journey: Journey, now: datetime) -> None:
    ask: dict[str, Any] = {"journey_id": journey.pk, "now": now}
    actions.set_help_state(help_state=HelpState.ASKED, **ask)
    assert fresh(journey).status == Status.WAITING
    assert not actions.set_help_state(help_state=HelpState.ASKED, **ask).changed
    actions.set_help_state(help_state=HelpState.NONE, **ask)
    assert fresh(journey).status == Status.IN_PROGRESS


def test_a_closed_journey_moves_no_more_and_opens_for_nobody(
    journey: Journey, now: datetime
) -> None:
    actions.close_journeys([journey], reason=CloseReason.LOST, now=now)
    found = fresh(journey)
    assert (found.close_reason, found.attention_at, found.box_epoch) == ("lost", None, 1)
    with pytest.raises(actions.JourneyClosedError):
        finish(journey, "check-box", now)


def test_ending_box_sessions_raises_the_epoch_only(journey: Journey, now: datetime) -> None:
    actions.end_box_sessions(journey_id=journey.pk)
    assert (fresh(journey).box_epoch, fresh(journey).event_count) == (1, 1)


def test_what_is_personal_in_events_can_be_erased_and_the_events_stay(
    waiting: Journey, now: datetime
) -> None:
    enter("010203", now)
    assert EventNote.objects.get().client_address == "10.0.0.1"
    assert actions.erase_event_texts(person_id=waiting.person_id, now=now) == 1
    assert EventNote.objects.get().client_address == ""
    assert fresh(waiting).event_count == Event.objects.count() == 1


# --- everything at random


KEYS = ("check-box", "connect-wifi", "open-guide", "confirm-device", "camera-mic", "keep-safe")
WHO: tuple[Callable[[Journey], Who], ...] = (
    lambda _journey: BY_BOX,
    lambda journey: Who(Via.SIGN_IN, journey.person),
    lambda _journey: Who(Via.STAFF),
)


@dataclass(frozen=True)
class Move:
    """One thing somebody does: what, at which step, who, so many minutes later, with which press."""

    what: str
    key: str
    who: int
    gap: int
    press: str | None

    def perform(self, journey: Journey, now: datetime) -> None:
        """Do it through the action the pages use."""
        at: dict[str, Any] = {
            "journey_id": journey.pk,
            "who": WHO[self.who](journey),
            "now": now,
        }
        step = {**at, "step_key": self.key}
        MOVES[self.what](journey, at, step, {**step, "client_key": self.press})


Doing = Callable[[Journey, dict[str, Any], dict[str, Any], dict[str, Any]], object]
MOVES: dict[str, Doing] = {
    "begin": lambda _j, at, _step, _press: actions.begin(**at),
    "enter": lambda j, at, _step, _press: actions.enter(
        loan_id=j.loan_id, who=at["who"], now=at["now"]
    ),
    "finish": lambda _j, _at, _step, press: actions.finish_step(**press),
    "finish ready": lambda j, at, _step, _press: finish_all(fresh(j), at["now"], rules.READY),
    "finish all": lambda j, at, _step, _press: finish_all(fresh(j), at["now"]),
    "skip": lambda _j, _at, _step, press: actions.skip_step(**press, reason="by_choice"),
    "undo": lambda _j, _at, _step, press: actions.undo_step(**press),
    "open": lambda _j, _at, step, _press: actions.open_step(**step),
    "trouble": lambda _j, _at, step, _press: actions.note_trouble(**step, trouble=1),
    "fail": lambda _j, _at, _step, press: actions.fail_check(**press, reason="serial"),
    "serial": lambda _j, _at, _step, press: actions.check_serial(
        **{**press, "step_key": "confirm-device"}, typed="2B0I", window=FIVE
    ),
    "arrive": lambda _j, at, _step, _press: actions.arrive(**at),
    "other": lambda _j, at, _step, _press: actions.note_other_account(**at),
    "pause": lambda _j, at, _step, _press: actions.pause(
        **at, until=at["now"] + timedelta(hours=20)
    ),
    "paper": lambda _j, at, _step, _press: actions.go_on_paper(**at),
    "no paper": lambda _j, at, _step, _press: actions.leave_paper(**at),
    "asked": lambda _j, at, _step, _press: actions.set_help_state(
        **at, help_state=HelpState.ASKED
    ),
    "answered": lambda _j, at, _step, _press: actions.set_help_state(
        **at, help_state=HelpState.ANSWERED
    ),
}
moves = st.builds(
    Move,
    what=st.sampled_from(sorted(MOVES)),
    key=st.sampled_from(KEYS),
    who=st.integers(0, len(WHO) - 1),
    gap=st.sampled_from((0, 1, 7, 29, 31, 600)),
    press=st.sampled_from((None, "a", "b")),
)


@settings(
    max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(happened=st.lists(moves, min_size=1, max_size=14))
def test_replaying_a_journeys_events_gives_its_counters(
    waiting: Journey, now: datetime, happened: list[Move]
) -> None:
    with transaction.atomic():
        at = now
        for move in happened:
            at += timedelta(minutes=move.gap)
            try:
                move.perform(waiting, at)
            except actions.NotBegunError:
                continue
        journey = fresh(waiting)
        plan = rules.plan_from(journey.step_keys)
        events = list(journey.events.order_by("number"))
        found = rules.replay(plan, [actions.fact_of(event) for event in events])
        row = {name: getattr(journey, name) for name in actions.row_values(plan, found)}
        assert row == actions.row_values(plan, found)
        for field in fields(found):
            if field.name != "marks":
                assert getattr(journey, field.name) == getattr(found, field.name), field.name
        assert dict(actions.progress_of(journey, journey.records.all()).marks) == found.marks
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        transaction.set_rollback(True)


# --- at the same moment


@pytest.mark.django_db(transaction=True)
def test_eight_presses_at_once_are_one(journey: Journey, now: datetime) -> None:
    needs("postgres")
    together = threading.Barrier(8)

    def press() -> None:
        try:
            together.wait()
            finish(journey, "check-box", now, client_key="same")
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds(journey) == [EventKind.BEGUN, EventKind.STEP_DONE]
    assert fresh(journey).event_count == 2
