"""Files that pages need together, sent as one: on a slow line a request costs more than its bytes.

Sources stay apart in static/; a bundle is written when static files are collected or served, never kept
in the repository.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_CSS = ("css/tokens.css", "css/base.css", "css/components.css")
_PRINT = "css/print.css"
_JS = ("js/once.js", "js/focus.js", "js/pop.js", "js/reading.js")

# What every page needs, and what an employee's page needs.
BUNDLES: dict[str, Sequence[str]] = {
    "css/site.css": (*_CSS, _PRINT),
    "css/person.css": (*_CSS, "css/journeys.css", _PRINT),
    "js/site.js": _JS,
    "js/person.js": (*_JS, "js/journey.js", "js/aloud.js"),
}
_NOT_ALONE = re.compile(r"^\s*(?:import|export)\b", re.MULTILINE)


class BundleError(ValueError):
    """A script that imports or exports cannot stand beside others in one file."""


def content_of(name: str) -> str:
    """Return a bundle: its sources one after the other, each script in a scope of its own."""
    return "\n".join(_part(source) for source in BUNDLES[name])


def _part(source: str) -> str:
    text = (settings.BASE_DIR / "static" / source).read_text(encoding="utf-8")
    if source == _PRINT:
        return f"@media print {{\n{text}\n}}\n"
    if source.endswith(".js"):
        if _NOT_ALONE.search(text):
            raise BundleError(source)
        return f"{{\n{text}\n}}\n"
    return text


class BundleFinder(BaseFinder):
    """Lets static files be found that are put together from others."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Keep bundles where everything else lies that can be made again."""
        self.storage = FileSystemStorage(location=settings.VAR_DIR / "bundles")

    def check(self, **_kwargs: Any) -> list[Any]:
        """Return nothing to complain about: there is nothing to set."""
        return []

    def find(self, path: str, find_all: bool = False, **_kwargs: Any) -> Any:  # noqa: FBT001, FBT002  # Django's own signature
        """Return where a bundle lies, made anew if its sources have changed."""
        if path not in BUNDLES:
            return []
        found = str(_write(Path(self.storage.path(path)), content_of(path)))
        return [found] if find_all else found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Any]]:  # noqa: ARG002  # Django's own signature
        """Yield every bundle, made anew."""
        for name in BUNDLES:
            self.find(name)
            yield name, self.storage


def _write(path: Path, content: str) -> Path:
    """Write a file that is never seen half; leave it alone where nothing differs."""
    if path.exists() and path.read_text(encoding="utf-8") == content:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".", delete=False
    ) as part:
        part.write(content)
    os.chmod(part.name, 0o644)  # noqa: PTH101  # the temporary file is for its owner only
    Path(part.name).replace(path)
    return path
