"""The floor: Django in one file, with eight middlewares, a session, a person, and the least questions.

`gunicorn --pythonpath tests/bench floor` serves it on the database that FLOOR_DATABASE names, beside Kitto's own tables.
"""

from __future__ import annotations

import os
from typing import Any

import dj_database_url
import django
from django.conf import settings

settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": dj_database_url.parse(
            os.environ["FLOOR_DATABASE"], conn_max_age=600, conn_health_checks=True
        )
    },
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    LANGUAGE_CODE="ja",
    USE_TZ=True,
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402  # after the settings above
from django.db import connection, models, transaction  # noqa: E402  # after settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect  # noqa: E402  # after settings
from django.middleware.csrf import get_token  # noqa: E402  # after settings
from django.template import engines  # noqa: E402  # after settings
from django.urls import path  # noqa: E402  # after settings


class Word(models.Model):
    """Thirty lines of text of the site."""

    key = models.CharField(max_length=40)
    example = models.CharField(max_length=200)
    note = models.CharField(max_length=200)

    class Meta:
        app_label = "floor"
        managed = False
        db_table = "kitting_variable"

    def __str__(self) -> str:
        return self.key


PAGE = engines["django"].from_string(
    """<!doctype html><html lang="ja"><title>floor</title><p>{{ name }} {{ token }}</p><table>
{% for word in words %}<tr><th>{{ word.key }}</th><td>{{ word.example }}</td><td>{{ word.note }}</td></tr>
{% endfor %}</table></html>"""
)
LOCK = "SELECT active_seconds FROM kitting_journey WHERE id = %s FOR UPDATE"
CHANGE = "UPDATE kitting_journey SET active_seconds = %s WHERE id = %s"
NOTE = (
    "INSERT INTO kitting_press (client, sequence, path, received_at) VALUES (%s, %s, '', now())"
    " ON CONFLICT DO NOTHING"
)


def page(request: HttpRequest) -> HttpResponse:
    """Show about 3 kB: a session and one query."""
    context = {
        "name": request.session.get("name"),
        "token": get_token(request),
        "words": Word.objects.order_by("key")[:30],
    }
    return HttpResponse(PAGE.render(context))


def done(request: HttpRequest) -> HttpResponse:
    """Lock a row, change it, add a line, in one transaction: five statements and the session's."""
    key = int(request.POST["journey"])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, [key])
        (seconds,) = cursor.fetchone()
        cursor.execute(CHANGE, [seconds, key])
        cursor.execute(NOTE, [str(request.session.get("name")), int(request.POST["number"])])
    return HttpResponseRedirect("/page")


def enter(request: HttpRequest) -> HttpResponse:
    """Open a session."""
    request.session["name"] = "floor"
    return HttpResponse(get_token(request))


urlpatterns: list[Any] = [path("page", page), path("done", done), path("enter", enter)]
application = get_wsgi_application()
