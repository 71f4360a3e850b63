"""The board kept for all who see the same: its figures, and the part that refreshes itself as it was drawn."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from django.core.cache import cache
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.safestring import SafeString

from kitting.dashboard import queries, rules
from kitting.escalation.views import sees_minutes

if TYPE_CHECKING:
    from datetime import timedelta

    from accounts.queries import Rights
    from kitting.dashboard.forms import FiltersForm
    from kitting.site.queries import SiteRequest

WIDE = (760, 282)
NARROW = (358, 236)
# Screens on a wall ask every minute: one answer serves all who may see the same.
KEPT_SECONDS = 60
CHOICES_SECONDS = 300
NOTHING = SafeString()
# Says when a part was counted; it is no news by itself.
AS_OF = re.compile(r'<p class="asof[^>]*>(.*?)</p>', re.DOTALL)


def sees_times(request: SiteRequest) -> bool:
    """Tell whether the reader of the board sees how long people take."""
    return sees_minutes(request) or not request.rights.sees_board


def choices_for(request: SiteRequest) -> queries.Choices:
    """Return what the filters offer this reader."""
    key = f"board-choices:{queries.scope_key(request.rights)}"
    found: queries.Choices | None = cache.get(key)
    if found is None:
        found = queries.choices(request.rights)
        cache.set(key, found, CHOICES_SECONDS)
    return found


@dataclass(frozen=True)
class Look:
    """All that a board depends on but for what is counted: who has the same sees the same.

    Whatever else is drawn into the part that is kept must stand here.
    """

    rights: Rights
    filters: queries.Filters
    by_bureau: bool
    sees_minutes: bool
    language: str
    country: str
    # Where the demo moves its clock, what was kept belongs to another time.
    moved: timedelta | None
    minutes_before: int | None

    @property
    def key(self) -> str:
        """Return what names it; people with the same scope share it, nobody else does."""
        rest = [getattr(self, one.name) for one in fields(self)[2:]]
        scope = queries.scope_key(self.rights, self.filters)
        return f"{scope}:{hashlib.sha256(repr(rest).encode()).hexdigest()[:24]}"

    @property
    def board_key(self) -> str:
        """Return under what its figures are kept."""
        return f"board:{self.key}"

    @property
    def drawn_key(self) -> str:
        """Return under what it is kept as it was drawn."""
        return f"board-drawn:{self.key}"


def look_of(
    request: SiteRequest,
    filters: queries.Filters = queries.NO_FILTERS,
    *,
    by_bureau: bool = False,
) -> Look:
    """Return how this reader sees the board."""
    profile = request.profile
    return Look(
        rights=request.rights,
        filters=filters,
        by_bureau=by_bureau,
        sees_minutes=sees_times(request),
        language=translation.get_language() or "ja",
        country=profile.holidays_country,
        moved=profile.clock_offset,
        minutes_before=profile.minutes_before,
    )


def board_for(
    request: SiteRequest,
    look: Look | None = None,
    *,
    keep: bool,
    changes: queries.Changes | None = None,
) -> queries.Overview:
    """Return the board, the whole scope unless told; with `keep` it may be a minute old."""
    look = look or look_of(request)
    board: queries.Overview | None = cache.get(look.board_key) if keep else None
    if board is None:
        board = queries.overview(
            rights=look.rights,
            now=request.now,
            language=look.language,
            filters=look.filters,
            by_bureau=look.by_bureau,
            sees_minutes=look.sees_minutes,
            country=look.country,
            changes=changes or queries.last_changes(),
        )
        cache.set(look.board_key, board, KEPT_SECONDS)
    return board


@dataclass(frozen=True)
class Drawn:
    """A part that refreshes itself, as it was drawn, and as of when it says it is.

    `changes` is what had happened last when its figures were counted; nothing where it is not known.
    `filters` is what it is narrowed by, drawn too; `asking` is how many questions wait in the reader's
    scope.
    """

    html: SafeString
    etag: str
    as_of: str
    filters: SafeString = NOTHING
    asking: int | None = None
    changes: queries.Changes | None = None


def draw(
    request: SiteRequest,
    look: Look,
    form: FiltersForm,
    *,
    keep: bool = False,
    changes: queries.Changes | None = None,
) -> Drawn:
    """Draw the board and keep it for the rest of its minute, for all who look at it alike.

    The templates are given nothing of the request: nothing of one reader can come to another.
    """
    board = board_for(request, look, keep=keep, changes=changes)
    context = {
        "board": board,
        "charts": _charts(board),
        "by_bureau": look.by_bureau,
        "sees_minutes": look.sees_minutes,
        "is_it": look.rights.is_it,
        "minutes_before": look.minutes_before,
    }
    drawn = replace(
        drawn_as("dashboard/_overview.html", context),
        filters=render_to_string("dashboard/_filters.html", {"form": form, "board": board}),
        asking=board.asking,
        changes=changes,
    )
    age = (request.now - board.now).total_seconds()
    cache.set(look.drawn_key, drawn, max(1, KEPT_SECONDS - int(age)))
    return drawn


def drawn_as(template: str, context: dict[str, Any]) -> Drawn:
    """Return a part as it is drawn; its mark is the same while nothing but its time has changed."""
    html = render_to_string(template, context)
    said = AS_OF.search(html)
    etag = quote_etag(hashlib.sha256(AS_OF.sub("", html).encode()).hexdigest()[:32])
    return Drawn(html, etag, said.group(1).strip() if said else "")


def answer_part(drawn: Drawn, *, request: SiteRequest) -> HttpResponse:
    """Answer with a part, or in a few bytes that nothing in it changed; both say as of when."""
    response = HttpResponse(drawn.html)
    response.headers["ETag"] = drawn.etag
    response.headers["Cache-Control"] = "private, no-store"
    answer = cast(
        "HttpResponse",
        get_conditional_response(request, etag=drawn.etag, response=response),
    )
    answer.headers["X-As-Of"] = quote(drawn.as_of)
    return answer


def _charts(board: queries.Overview) -> list[tuple[str, rules.Chart]]:
    return [
        (
            name,
            rules.burn_up(
                board.curve,
                board.plan_curve,
                everybody=board.counts.total,
                size=size,
                ahead=board.forecast,
            ),
        )
        for name, size in (("desk", WIDE), ("phone", NARROW))
        if board.curve and board.plan_curve
    ]
