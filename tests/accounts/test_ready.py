"""A ready question answers what the QuerySet it was built from answers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db.models import Exists, OuterRef

from accounts.ready import Ready
from kitting.journeys.models import Event, Journey
from kitting.journeys.states import EventKind, Via
from kitting.site.models import SiteProfile
from tests.factories import NOW, JourneyFactory, WaveFactory

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.django_db


def values_of(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_rows_and_what_they_refer_to_are_the_same(django_assert_num_queries: Any):
    ready = Ready(
        lambda pk: Journey.objects.select_related("loan__device", "wave").filter(pk=pk), int
    )
    for journey in (
        JourneyFactory.create(wave=WaveFactory.create()),
        JourneyFactory.create(wave=None),
    ):
        with django_assert_num_queries(1):
            found = ready.first(journey.pk)
            assert found is not None
            device, wave = found.loan.device, found.wave
        journey.refresh_from_db()
        assert values_of(found) == values_of(journey)
        assert found == journey
        assert values_of(device) == values_of(journey.loan.device)
        assert (wave is None) == (journey.wave is None)
        found.current_step = "elsewhere"
        found.save(update_fields=["current_step"])
        assert Journey.objects.filter(pk=journey.pk, current_step="elsewhere").exists()


def test_texts_and_what_is_worked_out_come_along():
    def build(pk: int, key: str) -> Any:
        said = Event.objects.filter(journey=OuterRef("pk"), step_key=key)
        return Journey.objects.annotate(is_there=Exists(said)).filter(pk=pk)

    journey = JourneyFactory.create()
    Event.objects.create(
        journey=journey,
        number=1,
        kind=EventKind.BEGUN,
        at=NOW,
        via=Via.BOX,
        step_key="it's; --",
    )
    ready: Ready[Any] = Ready(build, int, str)
    assert [ready.first(journey.pk, key).is_there for key in ("it's; --", "other")] == [
        True,
        False,
    ]


def test_values_of_every_kind_come_as_the_fields_say():
    SiteProfile.objects.update_or_create(
        pk=1, defaults={"demo_seeded_at": NOW, "clock_offset": timedelta(hours=1)}
    )
    ready = Ready(lambda pk: SiteProfile.objects.filter(pk=pk), int)
    found = ready.first(1)
    assert found
    assert values_of(found) == values_of(SiteProfile.objects.get())


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, 10**30])
def test_a_number_no_row_has_finds_nothing(number: int):
    assert Ready(lambda pk: Journey.objects.filter(pk=pk), int).first(number) is None
