"""Own papers and printers: measured once, right ever after."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kitting.labels.actions.papers import drop_paper, ruler_words, save_calibration, save_paper
from kitting.labels.drawing.ruler import draw_ruler
from kitting.labels.forms import PaperForm, PrinterForm
from kitting.labels.models import Calibration
from kitting.labels.queries import UnknownNameError, correction_of, own_papers, paper_called
from kitting.labels.rules import file_name
from kitting.labels.sheets import USUAL, Kind, Sheet
from kitting.labels.views.shared import printer_of

if TYPE_CHECKING:
    from kitting.site.queries import SiteRequest


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def papers(request: SiteRequest) -> HttpResponse:
    """List the papers with own measures, and take a new one."""
    by = printer_of(request)
    form = PaperForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        paper = save_paper(values=form.cleaned_data, by=by, now=request.now)
        messages.success(request, _("Saved. Now print the test page."))
        for doubt in form.doubts():
            messages.warning(request, doubt)
        query = urlencode({"paper": paper.key})
        return HttpResponseRedirect(f"{reverse('labels:printers')}?{query}")
    context = {"form": form, "papers": own_papers()}
    return render(request, "labels/papers.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@require_POST
def drop(request: SiteRequest, paper_id: int) -> HttpResponse:
    """Forget a paper."""
    by = printer_of(request)
    if not drop_paper(paper_id=paper_id, by=by, now=request.now):
        raise Http404
    return redirect("labels:papers")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def printers(request: SiteRequest) -> HttpResponse:
    """Show what printers were measured to do, and take what somebody measured."""
    by = printer_of(request)
    known = list(Calibration.objects.order_by("printer", "paper_key"))
    initial = {"paper": request.GET.get("paper", ""), "printer": request.GET.get("printer", "")}
    kept = next(
        (
            c
            for c in known
            if (c.printer, c.paper_key) == (initial["printer"], initial["paper"])
        ),
        None,
    )
    if kept:
        initial |= {
            name: getattr(kept, name) for name in PrinterForm.base_fields if hasattr(kept, name)
        }
    form = PrinterForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        row = save_calibration(
            printer=form.cleaned_data["printer"],
            paper_key=form.cleaned_data["paper"],
            values=form.measures(),
            by=by,
            now=request.now,
        )
        messages.success(
            request, _("Saved. Print the test page once more to see that it is right.")
        )
        query = urlencode({"paper": row.paper_key, "printer": row.printer})
        return HttpResponseRedirect(f"{reverse('labels:printers')}?{query}")
    context = {
        "form": form,
        "known": [(row, _paper_name(row.paper_key)) for row in known],
        "kept": kept,
        "paper": form["paper"].value() or USUAL[Kind.BOX].key,
    }
    return render(request, "labels/printers.html", context, status=422 if form.errors else 200)


def _paper_name(key: str) -> str:
    try:
        return paper_called(key).name
    except UnknownNameError:
        return key


@never_cache
@login_required
@require_GET
def ruler(request: SiteRequest) -> HttpResponse:
    """Give the test page of a paper, as the maker says or with what was measured."""
    printer_of(request)
    key = request.GET.get("paper") or USUAL[Kind.BOX].key
    try:
        sheet = paper_called(key)
    except UnknownNameError as error:
        raise Http404 from error
    if not isinstance(sheet, Sheet):
        raise Http404
    output = BytesIO()
    draw_ruler(
        sheet=sheet,
        words=ruler_words(),
        output=output,
        correction=correction_of(request.GET.get("printer", ""), key),
    )
    response = HttpResponse(output.getvalue(), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="kitto-test-{file_name(key)}.pdf"'
    return response
