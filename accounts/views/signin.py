"""The sign-in pages: allauth's own views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from allauth.account import views as allauth
from django.conf import settings
from django.views.decorators.http import require_http_methods

from accounts.actions import write_audit
from accounts.models import User
from accounts.queries import is_mail_open
from accounts.views.frame import page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from accounts.requests import PersonRequest

# Where allauth keeps a sign-in that waits for its code.
PENDING_KEY = "account_login"


class _Login(allauth.RequestLoginCodeView):  # type: ignore[misc]  # allauth ships no types
    """The sign-in page, with every door that this site has."""

    template_name = "account/login.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(**kwargs)
        profile = cast("PersonRequest", self.request).profile
        return found | {
            "providers": list(settings.SSO_PROVIDERS.values()),
            "by_mail": is_mail_open(profile),
            "by_slip": profile.slip_entry_allowed,
        }


login = page(_Login.as_view())
_confirm = page(allauth.confirm_login_code)
_logout = page(allauth.logout)


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
    """Ask for the code; behind an address that belongs to nobody the database is asked as often."""
    pending = request.session.get(PENDING_KEY)
    if pending and pending.get("user_pk") is None:
        User.objects.filter(pk=0).first()
    return _confirm(request, *args, **kwargs)


@require_http_methods(["GET", "HEAD", "POST"])
def logout(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
    """Sign out; whoever is here by a box alone leaves too, but not from the middle of signing in."""
    by_box = not request.user.is_authenticated and PENDING_KEY not in request.session
    if request.method == "POST" and by_box:
        request.session.flush()
    if request.method == "POST" and isinstance(request.user, User):
        at = cast("PersonRequest", request).now
        write_audit(action="session.signed_out", now=at, by=request.user)
    return _logout(request, *args, **kwargs)
