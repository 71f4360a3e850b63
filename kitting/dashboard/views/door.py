"""How a token reads the board: as IT or as an auditor, never as the person of the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.queries import Rights
from accounts.states import Role, TokenScope

if TYPE_CHECKING:
    from accounts.models import Token
    from kitting.site.queries import SiteRequest


def read_as(request: SiteRequest, token: Token) -> None:
    """Let a request see what its token may see, and nothing of what its session may."""
    role = Role.IT if token.scope == TokenScope.IT else Role.AUDITOR
    request.rights = Rights(roles=frozenset({role}))
