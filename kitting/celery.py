"""The Celery application: wakes what the database says is due."""

import os
import time
from typing import Any

import structlog
from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kitting.settings")

app = Celery("kitting")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    [
        "kitting.around",
        "kitting.escalation",
        "kitting.journeys",
        "kitting.notices",
        "kitting.demo",
        "kitting.directory",
        "kitting.imports",
        "kitting.jobs",
        "kitting.plan",
        "kitting.privacy",
        "kitting.labels",
    ]
)


@signals.before_task_publish.connect
def date_the_wake_up(headers: dict[str, Any], **_more: Any) -> None:
    """Write on every wake-up when it was sent: monitors see how long the oldest has waited."""
    headers["sent_at"] = time.time()


@signals.task_prerun.connect
def name_the_task(task_id: str, task: Any, **_more: Any) -> None:
    """Give every line that is logged while a task runs the task's name and id."""
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


@signals.task_postrun.connect
def forget_the_task(**_more: Any) -> None:
    """Let the next task start without the names of this one."""
    structlog.contextvars.unbind_contextvars("task", "task_id")
