"""A display on a wall: the city's figures for whoever passes, by a token in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.states import TokenKind
from accounts.tokens import TooManyError, admit
from kitting.dashboard.views.door import read_as
from kitting.dashboard.views.kept import answer_part, board_for, drawn_as

if TYPE_CHECKING:
    from kitting.site.queries import SiteRequest


@never_cache
@require_GET
def wall(request: SiteRequest, secret: str) -> HttpResponse:
    """Show figures large enough to be read across a hall; they refresh themselves."""
    try:
        token = admit(secret=secret, kind=TokenKind.WALL, now=request.now)
    except TooManyError:
        return HttpResponse(status=429, headers={"Retry-After": "60"})
    if token is None:
        raise Http404
    read_as(request, token)
    board = board_for(request, keep=True)
    if request.GET.get("part"):
        return answer_part(drawn_as("dashboard/_wall.html", {"board": board}), request=request)
    return render(request, "dashboard/wall.html", {"board": board, "secret": secret})
