"""Tasks are found, named, scheduled, and safe to run twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from accounts.actions import write_audit
from kitting.celery import app
from kitting.escalation.models import LossReport
from kitting.escalation.states import EntryKind, TicketState
from kitting.guides.actions import load_guide
from kitting.guides.models import Edition, Guide
from kitting.imports.actions import Bringing, bring
from kitting.jobs.models import Job
from kitting.journeys.models import StepRecord, Tally
from kitting.journeys.states import Status
from kitting.labels.actions.orders import Wish, order_labels
from kitting.labels.queries import labels_to_print, sender
from kitting.labels.sheets import USUAL, Kind
from kitting.management.parts import QUEUES
from kitting.site.models import SiteProfile
from kitting.site.queries import wall_clock
from tests.factories import (
    NOW,
    DirectoryLookFactory,
    ImportFactory,
    JourneyFactory,
    LoanFactory,
    NoticeFactory,
    RemoteChangeFactory,
    TicketFactory,
    TransferFactory,
    UserFactory,
    WaveFactory,
    shipped_guide,
)
from tests.house.source import ROOT
from tests.sheets import people

if TYPE_CHECKING:
    from collections.abc import Callable

    from kitting.journeys.models import Journey

LONG_AGO = NOW - timedelta(days=1000)
OWN = ("kitting", "accounts", "sessions")


def arrange_old_photo() -> None:
    """Leave a photo of a question that was answered long ago."""
    ticket = TicketFactory.create(state=TicketState.RESOLVED, resolved_at=LONG_AGO)
    entry = ticket.entries.create(kind=EntryKind.OPENED, at=LONG_AGO)
    photo = {"name": "00/old.jpg", "digest": "old", "width": 1, "height": 1}
    entry.photos.create(**photo, sent_at=LONG_AGO)


def thirty_who_finished() -> None:
    """Let thirty people have done one step, half an hour long, and be ready."""
    edition = Edition.objects.create(
        guide=Guide.objects.create(slug="g"), number=1, title={}, digest="d", created_at=NOW
    )
    for _person in range(30):
        journey = JourneyFactory.create(
            edition=edition, begun_at=NOW, ready_at=NOW, status="done"
        )
        StepRecord.objects.create(
            journey=journey,
            step_key="check-box",
            result="confirmed",
            method="button",
            opened_at=NOW,
            done_at=NOW + timedelta(minutes=30),
        )


def many_lines_that_cancel_out() -> None:
    """Leave more lines of the kept counts than are worth keeping."""
    Tally.objects.bulk_create(
        Tally(kind="status", key="done", number=1 - 2 * (number % 2)) for number in range(1000)
    )


def waits_for_a_summary() -> None:
    """Leave something that a lead is to hear of with the next summary."""
    about = f"ticket:{TicketFactory.create().pk}"
    NoticeFactory.create(
        lane="gather", kind="lead_stuck", person=UserFactory.create(), about=about
    )


def ready_a_month_ago() -> Journey:
    edition = load_guide(draft=shipped_guide(), now=NOW, publish=True).edition
    then = wall_clock() - timedelta(days=31)
    return JourneyFactory.create(
        edition=edition, begun_at=then, ready_at=then, status=Status.DONE
    )


def wave_that_goes_badly() -> None:
    """Let all of ten people of a wave be stuck."""
    edition = Edition.objects.create(
        guide=Guide.objects.create(slug="g"), number=1, title={}, digest="d", created_at=NOW
    )
    wave = WaveFactory.create(stuck_limit_percent=50)
    for _person in range(10):
        journey = JourneyFactory.create(edition=edition, begun_at=NOW, wave=wave)
        TicketFactory.create(journey=journey, kind="quiet", source="sweep")


def labels_to_draw() -> None:
    """Leave a printing that waits to be drawn."""
    profile, _made = SiteProfile.objects.update_or_create(
        pk=1, defaults={"demo_seeded_at": NOW}
    )
    LoanFactory.create()
    labels = labels_to_print(sender=sender())
    wish = Wish(kind=Kind.BOX, paper=USUAL[Kind.BOX].key)
    order_labels(
        labels=labels, wishes=[wish], profile=profile, by=UserFactory.create(), now=wall_clock()
    )


def labels_of_long_ago() -> None:
    """Leave files that were printed long ago."""
    name = storages["prints"].save("0-old/labels.pdf", ContentFile(b"%PDF-"))
    data = {"what": "labels", "codes": [], "written": [{"name": name}]}
    Job.objects.create(
        kind="labels:1",
        state="done",
        data=data,
        created_at=LONG_AGO,
        heard_at=LONG_AGO,
        finished_at=LONG_AGO,
    )


# Every task with what is arranged so that its first run has something to do.
ARRANGED: dict[str, Callable[[], object]] = {
    "around.invite": ready_a_month_ago,
    "notices.deliver": lambda: NoticeFactory.create_batch(2),
    "notices.deliver_outlets": lambda: NoticeFactory.create_batch(2, lane="outlet"),
    "notices.deliver_sign_in": lambda: NoticeFactory.create_batch(2, lane="sign_in"),
    "escalation.forget_photos": arrange_old_photo,
    "escalation.recount": many_lines_that_cancel_out,
    "escalation.losses": lambda: LossReport.objects.create(staff_number="1", told_at=NOW),
    "escalation.sweep": lambda: JourneyFactory.create(attention_at=NOW),
    "escalation.learn": thirty_who_finished,
    "escalation.summaries": waits_for_a_summary,
    "directory.look": DirectoryLookFactory.create,
    "directory.change": RemoteChangeFactory.create,
    "journeys.fold_tallies": many_lines_that_cancel_out,
    "privacy.retain": lambda: write_audit(
        action="test.done", now=NOW - timedelta(days=4000), by=None
    ),
    "plan.watch": wave_that_goes_badly,
    "labels.print": labels_to_draw,
    "labels.forget": labels_of_long_ago,
    "imports.work": lambda: bring(
        data=people({}), bringing=Bringing("roll", "a.csv", None, NOW)
    ),
    "imports.move": TransferFactory.create,
    "imports.tidy": lambda: ImportFactory.create(made_at=LONG_AGO),
    "jobs.seal": lambda: write_audit(action="test.done", now=NOW, by=None),
    "jobs.tidy": lambda: Session.objects.create(session_key="gone", expire_date=NOW),
}


def own_tasks() -> dict[str, Any]:
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all our tables but the heartbeats, which say when a task last ran."""
    return {
        model._meta.label: sorted(model._default_manager.values_list(), key=repr)
        for label in OWN
        for model in apps.get_app_config(label).get_models()
        if model._meta.model_name != "heartbeat"
    }


def test_every_tasks_file_is_known_to_celery() -> None:
    files = list((ROOT / "kitting").glob("*/tasks.py"))
    own_tasks()
    known = {task.__module__ for task in app.tasks.values()}
    assert {f"kitting.{path.parent.name}.tasks" for path in files} <= known


def test_a_task_is_named_by_its_room() -> None:
    for name, task in own_tasks().items():
        room, _, verb = name.partition(".")
        assert task.__module__ == f"kitting.{room}.tasks"
        assert verb


def test_every_task_is_listed_here() -> None:
    assert own_tasks().keys() == ARRANGED.keys()


def test_the_schedule_names_tasks_that_exist() -> None:
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= own_tasks().keys()


def test_every_queue_has_a_worker() -> None:
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    sent = {
        entry.get("options", {}).get("queue", app.conf.task_default_queue)
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
    }
    assert routed | sent <= set(QUEUES)


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(ARRANGED))
def test_running_a_task_again_changes_nothing(name: str) -> None:
    ARRANGED[name]()
    before = everything()
    task = own_tasks()[name]
    task.run()
    first = everything()
    assert first != before, "the first run had nothing to do: arrange something for it"
    for _again in range(2):
        task.run()
        assert everything() == first
