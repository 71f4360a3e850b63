"""Pages carry no code of their own, and colours come from one place."""

from __future__ import annotations

import re

from tests.house.source import ROOT, lines_matching, templates

STYLE = re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE)
HANDLER = re.compile(
    r"""\son[a-z]+\s*=\s*["'{]|["']\s*javascript:|\shx-on[:=-]""", re.IGNORECASE
)
SCRIPT = re.compile(r"<script\b[^>]*>", re.IGNORECASE)
# What is painted, not what a token is set to (print and contrast modes set some of them again).
COLOUR = re.compile(
    r"^(?!\s*--).*(?:#(?:[0-9a-f]{3,4}){1,2}\b|\b(?:rgba?|hsla?|oklch|oklab|lab|lch)\()",
    re.IGNORECASE,
)
NO_CODE = re.compile(r"\beval\(|new Function\(|\.innerHTML\s*=|document\.write\(")


def test_no_page_has_a_style_of_its_own() -> None:
    pages = tuple(path for path in templates() if "emails" not in path.parts)
    assert lines_matching(pages, STYLE) == []


def test_no_page_has_a_handler_of_its_own() -> None:
    assert lines_matching(templates(), HANDLER) == []


def test_every_script_is_a_file() -> None:
    inline = [
        f"{path.name}: {tag}"
        for path in templates()
        for tag in SCRIPT.findall(path.read_text(encoding="utf-8"))
        if "src=" not in tag and "application/json" not in tag
    ]
    assert inline == []


def test_colours_are_named_in_the_tokens_only() -> None:
    sheets = tuple(
        path
        for path in sorted((ROOT / "static" / "css").rglob("*.css"))
        if path.name != "tokens.css"
    )
    assert lines_matching(sheets, COLOUR) == []


def test_our_scripts_make_no_code_from_text() -> None:
    scripts = tuple(sorted((ROOT / "static" / "js").rglob("*.js")))
    assert lines_matching(scripts, NO_CODE) == []


def inside_a_tag(text: str, at: int) -> bool:
    return text.rfind(">", 0, at) < text.rfind("<", 0, at)


def test_the_number_of_a_row_is_written_bare_where_a_program_reads_it() -> None:
    """From 1,000 on numbers have a comma for people, which no form, address or script takes for a number."""
    row = re.compile(r"\{\{ (?:[\w.]*\.)?(?:pk|\w+\.id|place_id|seen) \}\}")
    read = [
        f"{path.name}: {found[0]}"
        for path in templates()
        for text in [path.read_text(encoding="utf-8")]
        for found in row.finditer(text)
        if inside_a_tag(text, found.start())
    ]
    assert read == []
