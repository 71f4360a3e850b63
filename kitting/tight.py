"""Templates without the space that only their authors need: pages travel lighter and are put together faster."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from django.template.loaders import filesystem

if TYPE_CHECKING:
    from django.template.base import Origin

# The start of a line and lines with nothing on them; browsers see one space either way.
_SPACE = re.compile(r"\s*\n\s*")


class Loader(filesystem.Loader):
    """Reads templates of pages with each line begun at its first word; other texts as they are."""

    def get_contents(self, origin: Origin) -> str:
        """Return what stands in the file, as a page needs it."""
        text = super().get_contents(origin)
        return _SPACE.sub("\n", text) if origin.name.endswith(".html") else text
