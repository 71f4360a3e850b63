"""Changing the plan with everybody in it, holding what goes badly, and telling each once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from accounts.models import AuditEntry
from kitting.escalation.actions.waves import release_wave
from kitting.escalation.models import Ticket
from kitting.journeys.actions.loans import BETWEEN_WAVES
from kitting.notices.models import Notice
from kitting.plan import actions
from kitting.rollout.actions import BegunError, WaveValues, mark
from kitting.rollout.models import Wave
from kitting.rollout.states import MarkKind, Verdict
from tests.factories import NOW, GrantFactory, TicketFactory, WaveFactory

if TYPE_CHECKING:
    from tests.plan.conftest import Ward

pytestmark = pytest.mark.django_db

# The day before the next wave begins, in the morning; NOW is a Tuesday at ten.
TOMORROW = NOW + timedelta(days=1)


def save(ward: Ward, **facts: Any) -> Wave:
    values = {"name": "第1回", "starts_at": ward.wave.starts_at, "ends_on": ward.wave.ends_on}
    return actions.save_wave(
        rollout=ward.wave.rollout,
        wave=ward.wave,
        values=WaveValues(**{**values, **facts}),
        departments=[ward.department],
        places=[],
        by=ward.it,
        now=NOW,
    )


def stuck(ward: Ward, *, number: int, among: int) -> None:
    for n in range(among):
        ward.journey(begun=True, stuck=n < number)


def said(kind: str) -> list[str]:
    notices = Notice.objects.filter(kind=kind).order_by("person__staff_number", "pk")
    return [notice.person.name if notice.person else notice.address for notice in notices]


# --- changing ----------------------------------------------------------------------------------------


def test_a_wave_put_off_puts_off_its_people_and_what_was_found_is_looked_at_again(ward: Ward):
    journey = ward.journey()
    found = TicketFactory.create(
        journey=journey, kind="quiet", reason="never_started", source="sweep"
    )
    later = NOW + timedelta(days=7)
    save(ward, starts_at=later, ends_on=date(2026, 11, 30))
    journey.refresh_from_db()
    found.refresh_from_db()
    assert (journey.attention_at, found.due_at) == (later, NOW)


def test_a_change_of_other_things_moves_nobody(ward: Ward):
    journey = ward.journey()
    save(ward, seats=20)
    journey.refresh_from_db()
    assert journey.attention_at is None


def test_a_wave_taken_out_leaves_its_people_alone_for_a_day(ward: Ward):
    journey = ward.journey()
    actions.drop_wave(wave=ward.wave, by=ward.it, now=NOW)
    journey.refresh_from_db()
    assert (journey.wave, journey.attention_at) == (None, NOW + BETWEEN_WAVES)
    assert not Wave.objects.exists()


def test_a_wave_in_which_somebody_has_begun_stays(ward: Ward):
    ward.journey(begun=True)
    waits = ward.journey()
    with pytest.raises(BegunError):
        actions.drop_wave(wave=ward.wave, by=ward.it, now=NOW)
    assert list(ward.wave.departments.all()) == [ward.department]
    waits.refresh_from_db()
    assert waits.wave == ward.wave


def test_not_yet_holds_all_waves_but_the_pilot_and_go_on_lets_only_those_go(ward: Ward):
    Wave.objects.filter(pk=ward.wave.pk).update(is_pilot=True)
    second, by_hand = WaveFactory.create(), WaveFactory.create(held_at=NOW, held_why="hand")

    def decide(verdict: Verdict) -> dict[int, str]:
        rollout = ward.wave.rollout
        actions.give_verdict(rollout=rollout, verdict=verdict, why="a", by=ward.it, now=NOW)
        return dict(Wave.objects.values_list("pk", "held_why"))

    keys = (ward.wave.pk, second.pk, by_hand.pk)
    assert decide(Verdict.NO_GO) == dict(zip(keys, ("", "pilot", "hand"), strict=True))
    assert decide(Verdict.GO) == dict(zip(keys, ("", "", "hand"), strict=True))


# --- holding by itself -------------------------------------------------------------------------------


def test_a_wave_with_too_many_stuck_is_held_once_and_it_is_told_once(ward: Ward):
    Wave.objects.filter(pk=ward.wave.pk).update(stuck_limit_percent=30)
    stuck(ward, number=4, among=10)
    assert [actions.hold_stuck_waves(now=NOW), actions.hold_stuck_waves(now=NOW)] == [1, 0]
    wave = Wave.objects.get(pk=ward.wave.pk)
    assert (wave.held_at, wave.held_why) == (NOW, "stuck")
    assert (wave.held_stuck, wave.held_begun) == (4, 10)
    assert said("wave_held") == [ward.it.name]
    assert "4" in Notice.objects.get().body


def test_a_wave_below_its_limit_or_without_one_goes_on(ward: Ward):
    stuck(ward, number=10, among=10)
    assert actions.hold_stuck_waves(now=NOW) == 0
    Wave.objects.filter(pk=ward.wave.pk).update(stuck_limit_percent=100)
    assert actions.hold_stuck_waves(now=NOW) == 0


def test_after_going_on_only_who_gets_stuck_since_counts(ward: Ward):
    Wave.objects.filter(pk=ward.wave.pk).update(stuck_limit_percent=30)
    stuck(ward, number=4, among=10)
    assert actions.hold_stuck_waves(now=NOW) == 1
    release_wave(wave=ward.wave, by=ward.it, now=NOW)
    assert actions.hold_stuck_waves(now=NOW + timedelta(hours=1)) == 0
    Ticket.objects.update(opened_at=NOW + timedelta(hours=1))
    assert actions.hold_stuck_waves(now=NOW + timedelta(hours=2)) == 1
    kinds = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(kinds) == ["wave.held", "wave.released", "wave.held"]


# --- the day before ----------------------------------------------------------------------------------


def begins_tomorrow(ward: Ward, **facts: Any) -> None:
    Wave.objects.filter(pk=ward.wave.pk).update(starts_at=TOMORROW, **facts)


def test_the_day_before_leads_are_asked_to_charge_and_people_read_when_it_begins(ward: Ward):
    begins_tomorrow(ward, note="会議室に箱があります。")
    here = ward.journey()
    ward.journey(begun=True)
    ward.journey(leave_from_on=NOW.date())
    ward.journey(email="")
    assert actions.announce_waves(now=NOW) == 1
    assert said("wave_charge") == [ward.lead.name]
    assert said("wave_soon") == [here.person.name]
    to_lead, to_person = (
        Notice.objects.get(kind=kind) for kind in ("wave_charge", "wave_soon")
    )
    assert "4" in to_lead.body
    assert "保育課" in to_lead.body
    assert "会議室に箱があります。" in to_person.body
    assert "11月11日" in to_person.body


def test_each_is_told_once_for_a_day_and_again_when_the_day_changes(ward: Ward):
    begins_tomorrow(ward)
    ward.journey()
    for hours in (0, 1, 5):
        actions.announce_waves(now=NOW + timedelta(hours=hours))
    assert len(said("wave_charge")) == len(said("wave_soon")) == 1
    Wave.objects.update(starts_at=TOMORROW + timedelta(days=1))
    assert actions.announce_waves(now=NOW) == 0
    assert actions.announce_waves(now=TOMORROW) == 1
    assert len(said("wave_charge")) == len(said("wave_soon")) == 2


def test_a_wave_on_hold_or_that_wishes_no_mail_is_not_announced_to_people(ward: Ward):
    ward.journey()
    begins_tomorrow(ward, held_at=NOW, held_why="hand")
    assert actions.announce_waves(now=NOW) == 0
    begins_tomorrow(ward, held_at=None, held_why="", tells_people=False)
    assert actions.announce_waves(now=NOW) == 1
    assert (said("wave_soon"), said("wave_charge")) == ([], [ward.lead.name])


def test_where_all_is_charged_nobody_is_asked_and_where_nobody_leads_it_is(ward: Ward):
    begins_tomorrow(ward)
    ward.journey()
    mark(wave=ward.wave, place=ward.place, kind=MarkKind.CHARGED, by=ward.it, now=NOW)
    actions.announce_waves(now=NOW)
    assert said("wave_charge") == []
    ward.wave.marks.all().delete()
    ward.lead.grants.all().delete()
    Wave.objects.update(reminded_for_on=None)
    actions.announce_waves(now=NOW)
    assert said("wave_charge") == [ward.it.name]


def test_a_wave_on_a_monday_is_announced_on_friday(ward: Ward):
    ward.journey()
    Wave.objects.update(starts_at=NOW + timedelta(days=6))
    assert actions.announce_waves(now=NOW + timedelta(days=2)) == 0
    assert actions.announce_waves(now=NOW + timedelta(days=3)) == 1


def test_one_look_does_both(ward: Ward):
    begins_tomorrow(ward)
    GrantFactory.create()
    ward.journey()
    assert actions.watch(now=NOW) == actions.Watched(held=0, announced=1)
