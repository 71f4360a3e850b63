"""What the load_guide command promises."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.utils import translation

from kitting.guides.models import Edition, Guide
from kitting.guides.states import EditionState
from tests.guides.small import small_guide

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def load(*arguments: object) -> str:
    out = StringIO()
    call_command("load_guide", *map(str, arguments), stdout=out)
    return out.getvalue()


def refused(*arguments: object) -> str:
    out, errors = StringIO(), StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("load_guide", *map(str, arguments), stdout=out, stderr=errors)
    assert out.getvalue() == ""
    assert caught.value.returncode == 1
    assert not Guide.objects.exists()
    return f"{errors.getvalue()}{caught.value}"


def written(folder: Path, document: object) -> Path:
    path = folder / "guide.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def test_the_shipped_guide_is_the_default():
    out = load("--publish")
    assert "chromebook-city-staff: edition 1 (published)." in out
    assert Edition.objects.get().state == EditionState.PUBLISHED


def test_the_second_time_it_says_that_nothing_changed():
    load("--publish")
    out = load("--publish")
    assert out == "chromebook-city-staff: edition 1 (published). Nothing changed.\n"


def test_without_publish_it_is_a_draft(tmp_path):
    out = load(written(tmp_path, small_guide()))
    assert "small: edition 1 (draft)." in out


def test_every_problem_is_listed_and_nothing_written(tmp_path):
    document = small_guide()
    document["steps"][0]["minutes"] = 0
    del document["steps"][2]["title"]["en"]
    errors = refused(written(tmp_path, document), "--publish")
    assert "steps[0].minutes: A whole number from 1 to 240 must stand here." in errors
    assert "steps[2].title.en: Something must stand here." in errors
    assert "2 problems. Nothing was written." in errors


def test_a_name_that_stands_twice_is_found(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("guide:\n  slug: a\n  slug: b\n", encoding="utf-8")
    assert refused(path) == "Line 3: This stands twice: slug."


def test_what_is_no_guide_is_refused_in_words(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("guide: {", encoding="utf-8")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("guide: é".encode("latin-1"))
    assert "Line " in refused(broken)
    assert "is not UTF-8" in refused(latin)
    assert "cannot be opened" in refused(tmp_path / "none.yaml")
    assert "named fields" in refused(written(tmp_path, [1])).lower()


def test_no_code_runs_from_a_file(tmp_path):
    path = tmp_path / "evil.yaml"
    path.write_text("guide: !!python/object/apply:os.getcwd []\n", encoding="utf-8")
    assert "could not determine a constructor" in refused(path)


# --- readings above kanji -------------------------------------------------------------------------


def test_words_without_a_reading_are_proposed_with_their_sentence_and_nothing_is_loaded(
    tmp_path,
):
    document = small_guide()
    document["steps"][0]["title"]["ja"] = "鉛筆を {削|けず}る"
    out = tmp_path / "new.yaml"
    said = load(written(tmp_path, document), "--propose-readings", out)
    assert "# 鉛筆を 削る\n鉛筆: えんぴつ\n" in out.read_text(encoding="utf-8")
    assert "without a reading" in said
    assert not Guide.objects.exists()


def test_the_list_beside_a_guide_is_kept_with_its_edition(tmp_path):
    path = written(tmp_path, small_guide())
    (tmp_path / "guide.readings.yaml").write_text("鉛筆: えんぴつ\n", encoding="utf-8")
    load(path)
    assert Edition.objects.get().readings == {"鉛筆": "えんぴつ"}
    (tmp_path / "guide.readings.yaml").write_text("鉛筆: えんひつ\n", encoding="utf-8")
    load(path)
    assert Edition.objects.count() == 2


def test_a_reading_or_a_mark_that_cannot_be_is_named(tmp_path):
    document = small_guide()
    document["steps"][0]["title"]["ja"] = "{かな|かな}です"
    path = written(tmp_path, document)
    (tmp_path / "guide.readings.yaml").write_text("開く: ひらけ\n", encoding="utf-8")
    errors = refused(path)
    assert "steps[0].title.ja: A mark is {kanji|kana}, both filled: {かな|かな}." in errors
    assert "readings.開く: This reading does not fit its word: ひらけ." in errors
