"""The life of a device: where it is, what happened to it, and what IT does with it next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from kitting.counter.actions import bind, life
from kitting.counter.forms import DeedForm
from kitting.counter.queries import DEEDS, box_of, device_page, devices_found, visitor_of
from kitting.devices.actions.life import Deed, NotInThatStateError
from kitting.devices.models import Device
from kitting.devices.states import DeviceEventKind, DeviceState
from kitting.escalation.actions.errors import TicketError
from kitting.escalation.actions.swaps import CannotSwapError
from kitting.notices.tasks import wake
from kitting.site.queries import team_here

if TYPE_CHECKING:
    from collections.abc import Callable

    from accounts.models import User
    from kitting.site.queries import SiteRequest

ROWS = 50


@never_cache
@login_required
@require_GET
def devices(request: SiteRequest) -> HttpResponse:
    """Find devices by number, person or state."""
    team_here(request)
    text, state = request.GET.get("q", "")[:80], request.GET.get("state", "")
    page = Paginator(devices_found(text, state), ROWS).get_page(request.GET.get("page"))
    context = {"page": page, "text": text, "state": state, "states": DeviceState.choices}
    return render(request, "counter/devices.html", context)


@never_cache
@login_required
@require_GET
def device(request: SiteRequest, device_id: int) -> HttpResponse:
    """Show one device: its state, its person, its story, and what can be done now."""
    team_here(request)
    return _page(request, device_id, None)


def _page(request: SiteRequest, device_id: int, form: DeedForm | None) -> HttpResponse:
    page = device_page(device_id)
    if page is None:
        raise Http404
    context = {"page": page, "form": form, "here": request.path}
    status = 422 if form is not None else 200
    return render(request, "counter/device.html", context, status=status)


@never_cache
@login_required
@require_POST
def deed(request: SiteRequest, device_id: int, verb: str) -> HttpResponse:
    """Do one thing with a device, with its reason."""
    by = team_here(request)
    found = get_object_or_404(Device, pk=device_id)
    if verb not in DEEDS:
        raise Http404
    form = DeedForm(request.POST, verb=verb)
    if not form.is_valid():
        return _page(request, device_id, form)
    act: Callable[[SiteRequest, Device, DeedForm, User], str] = OTHERS.get(verb, _simple)
    try:
        refused = act(request, found, form, by)
    except NotInThatStateError as error:
        refused = _("Meanwhile the device is: %(state)s. Nothing changed.") % {
            "state": error.state.label
        }
    except (CannotSwapError, TicketError, life.NobodyHasItError):
        refused = _("That does not go with this device. Nothing changed.")
    wake()
    if refused:
        messages.warning(request, refused)
    else:
        messages.success(request, _("Written down."))
    return redirect("counter:device", device_id=device_id)


def _deed(request: SiteRequest, form: DeedForm, by: User) -> Deed:
    return Deed(now=request.now, by=by, why=form.cleaned_data["why"])


def _simple(request: SiteRequest, found: Device, form: DeedForm, by: User) -> str:
    life.do(
        device=found,
        kind=DeviceEventKind(form.verb),
        seen=form.seen_state,
        deed=_deed(request, form, by),
    )
    return ""


def _other(request: SiteRequest, form: DeedForm) -> Device | None:
    return box_of(form.cleaned_data["other"], request.rights).device


def _swap(request: SiteRequest, found: Device, form: DeedForm, by: User) -> str:
    other = _other(request, form)
    if other is None:
        return _("No device has this number. Nothing changed.")
    life.swap(
        device=found,
        new=other,
        seen=form.seen_state,
        old_goes=DeviceState(form.cleaned_data["goes"]),
        deed=_deed(request, form, by),
    )
    return ""


def _spare(request: SiteRequest, found: Device, form: DeedForm, by: User) -> str:
    other = _other(request, form)
    if other is None:
        return _("No device has this number. Nothing changed.")
    life.lend_spare(device=found, spare=other, deed=_deed(request, form, by))
    return ""


def _bind(request: SiteRequest, found: Device, form: DeedForm, by: User) -> str:
    typed = form.cleaned_data["person"]
    visitor = visitor_of(typed, request.rights, now=request.now, but=found)
    person = visitor.person
    if person is None or visitor.facts is None or visitor.facts.has_left:
        return _("Nobody has this staff number. Type it once more.")
    if person.department_id is None:
        return _("%(name)s has no department on the roll. Ask IT.") % {"name": person.name}
    bind(device=found, person=person, deed=_deed(request, form, by))
    return ""


OTHERS: dict[str, Callable[[SiteRequest, Device, DeedForm, User], str]] = {
    "swap": _swap,
    "spare": _spare,
    "bind": _bind,
}


@never_cache
@login_required
@require_GET
def paths(request: SiteRequest) -> HttpResponse:
    """Show the ways for what happens between waves: a used device, somebody new, a move, a leaving."""
    if not request.rights.sees_board:
        raise Http404
    context: dict[str, Any] = {"is_it": request.rights.is_it}
    return render(request, "counter/paths.html", context)
