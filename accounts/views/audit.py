"""The audit log: read by auditors and the IT lead, taken out as a sheet, never changed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.actions import write_audit
from accounts.audit import AuditFilter, found_entries, subjects_by_name
from accounts.audit_forms import AuditForm
from accounts.audit_words import action_words
from accounts.queries import local_day
from accounts.requests import person_of
from accounts.states import AUDIT_PREFIXES, AuditKind, kind_of_action
from kitting.lib.sheets import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import QueryDict

    from accounts.models import AuditEntry
    from accounts.requests import PersonRequest

PAGE_LINES = 100
EXPORT_MOST = 100_000


def _may_read(request: PersonRequest) -> None:
    if not (request.rights.is_it_lead or request.rights.is_auditor):
        raise Http404


def _wish(form: AuditForm) -> AuditFilter:
    """Return what a form asks for; what is wrong in it asks for nothing."""
    said = form.cleaned_data if form.is_valid() else {}
    day = said.get("on")
    since = datetime.combine(day, datetime.min.time(), _zone()) if day else None
    return AuditFilter(
        who=said.get("who", ""),
        prefixes=AUDIT_PREFIXES[AuditKind(said["kind"])] if said.get("kind") else (),
        since=since,
        until=since + timedelta(days=1) if since else None,
    )


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def _older_than(found: QuerySet[AuditEntry], asked: QueryDict) -> QuerySet[AuditEntry]:
    text = asked.get("before", "")
    is_number = text.isascii() and text.isdecimal() and len(text) < len(str(2**63))
    return found.filter(pk__lt=int(text)) if is_number else found


@never_cache
@login_required
@require_GET
def overview(request: PersonRequest) -> HttpResponse:
    """Show the log, the newest first, a page at a time."""
    _may_read(request)
    form = AuditForm(request.GET)
    found = _older_than(found_entries(_wish(form)), request.GET)
    rows = list(found.select_related("link__seal")[: PAGE_LINES + 1])
    lines = rows[:PAGE_LINES]
    names = subjects_by_name(line.subject for line in lines)
    for line in lines:
        line.kind_words = kind_of_action(line.action).label  # type: ignore[attr-defined]  # for the page
        line.words = action_words(line.action)  # type: ignore[attr-defined]  # for the page
        line.about = names.get(line.subject, line.subject)  # type: ignore[attr-defined]  # for the page
        line.facts = _facts(line.data)  # type: ignore[attr-defined]  # for the page
    context = {
        "form": form,
        "lines": lines,
        "older": lines[-1].pk if len(rows) > PAGE_LINES else None,
        "is_first": "before" not in request.GET,
    }
    return render(request, "accounts/audit.html", context)


def _facts(data: object) -> list[tuple[str, str]]:
    found = data if isinstance(data, dict) else {}
    return [
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in found.items()
    ]


@never_cache
@login_required
@require_POST
def export(request: PersonRequest) -> HttpResponse:
    """Hand the log out as a sheet, and write that down; what is asked for wrongly is shown on the page instead."""
    _may_read(request)
    form = AuditForm(request.POST)
    if not form.is_valid():
        asked = {name: form[name].value() or "" for name in form.fields}
        return redirect(f"{reverse('account_audit')}?{urlencode(asked)}")
    found = found_entries(_wish(form))[:EXPORT_MOST]
    head = [
        *(_("Time"), _("Name"), _("What"), _("About"), _("Facts"), _("From"), _("Seal")),
        _("Code of the action"),
    ]
    sheet = write_csv(head, _rows(found))
    write_audit(
        action="audit.exported",
        now=request.now,
        by=person_of(request),
        data={name: str(said or "") for name, said in form.cleaned_data.items()},
    )
    answer = HttpResponse(sheet, content_type="text/csv; charset=utf-8")
    name = f"audit-{local_day(request.now):%Y%m%d}.csv"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _rows(found: QuerySet[AuditEntry]) -> Iterator[list[str]]:
    for entry in found.select_related("link__seal"):
        link = getattr(entry, "link", None)
        yield [
            f"{localtime(entry.at, _zone()):%Y-%m-%d %H:%M:%S}",
            entry.actor_name,
            action_words(entry.action),
            entry.subject,
            json.dumps(entry.data, ensure_ascii=False) if entry.data else "",
            entry.client_address,
            str(link.seal.number) if link and link.seal else "",
            entry.action,
        ]
