"""The project's own files, read as text and as syntax trees."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("kitting", "accounts")
KEPT = ("kitting", "accounts", "templates", "static", "tests", "docs", "locale", ".ci")
TEXT = {
    ".py",
    ".html",
    ".txt",
    ".css",
    ".js",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".in",
    ".po",
    "",
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def product_files() -> tuple[Path, ...]:
    """Return the Python files of the product, migrations left out."""
    files = [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(path for path in files if "migrations" not in path.parts)


@cache
def text_files() -> tuple[Path, ...]:
    """Return every text file that belongs to the project."""
    below = [path for folder in KEPT for path in sorted((ROOT / folder).rglob("*"))]
    own = [path for path in [*sorted(ROOT.iterdir()), *below] if path.is_file()]
    return tuple(
        path
        for path in own
        if path.suffix in TEXT and not {"__pycache__", "vendor", ".git"} & set(path.parts)
    )


@cache
def templates() -> tuple[Path, ...]:
    return tuple(sorted((ROOT / "templates").rglob("*.html")))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def classes() -> Iterator[tuple[Path, ast.ClassDef]]:
    """Yield every class of the product with its file."""
    for path in product_files():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                yield path, node


def lines_matching(files: tuple[Path, ...], pattern: re.Pattern[str]) -> list[str]:
    """Return 'file:line: text' of every line in which a compiled pattern is found."""
    return [
        f"{name_of(path)}:{number}: {line.strip()[:100]}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
