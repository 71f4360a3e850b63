"""Pages of Google's side, for IT: what was seen, where we do not agree, and lost devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.forms import SheetRefusedError
from accounts.queries import SecondFactor, local_day, second_factor
from kitting.directory.actions import changing, looking
from kitting.directory.forms import ChangeForm, ExportForm, odd_columns, problems, read_export
from kitting.directory.models import RemoteChange
from kitting.directory.queries import (
    Lines,
    access,
    counts,
    device_page,
    export_rows,
    last_looks,
    lines,
    running_look,
    wanted_texts,
)
from kitting.directory.states import Finding, Scope
from kitting.directory.tasks import wake_directory
from kitting.lib.sheets import write_csv
from kitting.lib.workbook import write_workbook
from kitting.site.queries import team_here

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kitting.directory.queries import DevicePage, Line
    from kitting.site.queries import SiteRequest

PAGE_LINES = 50
EXPORT_MOST = 200_000
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@never_cache
@login_required
@require_GET
def overview(request: SiteRequest) -> HttpResponse:
    """Show how we come to Google, when it was last looked at, and where we do not agree."""
    team_here(request)
    looks = last_looks()
    context = {
        "access": access(),
        "running": running_look(),
        "looks": looks,
        "last": next((look for look in looks if look.finished_at), None),
        "counts": counts(local_day(request.now)) if looks else [],
        "may_write_back": settings.DIRECTORY_WRITE and settings.DIRECTORY_WRITE_BACK,
        "to_write": len(wanted_texts()) if settings.DIRECTORY_WRITE_BACK and looks else 0,
    }
    return render(request, "directory/overview.html", context)


@never_cache
@login_required
@require_POST
def look_now(request: SiteRequest) -> HttpResponse:
    """Begin to look at all devices, or say that somebody does already."""
    by = team_here(request)
    if not access().is_set_up:
        messages.warning(request, _("The access to Google is not set up on this site."))
    elif looking.begin_look(scope=Scope.FULL, now=request.now, by=by) is None:
        messages.info(request, _("Google is being asked already."))
    else:
        messages.success(request, _("Google is being asked. This page shows how far it is."))
    wake_directory()
    return redirect("directory:overview")


@never_cache
@login_required
@require_POST
def write_back(request: SiteRequest) -> HttpResponse:
    """Give Google our asset tags, places and users where they differ."""
    by = team_here(request)
    try:
        number = changing.ask_write_back(by=by, now=request.now)
    except changing.ChangeRefusedError as refused:
        messages.warning(request, why_refused(refused.why))
    else:
        said = ngettext(
            "%(n)s device will be written.", "%(n)s devices will be written.", number
        )
        messages.success(request, said % {"n": number})
        wake_directory()
    return redirect("directory:overview")


# --- findings --------------------------------------------------------------------------------------


def _finding(name: str) -> Finding:
    if name not in Finding.values:
        raise Http404
    return Finding(name)


@never_cache
@login_required
@require_GET
def finding(request: SiteRequest, finding: str) -> HttpResponse:
    """Show the devices of one finding."""
    team_here(request)
    kind = _finding(finding)
    # Counted and cut like a list, but only what the page shows is read.
    every = cast("Sequence[Line]", Lines(kind, local_day(request.now)))
    page = Paginator(every, PAGE_LINES).get_page(request.GET.get("page"))
    context = {"finding": kind, "page": page}
    return render(request, "directory/finding.html", context)


@never_cache
@login_required
@require_POST
def export(request: SiteRequest, finding: str, kind: str) -> HttpResponse:
    """Hand the devices of one finding out as a sheet; whole serial numbers leave, so it is noted."""
    by, found = team_here(request), _finding(finding)
    if kind not in TYPES:
        raise Http404
    today = local_day(request.now)
    head, rows = export_rows(lines(found, today, most=EXPORT_MOST))
    looking.note_export(finding=found, kind=kind, number=len(rows), by=by, now=request.now)
    write = write_csv if kind == "csv" else write_workbook
    response = HttpResponse(write(head, rows), content_type=TYPES[kind])
    name = f"google-{found.value}-{today:%Y%m%d}.{kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# --- an export of the console or of GAM ------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def take_in(request: SiteRequest) -> HttpResponse:
    """Take an export in, or show first what it would change."""
    by = team_here(request)
    is_sent = request.method == "POST"
    form = ExportForm(request.POST, request.FILES) if is_sent else ExportForm()
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        upload, is_trial = form.cleaned_data["file"], "try" in request.POST
        try:
            rows = read_export(upload.read(), upload.name or "")
        except SheetRefusedError as refused:
            context["wrong"] = problems(refused.flaws)
            return render(request, "directory/take_in.html", context, status=422)
        result = looking.take_sheet(
            rows=rows,
            whole=form.cleaned_data["whole"],
            now=request.now,
            by=by,
            dry_run=is_trial,
        )
        if is_trial and result is not None:
            context |= {"result": result, "odd": odd_columns(result.odd)}
            return render(request, "directory/take_in.html", context)
        if result is None:
            messages.warning(request, _("Google is being asked already. Try again in a while."))
        else:
            messages.success(request, _taken(result))
        return redirect("directory:overview")
    status = 422 if form.errors else 200
    return render(request, "directory/take_in.html", context, status=status)


def _taken(result: looking.SheetResult) -> str:
    return _(
        "Devices in the file: %(seen)s. Known to Kitto: %(matched)s. Steps confirmed: %(confirmed)s."
    ) % {"seen": result.seen, "matched": result.matched, "confirmed": result.confirmed}


# --- one device ------------------------------------------------------------------------------------


def why_refused(why: str) -> str:
    """Say in a plain sentence why a change is not allowed."""
    return {
        "scope": _("This site may only read at Google. Do it in Google's console."),
        "factor": _(
            "Disabling needs a second proof of who you are, given within the last five minutes."
        ),
        "setting": _("Writing to Google is switched off on this site."),
        "open": _("An order for this device is under way."),
    }.get(why, _("That is not possible."))


def _why_not(request: SiteRequest) -> str:
    """Return why this person cannot order anything here; empty if they can."""
    if not (access().is_set_up and access().may_write):
        return "scope"
    proven = second_factor(request.session, now=request.now) == SecondFactor.PROVEN
    return "" if proven or settings.DIRECTORY_WITHOUT_SECOND_FACTOR else "factor"


def _device(device_id: int) -> DevicePage:
    page = device_page(device_id)
    if page is None:
        raise Http404
    return page


def _show(request: SiteRequest, page: DevicePage, form: ChangeForm) -> HttpResponse:
    why = _why_not(request)
    context = {
        "page": page,
        "form": form,
        "by_hand": bool(why),
        "why": why_refused(why) if why else "",
        "asks_again": why == "factor",
        "is_set_up": access().is_set_up,
    }
    status = 422 if form.errors else 200
    return render(request, "directory/device.html", context, status=status)


@never_cache
@login_required
@require_GET
def device(request: SiteRequest, device_id: int) -> HttpResponse:
    """Show one device as Google shows it, and what can be done about a loss."""
    team_here(request)
    return _show(request, _device(device_id), ChangeForm())


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def change(request: SiteRequest, device_id: int) -> HttpResponse:
    """Ask for a reason and a second look, then give the order, or begin the check-list by hand."""
    by, page = team_here(request), _device(device_id)
    form = ChangeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            changing.ask_change(
                device=page.device,
                kind=page.kind,
                reason=form.cleaned_data["reason"],
                by=by,
                factor=second_factor(request.session, now=request.now),
                now=request.now,
                by_hand=bool(_why_not(request)),
            )
        except changing.ChangeRefusedError as refused:
            messages.warning(request, why_refused(refused.why))
        wake_directory()
        return redirect("directory:device", device_id=device_id)
    why = _why_not(request)
    context = {
        "page": page,
        "form": form,
        "by_hand": bool(why),
        "why": why_refused(why) if why else "",
        "asks_again": why == "factor",
    }
    return render(request, "directory/change.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@require_POST
def change_done(request: SiteRequest, change_id: int) -> HttpResponse:
    """Note that it was done in Google's console."""
    by = team_here(request)
    found = get_object_or_404(RemoteChange.objects.select_related("device"), pk=change_id)
    if changing.finish_by_hand(change=found, by=by, now=request.now):
        messages.success(request, _("Noted. The next look at Google compares it."))
    return redirect("directory:device", device_id=found.device_id)
