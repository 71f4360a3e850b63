"""The figures of the board in words: each with its unit, what it is compared with, and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

if TYPE_CHECKING:
    from datetime import date

    from kitting.dashboard.queries import AfterCounts, Overview, Sureness
    from kitting.lib.tables import Cell


@dataclass(frozen=True)
class Figure:
    """One figure; without a value it is not known yet, and `compared` says since when it would be."""

    name: str
    value: Cell
    unit: str
    compared: str
    meaning: str

    @property
    def shown(self) -> str:
        """Return the value as it is read; a dash where there is none."""
        return (
            "\N{EN DASH}"
            if self.value is None
            else f"{self.value:,}"
            if _is_number(self.value)
            else f"{self.value}"
        )


def _is_number(value: Cell) -> bool:
    return isinstance(value, int | float)


def people(number: int) -> str:
    """Say how many people."""
    return ngettext("%(n)s person", "%(n)s people", number) % {"n": f"{number:,}"}


def short_day(day: date | None) -> str:
    """Say a day, or that it cannot be said."""
    return date_format(day, "SHORT_DATE_FORMAT") if day else _("not known")


def gap_words(board: Overview) -> str:
    """Say the difference from the plan."""
    if board.gap == 0:
        return _("as planned")
    if board.gap < 0:
        words = ngettext(
            "%(n)s person fewer than planned", "%(n)s people fewer than planned", -board.gap
        )
    else:
        words = ngettext(
            "%(n)s person more than planned", "%(n)s people more than planned", board.gap
        )
    return words % {"n": f"{abs(board.gap):,}"}


def progress_figures(board: Overview) -> list[Figure]:
    """Return how far everybody is, against the plan and the deadline."""
    counts = board.counts
    of_all = _("%(n)s of %(total)s people") % {
        "n": f"{counts.done:,}",
        "total": f"{counts.total:,}",
    }
    return [
        Figure(
            _("People who are ready"),
            counts.percent,
            "%",
            f"{of_all} / {gap_words(board)}",
            _(
                "People with a device of their own who have done every step up to ready, out of "
                "all people with a device. Shared devices are counted apart."
            ),
        ),
        Figure(
            _("Plan"),
            board.planned,
            _("people"),
            _("to be ready by today"),
            _("Each wave is expected to become ready evenly from its first day to its last."),
        ),
        _pace(board),
        _forecast(board),
    ]


def _pace(board: Overview) -> Figure:
    if board.pace is None:
        compared = _("known after the first working day")
    elif board.counts.done >= board.counts.total:
        compared = _("everybody is ready")
    elif board.needed is None:
        compared = _("the deadline has come")
    else:
        compared = _("%(n)s a day are needed") % {"n": board.needed_a_day}
    return Figure(
        _("Pace"),
        round(board.pace.mean, 1) if board.pace else None,
        _("people a day"),
        compared,
        _(
            "The mean of the last five whole working days. The pace needed is who is left, "
            "divided by the working days up to the deadline."
        ),
    )


def _forecast(board: Overview) -> Figure:
    ahead = board.forecast
    day = ahead.likely_on if ahead else None
    deadline = board.rollout.deadline_on if board.rollout else None
    return Figure(
        _("Forecast"),
        short_day(day) if day else None,
        "",
        _("deadline %(day)s") % {"day": short_day(deadline)} if deadline else "",
        _(
            "Who is left, divided by the pace; the band is the best and the slowest five working "
            "days in a row so far."
        ),
    )


def time_figure(board: Overview) -> Figure:
    """Return how long it takes until a device can be used."""
    took = board.time
    return Figure(
        _("Time to finish"),
        took.median if took else None,
        _("min (median)"),
        _("nine in ten within %(n)s min") % {"n": took.most}
        if took
        else _("known from five people on"),
        _(
            "Active time until ready, in whole minutes rounded up. Breaks of more than 30 minutes "
            "do not count. Steps are timed to ten seconds."
        ),
    )


def help_figures(board: Overview) -> list[Figure]:
    """Return who needed help, and how soon it came."""
    answer = board.help.answer
    helped = ngettext(
        "%(n)s person asked for help", "%(n)s people asked for help", board.helped
    )
    overdue = ngettext("%(n)s overdue", "%(n)s overdue", board.overdue) % {"n": board.overdue}
    goal = _("goal %(n)s min") % {"n": board.help.target}
    return [
        Figure(
            _("Ready without help"),
            board.finished_alone,
            "%",
            helped % {"n": f"{board.helped:,}"},
            _("Of those who are ready, who never asked for help."),
        ),
        Figure(
            _("To the first answer"),
            answer.median if answer else None,
            _("min (median)"),
            f"{overdue} / {goal}" if board.overdue else goal,
            _(
                "IT's working minutes from the question to the first answer: the median of the "
                "last 30 days, at most 1,000 questions."
            ),
        ),
    ]


def spent_figure(board: Overview, before: int | None) -> Figure:
    """Return IT's time for help against the organisation's own earlier figure."""
    if not board.spent:
        compared = _("no minutes written down yet")
    elif before:
        compared = _("before: %(n)s min a device") % {"n": before}
    else:
        compared = ""
    return Figure(
        _("IT's time for help"),
        board.spent_a_device if board.spent else None,
        _("min a device"),
        compared,
        _("All minutes that helpers wrote down, divided by the devices that are ready."),
    )


def sure_figures(sure: Sureness) -> list[Figure]:
    """Return how sure people feel, at each moment they were asked."""
    meaning = _(
        "The mean of all answers from 1 (not at all) to 5 (very), from five answers on."
    )
    names = (_("Sure at the start"), _("Sure at the end"), _("Sure after 30 days"))
    return [
        Figure(
            name,
            said[0] if said else None,
            _("out of 5"),
            ngettext("%(n)s answer", "%(n)s answers", said[1]) % {"n": f"{said[1]:,}"}
            if said
            else _("known from five answers on"),
            meaning,
        )
        for name, said in zip(names, (sure.start, sure.end, sure.month), strict=True)
    ]


def after_figures(counts: AfterCounts) -> list[Figure]:
    """Return what came back and what was accepted."""
    return [
        Figure(
            _("Old PCs collected"),
            counts.collected,
            _("PCs"),
            _("%(n)s not yet") % {"n": f"{counts.missing:,}"},
            _(
                "PCs that a lead or IT has seen come back. Whoever said that they had none is "
                "not waited for."
            ),
        ),
        Figure(
            _("Rules of use accepted"),
            counts.accepted,
            _("people"),
            _("of %(n)s") % {"n": people(counts.people)},
            _("People who accepted the rules of use for the device they have now."),
        ),
        Figure(
            _("Macros written down"),
            counts.macros,
            _("macros"),
            _("%(n)s answered") % {"n": f"{counts.answered:,}"},
            _("What people used on their old PCs, and for which IT said how it is done now."),
        ),
    ]


def apart_figures(board: Overview) -> list[Figure]:
    """Return what is counted apart from people with a device of their own."""
    return [
        Figure(
            _("Shared devices"),
            board.shared_devices,
            pgettext("unit", "devices"),
            "",
            _("Devices that belong to a department and to no person."),
        ),
        Figure(
            pgettext("counted apart", "People without a device"),
            board.people_without_device,
            _("people"),
            "",
            _("People on the staff list who have no device now."),
        ),
        Figure(
            _("May need help"),
            board.attention,
            _("people"),
            "",
            _("People of whom Kitto noticed that they do not get on, and who have not asked."),
        ),
    ]
