"""docs/SECURITY.md names every requirement of levels 1 and 2 of OWASP ASVS 5.0.0 once, and only tests that exist."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from tests.house.source import ROOT

# How many requirements of these levels each section has; they are numbered from 1 on.
SECTIONS = {
    1: {1: 2, 2: 9, 3: 11, 4: 3, 5: 2},
    2: {1: 3, 2: 3, 3: 4, 4: 1},
    3: {2: 2, 3: 4, 4: 6, 5: 5, 7: 2},
    4: {1: 3, 2: 1, 3: 2, 4: 4},
    5: {1: 1, 2: 3, 3: 2, 4: 3},
    6: {1: 3, 2: 12, 3: 4, 4: 4, 5: 5, 6: 3, 8: 4},
    7: {1: 3, 2: 4, 3: 2, 4: 5, 5: 2, 6: 2},
    8: {1: 2, 2: 3, 3: 1, 4: 1},
    9: {1: 3, 2: 4},
    10: {1: 2, 2: 2, 3: 4, 4: 11, 5: 5, 6: 2, 7: 3},
    11: {1: 2, 2: 3, 3: 3, 4: 4, 5: 1, 6: 1},
    12: {1: 3, 2: 2, 3: 4},
    13: {1: 1, 2: 5, 3: 2, 4: 5},
    14: {1: 2, 2: 4, 3: 3},
    15: {1: 3, 2: 3, 3: 7},
    16: {1: 1, 2: 5, 3: 4, 4: 3, 5: 3},
    17: {1: 1, 2: 4, 3: 2},
}
SHORT = {
    "attempts": "tests/security/test_attempts.py",
    "hostile": "tests/security/test_hostile_forms.py",
    "access": "tests/house/test_access.py",
}
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([^|]+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)


@cache
def page() -> str:
    return (ROOT / "docs/SECURITY.md").read_text("utf-8")


def test_every_requirement_stands_in_the_table_once() -> None:
    wanted = [
        f"{chapter}.{section}.{number}"
        for chapter, sections in SECTIONS.items()
        for section, count in sections.items()
        for number in range(1, count + 1)
    ]
    assert [number for number, *_rest in ROW.findall(page())] == wanted
    assert len(wanted) == 253


def test_the_sentence_above_the_table_counts_right() -> None:
    states = Counter(state for _number, _about, state, _proof in ROW.findall(page()))
    assert set(states) == {"met", "not applicable", "not met"}
    said = re.search(
        r"(\d+) are met,\s+(\d+) are about things that do not exist here, (\d+) are not met",
        page(),
    )
    assert said
    assert [int(n) for n in said.groups()] == [
        states["met"],
        states["not applicable"],
        states["not met"],
    ]


def test_everything_it_names_is_there() -> None:
    missing = []
    for number, _about, _state, proof in ROW.findall(page()):
        for name in re.findall(r"`([^`]+)`", proof):
            file, _, test = name.partition("::")
            file = SHORT.get(file, file)
            if test:
                there = f"\ndef {test}(" in (ROOT / file).read_text("utf-8")
            else:
                there = "/" not in file or (ROOT / file).exists()
            missing += [] if there else [f"{number}: {name}"]
    assert missing == []
