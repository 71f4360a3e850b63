"""What loading and publishing a guide promise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kitting.guides import actions
from kitting.guides.actions import load_guide
from kitting.guides.models import Edition, Guide, Step, Trouble
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.pages import step_page
from kitting.guides.rules.reading import read_guide
from kitting.guides.states import EditionState
from kitting.site.models import Flag, Variable
from tests.factories import JourneyFactory
from tests.guides.small import small_guide

pytestmark = pytest.mark.django_db


def edited() -> dict[str, Any]:
    document = small_guide()
    document["steps"][0]["title"]["ja"] = "あたらしい"
    return document


def test_the_shipped_guide_is_loaded_whole(shipped, now):
    result = load_guide(draft=shipped, now=now, publish=True)
    assert result.changed
    assert (result.edition.number, result.edition.state) == (1, EditionState.PUBLISHED)
    assert Step.objects.count() == 20
    assert Trouble.objects.count() == 57
    assert sum(len(s.actions) for s in Step.objects.all()) == 103
    assert (Flag.objects.count(), Variable.objects.count()) == (15, 17)


def test_the_same_guide_again_changes_nothing(shipped, now):
    load_guide(draft=shipped, now=now, publish=True)
    before = list(Edition.objects.values())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        result = load_guide(draft=shipped, now=now + timedelta(days=1), publish=True)
    assert not result.changed
    assert list(Edition.objects.values()) == before
    assert not [q for q in queries if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


def test_other_content_makes_edition_2_and_journeys_keep_1(small, now):
    journey = JourneyFactory.create(edition=small, begun_at=now)
    result = load_guide(draft=read_guide(edited()), now=now, publish=True)
    journey.refresh_from_db()
    small.refresh_from_db()
    assert (result.edition.number, small.number) == (2, 1)
    assert small.state == EditionState.RETIRED
    assert (journey.edition_id, published_edition()) == (small.pk, result.edition)
    assert step_page(small.pk, "one", {}, {}, "ja").title == "Title oneです。"
    assert step_page(result.edition.pk, "one", {}, {}, "ja").title == "あたらしい"


def test_a_draft_waits_until_it_is_published(small, now):
    draft = read_guide(edited())
    waiting = load_guide(draft=draft, now=now, publish=False)
    assert waiting.edition.state == EditionState.DRAFT
    assert published_edition() == small
    published = load_guide(draft=draft, now=now, publish=True)
    assert (published.is_new, published.is_newly_published) == (False, True)
    assert published_edition() == waiting.edition


def test_a_draft_brings_new_words_but_moves_no_default(small, now):
    document = edited()
    document["flags"]["keyboard"]["default"] = "us"
    document["variables"]["org_name"] = {"example": "市", "source": "site"}
    load_guide(draft=read_guide(document), now=now, publish=False)
    assert Variable.objects.filter(key="org_name").exists()
    assert Flag.objects.get(key="keyboard").default == "jis"
    load_guide(draft=read_guide(document), now=now, publish=True)
    assert Flag.objects.get(key="keyboard").default == "us"


def test_an_old_text_can_come_back_as_a_new_edition(small, now):
    load_guide(draft=read_guide(edited()), now=now, publish=True)
    back = load_guide(draft=read_guide(small_guide()), now=now, publish=True)
    assert back.edition.number == 3
    assert published_edition() == back.edition


def test_a_published_edition_is_not_published_again(small, now):
    with pytest.raises(actions.FrozenEditionError):
        actions.publish_edition(edition_id=small.pk, by=None, now=now)


def test_a_faulty_guide_writes_nothing(now):
    document = small_guide()
    document["steps"][0]["minutes"] = 0
    with pytest.raises(actions.FaultyGuideError):
        load_guide(draft=read_guide(document), now=now, publish=True)
    assert not Guide.objects.exists()
    assert not Flag.objects.exists()
