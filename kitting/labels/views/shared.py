"""What the pages of labels have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from kitting.labels.forms import sentence
from kitting.labels.tasks import wake_printing

if TYPE_CHECKING:
    from django.forms import Form
    from django.http import HttpResponse

    from accounts.models import User
    from kitting.jobs.models import Job
    from kitting.site.queries import SiteRequest


def printer_of(request: SiteRequest) -> User:
    """Return who of IT or the hand-out desk is here; for everybody else the page does not exist."""
    if not (request.rights.is_it or request.rights.is_desk):
        raise Http404
    return cast("User", request.user)


def say_error(form: Form, error: Exception) -> None:
    """Say on a form why nothing can be printed, a line each."""
    for line in sentence(error).splitlines():
        form.add_error(None, line)


def to_printing(job: Job | None, request: SiteRequest) -> HttpResponse:
    """Lead to a printing that was ordered, or to the list of all where one is going on."""
    if job is None:
        messages.warning(
            request, _("Your last printing is still being drawn. Try again in a moment.")
        )
        return redirect("labels:home")
    wake_printing()
    return redirect("labels:printing", job_id=job.pk)
