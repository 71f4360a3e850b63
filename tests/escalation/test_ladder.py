"""The ladder is data: rules decide who is asked; the preview plays them and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.states import Role
from kitting.escalation import actions, rules
from kitting.escalation.actions.colleagues import answer_plea, offer_help, withdraw_offer
from kitting.escalation.actions.duty import put_on_duty
from kitting.escalation.actions.policies import (
    NEW,
    LevelValues,
    PolicyMovedError,
    PolicyValues,
    drop_policy,
    preview,
    save_policy,
)
from kitting.escalation.actions.sweeping import sweep
from kitting.escalation.forms.ladder import said_minutes
from kitting.escalation.models import Duty, Offer, Plea, Policy, PolicyLevel, Ticket
from kitting.escalation.queries.ladder import as_ladder, duty_weeks, ladder_book, on_duty
from kitting.escalation.states import Case, Level, Part, PleaAnswer, Quiet, Reach, TicketKind
from kitting.journeys.actions.entering import begin
from kitting.notices.models import Notice
from tests.escalation.town import BY_BOX, ask, at, due_of, said_to, sweep_until
from tests.factories import GrantFactory, PolicyFactory, UserFactory, WaveFactory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from django.test import Client

    from tests.escalation.town import Town

TEN = at("11-10 10:00")


def level(name: str, minutes: int, **given: Any) -> LevelValues:
    return LevelValues(
        **{
            "level": name,
            "wait_minutes": minutes,
            "wait_days": 1,
            "times": 1,
            "reach": Reach.AUTO,
            "quiet": Quiet.OFF_HOURS,
            "people_most": 0,
            **given,
        }
    )


def values(levels: Sequence[LevelValues], **facts: Any) -> PolicyValues:
    return PolicyValues(
        facts={
            "by_wall": False,
            "patience_minutes": 525,
            "patience_days": 3,
            "paper_minutes": 1575,
            "paper_days": 5,
            "answer_minutes": 30,
            "taken_minutes": 525,
            "repeats_most": None,
            "stops_on_progress": True,
            "stops_on_rest": True,
            "night_from": time(21),
            "night_to": time(7),
            **facts,
        },
        levels=levels,
    )


def general(case: Case) -> Policy:
    return Policy.objects.prefetch_related("levels__named").get(
        case=case, department=None, wave=None
    )


def change(case: Case, by: Any, levels: Sequence[LevelValues], **facts: Any) -> Policy:
    kept = general(case)
    return save_policy(
        policy=kept, values=values(levels, **facts), version=kept.version, by=by, now=TEN
    )


def heard_levels(ticket: Ticket) -> list[str]:
    return list(
        ticket.entries.filter(kind="raised")
        .order_by("pk")
        .values_list("data__level", flat=True)
    )


def whys(ticket: Ticket) -> list[str]:
    return list(
        ticket.entries.filter(kind="skipped").order_by("pk").values_list("data__why", flat=True)
    )


# --- the rules as rows ----------------------------------------------------------------------------


def test_the_rows_of_the_first_day_say_what_is_shipped(db: None):
    rows = [as_ladder(one) for one in Policy.objects.prefetch_related("levels__named")]
    assert len(rows) == len(Case)
    for ladder in rows:
        assert replace(ladder, pk=None) == rules.SHIPPED[ladder.case]


def test_without_any_row_the_shipped_rules_hold(town: Town):
    Policy.objects.all().delete()
    journey = town.journey()
    sweep_until(at("11-12 12:00"))
    ticket = Ticket.objects.get(journey=journey)
    assert heard_levels(ticket)[0] == "person"


def test_a_changed_rule_drives_the_sweep(town: Town):
    change(
        Case.NEVER_STARTED,
        town.it_lead,
        [level("lead", 60), level("it", 60)],
        patience_minutes=120,
    )
    journey = town.journey()
    sweep_until(at("11-10 12:00"))
    ticket = Ticket.objects.get(journey=journey)
    assert (ticket.reason, ticket.opened_at) == ("never_started", at("11-10 12:00"))
    assert said_to(journey.person) == []
    assert said_to(town.lead) == ["lead_stuck"]
    sweep_until(at("11-10 13:00"))
    assert heard_levels(ticket) == ["lead", "it"]


def test_a_shorter_patience_looks_at_everybody_anew(town: Town):
    journey = town.journey()
    sweep(now=TEN)
    assert due_of(journey) != TEN
    change(Case.NEVER_STARTED, town.it_lead, [level("it", 60)], patience_minutes=60)
    assert due_of(journey) == TEN


@pytest.mark.parametrize(
    ("scopes", "chosen"),
    [
        (["all"], "all"),
        (["all", "wave"], "wave"),
        (["all", "wave", "bureau"], "bureau"),
        (["all", "wave", "bureau", "own"], "own"),
        (["all", "own", "own in wave"], "own in wave"),
        (["all", "other"], "all"),
    ],
)
def test_the_most_specific_rule_wins(scopes, chosen):
    fields = {
        "all": {},
        "wave": {"wave_id": 7},
        "bureau": {"department_id": 2},
        "own": {"department_id": 1},
        "own in wave": {"department_id": 1, "wave_id": 7},
        "other": {"department_id": 9},
    }
    ladders = [
        replace(rules.SHIPPED[Case.SILENT], pk=n, **fields[name])
        for n, name in enumerate(scopes)
    ]
    found = rules.choose(ladders, Case.SILENT, line=[1, 2], wave_id=7)
    assert found.pk == scopes.index(chosen)
    assert rules.choose(ladders, Case.SLOW, line=[1, 2], wave_id=7).pk is None


def test_a_rule_of_the_bureau_holds_for_its_sections_and_nobody_else(town: Town):
    PolicyFactory.create(
        case=Case.NEVER_STARTED, department=town.department.parent, levels=[(Level.IT, 60)]
    )
    here, there = town.journey(), town.journey(town.teacher())
    sweep_until(at("11-16 12:00"))
    assert heard_levels(Ticket.objects.get(journey=here))[0] == "it"
    assert heard_levels(Ticket.objects.get(journey=there))[0] == "person"


def test_a_rule_that_was_dropped_leaves_the_general_one(town: Town):
    special = PolicyFactory.create(case=Case.NEVER_STARTED, department=town.department)
    drop_policy(policy=special, by=town.it_lead, now=TEN)
    assert not Policy.objects.filter(department=town.department).exists()
    assert AuditEntry.objects.filter(action="policy.dropped").exists()
    journey = town.journey()
    sweep_until(at("11-12 12:00"))
    assert heard_levels(Ticket.objects.get(journey=journey)) == ["person"]


def test_two_who_change_a_rule_at_once_the_second_is_told(town: Town):
    kept = general(Case.NEVER_STARTED)
    change(Case.NEVER_STARTED, town.it_lead, [level("it", 60)])
    with pytest.raises(PolicyMovedError):
        save_policy(
            policy=kept,
            values=values([level("it_lead", 60)]),
            version=kept.version,
            by=town.it,
            now=TEN,
        )
    assert [row.level for row in general(Case.NEVER_STARTED).levels.all()] == ["it"]


def test_a_level_is_asked_as_often_as_its_rule_says(town: Town):
    change(
        Case.NEVER_STARTED,
        town.it_lead,
        [level("person", 525, times=2), level("it", 525)],
        patience_minutes=60,
    )
    journey = town.journey()
    sweep_until(at("11-12 12:00"))
    assert said_to(journey.person) == ["nudge", "nudge"]
    days = {n.created_at.date() for n in Notice.objects.filter(person=journey.person)}
    assert len(days) == 2
    assert heard_levels(Ticket.objects.get(journey=journey)) == ["person", "person", "it"]


def test_the_last_level_is_told_again_as_often_as_the_rule_says(town: Town):
    change(
        Case.NEVER_STARTED, town.it_lead, [level("it", 60)], patience_minutes=60, repeats_most=2
    )
    journey = town.journey()
    sweep_until(at("11-12 12:00"))
    ticket = Ticket.objects.get(journey=journey)
    assert heard_levels(ticket) == ["it", "it", "it"]
    assert (ticket.due_at, ticket.state) == (None, "new")
    assert ticket.entries.filter(kind="quieted").count() == 1


def test_a_rule_that_does_not_stop_on_progress_goes_on(town: Town):
    change(
        Case.NEVER_STARTED,
        town.it_lead,
        [level("it", 60), level("it_lead", 60)],
        patience_minutes=60,
        stops_on_progress=False,
    )
    journey = town.journey()
    sweep_until(at("11-10 11:00"))
    begin(journey_id=journey.pk, who=BY_BOX, now=at("11-10 11:30"))
    actions.climb(Ticket.objects.get(journey=journey).pk, book=town.book, now=at("11-10 12:00"))
    assert heard_levels(Ticket.objects.get(journey=journey)) == ["it", "it_lead"]


@pytest.mark.parametrize(
    ("quiet", "now", "comes"),
    [
        (Quiet.OFF_HOURS, "11-10 20:00", "11-11 08:30"),
        (Quiet.NIGHT, "11-10 20:00", None),
        (Quiet.NIGHT, "11-10 22:00", "11-11 07:00"),
        (Quiet.NIGHT, "11-11 03:00", "11-11 07:00"),
        (Quiet.NEVER, "11-11 03:00", None),
    ],
)
def test_a_level_is_left_in_peace_as_its_rule_says(town: Town, quiet, now, comes):
    ladder = rules.SHIPPED[Case.SILENT]
    rung = rules.Rung(Level.LEAD, rules.Wait(rules.DAY), quiet=quiet)
    found = rules.comes_at(ladder, rung, town.book.default, at(now))
    assert found == (at(comes) if comes else None)


def test_a_rule_by_mail_only_passes_over_who_has_none(town: Town):
    town.lead.email = ""
    town.lead.save()
    change(
        Case.NEVER_STARTED,
        town.it_lead,
        [level("lead", 60, reach=Reach.MAIL), level("it", 60)],
        patience_minutes=60,
    )
    journey = town.journey()
    sweep_until(at("11-10 11:00"))
    ticket = Ticket.objects.get(journey=journey)
    assert (heard_levels(ticket), whys(ticket)) == (["it"], ["no_channel"])


def test_named_helpers_are_told_as_far_as_they_may_see_the_ticket(town: Town):
    stranger = UserFactory.create()
    named = level("named", 60, named=(town.it, stranger))
    change(Case.NEVER_STARTED, town.it_lead, [named, level("it", 60)], patience_minutes=60)
    journey = town.journey()
    sweep_until(at("11-10 11:00"))
    assert heard_levels(Ticket.objects.get(journey=journey)) == ["named"]
    assert (said_to(town.it), said_to(stranger), said_to(town.it_lead)) == (
        ["it_stuck"],
        [],
        [],
    )


def test_named_helpers_who_may_not_see_it_are_passed_over_with_the_reason(town: Town):
    named = level("named", 60, named=(UserFactory.create(),))
    change(Case.NEVER_STARTED, town.it_lead, [named, level("it", 60)], patience_minutes=60)
    journey = town.journey()
    sweep_until(at("11-10 11:00"))
    ticket = Ticket.objects.get(journey=journey)
    assert (heard_levels(ticket), whys(ticket)) == (["it"], ["no_rights"])


# --- before it is on --------------------------------------------------------------------------------


def test_a_preview_is_what_the_sweep_then_does_and_leaves_nothing(town: Town):
    journeys = [town.journey() for _ in range(3)]
    town.journey(town.teacher())
    sweep(now=TEN)
    kept = general(Case.NEVER_STARTED)
    typed = values([level("person", 60), level("it", 120)], patience_minutes=120)
    before = (Notice.objects.count(), Ticket.objects.count(), kept.version, due_of(journeys[0]))
    found = preview(policy=kept, values=typed, version=kept.version, now=TEN)
    kept.refresh_from_db()
    after = (Notice.objects.count(), Ticket.objects.count(), kept.version, due_of(journeys[0]))
    assert after == before
    assert next(row.level for row in kept.levels.order_by("pk")) == "person"
    assert found.before == 0
    # Three people of the office; then, an hour later, IT and its lead about each.
    told = {(one.to, one.level) for one in found.heard}
    assert {to for to, at_level in told if at_level == "person"} == {
        journey.person.name for journey in journeys
    }
    assert found.people == len(journeys) + 2
    save_policy(policy=kept, values=typed, version=kept.version, by=town.it_lead, now=TEN)
    sweep_until(at("11-10 17:00"))
    sent = {(str(n.person), n.dedupe_key.split(":")[3]) for n in Notice.objects.all()}
    assert sent == told


def test_a_preview_of_a_rule_that_is_not_kept_yet_makes_none(town: Town):
    journey = town.journey()
    sweep(now=TEN)
    begun = Policy(case=Case.NEVER_STARTED, department=town.department)
    typed = values([level("lead", 60), level("it", 120)], patience_minutes=60)
    found = preview(policy=begun, values=typed, version=NEW, now=TEN)
    assert next((one.to, one.ticket.journey) for one in found.heard) == (
        town.lead.name,
        journey,
    )
    assert not Policy.objects.filter(department=town.department).exists()


def test_a_preview_counts_what_the_rule_does_as_it_stands(town: Town):
    change(Case.NEVER_STARTED, town.it_lead, [level("it", 600)], patience_minutes=60)
    town.journey()
    kept = general(Case.NEVER_STARTED)
    typed = values([level("person", 600), level("it", 600)], patience_minutes=60)
    found = preview(policy=kept, values=typed, version=kept.version, now=TEN)
    assert (found.before, found.people) == (2, 1)


# --- pages ------------------------------------------------------------------------------------------


def form_data(case: Case, **changes: Any) -> dict[str, Any]:
    """Return what the page of a rule sends when nothing is changed."""
    kept = general(case)
    ladder = as_ladder(kept)
    data: dict[str, Any] = {
        "version": kept.version,
        "answer": "30 分",
        "taken": "1 日",
        "repeats": "",
        "patience": "1日",
        "patience_days": 3,
        "paper": "3日",
        "paper_days": 5,
        "stops_on_progress": "on",
        "stops_on_rest": "on",
        "night_from": "21:00",
        "night_to": "07:00",
    }
    for one in Level:
        rung = ladder.at(one)
        data |= {
            f"{one}_wait": "1 day",
            f"{one}_days": 1,
            f"{one}_times": 1,
            f"{one}_reach": "auto",
            f"{one}_quiet": "off_hours",
            f"{one}_people": 0,
        }
        if rung:
            data[f"{one}_on"] = "on"
    return {**data, **changes}


def test_the_it_lead_changes_a_rule_and_sees_before_who_gets_what(client: Client, town: Town):
    journey = town.journey()
    sweep(now=TEN)
    client.force_login(town.it_lead)
    url = reverse("escalation:policy", args=[general(Case.NEVER_STARTED).pk])
    shown = client.get(url)
    assert shown.status_code == 200
    data = form_data(Case.NEVER_STARTED, patience="10分", person_wait="２時間")
    with time_machine.travel(TEN, tick=False):  # what is shown is the rest of the working day
        seen = client.post(url, {**data, "preview": "1"})
    assert seen.context["form"].errors == {}
    assert seen.status_code == 200
    assert seen.context["outlook"].people >= 1
    assert journey.person.name in seen.content.decode()
    assert general(Case.NEVER_STARTED).patience_minutes == 1050
    saved = client.post(url, data)
    assert saved.status_code == 302
    kept = general(Case.NEVER_STARTED)
    assert (kept.patience_minutes, kept.changed_by) == (10, town.it_lead)
    assert kept.levels.get(level="person").wait_minutes == 120


@pytest.mark.parametrize(
    ("case", "changes", "field"),
    [
        (Case.SILENT, {"it_on": ""}, "it_on"),
        (Case.SILENT, {"person_wait": "soon"}, "person_wait"),
        (Case.SILENT, {"person_times": 3, "person_wait": "1時間"}, "person_wait"),
        (Case.SILENT, {"named_on": "on"}, "named_who"),
        (Case.SLOW, {"patience": "10分"}, "patience"),
        (Case.ANSWERED, {"person_on": ""}, "person_on"),
    ],
)
def test_what_no_rule_may_do_is_refused_with_a_reason(client, town, case, changes, field):
    client.force_login(town.it_lead)
    url = reverse("escalation:policy", args=[general(case).pk])
    answer = client.post(url, form_data(case, **changes))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert general(case).changed_at is None


def test_a_question_goes_to_it_at_once_whatever_the_rule_says(town: Town):
    assert rules.LEVELS_OF[Case.ASKED] == (Level.IT, Level.IT_LEAD)
    for case in Case:
        assert Level.IT in rules.NEEDED[case]


def test_it_reads_the_rules_and_cannot_change_them(client: Client, town: Town):
    client.force_login(town.it)
    url = reverse("escalation:policy", args=[general(Case.NEVER_STARTED).pk])
    page = client.get(url).content.decode()
    assert "disabled" in page
    assert client.post(url, form_data(Case.NEVER_STARTED)).status_code == 404
    assert client.get(reverse("escalation:policy_new")).status_code == 404


def test_a_rule_for_a_department_begins_as_the_one_for_everybody(client: Client, town: Town):
    client.force_login(town.it_lead)
    url = reverse("escalation:policy_new")
    asked = client.get(url, {"case": "never_started"})
    assert asked.status_code == 422
    url += f"?case=never_started&department={town.department.pk}"
    assert client.get(url).status_code == 200
    client.post(url, form_data(Case.NEVER_STARTED, version=NEW, lead_wait="3時間"))
    kept = Policy.objects.get(department=town.department)
    assert kept.levels.get(level="lead").wait_minutes == 180
    again = client.post(url, form_data(Case.NEVER_STARTED, version=NEW))
    assert again.status_code == 422
    assert client.post(reverse("escalation:policy_drop", args=[kept.pk])).status_code == 302


@pytest.mark.parametrize("number", [1, 3])
def test_the_page_of_rules_costs_the_same_with_more_of_them(
    client, town, number, django_assert_num_queries
):
    for _ in range(number):
        PolicyFactory.create()
    client.force_login(town.it)
    client.get(reverse("escalation:ladder"))
    with django_assert_num_queries(7):
        client.get(reverse("escalation:ladder"))


@pytest.mark.parametrize(
    ("minutes", "by_wall", "said"),
    [(30, False, "30分"), (525, False, "1日"), (645, False, "1日 2時間"), (1440, True, "1日")],
)
def test_waits_are_said_as_people_say_them(minutes, by_wall, said):
    assert said_minutes(minutes, by_wall=by_wall) == said


# --- colleagues -------------------------------------------------------------------------------------


def helper_near(town: Town, **fields: Any) -> Any:
    person = town.person(**fields)
    offer_help(person=person, now=TEN)
    return person


def stuck(town: Town, until: str = "11-11 11:00") -> Ticket:
    journey = town.begun(when=TEN)
    sweep_until(at(until))
    return Ticket.objects.get(journey=journey)


def test_a_colleague_who_offered_is_asked_after_the_person(town: Town):
    helper = helper_near(town)
    ticket = stuck(town)
    assert heard_levels(ticket) == ["person", "colleague"]
    assert said_to(helper) == ["colleague_asked"]
    assert said_to(town.lead) == []
    assert Plea.objects.get().person == helper


def test_without_an_offer_the_lead_is_asked_and_the_story_says_why(town: Town):
    ticket = stuck(town)
    assert heard_levels(ticket) == ["person", "lead"]
    assert whys(ticket) == ["no_offer"]


def test_an_offer_taken_back_asks_nobody(town: Town):
    helper = helper_near(town)
    assert withdraw_offer(person=helper, now=TEN)
    assert not withdraw_offer(person=helper, now=TEN)
    stuck(town)
    assert said_to(helper) == []
    assert offer_help(person=helper, now=TEN)
    assert Offer.objects.standing().get().person == helper


def test_somebody_of_another_department_and_place_is_not_asked(town: Town):
    offer_help(person=town.teacher(), now=TEN)
    assert whys(stuck(town)) == ["no_offer"]


def test_a_colleague_is_asked_so_often_a_week_and_no_more(town: Town):
    helper = helper_near(town)
    for _ in range(4):
        town.begun(when=TEN)
    sweep_until(at("11-11 11:00"))
    assert said_to(helper) == ["colleague_asked"] * rules.PLEAS_MOST
    skipped = Ticket.objects.filter(entries__data__why="asked_enough").distinct()
    assert skipped.count() == 4 - rules.PLEAS_MOST


def test_a_colleague_who_goes_gives_the_ladder_pause(town: Town):
    helper_near(town)
    ticket = stuck(town)
    answer_plea(
        plea=Plea.objects.get(), answer=PleaAnswer.GOING, words="", now=at("11-11 11:05")
    )
    ticket.refresh_from_db()
    assert ticket.due_at == at("11-12 11:05")
    assert ticket.entries.filter(kind="going").exists()


def test_a_colleague_who_cannot_passes_it_on(town: Town):
    helper_near(town)
    ticket = stuck(town)
    answer_plea(
        plea=Plea.objects.get(), answer=PleaAnswer.NOT_NOW, words="会議", now=at("11-11 11:05")
    )
    sweep(now=at("11-11 11:06"))
    assert heard_levels(ticket) == ["person", "colleague", "lead"]


def test_a_colleague_who_solved_it_ends_the_ticket(town: Town):
    helper = helper_near(town)
    ticket = stuck(town)
    answer_plea(
        plea=Plea.objects.get(), answer=PleaAnswer.HELPED, words="", now=at("11-11 11:20")
    )
    ticket.refresh_from_db()
    assert (ticket.state, ticket.resolved_by) == ("resolved", helper)


def test_only_the_colleague_who_was_asked_opens_the_page(client: Client, town: Town):
    helper = helper_near(town)
    ticket = stuck(town)
    url = reverse("escalation:plea", args=[Plea.objects.get().pk])
    client.force_login(town.person())
    assert client.get(url).status_code == 404
    client.force_login(helper)
    page = client.get(url).content.decode()
    assert ticket.journey is not None
    assert ticket.journey.person.name in page
    assert client.post(url, {"answer": "going", "words": ""}).status_code == 302
    assert Plea.objects.get().answer == "going"


# --- the rota ---------------------------------------------------------------------------------------


def duty(town: Town, day: str, part: Part = Part.ALL, person: Any = None) -> Duty:
    on = at(f"{day} 12:00").date()
    return put_on_duty(
        person=person or town.it, from_on=on, to_on=on, part=part, by=town.it_lead, now=TEN
    )


@pytest.mark.parametrize(
    ("part", "now", "is_on"),
    [
        (Part.ALL, "11-10 10:00", True),
        (Part.OFFICE, "11-10 10:00", True),
        (Part.NIGHT, "11-10 10:00", False),
        (Part.NIGHT, "11-10 22:00", True),
        (Part.OFFICE, "11-10 22:00", False),
        (Part.NIGHT, "11-11 05:00", True),
        (Part.NIGHT, "11-11 22:00", False),
        (Part.NIGHT, "11-10 05:00", False),
    ],
)
def test_a_night_lasts_until_the_office_opens(town: Town, part, now, is_on):
    duty(town, "11-10", part)
    assert on_duty(book=town.book, now=at(now)) == ([town.it] if is_on else [])


def test_a_loss_at_night_goes_to_who_is_on_duty_at_once_then_to_it(town: Town):
    duty(town, "11-10", Part.NIGHT)
    journey = town.begun(when=TEN)
    now = at("11-10 23:00")
    ticket = actions.report(
        device=journey.loan.device, kind=TicketKind.LOSS, words="", client="a", now=now
    )
    notice = Notice.objects.get(person=town.it)
    assert (notice.kind, notice.next_try_at) == ("loss", now)
    assert said_to(town.it_lead) == []
    sweep(now=now + timedelta(minutes=15))
    assert said_to(town.it_lead) == ["loss"]
    assert ticket.level == "duty"


def test_the_rota_shows_weeks_and_is_changed_by_it(client: Client, town: Town):
    client.force_login(town.it)
    url = reverse("escalation:rota")
    assert client.post(url, {"person": town.it.pk}).status_code == 422
    data = {
        "person": town.it.pk,
        "from_on": "2099-11-10",
        "to_on": "2099-11-12",
        "part": "night",
    }
    assert client.post(url, data).status_code == 302
    kept = Duty.objects.get()
    assert (kept.person, kept.part, kept.noted_by) == (town.it, "night", town.it)
    assert town.it.name in client.get(url).content.decode()
    assert client.post(reverse("escalation:duty_drop", args=[kept.pk])).status_code == 302
    assert not Duty.objects.exists()
    assert AuditEntry.objects.filter(action__startswith="duty.").count() == 2


def test_the_weeks_of_the_rota_name_who_is_there(town: Town):
    duty(town, "11-10", Part.NIGHT)
    weeks = duty_weeks(now=TEN)
    tuesday = weeks[0][1]
    assert (str(tuesday.on), tuesday.in_hours, tuesday.off_hours) == (
        "2026-11-10",
        [],
        [town.it.name],
    )


@pytest.mark.parametrize("number", [1, 3])
def test_the_rota_costs_the_same_with_more_duties(
    client, town, number, django_assert_num_queries
):
    for _ in range(number):
        duty(town, "11-10", person=GrantFactory.create(role=Role.IT).person)
    client.force_login(town.it)
    client.get(reverse("escalation:rota"))
    with django_assert_num_queries(16):
        client.get(reverse("escalation:rota"))


# --- what the database refuses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("policy_case_known", {"case": "boredom"}),
        ("policy_waits_take_time", {"taken_minutes": 0}),
        ("policy_patience_takes_time", {"patience_minutes": 0}),
    ],
)
def test_a_rule_that_says_nothing_cannot_be_kept(db, name, fields):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        PolicyFactory.create(**fields)


def test_there_is_one_rule_a_case_and_scope(town: Town):
    wave = WaveFactory.create()
    PolicyFactory.create(department=None, wave=wave)
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyFactory.create(department=None, wave=wave)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("policy_level_wait_takes_time", {"wait_minutes": 0}),
        ("policy_level_asks_at_least_once", {"times": 0}),
        ("policy_level_nudges_once_a_day", {"level": "person", "times": 2}),
        ("policy_level_known", {"level": "mayor"}),
    ],
)
def test_a_level_that_could_not_be_climbed_cannot_be_kept(db, name, fields):
    policy = PolicyFactory.create(levels=[(Level.IT_LEAD, 60)])
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        PolicyLevel.objects.create(
            **{"policy": policy, "level": "it", "wait_minutes": 60, **fields}
        )


def test_what_colleagues_and_duties_cannot_be(town: Town):
    ticket = ask(town.begun(when=TEN), now=TEN)
    Plea.objects.create(ticket=ticket, person=town.it, asked_at=TEN)
    Offer.objects.create(person=town.it, offered_at=TEN)
    day = TEN.date()
    wrong = [
        lambda: Plea.objects.create(ticket=ticket, person=town.it, asked_at=TEN),
        lambda: Plea.objects.create(
            ticket=ticket, person=town.lead, asked_at=TEN, answer="going"
        ),
        lambda: Offer.objects.create(
            person=town.lead, offered_at=TEN, withdrawn_at=TEN - timedelta(days=1)
        ),
        lambda: Duty.objects.create(person=town.it, from_on=day, to_on=day - timedelta(days=1)),
    ]
    for make in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            make()


def test_rules_are_read_once_a_sweep(town: Town, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        ladder_book()
