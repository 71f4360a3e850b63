"""Who is found, who is disturbed for nothing, who is told how often: against a truth that is known."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from accounts.models import Place
from kitting.demo.actions.visiting import fail_at_wifi
from kitting.escalation.actions.sweeping import sweep
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.models import Journey
from kitting.journeys.states import Via
from kitting.notices.models import Notice
from tests.bench import measure
from tests.escalation.truth import WAVE_AT, Findings, found_town, play_it

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PEOPLE = 2_650
WIFI = "connect-wifi"
BY_BOX = Who(via=Via.BOX)
AT_ONCE = 400
# The sweep of that morning: nobody's alarm may be said anew because the asking goes on.
SWEEP_EACH = timedelta(minutes=5)
MIX, PRIME = 7_919, 104_729
# One in so many asks at a step although nothing is broken.
ASKS_ANYWAY = 25


def alarms() -> int:
    """Return of how many outages IT was told."""
    return Notice.objects.filter(kind="it_outage").values("about").distinct().count()


def broken_wifi(journeys: Sequence[Journey]) -> tuple[int, int]:
    """Let the Wi-Fi fail for some people in one hour of a morning; return who asked, and the alarms."""
    begins = WAVE_AT + timedelta(minutes=5)
    first, asked, swept_at = begins + timedelta(minutes=20), 0, begins
    for number, journey in enumerate(journeys):
        at = first + timedelta(minutes=35) * number / len(journeys)
        while swept_at + SWEEP_EACH <= at:
            swept_at += SWEEP_EACH
            sweep(now=swept_at)
        asked += fail_at_wifi(journey, begins=begins, asks_at=at)
    sweep(now=begins + timedelta(hours=1))
    return asked, alarms()


def at_once(journeys: Sequence[Journey]) -> tuple[int, int]:
    """Let many begin in one moment, nothing being broken; return who asked all the same, and the alarms."""
    asked = 0
    for number, journey in enumerate(journeys):
        if number % ASKS_ANYWAY == 0:
            asked += fail_at_wifi(
                journey, begins=WAVE_AT, asks_at=WAVE_AT + timedelta(minutes=20 + number % 30)
            )
            continue
        walk(journey)
    sweep(now=WAVE_AT + timedelta(hours=1))
    return asked, alarms()


def walk(journey: Journey) -> None:
    """Let somebody begin and come past the Wi-Fi step."""
    begin(journey_id=journey.pk, who=BY_BOX, now=WAVE_AT)
    journey.refresh_from_db()
    for minute, (key, *_rest) in enumerate(journey.step_keys, start=3):
        at = WAVE_AT + timedelta(minutes=3 * minute)
        finish_step(journey_id=journey.pk, step_key=key, who=BY_BOX, now=at)
        if key == WIFI:
            return


def truth_table(found: Findings) -> str:
    rows = [
        (kind, f"{found.stuck[kind]:,}", f"{found.found[kind]:,}")
        for kind in ("never_started", "stopped", "failing")
    ]
    stuck, seen = sum(found.stuck.values()), sum(found.found.values())
    rows.append(("all", f"{stuck:,}", f"{seen:,} ({found.share_found:.1%})"))
    return measure.table(("Planted trouble", "people", "found"), rows)


def figures(found: Findings) -> str:
    rows = [
        ("share of stuck people found", "≥ 99 %", f"{found.share_found:.2%}"),
        (
            "people who were fine and were disturbed all the same",
            "≤ 2 %",
            f"{found.share_alarmed:.2%} ({found.alarms} of {found.fine:,})",
        ),
        (
            "working minutes from being stuck to a named helper, median",
            "",
            f"{found.median_to_helper:.0f}",
        ),
        (
            "of them who went on after the first word, without a helper",
            "",
            f"{found.went_on:,}",
        ),
        (
            "working minutes from asking to somebody who takes it, median",
            "",
            f"{found.median_of_askers:.0f} ({found.asked:,} asked)",
        ),
        (
            "messages to one person on one day that were not asked for, most",
            "1",
            f"{found.most_a_day}",
        ),
        (
            "such messages a person, in all of the play",
            "",
            f"{found.messages / found.people:.2f}",
        ),
        ("mails to one lead within one clock hour, most", "2", f"{found.lead_most_an_hour}"),
    ]
    return measure.table(("Figure", "goal", "measured"), rows)


def in_building(journeys: Sequence[Journey]) -> list[Journey]:
    """Return the people of one building, an office."""
    place = Place.objects.order_by("pk").last()
    ready = Journey.objects.filter(pk__in=[j.pk for j in journeys], place=place)
    return list(ready.select_related("person", "loan__device").order_by("pk"))


def everybody(journeys: Sequence[Journey]) -> list[Journey]:
    ready = Journey.objects.filter(pk__in=[j.pk for j in journeys])
    return list(ready.select_related("person", "loan__device").order_by("place_id", "pk"))


def in_no_order(journeys: Sequence[Journey]) -> list[Journey]:
    """Return everybody, mixed: what fails everywhere is met everywhere at the same time."""
    return sorted(everybody(journeys), key=lambda journey: journey.pk * MIX % PRIME)


@dataclass(frozen=True)
class Scene:
    """Something that happens on one morning, and how many alarms it should make."""

    name: str
    goal: int
    who: Callable[[Sequence[Journey]], list[Journey]]
    act: Callable[[Sequence[Journey]], tuple[int, int]]


SCENES = (
    Scene("Wi-Fi of one building broken", 1, in_building, broken_wifi),
    Scene("Wi-Fi of the whole city broken", 1, in_no_order, broken_wifi),
    Scene(
        f"{AT_ONCE} people at once, nothing broken",
        0,
        lambda journeys: everybody(journeys)[:AT_ONCE],
        at_once,
    ),
)


def outage_row(scene: Scene, people: int) -> tuple[str, ...]:
    """Play one scene in a town of its own."""
    there = scene.who(found_town(people))
    asked, told = scene.act(there)
    return scene.name, f"{len(there):,}", f"{asked:,}", str(scene.goal), str(told)


def outage_table(people: int) -> str:
    rows = []
    for scene in SCENES:
        with measure.fresh_database():
            rows.append(outage_row(scene, people))
    head = ("What happens", "people there", "ask", "alarms: goal", "measured")
    return measure.table(head, rows)


ABOUT = """\
{people:,} people of `simulate` are played for eleven working days, through the same actions as the pages
use: what each does follows from seed and staff number, so that trouble is planted and known beforehand.
Stuck is who has not begun two working days (in shifts: three) after the boxes came, who stops at a step
for six hours and more (in shifts: longer than three days), and whose check fails three times; found is
who got a ticket of the sweep while it lasted. Fine is who began in time, went on, and did not ask."""


def find(people: int, parts: str) -> list[str]:
    said = []
    if "truth" in parts:
        with measure.fresh_database():
            found = play_it(people)
        said += [truth_table(found), figures(found)]
        sys.stderr.write(f"missed {found.missed[:20]} alarmed {found.alarmed[:20]}\n")
    if "outages" in parts:
        said.append(outage_table(people))
    return said


def main() -> None:
    parser = ArgumentParser(prog="make bench-escalation")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--parts", default="truth,outages", help="of truth, outages")
    wanted = parser.parse_args()
    parts = find(wanted.people, wanted.parts)
    sys.stdout.write(
        "\n\n".join([ABOUT.format(people=wanted.people), f"{measure.machine()}.", *parts])
        + "\n"
    )


if __name__ == "__main__":
    main()
