"""Sessions in the database as Django keeps them, asked for as cheaply as every page needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.ready import Ready

if TYPE_CHECKING:
    from datetime import datetime

SHORTEST = 8  # as Django has it
_kept = Ready(lambda key: Session.objects.filter(session_key=key), str)


class SessionStore(db.SessionStore):
    """Finds a session by a question that is put together and planned once, or takes what came with another."""

    _taken: Session | None = None

    def _validate_session_key(self, key: str | None) -> bool:
        # What is none of our keys is not looked for: a cookie may hold signs that a database refuses.
        return bool(key) and len(str(key)) >= SHORTEST and str(key).isalnum()

    def take(self, data: str | None, *, until: datetime | None) -> None:
        """Take what is kept under this key, where somebody asked for it beside something else."""
        if data is not None and until is not None:
            self._taken = Session(self.session_key or "", data, until)

    def _get_new_session_key(self) -> str:
        # Whether nobody has it is told by the table when it is written there; then another is drawn.
        return get_random_string(32, VALID_KEY_CHARS)

    def _get_session_from_db(self) -> Any:
        found, self._taken = self._taken, None
        if found is None and self.session_key:
            found = _kept.first(self.session_key)
        # A session ends by the clock on the wall, which no demo moves.
        if found is not None and found.expire_date > timezone.now():  # noqa: TID251  # see above
            return found
        self._session_key = None
        return None
