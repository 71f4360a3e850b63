"""The page that says what is kept, why and for how long; for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_GET

from kitting.privacy.queries import kept_lines

if TYPE_CHECKING:
    from django.http import HttpResponse

    from kitting.site.queries import SiteRequest


@require_GET
def privacy(request: SiteRequest) -> HttpResponse:
    """Show what is kept about people here."""
    context = {"lines": kept_lines()}
    return render(request, "privacy/privacy.html", context)
