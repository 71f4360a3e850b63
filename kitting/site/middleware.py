"""What every request learns on its way in."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from csp.constants import HEADER
from csp.middleware import CheckableLazyObject, CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.sessions.models import Session
from django.core.exceptions import RequestDataTooBig
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.db.models import Subquery
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from accounts.actions import count_try, write_audit
from accounts.queries import GUARD_KEY, factors_of, local_day, proven_at, rights_of
from accounts.ready import Ready
from kitting.lib.clients import called_by, client_address
from kitting.site.models import SiteProfile
from kitting.site.rules import READING_COOKIE, Reading, permissions_policy, reading_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from accounts.queries import Rights
    from accounts.sessions import SessionStore
    from kitting.site.queries import SiteRequest

# Addresses that must answer while the database is down or busy.
BARE = ("/healthz", "/readyz", "/static/")
# What a form may say about a file that is too large; whoever sends more is not listened to.
FILE_BYTES_MOST = 10 * 1024 * 1024
A_MINUTE = timedelta(minutes=1)
BODY_BYTES_MOST = 64 * 1024 * 1024
# Sheets of a whole organisation are larger than photos; their page says what it takes.
LARGE = {"/imports/": 20 * 1024 * 1024}


class OnlySmallFiles(TemporaryFileUploadHandler):
    """Let nothing of a file that is too large stay on disk, and the words beside it through.

    The form finds an empty file that still knows its true size.
    """

    most = FILE_BYTES_MOST

    def handle_raw_input(self, *args: Any) -> None:
        """Refuse a body that no page could have sent; its length is the third that is told."""
        path = self.request.path if self.request else ""
        self.most = LARGE.get(path, FILE_BYTES_MOST)
        if args[2] > BODY_BYTES_MOST:
            raise RequestDataTooBig

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep what is within the limit, and drop the rest."""
        if start + len(raw_data) <= self.most:
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        """Hand over a file, or how large it would have been."""
        if file_size <= self.most:
            return super().file_complete(file_size)
        self.file.close()
        return UploadedFile(
            ContentFile(b""), self.file_name or "", self.content_type, file_size
        )


# What a view has to say of its own policy, beside a word that lets one script through.
OWN_POLICY = ("_csp_config", "_csp_update", "_csp_replace", "_csp_exempt")


@cache
def usual_policy() -> str:
    """Return what browsers may do on a page that asks for nothing of its own, put together once."""
    return str(build_policy())


class PolicyMiddleware(CSPMiddleware):
    """Says on each page what browsers may do there."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Say the usual, or what a page needs beside it."""
        has_own = any(hasattr(response, name) for name in OWN_POLICY)
        if settings.DEBUG or has_own or getattr(request, "_csp_nonce", None) is not None:
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, usual_policy())
        # Whoever asks for such a word now is told that it is too late.
        request.csp_nonce = CheckableLazyObject(self._csp_nonce_post_response)  # type: ignore[attr-defined]  # Django's own middleware sets it so
        return response


def _profile_and_session(key: str) -> QuerySet[SiteProfile]:
    session = Session.objects.filter(session_key=key)
    return SiteProfile.objects.filter(pk=SiteProfile.SINGLE).annotate(
        session_data=Subquery(session.values("session_data")),
        session_until=Subquery(session.values("expire_date")),
    )


_first_of_all = Ready(_profile_and_session, str)


def profile_for(request: HttpRequest) -> SiteProfile:
    """Return the profile of the site, and let the browser's session know what is kept of it: one question."""
    store = cast("SessionStore", request.session)
    found: Any = _first_of_all.first(store.session_key or "")
    if found is None:
        return SiteProfile()
    store.take(found.session_data, until=found.session_until)
    return cast("SiteProfile", found)


def site_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give the request its profile, its moment, its language and its reading preferences."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith(BARE):
            return get_response(request)
        site = _without_nul(request)
        site.profile = profile_for(request)
        site.now = timezone.now()  # noqa: TID251  # the one place that reads the clock for all views
        if site.profile.is_demo and site.profile.clock_offset:
            site.now += site.profile.clock_offset
        language = language_of(request)
        site.reading = reading_of(request)
        site.rights = cast(
            "Rights",
            SimpleLazyObject(lambda: rights_in(site)),
        )
        with translation.override(language), called_by(_client(request)):
            request.LANGUAGE_CODE = language
            response = get_response(request)
            render = getattr(response, "render", None)
            if callable(render):
                response = render()
        response.headers.setdefault("Content-Language", language)
        response.headers.setdefault("Permissions-Policy", permissions_policy())
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return middleware


def _client(request: HttpRequest) -> str:
    return client_address(
        remote=request.META.get("REMOTE_ADDR", ""),
        forwarded=request.META.get("HTTP_X_FORWARDED_FOR", ""),
        proxies=settings.TRUSTED_PROXY_COUNT,
    )


