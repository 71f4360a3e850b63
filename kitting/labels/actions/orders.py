"""Printings that are ordered on a page: checked first, drawn in the background, kept for some days."""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.storage import storages
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from accounts.actions import write_audit
from accounts.models import User
from kitting.jobs.actions import advance, fail, finish, start_job
from kitting.jobs.models import Job
from kitting.labels import rules
from kitting.labels.actions import check_site, note_printed, wording
from kitting.labels.actions.slips import issue_slips, note_slips_printed, slip_words, slips_of
from kitting.labels.drawing import NothingToPrintError, Printing, check
from kitting.labels.drawing.outside import DrawingFailedError, StoppedError, draw_outside
from kitting.labels.drawing.tape import TapePrinting, check_tape
from kitting.labels.queries import (
    JOBS,
    Chosen,
    Order,
    correction_of,
    labels_to_print,
    paper_called,
    sender,
)
from kitting.labels.sheets import Kind, Tape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from io import BytesIO
    from pathlib import Path

    from kitting.labels.sheets import Label
    from kitting.site.models import SiteProfile

log = logging.getLogger(__name__)

# How often a page hears of progress: a row is written each time.
_STEPS = 50


@dataclass(frozen=True)
class Wish:
    """One file somebody wants: a kind of label on a paper, from a place of the first sheet on.

    `printer` names what was measured; `as_pictures` is PNG files for tape; `apart` begins a new sheet for
    each place of work.
    """

    kind: Kind
    paper: str
    start: int = 1
    printer: str = ""
    as_pictures: bool = False
    apart: bool = False


def check_wishes(*, labels: list[Label], wishes: Sequence[Wish], profile: SiteProfile) -> None:
    """Make sure that a printing can be drawn, to the last character; raises `LabelError`.

    Raises `UnknownNameError` for paper that is not there any more.
    """
    if not labels:
        raise NothingToPrintError
    check_site(profile)
    for wish in wishes:
        words = wording(wish.kind, is_sample=profile.demo_seeded_at is not None)
        listed = _for_kind(labels, wish.kind)
        paper = paper_called(wish.paper)
        if isinstance(paper, Tape):
            check_tape(listed, TapePrinting(wish.kind, paper, _NOWHERE), words)
        else:
            check(listed, Printing(wish.kind, paper, _NOWHERE, wish.start), words)


_NOWHERE: BytesIO = None  # type: ignore[assignment]  # a check writes nothing


def _for_kind(labels: list[Label], kind: Kind) -> list[Label]:
    """Return labels without the person where they go onto the device, which gets lost."""
    return labels if kind == Kind.BOX else [replace(label, person="") for label in labels]


@transaction.atomic
def order_labels(
    *,
    labels: list[Label],
    wishes: Sequence[Wish],
    profile: SiteProfile,
    by: User,
    now: datetime,
) -> Job | None:
    """Order a printing of labels; None while another one of this person is going on.

    Raises what `check_wishes` raises.
    """
    check_wishes(labels=labels, wishes=wishes, profile=profile)
    data = {
        "what": "labels",
        "by": by.pk,
        "codes": [label.code for label in labels],
        "names": any(label.person for label in labels),
        "files": [asdict(wish) for wish in wishes],
        "written": [],
    }
    total = len(labels) * len(wishes)
    return start_job(kind=f"{JOBS}{by.pk}", total=total, now=now, data=data)


@transaction.atomic
def order_slips(
    *, people: Sequence[User], profile: SiteProfile, by: User, now: datetime
) -> Job | None:
    """Order account slips of some people; None while another printing of this person is going on.

    Raises `LabelError`.
    """
    if not people:
        raise NothingToPrintError
    check_site(profile)
    codes = issue_slips(people=people, profile=profile, now=now)
    data = {"what": "slips", "by": by.pk, "codes": codes, "files": [], "written": []}
    job = start_job(kind=f"{JOBS}{by.pk}", total=len(codes), now=now, data=data)
    if job is None:
        transaction.set_rollback(True)
    return job


def carry_out(*, job: Job, profile: SiteProfile, clock: Callable[[], datetime]) -> bool:
    """Draw a printing in a process of its own, then note it as printed; tell whether it is done.

    What cannot be drawn is said on the page of the printing.
    """
    folder = settings.PRINT_DIR / f"{job.pk}-{secrets.token_hex(8)}"
    folder.mkdir(mode=0o700, parents=True)
    try:
        order, paths = _order_of(job, profile, folder)
        pages = draw_outside(order, _Told(job, clock))
    except StoppedError:
        _remove(folder)
        return False
    except Exception as error:
        _remove(folder)
        expected = isinstance(error, DrawingFailedError | OSError | LookupError | ValueError)
        log.log(
            logging.WARNING if expected else logging.ERROR, "A printing failed", exc_info=True
        )
        with translation.override(settings.LANGUAGE_CODE):
            message = gettext("The labels could not be drawn. Nothing was noted as printed.")
        fail(job_id=job.pk, now=clock(), message=message)
        return False
    return _keep(job, paths, pages, now=clock())


