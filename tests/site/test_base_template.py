"""What the frame of every page promises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.messages import constants
from django.contrib.messages.storage.cookie import CookieStorage
from django.template.loader import get_template, render_to_string
from django.test import RequestFactory
from django.utils import translation
from django.views import defaults

from kitting.site.rules import Reading

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
STYLES = sorted((settings.BASE_DIR / "static" / "css").glob("*.css"))
BARE = ["400.html", "403_csrf.html", "500.html", "503.html"]


def page(language="ja", path="/somewhere/?a=1", **attributes):
    """Render the empty frame for a request that carries only what is named."""
    request = RequestFactory().get(path)
    for name, value in attributes.items():
        setattr(request, name, value)
    with translation.override(language):
        return render_to_string("base.html", request=request)


def test_a_page_appears_for_a_request_that_no_middleware_has_seen():
    html = page()
    assert '<html lang="ja">' in html
    assert 'id="main"' in html
    assert "きっと" in html


@pytest.mark.parametrize(
    ("language", "other", "name"), [("ja", "en", "English"), ("en", "ja", "日本語")]
)
def test_the_other_language_is_one_press_away_and_comes_back_here(language, other, name):
    html = page(language)
    assert f'name="language" value="{other}" lang="{other}">{name}</button>' in html
    assert html.count('name="language"') == 1
    assert 'name="next" value="/somewhere/?a=1"' in html


def test_an_address_cannot_bring_markup_into_the_page():
    assert "<script>x" not in page(path='/"><script>x')


def test_reading_preferences_are_on_the_page_before_any_script():
    html = page(reading=Reading(theme="dark", text="xl", ruby="all"))
    assert '<html lang="ja" data-theme="dark" data-text="xl" data-ruby="all">' in html
    assert '<input type="radio" name="text" value="xl" checked>' in html


def test_reading_preferences_need_no_script():
    assert 'method="post" action="/reading/"' in page()


def test_a_message_is_announced():
    kept = CookieStorage(RequestFactory().get("/"))
    kept.add(constants.SUCCESS, "ok <b>")
    html = page(_messages=kept)
    assert 'class="msgs" role="status"' in html
    assert "ok &lt;b&gt;" in html


def test_the_trade_mark_of_the_qr_code_is_named():
    assert "QR Code is a registered trademark" in page("en")


@pytest.mark.parametrize("name", BARE)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_pages_for_bad_moments_need_neither_request_nor_database(name, language):
    with translation.override(language):
        html = get_template(name).render()
    assert f'<html lang="{language}">' in html
    assert "/static/css/base.css" in html


def test_the_page_for_a_broken_site_speaks_english_too():
    with translation.override("ja"):
        assert "This is not your fault." in get_template("500.html").render()


@pytest.mark.parametrize(
    ("view", "status"), [("page_not_found", 404), ("permission_denied", 403)]
)
def test_pages_for_wrong_turns_need_no_middleware(view, status):
    answer = getattr(defaults, view)(RequestFactory().get("/x"), Exception())
    assert answer.status_code == status
    assert 'id="main"' in answer.content.decode()


@pytest.mark.parametrize(
    "path", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR))
)
def test_no_template_carries_its_own_style_or_script(path: Path):
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=[\"']|javascript:", source)
    assert not re.search(r"<script(?![^>]*\ssrc=)(?![^>]*application/json)[^>]*>", source)


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_colours_come_from_tokens_only(path: Path):
    if path.name in {"tokens.css", "print.css"}:
        return
    source = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", source)
    assert "!important" not in source


def test_the_two_dark_themes_are_the_same():
    source = (settings.BASE_DIR / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
    wished = re.search(r':root:not\(\[data-theme="light"\]\) \{(.*?)\}', source, re.DOTALL)
    chosen = re.search(r':root\[data-theme="dark"\] \{(.*?)\}', source, re.DOTALL)
    assert wished
    assert chosen
    assert wished[1].split() == chosen[1].split()


def test_every_icon_that_a_template_names_exists():
    sprite = (settings.BASE_DIR / "static" / "img" / "icons.svg").read_text(encoding="utf-8")
    known = set(re.findall(r'<symbol id="([\w-]+)"', sprite))
    used = {
        name
        for path in TEMPLATES
        for name in re.findall(
            r'_icon\.html" with name="([\w-]+)"', path.read_text(encoding="utf-8")
        )
    }
    assert used <= known
