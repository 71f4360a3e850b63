"""The pages of the board as tables: the same figures, in the same order, for CSV and XLSX."""

from __future__ import annotations

import html
from datetime import datetime
from typing import TYPE_CHECKING

from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from kitting.around.states import Occasion
from kitting.dashboard.views.figures import (
    apart_figures,
    help_figures,
    progress_figures,
    time_figure,
)
from kitting.journeys.states import Status
from kitting.lib.tables import OutTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from kitting.dashboard import rules
    from kitting.dashboard.forms import FiltersForm
    from kitting.dashboard.queries import (
        AfterPage,
        DepartmentPage,
        DepartmentRow,
        GroupInsight,
        Insight,
        Overview,
        PersonRow,
        Register,
        RegisterRow,
    )
    from kitting.dashboard.views.figures import Figure
    from kitting.escalation.queries.desk import QueueRow
    from kitting.lib.tables import Cell

FIELDS_OF_TIME = 2


def moment(at: datetime | None) -> str:
    """Write a moment on the organisation's clock, such as 2026-11-17 10:00."""
    return f"{localtime(at):%Y-%m-%d %H:%M}" if at else ""


def day(on: date | datetime | None) -> str:
    """Write a day, such as 2026-11-17."""
    if on is None:
        return ""
    return f"{localtime(on) if isinstance(on, datetime) else on:%Y-%m-%d}"


def as_of(now: datetime) -> str:
    """Say when the figures were counted."""
    return _("As of %(at)s") % {"at": date_format(localtime(now), "SHORT_DATETIME_FORMAT")}


def figures_table(title: str, figures: Iterable[Figure], notes: Sequence[str]) -> OutTable:
    """Return figures with their definitions."""
    return OutTable(
        title,
        (
            _("Figure"),
            _("Value"),
            pgettext("of a figure", "Unit"),
            _("Compared with"),
            _("What it means"),
        ),
        tuple((f.name, f.value, f.unit, f.compared, f.meaning) for f in figures),
        tuple(notes),
    )


# --- the overview ---------------------------------------------------------------------------------


def overview_tables(
    board: Overview, form: FiltersForm, *, sees_minutes: bool, spent: Figure | None
) -> list[OutTable]:
    """Return everything the overview shows, table by table."""
    notes = [as_of(board.now)]
    notes += _narrowed(board, form)
    if board.is_hidden:
        few = _("There are too few people to show figures")
        return [figures_table(_("Progress"), [], [*notes, few])]
    figures = [*progress_figures(board), *([time_figure(board)] if sees_minutes else [])]
    figures += [*help_figures(board), *([spent] if spent else []), *apart_figures(board)]
    tables = [
        figures_table(_("Figures of all"), figures, notes),
        _states(board.counts),
        _departments(board.departments, by_bureau=form.by_bureau),
        _days(board),
        _steps(board, sees_minutes=sees_minutes),
    ]
    if not board.is_outside:
        tables.append(_queue(board.queue))
    return tables


def _narrowed(board: Overview, form: FiltersForm) -> list[str]:
    """Say what the board is narrowed by, or that it is not although it was asked for."""
    if board.is_refused:
        return [
            _(
                "Groups of fewer than five people could be worked out from it. You see the whole city."
            )
        ]
    return [f"{label}: {value}" for label, value, _query in form.chosen]


def _states(counts: rules.Counts) -> OutTable:
    numbers = {
        Status.DONE: counts.done,
        Status.IN_PROGRESS: counts.in_progress,
        Status.WAITING: counts.waiting,
        Status.NOT_STARTED: counts.not_started,
    }
    return OutTable(
        _("People by state"),
        (_("State"), _("People")),
        (
            *((str(state.label), number) for state, number in numbers.items()),
            (pgettext("sum", "All"), counts.total),
        ),
    )


def _departments(rows: Iterable[DepartmentRow], *, by_bureau: bool) -> OutTable:
    headers = (
        _("Bureau"),
        _("Department"),
        _("Ready"),
        _("In progress"),
        _("Waiting for help"),
        _("Not started"),
        _("People"),
        _("Ready (%)"),
        _("Plan"),
        _("Difference"),
        _("May need help"),
    )
    return OutTable(
        _("Bureaus") if by_bureau else _("Departments"),
        headers,
        tuple(
            (
                row.bureau,
                together(row.name, row.together, is_named=row.is_bureau),
                row.counts.done,
                row.counts.in_progress,
                row.counts.waiting,
                row.counts.not_started,
                row.counts.total,
                row.counts.whole_percent,
                row.planned,
                row.gap,
                row.attention,
            )
            for row in rows
        ),
    )


