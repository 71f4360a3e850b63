"""The page docs/states.md, written from the code: `python -m tests.house.states_doc`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.utils import translation

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kitting.settings")

from kitting.counter.states import Outcome
from kitting.devices.states import MOVES, DeviceEventKind, DeviceState
from kitting.escalation.states import (
    TRANSITIONS,
    Case,
    EntryKind,
    Level,
    Part,
    PleaAnswer,
    Quiet,
    Reach,
    TicketKind,
    TicketState,
)
from kitting.guides.states import EditionState
from kitting.jobs.states import JobState
from kitting.journeys.states import EventKind, HelpState, Result, Status
from kitting.notices.states import NoticeState
from kitting.rollout.states import ROLLOUT_MOVES, RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.db.models import TextChoices

PAGE = Path(__file__).resolve().parents[2] / "docs" / "states.md"
HEAD = """# States

Written from `states.py` of each room by `python -m tests.house.states_doc`; a test holds it to the code.
"""
LADDER: tuple[tuple[str, type[TextChoices]], ...] = (
    ("The ladder", Level),
    ("What a rule of the ladder is for", Case),
    ("By what a level is told", Reach),
    ("When a level is left in peace", Quiet),
    ("Hours of a duty", Part),
    ("What a colleague answers", PleaAnswer),
)


def render() -> str:
    """Return the page."""
    parts = [HEAD]
    parts += _table(
        "A person on the board (four, disjoint, in this order of precedence)", reversed(Status)
    )
    parts += _table("Help on a journey", HelpState)
    parts += _table("Result of a step", Result)
    parts += _table("Events of a journey", EventKind)
    parts += _table("A ticket", TicketState)
    parts += _moves(TRANSITIONS)
    parts += _table("Kinds of tickets", TicketKind)
    parts += [row for title, choices in LADDER for row in _table(title, choices)]
    parts += _table("Lines of a ticket's story", EntryKind)
    parts += _table("A notice", NoticeState)
    parts += _table("A device", DeviceState)
    parts += _table("What happens to a device", DeviceEventKind)
    parts += _events_of_devices()
    parts += _table("What comes of a scan at the counter", Outcome)
    parts += _table("An edition of a guide", EditionState)
    parts += _table("A rollout", RolloutState)
    parts += _moves(ROLLOUT_MOVES)
    parts += _table("Long work", JobState)
    return "\n".join(parts).rstrip() + "\n"


def _events_of_devices() -> list[str]:
    rows = ["| what happens | from | to |", "|---|---|---|"]
    for kind, (before, after) in MOVES.items():
        states = ", ".join(state.value for state in before)
        rows.append(f"| {kind.value} | {states} | {after.value if after else 'stays'} |")
    return [*rows, ""]


def _table(title: str, choices: Iterable[TextChoices]) -> list[str]:
    rows = [f"## {title}", "", "| code | English | 日本語 |", "|---|---|---|"]
    for choice in choices:
        with translation.override("en"):
            english = str(choice.label)
        with translation.override("ja"):
            japanese = str(choice.label)
        rows.append(f"| `{choice.value}` | {english} | {japanese} |")
    return [*rows, ""]


def _moves(moves: Mapping[Any, Iterable[Any]]) -> list[str]:
    rows = [
        f"| {a.value} | {', '.join(b.value for b in bs) or '-'} |" for a, bs in moves.items()
    ]
    return ["| from | to |", "|---|---|", *rows, ""]


if __name__ == "__main__":
    django.setup()
    PAGE.write_text(render(), encoding="utf-8")
