"""What the helpers of the demo do, and what beat does meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from accounts.queries import leads_for, local_day
from kitting.around import actions as around
from kitting.demo import rules
from kitting.demo.actions.stage import ANSWER, CLIENT, Stage, notice_visitors
from kitting.escalation import actions as escalation
from kitting.escalation.actions.alerts import tell_askers
from kitting.escalation.models import Ticket
from kitting.escalation.states import (
    Level,
    TicketKind,
    TicketState,
)
from kitting.journeys.models import Journey
from kitting.lib import clock
from kitting.notices.actions import deliver_due
from kitting.notices.states import Lane
from kitting.plan.actions import watch as watch_plan

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.devices.models import Device


# What share of leads does something, of those passes on, and of people finds it still broken.
LEADS_WHO_ACT = 0.75
LEADS_WHO_PASS = 0.12
STILL_BROKEN = 0.15


def play_round(stage: Stage) -> None:
    """Run what beat runs, and let people notice what is new."""
    stage.found += escalation.sweep(now=stage.now).opened
    watch_plan(now=stage.now)
    _invite(stage)
    tell_askers(now=stage.now)
    if stage.alone:
        deliver_due(now=stage.now, lane=Lane.NORMAL, limit=500, send=_accept)
    notice_visitors(stage)
    for ticket in Ticket.objects.open().only(
        "round", "level", "state", "journey_id", "opened_at"
    ):
        answered = ticket.state == TicketState.ANSWERED
        key = (ticket.pk, ticket.round, ANSWER if answered else ticket.level)
        if key not in stage.handled and ticket.journey_id not in stage.visited:
            stage.handled.add(key)
            _notice(stage, ticket)


def _invite(stage: Stage) -> None:
    """Send the letters that are due, once a day: nobody in the play answers them."""
    day = local_day(stage.now)
    if stage.invited_on != day:
        stage.invited_on = day
        around.invite(now=stage.now, country="JP")


def _notice(stage: Stage, ticket: Ticket) -> None:
    """Let whoever a ticket is put before do something about it after a while."""
    if ticket.state == TicketState.ANSWERED:
        stage.add(stage.now + timedelta(minutes=1 + ticket.pk % 14), ANSWER, ticket.pk)
    elif ticket.level == Level.PERSON:
        _notice_nudge(stage, ticket)
    elif stage.alone:
        _notice_duty(stage, ticket)


def _notice_nudge(stage: Stage, ticket: Ticket) -> None:
    """Let who was reminded go on after a while, or not."""
    person = stage.people.get(ticket.journey_id or 0)
    draw = rules.chance_of(stage.seed, ticket.pk, ticket.level)
    if person is None or not rules.follows(person, ticket.level, draw):
        return
    default = stage.book.default
    at = clock.add_working(default, ticket.opened_at, timedelta(hours=0.3 + 5 * draw))
    stage.add_move(max(at, clock.next_open(default, stage.now)), ticket.journey_id or 0)


def _notice_duty(stage: Stage, ticket: Ticket) -> None:
    """Let IT or the lead, before whom a ticket was put, do something about it after a while."""
    draw = rules.chance_of(stage.seed, ticket.pk, ticket.level)
    default = stage.book.default
    now = clock.next_open(default, stage.now)
    if ticket.level in (Level.IT, Level.IT_LEAD):
        after = timedelta(minutes=3 + 40 * draw**2)
        stage.add(clock.add_working(default, now, after), "it", ticket.pk)
    elif draw < LEADS_WHO_ACT:
        after = timedelta(hours=0.5 + 4 * draw)
        stage.add(clock.add_working(default, now, after), "lead", ticket.pk)


def _accept(_message: object) -> None:
    """Take a mail of the play without sending it anywhere: the outbox keeps what was said."""


def it_helps(stage: Stage, pk: int) -> None:
    """Let the IT team take a ticket, and a few minutes later answer or end it."""
    ticket = Ticket.objects.open().select_related("journey", "device").filter(pk=pk).first()
    if ticket is None or not stage.team or ticket.state == TicketState.ANSWERED:
        return
    officer = ticket.taken_by or stage.team[pk % len(stage.team)]
    if ticket.state == TicketState.TAKEN:
        _it_answers(stage, ticket, officer)
    elif stage.now < stage.until - rules.IT_AWAY:
        try:
            escalation.take(ticket=ticket, by=officer, now=stage.now)
        except escalation.TicketError:
            return
        stage.add(stage.now + timedelta(minutes=2 + pk % 9), "it", pk)


def _it_answers(stage: Stage, ticket: Ticket, officer: User) -> None:
    if ticket.kind == TicketKind.HELP and ticket.journey_id:
        escalation.reply(
            ticket=ticket,
            by=officer,
            words="お待たせしました。10 秒ほど待ってから、もう一度ためしてください。",
            now=stage.now,
        )
        return
    if ticket.kind == TicketKind.LOSS:
        escalation.mark_lost(ticket=ticket, by=officer, now=stage.now)
    escalation.resolve(ticket=ticket, by=officer, words="", now=stage.now)
    _go_on(stage, ticket)


def lead_helps(stage: Stage, pk: int) -> None:
    ticket = Ticket.objects.open().select_related("journey").filter(pk=pk).first()
    if ticket is None or ticket.level != Level.LEAD:
        return
    leads = leads_for(
        department_id=ticket.department_id,
        place_id=ticket.place_id,
        on=local_day(stage.now),
    )
    lead = next(
        (x for x in leads if not ticket.journey or x.pk != ticket.journey.person_id), None
    )
    if lead is None:
        return
    draw = rules.chance_of(stage.seed, pk, "lead")
    if draw < LEADS_WHO_PASS:
        escalation.pass_to_it(ticket=ticket, by=lead, words="", now=stage.now)
        return
    try:
        if ticket.state == TicketState.NEW:
            escalation.go(ticket=ticket, by=lead, now=stage.now)
            stage.add(stage.now + timedelta(minutes=15 + 60 * draw), "lead", pk)
            return
        escalation.resolve(ticket=ticket, by=lead, words="", now=stage.now)
    except escalation.TicketError:
        return
    _go_on(stage, ticket)


def _go_on(stage: Stage, ticket: Ticket) -> None:
    """After help the person goes on, wherever that was; who would never begin does so rarely."""
    pks = (
        [ticket.journey_id]
        if ticket.journey_id
        else list(
            Journey.objects.open()
            .filter(loan__device=ticket.device)
            .values_list("pk", flat=True)
        )
    )
    for pk in pks:
        draw = rules.chance_of(stage.seed, ticket.pk, "follows")
        if pk in stage.people and rules.follows(stage.people[pk], ticket.level, draw):
            stage.waiting.discard(pk)
            stage.add_move(stage.now + timedelta(minutes=4), pk)


def person_answers(stage: Stage, pk: int) -> None:
    """Let who asked say whether it works now."""
    ticket = Ticket.objects.select_related("journey").filter(pk=pk).first()
    if ticket is None or ticket.kind != TicketKind.HELP or ticket.journey_id is None:
        return
    if ticket.state != TicketState.ANSWERED:
        return
    if rules.chance_of(stage.seed, pk, ticket.round) < STILL_BROKEN:
        escalation.still(ticket=ticket, words="まだ 同じです。", actor=None, now=stage.now)
        return
    escalation.better(ticket=ticket, actor=None, now=stage.now)
    _go_on(stage, ticket)


def lose_device(*, device: Device, now: datetime) -> Ticket:
    """Report a device as lost, as somebody at the box page would."""
    return escalation.report(
        device=device,
        kind=TicketKind.LOSS,
        words="電車に忘れました。",
        client=f"{CLIENT}loss-{device.pk}",
        now=now,
    )


def mix_up_box(*, device: Device, now: datetime) -> Ticket:
    """Report a box that stands at the wrong desk, as whoever stands there would."""
    return escalation.report(
        device=device,
        kind=TicketKind.WRONG_BOX,
        words="箱の番号と、自分の番号が合いません。",
        client=f"{CLIENT}{device.pk}",
        now=now,
    )
