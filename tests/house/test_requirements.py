"""What is installed is what was chosen, and every choice has its reason."""

from __future__ import annotations

import re

import pytest

from tests.house.source import ROOT

WISH = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?(?P<rest>[^#]*)(?P<reason>#.*)?$")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wishes(file: str) -> dict[str, tuple[str, str]]:
    """Return each package of an .in file with its version and its reason."""
    found = {}
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith(("#", "-")):
            match = WISH.match(line)
            assert match, line
            found[normal(match["name"])] = (match["rest"].strip(), match["reason"] or "")
    return found


def pins(file: str) -> dict[str, str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return {normal(name): version for name, version in PIN.findall(text)}


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_the_lock_holds_what_was_asked_for(name: str) -> None:
    locked = pins(f"{name}.txt")
    for package, (version, _reason) in wishes(f"{name}.in").items():
        assert package in locked, f"{package}: run make lock"
        if version.startswith("=="):
            assert locked[package] == version.removeprefix("=="), f"{package}: run make lock"


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_every_package_is_held_by_hashes(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    bare = [block.split()[0] for block in blocks if PIN.match(block) and "--hash" not in block]
    assert bare == []


def test_tests_run_on_what_the_product_runs_on() -> None:
    product, tests = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: tests.get(name) for name in product} == product


def test_every_package_of_the_product_has_its_reason() -> None:
    silent = [
        name for name, (_, reason) in wishes("requirements.in").items() if len(reason) < 10
    ]
    assert silent == []
