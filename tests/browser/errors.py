"""All addresses of the site, and one for each page that should never be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.shortcuts import render
from django.urls import path
from django.views.csrf import csrf_failure
from django.views.defaults import server_error

from kitting.urls import urlpatterns as addresses

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


def fail(request: HttpRequest, number: str) -> HttpResponse:
    if number == "400":
        raise SuspiciousOperation
    if number == "403":
        raise PermissionDenied
    if number == "csrf":
        return csrf_failure(request)
    if number == "500":
        return server_error(request)
    return render(request, "503.html", status=503)


urlpatterns = [*addresses, path("fail/<slug:number>", fail)]
