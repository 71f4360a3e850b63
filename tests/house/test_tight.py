"""Templates of pages are read without the space that only their authors need; other texts as they are."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.template import engines
from django.template.loader import get_template

from kitting.tight import Loader

FOLDER = settings.BASE_DIR / "templates"


@pytest.mark.parametrize("name", ["base.html", "components/_rail.html", "art/enroll.html"])
def test_lines_of_a_page_begin_with_their_first_word(name: str) -> None:
    source = get_template(name).template.source  # type: ignore[attr-defined]  # of Django's own engine
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert source.split() == written.split()
    assert len(source) <= len(written)
    assert not any(line.startswith((" ", "\t")) for line in source.splitlines())
    assert "\n\n" not in source


@pytest.mark.parametrize("name", ["emails/nudge.txt", "emails/base.txt"])
def test_a_mail_is_as_it_was_written(name: str) -> None:
    loader = Loader(engines["django"].engine, [FOLDER])
    (origin,) = loader.get_template_sources(name)
    assert loader.get_contents(origin) == (FOLDER / name).read_text(encoding="utf-8")
