"""What leaves the board: sheets of what is on the screen, the loan register, the summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.actions import write_audit
from kitting.dashboard import drawing, queries
from kitting.dashboard.forms import EditionsForm, FiltersForm
from kitting.dashboard.views import figures, tables
from kitting.dashboard.views.kept import board_for, choices_for, look_of, sees_times
from kitting.escalation.views import sees_minutes
from kitting.lib.tables import tables_csv, tables_workbook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accounts.models import User
    from kitting.dashboard.queries import Overview, Register
    from kitting.dashboard.views.figures import Figure
    from kitting.lib.tables import OutTable
    from kitting.site.queries import SiteRequest

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
WRITERS = {"csv": tables_csv, "xlsx": tables_workbook}
# How wide the columns of a loan register are beside each other.
REGISTER_WIDTHS = (7, 24, 26, 15, 16, 18, 27, 26, 19, 19, 19, 18, 27, 20)


def _file(request: SiteRequest, name: str, kind: str, body: bytes) -> HttpResponse:
    response = HttpResponse(body, content_type=TYPES[kind])
    stamp = f"{localtime(request.now):%Y%m%d-%H%M}"
    response["Content-Disposition"] = f'attachment; filename="{name}-{stamp}.{kind}"'
    return response


def _sheet(
    request: SiteRequest, name: str, kind: str, made: Sequence[OutTable]
) -> HttpResponse:
    return _file(request, name, kind, WRITERS[kind](made))


def _check_kind(kind: str) -> None:
    if kind not in WRITERS:
        raise Http404


def _note(request: SiteRequest, *, action: str, kind: str, **named: object) -> None:
    """Write down who took which list with names out."""
    by = cast("User", request.user)
    write_audit(action=action, now=request.now, by=by, data={"kind": kind, **named})


# --- what is on the screen ------------------------------------------------------------------------


@never_cache
@login_required
@require_POST
def overview_sheet(request: SiteRequest, kind: str) -> HttpResponse:
    """Give the overview with the filters of the address, as far as this reader sees it.

    Where somebody waits for help their names leave with it, and that is noted.
    """
    _check_kind(kind)
    if not request.rights.sees_numbers:
        raise Http404
    form = FiltersForm(request.GET, choices=choices_for(request))
    board = board_for(
        request, look_of(request, form.filters(), by_bureau=form.by_bureau), keep=False
    )
    made = tables.overview_tables(
        board,
        form,
        sees_minutes=sees_times(request),
        spent=_spent(request, board),
    )
    if board.queue:
        _note(request, action="board.taken_out", kind=kind, people=len(board.queue))
    return _sheet(request, "overview", kind, made)


def _spent(request: SiteRequest, board: Overview) -> Figure | None:
    if not (request.rights.is_it or board.is_outside):
        return None
    return figures.spent_figure(board, request.profile.minutes_before)


@never_cache
@login_required
@require_POST
def department_sheet(request: SiteRequest, department_id: int, kind: str) -> HttpResponse:
    """Give the people of one department as they stand on its page; names leave, so it is noted."""
    _check_kind(kind)
    if not request.rights.sees_board:
        raise Http404
    page = queries.department_page(
        department_id,
        rights=request.rights,
        language=translation.get_language() or "ja",
    )
    if page is None:
        raise Http404
    made = tables.department_tables(page, sees_minutes=sees_minutes(request), now=request.now)
    named = {"department": page.department.full_name, "people": len(page.people)}
    _note(request, action="board.people_taken_out", kind=kind, **named)
    return _sheet(request, f"department-{department_id}", kind, made)


# --- for the author of the guide ------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def insights_sheet(request: SiteRequest, kind: str) -> HttpResponse:
    """Give the editions of the address, step by step, as the author of the guide sees them."""
    _check_kind(kind)
    if not request.rights.is_it:
        raise Http404
    known = queries.editions()
    form = EditionsForm(request.GET, editions=known)
    shown = queries.insights(form.chosen(known), language=translation.get_language() or "ja")
    made = tables.insights_tables(shown, queries.divide(), now=request.now)
    return _sheet(request, "insights", kind, made)


# --- what is left ---------------------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def after(request: SiteRequest) -> HttpResponse:
    """Show old PCs, accepted rules and macros by department."""
    if not request.rights.sees_numbers:
        raise Http404
    context = {"page": queries.after_page(request.rights)}
    return render(request, "dashboard/after.html", context)


@never_cache
@login_required
@require_GET
def after_sheet(request: SiteRequest, kind: str) -> HttpResponse:
    """Give the same as a sheet."""
    _check_kind(kind)
    if not request.rights.sees_numbers:
        raise Http404
    made = tables.after_table(queries.after_page(request.rights), now=request.now)
    return _sheet(request, "after", kind, [made])


# --- the loan register ----------------------------------------------------------------------------


@never_cache
@login_required
@require_POST
def register(request: SiteRequest, department_id: int, kind: str) -> HttpResponse:
    """Give the loan register of a department, for whoever sees its people; it is noted who took it."""
    if kind not in ("xlsx", "pdf") or not request.rights.sees_board:
        raise Http404
    found = queries.register(department_id, rights=request.rights)
    if found is None:
        raise Http404
    named = {"department": found.department.full_name, "devices": len(found.rows)}
    _note(request, action="register.taken_out", kind=kind, **named)
    name = f"register-{department_id}"
    if kind == "xlsx":
        made = tables.register_table(found, now=request.now)
        return _sheet(request, name, kind, [made])
    body = drawing.draw_ledger(_ledger(request, found))
    return _file(request, name, kind, body)


def _ledger(request: SiteRequest, found: Register) -> drawing.Ledger:
    number = ngettext("%(n)s device", "%(n)s devices", len(found.rows))
    numbered = enumerate(found.rows, 1)
    rows = (tables.register_row(at, row) for at, row in numbered)
    return drawing.Ledger(
        title=tables.register_title(found),
        subtitle=f"{tables.as_of(request.now)}  {number % {'n': len(found.rows)}}",
        headers=tables.register_headers(),
        widths=REGISTER_WIDTHS,
        rows=tuple(tuple(str(cell) for cell in row) for row in rows),
        empty=_("No device is on loan here."),
        notes=(
            _("The rules are those of the newest text its person accepted for the device."),
        ),
        geta_note=_("〓 stands for a character that cannot be printed here."),
        language=translation.get_language() or "ja",
    )


# --- the summary ----------------------------------------------------------------------------------


def _summary(request: SiteRequest) -> tuple[Overview, list[tuple[str, list[Figure]]]]:
    """Return the whole city's figures, chapter by chapter; names stand in none of them."""
    if not (request.rights.is_it or request.rights.is_auditor):
        raise Http404
    board = board_for(request, keep=False)
    if board.is_hidden:
        return board, []
    left = queries.after_page(request.rights)
    return board, [
        (_("How far we are"), figures.progress_figures(board)),
        (
            _("Time and help"),
            [
                figures.time_figure(board),
                *figures.help_figures(board),
                figures.spent_figure(board, request.profile.minutes_before),
            ],
        ),
        (_("How sure people feel"), figures.sure_figures(queries.sureness())),
        (_("Around the set-up"), figures.after_figures(left.total)),
        (_("Counted apart"), figures.apart_figures(board)),
    ]


@never_cache
@login_required
@require_GET
def summary(request: SiteRequest) -> HttpResponse:
    """Show the rollout on one page of paper, every figure with its definition."""
    board, chapters = _summary(request)
    context = {"board": board, "chapters": chapters}
    return render(request, "dashboard/summary.html", context)


@never_cache
@login_required
@require_GET
def summary_sheet(request: SiteRequest) -> HttpResponse:
    """Give the same as a workbook."""
    board, chapters = _summary(request)
    notes = [tables.as_of(board.now)]
    made = [tables.figures_table(title, listed, notes) for title, listed in chapters]
    if not made:
        few = _("There are too few people to show figures")
        made = [tables.figures_table(_("Summary of the rollout"), [], [*notes, few])]
    return _sheet(request, "summary", "xlsx", made)