def together(name: str, number: int, *, is_named: bool = False) -> str:
    """Name a department, or several small ones that are shown together."""
    if number == 1 or is_named:
        return name
    return _("%(name)s and others (%(n)s departments)") % {"name": name, "n": number}


def _days(board: Overview) -> OutTable:
    return OutTable(
        _("Compared with the plan"),
        (_("Day"), _("Ready"), _("Plan"), _("Difference")),
        tuple(
            (day(on), done, plan, None if done is None or plan is None else done - plan)
            for on, done, plan in board.compared
        ),
    )


def _steps(board: Overview, *, sees_minutes: bool) -> OutTable:
    times = (_("Median (min)"), _("Nine in ten (min)")) if sees_minutes else ()
    notes: tuple[str, ...] = ()
    if board.elsewhere:
        words = ngettext(
            "%(n)s person more is under way on none of these steps",
            "%(n)s people more are under way on none of these steps",
            board.elsewhere,
        )
        notes = (words % {"n": board.elsewhere},)
    return OutTable(
        _("Where people are now"),
        (
            *("#", _("Step"), _("Reached"), _("Now here")),
            *times,
            *(_("Asked"), _("Asked (%)"), _("Most time is lost here")),
        ),
        tuple(
            (
                *(step.number, step.title, step.reached, step.here),
                *(_took(step.took) if sees_minutes else ()),
                *(step.asked, step.help_share, "○" if step.is_bottleneck else ""),
            )
            for step in board.steps
        ),
        notes,
    )


def _took(took: rules.Took | None) -> tuple[Cell, ...]:
    return (took.median, took.most) if took else (None,) * FIELDS_OF_TIME


def _queue(rows: Iterable[QueueRow]) -> OutTable:
    return OutTable(
        _("Waiting longest"),
        (
            *(_("Number"), _("About"), _("Person"), _("Department"), _("Place")),
            *(_("Minutes left"), _("Taken by")),
        ),
        tuple(
            (
                row.ticket.number,
                _title(row),
                _whose(row),
                str(row.ticket.department or ""),
                str(row.ticket.place or ""),
                None
                if row.minutes_left is None
                else -row.minutes_left
                if row.is_overdue
                else row.minutes_left,
                row.ticket.taken_by.name if row.ticket.taken_by else "",
            )
            for row in rows
        ),
    )


def _title(row: QueueRow) -> str:
    words = {"ticket": row.ticket, "subject": row.subject}
    return html.unescape(render_to_string("escalation/_title.html", words)).strip()


def _whose(row: QueueRow) -> str:
    ticket = row.ticket
    person = ticket.journey.person if ticket.journey else ticket.person
    return person.name if person else str(ticket.device or "")


# --- for the author of the guide ------------------------------------------------------------------


def insights_tables(
    shown: Iterable[Insight], groups: Iterable[GroupInsight], *, now: datetime
) -> list[OutTable]:
    """Return each edition step by step, what people said of it, and how even it is."""
    notes = (as_of(now),)
    tables = []
    for one in shown:
        tables.append(_edition(one, notes))
        if one.comments:
            title = _("Comments (edition %(n)s)") % {"n": one.edition.number}
            rows = tuple((text,) for text in one.comments)
            tables.append(OutTable(title, (_("Comment"),), rows))
    return [*tables, _divide(groups)]


def _edition(one: Insight, notes: tuple[str, ...]) -> OutTable:
    first = one.edit_first
    return OutTable(
        _("Edition %(n)s") % {"n": one.edition.number},
        (
            *("#", _("Step"), _("Reached"), _("Finished"), _("Left out")),
            *(_("Median (min)"), _("In the guide (min)"), _("Nine in ten (min)")),
            *(_("Asked"), _("Asked (%)"), _("Hints read"), _("Errors looked up")),
            *(_("Said to be hardest"), _("Read most"), _("Edit first")),
        ),
        tuple(
            (
                *(step.number, step.title, step.reached, step.finished, step.skipped),
                *(step.took.median if step.took else None, step.minutes),
                step.took.most if step.took else None,
                *(step.asked, step.help_share, step.troubles, step.errors, step.hardest),
                " / ".join(f"{line.text} ({line.number})" for line in step.read),
                "○" if first is not None and step.key == first.key else "",
            )
            for step in one.steps
        ),
        notes,
    )


