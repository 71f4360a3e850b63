"""The steps on the board: who got that far, how long it takes, who asks, and where most time is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.dashboard import rules
from kitting.journeys.rules import PIECE, whole
from kitting.journeys.states import TallyKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kitting.dashboard.queries.facts import Fact
    from kitting.guides.queries.shapes import StepLine
    from kitting.journeys.queries import TallyRow

SECONDS_A_MINUTE = 60


@dataclass(frozen=True)
class StepRow:
    """One step on the board: who got that far, who is there now, how long it takes, who asked.

    `took` is active time in minutes; `help_share` how many in a hundred who reached it asked.
    """

    number: int
    key: str
    title: str
    reached: int
    here: int
    minutes: int
    share: float
    passed_share: float
    is_bottleneck: bool
    took: rules.Took | None = None
    asked: int = 0
    help_share: float = 0.0


def step_rows(
    rows: Iterable[TallyRow],
    facts: Iterable[Fact],
    *,
    lines: Sequence[StepLine],
    here: Mapping[str, int],
    ready: int,
) -> list[StepRow]:
    """Return each step up to ready with its people: `here` are those under way, by step."""
    times = times_by_step(rows)
    asked = {fact.key: fact.number for fact in facts if fact.kind == TallyKind.QUESTION}
    usual = {line.key: times.get(line.key) for line in lines}
    hot = rules.bottleneck(
        [
            (line.key, here.get(line.key, 0), took.median if took else line.minutes)
            for line in lines
            for took in [usual[line.key]]
        ]
    )
    begun = passed = ready + sum(here.get(line.key, 0) for line in lines)
    made = []
    for number, line in enumerate(lines, 1):
        now_here = here.get(line.key, 0)
        made.append(
            StepRow(
                number=number,
                key=line.key,
                title=line.title,
                reached=passed,
                here=now_here,
                minutes=line.minutes,
                share=rules.share(passed, begun),
                passed_share=rules.share(passed - now_here, begun),
                is_bottleneck=line.key == hot,
                took=usual[line.key],
                asked=asked.get(line.key, 0),
                help_share=rules.share(asked.get(line.key, 0), passed),
            )
        )
        passed -= now_here
    return made


def times_by_step(rows: Iterable[TallyRow]) -> dict[str, rules.Took | None]:
    """Return how many minutes each step takes, from what was counted in pieces of ten seconds."""
    times: dict[str, dict[int, int]] = {}
    for row in rows:
        if row.kind == TallyKind.TOOK:
            key, _colon, pieces = row.key.rpartition(":")
            of_step = times.setdefault(key, {})
            of_step[int(pieces)] = of_step.get(int(pieces), 0) + row.number
    return {key: times_in_minutes(of_step) for key, of_step in times.items()}


def times_in_minutes(pieces_taken: Mapping[int, int]) -> rules.Took | None:
    """Return minutes from times counted in pieces of ten seconds."""
    took = rules.took(pieces_taken)
    if took is None:
        return None
    median, most = (
        max(1, whole(pieces * PIECE, SECONDS_A_MINUTE)) for pieces in (took.median, took.most)
    )
    return rules.Took(took.number, median, most)