class _Told:
    """Writes progress down, not more often than anybody can see."""

    def __init__(self, job: Job, clock: Callable[[], datetime]) -> None:
        self._job = job
        self._clock = clock
        self._next = 0

    def __call__(self, drawn: int) -> bool:
        if drawn < self._next:
            return True
        self._next = drawn + max(1, self._job.total // _STEPS)
        return advance(job_id=self._job.pk, done=min(drawn, self._job.total), now=self._clock())


def _order_of(
    job: Job, profile: SiteProfile, folder: Path
) -> tuple[dict[str, Any], list[Path]]:
    is_sample = profile.demo_seeded_at is not None
    if job.data["what"] == "slips":
        path = folder / "account-slips.pdf"
        return {
            "files": [{"what": "slips", "path": str(path)}],
            "slips": [asdict(slip) for slip in slips_of(job.data["codes"])],
            "words": {"slips": asdict(slip_words(is_sample=is_sample))},
        }, [path]
    chosen = Chosen(codes=job.data["codes"], order=Order.LISTED)
    labels = labels_to_print(sender=sender(), chosen=chosen, with_names=job.data["names"])
    wishes = [Wish(**file | {"kind": Kind(file["kind"])}) for file in job.data["files"]]
    files = [_file_of(wish, folder) for wish in wishes]
    return {
        "files": files,
        "labels": [asdict(label) for label in labels],
        "words": {
            wish.kind: asdict(wording(wish.kind, is_sample=is_sample)) for wish in wishes
        },
    }, [folder / file["path"] for file in files]


def _file_of(wish: Wish, folder: Path) -> dict[str, Any]:
    paper = paper_called(wish.paper)
    name = f"{wish.kind}-labels-{rules.file_name(wish.paper)}"
    if isinstance(paper, Tape):
        ending = "zip" if wish.as_pictures else "pdf"
        fields = {"what": "tape", "tape": paper.key, "as_pictures": wish.as_pictures}
    else:
        ending = "pdf"
        correction = correction_of(wish.printer, wish.paper)
        fields = {
            "what": "sheets",
            "sheet": asdict(paper),
            "start": wish.start,
            "correction": asdict(correction),
            "apart": wish.apart,
        }
    return {**fields, "kind": wish.kind, "path": str(folder / f"{name}.{ending}")}


@transaction.atomic
def _keep(job: Job, paths: Sequence[Path], pages: Sequence[int], *, now: datetime) -> bool:
    """Note a printing as done with its files, its codes as printed, and who did it."""
    if not finish(job_id=job.pk, now=now):
        _remove(paths[0].parent)
        return False
    written = [
        {
            "name": f"{path.parent.name}/{path.name}",
            "pages": count,
            "bytes": path.stat().st_size,
        }
        for path, count in zip(paths, pages, strict=True)
    ]
    Job.objects.filter(pk=job.pk).update(data={**job.data, "written": written})
    is_labels = job.data["what"] == "labels"
    (note_printed if is_labels else note_slips_printed)(job.data["codes"], now=now)
    write_audit(
        action="labels.printed" if is_labels else "slips.printed",
        now=now,
        by=User.objects.filter(pk=job.data["by"]).first(),
        subject=f"job:{job.pk}",
        data={"number": len(job.data["codes"]), "files": job.data["files"]},
    )
    return True


def forget_prints(*, now: datetime) -> int:
    """Delete the files of printings that are some days old; return how many printings had some."""
    due = Job.objects.filter(
        kind__startswith=JOBS,
        finished_at__lt=now - timedelta(days=settings.PRINT_DAYS),
    ).exclude(data__written=[])
    number = 0
    for job in due:
        for name in {str(file["name"]).partition("/")[0] for file in job.data["written"]}:
            _remove(settings.PRINT_DIR / name)
        Job.objects.filter(pk=job.pk).update(data={**job.data, "written": []})
        number += 1
    return number


def _remove(folder: Path) -> None:
    """Delete a folder of one printing and what lies in it."""
    prints = storages["prints"]
    if not prints.exists(folder.name):
        return
    for name in prints.listdir(folder.name)[1]:
        prints.delete(f"{folder.name}/{name}")
    prints.delete(folder.name)
