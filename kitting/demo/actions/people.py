"""What the people of the demo do: begin, go on, halt, ask, finish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kitting.around import actions as around
from kitting.around.queries import CONFIDENCE
from kitting.around.states import MacroState, Occasion
from kitting.demo import rules
from kitting.demo.actions.helping import mix_up_box
from kitting.demo.actions.stage import CLIENT, WINDOW, Stage, schedule
from kitting.devices.actions.life import Deed, hand_over
from kitting.escalation import actions as escalation
from kitting.escalation.states import (
    Source,
    Wish,
)
from kitting.guides.queries.errors import errors
from kitting.guides.queries.pages import rules_of_use
from kitting.journeys import actions as journeys
from kitting.journeys.rules import ARRIVAL_STEP, RECEIPT_STEP
from kitting.journeys.states import Method, Result, Via
from kitting.lib import clock
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.devices.models import Device
    from kitting.escalation.models import Ticket
    from kitting.journeys.models import Journey


def move(stage: Stage, pk: int) -> None:
    """Let a person do the next thing: from the journey as last seen, for the actions look anew."""
    if pk in stage.visited or pk in stage.waiting:
        return
    journey, person = stage.journeys[pk], stage.people[pk]
    try:
        moved = (
            _begin(stage, journey, person)
            if journey.begun_at is None
            else _step(stage, journey, person)
        )
    except journeys.JourneyClosedError:
        return
    except journeys.StartsStoppedError:
        stage.add_move(stage.now + rules.HOUR, pk)
        return
    if moved is not None:
        _see(stage, moved)
        _end_well(stage, moved, person)
        schedule(stage, moved)


def _see(stage: Stage, journey: Journey) -> None:
    """Keep a journey as it stands now, with what never changes during the play."""
    known = stage.journeys[journey.pk]
    journey.person, journey.wave, journey.loan = known.person, known.wave, known.loan
    stage.journeys[journey.pk] = journey


def who_of(journey: Journey, person: rules.Person) -> journeys.Who:
    if person.signs_in and journey.arrived_at is not None:
        return journeys.Who(via=Via.SIGN_IN, actor=journey.person)
    return journeys.Who(via=Via.BOX)


def _begin(stage: Stage, journey: Journey, person: rules.Person) -> Journey | None:
    device = journey.loan.device
    if person.kind == rules.WRONG_BOX and device.pk not in stage.sent_back:
        stage.sent_back.add(device.pk)
        mix_up_box(device=device, now=stage.now)
        return None
    by = stage.team[journey.pk % len(stage.team)] if stage.team else None
    hand_over(loan=journey.loan, deed=Deed(stage.now, by))
    _prepare(stage, journey)
    if person.mistypes:
        _enter(stage, device, "999999")
    begun = _enter(stage, device, journey.person.staff_number or "").journey
    if begun is not None and _draws(stage, journey, "answers", rules.ANSWERS):
        _say_how_sure(stage, begun)
    return begun


def _enter(stage: Stage, device: Device, number: str) -> journeys.BoxEntry:
    return journeys.enter_by_box(
        code=device.code or "",
        staff_number=number,
        client=f"{CLIENT}{device.pk}",
        now=stage.now,
        window=WINDOW,
    )


def _step(stage: Stage, journey: Journey, person: rules.Person) -> Journey | None:
    key = journey.current_step
    if not key:
        return None
    who = who_of(journey, person)
    hard = key == person.hard_step
    if hard and journey.pk not in stage.asked and person.kind in (rules.ASKS, rules.LATER):
        stage.asked.add(journey.pk)
        return _halt(stage, journey, person, who)
    if person.kind == rules.FAILS and key == "confirm-device" and journey.pk not in stage.asked:
        stage.asked.add(journey.pk)
        for _try in range(3):
            moved = journeys.fail_check(
                journey_id=journey.pk, step_key=key, reason="serial", who=who, now=stage.now
            )
        _see(stage, moved.journey)
        return None
    return _advance(stage, journey, person, who)


def _advance(
    stage: Stage, journey: Journey, person: rules.Person, who: journeys.Who
) -> Journey:
    """Finish the current step; from paper, everything before the Chromebook comes at once."""
    key = journey.current_step
    if person.kind == rules.PAPER and key == "power-on" and not journey.on_paper:
        return journeys.go_on_paper(journey_id=journey.pk, who=who, now=stage.now).journey
    on_paper = person.kind == rules.PAPER and journey.arrived_at is None
    if key == ARRIVAL_STEP or (on_paper and key != RECEIPT_STEP):
        who = journeys.Who(
            via=Via.SIGN_IN if person.signs_in else Via.BOX,
            actor=journey.person if person.signs_in else None,
        )
        return journeys.arrive(journey_id=journey.pk, who=who, now=stage.now).journey
    received = key == RECEIPT_STEP
    return journeys.finish_step(
        journey_id=journey.pk,
        step_key=key,
        who=who,
        now=stage.now,
        result=Result.CONFIRMED if received else Result.SELF_REPORTED,
        method=Method.SERVER if received else Method.BUTTON,
    ).journey


# --- before and after -----------------------------------------------------------------------------


def _prepare(stage: Stage, journey: Journey) -> None:
    """Let some people have done on the old PC what can be done, and some name a macro."""
    who = journeys.Who(via=Via.SIGN_IN, actor=journey.person)
    if _draws(stage, journey, "prepares", rules.PREPARES):
        for key in rules.PREPARED:
            around.prepare(journey=journey, key=key, who=who, now=stage.now)
    if not _draws(stage, journey, "macro", rules.USES_MACROS):
        return
    name, purpose, answer = rules.MACROS[journey.pk % len(rules.MACROS)]
    macro = around.list_macro(
        journey=journey,
        name=name,
        purpose=purpose,
        wish=_draws(stage, journey, "wish", rules.WISHES),
        key="list-macros",
        who=who,
        now=stage.now,
    )
    if macro.state == MacroState.ASKED and stage.team:
        _look_after(stage, journey, macro.pk, answer)


def _look_after(stage: Stage, journey: Journey, macro_id: int, answer: str) -> None:
    officer = stage.team[journey.pk % len(stage.team)]
    if _draws(stage, journey, "answered", rules.ANSWERS):
        around.answer_macro(macro_id=macro_id, words=answer, by=officer, now=stage.now)
    elif _draws(stage, journey, "taken", rules.ANSWERS):
        around.take_macro(macro_id=macro_id, by=officer, now=stage.now)


def _end_well(stage: Stage, journey: Journey, person: rules.Person) -> None:
    """Let people give the old PC back, accept the rules and answer, at the milestones."""
    if journey.ready_at == stage.now:
        _give_back(stage, journey, who=who_of(journey, person))
    if journey.at_home_at == stage.now:
        _say_how_it_was(stage, journey, person)


def _give_back(stage: Stage, journey: Journey, *, who: journeys.Who) -> None:
    if _draws(stage, journey, "accepts", rules.ACCEPTS):
        _accept_rules(journey, who=who, now=stage.now)
    if _draws(stage, journey, "returns", rules.RETURNS):
        around.give_back_old_pc(journey=journey, who=who, now=stage.now)


def _say_how_it_was(stage: Stage, journey: Journey, person: rules.Person) -> None:
    if _draws(stage, journey, "returns", rules.COLLECTED) and stage.team:
        officer = stage.team[journey.pk % len(stage.team)]
        around.collect_old_pc(journey=journey, by=officer, now=stage.now)
    if _draws(stage, journey, "answers", rules.ANSWERS):
        around.answer_questions(
            journey=journey,
            occasion=Occasion.END,
            answers=_opinion(stage, journey, person),
            now=stage.now,
        )


def _say_how_sure(stage: Stage, journey: Journey) -> None:
    """Let somebody answer before the first step what is asked again at the end."""
    mood = rules.chance_of(stage.seed, journey.pk, "mood")
    around.answer_questions(
        journey=journey,
        occasion=Occasion.START,
        answers={CONFIDENCE: around.Given(scale=1 + round(3 * mood))},
        now=stage.now,
    )


def _draws(stage: Stage, journey: Journey, about: str, share: float) -> bool:
    return rules.chance_of(stage.seed, journey.pk, about) < share


def _accept_rules(journey: Journey, *, who: journeys.Who, now: datetime) -> None:
    found = rules_of_use(journey.edition_id or 0, journey.flags, site_words(), "ja")
    if found is not None:
        around.accept_rules(
            journey=journey, rules_of_use=found, language="ja", who=who, now=now
        )


def _opinion(stage: Stage, journey: Journey, person: rules.Person) -> dict[str, around.Given]:
    mood = rules.chance_of(stage.seed, journey.pk, "mood")
    return {
        "ease": around.Given(scale=2 + round(3 * mood)),
        "hardest": around.Given(choice=person.hard_step),
        CONFIDENCE: around.Given(scale=1 + round(4 * mood)),
    }


WORDS = {
    "connect-wifi": "Wi-Fi の一覧に名前が出ません。",
    "wait-update": "20 分たっても進みません。",
    "enroll": "「登録エラー」と出ました。",
    "sign-in": "パスワードがちがうと出ます。",
    "open-guide": "案内のページが開きません。",
    "touch-practice": "さわっても動きません。",
    "screen-lock": "検索キーが どれか わかりません。",
    "office-files": "前のパソコンのファイルが見つかりません。",
}


def _halt(
    stage: Stage, journey: Journey, person: rules.Person, who: journeys.Who
) -> Journey | None:
    """Ask for help (on the page or by phone), or say あとで."""
    if person.kind == rules.LATER:
        calendar = stage.book.of_person(journey.person)
        until = clock.add_working(
            calendar, clock.next_open(calendar, stage.now), person.stops_for
        )
        _see(
            stage,
            journeys.pause(journey_id=journey.pk, until=until, who=who, now=stage.now).journey,
        )
        stage.add_move(until, journey.pk)
        return None
    stage.waiting.add(journey.pk)
    if person.calls and stage.team:
        escalation.ask_for(
            journey=journey,
            words=WORDS.get(journey.current_step, "次に進めません。"),
            by=stage.team[journey.pk % len(stage.team)],
            source=Source.PHONE,
            now=stage.now,
        )
        return None
    for trouble in (1, 2):
        journeys.note_trouble(
            journey_id=journey.pk,
            step_key=journey.current_step,
            trouble=trouble,
            who=who,
            now=stage.now,
        )
    if _draws(stage, journey, "looks up", rules.LOOKS_UP):
        _look_up_error(stage, journey, who)
    ask(journey, who=who, now=stage.now)
    return None


def _look_up_error(stage: Stage, journey: Journey, who: journeys.Who) -> None:
    key = journey.current_step
    known = [error.key for error in errors(journey.edition_id, "ja") if error.step == key]
    if known:
        journeys.note_error(
            journey_id=journey.pk,
            step_key=key,
            error=known[journey.pk % len(known)],
            who=who,
            now=stage.now,
        )


def ask(journey: Journey, *, who: journeys.Who, now: datetime) -> Ticket:
    return escalation.ask(
        journey=journey,
        choice="trouble-1",
        words=WORDS.get(journey.current_step, "次に進めません。"),
        wish=list(Wish)[journey.pk % len(Wish)],
        who=who,
        now=now,
    )
