"""Codes before devices are known, and labels that are stuck on later."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from kitting.devices.actions.labels import (
    CodeNotFreeError,
    DeviceGoneError,
    DeviceLabelledError,
    bind_code,
    make_codes,
)
from kitting.devices.queries import device_by_code, device_called
from kitting.labels.forms import BindForm, CodesForm
from kitting.labels.queries import batches
from kitting.labels.views.shared import printer_of
from kitting.lib.codes import shown

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.devices.models import Device
    from kitting.site.queries import SiteRequest


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def codes(request: SiteRequest) -> HttpResponse:
    """Make codes for devices that are not known yet, then print their labels."""
    by = printer_of(request)
    form = CodesForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        make_codes(count=form.cleaned_data["count"], by=by, now=request.now)
        batch = urlencode({"batch": request.now.isoformat()})
        messages.success(request, _("The codes are made. Now choose the paper and print them."))
        return HttpResponseRedirect(f"{reverse('labels:home')}?{batch}")
    context = {"form": form, "batches": batches()}
    return render(request, "labels/codes.html", context, status=422 if form.errors else 200)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def bind(request: SiteRequest) -> HttpResponse:
    """Put a printed label on a device: scan the label, then the serial number."""
    by = printer_of(request)
    if request.method == "GET":
        return _bind_page(request, code=request.GET.get("code", ""))
    form = BindForm(request.POST)
    if not form.is_valid():
        return _bind_page(request, said=_first_mistake(form))
    code, name = form.cleaned_data["code"], form.cleaned_data["device"]
    if reason := _why_not_free(code):
        return _bind_page(request, said=reason)
    if not name:  # a scanner ends each scan with Enter: the second one follows
        return HttpResponseRedirect(f"{reverse('labels:bind')}?{urlencode({'code': code})}")
    return _bind_named(request, form, by)


def _bind_named(request: SiteRequest, form: BindForm, by: User) -> HttpResponse:
    """Bind a free label to the device that was named, once it is sure that this is meant."""
    code, name = form.cleaned_data["code"], form.cleaned_data["device"]
    device = device_called(name)
    if device is None:
        said = _("No device has this serial number or asset tag.")
        return _bind_page(request, code=code, said=said)
    try:
        trouble = _bind(request, code, device, replaces=form.cleaned_data["replace"], by=by)
    except DeviceLabelledError:
        device.refresh_from_db()
        said = _("%(device)s has the label %(code)s already. Tick here to replace it.")
        said %= {"device": device, "code": shown(device.code or "")}
        return _bind_page(request, code=code, device=name, said=said)
    return _bind_page(request, code=code, said=trouble) if trouble else redirect("labels:bind")


def _bind_page(
    request: SiteRequest, *, code: str = "", device: str = "", said: str = ""
) -> HttpResponse:
    """Show the next field to scan into, empty: a scanner would write behind what stands in it."""
    form = BindForm(initial={"code": code, "device": device})
    form.fields["device" if code else "code"].widget.attrs["autofocus"] = True
    context = {"form": form, "has_code": bool(code), "asks": bool(device), "said": said}
    return render(request, "labels/bind.html", context, status=422 if said else 200)


def _first_mistake(form: BindForm) -> str:
    return next(str(error) for errors in form.errors.values() for error in errors)


def _why_not_free(code: str) -> str:
    """Return why a label cannot be put on a device, in a sentence; empty if it can."""
    view = device_by_code(code)
    if view.state == "unbound":
        return ""
    if view.state == "open":
        return _("This label is on %(device)s already.") % {"device": view.device}
    return {
        "retired": _("This label is no longer used. Take another one."),
        "unknown": _("No label has this code. Compare it once more."),
    }[view.state]


def _bind(request: SiteRequest, code: str, device: Device, *, replaces: bool, by: User) -> str:
    """Bind a label; return why it could not be done, in a sentence. Raises `DeviceLabelledError`."""
    try:
        bind_code(code=code, device=device, now=request.now, by=by, replaces=replaces)
    except CodeNotFreeError:
        return _("Somebody else has just used this label. Take another one.")
    except DeviceGoneError:
        return _("This device is retired and gets no label any more.")
    said = _("%(code)s is now the label of %(device)s. Next label, please.")
    messages.success(request, said % {"code": shown(code), "device": device})
    return ""
