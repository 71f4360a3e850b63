"""What a page learns about a guide."""

from __future__ import annotations

import pytest

from kitting.guides import queries
from kitting.guides.actions import load_guide
from kitting.guides.queries import kept
from kitting.guides.queries.paper import paper_sheet
from kitting.guides.rules.reading import read_guide
from kitting.site.models import Variable
from tests.guides.small import small_guide

pytestmark = pytest.mark.django_db

FLAGS = {"keyboard": "jis", "camera": "true"}


def test_a_step_page_holds_everything_in_one_language(small):
    page = queries.step_page(small.pk, "one", FLAGS, {"it_name": "IT"}, "en")
    assert (page.number, page.total, page.previous_key, page.next_key) == (1, 3, "", "two")
    assert page.title == "Title one."
    assert page.actions == ["Plug in.", "Press かな."]
    assert page.phase.title == "Phase 1."
    assert (page.phase.number, page.phase.count, page.phase.positions) == (1, 2, (1, 2))
    assert [t.symptom for t in page.troubles] == ["Dark."]


def test_words_and_flags_shape_the_page(small):
    page = queries.step_page(small.pk, "one", {"keyboard": "us"}, {"it_name": "IT"}, "ja")
    assert page.actions == ["Plug inです。"]
    assert page.troubles[0].symptom == "No ITです。"


def test_hints_keep_their_number_when_others_are_hidden(small):
    page = queries.step_page(small.pk, "one", FLAGS, {}, "ja")
    assert [t.index for t in page.troubles] == [2]


def test_steps_that_do_not_apply_are_left_out(small):
    flags = {**FLAGS, "camera": "false"}
    assert [s.key for s in queries.applicable_steps(small.pk, flags)] == ["one", "three"]
    page = queries.step_page(small.pk, "three", flags, {}, "ja")
    assert (page.number, page.total, page.previous_key, page.next_key) == (2, 2, "one", "")
    with pytest.raises(queries.StepNotFoundError):
        queries.step_page(small.pk, "two", flags, {}, "ja")


def test_a_missing_language_is_answered_in_the_other(small):
    step = small.steps.get(key="one")
    step.title = {"ja": "箱", "en": ""}
    step.save()
    assert queries.step_page(small.pk, "one", FLAGS, {}, "en").title == "箱"


def test_pages_of_a_kept_edition_ask_the_database_nothing(small, django_assert_num_queries):
    with django_assert_num_queries(4):
        queries.step_page(small.pk, "one", FLAGS, {}, "ja")
    with django_assert_num_queries(0):
        queries.step_page(small.pk, "three", FLAGS, {}, "en")
        queries.applicable_steps(small.pk, FLAGS)
        queries.outline(small.pk, FLAGS, {}, "ja")
        queries.lessons(small.pk, FLAGS, {}, "ja")
        queries.completion(small.pk, {}, "ja")
        queries.step_lines(small.pk, "ja")
        queries.step_title(small.pk, "one")


def test_drafts_are_not_kept(now):
    draft = load_guide(draft=read_guide(small_guide()), now=now, publish=False).edition
    queries.outline(draft.pk, FLAGS, {}, "ja")
    draft.title = {"ja": "新", "en": "new"}
    draft.save()
    assert queries.outline(draft.pk, FLAGS, {}, "ja").title == "新"


def test_few_editions_are_kept(small, monkeypatch, now, django_assert_num_queries):
    monkeypatch.setattr(kept, "KEPT_EDITIONS", 2)
    queries.outline(small.pk, FLAGS, {}, "ja")
    for n in range(2):
        document = small_guide()
        document["guide"]["title"]["en"] = f"Guide {n}"
        edition = load_guide(draft=read_guide(document), now=now, publish=True).edition
        queries.outline(edition.pk, FLAGS, {}, "ja")
    with django_assert_num_queries(4):
        queries.outline(small.pk, FLAGS, {}, "ja")


