"""What every page and task asks about this site."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now
from django.http import Http404, HttpRequest
from django.utils import translation

from accounts.ready import Ready
from kitting.lib.ruby import read_list
from kitting.site.models import Announcement, Flag, SiteProfile, Variable, as_words
from kitting.site.rules import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from accounts.models import User
    from accounts.queries import Rights


# The word of the guide that says where to find it.
ADDRESS_WORD = "guide_url"


# How the words of Kitto's own pages are read; its form is that of the list beside a guide.
OWN_READINGS = Path(__file__).parent / "data" / "readings.yaml"


class SiteRequest(HttpRequest):
    """A request after our middleware: it knows whose site this is and what time it is."""

    profile: SiteProfile
    now: datetime
    reading: Reading
    rights: Rights
    # When this was pressed, by the device's clock, where it waited there for the network.
    pressed_at: datetime | None = None
    shared_pc: bool
    is_inside: bool


def helper_here(request: SiteRequest) -> User:
    """Return who helps others (a lead, IT); for everybody else the page does not exist."""
    return _here(request, may=request.rights.sees_board)


def team_here(request: SiteRequest) -> User:
    """Return who of IT is here; for everybody else the page does not exist."""
    return _here(request, may=request.rights.is_it)


def it_lead_here(request: SiteRequest) -> User:
    """Return the IT lead; for everybody else the page does not exist."""
    return _here(request, may=request.rights.is_it_lead)


def _here(request: SiteRequest, *, may: bool) -> User:
    if not may:
        raise Http404
    return cast("User", request.user)


@cache
def own_readings() -> dict[str, str]:
    """Return how the words of Kitto's own pages are read, by word."""
    return read_list(OWN_READINGS.read_text(encoding="utf-8"))


def current() -> tuple[SiteProfile, datetime]:
    """Return the profile and the site's now, both from the database in one query.

    Tasks and commands ask this once and pass `now` on; only the demo's clock differs from real time.
    """
    profile = (
        SiteProfile.objects.annotate(database_now=Now()).filter(pk=SiteProfile.SINGLE).first()
    )
    if profile is None:
        SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
        return current()
    now: datetime = profile.database_now
    if profile.is_demo and profile.clock_offset:
        now += profile.clock_offset
    return profile, now


def wall_clock() -> datetime:
    """Return the database's own time, which no demo moves: heartbeats and health go by it."""
    profile, now = current()
    return now - profile.clock_offset if profile.is_demo and profile.clock_offset else now


_profile = Ready(lambda: SiteProfile.objects.filter(pk=SiteProfile.SINGLE))
_variables = Ready(Variable.objects.all)


def profile_now() -> SiteProfile:
    """Return the profile of this site, or what stands for it while there is none (one query)."""
    return _profile.first() or SiteProfile()


def words(*, language: str = "") -> dict[str, Any]:
    """Return the site's variables by key in a language (the active one by default).

    An address nobody has set is the one this site answers at, never an example.
    """
    variables = _variables.rows()
    found = as_words(variables, language or translation.get_language() or "ja")
    if any(v.key == ADDRESS_WORD and v.is_example for v in variables):
        found[ADDRESS_WORD] = settings.SITE_URL.partition("://")[2]
    return found


# The words in each language, as of one version of them.
_kept_words: dict[str, tuple[int, datetime, Mapping[str, Any]]] = {}
# Code of an earlier release, still running beside this one, raises no version.
WORDS_KEPT_FOR = timedelta(minutes=1)


def forget_words() -> None:
    """Drop what is kept; needed only where words change without their version, as in tests."""
    _kept_words.clear()


def kept_words(profile: SiteProfile, *, language: str, now: datetime) -> Mapping[str, Any]:
    """Return the site's words in a language: one query when they have changed, none after.

    As long as they are the same it is the same object.
    """
    version, since, found = _kept_words.get(language, (-1, now, {}))
    if version != profile.words_version or abs(now - since) > WORDS_KEPT_FOR:
        fresh = MappingProxyType(words(language=language))
        found = found if found == fresh else fresh
        _kept_words[language] = (profile.words_version, now, found)
    return found


_flags = Ready(Flag.objects.all)


def flags() -> dict[str, str]:
    """Return the value in force of every flag."""
    return {flag.key: flag.current for flag in _flags.rows()}


def announcements_for(
    *, place_id: int | None, wave_id: int | None, now: datetime
) -> list[Announcement]:
    """Return what is said to people of a place and a wave, newest first."""
    shown = Announcement.objects.shown(now=now).covering(place_id=place_id, wave_id=wave_id)
    return list(shown.order_by("-starts_at", "-pk"))


def announcements_now(*, now: datetime) -> list[Announcement]:
    """Return every public notice that is said now or will be, newest first."""
    shown = Announcement.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=now), ended_at__isnull=True
    )
    return list(shown.select_related("place", "wave").order_by("-starts_at", "-pk"))


_stopping = Ready(
    lambda: Announcement.objects.filter(stops_starts=True, ended_at__isnull=True).order_by("pk")
)


def starts_are_stopped(*, place_id: int | None, wave_id: int | None, now: datetime) -> bool:
    """Tell whether nobody of a place and a wave may begin now."""
    return any(
        said.is_shown(now=now) and said.covers(place_id=place_id, wave_id=wave_id)
        for said in _stopping.rows()
    )


def clock_pauses(*, since: datetime) -> list[Announcement]:
    """Return the public notices that stop clocks, or did since a moment."""
    stopping = Announcement.objects.filter(
        Q(ended_at__isnull=True) | Q(ended_at__gte=since),
        Q(expires_at__isnull=True) | Q(expires_at__gte=since),
        pauses_clocks=True,
    )
    return list(stopping.order_by("pk"))


def examples_left() -> list[Variable]:
    """Return the variables that still show an example value, in the guide's order."""
    return [v for v in Variable.objects.order_by("position", "key") if v.is_example]


def settings_of_guide() -> tuple[list[Flag], list[Variable]]:
    """Return the switches and words that guides have declared, in the guide's order."""
    return (
        list(Flag.objects.order_by("position", "key")),
        list(Variable.objects.order_by("position", "key")),
    )


def client_address(request: HttpRequest) -> str:
    """Return the address a request came from, as many proxies back as we trust."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXY_COUNT
    if trusted and len(hops) >= trusted:
        return hops[-trusted][:60]
    return str(request.META.get("REMOTE_ADDR", ""))[:60]


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Give every template the profile, the reading preferences and the demo switch."""
    profile = getattr(request, "profile", None)
    return {
        "profile": profile,
        "reading": getattr(request, "reading", Reading()),
        "rights": getattr(request, "rights", None),
        "site_now": getattr(request, "now", None),
        "debug_demo": bool(settings.DEBUG and profile and profile.is_demo),
    }
