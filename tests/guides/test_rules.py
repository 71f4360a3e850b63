"""What the guide's file, conditions and words promise."""

from __future__ import annotations

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.guides.rules.checking import parts_of, problems, texts_of
from kitting.guides.rules.reading import read_guide
from kitting.guides.rules.words import fill, matches, parse_when
from kitting.guides.states import ProblemKind
from tests.guides.small import both, quiz, small_guide, step

FLAGS = {"keyboard": "jis", "camera": "true", "sso": "saml", "office": "microsoft365"}


def found(document: object) -> set[tuple[str, str]]:
    return {(p.path, p.kind.value) for p in problems(read_guide(document))}


# --- the shipped guide ---------------------------------------------------------------------------


def test_the_shipped_guide_has_no_problem(shipped):
    assert problems(shipped) == []


def test_the_shipped_guide_is_whole(shipped):
    assert len(shipped.steps) == 20
    assert sum(len(s.actions) for s in shipped.steps) == 103
    assert sum(len(s.troubles) for s in shipped.steps) == 57
    assert len(shipped.lessons) == 7


def test_every_condition_of_the_shipped_guide_can_be_read(shipped):
    conditions = [w for _path, node in parts_of(shipped) if (w := getattr(node, "when", ""))]
    assert len(conditions) > 25
    assert all(parse_when(when) for when in conditions)


def test_every_word_of_the_shipped_guide_is_declared(shipped):
    declared = {v.key for v in shipped.variables}
    used = {n for _p, text in texts_of(shipped) for n in re.findall(r"\{(.*?)\}", text)}
    assert used
    assert used <= declared


def test_the_shipped_guide_names_no_city_but_in_examples(shipped):
    texts = " ".join(text for _path, text in texts_of(shipped))
    assert not re.search("前橋|あさひ|maebashi|asahi", texts, re.IGNORECASE)


def test_japanese_sentences_of_the_shipped_guide_are_short(shipped):
    long = [
        sentence
        for path, text in texts_of(shipped)
        if path.endswith(".ja")
        for sentence in re.split("。", re.sub(r"\{\w+\}", "□□□□", text))
        if len(sentence) > 41
    ]
    assert long == []


# --- what an author must mend --------------------------------------------------------------------


def test_a_sound_guide_has_no_problem():
    assert found(small_guide()) == set()


@pytest.mark.parametrize(
    ("change", "path", "kind"),
    [
        (lambda g: g["steps"][0]["actions"][1].pop("en"), "steps[0].actions[1].en", "missing"),
        (lambda g: g["steps"][0]["title"].update(ja=" "), "steps[0].title.ja", "missing"),
        (lambda g: g["steps"][0].update(title="x"), "steps[0].title", "not_bilingual"),
        (lambda g: g["steps"][0].update(actions=[]), "steps[0].actions", "missing"),
        (lambda g: g["steps"][0].update(minutes=0), "steps[0].minutes", "bad_number"),
        (lambda g: g["steps"][0].update(minutes="3"), "steps[0].minutes", "bad_number"),
        (lambda g: g["steps"][0].update(required="yes"), "steps[0].required", "not_yes_or_no"),
        (lambda g: g["steps"][0].update(id="Ein Schritt"), "steps[0].id", "bad_key"),
        (lambda g: g["steps"][1].update(id="one"), "steps[1].id", "duplicate"),
        (lambda g: g["steps"][0].update(phase="x"), "steps[0].phase", "unknown_phase"),
        (lambda g: g["steps"][0].update(phase="learn"), "steps[1].phase", "phase_order"),
        (
            lambda g: g["steps"][0].update(milestone="x"),
            "steps[0].milestone",
            "unknown_milestone",
        ),
        (lambda g: g["steps"][0].update(trouble=[]), "steps[0].trouble", "unknown_field"),
        (
            lambda g: g["steps"][0]["actions"][0].update(wenn="x"),
            "steps[0].actions[0].wenn",
            "unknown_field",
        ),
        (
            lambda g: g["steps"][0].update(check={"type": "magic"}),
            "steps[0].check.type",
            "unknown_check",
        ),
        (
            lambda g: g["steps"][0].update(check=quiz({**both("a"), "correct": False})),
            "steps[0].check.questions[0].choices",
            "no_right_choice",
        ),
        (
            lambda g: g["steps"][0].update(check={"type": "quiz"}),
            "steps[0].check.questions",
            "missing",
        ),
        (lambda g: g["steps"][1].update(when="sso == x"), "steps[1].when", "unknown_flag"),
        (
            lambda g: g["steps"][1].update(when="keyboard == de"),
            "steps[1].when",
            "unknown_value",
        ),
        (
            lambda g: g["steps"][1].update(when="camera"),
            "steps[1].when",
            "unreadable_condition",
        ),
        (
            lambda g: g["steps"][0]["troubles"][0]["try"].update(en="Ask {it_nam}"),
            "steps[0].troubles[0].try.en",
            "unknown_variable",
        ),
        (
            lambda g: g["flags"]["keyboard"].update(default="de"),
            "flags.keyboard.default",
            "unknown_default",
        ),
        (
            lambda g: g["variables"]["it_name"].update(source="x"),
            "variables.it_name.source",
            "unknown_source",
        ),
        (
            lambda g: g["paper_sheet"].update(steps=["nine"]),
            "paper_sheet.steps[0]",
            "unknown_step",
        ),
        (lambda g: g["phases"][0].update(read_on="tv"), "phases[0].read_on", "unknown_place"),
        (lambda g: g.update(steps=None), "steps", "missing"),
        (lambda g: g.update(steps="x"), "steps", "not_a_list"),
        (lambda g: g.update(guide=[]), "guide", "not_a_mapping"),
        (lambda g: g.update(stepps=[]), "stepps", "unknown_field"),
    ],
)
def test_each_fault_is_named_with_its_place(change, path, kind):
    document = small_guide()
    change(document)
    assert (path, kind) in found(document)