def test_the_outline_counts_the_required_minutes(small):
    outline = queries.outline(small.pk, FLAGS, {}, "en")
    assert [[line.key for line in phase.steps] for phase in outline.phases] == [
        ["one", "two"],
        ["three"],
    ]
    assert (outline.steps_total, outline.minutes_total, outline.minutes_to_ready) == (3, 7, 3)
    assert [line.number for phase in outline.phases for line in phase.steps] == [1, 2, 3]


def test_a_quiz_is_told_in_one_language(shipped, now):
    edition = load_guide(draft=shipped, now=now, publish=True).edition
    page = queries.step_page(edition.pk, "keep-safe", {}, {"lost_phone": "119"}, "en")
    first = page.check["questions"][0]
    assert first["question"].startswith("At 10 p.m.")
    assert [c["text"] for c in first["choices"] if c["correct"]] == ["Call 119 now"]
    assert all(sum(c["correct"] for c in q["choices"]) == 1 for q in page.check["questions"])


def test_a_check_knows_what_it_expects(shipped, now):
    edition = load_guide(draft=shipped, now=now, publish=True).edition
    flags = {"input_language": "ja"}
    words = {"practice_word": "春", "min_os_milestone": "150"}
    typing = queries.step_page(edition.pk, "japanese-input", flags, words, "ja").check
    away = queries.step_page(edition.pk, "office-files", flags, words, "ja").check
    safe = queries.step_page(edition.pk, "keep-safe", flags, words, "ja").check
    assert typing["expects"] == "春OK123"
    assert away["seconds_away"] == 15
    assert safe["also"] == {"type": "os_version", "minimum": "150"}


def test_the_edition_published_last_is_the_one(small, now):
    document = small_guide()
    document["guide"]["slug"] = "own"
    own = load_guide(draft=read_guide(document), now=now, publish=True).edition
    assert queries.published_edition() == own


def test_nothing_is_published_before_a_guide_is_loaded(db):
    assert queries.published_edition() is None
    assert queries.stuck_reasons("ja") == []


def test_choices_behind_help_come_from_the_guide(small):
    assert queries.stuck_reasons("en") == [("network", "No Wi-Fi.")]
    Variable.objects.filter(key="it_name").update(value="情シス", value_en="IT team")
    own = queries.trouble_choices(small.pk, "one", {"keyboard": "us"}, "en")
    assert own == [("trouble-1", "No IT team."), ("trouble-2", "Dark.")]
    assert queries.choice_text(small.pk, "one", "trouble-2", "ja") == "Darkです。"
    assert queries.choice_text(small.pk, "one", "network", "ja") == "No Wi-Fiです。"
    assert queries.choice_text(small.pk, "one", "trouble-9", "ja") == ""


def test_titles_for_lists_and_messages(small):
    assert [line.title for line in queries.step_lines(small.pk, "en")][:1] == ["Title one."]
    assert queries.step_title(small.pk, "one") == {"ja": "Title oneです。", "en": "Title one."}
    assert queries.step_title(small.pk, "gone") == queries.step_title(None, "one") == {}


def test_lessons_and_the_last_page(small):
    assert queries.lessons(small.pk, FLAGS, {}, "en")[0].actions == ["Press."]
    last = queries.completion(small.pk, {}, "en")
    assert (last.title, last.survey[0].question) == ("All done.", "How.")


def test_the_sheet_of_paper_shows_no_marks(small):
    step = small.steps.get(key="one")
    step.done_when = {"ja": "**「緑」**になります。", "en": "**Green**."}
    step.save()
    type(small).objects.filter(pk=small.pk).update(paper_sheet={"steps": ["one"], "note": {}})
    kept.forget_editions()
    assert queries.step_page(small.pk, "one", FLAGS, {}, "ja").done_when.startswith("**")
    (printed,) = paper_sheet(small.pk, FLAGS, {}, "ja").steps
    assert printed.done_when == "「緑」になります。"
