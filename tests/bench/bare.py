"""Browsers of the site, and of its floor: Django, a session, a person, and almost nothing else."""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, F, Q
from django.http import HttpResponse, HttpResponseRedirect
from django.template import engines
from django.test import Client, override_settings
from django.urls import path

from accounts.models import AuditEntry
from kitting.journeys.models import Journey, StepRecord
from kitting.journeys.states import Status
from kitting.site.models import Variable

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from accounts.models import User

HOST = "kitto.example.lg.jp"
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tests.bench.bare.own_addresses",
]
PAGE = """<!doctype html><html lang="ja"><title>{{ title }}</title><p>{{ user.name }}</p>%s</html>"""
_from_string = engines["django"].from_string
TABLE = _from_string(
    PAGE
    % """<table>{% for row in rows %}<tr><th>{{ row.department__name }}</th><td>{{ row.people }}</td>
<td>{{ row.done }}</td><td>{{ row.waiting }}</td></tr>{% endfor %}</table>"""
)
WORDS = _from_string(
    PAGE
    % """<p>{{ journey.pk }} {{ journey.status }}</p><ul>{% for word in words %}
<li><a href="#{{ word.key }}">{{ word.example }}</a></li>{% endfor %}</ul><table>{% for word in words %}<tr>
<th>{{ word.key }}</th><td>{{ word.example }}</td><td>{{ word.example_en }}</td>
<td>{{ word.note }}</td></tr>{% endfor %}</table><ol>{% for record in records %}
<li>{{ record.step_key }} {{ record.result }} {{ record.method }}</li>{% endfor %}</ol>"""
)


def own_addresses(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Look addresses up in this file instead of the site's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.urlconf = __name__
        return get_response(request)

    return middleware


def board(request: HttpRequest) -> HttpResponse:
    """Show a table of departments: one GROUP BY."""
    rows = (
        Journey.objects.open()
        .values("department__name")
        .annotate(
            people=Count("pk"),
            done=Count("pk", filter=Q(status=Status.DONE)),
            waiting=Count("pk", filter=Q(status=Status.WAITING)),
        )
        .order_by("department__name")
    )
    return HttpResponse(TABLE.render({"title": "board", "user": request.user, "rows": rows}))


def page(request: HttpRequest, journey_id: int) -> HttpResponse:
    """Show about 3 kB from three queries."""
    context = {
        "title": "page",
        "user": request.user,
        "journey": Journey.objects.get(pk=journey_id),
        "records": StepRecord.objects.filter(journey_id=journey_id),
        "words": Variable.objects.order_by("key"),
    }
    return HttpResponse(WORDS.render(context))


def write(request: HttpRequest, journey_id: int) -> HttpResponse:
    """Lock a row, change it, add a line: three statements in one transaction."""
    with transaction.atomic():
        journey = Journey.objects.select_for_update().get(pk=journey_id)
        Journey.objects.filter(pk=journey_id).update(active_seconds=F("active_seconds") + 1)
        AuditEntry.objects.create(
            at=journey.created_at, actor=request.user, action="bench", subject=str(journey.pk)
        )
    return HttpResponseRedirect("/page")


urlpatterns = [
    path("board", board),
    path("page/<int:journey_id>", page),
    path("write/<int:journey_id>", write),
]


def site_client(person: User | None = None) -> Client:
    """Return a browser of the whole site, signed in where a person is given."""
    client = Client(SERVER_NAME=HOST, HTTP_ACCEPT_LANGUAGE="ja")
    if person:
        client.force_login(person)
    return client


def fetch(client: Client, address: str) -> int:
    """Return the bytes of a page that must be there."""
    response = client.get(address)
    assert response.status_code == 200, (address, response.status_code)
    return len(response.content)


def press(client: Client, address: str, **fields: str) -> int:
    """Press a button, a new press each time, that must lead on; return the bytes of the answer."""
    response = client.post(address, {"client_key": token_hex(16)} | fields)
    assert response.status_code == 302, (address, response.status_code)
    return len(response.content)


def bare_client(person: User) -> Client:
    """Return a browser of the bare pages, signed in."""
    client = site_client(person)
    with override_settings(MIDDLEWARE=MIDDLEWARE):
        client.handler.load_middleware()
    return client