def _divide(groups: Iterable[GroupInsight]) -> OutTable:
    said = _("%(when)s: how many answered")
    sure = {
        Occasion.START: _("Sure at the start"),
        Occasion.END: _("Sure at the end"),
        Occasion.MONTH: _("Sure after 30 days"),
    }
    return OutTable(
        _("Does it work for everybody?"),
        (
            *(_("Employment"), _("People")),
            *(head for words in sure.values() for head in (words, said % {"when": words})),
            *(_("Median (min)"), _("Nine in ten (min)"), _("Ready without help (%)")),
        ),
        tuple(
            (
                _(", ").join(name or _("not on the roll") for name in group.names),
                group.people,
                *(cell for at in sure for cell in (group.sure[at] or (None, None))),
                *_took(group.time),
                group.alone_share,
            )
            for group in groups
        ),
        (_("By employment, in groups of five people or more"),),
    )


# --- one department -------------------------------------------------------------------------------


def department_tables(
    page: DepartmentPage, *, sees_minutes: bool, now: datetime
) -> list[OutTable]:
    """Return the people of one department, its shared devices and its counts."""
    return [
        OutTable(
            page.department.full_name,
            _person_headers(),
            tuple(_person(row, sees_minutes=sees_minutes) for row in page.people),
            (as_of(now),),
        ),
        _states(page.counts),
        OutTable(
            _("Shared devices"),
            (_("Asset tag"), _("Place")),
            tuple((str(loan.device), str(loan.place or "")) for loan in page.shared),
        ),
    ]


def _person_headers() -> tuple[str, ...]:
    return (
        *(_("Name"), _("Reading"), _("State"), _("Step"), _("Since"), _("Ready since")),
        *(_("Extension"), _("Place"), _("Ticket")),
    )


def _person(row: PersonRow, *, sees_minutes: bool) -> tuple[Cell, ...]:
    journey, person = row.journey, row.journey.person
    is_under_way = journey.status in (Status.IN_PROGRESS, Status.WAITING)
    ready = moment(journey.ready_at) if sees_minutes else day(journey.ready_at)
    return (
        person.name,
        person.kana,
        str(journey.get_status_display()),
        f"{row.step_number}. {row.step}" if is_under_way and row.step_number else "",
        moment(journey.opened_at) if is_under_way and sees_minutes else "",
        ready if journey.status == Status.DONE else "",
        person.extension,
        str(journey.place or ""),
        f"{row.ticket.number} {row.ticket.get_state_display()}" if row.ticket else "",
    )


# --- what is left ---------------------------------------------------------------------------------


def after_table(page: AfterPage, *, now: datetime) -> OutTable:
    """Return old PCs, accepted rules and macros by department."""
    return OutTable(
        _("Old PCs, rules and macros"),
        (
            *(_("Bureau"), _("Department"), _("People"), _("Had no PC"), _("Said given back")),
            *(
                _("Collected"),
                pgettext("old PC", "Not yet"),
                _("Rules accepted"),
                _("Macros: written down"),
            ),
            *(
                _("Macros: help wished for"),
                _("Macros: being looked at"),
                _("Macros: answered"),
            ),
        ),
        tuple(
            (
                row.bureau,
                together(row.name, row.together),
                *(row.counts.people, row.counts.had_none, row.counts.said),
                *(row.counts.collected, row.counts.missing, row.counts.accepted),
                *(row.counts.listed, row.counts.asked, row.counts.in_hand, row.counts.answered),
            )
            for row in page.rows
        ),
        (as_of(now),),
    )


# --- the loan register ----------------------------------------------------------------------------


def register_headers() -> tuple[str, ...]:
    """Return the columns of a loan register."""
    return (
        *("#", _("Asset tag"), _("Device model"), _("Serial (last four)"), _("For whom")),
        *(_("Staff number"), _("Name"), _("Place"), _("On loan since"), _("Handed over")),
        *(_("Ready"), _("Rules: version"), _("Rules: accepted at"), _("Rules: by")),
    )


def register_row(number: int, row: RegisterRow) -> tuple[Cell, ...]:
    """Return one line of a loan register."""
    loan, accepted = row.loan, row.accepted
    return (
        number,
        loan.device.asset_tag or str(loan.device),
        loan.device.model_name,
        row.serial_end,
        str(loan.get_kind_display()),
        (loan.person.staff_number or "") if loan.person else "",
        loan.person.name if loan.person else "",
        str(loan.place or ""),
        day(loan.started_at),
        day(loan.handed_over_at or loan.received_at),
        day(row.ready_at),
        accepted.version if accepted else "",
        moment(accepted.accepted_at) if accepted else "",
        str(accepted.get_via_display()) if accepted else "",
    )


def register_title(found: Register) -> str:
    """Name a loan register."""
    return _("Loan register: %(department)s") % {"department": found.department.full_name}


def register_table(found: Register, *, now: datetime) -> OutTable:
    """Return the loan register of a department."""
    return OutTable(
        register_title(found),
        register_headers(),
        tuple(register_row(number, row) for number, row in enumerate(found.rows, 1)),
        (as_of(now),),
    )
