"""Every word on screen exists in Japanese."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import polib

from tests.house.source import ROOT
from tests.needs import needs

if TYPE_CHECKING:
    from pathlib import Path

JAPANESE = ROOT / "locale" / "ja" / "LC_MESSAGES"
Key = tuple[str | None, str, str]


def keys_of(entries: list[polib.POEntry] | list[polib.MOEntry]) -> dict[Key, object]:
    return {
        (entry.msgctxt or None, entry.msgid, entry.msgid_plural or ""): (
            entry.msgstr_plural or entry.msgstr
        )
        for entry in entries
    }


def test_every_message_is_translated_and_none_is_a_guess() -> None:
    for path in sorted(JAPANESE.glob("*.po")):
        catalogue = polib.pofile(str(path))
        assert [entry.msgid for entry in catalogue.untranslated_entries()] == []
        assert [entry.msgid for entry in catalogue.fuzzy_entries()] == []
        assert [entry.msgid for entry in catalogue.obsolete_entries()] == []


def test_the_compiled_words_are_the_written_ones() -> None:
    assert list(JAPANESE.glob("*.po"))
    for path in sorted(JAPANESE.glob("*.po")):
        written = keys_of(list(polib.pofile(str(path))))
        compiled = keys_of(list(polib.mofile(str(path.with_suffix(".mo")))))
        assert compiled == written, "run: make messages"


def test_no_word_of_the_source_is_missing(tmp_path: Path) -> None:
    needs("gettext")
    for folder in ("kitting", "accounts", "templates"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "locale").mkdir()
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "--locale", "ja", "--verbosity", "0"],
        cwd=tmp_path,
        check=True,
    )
    asked = keys_of(list(polib.pofile(str(tmp_path / "locale/ja/LC_MESSAGES/django.po"))))
    known = keys_of(list(polib.pofile(str(JAPANESE / "django.po"))))
    assert sorted(str(key[1]) for key in asked.keys() - known.keys()) == []
    assert sorted(str(key[1]) for key in known.keys() - asked.keys()) == []
