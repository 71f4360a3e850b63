"""What a browser can print."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from kitting.labels.actions.paper import print_papers
from kitting.labels.drawing import LabelError
from kitting.labels.queries import papers_to_print
from kitting.lib.codes import CodeError, parse

if TYPE_CHECKING:
    from kitting.site.queries import SiteRequest


@never_cache
@require_GET
def sheet(request: SiteRequest, code: str) -> HttpResponse:
    """Give the sheet for the steps before sign-in of one box, as PDF; nothing on it is personal."""
    try:
        known = parse(code)
    except CodeError as error:
        raise Http404 from error
    language = translation.get_language() or "ja"
    boxes = papers_to_print(language=language, code=known)
    if not boxes:
        raise Http404
    file = BytesIO()
    try:
        print_papers(boxes=boxes, language=language, profile=request.profile, output=file)
    except LabelError:
        messages.warning(request, _("The sheet cannot be printed yet. Please ask IT."))
        return redirect("journeys:box", code=known)
    response = HttpResponse(file.getvalue(), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="kitto-{known}.pdf"'
    return response
