"""The house keeps its shape."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from django.apps import apps
from django.contrib.auth.models import AbstractUser

from tests.house.source import ROOT, classes, lines_matching, name_of, product_files, tree_of

TOP = {
    "manage.py",
    "kitting",
    "accounts",
    "templates",
    "static",
    "locale",
    "requirements.in",
    "requirements.txt",
    "requirements-dev.in",
    "requirements-dev.txt",
    "tests",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "pyproject.toml",
    "Makefile",
    "compose.yaml",
    "Dockerfile",
    "docs",
    "deploy",
    ".ci",
}
MADE = {
    ".git",
    ".gitignore",
    ".gitattributes",
    ".dockerignore",
    ".editorconfig",
    ".env",
    ".venv",
    "var",
    "staticfiles",
    "htmlcov",
    ".coverage",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".import_linter_cache",
    ".hypothesis",
    "test-results",
    ".github",
    "__pycache__",
}
VAGUE = {"services", "utils", "helpers", "common", "base", "misc", "manager", "managers"}
NO_REASON = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[^\]]*\])?|pragma:\s*no cover)\s*$"
)
HTTP_METHODS = {"require_GET", "require_POST", "require_safe", "require_http_methods"}


def own_models() -> list[type]:
    return [
        model
        for label in ("kitting", "accounts")
        for model in apps.get_app_config(label).get_models()
    ]


def test_imports_follow_the_contracts() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run(
        [tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout


def test_nothing_is_imported_inside_a_function() -> None:
    inside = [
        f"{name_of(path)}:{statement.lineno}"
        for path in product_files()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in ast.walk(node)
        if isinstance(statement, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def test_saving_does_nothing_in_secret() -> None:
    overrides = [
        f"{name_of(path)}: {node.name}.{part.name}"
        for path, node in classes()
        if path.name == "models.py" or path.parent.name == "models"
        for part in node.body
        if isinstance(part, ast.FunctionDef) and part.name in {"save", "delete", "full_clean"}
    ]
    assert overrides == []


def test_no_signal_is_connected() -> None:
    signal = re.compile(
        r"django\.(?:db\.models|core|test|contrib\.auth|contrib\.sessions)\.signals"
        r"|django\.dispatch|\ballauth\S*\.signals\b|@receiver\b"
    )
    assert lines_matching(product_files(), signal) == []


def test_tables_have_no_order_of_their_own_and_no_parents() -> None:
    for model in own_models():
        meta = model._meta
        assert not meta.ordering, f"{meta.label} has Meta.ordering"
        assert not meta.parents, f"{meta.label} inherits a table"
        assert not meta.private_fields, f"{meta.label} has a generic key"
        abstract = {
            base
            for base in model.__mro__
            if getattr(getattr(base, "_meta", None), "abstract", False)
        }
        assert abstract <= set(AbstractUser.__mro__), f"{meta.label} inherits {abstract}"


def test_files_are_named_after_what_they_hold() -> None:
    names = [name_of(path) for path in product_files() if path.stem in VAGUE]
    assert names == []


def test_no_class_is_a_service_or_a_helper() -> None:
    vague = [
        f"{name_of(path)}: {node.name}"
        for path, node in classes()
        if re.search(r"(?:Service|Helper|Util|Utils|Mixin)$", node.name)
    ]
    assert vague == []


def is_view(node: ast.stmt) -> bool:
    """Tell a view by what goes in and what comes out."""
    return (
        isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and [argument.arg for argument in node.args.args[:1]] == ["request"]
        and (node.returns is None or "Response" in ast.unparse(node.returns))
    )


def test_every_view_says_which_methods_it_takes() -> None:
    silent = [
        f"{name_of(path)}: {ast.unparse(node).splitlines()[0]}"
        for path in product_files()
        if "views" in (path.stem, path.parent.name)
        for node in tree_of(path).body
        if is_view(node)
        and not any(method in ast.unparse(node).partition("def ")[0] for method in HTTP_METHODS)
    ]
    assert silent == []


def test_a_suppression_gives_its_reason() -> None:
    files = (*product_files(), *sorted((ROOT / "tests").rglob("*.py")))
    assert lines_matching(files, NO_REASON) == []


def test_the_top_level_holds_what_the_plan_names() -> None:
    assert {path.name for path in ROOT.iterdir()} - TOP - MADE == set()


def test_a_test_is_skipped_only_for_what_the_machine_lacks() -> None:
    elsewhere = re.compile(
        r"pytest\.skip\(|importorskip|mark\.skip|mark\.xfail|pytest\.xfail\("
    )
    files = tuple(
        path
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path.name not in {"needs.py", Path(__file__).name}
    )
    assert lines_matching(files, elsewhere) == []
