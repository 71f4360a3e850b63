"""What the pages of people expect of a request: our middleware has been there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User
    from accounts.queries import Rights


class PersonRequest(HttpRequest):
    """A request that knows the site's time and what its person may do."""

    now: datetime
    # The site's own settings; whose class stands in a room that this one must not know.
    profile: Any
    rights: Rights


def person_of(request: HttpRequest) -> User:
    """Return who is signed in; only behind `login_required`."""
    return cast("User", request.user)


def way_back(request: HttpRequest) -> str:
    """Return the page a form says it came from (`next`), or nothing where that is no address of this site."""
    address = request.POST.get("next", "")
    is_ours = address.startswith("/") and url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if is_ours else ""
