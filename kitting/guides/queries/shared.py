"""What everybody reads alike, made once for all: nothing in it is of one person or one device."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from kitting.guides.queries.kept import kept_edition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterator

T = TypeVar("T")
MOST = 2_000
_numbers = count(1)


class Noted(Mapping[str, Any]):
    """The site's words with those of one device and person, which it notes when one is asked for."""

    def __init__(
        self, site: Mapping[str, Any], own: Mapping[str, Any], *, names: Collection[str]
    ) -> None:
        """Take both; `names` are the words that may be of one device or person."""
        self.site, self.own = site, own
        self.used = 0
        self._all = {**site, **own}
        self._names = names

    def __getitem__(self, name: str) -> Any:
        if name in self._names:
            self.used += 1
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def made_once(
    edition_id: int, name: Hashable, words: Noted, make: Callable[[], T]
) -> tuple[T, str]:
    """Return what is made from an edition and the site's words, and the label it is kept under.

    `name` says all else that it depends on. What needed a word of one device or person is made each
    time, and its label is empty.
    """
    kept = kept_edition(edition_id).said
    site, made, label = kept.get(name, (None, None, ""))
    if site is words.site:
        return made, label
    before = words.used
    fresh = make()
    if words.used != before:
        return fresh, ""
    if len(kept) >= MOST:
        kept.clear()
    label = f"{edition_id}.{next(_numbers)}"
    kept[name] = (words.site, fresh, label)
    return fresh, label


def flags_name(flags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what stands for some flags in a name."""
    return tuple(sorted(flags.items()))
