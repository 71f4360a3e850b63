"""Marks in a guide's texts."""

from __future__ import annotations

import re

import pytest
from django.utils.html import escape
from hypothesis import given
from hypothesis import strategies as st

from kitting.lib.markup import as_html, plain

REL = ' rel="noopener noreferrer"'


@pytest.mark.parametrize(
    ("written", "shown", "on_paper"),
    [
        ("ボタンを押します。", "ボタンを押します。", "ボタンを押します。"),
        ("**「次へ」**を押す", "<strong>「次へ」</strong>を押す", "「次へ」を押す"),
        ("`chrome://os`を開く", "<code>chrome://os</code>を開く", "chrome://osを開く"),
        (
            "[くわしく](https://kit.example.lg.jp/?a=1&b=2)",
            f'<a href="https://kit.example.lg.jp/?a=1&amp;b=2"{REL}>くわしく</a>',
            "くわしく (https://kit.example.lg.jp/?a=1&b=2)",
        ),
        ("[電話](tel:1234)", f'<a href="tel:1234"{REL}>電話</a>', "電話 (1234)"),
        (r"\*\*そのまま\*\* \[ \`", "**そのまま** [ `", "**そのまま** [ `"),
        (r"\\server\共有の**中**", r"\\server\共有の<strong>中</strong>", r"\\server\共有の中"),
        ("`*a[b]*`", "<code>*a[b]*</code>", "*a[b]*"),
        ("3 * 4 * 5 と ** と [x]", "3 * 4 * 5 と ** と [x]", "3 * 4 * 5 と ** と [x]"),
        ("**a\nb**", "**a\nb**", "**a\nb**"),
    ],
)
def test_marks_are_shown_and_left_out_on_paper(written: str, shown: str, on_paper: str) -> None:
    assert as_html(escape(written)) == shown
    assert plain(written) == on_paper


@pytest.mark.parametrize(
    "hostile",
    [
        "[x](javascript:alert(1))",
        "[x](data:text/html,y)",
        "[x](http://example.com)",
        "[x](//example.com)",
        '[x](https://e.example/" onclick="y)',
        "**<img src=x onerror=y>**",
        "`<script>`",
    ],
)
def test_nothing_else_becomes_a_tag_or_a_link(hostile: str) -> None:
    tags = re.findall(r"<[^>]*>", as_html(escape(hostile)))
    assert not {
        tag for tag in tags if tag not in {"<strong>", "</strong>", "<code>", "</code>"}
    }


@given(st.text(alphabet="*`[]()\\<>\"'&;a あ:/-httpsjavcript\0", max_size=60))
def test_whatever_is_written_only_three_tags_come_out(text: str) -> None:
    html = as_html(escape(text))
    opened = re.findall(r"<(/?\w+)([^>]*)>", html)
    assert {name.lstrip("/") for name, _ in opened} <= {"a", "code", "strong"}
    assert all(
        not rest or re.fullmatch(r' href="(?:https://|tel:)[^"]*" rel="[a-z ]+"', rest)
        for _, rest in opened
    )
