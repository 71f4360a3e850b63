"""The page of tokens: the IT lead makes and takes them back, an auditor looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import tokens
from accounts.models import Token
from accounts.queries import tokens_listed
from accounts.requests import person_of
from accounts.states import TokenKind
from accounts.token_forms import TokenForm

if TYPE_CHECKING:
    from accounts.requests import PersonRequest

TOKENS_A_PAGE = 50


def _may_see(request: PersonRequest) -> None:
    if not request.rights.sees_roles:
        raise Http404


def _check_it_lead(request: PersonRequest) -> None:
    _may_see(request)
    if not request.rights.is_it_lead:
        raise PermissionDenied


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def overview(request: PersonRequest) -> HttpResponse:
    """Show every token; the IT lead makes another one here, and reads its secret once.

    The answer to the press itself holds the secret, so that it is kept nowhere.
    """
    _may_see(request)
    form = TokenForm(request.POST if request.method == "POST" else None)
    made = secret = None
    if request.method == "POST":
        _check_it_lead(request)
        if form.is_valid():
            made, secret = tokens.make_token(
                values=form.values(), by=person_of(request), now=request.now
            )
            form = TokenForm()
    context = {
        "page": Paginator(tokens_listed(), TOKENS_A_PAGE).get_page(request.GET.get("page")),
        "form": form,
        "made": made,
        "shown": _shown(made, secret) if made and secret else "",
        "now": request.now,
        "may_change": request.rights.is_it_lead,
    }
    status = 422 if form.errors else 200
    return render(request, "accounts/tokens.html", context, status=status)


def _shown(token: Token, secret: str) -> str:
    """Return what the holder needs: a program its secret, a display its address."""
    if token.kind == TokenKind.WALL:
        return f"{settings.SITE_URL}{reverse('dashboard:wall', args=[secret])}"
    return secret


@never_cache
@login_required
@require_POST
def revoke(request: PersonRequest, token_id: int) -> HttpResponse:
    """Take a token back, from the next request on."""
    _check_it_lead(request)
    token = get_object_or_404(Token, pk=token_id)
    if tokens.revoke_token(token=token, by=person_of(request), now=request.now):
        messages.success(request, _("Taken back. It opens nothing any more."))
    else:
        messages.info(request, _("It had been taken back before."))
    return redirect("account_tokens")
