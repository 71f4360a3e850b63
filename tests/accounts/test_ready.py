"""A ready question answers what the QuerySet it was built from answers."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import NotSupportedError, close_old_connections, connection, transaction
from django.db.models import Exists, OuterRef

from accounts.ready import Ready, ReadyInsert, ReadyUpdate
from kitting.journeys.models import Event, Journey, StepRecord
from kitting.journeys.states import EventKind, Method, Result, Via
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


def lengthen(column: str, to: int) -> None:
    """Change a column as a release does: in a connection of its own, and only where texts have a length."""
    if connection.vendor == "postgresql":
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute(f"ALTER TABLE kitting_siteprofile ALTER {column} TYPE varchar({to})")
        other.close()


@pytest.mark.django_db(transaction=True)
def test_a_column_of_another_kind_breaks_no_plan_twice():
    ready: Ready[Any] = Ready(lambda pk: SiteProfile.objects.filter(pk=pk), int)
    SiteProfile.objects.update_or_create(pk=1, defaults={"service_name": "before"})
    length = SiteProfile._meta.get_field("service_name").max_length
    stops = nullcontext()
    if connection.vendor == "postgresql":
        stops = pytest.raises(NotSupportedError)
    try:
        ready.first(1)
        lengthen("service_name", length + 1)
        assert ready.first(1).service_name == "before"
        lengthen("service_name", length + 2)
        with stops, transaction.atomic():
            ready.first(1)
        close_old_connections()  # as the end of a request does
        with transaction.atomic():
            assert ready.first(1).service_name == "before"
    finally:
        lengthen("service_name", length)
        connection.close()


def test_rows_are_written_as_the_model_writes_them(django_assert_num_queries: Any):
    journey = JourneyFactory.create()
    facts = {
        "kind": EventKind.BEGUN,
        "at": NOW,
        "via": Via.BOX,
        "step_key": "it's; --%s",
        "data": {"until": None, "words": "「%」"},
    }
    written: ReadyInsert[Any] = ReadyInsert(Event)
    for number in (1, 40_000, 2):
        with django_assert_num_queries(1):
            written.write(Event(journey=journey, number=number, **facts))
    first, *others = Event.objects.filter(journey=journey).order_by("pk")
    assert [one.number for one in (first, *others)] == [1, 40_000, 2]
    Event.objects.bulk_create([Event(journey=journey, number=3, **facts)])
    usual = Event.objects.get(journey=journey, number=3)
    assert values_of(first) | {"id": 0, "number": 0} == values_of(usual) | {
        "id": 0,
        "number": 0,
    }


def test_a_row_that_stands_there_takes_over_what_changes():
    journey = JourneyFactory.create()
    written: ReadyInsert[Any] = ReadyInsert(
        StepRecord, once_by=("journey", "step_key"), changes=("result", "seconds")
    )
    for seconds, method in ((None, Method.BUTTON), (70_000, Method.SERVER), (5, Method.SERVER)):
        written.write(
            StepRecord(
                journey=journey,
                step_key="a-step",
                result=Result.CONFIRMED,
                method=method,
                done_at=NOW,
                seconds=seconds,
            )
        )
        record = StepRecord.objects.get(journey=journey)
        assert (record.seconds, record.method) == (seconds, Method.BUTTON)


def test_only_one_row_and_only_the_named_columns_change():
    journey, other = JourneyFactory.create(), JourneyFactory.create()
    before = values_of(other)
    changed = ReadyUpdate(Journey, "current_step", "paused_until", "on_paper", "event_count")
    for values in (
        {
            "current_step": "x' --%s",
            "paused_until": NOW,
            "on_paper": True,
            "event_count": 70_000,
        },
        {"current_step": "", "paused_until": None, "on_paper": False, "event_count": 1},
    ):
        untouched = values_of(journey)
        changed.write(journey.pk, values)
        journey.refresh_from_db()
        assert values_of(journey) == untouched | values
    other.refresh_from_db()
    assert values_of(other) == before


@pytest.mark.django_db(transaction=True)
def test_a_line_that_broke_meanwhile_is_made_anew_by_the_first_question():
    ready: Ready[Any] = Ready(lambda pk: SiteProfile.objects.filter(pk=pk), int)
    SiteProfile.objects.update_or_create(pk=1, defaults={"service_name": "here"})
    try:
        connection.settings_dict["CONN_HEALTH_CHECKS"] = True
        connection.close()
        assert ready.first(1).service_name == "here"
        close_old_connections()  # as between two requests
        if connection.vendor == "postgresql":
            other = connection.copy()
            with other.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid]
                )
            other.close()
        assert ready.first(1).service_name == "here"
    finally:
        connection.settings_dict["CONN_HEALTH_CHECKS"] = False
        connection.close()