def rights_in(site: SiteRequest) -> Rights:
    """Return what the person may do in this browser: without a second factor nothing of IT's.

    A proof opens these pages for as many hours as a session of IT may last.
    """
    rights = rights_of(site.user, on=local_day(site.now))
    if not (settings.SECOND_FACTOR_REQUIRED and rights.is_guarded):
        return rights
    at = proven_at(site.session)
    hours = timedelta(hours=settings.STAFF_SESSION_HOURS)
    return rights if at is not None and site.now - at <= hours else rights.without_guarded()


def guard_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """End sessions that are too old, and those of IT that are idle; lead to the second step where it is missing.

    A session carries its own clocks, so that nobody pays a query.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        site = cast("SiteRequest", request)
        if not hasattr(site, "now"):
            return get_response(request)
        mark = request.session.get(GUARD_KEY)
        if mark and _is_spent(mark, site.now):
            logout(request)
            messages.info(request, _said_at_the_end(mark))
            return HttpResponseRedirect(login_address(request))
        response = get_response(request)
        if "part" not in request.GET:
            _note_seen(site)
        _note_refusal(site, response)
        return _second_step(site, response)

    return middleware


def _is_spent(mark: dict[str, str], now: datetime) -> bool:
    age = now - datetime.fromisoformat(mark["since"])
    if "seen" not in mark:
        return age > timedelta(seconds=settings.SESSION_COOKIE_AGE)
    idle = now - datetime.fromisoformat(mark["seen"])
    is_old = age > timedelta(hours=settings.STAFF_SESSION_HOURS)
    return is_old or idle > timedelta(minutes=settings.STAFF_IDLE_MINUTES)


def _said_at_the_end(mark: dict[str, str]) -> str:
    if "seen" in mark:
        return _("You were signed out, as IT is after a while.")
    return _("You were signed out, as everybody is after two weeks. Please sign in again.")


def _note_seen(site: SiteRequest) -> None:
    """Write down that somebody did something, once a minute at most."""
    mark = site.session.get(GUARD_KEY)
    if not mark or "seen" not in mark:
        return
    if site.now - datetime.fromisoformat(mark["seen"]) >= A_MINUTE:
        site.session[GUARD_KEY] = {**mark, "seen": site.now.isoformat()}


def _note_refusal(site: SiteRequest, response: HttpResponse) -> None:
    """Write down who asked for what is not theirs: once a page and person in ten minutes."""
    is_closed = response.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
    match = site.resolver_match
    if not (is_closed and match and site.user.is_authenticated) or site.rights.is_held_back:
        return
    key = f"refused:{site.user.pk}:{match.view_name}"
    if count_try(key=key, limit=1, window=timedelta(minutes=10), now=site.now):
        data = {"page": match.view_name, "status": int(response.status_code)}
        write_audit(action="rights.refused", now=site.now, by=site.user, data=data)


def _second_step(site: SiteRequest, response: HttpResponse) -> HttpResponse:
    is_closed = response.status_code in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
    if not (is_closed and site.user.is_authenticated and site.rights.is_held_back):
        return response
    if "part" in site.GET:
        return response
    has_one = factors_of(site.user).any
    name = "mfa_reauthenticate" if has_one else "mfa_index"
    query = urlencode({"next": site.get_full_path()}) if site.method == "GET" else ""
    return HttpResponseRedirect(f"{reverse(name)}?{query}" if query else reverse(name))


def login_address(request: HttpRequest) -> str:
    """Return the door, which leads back to where somebody was."""
    back = urlencode({"next": request.get_full_path()}) if request.method == "GET" else ""
    return f"{reverse('account_login')}?{back}" if back else reverse("account_login")


def _without_nul(request: HttpRequest) -> SiteRequest:
    # No text holds this sign, and PostgreSQL refuses to look for it.
    request.META["QUERY_STRING"] = request.META.get("QUERY_STRING", "").replace("%00", "")
    return cast("SiteRequest", request)


def language_of(request: HttpRequest) -> str:
    """Return ja or en: what this browser chose, else what the person did, else its wish."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if chosen not in dict(settings.LANGUAGES) and request.user.is_authenticated:
        return request.user.language
    return wished_language(request)


def wished_language(request: HttpRequest) -> str:
    """Return ja or en by what the browser says alone: its choice, its wish, else the site's language."""
    known = dict(settings.LANGUAGES)
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if chosen in known:
        return chosen
    wish = request.headers.get("Accept-Language", "")
    if not wish:
        return settings.LANGUAGE_CODE
    for part in wish.split(","):
        code = part.split(";")[0].strip().lower().split("-")[0]
        if code in known:
            return code
    return "en"  # somebody who reads neither is likelier to read English


def reading_of(request: HttpRequest) -> Reading:
    """Return the reading preferences of the person, or of this browser."""
    if request.user.is_authenticated:
        person = request.user
        return Reading(theme=person.theme, text=person.text_size, ruby=person.ruby)
    return reading_from(request.COOKIES.get(f"{settings.COOKIE_PREFIX}{READING_COOKIE}", ""))