def test_every_kind_of_problem_is_a_sentence():
    for kind in ProblemKind:
        assert "%(" not in str(kind.label) % {"detail": "x"}


def test_problems_come_in_the_order_of_the_file():
    document = small_guide()
    document["steps"] = [step(f"s{n}", minutes=0) for n in range(12)]
    paths = [p.path for p in problems(read_guide(document)) if p.path.endswith("minutes")]
    assert paths == [f"steps[{n}].minutes" for n in range(12)]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(anything)
def test_any_document_is_taken_in_and_checked(document):
    assert problems(read_guide(document))


@given(
    st.sampled_from(["guide", "flags", "variables", "phases", "steps", "completion"]), anything
)
def test_any_part_is_taken_in_and_checked(part, value):
    document = {**small_guide(), part: value}
    if value not in ({}, None) or part not in {"flags", "variables"}:
        assert problems(read_guide(document))


def test_the_digest_follows_the_content_only():
    document = small_guide()
    other = copy.deepcopy(document)
    other["flags"]["keyboard"]["note"] = "new"
    assert read_guide(document).digest == read_guide(other).digest
    other["steps"][0]["actions"][0]["en"] = "Something else."
    assert read_guide(document).digest != read_guide(other).digest


# --- conditions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("", True),
        ("  ", True),
        ("keyboard == jis", True),
        ("keyboard==jis", True),
        ("keyboard != jis", False),
        ("camera == true", True),
        ("camera == false", False),
        ("office != microsoft365", False),
        ("two_step == none", False),
        ("two_step != none", True),
        ("keyboard == jis and camera == true", True),
        ("keyboard == jis and camera == false", False),
        ("keyboard == us or camera == true", True),
        ("keyboard == us and sso == google or camera == true", True),
        ("camera == true or keyboard == us and sso == google", True),
        ("sso == google or keyboard == us", False),
        ("keyboard is jis", True),
    ],
)
def test_conditions_hold_as_they_read(when, expected):
    assert matches(when, FLAGS) is expected


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_no_condition_raises(when, flags):
    assert matches(when, flags) in {True, False}


@given(st.text(alphabet="abc=! andor_\n\t", max_size=60))
def test_no_condition_of_its_own_letters_raises(when):
    assert matches(when, {"a": "b"}) in {True, False}


# --- words ---------------------------------------------------------------------------------------


def test_words_are_put_in():
    assert fill("{it_name}へ {it_phone}", {"it_name": "IT", "it_phone": "12"}) == "ITへ 12"


def test_a_name_without_a_word_stays_visible():
    assert fill("{it_name} {nobody} {} {0} {X}", {"it_name": "IT"}) == "IT {nobody} {} {0} {X}"


def test_words_are_put_in_once_and_reach_nothing_else():
    assert fill("{a}", {"a": "{b}", "b": "secret"}) == "{b}"
    assert fill("{a.__class__} {a[0]} {a!r}", {"a": "x"}) == "{a.__class__} {a[0]} {a!r}"


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_no_text_raises(text, words):
    assert isinstance(fill(text, words), str)


@given(st.text(alphabet="{}a_.! ", max_size=40))
def test_text_without_known_names_stays_as_it_is(text):
    assert fill(text, {}) == text
