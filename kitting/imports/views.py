"""Sheets on a page: bring one, see what it would change, take it in, take it back."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import SheetRefusedError, problems, sentence_of
from accounts.transfers import drop_transfer as drop_planned
from kitting.imports import actions
from kitting.imports.forms import (
    SHEETS,
    ColumnsForm,
    UploadForm,
    first_cells,
    too_large,
)
from kitting.imports.forms import marked as marked_sheet
from kitting.imports.models import Import, ImportFile
from kitting.imports.queries import (
    imports_lately,
    job_of,
    last_done,
    moves_that_happened,
    moves_to_come,
)
from kitting.imports.rules import BODY_BYTES_MOST, FLAWS_SHOWN
from kitting.imports.states import HELD, ImportState, Kind
from kitting.imports.tasks import wake_imports
from kitting.lib.rows import Flaw
from kitting.site.queries import team_here

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_stubs_ext import StrPromise

    from accounts.traces import Obstacle
    from kitting.site.queries import SiteRequest

FINAL = 286  # what static/js/poll.js takes for "fresh, and nothing more will come"
SAMPLE_ROWS = 3
MOVES_SHOWN = 200

# The main figures of each kind of sheet, in the order they are shown.
FIGURES: Mapping[str, Mapping[str, StrPromise]] = {
    Kind.ROLL: {
        "created": gettext_lazy("New people"),
        "changed": gettext_lazy("Changed"),
        "moved": gettext_lazy("Move elsewhere"),
        "unchanged": gettext_lazy("Stay as they are"),
    },
    Kind.DEVICES: {
        "created": gettext_lazy("New devices"),
        "updated": gettext_lazy("Changed"),
        "unchanged": gettext_lazy("Stay as they are"),
    },
    Kind.TRANSFERS: {
        "planned": gettext_lazy("Move on their day"),
        "applied": gettext_lazy("Move at once"),
        "updated": gettext_lazy("Planned anew"),
        "unchanged": gettext_lazy("Stay as they are"),
    },
    Kind.DEPARTMENTS: {
        "planned": gettext_lazy("Go over on their day"),
        "applied": gettext_lazy("Go over at once"),
        "people": gettext_lazy("People there today"),
        "unchanged": gettext_lazy("Stay as they are"),
    },
}
# What stands beside them where there is any of it, with the first names.
BESIDE: Mapping[str, StrPromise] = {
    "missing": gettext_lazy("Not in the file: nothing is deleted"),
    "held": gettext_lazy("Move on a day to come, and stay where they are until then"),
    "leaving": gettext_lazy("With a new leaving date"),
    "named_it": gettext_lazy("Named IT in the file: give the role on the roles page"),
    "departments_created": gettext_lazy("New departments"),
    "departments_new": gettext_lazy("Departments made on that day"),
    "places_created": gettext_lazy("New places"),
    "places_new": gettext_lazy("Places made on that day"),
    "hours_created": gettext_lazy("New hours of work"),
    "leads_named": gettext_lazy("Leads named"),
    "leads_removed": gettext_lazy("Leads no longer"),
    "loans_opened": gettext_lazy("Loans opened"),
    "loans_moved": gettext_lazy("Loans moved"),
    "handed_on": gettext_lazy("Handed on to somebody else"),
    "kept": gettext_lazy("Named for nobody, but on loan: nothing was changed"),
    "settled": gettext_lazy("Lost, called back or retired: not lent by this file"),
}
GROUPS: Mapping[str, StrPromise] = {
    "created": gettext_lazy("New"),
    "changed": gettext_lazy("Changed"),
    "moved": gettext_lazy("Move elsewhere"),
    "planned": gettext_lazy("Move on their day"),
    "replanned": gettext_lazy("Planned anew"),
    "gone_over": gettext_lazy("Go over at once"),
    "opened": gettext_lazy("Lent"),
    "handed_on": gettext_lazy("Handed on to somebody else"),
}
TABLES: Mapping[str, StrPromise] = {
    "kitting.journey": gettext_lazy("set-ups that have begun"),
    "kitting.loan": gettext_lazy("loans"),
    "kitting.device": gettext_lazy("devices"),
    "kitting.boxcode": gettext_lazy("printed labels"),
    "kitting.ticket": gettext_lazy("tickets"),
    "kitting.notice": gettext_lazy("messages"),
    "accounts.user": gettext_lazy("people"),
    "accounts.grant": gettext_lazy("roles"),
    "accounts.place": gettext_lazy("places"),
    "accounts.department": gettext_lazy("departments"),
    "accounts.transfer": gettext_lazy("transfers that happened"),
    "accounts.posting": gettext_lazy("entries of who was where"),
}


def _run(request: SiteRequest, import_id: int) -> Import:
    team_here(request)
    return get_object_or_404(Import, pk=import_id)


# --- bringing ------------------------------------------------------------------------------------


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def overview(request: SiteRequest) -> HttpResponse:
    """Take a file, or show what was brought lately.

    A body no sheet could have is refused by its length, before any of it is read; everything else is
    protected as every form is.
    """
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.method == "POST" and length.isdecimal() and int(length) > BODY_BYTES_MOST:
        context = {"sentence": too_large(int(length))}
        return render(request, "imports/too_large.html", context, status=413)
    return _overview(request)


@csrf_protect
@login_required
def _overview(request: SiteRequest) -> HttpResponse:
    by = team_here(request)
    is_sent = request.method == "POST"
    form = UploadForm(request.POST, request.FILES) if is_sent else UploadForm()
    if is_sent and form.is_valid():
        upload = form.cleaned_data["file"]
        run = actions.bring(
            data=upload.read(),
            bringing=actions.Bringing(
                form.cleaned_data["kind"], upload.name or "", by, request.now
            ),
        )
        wake_imports()
        return redirect("imports:show", import_id=run.pk)
    context = {"form": form, "runs": imports_lately(), "last": last_done()}
    status = 422 if form.errors else 200
    return render(request, "imports/overview.html", context, status=status)


# --- one import ------------------------------------------------------------------------------------


def _context(run: Import) -> dict[str, Any]:
    sheet = SHEETS[run.kind]
    flaws = [Flaw(row, slug, params) for row, slug, params in run.flaws[:FLAWS_SHOWN]]
    return {
        "run": run,
        "job": job_of(run) if run.is_working else None,
        **_words_of(run),
        "problems": problems(flaws, sheet.sentences),
        "more_problems": max(0, run.flaw_count - FLAWS_SHOWN),
        "columns": [(sheet.words[name], header) for name, header in run.columns.items()],
        "unused": [h for h in run.headers if h not in run.columns.values()],
        "may_undo": run.state == ImportState.DONE and last_done() == run,
    }


def _words_of(run: Import) -> dict[str, Any]:
    """Put the figures of an import, and its first changes, into words."""
    counts = dict(run.counts)
    if run.kind == Kind.ROLL and counts:
        counts["changed"] = counts.get("updated", 0) - counts.get("moved", 0)
    lists = run.preview.get("lists", {})
    groups: dict[str, list[dict[str, Any]]] = {}
    for change in run.preview.get("shown", []):
        groups.setdefault(change["kind"], []).append(change)
        for difference in change["differences"]:
            word = SHEETS[run.kind].words.get(difference["field"], difference["field"])
            difference["word"] = word
    return {
        "figures": [(word, counts.get(name, 0)) for name, word in FIGURES[run.kind].items()],
        "beside": [
            (word, counts[name], lists.get(name, []))
            for name, word in BESIDE.items()
            if counts.get(name)
        ],
        "groups": [(word, groups[kind]) for kind, word in GROUPS.items() if kind in groups],
        "is_change": any(
            counts.get(name) for name in counts if name not in {"unchanged", "missing"}
        ),
    }


def _obstacle_lines(found: Iterable[Obstacle]) -> list[str]:
    """Say in plain sentences what stands against taking an import back."""
    return [_obstacle_line(obstacle) for obstacle in found]


def _obstacle_line(obstacle: Obstacle) -> str:
    table, by = TABLES.get(obstacle.table), TABLES.get(obstacle.by)
    params = {
        "count": obstacle.count,
        "table": table or _("entries"),
        "by": by or _("other entries"),
        "names": ", ".join(obstacle.names),
    }
    if obstacle.why == "changed":
        sentence = _("Changed again since: %(count)s %(table)s (%(names)s …)")
    elif obstacle.why == "gone":
        sentence = _("No longer there: %(count)s %(table)s")
    elif obstacle.why == "ended":
        sentence = _("Handed on, and the set-up of the person before was closed: %(count)s")
    elif obstacle.why == "departed":
        sentence = _("Asked for the devices of people who left: %(count)s")
    elif obstacle.by:
        sentence = _("In use by %(count)s %(by)s: %(table)s such as %(names)s")
    else:
        sentence = _("Already in use: %(count)s %(table)s (%(names)s …)")
    return sentence % params


@never_cache
@login_required
@require_GET
def show(request: SiteRequest, import_id: int) -> HttpResponse:
    """Show where an import stands: how far it is, what is wrong, what it would change or has changed."""
    return render(request, "imports/show.html", _context(_run(request, import_id)))


@never_cache
@login_required
@require_GET
def part(request: SiteRequest, import_id: int) -> HttpResponse:
    """Answer with the part of the page that changes by itself, while a worker is at it."""
    run = _run(request, import_id)
    html = render_to_string("imports/_run.html", _context(run), request=request)
    response = HttpResponse(html, status=200 if run.is_working else FINAL)
    response["ETag"] = f'"{hashlib.sha256(html.encode()).hexdigest()[:20]}"'
    return response


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def columns(request: SiteRequest, import_id: int) -> HttpResponse:
    """Say which column holds what; it is remembered for the next file with the same headers."""
    run = _run(request, import_id)
    if run.state not in HELD or not run.headers:
        return redirect("imports:show", import_id=run.pk)
    sheet = SHEETS[run.kind]
    typed = request.POST if request.method == "POST" else None
    form = ColumnsForm(sheet, run.headers, run.columns, typed)
    if request.method == "POST" and form.is_valid():
        try:
            actions.choose_columns(run=run, columns=form.columns, now=request.now)
        except actions.NotNowError:
            messages.warning(request, _("That is no longer possible."))
        wake_imports()
        return redirect("imports:show", import_id=run.pk)
    cells = _first_cells(run)
    rows = [
        (form[f"column_{number}"], [row.get(header, "") for row in cells])
        for number, header in enumerate(run.headers)
    ]
    context = {"run": run, "form": form, "rows": rows}
    status = 422 if form.errors else 200
    return render(request, "imports/columns.html", context, status=status)


def _first_cells(run: Import) -> list[dict[str, str]]:
    try:
        return first_cells(_data(run), run.file_name, most=SAMPLE_ROWS)
    except SheetRefusedError:
        return []


def _data(run: Import) -> bytes:
    return zlib.decompress(get_object_or_404(ImportFile, of=run).packed)


@never_cache
@login_required
@require_POST
def take(request: SiteRequest, import_id: int) -> HttpResponse:
    """Take in what was shown."""
    run = _run(request, import_id)
    if not actions.order(run=run):
        messages.warning(request, _("That is no longer possible."))
    wake_imports()
    return redirect("imports:show", import_id=run.pk)


@never_cache
@login_required
@require_POST
def drop(request: SiteRequest, import_id: int) -> HttpResponse:
    """Leave a file out; it is deleted."""
    run = _run(request, import_id)
    if actions.drop(run=run, now=request.now):
        messages.success(request, _("The file was deleted. Nothing was changed."))
    return redirect("imports:overview")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def undo(request: SiteRequest, import_id: int) -> HttpResponse:
    """Show what taking the last import back would undo or what stands against it, and do it."""
    run = _run(request, import_id)
    if last_done() != run:
        messages.warning(request, _("Only the last import can be taken back."))
        return redirect("imports:show", import_id=run.pk)
    status, found = 200, actions.what_depends(run)
    if request.method == "POST":
        try:
            actions.undo(run=run, by=team_here(request), now=request.now)
        except actions.DependsError as depends:
            status, found = 422, list(depends.obstacles)
        except actions.NotNowError:
            messages.warning(request, _("Only the last import can be taken back."))
            return redirect("imports:show", import_id=run.pk)
        else:
            messages.success(request, _("Taken back. Everything is as it was before."))
            return redirect("imports:show", import_id=run.pk)
    context = {"run": run, **_words_of(run), "obstacles": _obstacle_lines(found)}
    return render(request, "imports/undo.html", context, status=status)


@never_cache
@login_required
@require_GET
def marked(request: SiteRequest, import_id: int) -> HttpResponse:
    """Give the file back with a column that says what to put right in each row."""
    run = _run(request, import_id)
    if run.state != ImportState.REFUSED or not run.headers:
        raise Http404
    sentences: dict[int, list[str]] = {}
    for row, slug, params in run.flaws:
        said = sentence_of(Flaw(row, slug, params), SHEETS[run.kind].sentences)
        sentences.setdefault(row, []).append(said)
    data, ending = marked_sheet(_data(run), run.file_name, sentences)
    response = HttpResponse(data, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="to-put-right.{ending}"'
    return response


# --- moves to come -----------------------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def transfers(request: SiteRequest) -> HttpResponse:
    """Show who moves on which day, and who moved lately."""
    team_here(request)
    context = {
        "planned": moves_to_come(limit=MOVES_SHOWN),
        "happened": moves_that_happened(limit=MOVES_SHOWN),
    }
    return render(request, "imports/transfers.html", context)


@never_cache
@login_required
@require_POST
def drop_transfer(request: SiteRequest, transfer_id: int) -> HttpResponse:
    """Take a planned move back."""
    by = team_here(request)
    if drop_planned(transfer_id=transfer_id, by=by, now=request.now):
        messages.success(request, _("The transfer was taken back."))
    return redirect("imports:transfers")
