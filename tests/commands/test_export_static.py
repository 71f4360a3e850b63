"""The guide as files that need no server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from kitting.guides.actions import load_guide
from tests.factories import NOW, JourneyFactory, shipped_guide

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


def test_every_step_stands_there_in_both_languages_and_nobody_in_it(tmp_path: Path) -> None:
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    journey = JourneyFactory.create()
    call_command("export_static", str(tmp_path))
    for name, words in (
        ("index.html", "ふたを開ける"),
        ("en.html", "Plug it in and open the lid"),
    ):
        html = (tmp_path / name).read_text(encoding="utf-8")
        assert words in html
        assert len(re.findall(r'<article class="bk-st"', html)) >= 20
        device = journey.loan.device
        for own in (device.code, device.serial_number, device.asset_tag, journey.person.name):
            assert own not in html
        assert "csrf" not in html


def test_whatever_a_page_asks_for_lies_beside_it(tmp_path: Path) -> None:
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    call_command("export_static", str(tmp_path))
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    asked = set(re.findall(r'(?:href|src)="([^"#]+)', html))
    assert asked
    assert sorted(name for name in asked if not (tmp_path / name).is_file()) == []
    styles = (tmp_path / "files" / "kitto.css").read_text(encoding="utf-8")
    assert re.findall(r"url\((?!#|.?data:)", styles) == []


def test_the_page_for_a_proxy_says_in_both_languages_where_to_go_on(tmp_path: Path) -> None:
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    call_command("export_static", str(tmp_path))
    html = (tmp_path / "away.html").read_text(encoding="utf-8")
    for words in ("いま手入れをしています", "We are working on the system"):
        assert words in html
    links = set(re.findall(r'href="/guide/([^"]+)"', html))
    assert links == {"index.html", "en.html", "files/kitto.css"}
    assert sorted(name for name in links if not (tmp_path / name).is_file()) == []


def test_without_a_guide_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="load_guide --publish"):
        call_command("export_static", str(tmp_path))
