"""Ordering label sheets, watching them being drawn, and getting the files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.core.files.storage import storages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from kitting.devices.actions.labels import replace_code
from kitting.devices.models import Device, Loan
from kitting.jobs.states import OPEN
from kitting.labels.actions import wording
from kitting.labels.actions.orders import check_wishes, order_labels, order_slips
from kitting.labels.drawing import LabelError
from kitting.labels.drawing.preview import preview
from kitting.labels.forms import ChosenForm, FindForm, OneForm, OrderForm
from kitting.labels.queries import (
    Chosen,
    UnknownNameError,
    find_boxes,
    labels_to_print,
    paper_called,
    people_for_slips,
    printing,
    printings,
    sender,
)
from kitting.labels.rules import dealt
from kitting.labels.sheets import USUAL, Kind, Tape
from kitting.labels.views.shared import printer_of, say_error, to_printing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accounts.models import User
    from kitting.jobs.models import Job
    from kitting.labels.actions.orders import Wish
    from kitting.labels.drawing.preview import Preview
    from kitting.labels.sheets import Label
    from kitting.site.queries import SiteRequest

# What tells poll.js that the part is fresh and will not change any more.
FINAL = 286
_TYPES = {"pdf": "application/pdf", "zip": "application/zip"}


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def home(request: SiteRequest) -> HttpResponse:
    """Choose boxes and paper; look at the first sheet, or have all of them drawn."""
    by = printer_of(request)
    allows_names = request.profile.names_on_labels
    is_sent = request.method == "POST"
    initial = {"batch": request.GET.get("batch", "")}
    form = OrderForm(
        request.POST if is_sent else None, allows_names=allows_names, initial=initial
    )
    context: dict[str, Any] = {"form": form, "printings": printings()}
    if form.is_valid():
        labels, wishes = _wanted(form), form.wishes()
        try:
            if "look" not in request.POST:
                job = order_labels(
                    labels=labels,
                    wishes=wishes,
                    profile=request.profile,
                    by=by,
                    now=request.now,
                )
                return to_printing(job, request)
            check_wishes(labels=labels, wishes=wishes, profile=request.profile)
        except (LabelError, UnknownNameError) as error:
            say_error(form, error)
        else:
            context |= _looked_at(request, labels, wishes)
    if "preview" not in context:
        context["preview"] = _empty_sheet(request)
    return render(request, "labels/home.html", context, status=422 if form.errors else 200)


def _wanted(form: OrderForm) -> list[Label]:
    return labels_to_print(
        sender=sender(),
        chosen=form.chosen(),
        with_names=bool(form.cleaned_data.get("with_names")),
    )


def _looked_at(
    request: SiteRequest, labels: list[Label], wishes: Sequence[Wish]
) -> dict[str, Any]:
    return {
        "preview": _preview(request, labels, wishes[0]),
        "number": len(labels),
        "files": [(wish.kind, *_size(wish, labels)) for wish in wishes],
    }


def _size(wish: Wish, labels: list[Label]) -> tuple[str, int]:
    paper = paper_called(wish.paper)
    if isinstance(paper, Tape):
        return paper.name, len(labels)
    heads = [label.place for label in labels]
    return paper.name, len(dealt(paper, heads, wish.start, apart=wish.apart))


def _preview(request: SiteRequest, labels: list[Label], wish: Wish) -> Preview | None:
    is_sample = request.profile.demo_seeded_at is not None
    return preview(
        labels=labels,
        kind=wish.kind,
        paper=paper_called(wish.paper),
        words=wording(wish.kind, is_sample=is_sample),
        start=wish.start,
    )


def _empty_sheet(request: SiteRequest) -> Preview | None:
    return preview(
        labels=[],
        kind=Kind.BOX,
        paper=USUAL[Kind.BOX],
        words=wording(Kind.BOX, is_sample=False),
    )


# --- a printing ----------------------------------------------------------------------------------


def _printing(request: SiteRequest, job_id: int) -> dict[str, Any]:
    printer_of(request)
    job = printing(job_id)
    if job is None:
        raise Http404
    return {"job": job, "files": _files(job), "is_going_on": job.state in OPEN}


def _files(job: Job) -> list[dict[str, Any]]:
    return [
        {**file, "short": str(file["name"]).rpartition("/")[2], "number": number}
        for number, file in enumerate(job.data.get("written", []))
    ]


@never_cache
@login_required
@require_GET
def show(request: SiteRequest, job_id: int) -> HttpResponse:
    """Show how far a printing is, and its files when they are there."""
    return render(request, "labels/printing.html", _printing(request, job_id))


@never_cache
@login_required
@require_GET
def progress(request: SiteRequest, job_id: int) -> HttpResponse:
    """Return the part of that page that changes."""
    context = _printing(request, job_id)
    status = 200 if context["is_going_on"] else FINAL
    return render(request, "labels/_printing.html", context, status=status)


@never_cache
@login_required
@require_GET
def file(request: SiteRequest, job_id: int, number: int) -> HttpResponse:
    """Hand out one file of a printing."""
    files = _printing(request, job_id)["files"]
    prints = storages["prints"]
    if number >= len(files) or not prints.exists(files[number]["name"]):
        raise Http404
    short = files[number]["short"]
    with prints.open(files[number]["name"]) as opened:
        response = HttpResponse(opened.read(), content_type=_TYPES[short.rpartition(".")[2]])
    response["Content-Disposition"] = f'attachment; filename="{job_id}-{short}"'
    return response


# --- one box -------------------------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def one(request: SiteRequest) -> HttpResponse:
    """Find the box whose label is printed anew."""
    printer_of(request)
    form = FindForm(request.GET if "q" in request.GET else None)
    found = find_boxes(form.cleaned_data["q"]) if form.is_valid() else []
    context = {"form": form, "found": found, "searched": form.is_bound and not form.errors}
    return render(request, "labels/one.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def one_box(request: SiteRequest, device_id: int) -> HttpResponse:
    """Print the labels of one box, or its account slip."""
    by = printer_of(request)
    device = get_object_or_404(Device.objects.in_use(), pk=device_id)
    is_sent = request.method == "POST"
    form = OneForm(
        request.POST if is_sent else None, allows_names=request.profile.names_on_labels
    )
    if form.is_valid():
        try:
            return to_printing(_order_one(request, form, device, by), request)
        except (LabelError, UnknownNameError) as error:
            say_error(form, error)
    loan = (
        Loan.objects.open()
        .filter(device=device)
        .select_related("person", "department__parent", "place")
        .first()
    )
    context = {"form": form, "device": device, "loan": loan}
    return render(request, "labels/one_box.html", context, status=422 if form.errors else 200)


@transaction.atomic
def _order_one(request: SiteRequest, form: OneForm, device: Device, by: User) -> Job | None:
    if form.cleaned_data["new_code"] or device.code is None:
        replace_code(device=device, now=request.now, by=by)
    chosen = Chosen(codes=[device.code or ""])
    labels = labels_to_print(
        sender=sender(), chosen=chosen, with_names=bool(form.cleaned_data.get("with_names"))
    )
    job = order_labels(
        labels=labels, wishes=form.wishes(), profile=request.profile, by=by, now=request.now
    )
    if job is None:
        transaction.set_rollback(True)
    return job


# --- account slips -------------------------------------------------------------------------------


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def slips(request: SiteRequest) -> HttpResponse:
    """Choose boxes, and have the account slips of their people drawn."""
    by = printer_of(request)
    names = request.GET.get("names", "")
    form = ChosenForm(
        request.POST if request.method == "POST" else None, initial={"names": names}
    )
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        chosen = people_for_slips(form.chosen())
        context["without"] = chosen.without
        if not chosen.without or "anyway" in request.POST:
            try:
                job = order_slips(
                    people=chosen.people, profile=request.profile, by=by, now=request.now
                )
                return to_printing(job, request)
            except LabelError as error:
                say_error(form, error)
        status = 422
    else:
        status = 422 if form.errors else 200
    return render(request, "labels/slips.html", context, status=status)
