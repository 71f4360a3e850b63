"""Questions about imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.models import Trace, Transfer
from accounts.states import TransferState
from kitting.imports.models import ColumnChoice, Import
from kitting.imports.rules import header_key
from kitting.imports.states import ImportState
from kitting.jobs.queries import open_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kitting.imports.states import Kind
    from kitting.jobs.models import Job

JOB = "import"
SHOWN = 30


@dataclass(frozen=True)
class Day:
    """The moves planned for one day."""

    transfers: list[Transfer]


def imports_lately() -> list[Import]:
    """Return what was brought lately, newest first."""
    rows = Import.objects.defer("flaws", "preview", "headers", "columns")
    return list(rows.order_by("-pk")[:SHOWN])


def last_done() -> Import | None:
    """Return the import that can be taken back, if any: the last one, while its traces are kept."""
    last = Import.objects.filter(state=ImportState.DONE).order_by("-finished_at", "-pk").first()
    if last is None or not Trace.objects.filter(batch=last.key).exists():
        return None
    return last


def chosen_columns(kind: Kind | str, headers: Sequence[str]) -> dict[str, str] | None:
    """Return the columns that were chosen before for these headers."""
    key = header_key(headers)
    found = ColumnChoice.objects.filter(kind=kind, header_key=key).first()
    return dict(found.columns) if found else None


def job_of(run: Import) -> Job | None:
    """Return the work on an import that is going on."""
    job = open_job(JOB)
    return job if job is not None and job.data.get("import") == run.pk else None


def moves_to_come(*, limit: int) -> list[Transfer]:
    """Return planned moves, the next day first."""
    rows = Transfer.objects.planned().select_related(
        "person", "person__place", "person__department__parent"
    )
    return list(rows.order_by("effective_on", "person__kana", "pk")[:limit])


def moves_that_happened(*, limit: int) -> list[Transfer]:
    """Return moves that happened, the last first."""
    rows = Transfer.objects.filter(state=TransferState.APPLIED).select_related("person")
    return list(rows.order_by("-effective_on", "-pk")[:limit])
